// WarmListener: a listener that lets clients in once clients of our own have come, asked and gone, so that the first ones find compiled code. Nobody is accepted beside
// these: they would take a place of others, and what is counted of them could not be told from theirs. Not here: what they ask, and how long (warm-up.ts).

import { awaitInput } from '../kernel/event.js';
import { SystemError } from '../kernel/system-error.js';
import type { ListenSocket } from './acceptor.js';
import type { Protocol } from './connection.js';
import { Listener, type ListenerLimits } from './listener.js';
import type { Loop } from './loop.js';
import { WarmUp, type WarmUpWords } from './warm-up.js';

/** See the file's head. */
export class WarmListener<State> {
  readonly #listener: Listener<State>;
  readonly #sockets: readonly ListenSocket[];
  #warmUp: WarmUp<State> | undefined;

  /** As a {@link Listener}. @param words what the warm-up asks; undefined: there is none. Nor is there where it cannot have its sockets */
  constructor(
    loop: Loop,
    sockets: readonly ListenSocket[],
    protocol: Protocol<State>,
    limits: ListenerLimits,
    overflow: string,
    words: WarmUpWords | undefined,
  ) {
    this.#sockets = sockets;
    this.#listener = new Listener(loop, [], protocol, limits, overflow);
    const isAwaited = (): boolean => sockets.some(({ fd }) => awaitInput(fd, 0));
    try {
      if (words !== undefined) {
        this.#warmUp = new WarmUp(loop, this.#listener, words, isAwaited, () => this.#listen());
        return;
      }
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
    }
    this.#listen();
  }

  #listen(): void {
    this.#warmUp = undefined;
    this.#listener.listen(this.#sockets);
  }

  /** Clients that were let in and turned away. */
  get counts(): { readonly accepted: number; readonly refused: number } {
    return this.#listener.counts;
  }

  /** As {@link Listener.drain}; a warm-up ends at once. */
  drain(done: () => void): void {
    const warmUp = this.#warmUp;
    if (warmUp !== undefined) {
      warmUp.close();
      this.#listener.abortAll();
      this.#listen();
    }
    this.#listener.drain(done);
  }

  /** As {@link Listener.abortAll}. */
  abortAll(): void {
    this.#listener.abortAll();
  }
}
