// One worker: it owns a loop, a listener and a site, and blocks its thread in the kernel, which is one of its own or the main thread
// (begun-here.ts). It tells the server when it is ready; the server tells it to drain or stop by a message and a wake-up, since a blocked
// thread hears no messages. Not here: a thread's entry (worker-main.ts, and one for each extension).

import type { MessagePort } from 'node:worker_threads';
import type { Caretaker, CaretakerTold } from '../bypass/caretaker.js';
import type { HeardNeighbours } from '../bypass/neighbour-news.js';
import type { WorkerQueue, WorkerQueueStart } from '../bypass/worker-queue.js';
import { monotonicMs } from '../kernel/clock.js';
import { openFilesLimit } from '../kernel/limits.js';
import { pageBytes } from '../kernel/memory.js';
import { setNonBlocking } from '../kernel/socket.js';
import { SystemError } from '../kernel/system-error.js';
import { keepCopyAccount } from '../memory/copy.js';
import type { ListenSocket } from '../transport/acceptor.js';
import { unmapMessages } from '../transport/gather.js';
import { Listener, type ListenerLimits } from '../transport/listener.js';
import { Loop } from '../transport/loop.js';
import { isHashedName } from '../wire/http/media-type.js';
import { AccessLog, type LogNews } from './access-log.js';
import type { BeneathExtension } from './beneath.js';
import { proxyPolicy } from './client-address.js';
import { descriptorLimitOf, type WorkerShare } from './connection-limit.js';
import { TroubleTeller, troubleWords } from './file-trouble.js';
import { FieldWriter } from './head.js';
import { HttpProtocol, type HttpState } from './http-protocol.js';
import type { LogTarget } from './log-sink.js';
import { type MetricName, Metrics } from './metrics.js';
import type { ResolvedOptions } from './options.js';
import { type PinListener, PinnedFiles } from './pins/pinned-files.js';
import type { ToldPin } from './pins/told-pin.js';
import { Responder } from './responder.js';
import type { Site } from './site.js';
import { type LocalPort, ThreadPort, type WorkerPort } from './worker-port.js';

/** What a worker's thread begins with: it makes ready, and waits at the gate for its {@link WorkerStart}. */
export interface WorkerBoot {
  readonly port: MessagePort;
  /** 0 while it shall wait; opened without a start it ends. */
  readonly gate: Int32Array;
  /** It will serve past the kernel: what that needs is loaded. */
  readonly isBypass: boolean;
}

/** What a worker is started with, once the main thread has it. */
export interface WorkerStart {
  readonly options: ResolvedOptions;
  /** The worker's number, from 0 on. */
  readonly index: number;
  readonly sockets: readonly ListenSocket[];
  /** The queue that it opens, to listen there instead. */
  readonly queue: WorkerQueueStart | undefined;
  /** The main thread's eventfd, by which it makes the worker look at its messages. */
  readonly wakeDescriptor: number;
  readonly share: WorkerShare;
  readonly metrics: SharedArrayBuffer;
  /** All workers have it: see `sharedBytes`. */
  readonly shared: SharedArrayBuffer;
  readonly log: LogTarget | undefined;
}

/** What a worker says. */
export type WorkerSays =
  | { readonly kind: 'booted' }
  | { readonly kind: 'ready'; readonly engine: string; readonly queueDescriptor: number }
  | { readonly kind: 'drained' }
  | { readonly kind: 'log'; readonly news: LogNews }
  | { readonly kind: 'warning'; readonly message: string }
  | { readonly kind: 'lost'; readonly message: string }
  | { readonly kind: 'unpinned'; readonly id: number }
  | { readonly kind: 'neighbours'; readonly heard: HeardNeighbours }
  | { readonly kind: 'failed'; readonly message: string };
/** What a worker is told. */
export type WorkerTold =
  | { readonly kind: 'drain' }
  | { readonly kind: 'stop' }
  | { readonly kind: 'pin'; readonly pins: readonly ToldPin[] }
  | { readonly kind: 'unpin'; readonly id: number }
  | { readonly kind: 'neighbours'; readonly heard: HeardNeighbours };

/** A worker's end. */
export type PortOfWorker = WorkerPort<WorkerSays, WorkerStart | WorkerTold>;
/** The server's. */
export type PortOfServer = WorkerPort<WorkerStart | WorkerTold, WorkerSays>;

const rateWindowMs = 20_000;
const backlogLimit = 64 * 1024;
/** How long a connection may be idle before its place is another's where there are no more places. */
const yieldAfterMs = 2000;
/** Memory for responses in frames: of each worker. */
const frameBudget = 50 * 1024 * 1024;

/** What a connection over the cap is told. */
function overflow(options: ResolvedOptions): string {
  const { common } = new FieldWriter(options, isHashedName);
  return `HTTP/1.1 503 Service Unavailable\r\nServer: clearway\r\nRetry-After: 1\r\n${common}Connection: close\r\nContent-Length: 0\r\n\r\n`;
}

/** Gives what writes the gauges, and the counts kept elsewhere, into the account. */
function reporter(
  metrics: Metrics,
  listener: Listener<HttpState>,
  responder: Responder,
  { log, queue }: Parts,
): () => void {
  // A worker that takes a dead one's place counts on from what that one had counted.
  const before = (name: MetricName): number => metrics.get(name);
  const counted = [
    ['coldFetches', before('coldFetches'), () => listener.counts.coldFetches],
    ['truncated', before('truncated'), () => listener.counts.truncated],
    ['connectionsAccepted', before('connectionsAccepted'), () => listener.counts.accepted],
    ['connectionsRefused', before('connectionsRefused'), () => listener.counts.refused],
    ['acceptErrors', before('acceptErrors'), () => listener.counts.acceptErrors],
    ['slowReaders', before('slowReaders'), () => listener.counts.slowReaders],
    ['logRecords', before('logRecords'), () => log?.records ?? 0],
    ['logDropped', before('logDropped'), () => log?.dropped ?? 0],
  ] as const;
  const series = [
    ['modeBytes', listener.counts.modeBytes],
    ['references', listener.counts.references],
  ] as const;
  const seriesBefore = series.map(([name, counts]) => counts.map((_, index) => metrics.get(name, index)));
  return () => {
    responder.report();
    queue?.readFigures(metrics.bypass);
    series.forEach(([name, counts], at) => {
      for (const [index, count] of counts.entries()) metrics.gauge(name, seriesBefore[at]![index]! + count, index);
    });
    metrics.gauge('connectionsOpen', listener.connections);
    metrics.gauge('logWaitingBytes', log?.waitingBytes ?? 0);
    for (const [name, earlier, count] of counted) metrics.gauge(name, earlier + count());
  };
}

/** What a worker made so far, and gives back when it ends or cannot go on. */
interface Parts {
  readonly queue?: WorkerQueue;
  responder?: Responder;
  listener?: Listener<HttpState>;
  log?: AccessLog;
}

function openLog(start: WorkerStart, port: PortOfWorker, loop: Loop): AccessLog | undefined {
  const { log, index, options } = start;
  if (log === undefined || options.log === 'none') return undefined;
  const said = (news: LogNews): void => port.say({ kind: 'log', news });
  return new AccessLog(loop, log, index, options.log, said);
}

function limitsOf({ share, options }: WorkerStart, isBypass: boolean, site: Site): ListenerLimits {
  const { connections: maxConnections, parting: mostParting, descriptorLimit } = share;
  const relieve = (): boolean => site.descriptors.relieve();
  const common = { maxConnections, mostParting, yieldAfterMs, minRate: options.minRate, rateWindowMs, backlogLimit };
  // Sockets past the kernel are no descriptors.
  if (isBypass) return common;
  return { ...common, descriptorLimit, askDescriptorLimit: () => descriptorLimitOf(openFilesLimit()), relieve };
}

function assemble(
  start: WorkerStart,
  port: PortOfWorker,
  loop: Loop,
  parts: Parts,
  extension: BeneathExtension | undefined,
): void {
  const { options } = start;
  const { queue, log } = parts;
  const metrics = new Metrics(start.metrics, 0);
  keepCopyAccount(metrics.copied);
  queue?.keepCopies(metrics.copied);
  const say = (message: string): void => port.say({ kind: 'failed', message });
  const teller = new TroubleTeller(say);
  const { root, index, dotfiles, types, cleanUrls } = options;
  const trouble = (errno: number, path: string): void => {
    metrics.add('fileErrors');
    teller.tell(errno, troubleWords(errno, path), loop.nowMs);
  };
  const warn = (message: string): void => port.say({ kind: 'warning', message });
  const pins = new PinnedFiles(loop, pinListener(port));
  const { files: maxFiles } = start.share;
  const where = { root, index, dotfiles, types, cleanUrls, codedAlone: true, maxFiles, pins, trouble };
  const policy = { ...options, frameBudget, ...(extension && { extension }) };
  const responder = new Responder(loop, where, metrics, policy, warn);
  parts.responder = responder;
  const timeouts = { headMs: options.headTimeoutMs, idleMs: options.idleTimeoutMs };
  let saidMs = Number.NEGATIVE_INFINITY;
  const failed = (error: Error): void => {
    if (error instanceof SystemError) {
      teller.tell(error.errno, error.message, loop.nowMs);
      return;
    }
    // What many requests run into is said once a second.
    if (loop.nowMs - saidMs < 1000) return;
    saidMs = loop.nowMs;
    say(error.message);
  };
  const proxies = proxyPolicy(options.trustProxy, options.proxyProtocol);
  const protocol = new HttpProtocol(loop, responder, metrics, log, timeouts, options.pace, failed, proxies);
  const limits = limitsOf(start, queue !== undefined, responder.site);
  const listener = new Listener<HttpState>(loop, queue?.sockets ?? start.sockets, protocol, limits, overflow(options));
  parts.listener = listener;

  loop.onTurn = (busyMs) => metrics.countTurn(busyMs);
  const report = reporter(metrics, listener, responder, parts);
  loop.everyTick(report);
  const stopFollowing = loop.everyTick(() => responder.site.followRoot());
  const drained = (): void => {
    log?.end();
    report();
    stopFollowing();
    responder.close();
    responder.site.close();
    port.say({ kind: 'drained' });
    loop.stop();
  };
  const end = (isNow: boolean): void => {
    // Once: what is closed a second time is somebody else's by then, another worker's connection perhaps.
    const first = !protocol.draining;
    protocol.draining = true;
    if (first) listener.drain(drained);
    if (isNow) listener.abortAll();
  };
  obey(loop, port, queue, (told) => {
    if (told.kind === 'drain' || told.kind === 'stop') end(told.kind === 'stop');
    // A site that is closed opens nothing, and what it sends it keeps.
    else if (!protocol.draining) repin(told, pins, responder.site);
  });
}

/** What the server's part of a worker is told. */
type Order = Exclude<WorkerTold, { readonly kind: 'neighbours' }>;

/** Hears what the main thread says whenever it wakes the loop. */
function obey(loop: Loop, port: PortOfWorker, queue: WorkerQueue | undefined, hear: (told: Order) => void): void {
  loop.onWake = () => {
    for (let told = port.next(); told !== undefined; told = port.next()) {
      // Its start was the first of all.
      if (!('kind' in told)) continue;
      if (told.kind === 'neighbours') queue?.hearNeighbours(told.heard);
      else hear(told);
    }
  };
}

function pinListener(port: PortOfWorker): PinListener {
  const say = (says: WorkerSays): void => port.say(says);
  return {
    unpinned: (id) => say({ kind: 'unpinned', id }),
    warning: (message) => say({ kind: 'warning', message }),
  };
}

/** What is pinned has changed: files are opened anew, and so found there or no more. */
function repin(told: Extract<WorkerTold, { readonly kind: 'pin' | 'unpin' }>, pins: PinnedFiles, site: Site): void {
  if (told.kind === 'pin') for (const pin of told.pins) pins.add(pin);
  site.descriptors.closeAll();
  if (told.kind === 'unpin') pins.drop(told.id);
}

/** What happens to the interface past the kernel, for the main thread. */
function caretakerTold(port: PortOfWorker): CaretakerTold {
  return {
    warn: (message) => port.say({ kind: 'warning', message }),
    gone: (message) => port.say({ kind: 'lost', message }),
  };
}

/**
 * Serves until the main thread ends it.
 * @param drive runs the loop until it stops
 */
async function serve(
  start: WorkerStart,
  port: PortOfWorker,
  drive: (loop: Loop) => void | Promise<void>,
  extension?: BeneathExtension,
  openQueue?: typeof WorkerQueue,
): Promise<void> {
  const { options } = start;
  const queue = openQueue === undefined ? undefined : new openQueue(start.queue!, options.engine);
  const loop = new Loop(queue?.engine ?? options.engine, monotonicMs, start.wakeDescriptor);
  // Files are read into packets: no message and no pipe is of use.
  loop.sendLimits = queue === undefined ? options.pieces : { messageBelow: 0, sendfileFrom: 0 };
  for (const { fd } of start.sockets) setNonBlocking(fd, loop.engine.nonBlockingSockets);
  const parts: Parts = { ...(queue && { queue }) };
  let caretaker: Caretaker | undefined;
  try {
    queue?.shareNeighbours(loop, (heard) => port.say({ kind: 'neighbours', heard }));
    if (start.index === 0) caretaker = queue?.lookAfter(loop, caretakerTold(port));
    const log = openLog(start, port, loop);
    if (log !== undefined) parts.log = log;
    assemble(start, port, loop, parts, extension);
    port.say({
      kind: 'ready',
      engine: loop.engine.name,
      queueDescriptor: queue?.descriptor ?? -1,
    });
    // Nothing may be awaited before: promises do not run once a thread serves.
    await drive(loop);
  } catch (error) {
    // The worker ends with the error, the process does not: its descriptors must not outlive it.
    parts.log?.end();
    parts.listener?.abandon();
    parts.responder?.site.abandon();
    throw error;
  } finally {
    caretaker?.close();
    loop.close();
    parts.responder?.unmap();
    parts.log?.unmap();
    unmapMessages();
    port.close();
  }
}

/**
 * Waits for its start and serves until the main thread ends it: the whole of a thread.
 * @param extension answers for what is beneath files, where there is one.
 */
export async function runWorker(
  { port: messages, gate, isBypass }: WorkerBoot,
  extension?: (options: ResolvedOptions, shared: SharedArrayBuffer) => BeneathExtension,
): Promise<void> {
  const port: PortOfWorker = new ThreadPort(messages);
  // The FFI library is loaded while the main thread still opens its sockets.
  pageBytes();
  const openQueue = isBypass ? (await import('../bypass/worker-queue.js')).WorkerQueue : undefined;
  port.say({ kind: 'booted' });
  Atomics.wait(gate, 0, 0);
  const start = port.next() as WorkerStart | undefined;
  if (start === undefined) return;
  await serve(start, port, (loop) => loop.run(), extension?.(start.options, start.shared), openQueue);
}

/** Serves on the main thread, beside Node's own loop, with the start that was told. @returns settled at its end */
export async function runWorkerHere(port: LocalPort<WorkerSays, WorkerStart | WorkerTold>): Promise<void> {
  const start = port.next() as WorkerStart | undefined;
  if (start === undefined) return;
  await serve(start, port, (loop) => {
    port.onSaid = () => loop.callNode();
    return loop.runBesideNode();
  });
}
