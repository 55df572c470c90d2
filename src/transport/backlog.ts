// Backlog: bytes of one connection that its protocol did not take yet, in memory of our own, because the engine wants
// its frames back. Not here: how much of it there may be (connection.ts stops receiving).

import { CopyReason, copyBytes } from '../memory/copy.js';

const leastBytes = 1024;

/** Keeps account of the memory of backlogs. */
export interface BacklogAccount {
  /** Bytes of memory that they have, whether all of it is used or not. */
  heldBytes: number;
}

/** Exists while something waits: most connections never have one. */
export class Backlog {
  bytes: Uint8Array;
  /** The bytes that wait are from `start` to `end`. */
  start = 0;
  end = 0;

  readonly #account: BacklogAccount;

  /** @param length bytes that are expected to begin with. */
  constructor(length: number, account: BacklogAccount) {
    this.bytes = new Uint8Array(roomFor(length));
    this.#account = account;
    account.heldBytes += this.bytes.length;
  }

  /** Takes its memory off the account: to be called once, when nobody uses it any more. */
  letGo(): undefined {
    this.#account.heldBytes -= this.bytes.length;
  }

  /** Bytes that wait. */
  get length(): number {
    return this.end - this.start;
  }

  /** Adds bytes behind the ones that wait. Counted as copies. */
  append(source: Uint8Array, start: number, end: number): void {
    const length = end - start;
    if (this.end + length > this.bytes.length) this.#makeRoom(length);
    copyBytes(CopyReason.requestBacklog, this.bytes, this.end, source, start, length);
    this.end += length;
  }

  #makeRoom(length: number): void {
    const held = this.length;
    const room = new Uint8Array(roomFor(held + length));
    copyBytes(CopyReason.requestBacklog, room, 0, this.bytes, this.start, held);
    this.#account.heldBytes += room.length - this.bytes.length;
    this.bytes = room;
    this.start = 0;
    this.end = held;
  }
}

/** The next power of two. */
function roomFor(length: number): number {
  return Math.max(leastBytes, 1 << (32 - Math.clz32(length - 1)));
}
