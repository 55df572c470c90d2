// The boxes of `moov` that have to change when it moves: the tables of chunk offsets, and what they are in. Only headers are read.
// Not here: what becomes of them (fast-start.ts); what the tables mean, which the film's index knows.

import type { Film, FilmNeed } from '../film.js';

/** A box on the way to a table of chunk offsets, or such a table. */
export interface TreeBox {
  readonly type: string;
  readonly offset: number;
  readonly headerBytes: 8 | 16;
  /** The whole box. */
  readonly length: number;
  /** True when the file says "to the end" where others have a size. */
  readonly isOpenEnded: boolean;
  readonly parent: TreeBox | undefined;
  /** The track that it is in; 0 outside. */
  track: number;
  readonly isChunkTable: boolean;
  /** Entries of a table of chunk offsets, and bytes of each. */
  count: number;
  readonly entryBytes: 4 | 8;
  /** Bytes that it grows by. */
  grows: number;
}

/** Far more boxes than a `moov` has; with more, the film is served as it is. */
const mostBoxes = 16_384;
const windowBytes = 4096;
const containers = new Set(['trak', 'mdia', 'minf', 'stbl']);

type Reading<Result> = Generator<FilmNeed, Result, Uint8Array | undefined>;

/** The boxes in the order of the file; undefined when they do not fit into each other. */
export function* readMovieTree(film: Film): Reading<TreeBox[] | undefined> {
  const window = new Window(film.size);
  const boxes: TreeBox[] = [];
  const root = yield* readBox(window, film.moov.offset, film.moov.offset + film.moov.length, undefined);
  if (root === undefined) return undefined;
  boxes.push(root);
  const open: { readonly box: TreeBox; at: number }[] = [{ box: root, at: root.offset + root.headerBytes }];
  for (let seen = 0; open.length > 0; seen++) {
    if (seen > mostBoxes) return undefined;
    const { box: parent, at } = open.at(-1)!;
    const end = parent.offset + parent.length;
    // Less than a header may stand at the end: some write a zero there.
    if (at + 8 > end) {
      open.pop();
      continue;
    }
    const box = yield* readBox(window, at, end, parent);
    if (box === undefined) return undefined;
    open.at(-1)!.at = box.offset + box.length;
    const inside = box.offset + box.headerBytes;
    if (box.type === 'tkhd') parent.track = yield* readTrackNumber(window, box);
    if (box.isChunkTable) {
      const count = yield* window.word(inside + 4);
      if (count * box.entryBytes + 8 > box.length - box.headerBytes) return undefined;
      box.count = count;
      boxes.push(box);
    } else if (containers.has(box.type)) {
      boxes.push(box);
      open.push({ box, at: inside });
    }
  }
  return boxes;
}

function* readBox(
  window: Window,
  offset: number,
  end: number,
  parent: TreeBox | undefined,
): Reading<TreeBox | undefined> {
  const size = yield* window.word(offset);
  const code = yield* window.word(offset + 4);
  const type = String.fromCharCode(code >>> 24, (code >>> 16) & 255, (code >>> 8) & 255, code & 255);
  let length = size;
  if (size === 1) length = (yield* window.word(offset + 8)) * 2 ** 32 + (yield* window.word(offset + 12));
  const isOpenEnded = size === 0 && parent === undefined;
  if (isOpenEnded) length = end - offset;
  const headerBytes = size === 1 ? 16 : 8;
  if (length < headerBytes || offset + length > end) return undefined;
  const isChunkTable = (type === 'stco' || type === 'co64') && parent?.type === 'stbl';
  const entryBytes = type === 'co64' ? 8 : 4;
  const track = parent?.track ?? 0;
  return {
    type,
    offset,
    headerBytes,
    length,
    isOpenEnded,
    parent,
    track,
    isChunkTable,
    count: 0,
    entryBytes,
    grows: 0,
  };
}

function* readTrackNumber(window: Window, { offset, headerBytes }: TreeBox): Reading<number> {
  const version = (yield* window.word(offset + headerBytes)) >>> 24;
  return yield* window.word(offset + headerBytes + (version === 1 ? 20 : 12));
}

/** Bytes of the file around the one that was asked for last. */
class Window {
  readonly #size: number;
  #start = 0;
  #view = new DataView(new ArrayBuffer(0));

  constructor(size: number) {
    this.#size = size;
  }

  /** Big-endian 32 bits; 0 beyond the end of the file. */
  *word(offset: number): Reading<number> {
    if (offset < this.#start || offset + 4 > this.#start + this.#view.byteLength) {
      const length = Math.max(0, Math.min(windowBytes, this.#size - offset));
      const bytes = yield { offset, length };
      // What was read is lent until the next turn: the few bytes are kept.
      const kept = new ArrayBuffer(bytes?.length ?? 0);
      this.#view = new DataView(kept);
      for (let index = 0; index < kept.byteLength; index++) this.#view.setUint8(index, bytes![index]!);
      this.#start = offset;
    }
    return offset + 4 <= this.#start + this.#view.byteLength ? this.#view.getUint32(offset - this.#start) : 0;
  }
}
