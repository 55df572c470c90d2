// A serving thread that has begun: Node makes its environment, it loads what it runs and then waits at a gate. That takes longer than
// all else of a start, so the command begins its first one before it has even loaded the server.
// Not here: what is said to the thread and heard from it (worker-thread.ts), what it does (worker.ts).

import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { readText } from '../kernel/proc.js';
import type { WorkerBoot } from './worker.js';

/** A worker allocates next to nothing for a request: a small nursery is collected seldom, and its memory is for frames. */
const resourceLimits = { maxYoungGenerationSizeMb: 2 };

/**
 * Its standard streams are not joined to ours yet: Node would open ours for that before it begins the thread (for a pipe it loads its
 * sockets), and have the thread make its own, of which it writes nothing.
 */
const separateStreams = { stdin: true, stdout: true, stderr: true };

/** A thread that was dismissed loads the rest of what it loads first. */
const mostEndingMs = 3000;

/** What serving threads run where there is no extension. */
export const ordinaryEntry = new URL('./worker-main.js', import.meta.url);

/** See the file's head. */
export class BegunThread {
  readonly port: MessagePort;
  /** Settled when it has ended, with what it threw. */
  readonly exited: Promise<Error | undefined>;
  readonly #thread: Worker;
  readonly #gate = new Int32Array(new SharedArrayBuffer(4), 0, 1);

  /** @param entry what it runs: a file that calls `runWorker` @throws Error where no thread can be made */
  constructor(entry: URL, isBypass: boolean) {
    const { port1, port2 } = new MessageChannel();
    this.port = port1;
    const workerData: WorkerBoot = { port: port2, gate: this.#gate, isBypass };
    this.#thread = new Worker(entry, { workerData, transferList: [port2], resourceLimits, ...separateStreams });
    let failure: Error | undefined;
    this.#thread.on('error', (error) => {
      failure = error;
    });
    this.exited = new Promise((resolve) => {
      this.#thread.on('exit', () => resolve(failure));
    });
  }

  /** What it writes to its standard streams is written to ours, what it wrote before as well. It keeps the process up from then on. */
  joinStreams(): void {
    this.#thread.stdout.on('data', (bytes: Uint8Array) => process.stdout.write(bytes));
    this.#thread.stderr.on('data', (bytes: Uint8Array) => process.stderr.write(bytes));
  }

  /** It serves with what it was told, or ends if that was nothing. */
  openGate(): void {
    Atomics.store(this.#gate, 0, 1);
    Atomics.notify(this.#gate, 0);
  }

  /**
   * It is not needed: it ends, and the process waits for that, but not for long. Stopped while it loads native code, it would take the
   * process with it: an exception that cannot be thrown any more is fatal there (Node-API), and the exit status is 134.
   */
  dismiss(): void {
    this.openGate();
    setTimeout(() => this.#thread.unref(), mostEndingMs).unref();
  }
}

/**
 * Begins a thread for a server whose options nobody has looked at yet. Undefined where it is not certain that it can be: V8 ends the
 * process where a limit leaves it too little address space, and who starts the server says that in words (start-limits.ts).
 */
export function beginFirstThread(): BegunThread | undefined {
  if (!/^Max address space +unlimited/m.test(readText('/proc/self/limits') ?? '')) return undefined;
  try {
    return new BegunThread(ordinaryEntry, false);
  } catch {
    return undefined;
  }
}
