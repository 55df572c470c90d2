// PairQueue: answers of a head and a small body of a file that wait for the end of a turn, to be sent together (engine/paired-sends.ts). What they
// sent is told to whoever they are of, who goes on from there by calls of his own. Not here: what may be sent so (list-pump.ts), when (loop.ts).

import type { PairedSends } from '../engine/paired-sends.js';

/** Whose a pair is. */
export interface PairOwner {
  /** @param result bytes of both, or -errno of the first call; see PairedSends.taken. */
  pairSent(result: number): void;
}

/** See the file's head. One per loop. */
export class PairQueue {
  #sends: PairedSends | undefined;
  /** Pairs that are not sent, and whose they are. */
  #count = 0;
  #owners: PairOwner[] = [];
  /** Those whose results are to be told. */
  #told: PairOwner[] = [];
  readonly #results: number[] = [];
  #next = 0;
  #end = 0;

  /** Whether a pair has to be sent or told of. */
  get waiting(): boolean {
    return this.#count > 0 || this.#next < this.#end;
  }

  /** True when there is no room for another pair. */
  get isFull(): boolean {
    return this.#sends !== undefined && this.#count === this.#sends.most;
  }

  /** Queues a pair, and returns its place for {@link drop}; -1 when there is no room. See PairedSends.set. */
  add(
    sends: PairedSends,
    owner: PairOwner,
    fd: number,
    address: number,
    bytes: number,
    file: number,
    offset: number,
    length: number,
  ): number {
    this.#sends = sends;
    if (this.isFull) return -1;
    const pair = this.#count++;
    this.#owners[pair] = owner;
    sends.set(pair, fd, address, bytes, file, offset, length);
    return pair;
  }

  /** Has nothing sent of a pair that may be sent already; its owner is told all the same. */
  drop(owner: PairOwner, pair: number): void {
    if (pair < this.#count && this.#owners[pair] === owner) this.#sends!.drop(pair);
  }

  /** Sends what is queued, and tells the owners. What they queue by that waits for the next time. */
  run(): void {
    // Of an earlier time when an owner threw.
    this.#tell();
    const count = this.#count;
    if (count === 0) return;
    const sends = this.#sends!;
    sends.run(count);
    for (let pair = 0; pair < count; pair++) this.#results[pair] = sends.taken(pair);
    const owners = this.#owners;
    this.#owners = this.#told;
    this.#told = owners;
    this.#count = this.#next = 0;
    this.#end = count;
    this.#tell();
  }

  #tell(): void {
    while (this.#next < this.#end) {
      const pair = this.#next++;
      this.#told[pair]!.pairSent(this.#results[pair]!);
    }
  }
}
