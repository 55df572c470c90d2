// Keys that expire, the next one first: a heap of four branches for each database, in chunks, so that it never moves as a whole. Each entry knows
// its place. So what is due is found at once and exactly, and the next moment at which something is.

import { copyBytes } from '../copy';
import { entryExpiry, entrySetExpiry } from './entry';
import { allocate, release } from './slabs';

@unmanaged
class Heap {
  directory: u32;
  /** Chunks that the directory has room for. */
  room: u32;
  count: u32;
}

@unmanaged
class Node {
  at: u64;
  entry: u32;
}

/** Bytes of a heap. */
export const HEAP_BYTES = 12;
const NODE_SHIFT: u32 = 4;
const CHUNK_SHIFT: u32 = 8;
const CHUNK_MASK: u32 = 255;
const CHUNK_BYTES: u32 = 4096;

/** Makes an empty heap. */
export function heapBegin(heap: usize): void {
  const it = changetype<Heap>(heap);
  it.directory = 0;
  it.room = 0;
  it.count = 0;
}

/** How many keys expire. */
export function heapCount(heap: usize): u32 {
  return changetype<Heap>(heap).count;
}

function nodeAt(it: Heap, index: u32): Node {
  return changetype<Node>(load<u32>(it.directory + (index >> CHUNK_SHIFT) * 4) + ((index & CHUNK_MASK) << NODE_SHIFT));
}

/** When an entry expires, in milliseconds since 1970; 0: never. */
export function expiryOf(heap: usize, entry: usize): u64 {
  const place = entryExpiry(entry);
  return place === 0 ? 0 : nodeAt(changetype<Heap>(heap), place - 1).at;
}

/** The entry that expires first. */
export function heapFirst(heap: usize): usize {
  return nodeAt(changetype<Heap>(heap), 0).entry;
}

/** When the first one expires. There must be one. */
export function heapFirstAt(heap: usize): u64 {
  return nodeAt(changetype<Heap>(heap), 0).at;
}

function place(it: Heap, index: u32, at: u64, entry: u32): void {
  const node = nodeAt(it, index);
  node.at = at;
  node.entry = entry;
  entrySetExpiry(entry, index + 1);
}

/** Lets a node rise or sink from a place to where it belongs. */
function settle(it: Heap, from: u32, at: u64, entry: u32): void {
  let index = from;
  while (index > 0) {
    const parent = nodeAt(it, (index - 1) >> 2);
    if (parent.at <= at) break;
    place(it, index, parent.at, parent.entry);
    index = (index - 1) >> 2;
  }
  while (true) {
    const first = index * 4 + 1;
    if (first >= it.count) break;
    let least = first;
    const end = first + 4 < it.count ? first + 4 : it.count;
    for (let child = first + 1; child < end; child++) {
      if (nodeAt(it, child).at < nodeAt(it, least).at) least = child;
    }
    const node = nodeAt(it, least);
    if (node.at >= at) break;
    place(it, index, node.at, node.entry);
    index = least;
  }
  place(it, index, at, entry);
}

/** Makes sure that one more node has a place. */
function grow(it: Heap): bool {
  const chunk = it.count >> CHUNK_SHIFT;
  if (chunk >= it.room) {
    const room = it.room === 0 ? 4 : it.room * 2;
    const directory = allocate(room * 4);
    if (directory === 0) return false;
    memory.fill(directory, 0, room * 4);
    if (it.directory !== 0) {
      copyBytes(directory, it.directory, it.room * 4);
      release(it.directory);
    }
    it.directory = <u32>directory;
    it.room = room;
  }
  const slot = it.directory + chunk * 4;
  if (load<u32>(slot) === 0) {
    const made = allocate(CHUNK_BYTES);
    if (made === 0) return false;
    store<u32>(slot, <u32>made);
  }
  return true;
}

/** Makes an entry expire at a time, or at another one. Returns false where there is no room. */
export function expireAt(heap: usize, entry: usize, at: u64): bool {
  const it = changetype<Heap>(heap);
  const has = entryExpiry(entry);
  if (has !== 0) {
    settle(it, has - 1, at, <u32>entry);
    return true;
  }
  if (!grow(it)) return false;
  it.count += 1;
  settle(it, it.count - 1, at, <u32>entry);
  return true;
}

/** An entry expires no more. Returns whether it would have. */
export function expireNever(heap: usize, entry: usize): bool {
  const has = entryExpiry(entry);
  if (has === 0) return false;
  const it = changetype<Heap>(heap);
  entrySetExpiry(entry, 0);
  it.count -= 1;
  const last = nodeAt(it, it.count);
  if (has - 1 !== it.count) settle(it, has - 1, last.at, last.entry);
  // A chunk that is empty goes with the one before it half empty, so that one key that comes and goes does not take and give it in turns.
  if ((it.count & CHUNK_MASK) === CHUNK_MASK >> 1) releaseChunk(it, (it.count >> CHUNK_SHIFT) + 1);
  if (it.count === 0) heapEnd(heap);
  return true;
}

function releaseChunk(it: Heap, chunk: u32): void {
  if (chunk >= it.room) return;
  const address = load<u32>(it.directory + chunk * 4);
  if (address === 0) return;
  release(address);
  store<u32>(it.directory + chunk * 4, 0);
}

/** Gives a heap's memory back; entries keep places that mean nothing any more. */
export function heapEnd(heap: usize): void {
  const it = changetype<Heap>(heap);
  if (it.directory === 0) return;
  for (let chunk: u32 = 0; chunk < it.room; chunk++) releaseChunk(it, chunk);
  release(it.directory);
  heapBegin(heap);
}

/** An entry of those that expire, by number. */
export function heapEntry(heap: usize, index: u32): usize {
  return nodeAt(changetype<Heap>(heap), index).entry;
}
