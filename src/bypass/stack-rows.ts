// StackRows: what came for sockets that are delivered to (`deliver` of src/core/README.md), read out of the stack's memory row by row, without a call. The frame of a row goes back
// with the next turn, unless it is kept. Not here: who is told of it (bypass-engine.ts).

import { Place } from '../core/control.js';
import type { StackExports } from './stack-exports.js';

const entries = 256;
/** Words of 32 bits of a row, and which of them is what (core/tcp/rows.ts). */
const rowWords = 4;
const word = { socket: 0, address: 2, length: 3 } as const;

/** Bytes of the memory that rows take. */
export const rowBytes = entries * rowWords * 4;

/** See the file's head. */
export class StackRows {
  readonly #core: StackExports;
  readonly #rows: Uint32Array;
  /** How many were written, and how many were taken: numbers that wrap. */
  readonly #counts: Int32Array;
  /** Of the row that was taken last. The address is 0 when its frame goes back, or stays with whoever has it. */
  socket = 0;
  address = 0;
  length = 0;

  /** @param at an address in the memory, of 8, with {@link rowBytes} behind it. Behind `configure` */
  constructor(core: StackExports, buffer: ArrayBufferLike, at: number) {
    this.#core = core;
    this.#rows = new Uint32Array(buffer, at, entries * rowWords);
    this.#counts = new Int32Array(buffer, core.controlBlock() + Place.rowsWritten, 2);
    if (core.deliverInto(at, entries) !== 0) throw new Error('our TCP/IP: rows cannot be written there');
  }

  /** Takes the next row. Returns whether there was one: its frame is the application's until the next turn. */
  next(): boolean {
    const [rows, counts] = [this.#rows, this.#counts];
    for (let row = counts[1]!; row !== counts[0]!; ) {
      const at = (row & (entries - 1)) * rowWords;
      row = (row + 1) | 0;
      counts[1] = row;
      const address = rows[at + word.address]!;
      // It waits to be received: its socket is not delivered to any more, or is closed.
      if (address === 0) continue;
      this.socket = rows[at + word.socket]!;
      this.address = address;
      this.length = rows[at + word.length]!;
      return true;
    }
    return false;
  }

  /** Whether a frame, which is not needed any more, is that of the row that was taken last: then it goes back by itself. */
  giveBack(frame: number): boolean {
    if (frame !== this.address) return false;
    this.address = 0;
    return true;
  }

  /** Unless it was given back, the frame of the row that was taken last stays: it is recycled as one that was received. */
  keep(): void {
    if (this.address !== 0) this.#core.keepRow((this.#counts[1]! - 1) >>> 0);
    this.address = 0;
  }
}
