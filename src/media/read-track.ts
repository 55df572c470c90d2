// Reads one `trak`: what it is, whether it can be offered, and its tables. A track that cannot be offered is left out with a sentence; the
// others go on. Not here: fragments (read-fragments.ts), the film around it (read-film.ts).

import { type Box, BoxError } from '../wire/iso-bmff/boxes.js';
import {
  type EditEntry,
  editsOf,
  extendedLanguageOf,
  handlerOf,
  languageOf,
  type TrackHeader,
  timesOf,
  trackHeaderOf,
} from '../wire/iso-bmff/movie.js';
import { parseSampleEntry } from '../wire/iso-bmff/sample-entry.js';
import type { Edit, FilmTrack, LeftOut, SampleEntry } from './film.js';
import { type BoxBudget, bytesAt, childrenOf, entriesOf, payloadOf, type Reading } from './reading.js';
import {
  buildTable,
  CutOffError,
  emptyRaw,
  Grown,
  mostSamples,
  type RawSamples,
  TableError,
} from './sample-builder.js';
import type { SampleTable } from './samples.js';

/** A track without its samples: those of a fragmented film come later. */
export interface TrackHead extends Omit<FilmTrack, 'samples' | 'edit' | 'randomAccess'> {
  readonly edits: readonly EditEntry[];
  readonly stbl: readonly Box[];
}

/** What reading a track gives: its head, or why it is left out. */
export type TrackOutcome = TrackHead | (LeftOut & { readonly encrypted: boolean });

const isLeftOut = (outcome: TrackOutcome): outcome is LeftOut & { readonly encrypted: boolean } => 'reason' in outcome;

export { isLeftOut };

/** More descriptions than a track has. */
const mostDescriptions = 64;

function* child(boxes: readonly Box[], type: string): Reading<DataView | undefined> {
  const box = boxes.find((each) => each.type === type);
  return box === undefined ? undefined : yield* payloadOf(box, 4096);
}

const find = (boxes: readonly Box[], type: string): Box | undefined => boxes.find((box) => box.type === type);

/** Reads what a track is. */
export function* readTrackHead(trak: Box, budget: BoxBudget, movieTimescale: number): Reading<TrackOutcome> {
  const boxes = yield* childrenOf(trak, budget);
  const headerView = yield* child(boxes, 'tkhd');
  const header: TrackHeader | undefined = headerView && trackHeaderOf(headerView);
  const leftOut = (format: string, reason: string, encrypted = false) => ({
    ...{ track: header?.id ?? 0, format, reason, encrypted },
  });
  const mdia = find(boxes, 'mdia');
  if (header === undefined || mdia === undefined) return leftOut('', 'has no header that can be read');
  const media = yield* childrenOf(mdia, budget);
  const handlerView = yield* child(media, 'hdlr');
  const handler = handlerView && handlerOf(handlerView);
  const type = handler?.type ?? '';
  if (type !== 'vide' && type !== 'soun')
    return leftOut(type, `holds neither video nor audio (${type.trim() || 'no handler'})`);
  const kind = type === 'vide' ? 'video' : 'audio';
  const timesView = yield* child(media, 'mdhd');
  const times = timesView && timesOf(timesView);
  if (times === undefined || times.timescale === 0) return leftOut(type, 'has no timescale');
  let language = languageOf(timesView!);
  const extended = yield* child(media, 'elng');
  if (extended !== undefined) language = extendedLanguageOf(extended);
  const minf = find(media, 'minf');
  const inner = minf === undefined ? [] : yield* childrenOf(minf, budget);
  const dinf = find(inner, 'dinf');
  if (dinf !== undefined && (yield* isElsewhere(dinf, budget))) return leftOut(type, 'has its media in another file');
  const stblBox = find(inner, 'stbl');
  if (stblBox === undefined) return leftOut(type, 'has no tables of samples (stbl)');
  const stbl = yield* childrenOf(stblBox, budget);
  const edts = find(boxes, 'edts');
  const edits = edts === undefined ? [] : yield* readEdits(edts, budget);
  const entries = yield* readEntries(stbl, kind, budget);
  if (!Array.isArray(entries)) return leftOut(entries.format, entries.reason, entries.encrypted);
  if (movieTimescale <= 0) return leftOut(type, 'has no timescale');
  const { id, enabled, width, height, rotation, matrix } = header;
  const { timescale } = times;
  const shown = { width: width || entries[0]!.width, height: height || entries[0]!.height };
  const size = kind === 'video' ? shown : { width: 0, height: 0 };
  const name = handler?.name ?? '';
  return { id, kind, timescale, language, name, enabled, entries, ...size, rotation, matrix, edits, stbl };
}

function* isElsewhere(dinf: Box, budget: BoxBudget): Reading<boolean> {
  const dref = find(yield* childrenOf(dinf, budget), 'dref');
  if (dref === undefined || dref.end - dref.payload < 8) return false;
  const references = yield* childrenOf(dref, budget, 8);
  const first = references[0];
  if (first === undefined || first.end - first.payload < 4) return false;
  const flags = (yield* bytesAt(first.payload, 4)).getUint32(0) & 1;
  // QuickTime's aliases with the flag set lie in this file too.
  return flags === 0 && first.end - first.payload > 12;
}

function* readEdits(edts: Box, budget: BoxBudget): Reading<readonly EditEntry[]> {
  const elst = find(yield* childrenOf(edts, budget), 'elst');
  return elst === undefined ? [] : editsOf(yield* payloadOf(elst, 64 * 1024));
}

interface Refused {
  readonly format: string;
  readonly reason: string;
  readonly encrypted: boolean;
}

function* readEntries(
  stbl: readonly Box[],
  kind: 'video' | 'audio',
  budget: BoxBudget,
): Reading<SampleEntry[] | Refused> {
  const stsd = find(stbl, 'stsd');
  if (stsd === undefined) return { format: '', reason: 'has no sample description (stsd)', encrypted: false };
  const boxes = yield* childrenOf(stsd, budget, 8);
  if (boxes.length === 0 || boxes.length > mostDescriptions) {
    return { format: '', reason: `has ${boxes.length} sample descriptions`, encrypted: false };
  }
  const entries: SampleEntry[] = [];
  for (const box of boxes) {
    const view = yield* bytesAt(box.start, box.end - box.start);
    const parsed = parseSampleEntry(new Uint8Array(view.buffer, view.byteOffset, view.byteLength), kind);
    if ('refused' in parsed) return { format: parsed.format, reason: parsed.refused, encrypted: parsed.encrypted };
    const { strings, ...entry } = parsed;
    entries.push({ ...entry, codec: strings.hls, dashCodec: strings.dash });
  }
  return entries;
}

/** Reads the tables of a track. @throws TableError, CutOffError, BoxError */
export function* readSamples(track: TrackHead, fileSize: number, notes: string[]): Reading<SampleTable> {
  const raw = yield* readRaw(track, fileSize);
  return yield* buildTable(raw, { fileSize, descriptions: track.entries.length }, notes);
}

/** Reads the tables of a track as they stand in the file. @throws TableError, CutOffError, BoxError */
export function* readRaw({ stbl }: TrackHead, fileSize: number): Reading<RawSamples> {
  const raw = emptyRaw();
  yield* readSizes(stbl, raw, fileSize);
  yield* readPairs(stbl, 'stts', true, raw.timeCounts, raw.timeDeltas, false);
  yield* readPairs(stbl, 'ctts', false, raw.offsetCounts, raw.offsetValues, true);
  yield* readRuns(stbl, raw);
  yield* readChunks(stbl, raw);
  const stss = find(stbl, 'stss');
  if (stss !== undefined) raw.sync = yield* readSync(stss);
  return raw;
}

function* countOf(box: Box, at: number, entryBytes: number): Reading<number> {
  const length = box.end - box.payload;
  if (length < at + 4) throw new TableError(`has a table (${box.type}) that is cut off`);
  const count = (yield* bytesAt(box.payload, at + 4)).getUint32(at);
  if (count * entryBytes > length - at - 4)
    throw new TableError(`has a table (${box.type}) that is shorter than it says`);
  if (count > mostSamples) throw new TableError(`has a table (${box.type}) of ${count} entries`);
  return count;
}

function* readSizes(stbl: readonly Box[], raw: RawSamples, fileSize: number): Reading<void> {
  const stsz = find(stbl, 'stsz');
  const stz2 = find(stbl, 'stz2');
  const box = stsz ?? stz2;
  if (box === undefined || box.end - box.payload < 12) throw new TableError('has no table of sizes (stsz)');
  const head = yield* bytesAt(box.payload, 12);
  const constant = stsz === undefined ? 0 : head.getUint32(4);
  const bits = stsz === undefined ? head.getUint8(7) : 32;
  if (constant > 0) {
    const count = head.getUint32(8);
    if (count > mostSamples || count * constant > fileSize) throw new CutOffError(count * constant, fileSize);
    raw.count = count;
    raw.sizes = constant;
    return;
  }
  if (bits !== 4 && bits !== 8 && bits !== 16 && bits !== 32) throw new TableError(`has sizes of ${bits} bits (stz2)`);
  const count = yield* countOf(box, 8, bits === 4 ? 0.5 : bits / 8);
  raw.count = count;
  let sizes: Uint16Array | Uint32Array = new Uint16Array(count);
  // Pairs of 4-bit sizes share a byte.
  const entries = bits === 4 ? Math.ceil(count / 2) : count;
  yield* entriesOf(box, 12, bits === 4 ? 1 : bits / 8, entries, (view, taken, first) => {
    if (bits === 32) sizes = takeLongSizes(view, taken, first, sizes);
    else if (bits === 16) for (let index = 0; index < taken; index++) sizes[first + index] = view.getUint16(index * 2);
    else if (bits === 8) for (let index = 0; index < taken; index++) sizes[first + index] = view.getUint8(index);
    else takeHalves(view, taken, first, sizes);
  });
  raw.sizes = sizes;
}

/** Takes 32-bit sizes; as soon as one needs more than 16 bits all have 32. Returns what they are in. */
function takeLongSizes(
  view: DataView,
  taken: number,
  first: number,
  sizes: Uint16Array | Uint32Array,
): Uint16Array | Uint32Array {
  for (let index = 0; index < taken; index++) {
    const size = view.getUint32(index * 4);
    if (size > 0xffff && sizes.BYTES_PER_ELEMENT === 2) return takeLongSizes(view, taken, first, widened(sizes, first));
    sizes[first + index] = size;
  }
  return sizes;
}

function widened(sizes: Uint16Array | Uint32Array, used: number): Uint32Array {
  const wide = new Uint32Array(sizes.length);
  for (let index = 0; index < used; index++) wide[index] = sizes[index]!;
  return wide;
}

function takeHalves(view: DataView, taken: number, first: number, sizes: Uint16Array | Uint32Array): void {
  for (let index = 0; index < taken; index++) {
    const byte = view.getUint8(index);
    const sample = (first + index) * 2;
    sizes[sample] = byte >> 4;
    if (sample + 1 < sizes.length) sizes[sample + 1] = byte & 15;
  }
}

function* readPairs(
  stbl: readonly Box[],
  type: string,
  isNeeded: boolean,
  counts: Grown,
  values: Grown,
  isSigned: boolean,
): Reading<void> {
  const box = find(stbl, type);
  if (box === undefined) {
    if (isNeeded) throw new TableError(`has no table ${type}`);
    return;
  }
  const count = yield* countOf(box, 4, 8);
  counts.reserve(count);
  values.reserve(count);
  yield* entriesOf(box, 8, 8, count, (view, taken) => {
    for (let index = 0; index < taken; index++) {
      counts.push(view.getUint32(index * 8));
      values.push(isSigned ? view.getInt32(index * 8 + 4) : view.getUint32(index * 8 + 4));
    }
  });
}

function* readRuns(stbl: readonly Box[], { runFirsts, runSamples, runDescriptions }: RawSamples): Reading<void> {
  const box = find(stbl, 'stsc');
  if (box === undefined) throw new TableError('has no table of chunks (stsc)');
  const count = yield* countOf(box, 4, 12);
  yield* entriesOf(box, 8, 12, count, (view, taken) => {
    for (let index = 0; index < taken; index++) {
      runFirsts.push(view.getUint32(index * 12) - 1);
      runSamples.push(view.getUint32(index * 12 + 4));
      runDescriptions.push(view.getUint32(index * 12 + 8) - 1);
    }
  });
}

function* readChunks(stbl: readonly Box[], { chunkOffsets }: RawSamples): Reading<void> {
  const long = find(stbl, 'co64');
  const box = find(stbl, 'stco') ?? long;
  if (box === undefined) throw new TableError('has no table of places (stco)');
  const isLong = box === long;
  const count = yield* countOf(box, 4, isLong ? 8 : 4);
  chunkOffsets.reserve(count);
  yield* entriesOf(box, 8, isLong ? 8 : 4, count, (view, taken) => {
    for (let index = 0; index < taken; index++) {
      const offset = isLong
        ? view.getUint32(index * 8) * 2 ** 32 + view.getUint32(index * 8 + 4)
        : view.getUint32(index * 4);
      chunkOffsets.push(offset);
    }
  });
}

function* readSync(stss: Box): Reading<Grown> {
  const sync = new Grown();
  const count = yield* countOf(stss, 4, 4);
  yield* entriesOf(stss, 8, 4, count, (view, taken) => {
    for (let index = 0; index < taken; index++) sync.push(view.getUint32(index * 4) - 1);
  });
  return sync;
}

/** The samples of the `rap ` group, where decoding may begin though they are no sync samples; undefined without such a group. */
export function* readRandomAccess(stbl: readonly Box[], count: number): Reading<Uint32Array | undefined> {
  for (const box of stbl) {
    if (box.type !== 'sbgp' || box.end - box.payload < 12) continue;
    const view = yield* bytesAt(box.payload, 12);
    const isRap = view.getUint32(4) === 0x72617020;
    if (!isRap) continue;
    const entries = yield* countOf(box, view.getUint8(0) === 1 ? 12 : 8, 8);
    const found = new Grown();
    let sample = 0;
    yield* entriesOf(box, view.getUint8(0) === 1 ? 16 : 12, 8, entries, (piece, taken) => {
      for (let index = 0; index < taken; index++) {
        const length = Math.min(piece.getUint32(index * 8), count - sample);
        const isIn = piece.getUint32(index * 8 + 4) > 0;
        for (let each = 0; isIn && each < length; each++) found.push(sample + each);
        sample += length;
      }
    });
    return found.words();
  }
  return undefined;
}

/** The edit that counts: empty ones in front are a delay, the first other one is the presentation. */
export function editOf(
  edits: readonly EditEntry[],
  timescale: number,
  movieTimescale: number,
  notes: string[],
  id: number,
): Edit {
  let emptyTicks = 0;
  let at = 0;
  for (; at < edits.length && edits[at]!.mediaTime < 0; at++) {
    emptyTicks += Math.round((edits[at]!.duration / movieTimescale) * timescale);
  }
  const edit = edits[at];
  if (edit === undefined) return { emptyTicks: edits.length === 0 ? 0 : emptyTicks, mediaTime: 0, endTicks: undefined };
  if (at + 1 < edits.length) notes.push(`track ${id} has several edits; the first one counts`);
  if (edit.rate !== 1) notes.push(`track ${id} has an edit of rate ${edit.rate}; it is played at 1`);
  const length = Math.ceil((edit.duration / movieTimescale) * timescale);
  const endTicks = edit.duration === 0 || edit.duration >= 2 ** 32 - 1 ? undefined : edit.mediaTime + length;
  return { emptyTicks, mediaTime: edit.mediaTime, endTicks };
}

/** Whether an error is this track's alone. */
export function isOfTrack(error: unknown): error is Error {
  return (error instanceof TableError && !(error instanceof CutOffError)) || error instanceof BoxError;
}
