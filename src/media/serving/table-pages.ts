// Has the kernel give the tables of films their pages by one call for many, and take them back: each that is touched first by itself costs more. Not here: which
// table lies where (table-pool.ts).

import { MADV } from '../../kernel/constants.js';
import { addressOf } from '../../kernel/ffi.js';
import { pageBytes, tryAdviseMemory } from '../../kernel/memory.js';
import { tableCore } from '../table-core.js';
import { tablePool } from '../table-pool.js';

/** Does so for the thread's tables from now on. @throws FilmRefusal where the process may not have the addresses */
export function populateTables(): void {
  const address = addressOf(new Uint8Array(tableCore().pool.buffer));
  const mask = pageBytes() - 1;
  tablePool().populate = (offset, length) => {
    const from = offset & ~mask;
    // Where it cannot be done pages come as they are touched.
    tryAdviseMemory(address + from, (offset + length - from + mask) & ~mask, MADV.POPULATE_WRITE);
  };
  tablePool().discard = (offset, length) => {
    const end = offset + length;
    const from = Math.min(end, (offset + mask) & ~mask);
    const to = Math.max(from, end & ~mask);
    const bytes = new Uint8Array(tableCore().pool.buffer);
    // Others lie in the first and the last page as well.
    bytes.fill(0, offset, from).fill(0, to, end);
    return tryAdviseMemory(address + from, to - from, MADV.DONTNEED) >= 0;
  };
}
