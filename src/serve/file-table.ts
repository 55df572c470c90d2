// FileTable: what is known of each path, in typed arrays: some 70 bytes and the path itself, so that 100,000 files are
// known in a few MiB. The key is the bytes of a canonical path; whoever has a request looks it up without making a string.
// Not here: what is true of a path now (site.ts), open files and frames, which have budgets of their own.

import { CopyReason, copyBytes } from '../memory/copy.js';
import { Region } from '../memory/region.js';
import { decodePathText } from '../text/path-text.js';
import { codings } from './codings.js';

/** What a path leads to. `none`: it was asked for once, and what was known of it has ended. */
export const Kind = { none: 0, file: 1, alias: 2, redirect: 3 } as const;

/**
 * Facts of an entry as bits. `watched`: a change of it is told; `racy`: it was looked at in the tick in which it changed;
 * `used`: since the last sweep; `document`: it has includes; `timeSet`: its modification time is not that of a write;
 * `tagged`: its entity tag is of its content; `encoded`: by its nature (.svgz), so that no coding is looked for; `hidden`: a
 * segment of its path begins with a dot, and requests for it are refused, though it may stand for its folder.
 */
export const Fact = {
  watched: 1,
  racy: 2,
  used: 4,
  document: 8,
  timeSet: 16,
  tagged: 32,
  encoded: 64,
  hidden: 128,
} as const;

const firstEntries = 1 << 10;
/** Longest key: a path and what stands around it. The kernel takes no longer path (PATH_MAX). */
export const mostKeyBytes = 4100;
/** Room for paths, for each entry that there may be. */
const keyBytesAnEntry = 128;
/** Bytes of an entry in all columns together. */
const entryBytes = 99;
const percent = 0x25;

/** A column of the table: grows with it. */
type Column = Int32Array | Float64Array | Uint16Array | Uint8Array;

/** {@link FileTable.find}: no such path. */
export const NOT_KNOWN = -1;
/** {@link FileTable.find}: the path has an escape, and the key is its decoded form. */
const ESCAPED = -2;

/** Where hashes begin: another in each thread, so that nobody outside can tell which paths collide. */
const seed = (Math.random() * 0x1_0000_0000) | 0;

/** See the file's head. An entry is a small integer, valid until {@link FileTable.clear}: so that is for between answers. */
export class FileTable {
  /** One of {@link Kind}. */
  kind = new Uint8Array(firstEntries);
  /** Bits of {@link Fact}. */
  facts = new Uint8Array(firstEntries);
  /** The directory that a change would be told of (see DirectoryWatch), -1 for none, and its generation when it was looked at. */
  directory = new Int32Array(firstEntries);
  generation = new Int32Array(firstEntries);
  /** When the path was last looked at, in milliseconds of the loop's clock. */
  checkedMs = new Float64Array(firstEntries);
  /** Bytes of the file, and its modification time in whole seconds since 1970. */
  size = new Float64Array(firstEntries);
  mtimeSeconds = new Float64Array(firstEntries);
  mtimeNanoseconds = new Int32Array(firstEntries);
  /** 64 bits of identity: inode, device, times and size of what was opened. */
  identityHigh = new Int32Array(firstEntries);
  identityLow = new Int32Array(firstEntries);
  /** 64 bits of the entity tag. */
  tagHigh = new Int32Array(firstEntries);
  tagLow = new Int32Array(firstEntries);
  /** Texts of the head that are the same for many files (see HeadWriter): of the content, and of what caches may do. */
  content = new Uint16Array(firstEntries);
  policy = new Uint16Array(firstEntries);
  /** Content coding of a sibling (1 and up, see codings); 0 for the file itself. */
  coding = new Uint8Array(firstEntries);
  /** Of an alias the entry that it leads to. */
  target = new Int32Array(firstEntries);
  /** The generation of coded names at which siblings were looked for (-1: not yet), and which there are: bit 1 << coding. */
  siblingGeneration = new Int32Array(firstEntries);
  siblings = new Uint8Array(firstEntries);
  #keyAt = new Int32Array(firstEntries);
  #keyLength = new Uint16Array(firstEntries);
  #hash = new Int32Array(firstEntries);
  /** Entry + 1 by hash; open addressing with twice as many slots as entries. */
  #slots = new Int32Array(firstEntries * 2);
  #capacity = firstEntries;
  #count = 0;
  readonly #mostEntries: number;
  readonly #spare: number;
  readonly #arena: Region;
  #arenaNext = 0;
  /** Set when only the spare room is left: clear the table before the next answer. */
  full = false;

  /**
   * @param mostEntries when it has so many it is {@link full}. Memory comes as it is used.
   * @param spare entries that may be added all the same: what one answer adds after somebody asked whether it is full.
   */
  constructor(mostEntries: number, spare: number) {
    this.#mostEntries = mostEntries;
    this.#spare = spare;
    this.#arena = new Region(mostEntries * keyBytesAnEntry + (spare + 1) * (mostKeyBytes + 1));
  }

  /** How many entries there are: they are numbered from 0 on. */
  get count(): number {
    return this.#count;
  }

  /** Whether another path of up to {@link mostKeyBytes} fits. */
  get hasRoom(): boolean {
    const fits = this.#arenaNext + mostKeyBytes + 1 <= this.#arena.byteLength;
    return fits && this.#count < this.#mostEntries + this.#spare;
  }

  /** Bytes of memory that the table uses. */
  get byteLength(): number {
    return this.#capacity * entryBytes + this.#slots.byteLength + this.#arenaNext;
  }

  /**
   * The entry of a key, {@link NOT_KNOWN}, or -2 when a percent sign is in it: such a path is decoded first.
   * @param plain whether a percent sign is a byte like any other: for a key that was decoded.
   */
  find(bytes: Uint8Array, start: number, end: number, plain: boolean): number {
    let hash = seed;
    for (let index = start; index < end; index++) {
      const byte = bytes[index]!;
      if (byte === percent && !plain) return ESCAPED;
      hash = Math.imul(hash ^ byte, 0x01000193);
    }
    hash ^= hash >>> 15;
    const slots = this.#slots;
    const mask = slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const entry = slots[slot]! - 1;
      if (entry < 0) return NOT_KNOWN;
      if (this.#hash[entry] === hash && this.#isKey(entry, bytes, start, end)) return entry;
    }
  }

  #isKey(entry: number, bytes: Uint8Array, start: number, end: number): boolean {
    const length = end - start;
    if (this.#keyLength[entry] !== length) return false;
    const arena = this.#arena.bytes;
    const at = this.#keyAt[entry]!;
    for (let index = 0; index < length; index++) if (arena[at + index] !== bytes[start + index]) return false;
    return true;
  }

  /** Adds a key that is not there, of at most {@link mostKeyBytes}. @throws RangeError without {@link hasRoom}. */
  add(bytes: Uint8Array, start: number, end: number): number {
    if (!this.hasRoom || end - start > mostKeyBytes)
      throw new RangeError('the table of files has no room for this path');
    if (this.#count === this.#capacity) this.#grow();
    const entry = this.#count++;
    const length = end - start;
    this.#keyAt[entry] = this.#arenaNext;
    this.#keyLength[entry] = length;
    copyBytes(CopyReason.fileName, this.#arena.bytes, this.#arenaNext, bytes, start, length);
    this.#arena.bytes[this.#arenaNext + length] = 0;
    this.#arenaNext += length + 1;
    this.full = this.#count >= this.#mostEntries || this.#arenaNext >= this.#mostEntries * keyBytesAnEntry;
    let hash = seed;
    for (let index = start; index < end; index++) hash = Math.imul(hash ^ bytes[index]!, 0x01000193);
    hash ^= hash >>> 15;
    this.#hash[entry] = hash;
    this.#place(entry, hash);
    this.kind[entry] = Kind.none;
    this.facts[entry] = 0;
    return entry;
  }

  #place(entry: number, hash: number): void {
    const mask = this.#slots.length - 1;
    let slot = hash & mask;
    while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
    this.#slots[slot] = entry + 1;
  }

  #grow(): void {
    const capacity = this.#capacity * 2;
    const grown = <C extends Column>(column: C, make: new (length: number) => C): C => {
      const larger = new make(capacity);
      for (let index = 0; index < this.#count; index++) larger[index] = column[index]!;
      return larger;
    };
    this.kind = grown(this.kind, Uint8Array);
    this.facts = grown(this.facts, Uint8Array);
    this.directory = grown(this.directory, Int32Array);
    this.generation = grown(this.generation, Int32Array);
    this.checkedMs = grown(this.checkedMs, Float64Array);
    this.size = grown(this.size, Float64Array);
    this.mtimeSeconds = grown(this.mtimeSeconds, Float64Array);
    this.mtimeNanoseconds = grown(this.mtimeNanoseconds, Int32Array);
    this.identityHigh = grown(this.identityHigh, Int32Array);
    this.identityLow = grown(this.identityLow, Int32Array);
    this.tagHigh = grown(this.tagHigh, Int32Array);
    this.tagLow = grown(this.tagLow, Int32Array);
    this.content = grown(this.content, Uint16Array);
    this.policy = grown(this.policy, Uint16Array);
    this.coding = grown(this.coding, Uint8Array);
    this.target = grown(this.target, Int32Array);
    this.siblingGeneration = grown(this.siblingGeneration, Int32Array);
    this.siblings = grown(this.siblings, Uint8Array);
    this.#keyAt = grown(this.#keyAt, Int32Array);
    this.#keyLength = grown(this.#keyLength, Uint16Array);
    this.#hash = grown(this.#hash, Int32Array);
    this.#capacity = capacity;
    this.#slots = new Int32Array(capacity * 2);
    for (let entry = 0; entry < this.#count; entry++) this.#place(entry, this.#hash[entry]!);
  }

  /** A copy of an entry's key: the kernel and the codecs are asked about it, and the arena is not theirs. */
  copyKey(entry: number): Uint8Array {
    const key = new Uint8Array(this.#keyLength[entry]!);
    copyBytes(CopyReason.fileName, key, 0, this.#arena.bytes, this.#keyAt[entry]!, key.length);
    return key;
  }

  /** The path of an entry's file as text, without the extension of its coding. */
  pathOf(entry: number): string {
    const coding = this.coding[entry]!;
    const start = this.#keyAt[entry]! + (coding === 0 ? 1 : 2);
    const end = this.#keyAt[entry]! + this.#keyLength[entry]! - (codings[coding - 1]?.extension.length ?? 0);
    return decodePathText(this.#arena.bytes, start, end);
  }

  /** The address of a key's bytes behind its first `skip` ones, NUL-terminated: what the kernel is told. */
  address(entry: number, skip: number): number {
    return this.#arena.address + this.#keyAt[entry]! + skip;
  }

  /** Forgets every path. The memory stays for the next ones. */
  clear(): void {
    this.#count = 0;
    this.#arenaNext = 0;
    this.full = false;
    this.#slots.fill(0);
  }

  /** Gives the memory of the paths back. */
  unmap(): void {
    this.#arena.unmap();
  }
}
