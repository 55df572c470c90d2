// How the readers of a film ask for its bytes: generators that yield what they need and are resumed with it. What lies near is asked for in
// one read. Not here: who reads (serving/ on a serving thread; the command; tests).

import { CopyReason, copyBytes } from '../memory/copy.js';
import { type Box, headerBytes, readBox } from '../wire/iso-bmff/boxes.js';
import { type FilmNeed, FilmRefusal, maxReadBytes } from './film.js';
import { TableError } from './growing.js';
import { stretchWords, type TableCore, tableCore } from './table-core.js';

/** What a reader needs now. Bytes up to `until` will be needed soon. */
export type ReadNeed = { readonly offset: number; readonly length: number; readonly until: number } | undefined;

/** Something that is read: yields needs, is resumed with bytes. */
export type Reading<Result> = Generator<ReadNeed, Result, Uint8Array | undefined>;

/** Bytes of tables that are gone through at once: below a millisecond even before the compiler has seen the code. */
const pieceBytes = 8 * 1024;

/** Samples between two turns of others: below a millisecond even before the compiler has seen the code. */
export const samplesATurn = 2048;

/** Headers of boxes in a long box, or in the file: bytes that are read for one of them. */
export const nearBytes = 4096;

/** Runs a reader and asks for as much at once as it will need soon, so that a film's small headers are one read. */
export function* readAhead<Result>(
  reading: Reading<Result>,
  size: number,
): Generator<FilmNeed, Result, Uint8Array | undefined> {
  let window: Uint8Array = new Uint8Array(0);
  let windowStart = 0;
  let step = reading.next();
  while (step.done !== true) {
    const need = step.value;
    if (need === undefined) {
      yield undefined;
      step = reading.next(undefined);
      continue;
    }
    const { offset, length, until } = need;
    if (offset < windowStart || offset + length > windowStart + window.length) {
      const end = Math.min(Math.max(offset + length, until), offset + maxReadBytes, size);
      window = (yield { offset, length: Math.max(0, end - offset) }) ?? new Uint8Array(0);
      windowStart = offset;
    }
    const at = offset - windowStart;
    step = reading.next(window.subarray(at, at + length));
  }
  return step.value;
}

/**
 * The bytes that were asked for, all of them; borrowed until bytes are asked for again.
 * @throws FilmRefusal when the file ends before. @throws TableError for more than one read
 */
export function* bytesAt(offset: number, length: number, until = offset + length): Reading<DataView> {
  if (length > maxReadBytes) throw new TableError(`has a header of ${length} bytes where a few are usual`);
  const bytes = yield { offset, length, until };
  if (bytes === undefined || bytes.length < length)
    throw new FilmRefusal('is cut off in its headers: wait until it is written, or copy it again');
  return new DataView(bytes.buffer, bytes.byteOffset, length);
}

/** The payload of a box, at most `most` bytes of it. */
export function* payloadOf(box: Box, most = maxReadBytes): Reading<DataView> {
  return yield* bytesAt(box.payload, Math.min(box.end - box.payload, most));
}

/** A whole box of up to `most` bytes, of which one that needs several reads is put together. @param until as of {@link bytesAt}. @throws as that, TableError */
export function* wholeBox({ type, start, end }: Box, most: number, until = end): Reading<DataView> {
  const length = end - start;
  if (length <= maxReadBytes) return yield* bytesAt(start, length, until);
  if (length > most) throw new TableError(`has a header (${type}) of ${length} bytes, and may have ${most}`);
  const whole = new Uint8Array(length);
  for (let at = 0; at < length; at += maxReadBytes) {
    const { buffer, byteOffset, byteLength } = yield* bytesAt(start + at, Math.min(maxReadBytes, length - at));
    copyBytes(CopyReason.application, whole, at, new Uint8Array(buffer, byteOffset, byteLength), 0, byteLength);
    yield undefined;
  }
  return new DataView(whole.buffer);
}

/** The header of the box at `at`, which ends at `end` or before. @throws BoxError */
export function* boxAt(at: number, end: number, isTopLevel = false): Reading<Box> {
  // What is in it, or behind it, is looked at next.
  const view = yield* bytesAt(at, Math.min(headerBytes, end - at), Math.min(end, at + nearBytes));
  return readBox(view, 0, at, end, isTopLevel);
}

/** Boxes of a film's headers that are looked at, all together. */
export interface BoxBudget {
  left: number;
}

/** The children of a box, read one header at a time. @throws BoxError, FilmRefusal when there are too many */
export function* childrenOf(box: Box, budget: BoxBudget, skip = 0): Reading<Box[]> {
  const boxes: Box[] = [];
  const isShort = box.end - box.start <= maxReadBytes;
  for (let at = box.payload + skip; at + 8 <= box.end; ) {
    if (budget.left-- <= 0) throw new FilmRefusal('has more boxes in its headers than any film');
    const until = isShort ? box.end : Math.min(box.end, at + nearBytes);
    const view = yield* bytesAt(at, Math.min(headerBytes, box.end - at), until);
    // Some boxes end in zeros.
    if (view.getUint32(0) === 0) break;
    const child = readBox(view, 0, at, box.end);
    // A child that is longer than its parent ends the parent: what came before counts.
    if (child.end > box.end) break;
    boxes.push(child);
    at = child.end;
  }
  return boxes;
}

/**
 * Pieces of a table's payload: whole entries of `entryBytes`, each piece borrowed until the next; others have their turn between them.
 * @param take is given a piece, how many entries it has, and the number of the first; returns false when it needs no more.
 * @param most bytes of a piece
 */
export function* entriesOf(
  box: Box,
  skip: number,
  entryBytes: number,
  count: number,
  take: (view: DataView, entries: number, first: number) => boolean | undefined,
  most = pieceBytes,
): Reading<void> {
  const mostEntries = Math.floor(most / entryBytes);
  const end = box.payload + skip + count * entryBytes;
  // Short pieces first: the compiler may not have seen this yet.
  let perPiece = Math.floor(mostEntries / 4);
  for (let first = 0; first < count; ) {
    const entries = Math.min(perPiece, count - first);
    const view = yield* bytesAt(box.payload + skip + first * entryBytes, entries * entryBytes, end);
    if (take(view, entries, first) === false) return;
    first += entries;
    perPiece = Math.min(perPiece * 2, mostEntries);
    if (first < count) yield undefined;
  }
}

/** Pieces of a table of 32-bit words, as {@link entriesOf}, for what looks at each of them itself: short ones. */
export function wordsOf(
  box: Box,
  skip: number,
  wordsPerEntry: number,
  count: number,
  take: (words: Uint32Array, entries: number, first: number) => boolean | undefined,
): Reading<void> {
  const each = (core: TableCore, entries: number, first: number): boolean | undefined =>
    take(core.words.numbers, entries, first);
  return stretchesOf(box, skip, wordsPerEntry, count, each, pieceBytes);
}

/**
 * Pieces of a table of 32-bit words in the machine's order, in `words` of the core's memory, for what has the core go through them.
 * @param take is also given all words of the piece, ored
 */
export function* stretchesOf(
  box: Box,
  skip: number,
  wordsPerEntry: number,
  count: number,
  take: (core: TableCore, entries: number, first: number, ored: number) => boolean | undefined,
  most = stretchWords * 4,
): Reading<void> {
  const entryBytes = wordsPerEntry * 4;
  const core = tableCore();
  const swapped = (view: DataView, entries: number, first: number): boolean | undefined => {
    const length = entries * entryBytes;
    const begin = view.byteOffset & 7;
    const { numbers: raw } = core.bytes;
    // A piece of a film's header, to be put into the machine's order.
    raw.set(new Uint8Array(view.buffer, view.byteOffset, length), begin);
    return take(core, entries, first, core.core.swapWords(core.bytes.at + begin, core.words.at, length / 4));
  };
  yield* entriesOf(box, skip, entryBytes, count, swapped, most);
}
