// Hash tables of items that know their key: of the keys of a database, the fields of a hash, the members of a set. A table grows and shrinks in
// small steps (two bucket arrays for a while, as Redis has it), and its buckets come in segments, so that nothing is ever long: no array is
// cleared, copied or moved as a whole. A cursor counts buckets with its bits reversed, and so survives a change of size.

import { copyBytes } from '../copy';
import { hashOf } from './hash';
import { allocate, release } from './slabs';

/** The head of every item: what the table knows of it. The key's bytes follow at the table's `keyAt`. */
@unmanaged
class Item {
  next: u32;
  hash: u32;
  keyLength: u32;
}

@unmanaged
class Table {
  slots: u32;
  newSlots: u32;
  bits: u8;
  newBits: u8;
  keyAt: u8;
  /** How many walks are under way: nothing moves meanwhile. */
  walks: u8;
  /** The next bucket that moves to the new array, and 1; 0: there is none. */
  moving: u32;
  used: u32;
}

/** Bytes of a table. */
export const TABLE_BYTES = 20;

const SMALLEST_BITS: u32 = 2;
const LARGEST_BITS: u32 = 26;
/** Up to 1,024 buckets are one array; more are segments of as many, behind a directory. */
const SEGMENT_BITS: u32 = 10;
const SEGMENT_MASK: u32 = 1023;
const SEGMENT_BYTES: u32 = 4096;

/** A bucket that is always empty: of segments that were never written. */
const emptySlot = memory.data(4, 4);

/** Makes a table at an address. @param keyAt where the key's bytes begin in an item. Nothing is taken until the first item. */
export function tableBegin(table: usize, keyAt: u32): void {
  const it = changetype<Table>(table);
  it.slots = 0;
  it.newSlots = 0;
  it.bits = 0;
  it.newBits = 0;
  it.keyAt = <u8>keyAt;
  it.walks = 0;
  it.moving = 0;
  it.used = 0;
}

/** How many items a table has. */
export function tableCount(table: usize): u32 {
  return changetype<Table>(table).used;
}

/** Takes bucket arrays for a number of buckets; 0 where there is no room. */
function takeSlots(bits: u32): usize {
  const bytes: u32 = bits <= SEGMENT_BITS ? 4 << bits : 4 << (bits - SEGMENT_BITS);
  const slots = allocate(bytes);
  if (slots !== 0) memory.fill(slots, 0, bytes);
  return slots;
}

/** Where to read a bucket. */
function slotOf(slots: usize, bits: u32, index: u32): usize {
  if (bits <= SEGMENT_BITS) return slots + index * 4;
  const segment = load<u32>(slots + (index >> SEGMENT_BITS) * 4);
  return segment === 0 ? emptySlot : segment + (index & SEGMENT_MASK) * 4;
}

/** Where to write a bucket; its segment is made where there is none. 0: no room. */
function slotForWrite(slots: usize, bits: u32, index: u32): usize {
  if (bits <= SEGMENT_BITS) return slots + index * 4;
  const place = slots + (index >> SEGMENT_BITS) * 4;
  let segment = load<u32>(place);
  if (segment === 0) {
    segment = <u32>allocate(SEGMENT_BYTES);
    if (segment === 0) return 0;
    memory.fill(segment, 0, SEGMENT_BYTES);
    store<u32>(place, segment);
  }
  return segment + (index & SEGMENT_MASK) * 4;
}

/** Whether two ranges of one length are the same. */
export function sameBytes(one: usize, other: usize, length: u32): bool {
  let at: u32 = 0;
  for (; at + 8 <= length; at += 8) {
    if (load<u64>(one + at) !== load<u64>(other + at)) return false;
  }
  for (; at < length; at++) {
    if (load<u8>(one + at) !== load<u8>(other + at)) return false;
  }
  return true;
}

function findIn(first: u32, keyAt: u32, key: usize, length: u32, hash: u32): usize {
  for (let item = first; item !== 0; item = changetype<Item>(item).next) {
    const it = changetype<Item>(item);
    if (it.hash === hash && it.keyLength === length && sameBytes(item + keyAt, key, length)) return item;
  }
  return 0;
}

/** Where the bucket of a hash is, in the array that items are looked for first. The table must have items. */
export function tableBucketPlace(table: usize, hash: u32): usize {
  const it = changetype<Table>(table);
  const bits = <u32>it.bits;
  return slotOf(it.slots, bits, hash & ((1 << bits) - 1));
}

/** The item of a key; 0: there is none. @param hash `hashOf` of the key. */
export function tableFindHashed(table: usize, key: usize, length: u32, hash: u32): usize {
  const it = changetype<Table>(table);
  if (it.used === 0) return 0;
  if (it.moving !== 0) moveBuckets(table, 1);
  const bits = <u32>it.bits;
  const found = findIn(load<u32>(slotOf(it.slots, bits, hash & ((1 << bits) - 1))), it.keyAt, key, length, hash);
  if (found !== 0 || it.moving === 0) return found;
  const newBits = <u32>it.newBits;
  return findIn(load<u32>(slotOf(it.newSlots, newBits, hash & ((1 << newBits) - 1))), it.keyAt, key, length, hash);
}

/** The item of a key; 0: there is none. */
export function tableFind(table: usize, key: usize, length: u32): usize {
  if (changetype<Table>(table).used === 0) return 0;
  return tableFindHashed(table, key, length, hashOf(key, length));
}

/** Begins to move to another number of buckets, if there is room for them. */
function beginMove(table: usize, bits: u32): void {
  const it = changetype<Table>(table);
  const slots = takeSlots(bits);
  if (slots === 0) return;
  it.newSlots = <u32>slots;
  it.newBits = <u8>bits;
  it.moving = 1;
}

/** Moves the items of one bucket. Returns whether all of them could be moved. */
function moveBucket(it: Table, index: u32): bool {
  const from = slotOf(it.slots, it.bits, index);
  let item = load<u32>(from);
  const mask: u32 = (1 << (<u32>it.newBits)) - 1;
  while (item !== 0) {
    const moved = changetype<Item>(item);
    const next = moved.next;
    const slot = slotForWrite(it.newSlots, it.newBits, moved.hash & mask);
    if (slot === 0) return false;
    moved.next = load<u32>(slot);
    store<u32>(slot, item);
    item = next;
    store<u32>(from, item);
  }
  return true;
}

/** Moves up to so many buckets with items (and passes ten times as many without). Returns whether more are to be moved. */
export function moveBuckets(table: usize, most: u32): bool {
  const it = changetype<Table>(table);
  if (it.moving === 0 || it.walks !== 0) return false;
  const size: u32 = 1 << (<u32>it.bits);
  const isSegmented = <u32>it.bits > SEGMENT_BITS;
  let empty = most * 10;
  let left = most;
  while (left > 0) {
    const index = it.moving - 1;
    if (load<u32>(slotOf(it.slots, it.bits, index)) === 0) {
      if (empty === 0) return true;
      empty -= 1;
    } else {
      if (!moveBucket(it, index)) return false;
      left -= 1;
    }
    if (isSegmented && (index & SEGMENT_MASK) === SEGMENT_MASK) releaseSegment(it.slots, index >> SEGMENT_BITS);
    it.moving += 1;
    if (index + 1 === size) {
      release(it.slots);
      it.slots = it.newSlots;
      it.bits = it.newBits;
      it.newSlots = 0;
      it.moving = 0;
      return false;
    }
  }
  return true;
}

function releaseSegment(slots: usize, number: u32): void {
  const place = slots + number * 4;
  const segment = load<u32>(place);
  if (segment !== 0) release(segment);
  store<u32>(place, 0);
}

/** Adds an item whose key (with its length) is written in it and is not in the table yet. Returns false where there is no room for its bucket. */
export function tableAdd(table: usize, item: usize, hash: u32): bool {
  const it = changetype<Table>(table);
  if (it.slots === 0) {
    it.slots = <u32>takeSlots(SMALLEST_BITS);
    if (it.slots === 0) return false;
    it.bits = <u8>SMALLEST_BITS;
  }
  if (it.moving !== 0) moveBuckets(table, 1);
  else if (it.used >= (<u32>1) << (<u32>it.bits) && <u32>it.bits < LARGEST_BITS && it.walks === 0) {
    beginMove(table, <u32>it.bits + 1);
  }
  const bits = it.moving !== 0 ? <u32>it.newBits : <u32>it.bits;
  const slot = slotForWrite(it.moving !== 0 ? it.newSlots : it.slots, bits, hash & ((1 << bits) - 1));
  if (slot === 0) return false;
  const added = changetype<Item>(item);
  added.hash = hash;
  added.next = load<u32>(slot);
  store<u32>(slot, <u32>item);
  it.used += 1;
  return true;
}

/** Where an item is pointed at from: a bucket or the item before it; 0 where it is not in that array. */
function linkTo(slots: usize, bits: u32, item: usize): usize {
  let place = slotOf(slots, bits, changetype<Item>(item).hash & ((1 << bits) - 1));
  for (let at = load<u32>(place); at !== 0; at = load<u32>(place)) {
    if (at === <u32>item) return place;
    place = at;
  }
  return 0;
}

/** Takes an item out of its table; its memory stays the caller's. */
export function tableRemove(table: usize, item: usize): void {
  const it = changetype<Table>(table);
  let place = linkTo(it.slots, it.bits, item);
  if (place === 0) {
    if (it.moving === 0) unreachable();
    place = linkTo(it.newSlots, it.newBits, item);
    if (place === 0) unreachable();
  }
  store<u32>(place, changetype<Item>(item).next);
  it.used -= 1;
  if (it.used === 0 && it.walks === 0) {
    tableEmpty(table);
    return;
  }
  if (it.moving !== 0) moveBuckets(table, 1);
  else if (it.walks === 0 && <u32>it.bits > SMALLEST_BITS && it.used < (<u32>1) << (<u32>it.bits - 3)) {
    // A quarter, never less at once: a cursor then sees at most four buckets of the larger array at a time.
    const bits: u32 = <u32>it.bits - 2;
    beginMove(table, bits < SMALLEST_BITS ? SMALLEST_BITS : bits);
  }
}

/** Gives the bucket arrays back; the items must be gone. */
function tableEmpty(table: usize): void {
  const it = changetype<Table>(table);
  releaseSlots(it.slots, it.bits);
  if (it.moving !== 0) releaseSlots(it.newSlots, it.newBits);
  tableBegin(table, it.keyAt);
}

function releaseSlots(slots: usize, bits: u32): void {
  if (slots === 0) return;
  if (bits > SEGMENT_BITS) {
    const segments: u32 = 1 << (bits - SEGMENT_BITS);
    for (let index: u32 = 0; index < segments; index++) releaseSegment(slots, index);
  }
  release(slots);
}

/** Takes any item out, for a table that is being cleared; 0: it is empty, and holds no memory any more. */
export function tableTakeAny(table: usize): usize {
  const it = changetype<Table>(table);
  if (it.used === 0) {
    if (it.slots !== 0) tableEmpty(table);
    return 0;
  }
  // `moving` keeps the place, whether or not a move was under way: the old array from there on, then the new one.
  while (true) {
    const index: u32 = it.moving === 0 ? 0 : it.moving - 1;
    const size: u32 = 1 << (<u32>it.bits);
    for (let at = index; at < size; at++) {
      const place = slotOf(it.slots, it.bits, at);
      const item = load<u32>(place);
      if (item !== 0) {
        store<u32>(place, changetype<Item>(item).next);
        it.used -= 1;
        it.moving = at + 1;
        return item;
      }
      if (<u32>it.bits > SEGMENT_BITS && (at & SEGMENT_MASK) === SEGMENT_MASK)
        releaseSegment(it.slots, at >> SEGMENT_BITS);
    }
    if (it.newSlots === 0) unreachable();
    releaseSlots(it.slots, it.bits);
    it.slots = it.newSlots;
    it.bits = it.newBits;
    it.newSlots = 0;
    it.moving = 0;
  }
}

/** Counts walks that are under way: nothing moves while there is one. */
export function tableWalks(table: usize, change: i32): void {
  const it = changetype<Table>(table);
  it.walks = <u8>(<i32>it.walks + change);
  if (it.walks === 0 && it.used === 0 && it.slots !== 0) tableEmpty(table);
}

/** Whether items are being moved to a new array. */
export function tableHasNew(table: usize): bool {
  return changetype<Table>(table).moving !== 0;
}

/** How many buckets the array has, or the new one. */
export function tableBuckets(table: usize, isNew: bool): u32 {
  const it = changetype<Table>(table);
  if (it.slots === 0) return 0;
  const bits = isNew ? it.newBits : it.bits;
  return (1 as u32) << bits;
}

/** The first item of a bucket; 0: it is empty. */
export function tableBucket(table: usize, isNew: bool, index: u32): usize {
  const it = changetype<Table>(table);
  return load<u32>(isNew ? slotOf(it.newSlots, it.newBits, index) : slotOf(it.slots, it.bits, index));
}

/** The next item of the same bucket; 0: that was the last. */
export function tableNext(item: usize): usize {
  return changetype<Item>(item).next;
}

/** Bytes of a key and their number, as they stand in an item. */
export function itemKeyLength(item: usize): u32 {
  return changetype<Item>(item).keyLength;
}

/** Writes a key into an item that is not in a table yet. */
export function itemSetKey(item: usize, keyAt: u32, key: usize, length: u32): void {
  changetype<Item>(item).keyLength = length;
  copyBytes(item + keyAt, key, length);
}
