// What a server and a worker of its tell each other: words of one type each way. A thread's travel through a MessagePort; those of a worker on
// the same thread through a list, since Node's ports cost a start as much as the server itself. Not here: what is told (worker.ts).

import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';

/** One of two ends. */
export interface WorkerPort<Says, Hears> {
  /** Tells the other end. */
  say(word: Says): void;
  /** Takes what was told first and not heard yet; undefined: nothing. */
  next(): Hears | undefined;
  /** From now on each word is handed to `hear`, from Node's own loop. */
  listen(hear: (word: Hears) => void): void;
  /** No more is heard there; what was said from here is. */
  close(): void;
}

/** Between two threads. */
export class ThreadPort<Says, Hears> implements WorkerPort<Says, Hears> {
  readonly #port: MessagePort;

  constructor(port: MessagePort) {
    this.#port = port;
  }

  /** See {@link WorkerPort.say}. */
  say(word: Says): void {
    this.#port.postMessage(word);
  }

  next(): Hears | undefined {
    return receiveMessageOnPort(this.#port)?.message as Hears | undefined;
  }

  listen(hear: (word: Hears) => void): void {
    this.#port.on('message', hear);
  }

  close(): void {
    this.#port.close();
  }
}

/** Within one thread, where it is a pair of these. */
export class LocalPort<Says, Hears> implements WorkerPort<Says, Hears> {
  /** Called when there is a word for the other end: where a loop of ours blocks the thread, it has to return to Node's. */
  onSaid: (() => void) | undefined;
  readonly #inbox: Hears[];
  readonly #outbox: Says[];
  readonly #other: LocalPort<Hears, Says>;
  #hear: ((word: Hears) => void) | undefined;

  /** Both ends. */
  static pair<A, B>(): [LocalPort<A, B>, LocalPort<B, A>] {
    const first = new LocalPort<A, B>([], []);
    return [first, first.#other];
  }

  private constructor(inbox: Hears[], outbox: Says[], other?: LocalPort<Hears, Says>) {
    this.#inbox = inbox;
    this.#outbox = outbox;
    this.#other = other ?? new LocalPort(outbox, inbox, this);
  }

  /** See {@link WorkerPort.say}. */
  say(word: Says): void {
    this.#outbox.push(word);
    this.#other.#handOut();
    this.onSaid?.();
  }

  next(): Hears | undefined {
    return this.#inbox.shift();
  }

  listen(hear: (word: Hears) => void): void {
    this.#hear = hear;
    this.#handOut();
  }

  close(): void {
    this.#hear = undefined;
  }

  #handOut(): void {
    if (this.#hear === undefined || this.#inbox.length === 0) return;
    setImmediate(() => {
      // All that were said by now, each of which may be the end of hearing.
      for (let left = this.#inbox.length; left > 0 && this.#hear !== undefined; left--) {
        const word = this.next();
        if (word !== undefined) this.#hear(word);
      }
    });
  }
}
