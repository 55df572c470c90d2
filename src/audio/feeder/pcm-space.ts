// Room in the PCM ring: pieces in one piece each, given back in the order in which they were taken. Pure. Not here: what is in them.

interface Piece {
  readonly index: number;
  readonly start: number;
}

/** Pieces begin at multiples of it, so that every sample lies as its form wants. */
const alignment = 8;

/** See the file's head. */
export class PcmSpace {
  readonly #pieces: Piece[] = [];
  #next = 0;

  /** @param byteLength of the ring */
  constructor(readonly byteLength: number) {}

  /** Room for `length` bytes in one piece: where it begins; -1: there is none now. Nothing is taken yet. */
  find(length: number): number {
    const [oldest] = this.#pieces;
    if (oldest === undefined) return length <= this.byteLength ? 0 : -1;
    if (this.#next > oldest.start) {
      if (this.#next + length <= this.byteLength) return this.#next;
      return length < oldest.start ? 0 : -1;
    }
    return this.#next + length < oldest.start ? this.#next : -1;
  }

  /** Takes a piece that was found, for the descriptor `index`. */
  take(start: number, length: number, index: number): void {
    this.#pieces.push({ index, start });
    this.#next = Math.ceil((start + length) / alignment) * alignment;
  }

  /** Descriptors before `head` are done with: what was taken for them is free. */
  release(head: number): void {
    let count = 0;
    while (count < this.#pieces.length && ((this.#pieces[count]!.index - head) | 0) < 0) count++;
    if (count > 0) this.#pieces.splice(0, count);
  }
}
