// Has the kernel give the tables of films their pages by one call for many, and take them back: each that is touched first by itself costs more. They are given
// ahead of whoever fills a table, some at a time: where a host has to find them first, one took 35 us. Not here: which table lies where (table-pool.ts).

import { MADV } from '../../kernel/constants.js';
import { addressOf } from '../../kernel/ffi.js';
import { pageBytes, tryAdviseMemory } from '../../kernel/memory.js';
import { tableCore } from '../table-core.js';
import { tablePool } from '../table-pool.js';

/** Bytes that are given pages at once: more than is filled between two calls. */
const atOnceBytes = 64 * 1024;

/** What was told of and has no pages yet: where each range goes on, and its end; first come, first given. */
const ahead: { from: number; readonly to: number }[] = [];
let give: (from: number, to: number) => void = () => {};

/** Gives some pages more, where a table is without; called between two steps of a reader. */
export function populateAhead(): void {
  const first = ahead[0];
  if (first === undefined) return;
  const { from, to } = first;
  first.from += atOnceBytes;
  if (first.from >= to) ahead.shift();
  give(from, Math.min(from + atOnceBytes, to));
}

/** What was told of is left as it is: what fills a table from now on has its pages as it touches them. */
export function leaveUnpopulated(): void {
  ahead.length = 0;
}

/** Does so for the thread's tables from now on. @throws FilmRefusal where the process may not have the addresses */
export function populateTables(): void {
  const address = addressOf(new Uint8Array(tableCore().pool.buffer));
  const mask = pageBytes() - 1;
  give = (from, to) => {
    // Where it cannot be done pages come as they are touched.
    tryAdviseMemory(address + from, to - from, MADV.POPULATE_WRITE);
  };
  tablePool().populate = (offset, length) => {
    ahead.push({ from: offset & ~mask, to: (offset + length + mask) & ~mask });
    if (ahead.length === 1) populateAhead();
  };
  tablePool().discard = (offset, length) => {
    const end = offset + length;
    const from = Math.min(end, (offset + mask) & ~mask);
    const to = Math.max(from, end & ~mask);
    leaveUnpopulated();
    const bytes = new Uint8Array(tableCore().pool.buffer);
    // Others lie in the first and the last page as well.
    bytes.fill(0, offset, from).fill(0, to, end);
    return tryAdviseMemory(address + from, to - from, MADV.DONTNEED) >= 0;
  };
}
