// The tables of a film's track as numbers of the machine's order: what has to look at every entry or every sample of a film, hundreds of thousands of them. Each function is given
// a stretch of a table at addresses of the memory, and keeps nothing. Not here: what the tables mean, how many entries they may have, how much is done in one turn (src/media/).

/** What `spreadRuns` and `takeRuns` took, and what they found: they have but one value to return. */
export let taken: u32 = 0;
/** The largest number, signs left out, of the runs that were spread. */
export let largest: u32 = 0;

/** Writes 32-bit words that lie at `from`, or already in place, as files have them in the machine's order. Returns all of them, ored. */
export function swapWords(from: usize, at: usize, words: u32): u32 {
  let bits: u32 = 0;
  const end = at + (words << 2);
  const back = from - at;
  let place = at;
  if (ASC_FEATURE_SIMD) {
    let all = i32x4.splat(0);
    for (const whole = at + ((words & ~3) << 2); place < whole; place += 16) {
      const swapped = i8x16.shuffle(
        v128.load(place + back),
        i32x4.splat(0),
        3,
        2,
        1,
        0,
        7,
        6,
        5,
        4,
        11,
        10,
        9,
        8,
        15,
        14,
        13,
        12,
      );
      v128.store(place, swapped);
      all = v128.or(all, swapped);
    }
    bits =
      i32x4.extract_lane(all, 0) | i32x4.extract_lane(all, 1) | i32x4.extract_lane(all, 2) | i32x4.extract_lane(all, 3);
  }
  for (; place < end; place += 4) {
    const word = bswap<u32>(load<u32>(place + back));
    store<u32>(place, word);
    bits |= word;
  }
  return bits;
}

/** Writes words, each of 16 bits at most, as such; also over themselves. */
export function narrowWords(at: usize, words: u32, into: usize): void {
  for (let index: u32 = 0; index < words; index++) store<u16>(into + (index << 1), <u16>load<u32>(at + (index << 2)));
}

/**
 * Parts numbers of 64 bits, each two words with the upper one first, into lower and upper halves; the latter of 16 bits.
 * Returns all upper halves, ored, before they lost what is above 16 bits.
 */
export function partLongs(at: usize, numbers: u32, low: usize, high: usize): u32 {
  let bits: u32 = 0;
  for (let index: u32 = 0; index < numbers; index++) {
    const upper = load<u32>(at + (index << 3));
    store<u32>(low + (index << 2), load<u32>(at + (index << 3), 4));
    store<u16>(high + (index << 1), <u16>upper);
    bits |= upper;
  }
  return bits;
}

/**
 * Writes the number of each run (samples, signed number) once for each of its samples, for up to `room` samples. Stops before a run that is longer than what is left.
 * Returns the samples; `taken` is the runs, `largest` the largest number.
 */
export function spreadRuns(at: usize, runs: u32, into: usize, room: u32): u32 {
  let run: u32 = 0;
  let done: u32 = 0;
  let most: u32 = 0;
  for (; run < runs; run++) {
    const samples = load<u32>(at + (run << 3));
    if (samples > room - done) break;
    const value = load<i32>(at + (run << 3), 4);
    const size: u32 = value < 0 ? 0 - <u32>value : <u32>value;
    if (samples > 0 && size > most) most = size;
    for (const end = done + samples; done < end; done++) store<i32>(into + (done << 2), value);
  }
  taken = run;
  largest = most;
  return done;
}

/** The runs of chunks so far, as `takeRuns` goes on from them: there is one at least. */
@unmanaged
class ChunkRuns {
  /** What was told last: its first chunk, from 0, the samples of its chunks, their description, from 1. */
  first: u32;
  samples: u32;
  description: u32;
  /** The first chunk of the run that all since then are part of, and the samples before it. */
  begun: u32;
  placed: f64;
}

/**
 * Takes entries of `stsc` (first chunk from 1, samples, description from 1) as long as they are of one description, rise and have samples, and begin before `chunks`.
 * Writes first chunk, from 0, and samples of those that begin a run: the others are part of the one before. Returns how many that are; `taken` is how many entries were taken.
 */
export function takeRuns(runs: ChunkRuns, at: usize, entries: u32, chunks: u32, firsts: usize, counts: usize): u32 {
  let written: u32 = 0;
  let entry: u32 = 0;
  let last = runs.first;
  let samples = runs.samples;
  let begun = runs.begun;
  let placed = runs.placed;
  const description = runs.description;
  for (; entry < entries; entry++, at += 12) {
    const first = load<u32>(at) - 1;
    const count = load<u32>(at, 4);
    if (first <= last || first >= chunks || count === 0 || load<u32>(at, 8) !== description) break;
    last = first;
    if (count === samples) continue;
    placed += <f64>(first - begun) * <f64>samples;
    begun = first;
    samples = count;
    store<u32>(firsts + (written << 2), first);
    store<u32>(counts + (written << 2), count);
    written++;
  }
  runs.first = last;
  runs.samples = samples;
  runs.begun = begun;
  runs.placed = placed;
  taken = entry;
  return written;
}

/** log2 of the samples between two checkpoints (src/media/samples.ts). */
const checkpointShift: u32 = 9;

/** Where `placeSamples` is. */
@unmanaged
class Placing {
  /** The sample that comes next, a multiple of 512, and where this turn ends. */
  sample: u32;
  end: u32;
  /** The chunk that comes next, and samples of the one before that are still to be placed. */
  chunk: u32;
  left: u32;
  /** Samples of each chunk of the run that was begun last; the run that comes next, and the one behind the last. */
  perChunk: u32;
  run: u32;
  runs: u32;
  /** Bytes of each sample, where all have as many: 0 where there is a table; and whether that has 32 bits a sample. */
  each: u32;
  isWide: u32;
  /** Whether places of chunks have upper halves. */
  isLong: u32;
  /** Where the next sample begins in the file, and where that ends; bytes of all samples so far. */
  offset: f64;
  fileEnd: f64;
  total: f64;
}

/**
 * Places samples: which begin a chunk, and at each checkpoint its place in the file, its chunk, and the bytes before it. The stretches of tables that are given begin with the next
 * sample, chunk and run, and those that are written with the next sample. Returns 1 when all is in the file; 0 when a chunk reaches behind its end.
 */
export function placeSamples(
  placing: Placing,
  sizes: usize,
  low: usize,
  high: usize,
  firsts: usize,
  counts: usize,
  bits: usize,
  offsets: usize,
  chunks: usize,
  bytes: usize,
): u32 {
  const begin = placing.sample;
  const end = placing.end;
  const firstChunk = placing.chunk;
  const firstRun = placing.run;
  const each = <u64>placing.each;
  const wide = placing.isWide;
  let sample = begin;
  let chunk = firstChunk;
  let left = placing.left;
  let perChunk = placing.perChunk;
  let run = firstRun;
  let nextRun = run < placing.runs ? load<u32>(firsts) : u32.MAX_VALUE;
  let offset = placing.offset;
  let total = placing.total;
  memory.fill(bits, 0, ((end - begin + 31) >> 5) << 2);
  while (sample < end) {
    const index = sample - begin;
    if (left === 0) {
      if (chunk >= nextRun) {
        perChunk = load<u32>(counts + ((run - firstRun) << 2));
        run++;
        nextRun = run < placing.runs ? load<u32>(firsts + ((run - firstRun) << 2)) : u32.MAX_VALUE;
      }
      const word = bits + ((index >> 5) << 2);
      store<u32>(word, load<u32>(word) | (1 << (index & 31)));
      const at = chunk - firstChunk;
      offset = <f64>load<u32>(low + (at << 2));
      if (placing.isLong !== 0) offset += <f64>load<u16>(high + (at << 1)) * 4294967296.0;
      chunk++;
      left = perChunk;
    }
    const point = index >> checkpointShift;
    if ((sample & ((1 << checkpointShift) - 1)) === 0) {
      store<f64>(offsets + (point << 3), offset);
      store<u32>(chunks + (point << 2), chunk - 1);
      store<f64>(bytes + (point << 3), total);
    }
    const behind = (point + 1) << checkpointShift;
    const stop = min<u32>(end - begin, min<u32>(left > behind ? behind : index + left, behind));
    left -= stop - index;
    const sum = <f64>sumOf(sizes, index, stop, each, wide);
    offset += sum;
    total += sum;
    sample = begin + stop;
    if (offset > placing.fileEnd) {
      placing.offset = offset;
      return 0;
    }
  }
  placing.sample = sample;
  placing.chunk = chunk;
  placing.left = left;
  placing.perChunk = perChunk;
  placing.run = run;
  placing.offset = offset;
  placing.total = total;
  return 1;
}

/** Bytes of samples. */
function sumOf(sizes: usize, from: u32, to: u32, each: u64, wide: u32): u64 {
  if (each > 0) return each * <u64>(to - from);
  let sum: u64 = 0;
  if (wide !== 0) for (let at = from; at < to; at++) sum += <u64>load<u32>(sizes + (at << 2));
  else for (let at = from; at < to; at++) sum += <u64>load<u16>(sizes + (at << 1));
  return sum;
}
