// The main thread's hold on one worker, a thread or itself, from its begin on: it waits for its start, is told what to do, and ends.
// Not here: how it begins (begun-thread.ts, begun-here.ts), what it does (worker.ts), and what becomes of one that died (server.ts).

import { createEventDescriptor, signalEvent } from '../kernel/event.js';
import { closeDescriptor } from '../kernel/socket.js';
import { coded } from '../text/coded.js';
import type { BegunWorker } from './begun-thread.js';
import type { PortOfServer, WorkerSays, WorkerStart, WorkerTold } from './worker.js';

/** Who is told what a thread says, and of its end. */
export interface WorkerListener {
  /** Everything but what {@link WorkerThread} itself waits for. */
  hear(says: WorkerSays): void;
  /** @param wasReady whether it served before; `failure` is what it threw */
  ended(wasReady: boolean, failure: Error | undefined): void;
}

/** A promise, settled from outside by whichever comes first; nobody has to hear its failure. */
class Settled {
  resolve!: () => void;
  reject!: (error: Error) => void;
  readonly promise = new Promise<void>((resolve, reject) => {
    this.resolve = resolve;
    this.reject = reject;
  });

  constructor() {
    this.promise.catch(() => {});
  }
}

/** See the file's head. It needs nothing that is not there yet before {@link start}. */
export class WorkerThread {
  readonly #listener: WorkerListener;
  readonly #begun: BegunWorker;
  readonly #port: PortOfServer;
  readonly #booted = new Settled();
  readonly #ready = new Settled();
  readonly #exited = new Settled();
  /** Made and closed here: a worker that closed it could have its number taken by a socket before it is signalled again. */
  #wakeDescriptor = -1;
  #engine: string | undefined;
  /** The descriptor of its queue's socket, where it serves past the kernel. */
  queueDescriptor = -1;

  constructor(begun: BegunWorker, listener: WorkerListener) {
    this.#listener = listener;
    this.#begun = begun;
    this.#port = begun.port;
    this.#port.listen((says) => this.#hear(says));
    void begun.exited.then((failure) => this.#end(failure));
  }

  /** Settled when all of it is loaded and it waits for its start. */
  get booted(): Promise<void> {
    return this.#booted.promise;
  }

  /** Settled when it has ended. */
  get exited(): Promise<void> {
    return this.#exited.promise;
  }

  /** What it runs on, once it serves; undefined before. */
  get engine(): string | undefined {
    return this.#engine;
  }

  /** Lets it serve. @returns settled when it does, or ended before. @throws SystemError without a descriptor for its wake-ups */
  async start(start: Omit<WorkerStart, 'wakeDescriptor'>): Promise<void> {
    this.#wakeDescriptor = createEventDescriptor();
    this.#port.say({ ...start, wakeDescriptor: this.#wakeDescriptor });
    this.#begun.joinStreams();
    this.#begun.openGate();
    await this.#ready.promise;
  }

  /** Ends it, if it has not been started. */
  dismiss(): void {
    this.#begun.openGate();
  }

  /** Tells it, if it serves. */
  tell(told: WorkerTold): void {
    if (this.#engine === undefined || this.#wakeDescriptor < 0) return;
    this.#port.say(told);
    signalEvent(this.#wakeDescriptor);
  }

  #hear(says: WorkerSays): void {
    if (says.kind === 'booted') this.#booted.resolve();
    else if (says.kind === 'ready') {
      this.#engine = says.engine;
      this.queueDescriptor = says.queueDescriptor;
      this.#ready.resolve();
    } else this.#listener.hear(says);
  }

  #end(failure: Error | undefined): void {
    // Its last words: the thread may be gone before they were delivered, and that it was ready may be among them.
    for (let last = this.#port.next(); last !== undefined; last = this.#port.next()) this.#hear(last);
    if (this.#wakeDescriptor >= 0) closeDescriptor(this.#wakeDescriptor);
    this.#wakeDescriptor = -1;
    this.#port.close();
    const error = failure ?? coded('CLEARWAY_WORKER', new Error('it ended by itself'));
    this.#booted.reject(error);
    this.#ready.reject(error);
    this.#listener.ended(this.#engine !== undefined, failure);
    this.#exited.resolve();
  }
}
