// Sends by reference (SEND_ZC) whose end is still to come: each has a number, which is in its user_data for both of its completions: the
// call's, and the notification that the kernel uses the bytes no more. Not here: the submission (engine.ts).

import type { SendReference } from '../engine/zero-copy.js';

/** See the file's head. */
export class AwaitedNotices {
  readonly #tokens: number[] = [];
  readonly #sends: Array<SendReference | undefined> = [];
  readonly #free: number[] = [];

  /** Gives a send its number. @param token whom its `sent` is for. */
  add(token: number, send: SendReference): number {
    const number = this.#free.pop() ?? this.#tokens.length;
    this.#tokens[number] = token;
    this.#sends[number] = send;
    return number;
  }

  /** The token of a send. */
  tokenOf(number: number): number {
    return this.#tokens[number]!;
  }

  /** The notification has come, or will not: whoever waits is told. */
  end(number: number, copied: boolean): void {
    const send = this.#sends[number];
    this.#sends[number] = undefined;
    this.#free.push(number);
    send?.noticed(copied);
  }
}
