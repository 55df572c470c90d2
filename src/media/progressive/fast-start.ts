// A film whose `moov` stands behind its media, as a file that begins with it: the same boxes, all of them by reference, with chunk
// offsets that are generated. Everything else of the file stays as it is. Not here: films that are in fragments or in this order
// already, and stretches of a film (clip.ts).

import { setUint64, uint64 } from '../../wire/iso-bmff/boxes.js';
import type { Film, FilmNeed, FilmTrack } from '../film.js';
import { readMovieTree, type TreeBox } from './movie-tree.js';
import { longNumbers, numbers, type Part, type Ranges, rangeOf, type Table, VirtualFile } from './virtual-file.js';

/** Chunk offsets of tracks that are not played are kept in memory, up to this many bytes. */
const mostKeptBytes = 4 * 2 ** 20;
const readBytes = 64 * 1024;

type Reading<Result> = Generator<FilmNeed, Result, Uint8Array | undefined>;

/** True when a film's `moov` stands behind media. */
export function isMovieLast(film: Film): boolean {
  const { moov, topLevel } = film;
  return !film.isFragmented && topLevel.some(({ type, offset }) => type === 'mdat' && offset < moov.offset);
}

/**
 * The film with `moov` in front; undefined when it stands there already, or cannot be moved (it is too large or not as it should be): it
 * is then served as it is. A generator as `readFilm` is one: it yields what it has to read, and undefined where others should have a turn.
 */
export function* fastStart(film: Film): Reading<VirtualFile | undefined> {
  if (!isMovieLast(film)) return undefined;
  const boxes = yield* readMovieTree(film);
  if (boxes === undefined) return undefined;
  const growth = growthOf(film, boxes);
  const place = placing(film, growth);
  const parts: Part[] = [];
  let kept = 0;
  const first = film.topLevel[0]!;
  const front = first.type === 'ftyp' ? first.length : 0;
  if (front > 0) parts.push(rangeOf(0, front));
  let at = film.moov.offset;
  const end = film.moov.offset + film.moov.length;
  const takeUpTo = (offset: number) => {
    if (offset > at) parts.push(rangeOf(at, offset - at));
  };
  for (const box of boxes) {
    if (box.grows > 0 || box.isOpenEnded) {
      takeUpTo(box.offset);
      parts.push(headerOf(box));
      at = box.offset + box.headerBytes;
    }
    if (!box.isChunkTable) continue;
    // Version, flags and count stay as they are.
    takeUpTo(box.offset + box.headerBytes + 8);
    let table = tableOfTrack(film, box, place);
    if (table === undefined) {
      kept += 8 * box.count;
      if (kept > mostKeptBytes) return undefined;
      table = yield* readTable(box, place);
    }
    parts.push(table);
    // What stands behind the last entry, if anything, stays.
    at = box.offset + box.headerBytes + 8 + box.count * box.entryBytes;
  }
  takeUpTo(end);
  if (film.moov.offset > front) parts.push(rangeOf(front, film.moov.offset - front));
  if (film.size > end) parts.push(rangeOf(end, film.size - end));
  return new VirtualFile(joined(parts), kept);
}

/** Bytes that chunk tables grow by, when the last byte of the new file is behind what 32 bits reach. Notes it in the boxes. */
function growthOf(film: Film, boxes: readonly TreeBox[]): number {
  const narrow = boxes.filter((box) => box.isChunkTable && box.entryBytes === 4);
  const growth = narrow.reduce((sum, box) => sum + 4 * box.count, 0);
  if (film.size + growth < 2 ** 32) return 0;
  for (const table of narrow) {
    for (let box: TreeBox | undefined = table; box !== undefined; box = box.parent) box.grows += 4 * table.count;
  }
  return growth;
}

/** Where a byte of the film is in the new file. */
function placing({ moov, topLevel }: Film, growth: number): (offset: number) => number {
  const front = topLevel[0]!.type === 'ftyp' ? topLevel[0]!.length : 0;
  return (offset) => {
    if (offset < front) return offset;
    return offset < moov.offset ? offset + moov.length + growth : offset + growth;
  };
}

function headerOf({ type, headerBytes, length, grows, isChunkTable }: TreeBox): Uint8Array {
  const header = new Uint8Array(headerBytes);
  const view = new DataView(header.buffer);
  const name = isChunkTable && grows > 0 ? 'co64' : type;
  for (let index = 0; index < 4; index++) header[4 + index] = name.charCodeAt(index);
  if (headerBytes === 8) {
    view.setUint32(0, length + grows);
    return header;
  }
  view.setUint32(0, 1);
  setUint64(view, 8, length + grows);
  return header;
}

/** The table of a track whose index knows all chunks; undefined where it does not. */
function tableOfTrack(film: Film, box: TreeBox, place: (offset: number) => number): Table | undefined {
  const track: FilmTrack | undefined = film.tracks.find(({ id }) => id === box.track);
  if (track === undefined || track.samples.chunkCount !== box.count) return undefined;
  return chunkOffsets(box, (index) => place(track.samples.chunkOffset(index)));
}

/** Reads the chunk offsets of a track that is not played. */
function* readTable(box: TreeBox, place: (offset: number) => number): Reading<Table> {
  const offsets = new Float64Array(box.count);
  const start = box.offset + box.headerBytes + 8;
  const perRead = readBytes / box.entryBytes;
  for (let first = 0; first < box.count; first += perRead) {
    const count = Math.min(perRead, box.count - first);
    const bytes = yield { offset: start + first * box.entryBytes, length: count * box.entryBytes };
    if (bytes === undefined || bytes.length < count * box.entryBytes) break;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let index = 0; index < count; index++) {
      const at = index * box.entryBytes;
      const offset = box.entryBytes === 4 ? view.getUint32(at) : uint64(view, at);
      offsets[first + index] = place(offset);
    }
  }
  return chunkOffsets(box, (index) => offsets[index]!);
}

function chunkOffsets({ count, entryBytes, grows }: TreeBox, placeOf: (index: number) => number): Table {
  return entryBytes === 4 && grows === 0 ? numbers(count, placeOf) : longNumbers(count, placeOf);
}

/** Neighbouring ranges as one part. */
function joined(parts: readonly Part[]): Part[] {
  const result: Part[] = [];
  let ranges: Ranges[] = [];
  const flush = () => {
    if (ranges.length === 0) return;
    const all = (key: keyof Ranges) => Float64Array.from(ranges.flatMap((range) => [...range[key]]));
    result.push({ offsets: all('offsets'), lengths: all('lengths') });
    ranges = [];
  };
  for (const part of parts) {
    if ('offsets' in part) {
      ranges.push(part);
      continue;
    }
    flush();
    result.push(part);
  }
  flush();
  return result;
}
