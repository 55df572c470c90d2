// RestTimer: tells a loop's thread once a time is over that is too short for the loop's own ticks. Not here: what rests.

import { Errno } from '../kernel/errno.js';
import { clearEvent } from '../kernel/event.js';
import { closeDescriptor } from '../kernel/socket.js';
import { createTimer, setTimer } from '../kernel/timer.js';
import { Endpoint } from './endpoint.js';
import type { Loop } from './loop.js';

const endless = 0xffff_ffff;

/** See the file's head. */
export class RestTimer extends Endpoint {
  readonly fd = createTimer();
  readonly #loop: Loop;
  readonly #due: () => void;
  #setUntilMs = Number.POSITIVE_INFINITY;
  #isClosed = false;

  /** @param due called when a time is over. @throws SystemError EMFILE, ENFILE; what cannot be watched */
  constructor(loop: Loop, due: () => void) {
    super();
    this.#loop = loop;
    this.#due = due;
    loop.register(this);
    try {
      loop.engine.watch(this.token, this.fd);
    } catch (error) {
      loop.unregister(this);
      closeDescriptor(this.fd);
      throw error;
    }
  }

  /** It tells after so many microseconds at the latest; 2^32 - 1: this does not make it tell. */
  set(us: number): void {
    const nowMs = performance.now();
    const untilMs = nowMs + us / 1000;
    // One that comes sooner does as well, and costs no call.
    if (us === endless || (this.#setUntilMs > nowMs && this.#setUntilMs <= untilMs)) return;
    this.#setUntilMs = untilMs;
    setTimer(this.fd, Math.max(1, us));
  }

  override readable(result: number, more: boolean): void {
    // What was told before it was closed may come after it, when the descriptor's number is somebody else's.
    if (this.#isClosed || result === -Errno.ECANCELED) return;
    if (!more) this.#loop.engine.watch(this.token, this.fd);
    clearEvent(this.fd);
    this.#setUntilMs = Number.POSITIVE_INFINITY;
    this.#due();
  }

  /** It tells no more. */
  close(): void {
    this.#isClosed = true;
    this.#loop.engine.cancel(this.token, this.fd);
    this.#loop.engine.flush();
    closeDescriptor(this.fd);
  }
}
