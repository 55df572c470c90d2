// Ways through a table (table.ts): a walk over all items within one command, a cursor that outlives commands, an item by chance.

import { random64 } from '../random';
import { tableBucket, tableBuckets, tableHasNew, tableNext, tableWalks } from './table';

@unmanaged
class Walk {
  table: u32;
  isNew: u32;
  index: u32;
  item: u32;
}

/** Begins a walk; until `walkEnd` nothing moves in the table. @param walk where its state lies. */
export function walkBegin(walk: usize, table: usize): void {
  const it = changetype<Walk>(walk);
  it.table = <u32>table;
  it.isNew = 0;
  it.index = 0;
  it.item = 0;
  tableWalks(table, 1);
}

/** Buckets whose items are read together before a walk comes to them, so that the waits for memory overlap; tables of fewer than so many lie in the caches. */
const AHEAD: u32 = 16;
const LARGE: u32 = 4096;
const touched = memory.data(4, 4);

function touch(table: usize, isNew: bool, from: u32): void {
  const size = tableBuckets(table, isNew);
  if (size < LARGE) return;
  let sum: u32 = 0;
  // The size is a power of two, and so are the steps.
  for (let index = from; index < from + AHEAD; index++) {
    const item = tableBucket(table, isNew, index);
    if (item !== 0) sum += load<u32>(item);
  }
  store<u32>(touched, sum);
}

/** The next item; 0: that was the last. The item may be removed before the next call; others may not. */
export function walkNext(walk: usize): usize {
  const it = changetype<Walk>(walk);
  const table = it.table;
  while (it.item === 0) {
    if (it.index === tableBuckets(table, it.isNew !== 0)) {
      if (it.isNew !== 0 || !tableHasNew(table)) return 0;
      it.isNew = 1;
      it.index = 0;
    } else {
      if ((it.index & (AHEAD - 1)) === 0) touch(table, it.isNew !== 0, it.index);
      it.item = <u32>tableBucket(table, it.isNew !== 0, it.index);
      it.index += 1;
    }
  }
  const item = it.item;
  it.item = <u32>tableNext(item);
  return item;
}

/** Ends a walk. */
export function walkEnd(walk: usize): void {
  tableWalks(changetype<Walk>(walk).table, -1);
}

function reversed(value: u32): u32 {
  let bits = bswap<u32>(value);
  bits = ((bits >> 4) & 0x0f0f0f0f) | ((bits & 0x0f0f0f0f) << 4);
  bits = ((bits >> 2) & 0x33333333) | ((bits & 0x33333333) << 2);
  return ((bits >> 1) & 0x55555555) | ((bits & 0x55555555) << 1);
}

let scanInto: usize = 0;
let scanRoom: u32 = 0;

/** How many items the last step of a scan wrote. */
export let scanned: u32 = 0;

function emit(table: usize, isNew: bool, index: u32): void {
  for (let item = tableBucket(table, isNew, index); item !== 0 && scanned < scanRoom; item = tableNext(item)) {
    store<u32>(scanInto + scanned * 4, <u32>item);
    scanned += 1;
  }
}

/**
 * One step of a scan: writes the addresses of a bucket's items (of up to five buckets while the table changes its size), `scanned` says how many.
 * Returns the cursor of the next step, 0 at the end. An item that is there from the first step to the last is met at least once (the cursor
 * counts with its bits reversed: Pieter Noordhuis's algorithm, as Redis has it).
 */
export function scanStep(table: usize, cursor: u32, into: usize, room: u32): u32 {
  scanInto = into;
  scanRoom = room;
  scanned = 0;
  let small = tableBuckets(table, false);
  if (small === 0) return 0;
  let at = cursor;
  if (!tableHasNew(table)) {
    emit(table, false, at & (small - 1));
    return advance(at, small - 1);
  }
  let large = tableBuckets(table, true);
  const isGrowing = small < large;
  if (!isGrowing) {
    const other = small;
    small = large;
    large = other;
  }
  emit(table, !isGrowing, at & (small - 1));
  do {
    emit(table, isGrowing, at & (large - 1));
    at = advance(at, large - 1);
  } while ((at & ((small - 1) ^ (large - 1))) !== 0);
  return at;
}

/** Counts on in the reversed bits of a cursor that the mask has. */
function advance(cursor: u32, mask: u32): u32 {
  return reversed(reversed(cursor | ~mask) + 1);
}

/** Any item, each bucket that has some as likely as another; 0: the table is empty. */
export function randomItem(table: usize): usize {
  const old = tableBuckets(table, false);
  const all = tableHasNew(table) ? old + tableBuckets(table, true) : old;
  if (all === 0) return 0;
  let index = <u32>(random64() % <u64>all);
  // By chance as long as that is likely to help, then one after another.
  for (let tries: u32 = 0; tries < all + 64; tries++) {
    const first = index < old ? tableBucket(table, false, index) : tableBucket(table, true, index - old);
    if (first !== 0) return oneOf(first);
    if (tries < 64) index = <u32>(random64() % <u64>all);
    else index = index + 1 === all ? 0 : index + 1;
  }
  return 0;
}

/** One item of a bucket by chance. */
function oneOf(first: usize): usize {
  let chosen = first;
  let count: u64 = 1;
  for (let item = tableNext(first); item !== 0; item = tableNext(item)) {
    count += 1;
    if (random64() % count === 0) chosen = item;
  }
  return chosen;
}
