// The functions that go through tables entry by entry (src/core/film-tables.ts), and the memory that they work in: one for the thread. What
// they are given is put there and what they find is taken from there within one call of a reader, since readers of several films take turns.
// As WebAssembly they are fast from the first film on: the compiler needs several films to have seen as much of TypeScript. Not here: readers.

import { type CoreInstance, coreInstance } from '../memory/core-instance.js';
import { FilmRefusal } from './film.js';

/** See src/core/film-tables.ts. Places are addresses of the memory. */
interface TableFunctions {
  heapBase(): number;
  readonly taken: WebAssembly.Global<'i32'>;
  readonly largest: WebAssembly.Global<'i32'>;
  swapWords(at: number, words: number): number;
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
}

/** Words of a stretch of a table, and samples that are placed in one call. */
export const stretchWords = 8192;
/** More bytes than the state of any function has. */
const stateBytes = 256;

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
  /** A stretch of a table as the file has it, then of sizes. */
  readonly words: Area<Uint32Array>;
  readonly shorts: Uint16Array;
  readonly low: Area<Uint32Array>;
  readonly high: Area<Uint16Array>;
  readonly firsts: Area<Uint32Array>;
  readonly counts: Area<Uint32Array>;
  readonly signed: Area<Int32Array>;
  readonly bits: Area<Uint32Array>;
  readonly offsets: Area<Float64Array>;
  readonly chunks: Area<Uint32Array>;
  readonly sums: Area<Float64Array>;
  /** Places samples: tables in `words` (sizes) to `counts`, what is found in `bits` to `sums`. @returns 0 when a chunk is beyond the file */
  placeSamples(): number;
}

let shared: TableCore | undefined;

/** The thread's. The first call takes some milliseconds. @throws FilmRefusal where the process may not have the addresses */
export function tableCore(): TableCore {
  try {
    shared ??= layOut(coreInstance<TableFunctions>('film-tables', memoryBytes));
  } catch (cause) {
    // The program's own file is not there.
    if (cause instanceof Error && 'code' in cause) throw cause;
    const refusal = new FilmRefusal('needs more addresses than this process may have: ulimit -v unlimited', 503);
    refusal.cause = cause;
    throw refusal;
  }
  return shared;
}

const memoryBytes = 320 * 1024;

/** Has each function compiled, which V8 does when it is first called, and the memory's pages there: while a film is read that would hold others up. */
function warm(core: TableFunctions, { buffer }: WebAssembly.Memory, at: number): void {
  new Uint8Array(buffer, at).fill(0);
  core.swapWords(at, 0);
  core.narrowWords(at, 0, at);
  core.partLongs(at, 0, at, at);
  core.spreadRuns(at, 0, at, 0);
  core.takeRuns(at, at, 0, 0, at, at);
  core.placeSamples(at, ...([at, at, at, at, at] as const), ...([at, at, at, at] as const));
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
  const [state, input, low, firsts, counts] = [words(stateBytes / 4), words(), words(), words(), words()];
  const high = place(2 * stretchWords);
  const points = stretchWords / 512;
  warm(core, memory, state.at);
  const [bits, offsets, chunks, sums] = [words(stretchWords / 32), floats(points), words(points), floats(points)];
  return {
    ...{ core, state, words: input, low, firsts, counts, bits, offsets, chunks, sums },
    stateFloats: new Float64Array(buffer, state.at, stateBytes / 8),
    shorts: new Uint16Array(buffer, input.at, stretchWords),
    high: { at: high, numbers: new Uint16Array(buffer, high, stretchWords) },
    signed: { at: low.at, numbers: new Int32Array(buffer, low.at, stretchWords) },
    placeSamples: () =>
      core.placeSamples(
        ...([state.at, input.at, low.at, high, firsts.at, counts.at] as const),
        ...([bits.at, offsets.at, chunks.at, sums.at] as const),
      ),
  };
}
