// Watches the pump's heartbeat from the feeder's thread, which nothing holds up: a pump that hangs in its sink (a sound server that died while it waited for it) is ended by force, so that the device is free
// and the player hears of it. Not here: what the player makes of that.

import { PumpState, PumpWord } from '../pump/shared-layout.js';
import type { FeederSays } from './messages.js';

/** See the file's head. */
export class PumpWatch {
  readonly #words: Int32Array;
  readonly #say: (says: FeederSays) => void;
  #seen = 0;
  #seenAt = performance.now();
  #lookedAt = performance.now();
  #isEnded = false;

  constructor(words: Int32Array, say: (says: FeederSays) => void) {
    this.#words = words;
    this.#say = say;
  }

  /** Looks; `hangMs`: how long no heartbeat means that it hangs. */
  look(hangMs: number | undefined): void {
    const now = performance.now();
    const beat = Atomics.load(this.#words, PumpWord.heartbeat);
    const state = Atomics.load(this.#words, PumpWord.state);
    const isAtSink = state >= PumpState.filling && state <= PumpState.closing;
    // If this thread did not run either, nobody hangs: the host was busy, or slept.
    const isAwake = now - this.#lookedAt < 200;
    this.#lookedAt = now;
    if (beat !== this.#seen || !isAtSink || !isAwake || hangMs === undefined) {
      this.#seen = beat;
      this.#seenAt = now;
      return;
    }
    if (this.#isEnded || now - this.#seenAt < hangMs) return;
    this.#isEnded = true;
    const silent = Math.round(now - this.#seenAt);
    this.#say({
      kind: 'hung',
      sentence: `the device took nothing for ${silent} ms and does not answer: its server is gone, or its driver hangs`,
    });
    try {
      process.kill(this.#words[PumpWord.pid]!, 'SIGKILL');
    } catch {
      // It has ended by itself.
    }
  }
}
