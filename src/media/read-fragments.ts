// Reads the fragments of a film (`moof` with its `mdat`): each run of samples is a chunk of the track's table, as if the film had been written
// in one piece; and whether each fragment may be sent as it lies. Not here: one run of samples (fragment-track.ts), the film's header
// (read-film.ts).

import { type Box, childrenIn, readBox } from '../wire/iso-bmff/boxes.js';
import { FilmRefusal, type TrackFragments } from './film.js';
import {
  type FragmentDefaults,
  type FragmentHeader,
  FragmentTrack,
  fragmentHeader,
  runOf,
  timeOf,
} from './fragment-track.js';
import { type IndexBudget, TableError } from './growing.js';
import { type BoxBudget, boxAt, bytesAt, childrenOf, type Reading, samplesATurn, wholeBox } from './reading.js';
import type { SampleTable } from './samples.js';

/** A film that is one fragment: a million samples and more. */
const mostFragmentHeader = 16 * 1024 * 1024;
/** Runs of samples in one fragment of a track. */
const mostRuns = 2 ** 14;
/** Runs that are taken before others have a turn: most have a few samples where there are many. */
const runsATurn = 256;
/** Boxes between fragments, and fragments without samples. */
const mostOtherBoxes = 65_536;

/** What holds where `trex` is missing. */
const noDefaults: FragmentDefaults = { description: 1, duration: 0, size: 0, flags: 0 };

/** The tracks' defaults in `mvex`, by id. */
export function* readDefaults(mvex: Box, budget: BoxBudget): Reading<Map<number, FragmentDefaults>> {
  const found = new Map<number, FragmentDefaults>();
  for (const box of yield* childrenOf(mvex, budget)) {
    if (box.type !== 'trex' || box.end - box.payload < 24) continue;
    const view = yield* bytesAt(box.payload, 24);
    const [description, duration, size, flags] = [8, 12, 16, 20].map((at) => view.getUint32(at));
    found.set(view.getUint32(4), { description: description!, duration: duration!, size: size!, flags: flags! });
  }
  return found;
}

/**
 * A table without the samples that have no byte: players refuse them in fragments. What stands before them stays for as long.
 * @param notes gets a sentence. @throws TableError
 */
export function* withoutEmpty(
  table: SampleTable,
  descriptions: number,
  fileSize: number,
  budget: IndexBudget,
  notes: string[],
): Reading<SampleTable> {
  const track = new FragmentTrack(noDefaults, descriptions, budget);
  for (let from = 0; from < table.count; from += samplesATurn) {
    track.begin(table, from, Math.min(table.count, from + samplesATurn));
    yield undefined;
  }
  if (track.count === 0) throw new TableError('has no samples');
  return yield* track.table(fileSize, notes);
}

/** The samples of the tracks of a film, out of all its fragments. */
export class FragmentReader {
  readonly #size: number;
  readonly #tracks = new Map<number, FragmentTrack>();
  readonly #budget: IndexBudget;
  /** Why tracks cannot be offered whose fragments are wrong. */
  readonly #leftOut = new Map<number, TableError>();
  /** Samples so far, of all tracks. */
  #taken = 0;
  /** Of all tracks, those that are left out among them. */
  readonly #defaults: ReadonlyMap<number, FragmentDefaults>;

  /** @param size of the file. @param defaults of its tracks, by id */
  constructor(size: number, defaults: ReadonlyMap<number, FragmentDefaults>, budget: IndexBudget) {
    this.#size = size;
    this.#defaults = defaults;
    this.#budget = budget;
  }

  /** Reads the fragments of this track too. @param descriptions entries of its `stsd` */
  add(id: number, descriptions: number): void {
    const defaults = this.#defaults.get(id) ?? noDefaults;
    this.#tracks.set(id, new FragmentTrack(defaults, descriptions, this.#budget));
  }

  /** Puts the samples of the film's own header in front: some muxers write the first ones there. */
  *begin(id: number, table: SampleTable): Reading<void> {
    const track = this.#tracks.get(id)!;
    for (let from = 0; from < table.count; from += samplesATurn) {
      track.begin(table, from, Math.min(table.count, from + samplesATurn));
      yield undefined;
    }
  }

  /** Walks to the file's end. @throws FilmRefusal, BoxError, TableError */
  *read(first: number): Reading<void> {
    let others = mostOtherBoxes;
    for (let at = first; at + 8 <= this.#size; ) {
      const box = yield* boxAt(at, this.#size, true);
      if (box.end > this.#size) throw cutOff();
      at = box.end;
      const before = this.#taken;
      if (box.type === 'moof') {
        // The header behind it comes in the same read.
        const view = yield* wholeBox(box, mostFragmentHeader, box.end + 16);
        const track = yield* this.#fragment(view, box);
        const next = at + 8 <= this.#size ? yield* boxAt(at, this.#size, true) : undefined;
        if (next?.type === 'mdat' && next.end > this.#size) throw cutOff();
        track?.endFragment(box.start, next?.type === 'mdat' ? next.end : 0);
      }
      const isOther = this.#taken === before && box.type !== 'mdat';
      if (isOther && others-- === 0) throw new FilmRefusal('has more boxes than any film');
    }
  }

  /** Takes the samples of a fragment. Returns its track where it has one alone. */
  *#fragment(view: DataView, moof: Box): Reading<FragmentTrack | undefined> {
    const { payload } = readBox(view, 0, 0, view.byteLength);
    const trafs = childrenIn(view, payload, view.byteLength).filter(({ type }) => type === 'traf');
    let dataEnd = moof.start;
    let last: FragmentTrack | undefined;
    for (const [index, traf] of trafs.entries()) {
      const boxes = childrenIn(view, traf.payload, traf.end, mostRuns);
      const tfhd = boxes.find(({ type }) => type === 'tfhd');
      if (tfhd === undefined || tfhd.end - tfhd.payload < 8) continue;
      const header = fragmentHeader(view, tfhd, moof.start, index === 0 ? moof.start : dataEnd);
      const track = this.#tracks.get(header.track);
      last = track;
      try {
        const tfdt = boxes.find(({ type, payload, end }) => type === 'tfdt' && end - payload >= 8);
        const time = tfdt === undefined ? undefined : timeOf(view, tfdt);
        track?.beginFragment(time, header.isBaseMoof && trafs.length === 1);
        dataEnd = yield* this.#runs(view, boxes, header, track);
      } catch (error) {
        if (!(error instanceof TableError)) throw error;
        this.#tracks.delete(header.track);
        this.#leftOut.set(header.track, error);
        // What is of no track that is offered has a place all the same: the next one may begin behind it.
        dataEnd = yield* this.#runs(view, boxes, header, undefined);
      }
    }
    return trafs.length === 1 ? last : undefined;
  }

  /** Takes the runs of a `traf`. Returns where their data ends. */
  *#runs(
    view: DataView,
    boxes: readonly Box[],
    header: FragmentHeader,
    track: FragmentTrack | undefined,
  ): Reading<number> {
    let offset = header.base;
    for (const [index, box] of boxes.entries()) {
      if (index % runsATurn === runsATurn - 1) yield undefined;
      if (box.type !== 'trun' || box.end - box.payload < 8) continue;
      const run = runOf(view, box, header, offset);
      offset = run.offset;
      if (run.count === 0) continue;
      this.#taken += run.count;
      if (track === undefined) {
        offset += run.bytesWithout(view, this.#defaults.get(header.track)?.size ?? 0);
        continue;
      }
      track.beginRun(run, header);
      for (let from = 0; from < run.count; from += samplesATurn) {
        track.take(view, run, from, Math.min(run.count, from + samplesATurn));
        if (from + samplesATurn < run.count) yield undefined;
      }
      offset = track.dataEnd;
    }
    return offset;
  }

  /** The table of a track. @param notes gets a sentence for each repair. @throws TableError, CutOffError */
  *table(id: number, notes: string[]): Reading<SampleTable> {
    const track = this.#tracks.get(id);
    const reason = this.#leftOut.get(id);
    if (reason !== undefined) throw reason;
    if (track === undefined || track.count === 0) throw new TableError('has no samples');
    return yield* track.table(this.#size, notes);
  }

  /** The fragments of each track, where all of these tracks' may be sent as they are. */
  fragments(ids: readonly number[]): readonly TrackFragments[] | undefined {
    const all = ids.map((id) => this.#tracks.get(id)?.fragments(id));
    return all.every((each) => each !== undefined) ? all : undefined;
  }
}

const cutOff = (): FilmRefusal => new FilmRefusal('is cut off in its last fragment, or is still being written');
