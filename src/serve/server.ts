// createServer: the main thread's side of serve. It opens the listening sockets, starts the workers, replaces one that
// dies, says what becomes of the access log, and ends it all. No request passes through here.

import { EventEmitter } from 'node:events';
import { openFilesLimit } from '../kernel/limits.js';
import type { Meter } from '../meter/meter.js';
import { coded, wrongState } from '../text/coded.js';
import { type ListenAddress, urlOf } from './addresses.js';
import { BegunThread, type BegunWorker, ordinaryEntry } from './begun-thread.js';
import { sharedBytes } from './beneath.js';
import type { BypassListening } from './bypass-listening.js';
import { makeRoom, shareOf } from './connection-limit.js';
import { hostNotes } from './host-notes.js';
import { Listening, type ServerSockets } from './listening.js';
import { LogOutput } from './log-output.js';
import { Metrics, metricsBytes } from './metrics.js';
import type { MetricsEndpoint } from './metrics-endpoint.js';
import { metricsText } from './metrics-text.js';
import { graceOf } from './option-values.js';
import { type ResolvedOptions, resolveOptions, type ServeOptions } from './options.js';
import type { PinKeeper } from './pins/pin-keeper.js';
import type { SelfMeter } from './self-meter.js';
import { checkAddressSpace } from './start-limits.js';
import type { WorkerSays, WorkerTold } from './worker.js';
import { WorkerThread } from './worker-thread.js';

export { giveFreedMemoryBack } from '../kernel/allocator.js';
export { parseHostPort } from './options.js';

/** A worker that dies this many times within this time is not started again. */
const maxRestarts = 5;
const restartWindowMs = 10_000;
/** How long a worker that could not be started (the directory is missing, memory is short) waits to be tried again. */
const retryMs = 1000;

interface WorkerSlot {
  readonly index: number;
  readonly metrics: SharedArrayBuffer;
  thread: WorkerThread | undefined;
  deathsMs: number[];
  /** Set while it waits to be started again. */
  retry: NodeJS.Timeout | undefined;
}

/** Events of a {@link Server}. */
export interface ServerEvents {
  /** A worker died and what is done about it, a request could not be answered, or there is no meter: in words. */
  warning: [message: string];
  /** Everything that can be pinned is, for now: so many files and bytes of memory. */
  pinned: [files: number, bytes: number];
  /** Every worker ended. */
  close: [];
  /** The server cannot go on. */
  error: [error: Error];
}

/** A running server; made by {@link createServer}. */
export class Server extends EventEmitter<ServerEvents> {
  #options: ResolvedOptions;
  readonly #slots: WorkerSlot[] = [];
  readonly #shared = new SharedArrayBuffer(sharedBytes);
  readonly #logDescriptor: number;
  readonly #entry: URL;
  /** The first worker, until it is taken into its slot. */
  #begun: BegunWorker | undefined;
  #log: LogOutput | undefined;
  #metrics: MetricsEndpoint | undefined;
  #selfMeter: SelfMeter | undefined;
  #pins: PinKeeper | undefined;
  #meterRefusal: string | undefined;
  #closing: Promise<void> | undefined;
  #listening: ServerSockets | undefined;
  #bypass: BypassListening | undefined;
  #maxConnections = 0;
  #engine = '';

  /**
   * @param logDescriptor where the access log goes without the option `logFile`; it stays the caller's.
   * @param entry what serving threads run: a file that calls `runWorker`, with an extension perhaps.
   * @param begun the first worker, where that is not one of them.
   */
  constructor(options: ResolvedOptions, logDescriptor = 1, entry: URL = ordinaryEntry, begun?: BegunWorker) {
    super();
    this.#options = options;
    this.#entry = entry;
    this.#begun = begun;
    this.#logDescriptor = logDescriptor;
  }

  /** What it serves, and how; "auto" of workers past the kernel is known once it listens. */
  get options(): ResolvedOptions {
    return this.#options;
  }

  /** Everything it listens on. @throws Error before {@link listen}. */
  get addresses(): readonly ListenAddress[] {
    if (this.#listening === undefined) throw wrongState('the server does not listen yet: await listen() first');
    return this.#listening.addresses;
  }

  /** The first address and port it listens on. @throws Error before {@link listen}, and where it listens on Unix sockets alone. */
  get address(): { readonly host: string; readonly port: number } {
    const first = this.addresses.find((each) => 'port' in each);
    if (first === undefined) throw wrongState('the server listens on no address and port: see addresses');
    return first;
  }

  /** All addresses as links, `unix:/run/site.sock` of a Unix socket. */
  get urls(): readonly string[] {
    return this.addresses.map(urlOf);
  }

  /** The first address as a link. */
  get url(): string {
    return this.urls[0] ?? '';
  }

  /** The engine that the workers run on, once they listen. */
  get engine(): string {
    return this.#engine;
  }

  /** Where the metrics are served, if they are: a link for each address. */
  get metricsUrls(): readonly string[] {
    return this.#metrics?.urls ?? [];
  }

  /** The first of {@link metricsUrls}. */
  get metricsUrl(): string | undefined {
    return this.metricsUrls[0];
  }

  /** The accounts of the workers; of ones that died too. */
  get metrics(): readonly Metrics[] {
    return this.#slots.map((slot) => new Metrics(slot.metrics, 0));
  }

  /** The meter of this process, with the option `meter`, while the server runs; undefined where the host refuses one. */
  get meter(): Meter | undefined {
    return this.#selfMeter?.meter;
  }

  /** Why there is no {@link meter} though one was asked for, in a sentence. */
  get meterRefusal(): string | undefined {
    return this.#meterRefusal;
  }

  /** Loaded where it is asked for: it brings Node's HTTP server along. */
  async #openMetrics(): Promise<void> {
    const { metrics } = this.options;
    if (metrics === undefined) return;
    const { MetricsEndpoint } = await import('./metrics-endpoint.js');
    const text = (): string => metricsText(this.metrics, this.engine, this.#pins) + (this.#selfMeter?.text() ?? '');
    this.#metrics = await MetricsEndpoint.open(metrics, text);
  }

  /** Before the workers start, so that nothing they move is missed. A host that refuses is no reason not to serve. */
  async #openMeter(): Promise<void> {
    const { meter } = this.options;
    if (meter === false) return;
    const { openSelfMeter } = await import('./self-meter.js');
    const opened = openSelfMeter(meter === 'sockets');
    if (typeof opened !== 'string') this.#selfMeter = opened;
    else {
      this.#meterRefusal = opened;
      this.emit('warning', opened);
    }
  }

  /** Past the kernel each queue of the device has its worker. */
  async #planBypass(): Promise<void> {
    const { bypass, port, workers } = this.#options;
    if (bypass === undefined) return;
    const { BypassListening } = await import('./bypass-listening.js');
    const warn = (message: string): boolean => this.emit('warning', message);
    this.#bypass = new BypassListening(bypass, port, workers, warn);
    this.#options = { ...this.#options, workers: this.#bypass.workers };
  }

  /** Opens the addresses and starts the workers. @throws SystemError EADDRINUSE and its kin, each with what to do. */
  async listen(): Promise<this> {
    await this.#planBypass();
    const { workers } = this.options;
    checkAddressSpace(workers);
    for (let index = 0; index < workers; index++) {
      const metrics = new SharedArrayBuffer(metricsBytes);
      this.#slots.push({ index, metrics, thread: undefined, deathsMs: [], retry: undefined });
    }
    const [first, ...others] = this.#slots;
    try {
      // The first, where it is a thread, boots beside all that follows. The others wait until it serves: they would only be in its way.
      if (first !== undefined) this.#boot(first);
      const warn = (message: string): boolean => this.emit('warning', message);
      this.#listening = this.#bypass ?? (await Listening.open(this.options, workers, warn));
    } catch (error) {
      // Nothing was opened: it may be tried again.
      for (const { thread } of this.#slots.splice(0)) {
        thread?.dismiss();
        await thread?.exited;
      }
      throw error;
    }
    try {
      const room = makeRoom(this.options.maxConnections, workers);
      this.#maxConnections = room.connections;
      if (room.warning !== undefined) this.emit('warning', room.warning);
      for (const note of hostNotes()) this.emit('warning', note);
      this.#openLog();
      await this.#openMeter();
      await this.#openMetrics();
      if (first !== undefined) await this.#start(first);
      // Each is a promise though one cannot even begin: the others' failures are then heard too.
      await Promise.all(others.map(async (slot) => this.#start(slot)));
      await this.#pinFiles();
    } catch (error) {
      await this.close(0);
      throw error;
    }
    return this;
  }

  /** Beside serving: until a file is pinned it is sent as any other. */
  async #pinFiles(): Promise<void> {
    const { pin, pinBytes, root, dotfiles } = this.options;
    if (pin.length === 0 || this.#closing !== undefined) return;
    const { PinKeeper } = await import('./pins/pin-keeper.js');
    this.#pins = new PinKeeper(
      { root, patterns: pin, mostBytes: pinBytes, dotfiles },
      {
        pin: (told) => this.#tellServing({ kind: 'pin', pins: [told] }),
        unpin: (id) => this.#tellServing({ kind: 'unpin', id }),
        warning: (message) => this.emit('warning', message),
        pinned: (files, bytes) => this.emit('pinned', files, bytes),
      },
    );
  }

  /** Tells every thread that serves. Returns their numbers. */
  #tellServing(told: WorkerTold): number[] {
    const serving = this.#slots.filter(({ thread }) => thread?.engine !== undefined);
    for (const { thread } of serving) thread?.tell(told);
    return serving.map(({ index }) => index);
  }

  #openLog(): void {
    const { log, logFile } = this.options;
    if (log === 'none') return;
    this.#log = new LogOutput(logFile, this.#logDescriptor, (message) => this.emit('warning', message));
  }

  /**
   * Opens the file of the option `logFile` again, after whoever rotates logs has renamed it. Where that fails the warning says
   * why, and what is open is written on.
   */
  reopenLog(): void {
    this.#log?.reopen();
  }

  #boot(slot: WorkerSlot): WorkerThread {
    const begun = this.#begun ?? new BegunThread(this.#entry, this.#bypass !== undefined);
    this.#begun = undefined;
    slot.thread = new WorkerThread(begun, {
      hear: (says) => this.#hear(slot, says),
      ended: (wasReady, failure) => {
        this.#log?.gone(slot.index);
        this.#pins?.gone(slot.index);
        slot.thread = undefined;
        if (wasReady && this.#closing === undefined) this.#died(slot, failure);
      },
    });
    return slot.thread;
  }

  async #start(slot: WorkerSlot): Promise<void> {
    const thread = slot.thread ?? this.#boot(slot);
    // Connections must not wait in a socket's queue for a thread that is still loaded. The first one's are the only ones there are.
    if (slot.index > 0) await thread.booted;
    if (this.#closing !== undefined) return thread.dismiss();
    try {
      const sockets = this.#listening!.sockets(slot.index);
      const share = shareOf(this.#maxConnections, this.options.workers);
      const { index, metrics } = slot;
      const queue = this.#bypass?.queueStart(index);
      const log = this.#log?.target;
      const shared = this.#shared;
      await thread.start({ options: this.options, sockets, queue, share, metrics, shared, index, log });
      this.#bypass?.joined(index, thread.queueDescriptor);
    } catch (error) {
      thread.dismiss();
      throw error;
    }
    this.#engine = thread.engine ?? this.#engine;
    if (this.#pins !== undefined) thread.tell({ kind: 'pin', pins: this.#pins.joined(slot.index) });
    // Whoever closed the server meanwhile could not tell a worker that did not listen yet.
    if (this.#closing !== undefined) thread.tell({ kind: 'stop' });
  }

  #hear(slot: WorkerSlot, says: WorkerSays): void {
    if (says.kind === 'unpinned') this.#pins?.unpinned(slot.index, says.id);
    if (says.kind === 'log') this.#log?.hear(slot.index, says.news);
    if (says.kind === 'failed')
      this.emit('warning', `worker ${slot.index} could not answer a request: ${says.message}`);
    if (says.kind === 'neighbours')
      for (const other of this.#slots)
        if (other !== slot) other.thread?.tell({ kind: 'neighbours', heard: says.heard });
    if (says.kind === 'warning') this.emit('warning', says.message);
    if (says.kind === 'lost' && this.#closing === undefined)
      this.emit('error', coded('CLEARWAY_BYPASS', new Error(says.message)));
  }

  #died(slot: WorkerSlot, failure: Error | undefined): void {
    const why = failure === undefined ? 'ended by itself' : `died: ${failure.message}`;
    const now = Date.now();
    slot.deathsMs = [...slot.deathsMs.filter((each) => now - each < restartWindowMs), now];
    if (slot.deathsMs.length > maxRestarts) {
      const times = `${maxRestarts} times in ${restartWindowMs / 1000} s`;
      this.emit(
        'error',
        coded('CLEARWAY_WORKER', new Error(`worker ${slot.index} ${why}, for more than ${times}: giving up`)),
      );
      return;
    }
    this.emit('warning', `worker ${slot.index} ${why}; a new one takes its place`);
    void this.#restart(slot, true);
  }

  /** Starts a worker in the place of one that died; where that fails it is tried again, and said once. */
  async #restart(slot: WorkerSlot, isFirst: boolean): Promise<void> {
    slot.retry = undefined;
    try {
      await this.#start(slot);
      if (!isFirst && this.#closing === undefined) this.emit('warning', `worker ${slot.index} serves again`);
    } catch (error) {
      if (this.#closing !== undefined) return;
      // Connections that the kernel would still hand to this worker's socket go to the others, if there are any.
      if (this.#slots.some((each) => each !== slot && each.thread?.engine !== undefined)) {
        this.#listening?.release(slot.index);
      }
      if (isFirst) {
        const again = `it is tried again every ${retryMs / 1000} s`;
        this.emit('warning', `worker ${slot.index} cannot be started: ${(error as Error).message}; ${again}`);
      }
      slot.retry = setTimeout(() => void this.#restart(slot, false), retryMs);
    }
  }

  /**
   * Stops accepting, lets what is under way finish within `graceMs` (default: the option), then ends it.
   * Called again it ends everything at once. @throws RangeError for a time that is none
   */
  async close(graceMs: number = this.options.graceMs): Promise<void> {
    const limitMs = graceOf(graceMs);
    if (this.#closing !== undefined) {
      for (const { thread } of this.#slots) thread?.tell({ kind: 'stop' });
      return this.#closing;
    }
    this.#closing = this.#end(limitMs);
    return this.#closing;
  }

  async #end(graceMs: number): Promise<void> {
    this.#listening?.withdraw();
    const gone = this.#slots.map(({ thread }) => thread?.exited);
    for (const { thread, retry } of this.#slots) {
      clearTimeout(retry);
      thread?.dismiss();
      thread?.tell({ kind: graceMs > 0 ? 'drain' : 'stop' });
    }
    const timer = setTimeout(() => {
      for (const { thread } of this.#slots) thread?.tell({ kind: 'stop' });
    }, graceMs);
    await Promise.all(gone);
    clearTimeout(timer);
    this.#pins?.close();
    this.#listening?.close();
    this.#log?.close();
    this.#log = undefined;
    await this.#metrics?.close();
    this.#selfMeter?.meter.close();
    this.#selfMeter = undefined;
    this.emit('close');
  }
}

/**
 * Makes a server for a directory; `await server.listen()` starts it.
 * @param entry what its serving threads run. @param begin gives the first worker, where that is not one of them: see {@link Server}.
 * @throws OptionError for a bad option, UnsupportedError where there is no Linux.
 */
export function createServer(
  options: ServeOptions = {},
  entry?: URL,
  begin?: (resolved: ResolvedOptions) => BegunWorker | undefined,
): Server {
  const resolved = resolveOptions(options, openFilesLimit());
  return new Server(resolved, 1, entry, begin?.(resolved));
}
