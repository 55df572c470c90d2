// Films for tests of cutting and of times, made of numbers alone: tracks of any length, timescale, edit and key frames. Not here: real
// films, which ffmpeg makes (films.ts).

import type { Film, FilmTrack } from '../../src/media/film.js';
import { FilmTables, putNumbers, type Table, type TableKind } from '../../src/media/film-tables.js';
import { SampleTable, type TimeRuns } from '../../src/media/samples.js';
import { tablePool } from '../../src/media/table-pool.js';

/** What a made-up track is to be like; times in ticks. */
export interface TrackWish {
  readonly kind?: 'video' | 'audio';
  readonly timescale: number;
  readonly count: number;
  readonly duration: number | ((sample: number) => number);
  /** Key frames; all samples without it. */
  readonly sync?: readonly number[];
  /** Key frames every so many samples. */
  readonly gop?: number;
  readonly offset?: (sample: number) => number;
  /** Composition offsets are kept in 16 bits, in units of so many ticks. */
  readonly offsetUnit?: number;
  /** Times are kept as runs of samples that last equally long. */
  readonly areRuns?: boolean;
  readonly size?: number | ((sample: number) => number);
  /** Sizes are kept in 16 bits. */
  readonly areShort?: boolean;
  readonly description?: (sample: number) => number;
  readonly edit?: Partial<FilmTrack['edit']>;
  readonly randomAccess?: readonly number[];
  readonly firstTime?: number;
  /** Where the first sample is in the film. */
  readonly place?: number;
  /** Bytes of others in front of a sample; below 0 it lies before the one in front of it. */
  readonly between?: (sample: number) => number;
}

/** Numbers where the core finds them. */
function kept<Kind extends Table>(tables: FilmTables, kind: TableKind<Kind>, numbers: readonly number[]): Kind {
  const table = tables.make(kind, numbers.length);
  putNumbers(table, new kind(numbers.length).map((_, index) => numbers[index]!) as Kind, 0);
  return table;
}

/** A track, which lies in one piece where nothing is between its samples. */
export function madeUpTrack(id: number, wish: TrackWish, tables = new FilmTables(tablePool())): FilmTrack {
  const { count, timescale, firstTime = 0, place = 0 } = wish;
  const numbers = Array.from({ length: count }, (_, sample) => sample);
  const durationOf = typeof wish.duration === 'number' ? () => wish.duration as number : wish.duration;
  const { size = (sample: number) => 100 + (sample % 7) } = wish;
  const sizeOf = typeof size === 'number' ? () => size : size;
  const { offsetUnit } = wish;
  const points = { offsets: [] as number[], chunks: [] as number[], bytes: [] as number[], times: [] as number[] };
  const chunks: number[] = [];
  const chunkBits = new Uint32Array((count >> 5) + 1);
  let at = place;
  let bytes = 0;
  let time = firstTime;
  for (const sample of numbers) {
    const between = sample === 0 ? 0 : (wish.between?.(sample) ?? 0);
    at += between;
    if (sample === 0 || between !== 0) {
      chunkBits[sample >> 5]! |= 1 << (sample & 31);
      chunks.push(at);
    }
    if (sample % 512 === 0) {
      points.offsets.push(at);
      points.chunks.push(chunks.length - 1);
      points.bytes.push(bytes);
      points.times.push(time);
    }
    bytes += sizeOf(sample);
    at += sizeOf(sample);
    time += durationOf(sample);
  }
  const { gop } = wish;
  const sync = wish.sync ?? (gop === undefined ? undefined : numbers.filter((sample) => sample % gop === 0));
  const descriptions = numbers.map(wish.description ?? (() => 0));
  const starts = numbers.filter((sample) => sample === 0 || descriptions[sample] !== descriptions[sample - 1]);
  const samples = new SampleTable({
    count,
    sizes:
      typeof size === 'number'
        ? size
        : kept<Uint16Array | Uint32Array>(tables, wish.areShort ? Uint16Array : Uint32Array, numbers.map(size)),
    hasEmpty: typeof size !== 'number' && numbers.map(size).includes(0),
    times: wish.areRuns
      ? runsOf(tables, numbers.map(durationOf), firstTime)
      : { deltas: kept(tables, Uint32Array, numbers.map(durationOf)) },
    firstTime,
    compositionOffsets:
      wish.offset &&
      kept<Int16Array | Int32Array>(
        tables,
        offsetUnit === undefined ? Int32Array : Int16Array,
        numbers.map(wish.offset).map((ticks) => ticks / (offsetUnit ?? 1)),
      ),
    offsetUnit: offsetUnit ?? 1,
    chunkBits,
    chunkLow: kept(tables, Uint32Array, chunks),
    chunkHigh: undefined,
    sync: sync === undefined ? undefined : kept(tables, Uint32Array, sync),
    descriptionStarts: starts.length > 1 ? kept(tables, Uint32Array, starts) : undefined,
    descriptions:
      starts.length > 1
        ? kept(
            tables,
            Uint16Array,
            starts.map((sample) => descriptions[sample]!),
          )
        : undefined,
    checkpoints: {
      offsets: kept(tables, Float64Array, points.offsets),
      chunks: kept(tables, Uint32Array, points.chunks),
      bytes: kept(tables, Float64Array, points.bytes),
      times: wish.areRuns ? undefined : kept(tables, Float64Array, points.times),
    },
  });
  const kind = wish.kind ?? 'video';
  return {
    id,
    kind,
    timescale,
    language: 'und',
    name: '',
    enabled: true,
    entries: [...new Set(descriptions)].map((number) => entry(kind, number)),
    samples,
    edit: { emptyTicks: 0, mediaTime: 0, endTicks: undefined, ...wish.edit },
    width: kind === 'video' ? 640 : 0,
    height: kind === 'video' ? 360 : 0,
    rotation: 0,
    matrix: new Uint8Array(36),
    randomAccess: wish.randomAccess && kept(tables, Uint32Array, wish.randomAccess),
  };
}

function runsOf(tables: FilmTables, durations: readonly number[], firstTime: number): TimeRuns {
  const firsts: number[] = [];
  const starts: number[] = [];
  let time = firstTime;
  for (const [sample, ticks] of durations.entries()) {
    if (ticks !== durations[sample - 1]) {
      firsts.push(sample);
      starts.push(time);
    }
    time += ticks;
  }
  return {
    firstSamples: kept(tables, Uint32Array, firsts),
    deltas: kept(
      tables,
      Uint32Array,
      firsts.map((sample) => durations[sample]!),
    ),
    startTimes: kept(tables, Float64Array, starts),
  };
}

function entry(kind: 'video' | 'audio', number: number): FilmTrack['entries'][number] {
  // 16 bytes with the description's number in the last: enough to tell one init segment from another.
  const box = Uint8Array.of(0, 0, 0, 16, 0x61, 0x76, 0x63, 0x31, 0, 0, 0, 0, 0, 0, 0, number);
  const size = kind === 'video' ? { width: 640, height: 360 } : { width: 0, height: 0 };
  const sound =
    kind === 'audio' ? { channels: 2, sampleRate: 48_000, objects: 0 } : { channels: 0, sampleRate: 0, objects: 0 };
  const codec = { format: 'avc1', codec: 'avc1.42001e', dashCodec: 'avc1.42001e' };
  return { ...codec, ...size, ...sound, box, videoRange: 'SDR', supplementalCodec: undefined, pixelShape: undefined };
}

/** A film of made-up tracks, whose tables are the caller's to release. */
export function madeUpFilm(...wishes: TrackWish[]): Film {
  const tables = new FilmTables(tablePool());
  const tracks = wishes.map((wish, index) => madeUpTrack(index + 1, wish, tables));
  return {
    size: 2 ** 31,
    timescale: 1000,
    durationSeconds: 0,
    brand: 'isom',
    tracks,
    leftOut: [],
    notes: [],
    moov: { type: 'moov', offset: 0, length: 8 },
    isFragmented: false,
    fragments: undefined,
    topLevel: [],
    indexBytes: 0,
    tables,
  };
}
