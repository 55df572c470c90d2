// What a client sent of a command that is not complete: kept until the rest comes, in a buffer that grows; an argument that is long goes straight
// into the block in which it may become a value. Each byte is copied once, and the command is parsed anew only after enough more has come.

import { copyBytes } from '../copy';
import { BLOCK_HEAD, dropBlock, makeBlock } from '../kv/block';
import { QUERY_LIMIT } from '../kv/control';
import { setting } from '../kv/settings';
import { allocate, release, roomOf } from '../kv/slabs';
import { BAD_END, INCOMPLETE, INLINE_MOST, longAt, longLength, neededBytes, parseCommand } from './parser';

/** A part of each client's record (clients.ts). */
@unmanaged
class Query {
  buffer: u32;
  length: u32;
  /** Bytes of the buffer at which it is worth while to parse again. */
  needed: u32;
  /** The list of long arguments: pairs of where they belong in the buffer, and their blocks. */
  gaps: u32;
  gapCount: u32;
  /** Bytes that the last of them still lacks, with the two that end it. */
  gapLeft: u32;
  gapLength: u32;
  /** Bytes of all long arguments. */
  gapBytes: u32;
}

/** Bytes of that part of a client's record. */
export const QUERY_PART = 32;
const GAPS_MOST: u32 = 256;

/** More bytes than the setting allows, or than there is room for. */
const QUERY_TOO_LONG: u32 = 16;
export const QUERY_NO_ROOM: u32 = 17;

/** Bytes that incomplete commands of all clients hold. */
let held: u64 = 0;

/** Begins anew: no client has any. */
export function queriesBegin(): void {
  held = 0;
}

/** Bytes that incomplete commands of all clients hold: announced ones of long arguments, too. */
export function queriesHeld(): u64 {
  return held;
}

/** How many bytes `queryAdd` took. */
export let queryTook: u32 = 0;

/** Makes the part empty. */
export function queryBegin(owner: usize): void {
  memory.fill(owner, 0, QUERY_PART);
}

/** Whether a part of a command waits for the rest. */
export function queryWaits(owner: usize): bool {
  return changetype<Query>(owner).length !== 0;
}

/** Bytes of memory that an incomplete command holds. */
export function queryBytes(owner: usize): u32 {
  const it = changetype<Query>(owner);
  return it.gapBytes + (it.buffer !== 0 ? roomOf(it.buffer) : 0);
}

/** Gives everything back. */
export function queryEnd(owner: usize): void {
  const it = changetype<Query>(owner);
  held -= <u64>queryBytes(owner);
  for (let index: u32 = 0; index < it.gapCount; index++) dropBlock(load<u32>(it.gaps + index * 8, 4));
  if (it.gaps !== 0) release(it.gaps);
  if (it.buffer !== 0) release(it.buffer);
  queryBegin(owner);
}

/** Makes the buffer hold so many bytes. */
function growTo(it: Query, length: u32): bool {
  if (it.buffer !== 0 && roomOf(it.buffer) >= length) return true;
  const grown = it.length + (it.length >> 1);
  const made = allocate(length > grown ? length : grown);
  if (made === 0) return false;
  if (it.buffer !== 0) {
    held -= <u64>roomOf(it.buffer);
    copyBytes(made, it.buffer, it.length);
    release(it.buffer);
  }
  it.buffer = <u32>made;
  held += <u64>roomOf(made);
  return true;
}

/** Keeps an incomplete command, right after `parseCommand` said so. Returns INCOMPLETE, or what is wrong. */
export function queryKeep(owner: usize, from: usize, length: u32): u32 {
  const it = changetype<Query>(owner);
  if (!growTo(it, length)) return QUERY_NO_ROOM;
  copyBytes(it.buffer, from, length);
  it.length = length;
  return expectRest(it, from);
}

/** What the parser learned: how much more is needed, and whether that is a long argument. @param from where the command was parsed. */
function expectRest(it: Query, from: usize): u32 {
  it.needed = neededBytes;
  // Of very many long arguments the last ones come into the buffer.
  if (longAt === 0 || it.gapCount === GAPS_MOST) {
    return it.needed + it.gapBytes > setting(QUERY_LIMIT) ? QUERY_TOO_LONG : INCOMPLETE;
  }
  if (longLength + it.length + it.gapBytes > setting(QUERY_LIMIT)) return QUERY_TOO_LONG;
  if (it.gaps === 0) {
    it.gaps = <u32>allocate((GAPS_MOST + 1) * 8);
    if (it.gaps === 0) return QUERY_NO_ROOM;
    memory.fill(it.gaps, 0, (GAPS_MOST + 1) * 8);
  }
  const block = makeBlock(longLength + 2);
  if (block === 0) return QUERY_NO_ROOM;
  // What is there of it already goes to its place.
  const at = <u32>(longAt - from);
  const had = it.length - at;
  copyBytes(block + BLOCK_HEAD, <usize>it.buffer + at, had);
  const gap = it.gaps + it.gapCount * 8;
  store<u32>(gap, at);
  store<u32>(gap, <u32>block, 4);
  it.gapCount += 1;
  it.gapBytes += longLength;
  held += <u64>longLength;
  it.length = at;
  it.gapLength = longLength;
  it.gapLeft = longLength + 2 - had;
  return INCOMPLETE;
}

/** Takes bytes of a long argument. Returns INCOMPLETE as long as it lacks some, 0 when it is there, BAD_END where its end is wrong. */
function fillGap(it: Query, from: usize, length: u32): u32 {
  const block = <usize>load<u32>(it.gaps + (it.gapCount - 1) * 8, 4) + BLOCK_HEAD;
  const took = length < it.gapLeft ? length : it.gapLeft;
  copyBytes(block + it.gapLength + 2 - it.gapLeft, from, took);
  it.gapLeft -= took;
  queryTook += took;
  if (it.gapLeft <= 1 && load<u8>(block + it.gapLength) !== 0x0d) return BAD_END;
  if (it.gapLeft !== 0) return INCOMPLETE;
  return load<u8>(block + it.gapLength, 1) === 0x0a ? 0 : BAD_END;
}

/** How many bytes of a piece an incomplete command takes: never more than belong to it. */
function wanted(it: Query, from: usize, length: u32): u32 {
  if (load<u8>(it.buffer) === 0x2a) {
    const lacks = it.needed - it.length;
    return length < lacks ? length : lacks;
  }
  // A line: up to its end, or all of it, or one byte more than a line may have.
  const most = INLINE_MOST + 1 - it.length;
  const limit = length < most ? length : most;
  let took: u32 = 0;
  while (took < limit) {
    took += 1;
    if (load<u8>(from + took - 1) === 0x0a) break;
  }
  it.needed = it.length + took;
  if (load<u8>(from + took - 1) !== 0x0a && took < most) it.needed += 1;
  return took;
}

/**
 * Adds bytes to an incomplete command, no more than belong to it (`queryTook`), and parses it when there are enough. Returns what
 * `parseCommand` returns, or what is wrong. The arguments then lie in what `queryEnd` gives back.
 */
export function queryAdd(owner: usize, from: usize, length: u32): u32 {
  const it = changetype<Query>(owner);
  queryTook = 0;
  while (queryTook < length) {
    if (it.gapLeft !== 0) {
      const filled = fillGap(it, from + queryTook, length - queryTook);
      if (filled !== 0) return filled;
    } else {
      const took = wanted(it, from + queryTook, length - queryTook);
      if (!growTo(it, it.length + took)) return QUERY_NO_ROOM;
      copyBytes(<usize>it.buffer + it.length, from + queryTook, took);
      it.length += took;
      queryTook += took;
      if (it.length < it.needed) return INCOMPLETE;
    }
    const result = parseCommand(it.buffer, <usize>it.buffer + it.length, it.gaps);
    if (result !== INCOMPLETE) return result;
    const rest = expectRest(it, it.buffer);
    if (rest !== INCOMPLETE) return rest;
  }
  return INCOMPLETE;
}
