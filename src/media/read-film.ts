// Reads what is known of a film out of its headers, never its media: the boxes of the top level, the movie's header, each track, fragments.
// A generator that yields what it needs (film.ts), so that whoever drives it decides how bytes come and when others have their turn.
// Not here: tracks (read-track.ts), fragments (read-fragments.ts), how film is offered (presentation/).

import { type Box, BoxError } from '../wire/iso-bmff/boxes.js';
import { timesOf } from '../wire/iso-bmff/movie.js';
import { type Film, FilmRefusal, type FilmTrack, type LeftOut, type TopLevelBox, type TrackFragments } from './film.js';
import { type FragmentDefaults, FragmentReader, readDefaults } from './read-fragments.js';
import {
  editOf,
  isLeftOut,
  isOfTrack,
  readRandomAccess,
  readRaw,
  readSamples,
  readTrackHead,
  type TrackHead,
} from './read-track.js';
import { type BoxBudget, boxAt, bytesAt, childrenOf, payloadOf, type Reading } from './reading.js';
import { CutOffError, TableError } from './sample-builder.js';
import type { SampleTable } from './samples.js';

const mostTopLevel = 65_536;
const mostMoovBytes = 256 * 1024 * 1024;
const mostBoxes = 50_000;
const mostTracks = 64;

/**
 * Reads a film of `size` bytes; see {@link FilmNeed} for what it yields and is resumed with.
 * @throws FilmRefusal when it cannot be offered
 */
export function* readFilm(size: number): Reading<Film> {
  try {
    return yield* read(size);
  } catch (error) {
    if (error instanceof BoxError || error instanceof TableError) throw new FilmRefusal(plain(error));
    throw error;
  }
}

const plain = (error: Error): string => (error instanceof BoxError ? `is damaged: ${error.message}` : error.message);

interface TopLevel {
  readonly boxes: readonly TopLevelBox[];
  readonly moov: Box;
  readonly brand: string;
  /** Where fragments begin; -1 without any. */
  readonly firstFragment: number;
}

const topLevelTypes =
  /^(?:ftyp|styp|moov|mdat|moof|free|skip|wide|uuid|pdin|meta|sidx|pnot|udta|junk|mfra|emsg|prft|PICT|ssix|imda)$/;

function* readTopLevel(size: number): Reading<TopLevel> {
  const boxes: TopLevelBox[] = [];
  let moov: Box | undefined;
  let brand = '';
  let firstFragment = -1;
  for (let at = 0; at + 8 <= size && firstFragment < 0; ) {
    let box: Box;
    try {
      box = yield* boxAt(at, size, true);
    } catch (error) {
      // Behind everything that matters there may be anything.
      if (moov !== undefined && error instanceof BoxError) break;
      throw error;
    }
    if (at === 0 && !topLevelTypes.test(box.type)) throw new FilmRefusal('is not an MP4 or MOV file');
    if (box.end > size) {
      if (moov !== undefined && box.type !== 'mdat') break;
      throw new FilmRefusal(`is cut off: its box ${box.type} needs ${box.end} bytes, and the file has ${size}`);
    }
    if (box.type === 'ftyp' && box.end - box.payload >= 4 && brand === '')
      brand = text4(yield* bytesAt(box.payload, 4));
    if (box.type === 'moov') moov ??= box;
    if (box.type === 'moof') firstFragment = box.start;
    else boxes.push({ type: box.type, offset: box.start, length: box.end - box.start });
    if (boxes.length > mostTopLevel) throw new FilmRefusal('has more boxes than any film');
    at = box.end;
  }
  if (moov === undefined) {
    throw new FilmRefusal('has no header (moov): it is still being written, was cut off, or holds no film');
  }
  return { boxes, moov, brand, firstFragment };
}

function text4(view: DataView): string {
  let text = '';
  for (let index = 0; index < 4; index++) text += String.fromCharCode(view.getUint8(index));
  return text;
}

function* read(size: number): Reading<Film> {
  const top = yield* readTopLevel(size);
  const { moov } = top;
  if (moov.end - moov.start > mostMoovBytes)
    throw new FilmRefusal(`has a header (moov) of ${moov.end - moov.start} bytes`);
  const budget: BoxBudget = { left: mostBoxes };
  const boxes = yield* childrenOf(moov, budget);
  if (boxes.some(({ type }) => type === 'cmov'))
    throw new FilmRefusal('has a compressed header (cmov): rewrite it with ffmpeg -c copy');
  const mvhd = boxes.find(({ type }) => type === 'mvhd');
  const times = mvhd && timesOf(yield* payloadOf(mvhd, 4096));
  const timescale = times === undefined || times.timescale === 0 ? 1000 : times.timescale;
  const notes: string[] = [];
  const leftOut: LeftOut[] = [];
  const heads = yield* readHeads(boxes, budget, timescale, leftOut);
  const mvex = boxes.find(({ type }) => type === 'mvex');
  const isFragmented = mvex !== undefined && top.firstFragment >= 0;
  const samples = isFragmented
    ? yield* readAllFragments(size, top.firstFragment, heads, yield* readDefaults(mvex, budget), notes, leftOut)
    : yield* readAllTables(size, heads, notes, leftOut);
  const tracks: FilmTrack[] = [];
  for (const head of heads) {
    const table = samples.tables.get(head.id);
    if (table === undefined) continue;
    const { edits, stbl, ...rest } = head;
    const randomAccess =
      head.kind === 'video' && table.syncCount <= 1 ? yield* readRandomAccess(stbl, table.count) : undefined;
    tracks.push({
      ...rest,
      samples: table,
      edit: editOf(edits, head.timescale, timescale, notes, head.id),
      randomAccess,
    });
  }
  if (tracks.length === 0) {
    const why = leftOut.map(({ track, reason }) => `track ${track} ${reason}`).join('; ');
    throw new FilmRefusal(`has no track that can be played${why === '' ? '' : `: ${why}`}`);
  }
  return {
    ...{
      size,
      timescale,
      durationSeconds: Math.max(...tracks.map(secondsOf)),
      brand: top.brand,
      tracks,
      leftOut,
      notes,
    },
    moov: { type: 'moov', offset: moov.start, length: moov.end - moov.start },
    ...{ isFragmented, fragments: samples.fragments, topLevel: top.boxes },
    indexBytes: tracks.reduce((sum, track) => sum + track.samples.byteLength, 0),
  };
}

/** How long a track is presented. */
function secondsOf({ samples, edit, timescale }: FilmTrack): number {
  const first = samples.decodeTime(0);
  const end = Math.min(first + samples.durationTicks, edit.endTicks ?? Number.POSITIVE_INFINITY);
  return Math.max(0, end - edit.mediaTime + edit.emptyTicks) / timescale;
}

function* readHeads(
  boxes: readonly Box[],
  budget: BoxBudget,
  timescale: number,
  leftOut: LeftOut[],
): Reading<TrackHead[]> {
  const heads: TrackHead[] = [];
  const traks = boxes.filter(({ type }) => type === 'trak');
  if (traks.length > mostTracks) throw new FilmRefusal(`has ${traks.length} tracks`);
  for (const trak of traks) {
    let outcome: TrackHead | (LeftOut & { readonly encrypted: boolean });
    try {
      outcome = yield* readTrackHead(trak, budget, timescale);
    } catch (error) {
      if (!isOfTrack(error)) throw error;
      outcome = { track: 0, format: '', reason: plain(error), encrypted: false };
    }
    if (!isLeftOut(outcome)) {
      if (heads.some(({ id }) => id === (outcome as TrackHead).id))
        leftOut.push({ track: outcome.id, format: '', reason: 'has the number of another track' });
      else heads.push(outcome);
      continue;
    }
    if (outcome.encrypted) throw new FilmRefusal('is encrypted (cenc): Clearway serves clear media only');
    const { encrypted: _, ...rest } = outcome;
    leftOut.push(rest);
  }
  return heads;
}

interface AllSamples {
  readonly tables: ReadonlyMap<number, SampleTable>;
  readonly fragments: readonly TrackFragments[] | undefined;
}

function* readAllTables(
  size: number,
  heads: readonly TrackHead[],
  notes: string[],
  leftOut: LeftOut[],
): Reading<AllSamples> {
  const tables = new Map<number, SampleTable>();
  for (const head of heads) {
    const own: string[] = [];
    try {
      tables.set(head.id, yield* readSamples(head, size, own));
    } catch (error) {
      if (!isOfTrack(error)) throw error;
      leftOut.push({ track: head.id, format: head.entries[0]!.format, reason: plain(error) });
    }
    for (const note of own) notes.push(`track ${head.id} ${note}`);
  }
  return { tables, fragments: undefined };
}

function* readAllFragments(
  size: number,
  first: number,
  heads: readonly TrackHead[],
  defaults: ReadonlyMap<number, FragmentDefaults>,
  notes: string[],
  leftOut: LeftOut[],
): Reading<AllSamples> {
  const none: FragmentDefaults = { description: 1, duration: 0, size: 0, flags: 0 };
  const known = new Map(heads.map(({ id }) => [id, defaults.get(id) ?? none]));
  const reader = new FragmentReader(size, known, notes);
  for (const head of heads) {
    try {
      reader.begin(head.id, yield* readRaw(head, size));
    } catch (error) {
      // Most fragmented films have empty tables there, and some have none.
      if (!isOfTrack(error)) throw error;
    }
  }
  yield* reader.read(first);
  const tables = new Map<number, SampleTable>();
  for (const { id, entries } of heads) {
    try {
      tables.set(id, yield* reader.table(id, entries.length));
    } catch (error) {
      if (error instanceof CutOffError || !isOfTrack(error)) throw error;
      leftOut.push({ track: id, format: entries[0]!.format, reason: plain(error) });
    }
  }
  return { tables, fragments: reader.fragments([...tables.keys()]) };
}
