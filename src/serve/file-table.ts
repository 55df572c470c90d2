// FileTable: what is known of each path, in typed arrays: 96 bytes and the path itself, so that 100,000 files are
// known in a few MiB. The key is the bytes of a canonical path; whoever has a request looks it up without making a string.
// Not here: what is true of a path now (site.ts), open files and frames, which have budgets of their own.

import { CopyReason, copyBytes } from '../memory/copy.js';
import { Region } from '../memory/region.js';
import { decodePathText } from '../text/path-text.js';
import { codings } from './codings.js';
import { RECORD_BYTES, Records } from './record-columns.js';

/**
 * What a path leads to. `coded`: to encoded siblings of a file that is not there. `generated`: beneath a file, to what is made of it
 * and others (generated.ts). `none`: it was asked for once, and what was known of it has ended.
 */
export const Kind = { none: 0, file: 1, alias: 2, redirect: 3, coded: 4, generated: 5 } as const;

/**
 * Whose the answers of a file are: the file as it is; a document with includes, evaluated; an extension's (beneath.ts), or an
 * extension's only where a request has a query.
 */
export const Maker = { none: 0, includes: 1, extension: 2, extensionOfQueries: 3 } as const;

/**
 * Facts of an entry as bits. `watched`: a change of it is told; `racy`: it was looked at in the tick in which it changed;
 * `used`: since the last sweep; `timeSet`: its modification time is not that of a write; `tagged`: its entity tag is of its
 * content, or stays for another reason; `encoded`: by its nature (.svgz), or made, so that no coding is looked for; `hidden`: a
 * segment of its path begins with a dot, and requests for it are refused, though it may stand for its folder.
 */
export const Fact = {
  watched: 1,
  racy: 2,
  used: 4,
  timeSet: 8,
  tagged: 16,
  encoded: 32,
  hidden: 64,
} as const;

const firstEntries = 1 << 10;
/** Longest key: a path and what stands around it. The kernel takes no longer path (PATH_MAX). */
export const mostKeyBytes = 4100;
/** Room for paths, for each entry that there may be. */
const keyBytesAnEntry = 128;
/** So much of the memory for keys is seen at first (memory/region.ts). */
const keyBytesSeen = 1024 * 1024;
/** How often the counts of answers are halved. */
const ageMs = 10_000;
const percent = 0x25;

/** {@link FileTable.find}: no such path. */
export const NOT_KNOWN = -1;
/** {@link FileTable.find}: the path has an escape, and the key is its decoded form. */
const ESCAPED = -2;

/** Where hashes begin: another in each thread, so that nobody outside can tell which paths collide. */
const seed = (Math.random() * 0x1_0000_0000) | 0;

/** See the file's head. An entry is a small integer, valid until {@link FileTable.clear}: so that is for between answers. */
export class FileTable {
  /** What is looked at for every request comes first, within a cache line. */
  readonly #records = new Records(firstEntries);
  /** One of {@link Kind}. */
  readonly kind = this.#records.byte(38);
  /** Bits of {@link Fact}. */
  readonly facts = this.#records.byte(39);
  /** The directory that a change would be told of (see Watcher), -1 for none, and its generation when it was looked at. */
  readonly directory = this.#records.word(24);
  readonly generation = this.#records.word(28);
  /** When the path was last looked at, in milliseconds of the loop's clock. */
  readonly checkedMs = this.#records.double(0);
  /** Bytes of the file, and its modification time in whole seconds since 1970. */
  readonly size = this.#records.double(8);
  readonly mtimeSeconds = this.#records.double(64);
  readonly mtimeNanoseconds = this.#records.word(80);
  /** What is said of that time, in whole seconds: see saidSeconds of identity.ts. */
  readonly modifiedSeconds = this.#records.double(88);
  /** 64 bits of identity: inode, device, times and size of what was opened. */
  readonly identityHigh = this.#records.word(72);
  readonly identityLow = this.#records.word(76);
  /** 64 bits of the entity tag. */
  readonly tagHigh = this.#records.word(48);
  readonly tagLow = this.#records.word(52);
  /** Texts of the head that are the same for many files (see HeadWriter): of the content, and of what caches may do. */
  readonly content = this.#records.short(34);
  readonly policy = this.#records.short(36);
  /** Content coding of a sibling (1 and up, see codings); 0 for the file itself. */
  readonly coding = this.#records.byte(40);
  /** Of an alias the entry that it leads to. */
  readonly target = this.#records.word(56);
  /** The generation of coded names at which siblings were looked for (-1: not yet), and which there are: bit 1 << coding. */
  readonly siblingGeneration = this.#records.word(44);
  readonly siblings = this.#records.byte(41);
  /** One of {@link Maker}. */
  readonly maker = this.#records.byte(43);
  /** How often it was answered lately: goes up to 255, and is halved every few seconds. */
  readonly hits = this.#records.byte(42);
  readonly #keyAt = this.#records.word(20);
  readonly #keyLength = this.#records.short(32);
  readonly #hash = this.#records.word(16);
  /** Entry + 1 by hash; open addressing with twice as many slots as entries. */
  #slots = new Int32Array(firstEntries * 2);
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
    const keyBytes = mostEntries * keyBytesAnEntry + (spare + 1) * (mostKeyBytes + 1);
    this.#arena = new Region(keyBytes, { seen: keyBytesSeen });
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
    return this.#records.capacity * RECORD_BYTES + this.#slots.byteLength + this.#arenaNext;
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
      if (this.#hash.get(entry) === hash && this.#isKey(entry, bytes, start, end)) return entry;
    }
  }

  #isKey(entry: number, bytes: Uint8Array, start: number, end: number): boolean {
    const length = end - start;
    if (this.#keyLength.get(entry) !== length) return false;
    const arena = this.#arena.bytes;
    const at = this.#keyAt.get(entry);
    for (let index = 0; index < length; index++) if (arena[at + index] !== bytes[start + index]) return false;
    return true;
  }

  /** Adds a key that is not there, of at most {@link mostKeyBytes}. @throws RangeError without {@link hasRoom}. */
  add(bytes: Uint8Array, start: number, end: number): number {
    if (!this.hasRoom || end - start > mostKeyBytes)
      throw new RangeError('the table of files has no room for this path');
    if (this.#count === this.#records.capacity) this.#grow();
    const entry = this.#count++;
    const length = end - start;
    this.#keyAt.set(entry, this.#arenaNext);
    this.#keyLength.set(entry, length);
    this.#arena.see(this.#arenaNext + length + 1);
    copyBytes(CopyReason.fileName, this.#arena.bytes, this.#arenaNext, bytes, start, length);
    this.#arena.bytes[this.#arenaNext + length] = 0;
    this.#arenaNext += length + 1;
    this.full = this.#count >= this.#mostEntries || this.#arenaNext >= this.#mostEntries * keyBytesAnEntry;
    let hash = seed;
    for (let index = start; index < end; index++) hash = Math.imul(hash ^ bytes[index]!, 0x01000193);
    hash ^= hash >>> 15;
    this.#hash.set(entry, hash);
    this.#place(entry, hash);
    this.kind.set(entry, Kind.none);
    this.facts.set(entry, 0);
    this.maker.set(entry, Maker.none);
    this.hits.set(entry, 0);
    return entry;
  }

  #place(entry: number, hash: number): void {
    const mask = this.#slots.length - 1;
    let slot = hash & mask;
    while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
    this.#slots[slot] = entry + 1;
  }

  #grow(): void {
    this.#records.grow();
    this.#slots = new Int32Array(this.#records.capacity * 2);
    for (let entry = 0; entry < this.#count; entry++) this.#place(entry, this.#hash.get(entry));
  }

  /** A copy of an entry's key: the kernel and the codecs are asked about it, and the arena is not theirs. */
  copyKey(entry: number): Uint8Array {
    const key = new Uint8Array(this.#keyLength.get(entry));
    copyBytes(CopyReason.fileName, key, 0, this.#arena.bytes, this.#keyAt.get(entry), key.length);
    return key;
  }

  /** The path of an entry's file as text, without the extension of its coding. */
  pathOf(entry: number): string {
    const coding = this.coding.get(entry);
    const start = this.#keyAt.get(entry) + (coding === 0 ? 1 : 2);
    const end = this.#keyAt.get(entry) + this.#keyLength.get(entry) - (codings[coding - 1]?.extension.length ?? 0);
    return decodePathText(this.#arena.bytes, start, end);
  }

  /** The path that an entry's file is opened by: a sibling's with the extension of its coding. */
  openedPathOf(entry: number): string {
    return this.pathOf(entry) + (codings[this.coding.get(entry) - 1]?.extension ?? '');
  }

  /** The address of a key's bytes behind its first `skip` ones, NUL-terminated: what the kernel is told. */
  address(entry: number, skip: number): number {
    return this.#arena.address + this.#keyAt.get(entry) + skip;
  }

  /** Counts an answer of an entry. */
  hit(entry: number): void {
    const hits = this.hits.get(entry);
    if (hits < 255) this.hits.set(entry, hits + 1);
  }

  /** Halves the counts of answers when it is time: what was asked for lately counts more. */
  age(nowMs: number): void {
    if (nowMs - this.#agedMs < ageMs) return;
    this.#agedMs = nowMs;
    for (let entry = 0; entry < this.#count; entry++) this.hits.set(entry, this.hits.get(entry) >> 1);
  }

  /** A double from the beginning: were it one ten seconds later only, all code that knows this object would be compiled anew then. */
  #agedMs = Number.NEGATIVE_INFINITY;

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
