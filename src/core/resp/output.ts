// Output of clients: a chain of blocks, written in place. A long value is not copied into it but referred to, and held until it has been sent.

import { copyBytes } from '../copy';
import { dropBlock, holdBlock } from '../kv/block';
import { OUTPUT_BYTES, OUTPUT_LIMIT_CLOSED } from '../kv/control';
import { count } from '../kv/settings';
import { allocate, allocateFromReserve, release } from '../kv/slabs';

/** Begins each client's record (clients.ts). */
@unmanaged
class Output {
  head: u32;
  tail: u32;
  bytes: u32;
  /** Output was lost, because there was no room for it, or too much of it: the client must be closed. */
  isLost: u32;
}

/** Bytes of that part of a client's record. */
export const OUTPUT_PART = 16;

/** A block, or a reference to a value: what is to be sent lies from `start` to `end`. */
@unmanaged
class Piece {
  next: u32;
  start: u32;
  end: u32;
  /** The block of a value that is referred to; 0: the bytes follow here. */
  value: u32;
}
const PIECE_HEAD: u32 = 16;
const PIECE_BYTES: u32 = 16_384;
/** Values of so many bytes or more are referred to. */
const REFERENCE_LEAST: u32 = 16_384;

/**
 * Bytes that may wait for one client. Memory alone does not bound them: one value can be referred to any number of times, and counts have 32 bits. What is
 * not counted yet of the last block, and a block more, have room above it.
 */
const OUTPUT_MOST: u32 = 0xf000_0000;

/** Where output goes that nobody is to see, or that there is no room for. */
const sink = memory.data(1024, 16);

/** The client that is written to. */
let client: usize = 0;
let isSunk: bool = false;
/** Memory from which somebody sends, lent for the output of one client: where its rest begins and ends. And whether that is written to. */
let lentTo: usize = 0;
let lentFrom: usize = 0;
let lentAt: usize = 0;
let lentEnd: usize = 0;
let isLent: bool = false;
/** The tail's place to write, and its end. */
let at: usize = 0;
let limit: usize = 0;

/** Makes a client's part empty. */
export function outputBegin(owner: usize): void {
  memory.fill(owner, 0, OUTPUT_PART);
}

/** From now on, output is this client's. @param hidden it is thrown away. */
export function openOutput(owner: usize, hidden: bool): void {
  client = owner;
  isSunk = hidden || changetype<Output>(owner).isLost !== 0;
  at = 0;
  limit = 0;
  const tail = changetype<Output>(owner).tail;
  isLent = owner === lentTo && tail === 0 && !isSunk;
  if (isLent) {
    at = lentAt;
    limit = lentEnd;
    return;
  }
  if (isSunk || tail === 0 || changetype<Piece>(tail).value !== 0) return;
  at = changetype<Piece>(tail).end;
  limit = <usize>tail + PIECE_BYTES;
}

/** Notes how far the tail was written. */
function settle(): void {
  if (isLent) {
    lentAt = at;
    isLent = false;
    return;
  }
  const it = changetype<Output>(client);
  if (isSunk || it.tail === 0 || at === 0) return;
  const tail = changetype<Piece>(it.tail);
  it.bytes += <u32>at - tail.end;
  tail.end = <u32>at;
}

/** Lends memory for the output of a client that has none that waits: what comes first is written there, and is no output of the store's any more. */
export function lendOutput(owner: usize, from: usize, end: usize): void {
  lentTo = owner;
  lentFrom = from;
  lentAt = from;
  lentEnd = end;
}

/** The loan is over. Returns how many bytes were written. What waits in the store comes behind them. */
export function endLoan(): u32 {
  lentTo = 0;
  const bytes = <u32>(lentAt - lentFrom);
  count(OUTPUT_BYTES, <u64>bytes);
  return bytes;
}

/** Ends what `openOutput` began. */
export function closeOutput(): void {
  settle();
  at = 0;
  limit = 0;
}

/** Whether output is thrown away from now on, for one reply. */
export function hideOutput(hidden: bool): void {
  settle();
  openOutput(client, hidden);
}

function append(piece: usize): void {
  const it = changetype<Output>(client);
  changetype<Piece>(piece).next = 0;
  if (it.tail === 0) it.head = <u32>piece;
  else changetype<Piece>(it.tail).next = <u32>piece;
  it.tail = <u32>piece;
}

/** Nothing of the client's output is kept any more. */
function lose(): void {
  changetype<Output>(client).isLost = 1;
  isSunk = true;
}

/** Whether a client has no room for so many bytes more, which ends it. */
function isTooMuch(bytes: u32): bool {
  if (<u64>changetype<Output>(client).bytes + <u64>bytes <= <u64>OUTPUT_MOST) return false;
  count(OUTPUT_LIMIT_CLOSED, 1);
  return true;
}

function addBlock(): void {
  settle();
  const block: usize = isSunk || isTooMuch(PIECE_BYTES) ? 0 : allocateFromReserve(PIECE_BYTES);
  if (block === 0) {
    if (!isSunk) lose();
    at = sink;
    limit = sink + 1024;
    return;
  }
  const piece = changetype<Piece>(block);
  at = block + PIECE_HEAD;
  piece.start = <u32>at;
  piece.end = <u32>at;
  piece.value = 0;
  append(block);
  limit = block + PIECE_BYTES;
}

/** Where up to 512 bytes may be written, to be followed by `written`. */
export function reserve(bytes: u32): usize {
  if (limit - at < <usize>bytes) addBlock();
  return at;
}

/** So many bytes were written at what `reserve` gave. */
export function written(bytes: u32): void {
  at += bytes;
}

/** Writes bytes of any number. */
export function writeBytes(from: usize, length: u32): void {
  if (isSunk) return;
  let source = from;
  let left = length;
  while (left > 0) {
    if (at === limit) addBlock();
    if (isSunk) return;
    const room = <u32>(limit - at);
    const part = left < room ? left : room;
    copyBytes(at, source, part);
    at += part;
    source += part;
    left -= part;
  }
}

/** Writes a long value by reference, or copies it where it is short. @param block what holds it. @param from its first byte. */
export function writeValue(block: usize, from: usize, length: u32): void {
  if (isSunk) return;
  if (block === 0 || length < REFERENCE_LEAST) {
    writeBytes(from, length);
    return;
  }
  if (isTooMuch(length)) {
    settle();
    lose();
    at = 0;
    limit = 0;
    return;
  }
  const made = allocate(PIECE_HEAD);
  if (made === 0) {
    writeBytes(from, length);
    return;
  }
  settle();
  holdBlock(block);
  const piece = changetype<Piece>(made);
  piece.start = <u32>from;
  piece.end = <u32>from + length;
  piece.value = <u32>block;
  append(made);
  changetype<Output>(client).bytes += length;
  at = 0;
  limit = 0;
}

/** Bytes of output that a client has not been sent. */
export function outputWaits(owner: usize): u32 {
  return changetype<Output>(owner).bytes;
}

/** Whether output was lost for want of room. */
export function outputLost(owner: usize): bool {
  return changetype<Output>(owner).isLost !== 0;
}

/** Address of the first piece that is to be sent. */
export function firstPiece(owner: usize): usize {
  const head = changetype<Output>(owner).head;
  return head === 0 ? 0 : changetype<Piece>(head).start;
}

/** Bytes of the first piece. */
export function firstPieceLength(owner: usize): u32 {
  const head = changetype<Output>(owner).head;
  return head === 0 ? 0 : changetype<Piece>(head).end - changetype<Piece>(head).start;
}

/** Writes the first pieces as pairs of numbers, address and length. Returns how many. */
export function listPieces(owner: usize, into: usize, most: u32): u32 {
  let listed: u32 = 0;
  for (
    let piece = changetype<Output>(owner).head;
    piece !== 0 && listed < most;
    piece = changetype<Piece>(piece).next
  ) {
    const it = changetype<Piece>(piece);
    if (it.end === it.start) continue;
    store<u32>(into + listed * 8, it.start);
    store<u32>(into + listed * 8, it.end - it.start, 4);
    listed += 1;
  }
  return listed;
}

function releasePiece(piece: usize): void {
  const value = changetype<Piece>(piece).value;
  if (value !== 0) dropBlock(value);
  release(piece);
}

/** So many bytes from the first one on have been sent. Returns false where there were not so many. */
export function pieceSent(owner: usize, bytes: u32): bool {
  const it = changetype<Output>(owner);
  if (bytes > it.bytes) return false;
  count(OUTPUT_BYTES, <u64>bytes);
  it.bytes -= bytes;
  let left = bytes;
  while (it.head !== 0) {
    const piece = changetype<Piece>(it.head);
    const length = piece.end - piece.start;
    if (length > left) {
      piece.start += left;
      return true;
    }
    left -= length;
    const next = piece.next;
    releasePiece(it.head);
    it.head = next;
    if (next === 0) it.tail = 0;
  }
  return true;
}

/** Throws all output of a client away. */
export function dropOutput(owner: usize): void {
  const it = changetype<Output>(owner);
  while (it.head !== 0) {
    const next = changetype<Piece>(it.head).next;
    releasePiece(it.head);
    it.head = next;
  }
  it.tail = 0;
  it.bytes = 0;
}
