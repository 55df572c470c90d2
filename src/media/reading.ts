// How the readers of a film ask for its bytes: generators that yield what they need and are resumed with it. Not here: who reads
// (serving/film-build.ts on a serving thread; the command; tests).

import { type Box, headerBytes, readBox } from '../wire/iso-bmff/boxes.js';
import { type FilmNeed, FilmRefusal, maxReadBytes } from './film.js';

/** Something that is read: yields needs, is resumed with bytes. */
export type Reading<Result> = Generator<FilmNeed, Result, Uint8Array | undefined>;

/** Bytes of tables that are decoded at once: below a millisecond, whatever the machine. */
const pieceBytes = 32 * 1024;

/** The bytes that were asked for, all of them; borrowed until the next yield. @throws FilmRefusal when the file ends before. */
export function* bytesAt(offset: number, length: number): Reading<DataView> {
  if (length > maxReadBytes) throw new FilmRefusal(`has a header of ${length} bytes where a few are usual`);
  const bytes = yield { offset, length };
  if (bytes === undefined || bytes.length < length) throw new FilmRefusal('is cut off in its headers');
  return new DataView(bytes.buffer, bytes.byteOffset, length);
}

/** The payload of a box, at most `most` bytes of it. */
export function* payloadOf(box: Box, most = maxReadBytes): Reading<DataView> {
  return yield* bytesAt(box.payload, Math.min(box.end - box.payload, most));
}

/** The header of the box at `at`, which ends at `end` or before. @throws BoxError */
export function* boxAt(at: number, end: number, isTopLevel = false): Reading<Box> {
  const view = yield* bytesAt(at, Math.min(headerBytes, end - at));
  return readBox(view, 0, at, end, isTopLevel);
}

/** Boxes of a film's headers that are looked at, all together. */
export interface BoxBudget {
  left: number;
}

/** The children of a box, read one header at a time. @throws BoxError, FilmRefusal when there are too many */
export function* childrenOf(box: Box, budget: BoxBudget, skip = 0): Reading<Box[]> {
  const boxes: Box[] = [];
  for (let at = box.payload + skip; at + 8 <= box.end; ) {
    if (budget.left-- <= 0) throw new FilmRefusal('has more boxes in its headers than any film');
    const view = yield* bytesAt(at, Math.min(headerBytes, box.end - at));
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

/** Pieces of a table's payload: whole entries of `entryBytes`, `most` of them at most; each is borrowed until the next. */
export function* entriesOf(
  box: Box,
  skip: number,
  entryBytes: number,
  count: number,
  take: (view: DataView, entries: number, first: number) => void,
): Reading<void> {
  const perPiece = Math.floor(pieceBytes / entryBytes);
  for (let first = 0; first < count; first += perPiece) {
    const entries = Math.min(perPiece, count - first);
    take(yield* bytesAt(box.payload + skip + first * entryBytes, entries * entryBytes), entries, first);
  }
}
