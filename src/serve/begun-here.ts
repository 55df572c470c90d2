// A server's first worker on the thread that starts the server: a process with one of them needs no second thread, which takes Node as long
// to make as all else of a start, and 10 MB. Node's own loop has its turns beside it (transport/node-turns.ts). What it throws ends it as it
// ends a thread's; a thread takes its place then. Not here: what it does (worker.ts), other workers (begun-thread.ts).

import type { BegunWorker } from './begun-thread.js';
import type { ResolvedOptions } from './options.js';
import { type PortOfServer, runWorkerHere, type WorkerSays, type WorkerStart, type WorkerTold } from './worker.js';
import { LocalPort } from './worker-port.js';

class BegunHere implements BegunWorker {
  readonly port: PortOfServer;
  readonly exited: Promise<Error | undefined>;
  openGate!: () => void;

  constructor() {
    const [ours, workers] = LocalPort.pair<WorkerStart | WorkerTold, WorkerSays>();
    this.port = ours;
    const opened = new Promise<void>((resolve) => {
      this.openGate = resolve;
    });
    this.exited = opened
      .then(() => runWorkerHere(workers))
      .then(
        () => undefined,
        (error: Error) => error,
      );
  }

  joinStreams(): void {
    // They are ours.
  }
}

/**
 * Begins it, for a process that does nothing but serve. Undefined where the main thread has work of its own that requests would wait for (a
 * meter and its page, files that are pinned), or where workers run something else (films, past the kernel).
 */
export function beginHere({ bypass, media, meter, pin }: ResolvedOptions): BegunWorker | undefined {
  const isFree = bypass === undefined && !media && meter === false && pin.length === 0;
  return isFree ? new BegunHere() : undefined;
}
