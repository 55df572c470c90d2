// Reads the fragments of a film (`moof` with its `mdat`): each run of samples is a chunk of the track's table, as if the film had been written
// in one piece; and whether each fragment may be sent as it lies. Not here: the film's header (read-film.ts).

import { type Box, childrenIn, readBox, uint64 } from '../wire/iso-bmff/boxes.js';
import { FilmRefusal, maxReadBytes, type TrackFragments } from './film.js';
import { type BoxBudget, boxAt, bytesAt, childrenOf, type Reading } from './reading.js';
import { buildTable, emptyRaw, Grown, mostSamples, type RawSamples } from './sample-builder.js';
import type { SampleTable } from './samples.js';

/** What `trex` says of a track: what fragments do not say themselves. */
export type FragmentDefaults = TrackFragments['defaults'];

/** What is found of one track. */
interface Gathered {
  readonly defaults: FragmentDefaults;
  readonly sizes: Grown;
  raw: RawSamples;
  readonly sync: Grown;
  /** Decode time of the next sample. */
  time: number;
  /** Fragments as they lie. */
  readonly offsets: Grown;
  readonly lengths: Grown;
  readonly firstSamples: Grown;
  fitsAsIs: boolean;
}

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

/** The tables of the tracks of a film, by id, out of all fragments from `first` on. */
export class FragmentReader {
  readonly #size: number;
  readonly #tracks = new Map<number, Gathered>();
  readonly notes: string[];

  constructor(size: number, tracks: ReadonlyMap<number, FragmentDefaults>, notes: string[]) {
    this.#size = size;
    this.notes = notes;
    for (const [id, defaults] of tracks) this.#tracks.set(id, gathered(defaults));
  }

  /** Puts the samples of the film's own header in front: some muxers write the first ones there. */
  begin(id: number, raw: RawSamples): void {
    const track = this.#tracks.get(id)!;
    const { count, sizes } = raw;
    if (count === 0) return;
    for (let sample = 0; sample < count; sample++) track.sizes.push(typeof sizes === 'number' ? sizes : sizes[sample]!);
    fillUp(
      raw.timeCounts,
      raw.timeDeltas,
      count,
      raw.timeDeltas.length === 0 ? 0 : raw.timeDeltas.at(raw.timeDeltas.length - 1),
    );
    fillUp(raw.offsetCounts, raw.offsetValues, count, 0);
    if (raw.sync === undefined) for (let sample = 0; sample < count; sample++) track.sync.push(sample);
    else for (let index = 0; index < raw.sync.length; index++) track.sync.push(raw.sync.at(index));
    track.time = 0;
    for (let run = 0; run < raw.timeCounts.length; run++) track.time += raw.timeCounts.at(run) * raw.timeDeltas.at(run);
    track.raw = raw;
    track.fitsAsIs = false;
  }

  /** Walks to the file's end. */
  *read(first: number): Reading<void> {
    for (let at = first; at + 8 <= this.#size; ) {
      const box = yield* boxAt(at, this.#size, true);
      if (box.end > this.#size) {
        this.notes.push('its last fragment is not complete and is left out');
        return;
      }
      at = box.end;
      if (box.type !== 'moof') continue;
      const next = at + 8 <= this.#size ? yield* boxAt(at, this.#size, true) : undefined;
      const data = next?.type === 'mdat' && next.end <= this.#size ? next : undefined;
      if (data === undefined && next?.type === 'mdat') {
        this.notes.push('its last fragment is not complete and is left out');
        return;
      }
      if (box.end - box.start > maxReadBytes)
        throw new FilmRefusal(`has a fragment whose header has ${box.end - box.start} bytes`);
      const view = yield* bytesAt(box.start, box.end - box.start);
      this.#fragment(view, box, data);
    }
  }

  #fragment(view: DataView, moof: Box, data: Box | undefined): void {
    const base = readBox(view, 0, 0, view.byteLength);
    const trafs = childrenIn(view, base.payload, view.byteLength).filter(({ type }) => type === 'traf');
    let dataEnd = moof.start;
    trafs.forEach((traf, index) => {
      dataEnd = this.#track(
        view,
        traf,
        moof,
        index === 0 ? moof.start : dataEnd,
        trafs.length === 1 ? data : undefined,
      );
    });
  }

  /** Takes one `traf`. Returns where its data ends. */
  #track(view: DataView, traf: Box, moof: Box, before: number, data: Box | undefined): number {
    const boxes = childrenIn(view, traf.payload, traf.end);
    const tfhd = boxes.find(({ type }) => type === 'tfhd');
    if (tfhd === undefined || tfhd.end - tfhd.payload < 8) return before;
    const header = fragmentHeader(view, tfhd, moof, before);
    const track = this.#tracks.get(header.track);
    if (track === undefined) return before;
    const tfdt = boxes.find(({ type, payload, end }) => type === 'tfdt' && end - payload >= 8);
    if (tfdt !== undefined) beginAt(track, timeOf(view, tfdt), this.notes);
    const first = track.sizes.length;
    let offset = header.base;
    for (const trun of boxes) {
      if (trun.type === 'trun') offset = takeRun(view, trun, track, header, offset);
    }
    const isPlain = data !== undefined && tfdt !== undefined && header.isBaseMoof && offset <= data.end;
    const beginsAtSync =
      track.sync.length > 0 && track.sizes.length > first && firstSyncFrom(track.sync, first) === first;
    if (isPlain && beginsAtSync && track.fitsAsIs) {
      track.offsets.push(moof.start);
      track.lengths.push(data.end - moof.start);
      track.firstSamples.push(first);
    } else track.fitsAsIs = false;
    return offset;
  }

  /** The table of a track. */
  *table(id: number, descriptions: number): Reading<SampleTable> {
    const track = this.#tracks.get(id)!;
    const { raw } = track;
    raw.count = track.sizes.length;
    raw.sizes = track.sizes.words();
    raw.sync = track.sync;
    return yield* buildTable(raw, { fileSize: this.#size, descriptions }, this.notes);
  }

  /** The fragments of each track, where all of these tracks' may be sent as they are. */
  fragments(ids: readonly number[]): readonly TrackFragments[] | undefined {
    const all = ids.map((track): TrackFragments | undefined => {
      const { fitsAsIs, defaults, offsets, lengths, firstSamples, sizes } = this.#tracks.get(track)!;
      if (!fitsAsIs || offsets.length === 0) return undefined;
      firstSamples.push(sizes.length);
      const numbers = (grown: Grown): Float64Array =>
        Float64Array.from({ length: grown.length }, (_, index) => grown.at(index));
      const lists = { offsets: numbers(offsets), lengths: numbers(lengths), firstSamples: firstSamples.words() };
      return { track, defaults, count: offsets.length, ...lists };
    });
    return all.every((each) => each !== undefined) ? all : undefined;
  }
}

/** Adds to the last runs what they lack of `count` samples. */
function fillUp(counts: Grown, values: Grown, count: number, value: number): void {
  let covered = 0;
  for (let run = 0; run < counts.length; run++) covered += counts.at(run);
  if (covered >= count) return;
  counts.push(count - covered);
  values.push(value);
}

function gathered(defaults: FragmentDefaults): Gathered {
  const grown = (): Grown => new Grown();
  return {
    ...{ defaults, sizes: grown(), raw: emptyRaw(), sync: grown(), time: Number.NaN },
    ...{ offsets: grown(), lengths: grown(), firstSamples: grown(), fitsAsIs: true },
  };
}

interface FragmentHeader extends FragmentDefaults {
  readonly track: number;
  readonly base: number;
  readonly isBaseMoof: boolean;
}

function fragmentHeader(view: DataView, tfhd: Box, moof: Box, before: number): FragmentHeader {
  const flags = view.getUint32(tfhd.payload) & 0xffffff;
  let at = tfhd.payload + 8;
  const take = (flag: number, bytes: number): number | undefined => {
    if ((flags & flag) === 0 || at + bytes > tfhd.end) return undefined;
    const value = bytes === 8 ? uint64(view, at) : view.getUint32(at);
    at += bytes;
    return value;
  };
  const base = take(1, 8);
  const [description, duration, size, sampleFlags] = [2, 8, 16, 32].map((flag) => take(flag, 4));
  return {
    track: view.getUint32(tfhd.payload + 4),
    base: base ?? ((flags & 0x20000) !== 0 ? moof.start : before),
    isBaseMoof: base === undefined && (flags & 0x20000) !== 0,
    description: description ?? -1,
    duration: duration ?? -1,
    size: size ?? -1,
    flags: sampleFlags ?? -1,
  };
}

function timeOf(view: DataView, tfdt: Box): number {
  const isLong = view.getUint8(tfdt.payload) === 1 && tfdt.end - tfdt.payload >= 12;
  return isLong ? uint64(view, tfdt.payload + 4) : view.getUint32(tfdt.payload + 4);
}

/** The fragment's first sample is at `time`: what came before lasts until then. */
function beginAt(track: Gathered, time: number, notes: string[]): void {
  const { raw } = track;
  if (Number.isNaN(track.time)) {
    raw.firstTime = time;
    track.time = time;
    return;
  }
  const gap = time - track.time;
  const last = raw.timeDeltas.length - 1;
  if (gap === 0 || last < 0) return;
  const before = raw.timeDeltas.at(last);
  if (before + gap < 0 || gap > 2 ** 31) {
    notes.push('has a fragment that begins before the one before it ends; its time is not honoured');
    return;
  }
  // The last sample alone is longer, or shorter.
  raw.timeCounts.set(last, raw.timeCounts.at(last) - 1);
  addRun(raw.timeCounts, raw.timeDeltas, before + gap, true);
  track.time = time;
}

function addRun(counts: Grown, values: Grown, value: number, isAlone = false): void {
  const last = counts.length - 1;
  if (!isAlone && last >= 0 && values.at(last) === value) counts.set(last, counts.at(last) + 1);
  else {
    counts.push(1);
    values.push(value);
  }
}

const firstSyncFrom = (sync: Grown, sample: number): number => {
  let index = sync.length;
  while (index > 0 && sync.at(index - 1) >= sample) index--;
  return index < sync.length ? sync.at(index) : -1;
};

/** Takes a `trun`. Returns where its data ends. */
function takeRun(view: DataView, trun: Box, track: Gathered, header: FragmentHeader, before: number): number {
  if (trun.end - trun.payload < 8) return before;
  const version = view.getUint8(trun.payload);
  const flags = view.getUint32(trun.payload) & 0xffffff;
  const count = view.getUint32(trun.payload + 4);
  let at = trun.payload + 8;
  const has = (flag: number): boolean => (flags & flag) !== 0;
  const each = [0x100, 0x200, 0x400, 0x800].filter(has).length * 4;
  const room = trun.end - at - (has(1) ? 4 : 0) - (has(4) ? 4 : 0);
  if (room < 0 || count * each > room || track.sizes.length + count > mostSamples || (each === 0 && count > 65_536)) {
    throw new FilmRefusal('has a fragment that promises more samples than it has');
  }
  let offset = before;
  if (has(1)) {
    offset = header.base + view.getInt32(at);
    at += 4;
  }
  let firstFlags = -1;
  if (has(4)) {
    firstFlags = view.getUint32(at);
    at += 4;
  }
  if (count === 0) return offset;
  if (offset < 0) throw new FilmRefusal('has a fragment whose data begins before the file');
  const { defaults, raw, sizes } = track;
  const or = (value: number, other: number): number => (value >= 0 ? value : other);
  const begun = sizes.length;
  raw.chunkOffsets.push(offset);
  addChunk(raw, count, or(header.description, defaults.description) - 1);
  if (Number.isNaN(track.time)) track.time = 0;
  for (let index = 0; index < count; index++) {
    let [duration, size, sampleFlags, shift] = [
      or(header.duration, defaults.duration),
      or(header.size, defaults.size),
      or(header.flags, defaults.flags),
      0,
    ];
    if (has(0x100)) duration = view.getUint32(at);
    if (has(0x100)) at += 4;
    if (has(0x200)) size = view.getUint32(at);
    if (has(0x200)) at += 4;
    if (has(0x400)) sampleFlags = view.getUint32(at);
    if (has(0x400)) at += 4;
    if (has(0x800)) shift = version === 0 && view.getUint32(at) < 2 ** 31 ? view.getUint32(at) : view.getInt32(at);
    if (has(0x800)) at += 4;
    if (index === 0 && firstFlags >= 0) sampleFlags = firstFlags;
    sizes.push(size);
    addRun(raw.timeCounts, raw.timeDeltas, duration);
    addRun(raw.offsetCounts, raw.offsetValues, shift);
    if ((sampleFlags & 0x10000) === 0) track.sync.push(begun + index);
    track.time += duration;
    offset += size;
  }
  return offset;
}

/** A chunk of `count` samples, joined to the run of chunks like it. */
function addChunk(
  { runFirsts, runSamples, runDescriptions, chunkOffsets }: RawSamples,
  count: number,
  description: number,
): void {
  const last = runFirsts.length - 1;
  if (last >= 0 && runSamples.at(last) === count && runDescriptions.at(last) === description) return;
  runFirsts.push(chunkOffsets.length - 1);
  runSamples.push(count);
  runDescriptions.push(description);
}
