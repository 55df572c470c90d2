// Pairs of sends in the fake engine: its own calls, one by one, as its script lets them. Not here: how those go (fake.ts).

import { MSG } from '../kernel/constants.js';
import type { PairedSends } from './paired-sends.js';

/** What it needs of its engine. */
interface FakeCalls {
  sendNow(fd: number, address: number, length: number, flags: number): number;
  sendFile(fd: number, file: number, offset: number, length: number): number;
}

/** See the file's head. */
export class FakePairs implements PairedSends {
  /** A few, so that tests come to the end of them. */
  readonly most = 4;
  /** How many pairs each run had. */
  readonly runs: number[] = [];
  readonly #engine: FakeCalls;
  readonly #calls: Array<(() => number) | undefined> = [];
  #taken: number[] = [];

  constructor(engine: FakeCalls) {
    this.#engine = engine;
  }

  set(pair: number, fd: number, address: number, bytes: number, file: number, offset: number, length: number): void {
    this.#calls[pair] = () => {
      const head = this.#engine.sendNow(fd, address, bytes, MSG.MORE);
      if (head < bytes) return head;
      return head + Math.max(0, this.#engine.sendFile(fd, file, offset, length));
    };
  }

  drop(pair: number): void {
    this.#calls[pair] = undefined;
  }

  run(count: number): void {
    this.runs.push(count);
    this.#taken = this.#calls.slice(0, count).map((call) => call?.() ?? -1);
  }

  taken(pair: number): number {
    return this.#taken[pair]!;
  }
}
