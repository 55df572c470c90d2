// Selective acknowledgements (RFC 2018, 2883): what we say of pieces beyond a gap.

import { before, putBe32 } from '../bytes';
import { Connection } from './connection';
import { piece } from './pieces';

let islandFrom: u32 = 0;
let islandTo: u32 = 0;

/** Whether there is something to say. */
export function hasSackNews(c: Connection): bool {
  return c.hasSack && (c.outHead !== 0 || c.doubledFrom !== c.doubledTo);
}

/** Writes at most so many ranges: what came twice, then where something arrived last, the newest first. Returns how many. */
export function putSackRanges(c: Connection, into: usize, most: u32): u32 {
  let many: u32 = 0;
  if (c.doubledFrom !== c.doubledTo) {
    putRange(into, c.doubledFrom, c.doubledTo);
    many = 1;
  }
  for (let index: u32 = 0; index < c.recentCount && many < most; index++) {
    const sequence = index === 0 ? c.recent0 : index === 1 ? c.recent1 : c.recent2;
    if (!findIsland(c, sequence)) continue;
    if (isSaid(into, c.doubledFrom !== c.doubledTo ? 1 : 0, many)) continue;
    putRange(into + (many << 3), islandFrom, islandTo);
    many++;
  }
  return many;
}

function putRange(into: usize, from: u32, to: u32): void {
  putBe32(into, from);
  putBe32(into + 4, to);
}

/** Whether the island that was found is among the ranges that were written. */
function isSaid(into: usize, first: u32, many: u32): bool {
  for (let index = first; index < many; index++) {
    if (bswap<u32>(load<u32>(into + (index << 3))) === islandFrom) return true;
  }
  return false;
}

/** The pieces without a gap among them, one of which has a byte. */
function findIsland(c: Connection, sequence: u32): bool {
  let record = c.outHead;
  while (record !== 0) {
    islandFrom = piece(record).sequence;
    islandTo = islandFrom;
    while (record !== 0 && piece(record).sequence === islandTo) {
      islandTo += piece(record).length;
      record = piece(record).next;
    }
    if (before(sequence, islandFrom)) return false;
    if (before(sequence, islandTo)) return true;
  }
  return false;
}
