// What the fake engine finds at an address: bytes of this process, and files that are mapped at addresses that are nobody's, as the
// kernel sees them: beyond the page that a file ends in nothing is there, and the rest of that page reads as zeros.
// Not here: what is done with the bytes (fake.ts).

import type { FakeFile } from './fake-world.js';

/** Beyond any address of a process. */
const firstAddress = 2 ** 48;
/** Each file has so many addresses. */
const addressesAFile = 2 ** 32;
/** Small, so that small files end in different pages. */
export const fakePageBytes = 256;
const windowBytes = 1000;

const none = new Uint8Array(0);

/** A file at addresses: what memory/mapped-file.ts is to a real one. */
export class FakeMapping {
  readonly #base: number;
  readonly file: FakeFile;

  constructor(file: FakeFile, base: number) {
    this.file = file;
    this.#base = base;
  }

  /** The address of the byte at `offset`. */
  address(offset: number): number {
    return this.#base + offset;
  }

  /** As if it were mapped in windows of an odd length. */
  room(offset: number): number {
    return windowBytes - (offset % windowBytes);
  }

  /** Whether the file still reaches to `end`. */
  reaches(end: number): boolean {
    return this.file.length >= end;
  }

  /** What the kernel finds from `offset` on: at most `length` bytes, fewer where the pages end. */
  bytes(offset: number, length: number): Uint8Array {
    const pagesEnd = Math.ceil(this.file.length / fakePageBytes) * fakePageBytes;
    const found = new Uint8Array(Math.max(0, Math.min(length, pagesEnd - offset)));
    const bytes = this.file.read(offset, found.length);
    for (let index = 0; index < bytes.length; index++) found[index] = bytes[index]!;
    return found;
  }
}

/** See the file's head. */
export class FakeMemory {
  readonly #own: (address: number, length: number) => Uint8Array;
  readonly #mapped: FakeMapping[] = [];

  /** @param own gives the bytes of this process at an address. */
  constructor(own: (address: number, length: number) => Uint8Array) {
    this.#own = own;
  }

  /** Maps a file. */
  map(file: FakeFile): FakeMapping {
    const mapping = new FakeMapping(file, firstAddress + this.#mapped.length * addressesAFile);
    this.#mapped.push(mapping);
    return mapping;
  }

  /** The bytes at an address, fewer than `length` where a mapped file ends. */
  bytes(address: number, length: number): Uint8Array {
    if (address < firstAddress) return this.#own(address, length);
    const offset = address - firstAddress;
    const mapping = this.#mapped[Math.floor(offset / addressesAFile)];
    return mapping === undefined ? none : mapping.bytes(offset % addressesAFile, length);
  }

  /** The pieces of a msghdr, up to the first that is not there whole. */
  pieces(header: number): Uint8Array[] {
    const head = viewOf(this.#own(header, 56));
    const count = Number(head.getBigUint64(24, true));
    const vectors = viewOf(this.#own(Number(head.getBigUint64(16, true)), count * 16));
    const pieces: Uint8Array[] = [];
    for (let index = 0; index < count; index++) {
      const length = Number(vectors.getBigUint64(index * 16 + 8, true));
      const piece = this.bytes(Number(vectors.getBigUint64(index * 16, true)), length);
      pieces.push(piece);
      if (piece.length < length) break;
    }
    return pieces;
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
