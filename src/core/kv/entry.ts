// A key with its value, as it lies in memory. Short strings stand behind the key in the same object; long ones in a block (block.ts); collections
// in objects of their own, each of which begins with the two numbers of trash.ts.

import { copyBytes } from '../copy';
import { BLOCK_HEAD, canGrow, canReuse, dropBlock, holdBlock, makeBlock } from './block';
import { allocate, release, roomOf } from './slabs';
import { itemKeyLength, itemSetKey } from './table';
import { trashAdd } from './trash';

export const TYPE_STRING: u32 = 0;
export const TYPE_LIST: u32 = 1;
export const TYPE_SET: u32 = 2;
export const TYPE_ZSET: u32 = 3;
export const TYPE_HASH: u32 = 4;

/** Behind the head of a table's item (table.ts), of 12 bytes. */
@unmanaged
class Entry {
  next: u32;
  hash: u32;
  keyLength: u32;
  /** The block of a long string, or the collection; 0: the string stands behind the key. */
  value: u32;
  type: u32;
  /** When it was used last, or how often (eviction.ts). */
  access: u32;
  /** Its place among the keys that expire (expiry.ts), and 1; 0: it does not. */
  expiry: u32;
  /** Bytes of a string. */
  length: u32;
}

/** Where the bytes of an entry's key begin. */
export const ENTRY_KEY = 32;
/** Strings of up to so many bytes stand in the entry, when it is made. */
const INLINE_MOST: u32 = 192;

/** Makes the entry of a key: a string of no bytes, with room for some, or a collection's. 0: no room. */
export function makeEntry(key: usize, keyLength: u32, type: u32, room: u32): usize {
  const entry = allocate(ENTRY_KEY + keyLength + (room <= INLINE_MOST ? room : 0));
  if (entry === 0) return 0;
  const it = changetype<Entry>(entry);
  it.value = 0;
  it.type = type;
  it.access = 0;
  it.expiry = 0;
  it.length = 0;
  itemSetKey(entry, ENTRY_KEY, key, keyLength);
  return entry;
}

/** Gives an entry back, which is in no table any more; what is large is given back later, in slices. */
export function releaseEntry(entry: usize): void {
  releaseValue(entry);
  release(entry);
}

function releaseValue(entry: usize): void {
  const it = changetype<Entry>(entry);
  if (it.value === 0) return;
  if (it.type === TYPE_STRING) dropBlock(it.value);
  else trashAdd(it.value, it.type);
  it.value = 0;
}

/** One of the `TYPE_` numbers. */
export function entryType(entry: usize): u32 {
  return changetype<Entry>(entry).type;
}

/** The collection of an entry that is no string. */
export function entryValue(entry: usize): usize {
  return changetype<Entry>(entry).value;
}

/** Makes a collection the value of an entry, whatever it was. */
export function entrySetValue(entry: usize, type: u32, value: usize): void {
  releaseValue(entry);
  const it = changetype<Entry>(entry);
  it.type = type;
  it.value = <u32>value;
  it.length = 0;
}

/** When or how often the entry was used. */
export function entryAccess(entry: usize): u32 {
  return changetype<Entry>(entry).access;
}

/** Notes when or how often the entry was used. */
export function entrySetAccess(entry: usize, access: u32): void {
  changetype<Entry>(entry).access = access;
}

/** The entry's place among those that expire, and 1; 0: it does not. */
export function entryExpiry(entry: usize): u32 {
  return changetype<Entry>(entry).expiry;
}

/** Notes the entry's place among those that expire. */
export function entrySetExpiry(entry: usize, place: u32): void {
  changetype<Entry>(entry).expiry = place;
}

/** Bytes of a string. */
export function stringLength(entry: usize): u32 {
  return changetype<Entry>(entry).length;
}

/** Where the bytes of a string are. */
export function stringAt(entry: usize): usize {
  const it = changetype<Entry>(entry);
  return it.value === 0 ? entry + ENTRY_KEY + it.keyLength : <usize>it.value + BLOCK_HEAD;
}

/** The block of a long string; 0: it stands in the entry. */
export function stringBlock(entry: usize): usize {
  return changetype<Entry>(entry).value;
}

/** Makes a string of other bytes the value, whatever it was. Returns false, and changes nothing, where there is no room. */
export function stringSet(entry: usize, from: usize, length: u32): bool {
  const it = changetype<Entry>(entry);
  if (roomOf(entry) - ENTRY_KEY - it.keyLength >= length) {
    if (it.value !== 0) releaseValue(entry);
    copyBytes(entry + ENTRY_KEY + it.keyLength, from, length);
  } else if (it.value !== 0 && it.type === TYPE_STRING && canReuse(it.value, length)) {
    copyBytes(<usize>it.value + BLOCK_HEAD, from, length);
  } else {
    const block = makeBlock(length);
    if (block === 0) return false;
    copyBytes(block + BLOCK_HEAD, from, length);
    releaseValue(entry);
    it.value = <u32>block;
  }
  it.type = TYPE_STRING;
  it.length = length;
  return true;
}

/** Makes a block the value, of which it becomes a holder. */
export function stringSetBlock(entry: usize, block: usize, length: u32): void {
  holdBlock(block);
  releaseValue(entry);
  const it = changetype<Entry>(entry);
  it.value = <u32>block;
  it.type = TYPE_STRING;
  it.length = length;
}

/**
 * Makes a string as long as it is to be, where it can be written to: bytes that it had stay, new ones are 0. Returns where they are; 0: no room.
 */
export function stringResize(entry: usize, length: u32): usize {
  const it = changetype<Entry>(entry);
  const had = it.length;
  const inline = entry + ENTRY_KEY + it.keyLength;
  if (it.value === 0 && roomOf(entry) - ENTRY_KEY - it.keyLength >= length) {
    if (length > had) memory.fill(inline + had, 0, length - had);
    it.length = length;
    return inline;
  }
  if (it.value === 0 || !canGrow(it.value, length)) {
    // What grows by small pieces gets room for more of them.
    const room = length > had && had > 0 ? length + (length >> 2) : length;
    let block = makeBlock(room);
    if (block === 0) block = makeBlock(length);
    if (block === 0) return 0;
    copyBytes(block + BLOCK_HEAD, stringAt(entry), had < length ? had : length);
    releaseValue(entry);
    it.value = <u32>block;
  }
  const at = <usize>it.value + BLOCK_HEAD;
  if (length > had) memory.fill(at + had, 0, length - had);
  it.length = length;
  return at;
}

/** Bytes of memory that the entry holds, without those of a collection. */
export function entryMemory(entry: usize): u32 {
  const it = changetype<Entry>(entry);
  return roomOf(entry) + (it.value !== 0 && it.type === TYPE_STRING ? roomOf(it.value) : 0);
}

/** Where the key is. */
export function entryKey(entry: usize): usize {
  return entry + ENTRY_KEY;
}

/** Bytes of the key. */
export function entryKeyLength(entry: usize): u32 {
  return itemKeyLength(entry);
}

/** Makes the value of one entry another one's, which has none: what lies in a block or a collection changes hands. Returns false for want of room. */
export function entryTakeValue(entry: usize, from: usize): bool {
  const source = changetype<Entry>(from);
  const it = changetype<Entry>(entry);
  if (source.value === 0) {
    if (!stringSet(entry, stringAt(from), source.length)) return false;
  } else {
    it.value = source.value;
    it.type = source.type;
    it.length = source.length;
    source.value = 0;
    source.length = 0;
    source.type = TYPE_STRING;
  }
  it.access = source.access;
  return true;
}
