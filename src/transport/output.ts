// What a connection has still to send, in order: segments of memory, and extents of files that never enter it.
// This is the SgList of a socket: descriptors only. A segment's owner is told when its bytes are free again.

import type { Lender } from '../memory/segment.js';
import { IOV_MAX, type SgFile } from '../memory/sg-list.js';
import { finishMessage, leaseMessage, messageAddress, releaseMessage, setIovec } from './gather.js';

export type { Lender } from '../memory/segment.js';

/** What is known of a file's pages: Residency in page-cache.ts, or a test's script. */
export interface FileResidency {
  /** True when the range can be sent without waiting for a disk. */
  covers(fd: number, offset: number, length: number, nowMs: number): boolean;
}

/** A file's pages as addresses for the kernel: MappedFile in memory/, or a test's. */
export interface FileMapping {
  /** The address of the byte at `offset`; 0 when it cannot be had. */
  address(offset: number): number;
  /** Bytes from `offset` on whose addresses follow one another. */
  room(offset: number): number;
  /** Whether the file still reaches to `end`. */
  reaches(end: number): boolean;
}

/** A file's bytes in memory that stays where it is: they may be sent by reference. */
export interface PinnedSource {
  /** The address of the byte at `offset`. */
  address(offset: number): number;
  /** Bytes from `offset` on that one send may refer to. */
  room(offset: number): number;
  /** The engine's registered buffer that holds the byte at `offset`; -1: none. */
  buffer(offset: number): number;
  /** The kernel refers to the bytes until {@link release}. */
  retain(): void;
  release(): void;
}

/** An open file as an output needs it. It stays open until released. */
export interface FileSource extends SgFile {
  /** What is known of its pages. */
  readonly residency: FileResidency;
  /** Its pages as addresses; left out where they have none. Its windows are those of memory/mapped-file.ts. */
  readonly mapping?: FileMapping | undefined;
  /** Its bytes in memory that stays, where they are. */
  readonly pinned?: PinnedSource | undefined;
  /** Whether it was written to since something was promised of it that holds for one version alone: nothing more of it may be sent. */
  readonly isChanged?: boolean;
}

/** One segment or extent, as it was queued. */
export interface QueuedEntry {
  /** The file of an extent; undefined for a segment of memory. */
  readonly file: FileSource | undefined;
  /** Address of a segment, offset of an extent: doubles, exact up to 2^53. */
  readonly place: number;
  readonly length: number;
  readonly next: QueuedEntry | undefined;
  /** Pieces of its file that follow it before the next entry. */
  readonly rest: PiecesLeft | undefined;
}

/** Pieces that are queued as what they are, offset and length each: when one has left, the entry becomes the next. */
export interface PiecesLeft {
  readonly places: Float64Array;
  /** Where the first one stands. */
  readonly at: number;
}

/** Pooled, and shared by all connections: an idle one holds none. */
class Entry implements QueuedEntry {
  file: FileSource | undefined;
  lender: Lender | undefined;
  cookie = 0;
  place = 0;
  length = 0;
  next: Entry | undefined;
  rest: { places: Float64Array; at: number } | undefined;
}

const maxPooled = 4096;
let pool: Entry | undefined;
let pooled = 0;

function takeEntry(): Entry {
  const entry = pool;
  if (entry === undefined) return new Entry();
  pool = entry.next;
  pooled--;
  entry.next = undefined;
  return entry;
}

function giveBack(entry: Entry): void {
  entry.file = undefined;
  entry.lender = undefined;
  entry.next = undefined;
  entry.rest = undefined;
  if (pooled === maxPooled) return;
  entry.next = pool;
  pool = entry;
  pooled++;
}

/** An entry whose piece left becomes the next one of its list. False: there is none. */
function becomesNext(entry: Entry): boolean {
  const { rest } = entry;
  if (rest === undefined) return false;
  const { places, at } = rest;
  entry.place = places[at]!;
  entry.length = places[at + 1]!;
  if (at + 2 === places.length) entry.rest = undefined;
  else rest.at += 2;
  return true;
}

/** The entries of one connection. */
export class Output {
  /** Bytes of the first entry that are gone. */
  done = 0;
  /** Extents that are queued, a list of pieces as one; and the bytes of all that is, the ones of the first that are gone included. */
  extents = 0;
  #bytes = 0;
  #first: Entry | undefined;
  #last: Entry | undefined;
  #message = -1;

  /** True when nothing is left to send. */
  get empty(): boolean {
    return this.#first === undefined;
  }

  /** The first entry. */
  get first(): QueuedEntry | undefined {
    return this.#first;
  }

  /** Bytes that are still to be sent. */
  get left(): number {
    return this.#bytes - this.done;
  }

  /** True when something follows the first entry. */
  get continues(): boolean {
    return this.#first !== this.#last;
  }

  /** Adds bytes at an address. */
  addSegment(address: number, length: number, lender: Lender | undefined, cookie: number): void {
    this.#add(address, length, undefined, lender, cookie);
  }

  /** Adds a range of a file, which is the lender's until it is released. */
  addExtent(file: FileSource, offset: number, length: number, lender: Lender | undefined, cookie: number): void {
    this.extents++;
    this.#add(offset, length, file, lender, cookie);
  }

  /**
   * Adds pieces of a file, offset and length each, at least one, of `bytes` in all. The file is released when the last one left. An entry a
   * piece would be memory of each viewer of a film; so it is one, and a place in what all of them share.
   */
  addPieces(file: FileSource, places: Float64Array, bytes: number): void {
    this.addExtent(file, places[0]!, places[1]!, file, 0);
    if (places.length > 2) this.#last!.rest = { places, at: 2 };
    this.#bytes += bytes - places[1]!;
  }

  #add(place: number, length: number, file: FileSource | undefined, lender: Lender | undefined, cookie: number): void {
    const entry = takeEntry();
    entry.file = file;
    entry.lender = lender;
    entry.cookie = cookie;
    entry.place = place;
    entry.length = length;
    this.#bytes += length;
    if (this.#last === undefined) this.#first = entry;
    else this.#last.next = entry;
    this.#last = entry;
  }

  /** The file of the first entry; undefined for a segment of memory. */
  get file(): FileSource | undefined {
    return this.#first?.file;
  }

  /** Where the first entry begins: an address, or an offset of its file. */
  get place(): number {
    return this.#first?.place ?? 0;
  }

  /** Bytes of the first entry, the ones that are gone included. */
  get length(): number {
    return this.#first?.length ?? 0;
  }

  /** True when something follows the entries that {@link gather} took last. */
  gatherContinues = false;

  /**
   * Writes a message of the segments that the output begins with, up to IOV_MAX of them, without the bytes that are gone.
   * @returns the address of its msghdr, which stays until {@link gathered}; 0 when no frame is free for it.
   */
  gather(): number {
    let count = 0;
    let entry = this.#first;
    for (; entry !== undefined && entry.file === undefined && count < IOV_MAX; entry = entry.next) count++;
    this.gatherContinues = entry !== undefined;
    const message = leaseMessage(count);
    if (message < 0) return 0;
    entry = this.#first;
    let gone = this.done;
    for (let index = 0; index < count && entry !== undefined; index++, entry = entry.next) {
      setIovec(message, index, entry.place + gone, entry.length - gone);
      gone = 0;
    }
    finishMessage(message, count);
    this.#message = message;
    return messageAddress(message);
  }

  /** The call that the last message was for has ended: its frame is free. */
  gathered(): void {
    if (this.#message < 0) return;
    releaseMessage(this.#message);
    this.#message = -1;
  }

  /** Takes note that `bytes` of what the output begins with are gone, and lets go of the entries that are whole. */
  take(bytes: number): void {
    let left = bytes + this.done;
    const finished = this.#first;
    let last: Entry | undefined;
    let entry = finished;
    while (entry !== undefined && left >= entry.length) {
      left -= entry.length;
      this.#bytes -= entry.length;
      if (becomesNext(entry)) continue;
      if (entry.file !== undefined) this.extents--;
      last = entry;
      entry = entry.next;
    }
    this.done = left;
    if (last === undefined) return;
    this.#first = entry;
    if (entry === undefined) this.#last = undefined;
    last.next = undefined;
    // Released only now, when the output is as it will be: a lender may queue more, flush, or end the connection.
    for (let each = finished; each !== undefined; ) {
      const { lender, cookie, next }: Entry = each;
      giveBack(each);
      lender?.release(cookie);
      each = next;
    }
  }

  /** Lets go of everything. */
  clear(): void {
    let entry = this.#first;
    this.#first = this.#last = undefined;
    this.done = this.extents = this.#bytes = 0;
    while (entry !== undefined) {
      const { lender, cookie, next }: Entry = entry;
      giveBack(entry);
      lender?.release(cookie);
      entry = next;
    }
  }
}
