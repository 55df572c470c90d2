// Reads what is known of a film out of its headers, never its media: the boxes of the top level, the movie's header, each track, fragments.
// A generator that yields what it needs (film.ts), so that whoever drives it decides how bytes come and when others have their turn.
// Not here: tracks (read-track.ts), fragments (read-fragments.ts), how film is offered (presentation/).

import { type Box, BoxError, headerBytes, readBox, typeAt } from '../wire/iso-bmff/boxes.js';
import { timesOf } from '../wire/iso-bmff/movie.js';
import {
  type Film,
  type FilmNeed,
  FilmRefusal,
  type FilmTrack,
  type LeftOut,
  type TopLevelBox,
  type TrackFragments,
} from './film.js';
import { FilmTables, type TableMemory } from './film-tables.js';
import type { FragmentDefaults } from './fragment-track.js';
import { CutOffError, IndexBudget, TableError } from './growing.js';
import { earliestComposition, latestEnd } from './presentation/timeline.js';
import { FragmentReader, readDefaults, withoutEmpty } from './read-fragments.js';
import { readRandomAccess, readSamples } from './read-tables.js';
import { editOf, isLeftOut, readTrackHead, refinementOf, type TrackHead, type TrackOutcome } from './read-track.js';
import { type BoxBudget, bytesAt, childrenOf, nearBytes, payloadOf, type Reading, readAhead } from './reading.js';
import { note } from './sample-builder.js';
import type { SampleTable } from './samples.js';
import { completed } from './stream-configuration.js';
import { tablePool } from './table-pool.js';

const mostTopLevel = 65_536;
const mostMoovBytes = 256 * 1024 * 1024;
const mostBoxes = 50_000;
const mostTracks = 64;
/** Tracks of which a refusal says why they were left out. */
const mostReasons = 4;

/**
 * Reads a film of `size` bytes; see {@link FilmNeed} for what it yields and is resumed with. The caller is the first user of its tables.
 * @param memory where tables are to lie, a part of the core's; the thread's without it
 * @throws FilmRefusal when it cannot be offered
 */
export function* readFilm(size: number, memory?: TableMemory): Generator<FilmNeed, Film, Uint8Array | undefined> {
  const tables = new FilmTables(memory ?? tablePool());
  let film: Film | undefined;
  try {
    film = yield* readAhead(read(size, tables), size);
    return film;
  } catch (error) {
    if (error instanceof BoxError || error instanceof TableError) throw new FilmRefusal(plain(error));
    throw error;
  } finally {
    if (film === undefined) tables.release();
  }
}

const plain = (error: Error): string => (error instanceof BoxError ? `is damaged: ${error.message}` : error.message);

interface TopLevel {
  readonly boxes: readonly TopLevelBox[];
  readonly moov: Box;
  readonly brand: string;
  /** Where fragments begin; -1 without any. */
  readonly firstFragment: number;
  /** The last box says that it goes to the file's end, wherever that is. */
  readonly isOpenEnded: boolean;
}

const topLevelTypes =
  /^(?:ftyp|styp|moov|mdat|moof|free|skip|wide|uuid|pdin|meta|sidx|pnot|udta|junk|mfra|emsg|prft|PICT|ssix|imda)$/;

function* readTopLevel(size: number): Reading<TopLevel> {
  const boxes: TopLevelBox[] = [];
  let moov: Box | undefined;
  let brand = '';
  let firstFragment = -1;
  let isOpenEnded = false;
  for (let at = 0; at + 8 <= size && firstFragment < 0; ) {
    let box: Box;
    try {
      // Small boxes come in one read.
      const view = yield* bytesAt(at, Math.min(headerBytes, size - at), at + nearBytes);
      box = readBox(view, 0, at, size, true);
      isOpenEnded = view.getUint32(0) === 0;
    } catch (error) {
      // Behind everything that matters there may be anything.
      if (moov !== undefined && error instanceof BoxError) break;
      throw error;
    }
    if (at === 0 && !topLevelTypes.test(box.type))
      throw new FilmRefusal('is not an MP4 or MOV file: convert it, for example with ffmpeg');
    if (box.end > size) {
      if (moov !== undefined && box.type !== 'mdat') break;
      throw new FilmRefusal(
        `is cut off: its box ${box.type} needs ${box.end} bytes, and the file has ${size}; wait until it is written, or copy it again`,
      );
    }
    if (box.type === 'ftyp' && box.end - box.payload >= 4 && brand === '')
      brand = typeAt(yield* bytesAt(box.payload, 4), 0);
    if (box.type === 'moov') moov ??= box;
    if (box.type === 'moof') firstFragment = box.start;
    else boxes.push({ type: box.type, offset: box.start, length: box.end - box.start });
    if (boxes.length > mostTopLevel) throw new FilmRefusal('has more boxes than any film');
    at = box.end;
  }
  if (moov === undefined) {
    if (size === 0) throw new FilmRefusal('is empty: wait until it is written, or copy it again');
    throw new FilmRefusal('has no header (moov): it is cut off or still being written; wait, or copy it again');
  }
  return { boxes, moov, brand, firstFragment, isOpenEnded };
}

function* read(size: number, kept: FilmTables): Reading<Film> {
  const top = yield* readTopLevel(size);
  const { moov } = top;
  if (moov.end - moov.start > mostMoovBytes)
    throw new FilmRefusal(`has a header (moov) of ${moov.end - moov.start} bytes, and may have ${mostMoovBytes}`);
  const budget: BoxBudget = { left: mostBoxes };
  const boxes = yield* childrenOf(moov, budget);
  if (boxes.some(({ type }) => type === 'cmov'))
    throw new FilmRefusal('has a compressed header (cmov): rewrite it with ffmpeg -c copy');
  const mvhd = boxes.find(({ type }) => type === 'mvhd');
  const times = mvhd && timesOf(yield* payloadOf(mvhd, 4096));
  const timescale = times === undefined || times.timescale === 0 ? 1000 : times.timescale;
  const notes: string[] = [];
  const leftOut: LeftOut[] = [];
  const mvex = boxes.find(({ type }) => type === 'mvex');
  const isFragmented = mvex !== undefined && top.firstFragment >= 0;
  const heads = yield* readHeads(boxes, budget, timescale, isFragmented, leftOut);
  const index = new IndexBudget(kept);
  const defaults = isFragmented ? yield* readDefaults(mvex, budget) : undefined;
  const samples =
    defaults === undefined
      ? yield* readAllTables(size, heads, top.isOpenEnded, index, notes, leftOut)
      : yield* readAllFragments(size, top.firstFragment, heads, defaults, index, notes, leftOut);
  const tracks: FilmTrack[] = [];
  let { fragments } = samples;
  for (const head of heads) {
    const table = samples.tables.get(head.id);
    const told = samples.renumbered.has(head.id) ? { ...head, stbl: [] } : head;
    if (table === undefined) continue;
    const headerEnd = samples.headerEnds.get(head.id) ?? Number.NEGATIVE_INFINITY;
    let track: FilmTrack;
    try {
      track = yield* trackOf(told, table, headerEnd, timescale, index, notes);
    } catch (error) {
      if (!isOfTrack(error)) throw error;
      leftOut.push({ track: head.id, format: head.entries[0]!.format, reason: plain(error) });
      continue;
    }
    tracks.push(track);
    // Fragments that are sent as they are tell times in the ticks that they have.
    if (track.timescale !== head.timescale) fragments = undefined;
  }
  if (tracks.length === 0) {
    const reasons = leftOut.slice(0, mostReasons).map(({ track, reason }) => `track ${track} ${reason}`);
    const more = leftOut.length - reasons.length;
    const why = [...reasons, ...(more > 0 ? [`and ${more} more`] : [])].join('; ');
    const how = 'transcode it, for example ffmpeg -i IN -c:v libx264 -c:a aac out.mp4';
    throw new FilmRefusal(`has no track that can be played${why === '' ? '' : `: ${why}`}; ${how}`);
  }
  const durationSeconds = Math.max(...tracks.map(secondsOf));
  kept.closing(tracks.map((track) => track.samples));
  return {
    ...{ size, timescale, durationSeconds, brand: top.brand, tracks, leftOut, notes },
    moov: { type: 'moov', offset: moov.start, length: moov.end - moov.start },
    ...{ isFragmented, fragments, topLevel: top.boxes, indexBytes: index.held, tables: kept },
  };
}

/** @param headerEnd ticks at which the samples of the header end, where fragments go on */
function* trackOf(
  head: TrackHead,
  samples: SampleTable,
  headerEnd: number,
  movieTimescale: number,
  index: IndexBudget,
  notes: string[],
): Reading<FilmTrack> {
  const { stbl } = head;
  let { edits, timescale } = head;
  const entries = yield* completed(head.entries, samples);
  const tolerance = Math.ceil(timescale / movieTimescale);
  const factor = refinementOf(edits, timescale, movieTimescale);
  if (factor > 1 && (yield* samples.refine(factor))) {
    timescale *= factor;
    edits = edits.map((edit) => (edit.mediaTime > 0 ? { ...edit, mediaTime: edit.mediaTime * factor } : edit));
  }
  let randomAccess: Uint32Array | undefined;
  try {
    if (head.kind === 'video' && samples.syncCount <= 1) {
      randomAccess = yield* readRandomAccess(stbl, samples.count, index);
    }
  } catch (error) {
    if (!isOfTrack(error)) throw error;
    note(notes, `track ${head.id} ${plain(error)}`);
  }
  let edit = editOf(edits, timescale, movieTimescale, notes, head.id);
  // Recorders write the header with what they have then, and nobody takes the end of its edit for that of the film.
  if (edit.endTicks !== undefined && edit.endTicks <= ((headerEnd + tolerance) * timescale) / head.timescale)
    edit = { ...edit, endTicks: undefined };
  if (edit.mediaTime >= latestEnd({ samples }, 0, samples.count)) {
    note(notes, `track ${head.id} has an edit behind its end; it is not honoured`);
    edit = { emptyTicks: edit.emptyTicks, mediaTime: 0, endTicks: undefined };
  }
  // A part of what was sent long before: its first fragment begins behind all that the header knows of.
  if (edit.endTicks !== undefined && edit.endTicks <= earliestComposition({ samples }, 0, samples.count)) {
    note(notes, `track ${head.id} has an edit that ends before its first sample; its end is not honoured`);
    edit = { ...edit, endTicks: undefined };
  }
  const { id, kind, language, name, enabled, width, height, rotation, matrix } = head;
  // One by one, so that the tracks of all films are one kind of object to the compiler.
  return {
    id,
    kind,
    timescale,
    language,
    name,
    enabled,
    entries,
    samples,
    edit,
    width,
    height,
    rotation,
    matrix,
    randomAccess,
  };
}

/** Whether an error is one track's alone. */
const isOfTrack = (error: unknown): error is Error => error instanceof TableError || error instanceof BoxError;

/** How long a track is presented. */
function secondsOf({ samples, edit, timescale }: FilmTrack): number {
  const end = Math.min(latestEnd({ samples }, 0, samples.count), edit.endTicks ?? Number.POSITIVE_INFINITY);
  return Math.max(0, end - edit.mediaTime + edit.emptyTicks) / timescale;
}

/** @param isFragmented a track is known by its number: two cannot have one. Elsewhere it is in nobody's way, and another is taken. */
function* readHeads(
  boxes: readonly Box[],
  budget: BoxBudget,
  timescale: number,
  isFragmented: boolean,
  leftOut: LeftOut[],
): Reading<TrackHead[]> {
  const heads: TrackHead[] = [];
  const traks = boxes.filter(({ type }) => type === 'trak');
  if (traks.length > mostTracks) throw new FilmRefusal(`has ${traks.length} tracks, and may have ${mostTracks}`);
  for (const trak of traks) {
    let outcome: TrackOutcome;
    try {
      outcome = yield* readTrackHead(trak, budget, timescale);
    } catch (error) {
      if (!isOfTrack(error)) throw error;
      outcome = { track: 0, format: '', reason: plain(error), encrypted: false };
    }
    if (!isLeftOut(outcome)) {
      const { id } = outcome;
      const isTaken = heads.some((head) => head.id === id);
      if (!isFragmented && (isTaken || id === 0)) heads.push({ ...outcome, id: freeNumber(heads) });
      else if (isTaken) leftOut.push({ track: id, format: '', reason: 'has the number of another track' });
      else heads.push(outcome);
      continue;
    }
    if (outcome.encrypted) throw new FilmRefusal('is encrypted (cenc): Clearway serves clear media only');
    const { encrypted: _, ...rest } = outcome;
    leftOut.push(rest);
  }
  return heads;
}

/** The first number that no track has. */
function freeNumber(heads: readonly TrackHead[]): number {
  let number = 1;
  while (heads.some(({ id }) => id === number)) number++;
  return number;
}

interface AllSamples {
  readonly tables: ReadonlyMap<number, SampleTable>;
  /** Tracks whose samples have other numbers than in the file: groups of samples are not theirs. */
  readonly renumbered: ReadonlySet<number>;
  readonly fragments: readonly TrackFragments[] | undefined;
  /** Of tracks that have samples in the header, and more in fragments: ticks at which the former end. */
  readonly headerEnds: ReadonlyMap<number, number>;
}

/** @param isOpenEnded a track whose samples lie behind the file's end tells that the file was cut; otherwise its tables are wrong. */
function* readAllTables(
  size: number,
  heads: readonly TrackHead[],
  isOpenEnded: boolean,
  index: IndexBudget,
  notes: string[],
  leftOut: LeftOut[],
): Reading<AllSamples> {
  const tables = new Map<number, SampleTable>();
  const renumbered = new Set<number>();
  let cutOff: CutOffError | undefined;
  for (const { id, entries, stbl, mostTicks } of heads) {
    const own: string[] = [];
    try {
      const table = yield* readSamples(stbl, entries.length, mostTicks, size, index, own);
      if (table === undefined) throw new TableError('has no samples');
      if (table.hasEmpty) renumbered.add(id);
      tables.set(id, table.hasEmpty ? yield* withoutEmpty(table, entries.length, size, index, own) : table);
    } catch (error) {
      if (!isOfTrack(error) || (error instanceof CutOffError && isOpenEnded)) throw error;
      if (error instanceof CutOffError) cutOff ??= error;
      leftOut.push({ track: id, format: entries[0]!.format, reason: plain(error) });
    }
    for (const each of own) note(notes, `track ${id} ${each}`);
  }
  // Where nothing is left it is the file that ends early.
  if (tables.size === 0 && cutOff !== undefined) throw cutOff;
  return { tables, renumbered, fragments: undefined, headerEnds: new Map() };
}

function* readAllFragments(
  size: number,
  first: number,
  heads: readonly TrackHead[],
  defaults: ReadonlyMap<number, FragmentDefaults>,
  index: IndexBudget,
  notes: string[],
  leftOut: LeftOut[],
): Reading<AllSamples> {
  const reader = new FragmentReader(size, defaults, index);
  const renumbered = new Set<number>();
  const begun = new Map<number, SampleTable>();
  for (const { id, entries, stbl } of heads) {
    reader.add(id, entries.length);
    try {
      const table = yield* readSamples(stbl, entries.length, Number.POSITIVE_INFINITY, size, index, []);
      if (table !== undefined) yield* reader.begin(id, table);
      if (table !== undefined) begun.set(id, table);
      // Groups of samples that are not there are of none that fragments have.
      if (table === undefined || table.hasEmpty) renumbered.add(id);
    } catch (error) {
      // Most fragmented films have empty tables there, and some have none.
      if (!isOfTrack(error)) throw error;
      renumbered.add(id);
    }
  }
  yield* reader.read(first);
  const tables = new Map<number, SampleTable>();
  const headerEnds = new Map<number, number>();
  for (const { id, entries } of heads) {
    const own: string[] = [];
    try {
      const table = yield* reader.table(id, own);
      tables.set(id, table);
      const first = begun.get(id);
      if (first !== undefined && first.count < table.count)
        headerEnds.set(id, latestEnd({ samples: first }, 0, first.count));
    } catch (error) {
      // A fragment whose data is not there yet: the film is cut off, and not this track wrong.
      if (!isOfTrack(error) || error instanceof CutOffError) throw error;
      leftOut.push({ track: id, format: entries[0]!.format, reason: plain(error) });
    }
    for (const each of own) note(notes, `track ${id} ${each}`);
  }
  return { tables, renumbered, fragments: reader.fragments([...tables.keys()]), headerEnds };
}
