// The samples of one track as its fragments tell them (`tfhd`, `tfdt`, `trun`): gathered as runs and chunks, and made a table at the end.
// Not here: the walk through the file (read-fragments.ts).

import { type Box, uint64 } from '../wire/iso-bmff/boxes.js';
import { OffsetsBuilder } from './composition-offsets.js';
import { FilmRefusal, type TrackFragments } from './film.js';
import { type IndexBudget, NumberList, SignedList, TableError, WordList } from './growing.js';
import { samplesATurn } from './reading.js';
import {
  buildTable,
  ChunkRuns,
  compactSizes,
  mostSamples,
  note,
  placesOf,
  SyncBuilder,
  TimesBuilder,
} from './sample-builder.js';
import type { SampleTable } from './samples.js';

/** What `trex` says of a track: what fragments do not say themselves. */
export type FragmentDefaults = TrackFragments['defaults'];

/** What `tfhd` says; -1 where it says nothing. */
export interface FragmentHeader extends FragmentDefaults {
  readonly track: number;
  /** What offsets of runs count from. */
  readonly base: number;
  readonly isBaseMoof: boolean;
}

/** Reads `tfhd`, which has 8 bytes at least. @param before where data begins when neither an offset nor the `moof` is named. */
export function fragmentHeader(view: DataView, tfhd: Box, moofStart: number, before: number): FragmentHeader {
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
  const isBaseMoof = base === undefined && (flags & 0x20000) !== 0;
  return {
    track: view.getUint32(tfhd.payload + 4),
    base: base ?? (isBaseMoof ? moofStart : before),
    isBaseMoof,
    ...{ description: description ?? -1, duration: duration ?? -1, size: size ?? -1, flags: sampleFlags ?? -1 },
  };
}

/** A decode time; of a short one its lower 32 bits. */
export interface FragmentTime {
  readonly ticks: number;
  readonly isShort: boolean;
}

/** The decode time in `tfdt`, which has 8 bytes at least. */
export function timeOf(view: DataView, tfdt: Box): FragmentTime {
  const isShort = view.getUint8(tfdt.payload) !== 1 || tfdt.end - tfdt.payload < 12;
  return { ticks: isShort ? view.getUint32(tfdt.payload + 4) : uint64(view, tfdt.payload + 4), isShort };
}

/** A `trun`. */
export interface Run {
  readonly count: number;
  /** Where its data begins in the file. */
  readonly offset: number;
  /** Where its samples begin in the view, and the bytes and fields that each has there. */
  readonly from: number;
  readonly step: number;
  readonly flags: number;
  /** Flags of the first sample; -1: as the others. */
  readonly firstFlags: number;
  /** Bytes of all samples, where the run's track is not offered. */
  readonly bytesWithout: (view: DataView, defaultSize: number) => number;
}

/** Reads a `trun` of 8 bytes at least. @param before where its data begins when it does not say. @throws FilmRefusal */
export function runOf(view: DataView, trun: Box, header: FragmentHeader, before: number): Run {
  const flags = view.getUint32(trun.payload) & 0xffffff;
  const count = view.getUint32(trun.payload + 4);
  const has = (flag: number): boolean => (flags & flag) !== 0;
  const step = [0x100, 0x200, 0x400, 0x800].filter(has).length * 4;
  let from = trun.payload + 8;
  const room = trun.end - from - (has(1) ? 4 : 0) - (has(4) ? 4 : 0);
  // Samples that a fragment says nothing of cost no bytes: nobody writes many of them into one.
  if (room < 0 || count * step > room || (step === 0 && count > 65_536)) {
    throw new FilmRefusal('has a fragment that promises more samples than it has');
  }
  let offset = before;
  if (has(1)) offset = header.base + view.getInt32(from);
  if (has(1)) from += 4;
  const firstFlags = has(4) ? view.getUint32(from) : -1;
  if (has(4)) from += 4;
  if (offset < 0) throw new FilmRefusal('has a fragment whose data begins before the file');
  const bytesWithout = (bytes: DataView, defaultSize: number): number => {
    if (!has(0x200)) return (header.size < 0 ? defaultSize : header.size) * count;
    const at = from + (has(0x100) ? 4 : 0);
    let total = 0;
    for (let index = 0; index < count; index++) total += bytes.getUint32(at + index * step);
    return total;
  };
  return { count, offset, from, step, flags, firstFlags, bytesWithout };
}

/** See the file's head. */
export class FragmentTrack {
  readonly #defaults: FragmentDefaults;
  readonly #budget: IndexBudget;
  readonly #sizes: WordList;
  readonly #runs: ChunkRuns;
  readonly #chunkOffsets: NumberList;
  /** Runs of equal durations, and of equal composition offsets. */
  readonly #durationCounts: WordList;
  readonly #durations: WordList;
  readonly #shiftCounts: WordList;
  readonly #shifts: SignedList;
  readonly #sync: WordList;
  /** Fragments as they lie: where they begin and end, and their first samples. */
  readonly #offsets: NumberList;
  readonly #lengths: NumberList;
  readonly #firstSamples: WordList;
  #largest = 0;
  #firstTime = 0;
  /** Decode time of the next sample. */
  #time = 0;
  /** Samples without a byte, which are left out. */
  #empty = 0;
  #fitsAsIs = true;
  #isBackwards = false;
  /** The fragment under way: its first sample, and whether all that is known so far lets it be sent as it is. */
  #fragmentStart = 0;
  #isPlain = false;
  /** Where the data of the last run ends. */
  dataEnd = 0;
  #runSize = 0;
  #runDuration = 0;
  #runFlags = 0;
  #runDescription = 0;
  /** The first sample of the run under way. */
  #runStart = 0;

  /** @param descriptions entries of the track's `stsd`. */
  constructor(defaults: FragmentDefaults, descriptions: number, budget: IndexBudget) {
    const words = (): WordList => new WordList(budget);
    this.#defaults = defaults;
    this.#budget = budget;
    this.#runs = new ChunkRuns(descriptions, budget);
    [this.#sizes, this.#durationCounts, this.#durations, this.#shiftCounts] = [words(), words(), words(), words()];
    [this.#sync, this.#firstSamples] = [words(), words()];
    this.#shifts = new SignedList(budget);
    this.#chunkOffsets = new NumberList(budget);
    this.#offsets = new NumberList(budget);
    this.#lengths = new NumberList(budget);
  }

  /** Samples so far. */
  get count(): number {
    return this.#sizes.length;
  }

  /** Takes samples of a table, as if they were of fragments: each run of neighbours is a chunk. Those without a byte are time of the one before. */
  begin(table: SampleTable, from: number, to: number): void {
    this.#fitsAsIs = false;
    let end = -1;
    let taken = 0;
    let description = 0;
    for (let sample = from; sample < to; sample++) {
      const size = table.size(sample);
      const duration = table.duration(sample);
      if (size === 0) {
        this.#leaveOut(duration);
        continue;
      }
      const offset = table.offset(sample);
      if (offset !== end || description !== table.description(sample)) {
        if (taken > 0) this.#closeChunk(taken, description);
        taken = 0;
        description = table.description(sample);
        this.#chunkOffsets.push(offset);
      }
      taken++;
      end = offset + size;
      this.#add(size, duration, table.compositionOffset(sample), table.isSync(sample));
    }
    if (taken > 0) this.#closeChunk(taken, description);
  }

  /** Leaves out a sample without a byte: the one before lasts so much longer; in front of the first one that is so much later. */
  #leaveOut(ticks: number): void {
    this.#empty++;
    this.#fitsAsIs = false;
    // No length of a sample is so much: what a broken muxer means by it is nothing.
    if (ticks >= 2 ** 31) return;
    if (this.count === 0) this.#firstTime += ticks;
    else {
      const duration = this.#durations.at(this.#durations.length - 1) + ticks;
      if (duration >= 2 ** 31) return;
      this.#setLastDuration(duration);
    }
    this.#time += ticks;
  }

  #setLastDuration(duration: number): void {
    const last = this.#durations.length - 1;
    if (this.#durationCounts.at(last) === 1) this.#durations.set(last, duration);
    else {
      this.#durationCounts.set(last, this.#durationCounts.at(last) - 1);
      this.#durationCounts.push(1);
      this.#durations.push(duration);
    }
  }

  #closeChunk(samples: number, description: number): void {
    this.#runs.add(this.#chunkOffsets.length - 1, samples, description);
  }

  /** Begins a fragment. @param begin its decode time. @param isAlone it has one track, and offsets count from its `moof`. */
  beginFragment(begin: FragmentTime | undefined, isAlone: boolean): void {
    this.#fragmentStart = this.count;
    const time = begin && this.#wholeTime(begin);
    // A time that began anew at 2^32 is none that a player knows what to do with.
    this.#isPlain = isAlone && begin !== undefined && time === begin.ticks;
    if (time === undefined || time === this.#time) return;
    if (time >= 2 ** 52) throw new TableError('has fragments at times that are too large');
    if (this.count === 0) {
      this.#firstTime = time;
      this.#time = time;
      return;
    }
    // The last sample lasts until this fragment begins.
    const duration = this.#durations.at(this.#durations.length - 1) + time - this.#time;
    if (duration < 0 || duration >= 2 ** 31) {
      // It overlaps the one before, or begins days later: it follows it.
      this.#isBackwards = true;
      this.#isPlain = false;
      return;
    }
    this.#setLastDuration(duration);
    this.#time = time;
  }

  /** The time behind what came before that has these lower 32 bits: a day at 90,000 ticks a second is more than they hold. */
  #wholeTime({ ticks, isShort }: FragmentTime): number {
    if (!isShort || this.count === 0) return ticks;
    return ticks + Math.max(0, Math.round((this.#time - ticks) / 2 ** 32)) * 2 ** 32;
  }

  /** Begins a run. @throws TableError */
  beginRun(run: Run, header: FragmentHeader): void {
    // What lies in front of its `moof` is not sent with it.
    if (run.offset < header.base) this.#isPlain = false;
    if (this.count + this.#empty + run.count > mostSamples) throw new TableError('has more samples than any film');
    const or = (value: number, other: number): number => (value >= 0 ? value : other);
    this.#runStart = this.count;
    this.#runDescription = or(header.description, this.#defaults.description) - 1;
    this.#runSize = or(header.size, this.#defaults.size);
    this.#runDuration = or(header.duration, this.#defaults.duration);
    this.#runFlags = or(header.flags, this.#defaults.flags);
    this.dataEnd = run.offset;
  }

  /** Takes samples of the run that was begun, in order; those without a byte are time of the one before. @throws TableError */
  take(view: DataView, run: Run, from: number, to: number): void {
    const { flags, step, firstFlags } = run;
    const [hasDuration, hasSize, hasFlags, hasShift] = [flags & 0x100, flags & 0x200, flags & 0x400, flags & 0x800];
    let end = this.dataEnd;
    for (let index = from; index < to; index++) {
      let at = run.from + index * step;
      let [duration, size, sampleFlags, shift] = [this.#runDuration, this.#runSize, this.#runFlags, 0];
      if (hasDuration) duration = view.getUint32(at);
      if (hasDuration) at += 4;
      if (hasSize) size = view.getUint32(at);
      if (hasSize) at += 4;
      if (hasFlags) sampleFlags = view.getUint32(at);
      if (hasFlags) at += 4;
      // Version 0 is read as signed too: old muxers write negative offsets there.
      if (hasShift) shift = view.getInt32(at);
      if (index === 0 && firstFlags >= 0) sampleFlags = firstFlags;
      if (size === 0) this.#leaveOut(duration);
      else this.#add(size, duration, shift, (sampleFlags & 0x10000) === 0);
      end += size;
    }
    this.dataEnd = end;
    const taken = this.count - this.#runStart;
    if (to < run.count || taken === 0) return;
    this.#chunkOffsets.push(run.offset);
    this.#closeChunk(taken, this.#runDescription);
  }

  #add(size: number, duration: number, shift: number, isSync: boolean): void {
    if (isSync) this.#sync.push(this.#sizes.length);
    this.#sizes.push(size);
    if (size > this.#largest) this.#largest = size;
    addToRun(this.#durationCounts, this.#durations, duration);
    addToRun(this.#shiftCounts, this.#shifts, shift);
    this.#time += duration;
  }

  /** Ends a fragment that has one track. @param end where its `mdat` ends; 0 when none follows. */
  endFragment(start: number, end: number): void {
    const first = this.#fragmentStart;
    let sync = this.#sync.length - 1;
    while (sync >= 0 && this.#sync.at(sync) > first) sync--;
    const beginsAtSync = this.count > first && sync >= 0 && this.#sync.at(sync) === first;
    if (!this.#isPlain || !beginsAtSync || this.dataEnd > end) {
      this.#fitsAsIs = false;
      return;
    }
    this.#offsets.push(start);
    this.#lengths.push(end - start);
    this.#firstSamples.push(first);
  }

  /** Makes the table. What was gathered is let go. @throws TableError, CutOffError */
  *table(fileSize: number, notes: string[]): Generator<undefined, SampleTable> {
    const { count } = this;
    if (this.#empty > 0) note(notes, `has ${this.#empty} samples without a byte; what is before them stays`);
    if (this.#isBackwards)
      note(notes, 'has a fragment that begins before the one before it ends; its time is not honoured');
    this.#firstSamples.push(count);
    const times = new TimesBuilder(count, this.#durations.length, this.#firstTime, this.#budget);
    const offsets = new OffsetsBuilder(count, this.#budget);
    const last = this.#durations.length - 1;
    for (let run = 0; run <= last; run++) {
      times.add(this.#durationCounts.at(run), this.#durations.at(run), run === last);
      if (run % samplesATurn === samplesATurn - 1) yield undefined;
    }
    for (let run = 0; run < this.#shifts.length; run++) {
      offsets.add(this.#shiftCounts.at(run), this.#shifts.at(run));
      if (run % samplesATurn === samplesATurn - 1) yield undefined;
    }
    for (const list of [this.#durationCounts, this.#durations, this.#shiftCounts, this.#shifts]) list.release();
    const sync = new SyncBuilder(count, this.#sync.length, this.#budget);
    for (let index = 0; index < this.#sync.length; index++) {
      sync.add(this.#sync.at(index));
      if (index % samplesATurn === samplesATurn - 1) yield undefined;
    }
    this.#sync.release();
    const sizes = yield* compactSizes(this.#sizes, this.#largest, this.#budget);
    const places = yield* placesOf(this.#chunkOffsets, this.#budget);
    const parts = { count, sizes, times, offsets, runs: this.#runs, places, sync: sync.finish() };
    return yield* buildTable(parts, fileSize, this.#budget, notes);
  }

  /** The fragments, where each may be sent as it is. To be asked for once, when the table was made. @throws TableError */
  fragments(track: number): TrackFragments | undefined {
    const found = this.#found(track);
    for (const list of [this.#offsets, this.#lengths, this.#firstSamples]) list.release();
    return found;
  }

  #found(track: number): TrackFragments | undefined {
    const count = this.#offsets.length;
    if (!this.#fitsAsIs || this.#isBackwards || count === 0) return undefined;
    const [offsets, lengths] = [this.#budget.table(Float64Array, count), this.#budget.table(Float64Array, count)];
    const firstSamples = this.#budget.table(Uint32Array, count + 1);
    this.#offsets.copyTo(offsets, 0, count);
    this.#lengths.copyTo(lengths, 0, count);
    this.#firstSamples.copyTo(firstSamples, 0, count + 1);
    return { track, defaults: this.#defaults, count, offsets, lengths, firstSamples };
  }
}

function addToRun(counts: WordList, values: WordList | SignedList, value: number): void {
  const last = counts.length - 1;
  if (last >= 0 && values.at(last) === value) counts.set(last, counts.at(last) + 1);
  else {
    counts.push(1);
    values.push(value);
  }
}
