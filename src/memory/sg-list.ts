// SgList: an ordered scatter-gather list of segments of memory and extents of files. It holds descriptors, never bytes;
// whoever consumes it has limits (iovecs, fragments of a socket buffer, bytes a call), and the list is cut at them.
// Kept in parallel arrays and used again, so that a list of a page costs no object for each of its fragments.

import { wrongArgument } from '../text/coded.js';
import { CopyReason, copyBytes } from './copy.js';
import type { Lender, Segment, SegmentMemory } from './segment.js';

/** UIO_MAXIOV: iovecs that one call takes. */
export const IOV_MAX = 1024;

/** A file that an extent is part of. Released once for each extent that was added. */
export interface SgFile extends Lender {
  readonly fd: number;
}

/** What a consumer takes at once; what is left out does not limit. */
export interface SgLimits {
  /** Segments. */
  readonly maxEntries?: number;
  /** Bytes, all segments together. */
  readonly maxBytes?: number;
  /** Pages touched, each segment for itself, as a NIC or a socket buffer counts its fragments. */
  readonly maxFragments?: number;
  /** Bytes of a page, for `maxFragments`. Default 4096. */
  readonly pageBytes?: number;
}

/** A part of a list that fits a consumer: segments only, or one extent only. */
export interface SgBatch<F extends SgFile> {
  readonly segments: readonly Segment[];
  readonly extent: { readonly file: F; readonly offset: number; readonly length: number } | undefined;
  readonly byteLength: number;
}

/** Gives memory for `length` bytes that neighbours are joined in. */
export type SgAllocate = (length: number) => {
  readonly segment: Segment;
  readonly lender: Lender | undefined;
  readonly cookie: number;
};

/** Pages that a range touches. */
export function pagesTouched(address: number, length: number, pageBytes: number): number {
  if (length === 0) return 0;
  return Math.floor((address + length - 1) / pageBytes) - Math.floor(address / pageBytes) + 1;
}

/** See the file's head. Entry `i` is a segment of `regions[i]` or an extent of `files[i]`, never both. */
export class SgList<F extends SgFile = SgFile> {
  readonly regions: Array<SegmentMemory | undefined> = [];
  readonly files: Array<F | undefined> = [];
  /** Offset in the region or in the file. */
  readonly offsets: number[] = [];
  readonly lengths: number[] = [];
  readonly lenders: Array<Lender | undefined> = [];
  readonly cookies: number[] = [];
  /** Entries. */
  length = 0;
  /** Bytes of all entries. */
  byteLength = 0;

  /**
   * Adds a segment. An empty one is released at once. One that continues the last in the same memory, and is lent by
   * nobody or by the same lender under the same cookie, becomes part of it; its lender is then released at once, for the
   * entry already holds what it lent.
   */
  addSegment(region: SegmentMemory, offset: number, length: number, lender?: Lender, cookie = 0): void {
    if (length === 0) {
      lender?.release(cookie);
      return;
    }
    const last = this.length - 1;
    if (
      last >= 0 &&
      this.regions[last] === region &&
      this.offsets[last]! + this.lengths[last]! === offset &&
      this.lenders[last] === lender &&
      (lender === undefined || this.cookies[last] === cookie)
    ) {
      this.lengths[last]! += length;
      this.byteLength += length;
      lender?.release(cookie);
      return;
    }
    this.#push(region, undefined, offset, length, lender, cookie);
  }

  /** Adds a range of a file, which is released when the entry is. An empty one is released at once. */
  addExtent(file: F, offset: number, length: number, cookie = 0): void {
    if (length === 0) file.release(cookie);
    else this.#push(undefined, file, offset, length, file, cookie);
  }

  #push(
    region: SegmentMemory | undefined,
    file: F | undefined,
    offset: number,
    length: number,
    lender: Lender | undefined,
    cookie: number,
  ): void {
    const at = this.length++;
    this.regions[at] = region;
    this.files[at] = file;
    this.offsets[at] = offset;
    this.lengths[at] = length;
    this.lenders[at] = lender;
    this.cookies[at] = cookie;
    this.byteLength += length;
  }

  /** Forgets the entries and releases nobody: what was lent is in someone else's hands now. */
  reset(): void {
    // Nothing lent may be kept alive by a list that is used again.
    this.regions.fill(undefined, 0, this.length);
    this.files.fill(undefined, 0, this.length);
    this.lenders.fill(undefined, 0, this.length);
    this.length = 0;
    this.byteLength = 0;
  }

  /** Releases every lender and forgets the entries. */
  release(): void {
    for (let index = 0; index < this.length; index++) this.lenders[index]?.release(this.cookies[index]!);
    this.reset();
  }

  /** Bytes of the entries that are extents of files. */
  get extentBytes(): number {
    let sum = 0;
    for (let index = 0; index < this.length; index++) if (this.files[index] !== undefined) sum += this.lengths[index]!;
    return sum;
  }

  /** True when an entry is an extent of a file. */
  get hasExtents(): boolean {
    for (let index = 0; index < this.length; index++) if (this.files[index] !== undefined) return true;
    return false;
  }

  /** Moves the entries of another list behind the ones of this; the other is empty afterwards. */
  append(other: SgList<F>): void {
    for (let index = 0; index < other.length; index++) {
      const region = other.regions[index];
      const { offsets, lengths, lenders, cookies } = other;
      if (region === undefined) this.addExtent(other.files[index]!, offsets[index]!, lengths[index]!, cookies[index]!);
      else this.addSegment(region, offsets[index]!, lengths[index]!, lenders[index], cookies[index]!);
    }
    other.reset();
  }

  /**
   * Joins neighbours of fewer than `threshold` bytes each, because a reference to so few costs more than their copy.
   * Only runs of two or more are copied (counted as `coalesce`), and their lenders released. Returns the bytes copied.
   * @param mostBytes the longest joined segment.
   */
  coalesce(threshold: number, mostBytes: number, allocate: SgAllocate): number {
    let to = 0;
    let copied = 0;
    for (let index = 0; index < this.length; ) {
      const end = this.#smallRun(index, threshold, mostBytes);
      if (end - index < 2) {
        this.#move(index, to++);
        index++;
        continue;
      }
      copied += this.#join(index, end, to++, allocate);
      index = end;
    }
    for (let index = to; index < this.length; index++) {
      this.regions[index] = undefined;
      this.files[index] = undefined;
      this.lenders[index] = undefined;
    }
    this.length = to;
    return copied;
  }

  /** Where the run of small segments that begins at `start` ends. */
  #smallRun(start: number, threshold: number, mostBytes: number): number {
    let total = 0;
    let end = start;
    for (; end < this.length; end++) {
      const length = this.lengths[end]!;
      if (this.regions[end] === undefined || length >= threshold || total + length > mostBytes) break;
      total += length;
    }
    return end;
  }

  #join(start: number, end: number, to: number, allocate: SgAllocate): number {
    let total = 0;
    for (let index = start; index < end; index++) total += this.lengths[index]!;
    const { segment, lender, cookie } = allocate(total);
    let at = segment.offset;
    for (let index = start; index < end; index++) {
      const length = this.lengths[index]!;
      copyBytes(
        CopyReason.coalesce,
        segment.region.bytes,
        at,
        this.regions[index]!.bytes,
        this.offsets[index]!,
        length,
      );
      at += length;
      this.lenders[index]?.release(this.cookies[index]!);
    }
    this.regions[to] = segment.region;
    this.files[to] = undefined;
    this.offsets[to] = segment.offset;
    this.lengths[to] = total;
    this.lenders[to] = lender;
    this.cookies[to] = cookie;
    return total;
  }

  #move(from: number, to: number): void {
    if (from === to) return;
    this.regions[to] = this.regions[from];
    this.files[to] = this.files[from];
    this.offsets[to] = this.offsets[from]!;
    this.lengths[to] = this.lengths[from]!;
    this.lenders[to] = this.lenders[from];
    this.cookies[to] = this.cookies[from]!;
  }

  /**
   * The list in parts that a consumer can take, in order: runs of segments within the limits, and each extent alone, cut
   * at `maxBytes`. The parts borrow from the list and release nobody.
   * @throws RangeError for limits of less than 1.
   */
  *batches(limits: SgLimits): Generator<SgBatch<F>> {
    const { maxEntries = Number.MAX_SAFE_INTEGER, maxBytes = Number.MAX_SAFE_INTEGER } = limits;
    const { maxFragments = Number.MAX_SAFE_INTEGER, pageBytes = 4096 } = limits;
    if (maxEntries < 1 || maxBytes < 1 || maxFragments < 1) throw wrongArgument('a consumer takes at least one byte');
    let segments: Segment[] = [];
    let bytes = 0;
    let fragments = 0;
    for (let index = 0; index < this.length; index++) {
      const region = this.regions[index];
      let offset = this.offsets[index]!;
      let left = this.lengths[index]!;
      if (region === undefined && segments.length > 0) {
        yield { segments, extent: undefined, byteLength: bytes };
        segments = [];
        bytes = fragments = 0;
      }
      while (left > 0) {
        if (region === undefined) {
          const length = Math.min(left, maxBytes);
          yield { segments: [], extent: { file: this.files[index]!, offset, length }, byteLength: length };
          offset += length;
          left -= length;
          continue;
        }
        const base = Number.isNaN(region.address) ? 0 : region.address;
        const room = roomFor(base + offset, maxFragments - fragments, pageBytes);
        const length = Math.min(left, maxBytes - bytes, room);
        if (segments.length === maxEntries || length === 0) {
          yield { segments, extent: undefined, byteLength: bytes };
          segments = [];
          bytes = fragments = 0;
          continue;
        }
        segments.push({ region, offset, length });
        bytes += length;
        fragments += pagesTouched(base + offset, length, pageBytes);
        offset += length;
        left -= length;
      }
    }
    if (segments.length > 0) yield { segments, extent: undefined, byteLength: bytes };
  }
}

/** Bytes from an address on that touch no more than `fragments` pages. */
function roomFor(address: number, fragments: number, pageBytes: number): number {
  if (fragments <= 0) return 0;
  return fragments * pageBytes - (address % pageBytes);
}
