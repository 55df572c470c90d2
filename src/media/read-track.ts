// Reads one `trak`: what it is, whether it can be offered, and its tables. A track that cannot be offered is left out with a sentence; the
// others go on. Not here: fragments (read-fragments.ts), the film around it (read-film.ts).

import { type Box, BoxError } from '../wire/iso-bmff/boxes.js';
import {
  type EditEntry,
  editsOf,
  extendedLanguageOf,
  handlerOf,
  languageOf,
  nameOf,
  type TrackHeader,
  timesOf,
  trackHeaderOf,
} from '../wire/iso-bmff/movie.js';
import { parseSampleEntry } from '../wire/iso-bmff/sample-entry.js';
import type { Edit, FilmTrack, LeftOut, SampleEntry } from './film.js';
import { type BoxBudget, bytesAt, childrenOf, payloadOf, type Reading } from './reading.js';
import { note } from './sample-builder.js';

/** A track without its samples: those of a fragmented film come later. */
export interface TrackHead extends Omit<FilmTrack, 'samples' | 'edit' | 'randomAccess'> {
  readonly edits: readonly EditEntry[];
  readonly stbl: readonly Box[];
  /** How long it says that its samples last together; infinite where it does not. */
  readonly mostTicks: number;
}

/** What reading a track gives: its head, or why it is left out. */
export type TrackOutcome = TrackHead | (LeftOut & { readonly encrypted: boolean });

/** Tells a track that is left out. */
export function isLeftOut(outcome: TrackOutcome): outcome is LeftOut & { readonly encrypted: boolean } {
  return 'reason' in outcome;
}

/** More descriptions than a track has. */
const mostDescriptions = 64;
/** More bytes than a description has; every one of them is kept, and sent with each init segment. */
const mostEntryBytes = 64 * 1024;

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
  // Languages are looked up in tables that are loaded for the first one.
  yield undefined;
  let language = languageOf(timesView!);
  yield undefined;
  const extended = yield* child(media, 'elng');
  // It comes before the code, where it is a language.
  const tag = extended === undefined ? 'und' : extendedLanguageOf(extended);
  if (tag !== 'und') language = tag;
  const minf = find(media, 'minf');
  const inner = minf === undefined ? [] : yield* childrenOf(minf, budget);
  const dinf = find(inner, 'dinf');
  const elsewhere = dinf === undefined ? [] : yield* readElsewhere(dinf, budget);
  const stblBox = find(inner, 'stbl');
  if (stblBox === undefined) return leftOut(type, 'has no tables of samples (stbl)');
  const stbl = yield* childrenOf(stblBox, budget);
  const edts = find(boxes, 'edts');
  const edits = edts === undefined ? [] : yield* readEdits(edts, budget);
  yield undefined;
  const entries = yield* readEntries(stbl, kind, elsewhere, budget);
  yield undefined;
  if (!Array.isArray(entries)) return leftOut(entries.format, entries.reason, entries.encrypted);
  if (movieTimescale <= 0) return leftOut(type, 'has no timescale');
  const { id, enabled, width, height, rotation, matrix } = header;
  const { timescale, duration } = times;
  const mostTicks = duration === 0 || duration === 2 ** 32 - 1 ? Number.POSITIVE_INFINITY : duration;
  // A rate above 65,535 has no room in the entry, and the timescale is the rate.
  const rated = entries.map((entry) =>
    kind === 'audio' && entry.sampleRate === 0 ? { ...entry, sampleRate: timescale } : entry,
  );
  const shown = { width: width || entries[0]!.width, height: height || entries[0]!.height };
  const size = kind === 'video' ? shown : { width: 0, height: 0 };
  const title = yield* readTitle(boxes, budget);
  const name = title === '' ? (handler?.name ?? '') : title;
  const said = { language, name, enabled, rotation, matrix, edits };
  return { id, kind, timescale, ...said, entries: rated, ...size, stbl, mostTicks };
}

/** The title in the track's user data; empty without one, and where they are not made of boxes. */
function* readTitle(boxes: readonly Box[], budget: BoxBudget): Reading<string> {
  const udta = find(boxes, 'udta');
  if (udta === undefined) return '';
  try {
    const view = yield* child(yield* childrenOf(udta, budget), 'name');
    return view === undefined ? '' : nameOf(view);
  } catch (error) {
    if (error instanceof BoxError) return '';
    throw error;
  }
}

/** Which of the references that sample descriptions name, from 0, are to another file. */
function* readElsewhere(dinf: Box, budget: BoxBudget): Reading<readonly boolean[]> {
  const dref = find(yield* childrenOf(dinf, budget), 'dref');
  if (dref === undefined || dref.end - dref.payload < 8) return [];
  const elsewhere: boolean[] = [];
  for (const { payload, end } of yield* childrenOf(dref, budget, 8)) {
    const flags = end - payload < 4 ? 1 : (yield* bytesAt(payload, 4)).getUint32(0) & 1;
    // QuickTime's aliases with the flag set lie in this file too.
    elsewhere.push(flags === 0 && end - payload > 12);
  }
  return elsewhere;
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
  elsewhere: readonly boolean[],
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
    if (box.end - box.start > mostEntryBytes) {
      return { format: box.type, reason: `has a sample description of ${box.end - box.start} bytes`, encrypted: false };
    }
    const view = yield* bytesAt(box.start, box.end - box.start);
    if (view.byteLength >= 16 && elsewhere[view.getUint16(14) - 1] === true) {
      return { format: box.type, reason: 'has its media in another file', encrypted: false };
    }
    const parsed = parseSampleEntry(new Uint8Array(view.buffer, view.byteOffset, view.byteLength), kind);
    if ('refused' in parsed) return { format: parsed.format, reason: parsed.refused, encrypted: parsed.encrypted };
    const { strings, ...entry } = parsed;
    entries.push({ ...entry, codec: strings.hls, dashCodec: strings.dash });
  }
  return entries;
}

/** `ticks` of one timescale in another; exact where the product of both is below 2^53. */
const rescaled = (ticks: number, from: number, to: number): number => (ticks * to) / from;

/** The empty edits in front: how many, and how many ticks of the movie. */
function delayOf(edits: readonly EditEntry[]): { readonly entries: number; readonly ticks: number } {
  let entries = 0;
  let ticks = 0;
  for (; entries < edits.length && edits[entries]!.mediaTime < 0; entries++) ticks += edits[entries]!.duration;
  return { entries, ticks };
}

/** How many times as short a track's ticks have to be, so that a delay in ticks of the movie is told within a quarter of a millisecond; most often 1. */
export function refinementOf(edits: readonly EditEntry[], timescale: number, movieTimescale: number): number {
  const delay = rescaled(delayOf(edits).ticks, movieTimescale, timescale);
  return Math.abs(delay - Math.round(delay)) <= timescale / 4000 ? 1 : Math.ceil(10_000 / timescale);
}

/** The edit that counts: empty ones in front are a delay, the first other one is the presentation, with those that go on where it ends. */
export function editOf(
  edits: readonly EditEntry[],
  timescale: number,
  movieTimescale: number,
  notes: string[],
  id: number,
): Edit {
  const delay = delayOf(edits);
  let at = delay.entries;
  const emptyTicks = Math.round(rescaled(delay.ticks, movieTimescale, timescale));
  const edit = edits[at];
  if (edit === undefined) return { emptyTicks, mediaTime: 0, endTicks: undefined };
  if (edit.mediaTime >= 2 ** 52 || emptyTicks >= 2 ** 52) {
    note(notes, `track ${id} has an edit at a time that is too large; it is not honoured`);
    return { emptyTicks: 0, mediaTime: 0, endTicks: undefined };
  }
  if (edit.rate !== 1) note(notes, `track ${id} has an edit of rate ${edit.rate}; it is played at 1`);
  const endOf = ({ duration, mediaTime }: EditEntry): number | undefined => {
    const isOpen = duration === 0 || duration === 2 ** 32 - 1 || duration >= 2 ** 53;
    return isOpen ? undefined : mediaTime + Math.ceil(rescaled(duration, movieTimescale, timescale));
  };
  // Durations are rounded to ticks of the movie.
  const tolerance = Math.ceil(timescale / movieTimescale);
  let endTicks = endOf(edit);
  for (at++; at < edits.length && endTicks !== undefined; at++) {
    const next = edits[at]!;
    if (next.rate !== edit.rate || Math.abs(next.mediaTime - endTicks) > tolerance) break;
    endTicks = endOf(next);
  }
  // Nothing is shown in empty ones behind it.
  if (edits.slice(at).some(({ mediaTime }) => mediaTime >= 0))
    note(notes, `track ${id} has several edits; the first one counts`);
  return { emptyTicks, mediaTime: edit.mediaTime, endTicks };
}
