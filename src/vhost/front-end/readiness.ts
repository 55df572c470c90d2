// Readiness: waiting for input on a descriptor. On the main thread others run meanwhile; a worker thread blocks in the kernel. Not here: reading.

import { isMainThread } from 'node:worker_threads';
import { awaitInput } from '../../kernel/event.js';
import { UvPoll } from '../../kernel/uv-poll.js';
import { wrongState } from '../../text/coded.js';

/** See the file's head. One waits at a time. The descriptor stays its owner's, who ends this before it. */
export class Readiness {
  readonly #fd: number;
  #poll: UvPoll | undefined;
  #ready: ((isReady: boolean) => void) | undefined;

  constructor(fd: number) {
    this.#fd = fd;
  }

  /** Waits until there is input, or the other side went, at most `limitMs`. False: nothing came, or {@link close} was called. */
  wait(limitMs: number): Promise<boolean> {
    if (awaitInput(this.#fd, isMainThread ? 0 : limitMs)) return Promise.resolve(true);
    if (!isMainThread || limitMs <= 0) return Promise.resolve(false);
    if (this.#ready !== undefined) throw wrongState('somebody waits for this descriptor already');
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#ready?.(false), limitMs);
      this.#ready = (isReady) => {
        this.#ready = undefined;
        clearTimeout(timer);
        this.#poll?.poll(false);
        resolve(isReady);
      };
      if (this.#poll === undefined) this.#poll = new UvPoll(this.#fd, this.#isReadable);
      else this.#poll.poll(true);
    });
  }

  /** In a turn of Node's: within a callback of libuv's no promise goes on. */
  readonly #isReadable = (): void => {
    this.#poll?.poll(false);
    setImmediate(() => this.#ready?.(true));
  };

  /** Ends it; whoever waits is told that nothing came. */
  close(): void {
    this.#ready?.(false);
    this.#poll?.close();
    this.#poll = undefined;
  }
}
