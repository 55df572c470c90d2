// Sends by reference (SEND_ZC) whose end is still to come: each has a number, which is in its user_data for both of its completions: the
// call's, and the notification that the kernel uses the bytes no more. Not here: the submission (engine.ts).

import type { SendNotice } from '../engine/zero-copy.js';

/** See the file's head. */
export class AwaitedNotices {
  readonly #tokens: number[] = [];
  readonly #notices: Array<SendNotice | undefined> = [];
  readonly #free: number[] = [];
  /** Sends that are under way or whose notification is awaited. */
  count = 0;

  /** Gives a send its number. @param token whom its `sent` is for. */
  add(token: number, notice: SendNotice): number {
    const number = this.#free.pop() ?? this.#tokens.length;
    this.#tokens[number] = token;
    this.#notices[number] = notice;
    this.count++;
    return number;
  }

  /** The token of a send. */
  tokenOf(number: number): number {
    return this.#tokens[number]!;
  }

  /** The notification has come, or will not: whoever waits is told. */
  end(number: number, copied: boolean): void {
    const notice = this.#notices[number];
    this.#notices[number] = undefined;
    this.#free.push(number);
    this.count--;
    notice?.noticed(copied);
  }
}
