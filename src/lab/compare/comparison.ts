// Compares the two ways to serve: `clearway serve` through the kernel's sockets, and through our own TCP/IP. Each has a pair of namespaces of its own with a veth between
// server and client; both servers run all the time, and the same load asks one after the other, round after round, so that what the machine does meanwhile meets both.
// Whatever ends it, nothing stays. Not here: words (report.ts, ways.ts) and the load itself (load-client.ts).

import { type ChildProcess, fork, spawn } from 'node:child_process';
import { existsSync, lstatSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { RefusedError } from '../../bpf/refusals.js';
import { scheduled } from '../../calibrate/scheduled.js';
import { refusalSentence } from '../../meter/index.js';
import { addresses, device, LabError, makePair, type Pair } from '../namespaces.js';
import { type Account, accountOf, type Copied, CopyMeter, copiedBetween } from './copies.js';
import type { Load, LoadResult, MetricsTask } from './load-client.js';
import { SystemCallCounter } from './system-calls.js';
import { type WayName, wayNames } from './ways.js';

/** What is asked. */
export const workloads = ['serve', 'kv'] as const;
/** One of {@link workloads}. */
export type Workload = (typeof workloads)[number];

/** What to compare. */
export interface ComparePlan {
  /** Numbers of connections, each with each file. */
  readonly connections: readonly number[];
  /** Seconds of load that count, for each way, file and number of connections; in {@link rounds}. */
  readonly seconds: number;
  /** Microseconds that our own TCP/IP looks for packets before it sleeps; undefined: the server's default. */
  readonly pollUs: number | undefined;
  /** What is asked: files of a server, or values of a store. */
  readonly workload: Workload;
  /** Called before each row is measured. */
  readonly progress: (words: string) => void;
}

/** One way with one file and one number of connections: medians of the rounds. */
export interface Figures {
  readonly requestsPerSecond: number;
  readonly p50Us: number;
  readonly p99Us: number;
  /** CPU a request, in microseconds: of the server's threads, and of the whole machine, client included. */
  readonly serverCpuUs: number;
  readonly machineCpuUs: number;
  /** Packets of the veth a request, both directions; one of the kernel's may hold up to 64 KiB there. */
  readonly packets: number;
  /** System calls of the server a request; absent where they cannot be counted. */
  readonly systemCalls?: number;
  /** Bytes a request that the server's CPU copied, and bytes that its device carried meanwhile, both directions; absent where no meter can be had. */
  readonly copied?: Copied;
  readonly carriedBytes?: number;
}

/** A file and a number of connections, both ways. */
export interface Row {
  readonly bytes: number;
  readonly connections: number;
  readonly figures: Readonly<Record<WayName, Figures>>;
}

/** All that was found. */
export interface Compared {
  readonly rows: readonly Row[];
  /** What each server says of itself: the engine. */
  readonly engines: Readonly<Record<WayName, string>>;
  /** Milliseconds of CPU a second of each server without a connection. */
  readonly idleMsPerSecond: Readonly<Record<WayName, number>>;
  /** Why system calls were not counted. */
  readonly uncounted?: string;
  /** Why copies were not counted. */
  readonly unmetered?: string;
  /** Copies of files that were read into memory are not counted: the meter that this host allows does not see them. */
  readonly isFileUnseen?: boolean;
}

/** Bytes of the files, or values, that are asked for. */
const sizes = { serve: [1024, 64 * 1024], kv: [64, 4096] } as const;
/** In how many rounds the seconds are spent. */
export const rounds = 3;
const port = 8080;
/** Where a server's metrics are: on the kernel's address of its device, whichever way it serves. */
const metricsPort = 9090;
const countingMs = 300;
const startMs = 20_000;
const spareMs = 15_000;
/** Our own stack's address, beside the kernel's on the same device. */
const bypassHost = '10.99.0.3';
const metricsAt: MetricsTask = { metrics: `http://${addresses.right}:${metricsPort}/metrics` };
const folderPrefix = 'clearway-compare-';
const program = fileURLToPath(new URL('../../cli/main.js', import.meta.url));
const clientProgram = fileURLToPath(new URL('./load-client.js', import.meta.url));

/** What differs between runs of a load. */
type Asked = Pick<Load, 'bytes' | 'connections' | 'warmMs' | 'runMs'>;

/** A server that runs, and a client in the namespace across from it. */
interface Running {
  readonly host: string;
  readonly pid: number;
  readonly engine: string;
  readonly client: ChildProcess;
  readonly workload: Workload;
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor((values.length - 1) / 2)]!;

const afterMs = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** See the file's head. Close it in any case. */
export class Comparison {
  readonly #folder = mkdtempSync(join(tmpdir(), `${folderPrefix}${process.pid}-`));
  readonly #pairs: Pair[] = [];
  readonly #children = new Set<ChildProcess>();
  #counter: SystemCallCounter | undefined;
  #meter: CopyMeter | undefined;
  #isClosed = false;

  /** Measures all of it. @throws LabError where namespaces, a server or a client are not to be had, with the reason */
  async run(plan: ComparePlan): Promise<Compared> {
    const { workload } = plan;
    if (workload === 'serve')
      for (const bytes of sizes.serve)
        writeFileSync(join(this.#folder, `${bytes}.bin`), Buffer.alloc(bytes, 'clearway '));
    const kernel = await this.#start('kernel', workload, []);
    const poll = plan.pollUs === undefined ? [] : ['--bypass-poll', `${plan.pollUs}`];
    const bypass = await this.#start('bypass', workload, poll);
    const running = { kernel, bypass };
    plan.progress('idle');
    const idleMsPerSecond = await idle(running, Math.min(1000, plan.seconds * 1000));
    const measured: { bytes: number; connections: number; figures: Record<WayName, Figures> }[] = [];
    for (const bytes of sizes[workload]) {
      for (const connections of plan.connections) {
        plan.progress(`${bytes} bytes, ${connections} at once`);
        measured.push({ bytes, connections, figures: await this.#row(running, bytes, connections, plan.seconds) });
      }
    }
    const engines = { kernel: kernel.engine, bypass: bypass.engine };
    plan.progress('copies and system calls');
    const metered = await this.#meterCopies(running, measured);
    const counted = await this.#count(running, metered.rows);
    return { engines, idleMsPerSecond, ...metered, ...counted };
  }

  async #row(running: Record<WayName, Running>, bytes: number, connections: number, seconds: number) {
    const results: Record<WayName, LoadResult[]> = { kernel: [], bypass: [] };
    const runMs = (seconds * 1000) / rounds;
    for (let round = 0; round < rounds; round++) {
      // The other one first, every second time: neither always follows the other.
      for (const way of round % 2 === 0 ? wayNames : [...wayNames].reverse()) {
        const load = { bytes, connections, runMs, warmMs: Math.min(300, runMs / 4) };
        results[way].push(await this.#ask(running[way], load));
      }
    }
    return { kernel: figuresOf(results.kernel), bypass: figuresOf(results.bypass) };
  }

  /** Asks again, shortly, while system calls are counted. */
  async #count(running: Record<WayName, Running>, rows: readonly Row[]): Promise<Pick<Compared, 'rows' | 'uncounted'>> {
    try {
      this.#counter = new SystemCallCounter(wayNames.map((way) => running[way].pid));
    } catch (error) {
      if (!(error instanceof RefusedError)) throw error;
      return { rows, uncounted: error.message };
    }
    const counted: Row[] = [];
    for (const { bytes, connections, figures } of rows) {
      const both = { ...figures };
      for (const way of wayNames) {
        const { pid } = running[way];
        const before = this.#counter.read(pid);
        const { allAnswers } = await this.#ask(running[way], { bytes, connections, warmMs: 0, runMs: countingMs });
        const calls = this.#counter.read(pid) - before;
        // The kernel counts by its own numbers of processes, which a container's are not.
        if (calls === 0) return { rows, uncounted: 'the kernel knows this process by another number (a container)' };
        both[way] = { ...both[way], systemCalls: calls / allAnswers };
      }
      counted.push({ bytes, connections, figures: both });
    }
    this.#counter.close();
    this.#counter = undefined;
    return { rows: counted };
  }

  /** Asks again, shortly, while copies are counted. */
  async #meterCopies(
    running: Record<WayName, Running>,
    rows: readonly Row[],
  ): Promise<Pick<Compared, 'rows' | 'unmetered' | 'isFileUnseen'>> {
    try {
      this.#meter = new CopyMeter();
    } catch (error) {
      return { rows, unmetered: refusalSentence(error).replace(/\.$/, '') };
    }
    const metered: Row[] = [];
    for (const { bytes, connections, figures } of rows) {
      const both = { ...figures };
      for (const way of wayNames) {
        const found = await this.#copiesOf(running[way], way, { bytes, connections, warmMs: 0, runMs: countingMs });
        // Each answer crosses between the server and somebody: the kernel knows this process by another number (a container).
        if (way === 'kernel' && found.copied.metered === 0)
          return { rows, unmetered: 'the kernel knows this process by another number (a container)' };
        both[way] = { ...both[way], ...found };
      }
      metered.push({ bytes, connections, figures: both });
    }
    const isFileUnseen = !this.#meter.seesFiles;
    this.#meter.close();
    this.#meter = undefined;
    return { rows: metered, isFileUnseen };
  }

  /** Of one way, a request: what was copied, and what its device carried. */
  async #copiesOf(
    server: Running,
    way: WayName,
    load: Asked,
  ): Promise<Required<Pick<Figures, 'copied' | 'carriedBytes'>>> {
    const isPastKernel = way === 'bypass';
    const account = async (): Promise<Account> => accountOf(await answerOf<string>(server.client, metricsAt, startMs));
    const before = await account();
    const from = this.#meter!.read(server.pid, isPastKernel);
    const { allAnswers, allBytes } = await this.#ask(server, load);
    const metered = this.#meter!.read(server.pid, isPastKernel) - from;
    const all = copiedBetween(before, await account(), metered, allBytes);
    const { own, derived } = all;
    return {
      copied: { metered: metered / allAnswers, own: own / allAnswers, derived: derived / allAnswers },
      carriedBytes: allBytes / allAnswers,
    };
  }

  /** Starts a server on one end of a pair of its own, and a client on the other. */
  async #start(way: WayName, workload: Workload, options: readonly string[]): Promise<Running> {
    const pair = makePair();
    this.#pairs.push(pair);
    const host = way === 'kernel' ? addresses.right : bypassHost;
    const where =
      way === 'kernel'
        ? [workload === 'serve' ? '--host' : '--bind', host]
        : ['--bypass', device, '--bypass-address', `${host}/24`, ...options];
    const what = workload === 'serve' ? ['serve', this.#folder, '--workers', '1'] : ['kv', '--no-password'];
    const line = [...what, '--port', `${port}`, '--metrics', `${addresses.right}:${metricsPort}`, ...where];
    // The kernel ends it with us, also when nobody can say goodbye.
    const command = ['--pdeathsig', 'KILL', process.execPath, program, ...line];
    const server = pair.within('right', () => spawn('setpriv', command, { stdio: ['ignore', 'pipe', 'pipe'] }));
    this.#keep(server);
    const engine = await ready(server, way);
    const client = pair.within('left', () => fork(clientProgram, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] }));
    this.#keep(client);
    return { host, pid: server.pid!, engine, client, workload };
  }

  #keep(child: ChildProcess): void {
    this.#children.add(child);
    child.on('exit', () => this.#children.delete(child));
  }

  async #ask({ host, pid, client, workload }: Running, load: Asked): Promise<LoadResult> {
    const whole: Load = { ...load, workload, host, port, path: `${load.bytes}.bin`, pid, device };
    const result = await answerOf<LoadResult>(client, whole, load.warmMs + load.runMs + spareMs);
    if (result.answers === 0) throw new LabError(`no answer came from ${host} within ${load.runMs.toFixed(0)} ms`);
    return result;
  }

  /** Ends what is under way and removes everything: at the end, and from signal handlers. Harmless when done twice. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const child of this.#children) child.kill('SIGKILL');
    this.#counter?.close();
    this.#meter?.close();
    for (const pair of this.#pairs) pair.remove();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** Removes the folders of comparisons that were killed. Only those that nobody else could have made or changed. */
export function removeStaleFolders(): void {
  for (const name of readdirSync(tmpdir())) {
    const owner = /^clearway-compare-(\d+)-/.exec(name)?.[1];
    if (owner === undefined || existsSync(`/proc/${owner}`)) continue;
    const path = join(tmpdir(), name);
    const facts = lstatSync(path, { throwIfNoEntry: false });
    const isOurs = facts?.isDirectory() === true && facts.uid === 0 && (facts.mode & 0o077) === 0;
    if (isOurs) rmSync(path, { recursive: true, force: true });
  }
}

function figuresOf(results: readonly LoadResult[]): Figures {
  const of = (figure: (result: LoadResult) => number): number => median(results.map(figure));
  return {
    requestsPerSecond: of(({ answers, elapsedNs }) => (answers * 1e9) / elapsedNs),
    p50Us: of(({ p50Ns }) => p50Ns / 1000),
    p99Us: of(({ p99Ns }) => p99Ns / 1000),
    serverCpuUs: of(({ serverNs, answers }) => serverNs / answers / 1000),
    machineCpuUs: of(({ machineNs, answers }) => machineNs / answers / 1000),
    packets: of(({ packets, answers }) => packets / answers),
  };
}

/** Both servers, at the same time. */
async function idle(running: Record<WayName, Running>, ms: number): Promise<Record<WayName, number>> {
  // What the start left to do is done by then.
  await afterMs(ms / 2);
  const ran = () => ({ kernel: scheduled(running.kernel.pid).ran, bypass: scheduled(running.bypass.pid).ran });
  const [before, from] = [ran(), performance.now()];
  await afterMs(ms);
  const [after, to] = [ran(), performance.now()];
  const perSecond = (way: WayName): number => (after[way] - before[way]) / 1e6 / ((to - from) / 1000);
  return { kernel: perSecond('kernel'), bypass: perSecond('bypass') };
}

/** Waits until a server says that it serves. @returns its engine. @throws LabError with what it said instead */
function ready(server: ChildProcess, way: WayName): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = '';
    const fail = (why: string): void => reject(new LabError(`the server (${way}) ${why}`));
    const timer = setTimeout(() => fail('did not begin in time'), startMs);
    server.on('error', () => fail('cannot be started: there is no setpriv (util-linux) here'));
    server.on('exit', () => {
      clearTimeout(timer);
      fail(`ended: ${said.trim().split('\n').at(-1)}`);
    });
    const listen = (text: unknown): void => {
      said = (said + String(text)).slice(-4096);
      const engine = /^clearway (?:serves .* there|kv: up to .*) \((\w+)[,)]/m.exec(said)?.[1];
      if (engine === undefined) return;
      clearTimeout(timer);
      resolve(engine);
    };
    server.stdout!.on('data', listen);
    server.stderr!.on('data', listen);
  });
}

/** Has a client do a run, or ask for metrics. @throws LabError */
function answerOf<Result>(client: ChildProcess, task: Load | MetricsTask, patienceMs: number): Promise<Result> {
  return new Promise((resolve, reject) => {
    const finish = (outcome: { readonly result: Result } | string): void => {
      clearTimeout(timer);
      client.off('message', hear);
      client.off('exit', gone);
      if (typeof outcome === 'string') reject(new LabError(`the client: ${outcome}`));
      else resolve(outcome.result);
    };
    const hear = (message: { result?: Result; error?: string }): void =>
      finish(message.result === undefined ? (message.error ?? 'said nothing') : { result: message.result });
    const gone = (): void => finish('ended');
    const timer = setTimeout(() => finish('did not end in time'), patienceMs);
    client.on('message', hear);
    client.on('exit', gone);
    client.send(task);
  });
}
