// The functions that go through tables entry by entry (src/core/film-tables.ts) and cut films (src/core/film-cut.ts), and the memory that they work in, in which the
// tables of films lie as well (table-pool.ts): one for the thread. What
// they are given is put there and what they find is taken from there within one call of a reader, since readers of several films take turns.
// As WebAssembly they are fast from the first film on: the compiler needs several films to have seen as much of TypeScript. Not here: readers.

import { type CoreInstance, coreInstance } from '../memory/core-instance.js';
import { FilmRefusal } from './film.js';

/** See src/core/film-tables.ts. Places are addresses of the memory. */
interface TableFunctions {
  heapBase(): number;
  readonly taken: WebAssembly.Global<'i32'>;
  readonly largest: WebAssembly.Global<'i32'>;
  swapWords(from: number, at: number, words: number): number;
  narrowWords(at: number, words: number, into: number): void;
  partLongs(at: number, numbers: number, low: number, high: number): number;
  spreadRuns(at: number, runs: number, into: number, room: number): number;
  takeRuns(runs: number, at: number, entries: number, chunks: number, firsts: number, counts: number): number;
  placeSamples(
    placing: number,
    sizes: number,
    low: number,
    high: number,
    firsts: number,
    counts: number,
    bits: number,
    offsets: number,
    chunks: number,
    bytes: number,
  ): number;
  cutGrid(tracks: number, count: number, cutting: number, cuts: number, room: number): number;
  cutPoints(...places: readonly [number, number, number, number, number, number, number]): number;
  cutSound(track: number, cutting: number, isBefore: number, cuts: number, room: number): number;
  cutEnd(track: number, cutting: number, cuts: number, room: number): number;
  measureSegments(...places: readonly [number, number, number, number, number, number, number, number]): number;
  largestRate(...numbers: readonly [number, number, number, number, number, number, number, number, number]): number;
  listPictures(
    track: number,
    listing: number,
    ...places: readonly [number, number, number, number, number, number, number, number]
  ): number;
}

/** Words of a stretch of a table, and samples that are placed in one call. */
export const stretchWords = 8192;
/** More bytes than the state of any function has. */
const stateBytes = 256;
/** Words of a `Track` (src/core/film-cut.ts), and tracks that can be cut together: those of a group's films, all that a film may have. */
export const trackWords = 38;
export const mostTracks = 1024;
/** Segments that are cut or measured in one call. */
export const segmentsATurn = 256;
/** Those of which the largest rate is found in one call, and those behind them that it may be of: one picture may stand for an hour while others come twice a second. */
export const ratesATurn = 2048;
export const ratesBehind = 4096;
/** Memory for tables: of films that are kept, and of those that are being read. */
const poolBytes = 160 * 1024 * 1024;

/** Numbers at an address that functions are given. */
export interface Area<Numbers> {
  readonly at: number;
  readonly numbers: Numbers;
}

/** See the file's head. Areas are of {@link stretchWords} numbers. */
export interface TableCore {
  readonly core: TableFunctions;
  /** What a function begins with and leaves; the same as 32-bit and as floating point numbers. */
  readonly state: Area<Uint32Array>;
  readonly stateFloats: Float64Array;
  /** A stretch of a table as the file has it, with room to begin where its bytes do within 8 of a file: only then V8 copies more than one at a time into memory that is shared. */
  readonly bytes: Area<Uint8Array>;
  /** A stretch of a table in the machine's order. */
  readonly words: Area<Uint32Array>;
  readonly shorts: Uint16Array;
  readonly low: Area<Uint32Array>;
  readonly high: Area<Uint16Array>;
  readonly firsts: Area<Uint32Array>;
  readonly counts: Area<Uint32Array>;
  readonly signed: Area<Int32Array>;
  /** Tracks that are cut, as words and as floating point numbers. */
  readonly tracks: Area<Uint32Array>;
  readonly trackFloats: Float64Array;
  /** Segments: the first samples, and one more; given times or when they begin; bytes of all; bytes in front of media; descriptions. */
  readonly cuts: Area<Uint32Array>;
  readonly times: Area<Float64Array>;
  readonly lengths: Area<Float64Array>;
  /** Ends of neighbouring segments of which a rate is looked for. */
  readonly ends: Area<Uint32Array>;
  readonly heads: Area<Uint32Array>;
  readonly kinds: Area<Uint32Array>;
  /** Key frames, and bytes in front of them. */
  readonly samples: Area<Uint32Array>;
  readonly fronts: Area<Uint32Array>;
  /** Where tables lie. */
  readonly pool: { readonly buffer: ArrayBuffer; readonly from: number; readonly to: number };
}

let shared: TableCore | undefined;

/** The thread's. The first call takes some milliseconds. @throws FilmRefusal where the process may not have the addresses */
export function tableCore(): TableCore {
  try {
    shared ??= layOut(coreInstance<TableFunctions>('film-tables', workBytes + poolBytes, true));
  } catch (cause) {
    // The program's own file is not there.
    if (cause instanceof Error && 'syscall' in cause) throw cause;
    const refusal = new FilmRefusal('needs more addresses than this process may have: ulimit -v unlimited', 503);
    refusal.cause = cause;
    throw refusal;
  }
  return shared;
}

/** One more than there are: where the last one ends. */
const segmentsKnown = segmentsATurn + 1;
const ratesKnown = ratesATurn + ratesBehind + 1;
/** At least what all areas take; what they leave is the pool's. */
const workBytes = 576 * 1024;

/** Has each function compiled, which V8 does when it is first called, and the memory's pages there: while a film is read that would hold others up. */
function warm(core: TableFunctions, { buffer }: WebAssembly.Memory, at: number): void {
  new Uint8Array(buffer, at, workBytes - at).fill(0);
  core.swapWords(at, at, 0);
  core.narrowWords(at, 0, at);
  core.partLongs(at, 0, at, at);
  core.spreadRuns(at, 0, at, 0);
  core.takeRuns(at, at, 0, 0, at, at);
  core.placeSamples(at, ...([at, at, at, at, at] as const), ...([at, at, at, at] as const));
  core.cutGrid(at, 0, at, at, 0);
  core.cutPoints(at, at, at, 0, 0, at, 0);
  core.cutSound(at, at, 0, at, 0);
  core.cutEnd(at, at, at, 0);
  core.measureSegments(at, 0, at, 0, at, at, at, at);
  core.largestRate(at, at, 0, 0, 1, 1, 0, at, at);
  core.listPictures(at, at, at, at, 0, 0, at, at, at, at);
}

function layOut({ core, memory }: CoreInstance<TableFunctions>): TableCore {
  const { buffer } = memory;
  let next = Math.ceil(core.heapBase() / 64) * 64;
  const place = (bytes: number): number => {
    const at = next;
    next += Math.ceil(bytes / 64) * 64;
    return at;
  };
  const words = (count = stretchWords): Area<Uint32Array> => {
    const at = place(4 * count);
    return { at, numbers: new Uint32Array(buffer, at, count) };
  };
  const floats = (count: number): Area<Float64Array> => {
    const at = place(8 * count);
    return { at, numbers: new Float64Array(buffer, at, count) };
  };
  const raw = place(4 * stretchWords + 8);
  const [state, input, low, firsts, counts] = [words(stateBytes / 4), words(), words(), words(), words()];
  const high = place(2 * stretchWords);
  warm(core, memory, state.at);
  const [tracks, cuts, ends] = [words(mostTracks * trackWords), words(segmentsKnown), words(ratesKnown)];
  const [times, lengths] = [floats(ratesKnown), floats(ratesKnown)];
  const [heads, kinds] = [words(segmentsKnown), words(segmentsKnown)];
  const [samples, fronts] = [words(segmentsKnown), words(segmentsKnown)];
  return {
    ...{ core, state, words: input, low, firsts, counts },
    ...{ tracks, cuts, times, lengths, ends, heads, kinds, samples, fronts },
    trackFloats: new Float64Array(buffer, tracks.at, (mostTracks * trackWords) / 2),
    pool: { buffer, from: next, to: buffer.byteLength },
    stateFloats: new Float64Array(buffer, state.at, stateBytes / 8),
    bytes: { at: raw, numbers: new Uint8Array(buffer, raw, 4 * stretchWords + 8) },
    shorts: new Uint16Array(buffer, input.at, stretchWords),
    high: { at: high, numbers: new Uint16Array(buffer, high, stretchWords) },
    signed: { at: low.at, numbers: new Int32Array(buffer, low.at, stretchWords) },
  };
}
