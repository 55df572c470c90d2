// A serving thread that has begun: Node makes its environment, it loads what it runs and then waits at a gate, while whoever began it
// goes on. Not here: what is said to the thread and heard from it (worker-thread.ts), what it does (worker.ts).

import { MessageChannel, Worker } from 'node:worker_threads';
import { explainMissingFile } from '../kernel/system-error.js';
import type { PortOfServer, WorkerBoot } from './worker.js';
import { ThreadPort } from './worker-port.js';

/** A worker allocates next to nothing for a request: a small nursery is collected seldom, and its memory is for frames. */
const resourceLimits = { maxYoungGenerationSizeMb: 2 };

/**
 * Its standard streams are not joined to ours yet: Node would open ours for that before it begins the thread (for a pipe it loads its
 * sockets), and have the thread make its own, of which it writes nothing.
 */
const separateStreams = { stdin: true, stdout: true, stderr: true };

/** What serving threads run where there is no extension. */
export const ordinaryEntry = new URL('./worker-main.js', import.meta.url);

/** A worker that waits at its gate: a thread, or the one that began it (begun-here.ts). */
export interface BegunWorker {
  readonly port: PortOfServer;
  /** Settled when it has ended, with what it threw. */
  readonly exited: Promise<Error | undefined>;
  /** What it writes to its standard streams is written to ours, what it wrote before as well. It keeps the process up from then on. */
  joinStreams(): void;
  /** It serves with what it was told, or ends if that was nothing. */
  openGate(): void;
}

/** See the file's head. */
export class BegunThread implements BegunWorker {
  readonly port: PortOfServer;
  readonly exited: Promise<Error | undefined>;
  readonly #thread: Worker;
  readonly #gate = new Int32Array(new SharedArrayBuffer(4), 0, 1);

  /** @param entry what it runs: a file that calls `runWorker` @throws Error where no thread can be made */
  constructor(entry: URL, isBypass: boolean) {
    const { port1, port2 } = new MessageChannel();
    this.port = new ThreadPort(port1);
    const workerData: WorkerBoot = { port: port2, gate: this.#gate, isBypass };
    this.#thread = new Worker(entry, { workerData, transferList: [port2], resourceLimits, ...separateStreams });
    let failure: Error | undefined;
    this.#thread.on('error', (error) => {
      failure = explainMissingFile(error);
    });
    this.exited = new Promise((resolve) => {
      this.#thread.on('exit', () => resolve(failure));
    });
  }

  joinStreams(): void {
    this.#thread.stdout.on('data', (bytes: Uint8Array) => process.stdout.write(bytes));
    this.#thread.stderr.on('data', (bytes: Uint8Array) => process.stderr.write(bytes));
  }

  openGate(): void {
    Atomics.store(this.#gate, 0, 1);
    Atomics.notify(this.#gate, 0);
  }
}
