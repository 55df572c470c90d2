// The frame cache: responses in frames that are filled once and sent to any number of connections. Of a small file head and
// body lie side by side and leave with one call; of a larger one only the head is kept, and the body goes by sendfile, or what is
// generated of it, and where in a file the rest is (frame-references.ts).
// One budget of memory for all; what was not used since the last look makes room.
// Not here: what a head says (head-writer.ts), which file an entry is (site.ts).

import { CopyReason, copyBytes } from '../memory/copy.js';
import type { Region } from '../memory/region.js';
import { SlabPool } from '../memory/slab-pool.js';
import type { Lender } from '../transport/output.js';
import { writeHttpDate } from '../wire/http/date.js';
import type { FrameReferences } from './frame-references.js';
import type { Column } from './record-columns.js';

/**
 * Which response of an entry a frame holds: the whole file, or where a folder is; the whole file, and that the connection
 * ends with it; that it did not change; or a message that is of no file: then the entry is its status.
 */
export const Variant = { whole: 0, last: 1, notModified: 2, message: 3 } as const;

/** What is known of a response that a frame is filled with. */
export type FrameFacts = Pick<CachedResponse, 'entry' | 'variant' | 'headBytes' | 'totalBytes' | 'varies'> &
  Partial<Pick<CachedResponse, 'references'>>;

/** One response in a frame. It lends its bytes to connections and is freed when dropped and lent to nobody. */
export class CachedResponse implements Lender {
  /** The site's entry of the file that it is of. */
  readonly entry: number;
  /** One of {@link Variant}. */
  readonly variant: number;
  readonly headBytes: number;
  /** Bytes in the frame: the head's, and the body's if it is there too. */
  readonly totalBytes: number;
  /** Whether the head says that it varies by Accept-Encoding. */
  readonly varies: boolean;
  /** What of the body follows the bytes in the frame. */
  readonly references: FrameReferences | undefined;
  readonly frame: number;
  readonly address: number;
  /** Set by use, cleared by the cache's look for what may go. */
  used = true;
  readonly #cache: FrameCache;
  readonly #dateAt: number;
  #dateSeconds: number;
  #lent = 0;
  #dropped = false;

  constructor(cache: FrameCache, frame: number, facts: FrameFacts, dateAt: number, dateSeconds: number) {
    this.#cache = cache;
    this.frame = frame;
    this.address = cache.region.address + frame;
    this.entry = facts.entry;
    this.variant = facts.variant;
    this.headBytes = facts.headBytes;
    this.totalBytes = facts.totalBytes;
    this.varies = facts.varies;
    this.references = facts.references;
    this.#dateAt = dateAt;
    this.#dateSeconds = dateSeconds;
  }

  /** True when the body is in the frame as well, all of it, not the head alone. */
  get holdsBody(): boolean {
    return this.totalBytes > this.headBytes && this.references === undefined;
  }

  /** The memory that the frame lies in, and where in it the body begins. */
  get region(): Region {
    return this.#cache.region;
  }

  /** See {@link region}. */
  get bodyOffset(): number {
    return this.frame + this.headBytes;
  }

  /**
   * Lends the frame once more, its Date set to `nowSeconds`. A frame that is being sent keeps its bytes: then the date is
   * set in a fresh copy, which takes this one's place.
   */
  lend(nowSeconds: number): CachedResponse {
    this.used = true;
    if (this.#dateSeconds !== nowSeconds) {
      if (this.#lent > 0) return this.#cache.refresh(this, nowSeconds);
      writeHttpDate(this.#cache.region.bytes, this.frame + this.#dateAt, nowSeconds);
      this.#dateSeconds = nowSeconds;
    }
    this.#lent++;
    return this;
  }

  /** Lends the frame with the date that it has: for its body, or where there is no room for a fresh one. */
  lendAsIs(): CachedResponse {
    this.used = true;
    this.#lent++;
    return this;
  }

  /** A borrower is done with the bytes. */
  release(_cookie: number): void {
    this.#lent--;
    if (this.#dropped && this.#lent === 0) this.#cache.release(this.frame);
  }

  /** The response is no longer current: the frame is freed as soon as nobody sends it. */
  drop(): void {
    if (this.#dropped) return;
    this.#dropped = true;
    this.#cache.forget(this);
    if (this.#lent === 0) this.#cache.release(this.frame);
  }

  /** True while nobody sends it. */
  get idle(): boolean {
    return this.#lent === 0;
  }

  /** Copies the response into another frame, with another date. */
  duplicate(frame: number, nowSeconds: number): CachedResponse {
    const { bytes } = this.#cache.region;
    copyBytes(CopyReason.frameRefresh, bytes, frame, bytes, this.frame, this.totalBytes);
    writeHttpDate(bytes, frame + this.#dateAt, nowSeconds);
    return new CachedResponse(this.#cache, frame, this, this.#dateAt, nowSeconds);
  }
}

/** Frames of a size that are left for answers that are sent once. */
const spareFrames = 4;
/** So many kept responses are looked at for one that was not used lately; then any that nobody sends will do. */
const mostLooks = 512;

/** The responses of one worker that are in frames, and frames for answers that are sent once. */
export class FrameCache implements Lender {
  readonly #pool: SlabPool;
  /** By variant and entry. */
  readonly #kinds: ReadonlyArray<Array<CachedResponse | undefined>> = [[], [], [], []];
  /** Kept responses by slab; within one in no order. */
  readonly #bySlab: CachedResponse[][] = [];
  /** Those that have references, least lately kept or found in use first. */
  readonly #referring = new Set<CachedResponse>();
  #kept = 0;
  #referenceBytes = 0;
  #hand = 0;

  /** @param largestFrame bytes of the largest response kept. @param budget bytes of memory in all. */
  constructor(largestFrame: number, budget: number) {
    this.#pool = new SlabPool(largestFrame, budget);
    for (let slab = 0; slab < this.#pool.slabs; slab++) this.#bySlab.push([]);
  }

  /** The memory that the frames lie in. */
  get region(): Region {
    return this.#pool.region;
  }

  /** Frames in use, the ones of dropped responses still being sent included. */
  get leased(): number {
    return this.#pool.leased;
  }

  /** Bytes of the frames in use. */
  get leasedBytes(): number {
    return this.#pool.leasedBytes;
  }

  /** Bytes of memory, beside the frames, of what follows them. */
  get referenceBytes(): number {
    return this.#referenceBytes;
  }

  /**
   * Drops responses until references of so many bytes fit into `most` with the others, those not used since the last look first.
   * False where they alone are more.
   */
  makeReferenceRoom(bytes: number, most: number): boolean {
    if (bytes > most) return false;
    let looks = mostLooks;
    for (const response of this.#referring) {
      if (this.#referenceBytes + bytes <= most) break;
      if (response.used && looks-- > 0) {
        response.used = false;
        this.#referring.delete(response);
        this.#referring.add(response);
      } else response.drop();
    }
    return true;
  }

  /** Responses kept. */
  get size(): number {
    return this.#kept;
  }

  /** The response of an entry; undefined when none is kept. */
  of(entry: number, variant: number = Variant.whole): CachedResponse | undefined {
    return this.#kinds[variant]![entry];
  }

  /** Drops what is kept of an entry. */
  end(entry: number): void {
    for (let variant = Variant.whole; variant < Variant.message; variant++) this.#kinds[variant]![entry]?.drop();
  }

  /**
   * A frame for an answer that is sent once, or for one that is {@link keep | kept}; -1 when there is none. It is given back
   * by {@link release}, whose cookie it is.
   */
  lease(bytes: number): number {
    const size = this.#pool.sizeFor(bytes);
    if (size < 0) return -1;
    const frame = this.#pool.lease(size);
    return frame >= 0 ? frame : this.#makeRoom(size);
  }

  /**
   * Drops kept responses of the same size until one was free, those not used since the last look first. Others stay: where
   * every frame of a size is being sent, to readers that stall perhaps, the rest of the cache must not go for it. A size
   * that has no frame at all takes a slab from another.
   */
  #makeRoom(size: number): number {
    let looks = mostLooks;
    let hasSlab = false;
    for (let slabs = this.#pool.slabs * 2; slabs > 0; slabs--) {
      this.#hand = this.#hand + 1 < this.#pool.slabs ? this.#hand + 1 : 0;
      if (this.#pool.sizeOf(this.#hand) !== size) continue;
      hasSlab = true;
      const kept = this.#bySlab[this.#hand]!;
      for (let index = kept.length - 1; index >= 0; index--, looks--) {
        const response = kept[index]!;
        if (!response.idle) continue;
        if (response.used && looks > 0) response.used = false;
        else {
          response.drop();
          // Stays on this slab: its next unused response makes room for the next lease.
          this.#hand--;
          return this.#pool.lease(size);
        }
      }
    }
    return hasSlab ? -1 : this.#takeSlab(size);
  }

  /**
   * Whether a filled frame is worth keeping: while there is room for more of its size, or when its entry is asked for more
   * often than that of a response that goes for it. Files that are asked for once do not push out those that are not.
   * @param hits how often each entry was answered lately.
   */
  admits(frame: number, entry: number, hits: Column): boolean {
    const size = this.#pool.sizeOf(this.#pool.slabOf(frame));
    if (this.#pool.hasRoom(size, spareFrames)) return true;
    let others = false;
    for (let slabs = this.#pool.slabs; slabs > 0; slabs--) {
      this.#hand = this.#hand + 1 < this.#pool.slabs ? this.#hand + 1 : 0;
      if (this.#pool.sizeOf(this.#hand) !== size) continue;
      const kept = this.#bySlab[this.#hand]!;
      const response = kept[(kept.length * this.#turn) >> 8];
      this.#turn = (this.#turn + 37) & 255;
      if (response === undefined || response.entry === entry) continue;
      others = true;
      if (!response.idle) continue;
      if (hits.get(response.entry) >= hits.get(entry)) return false;
      response.drop();
      return true;
    }
    // The only ones of their size are all its own: nothing would be gained by letting go of it.
    return !others;
  }

  /** Which of a slab's responses is compared next, in 256ths. */
  #turn = 0;

  #takeSlab(size: number): number {
    for (let slabs = this.#pool.slabs; slabs > 0; slabs--) {
      this.#hand = this.#hand + 1 < this.#pool.slabs ? this.#hand + 1 : 0;
      const kept = this.#bySlab[this.#hand]!;
      // A frame that is sent and not kept holds the slab: then nothing is dropped for it.
      if (this.#pool.leasedIn(this.#hand) > kept.length || !kept.every((response) => response.idle)) continue;
      while (kept.length > 0) kept[kept.length - 1]!.drop();
      if (this.#pool.reclaim(this.#hand)) return this.#pool.lease(size);
    }
    return -1;
  }

  /** Keeps a filled frame as the response of an entry, in the place of what was kept. */
  keep(frame: number, facts: FrameFacts, dateAt: number, dateSeconds: number): CachedResponse {
    return this.#keep(new CachedResponse(this, frame, facts, dateAt, dateSeconds));
  }

  #keep(response: CachedResponse): CachedResponse {
    const kind = this.#kinds[response.variant]!;
    kind[response.entry]?.drop();
    kind[response.entry] = response;
    this.#bySlab[this.#pool.slabOf(response.frame)]!.push(response);
    this.#kept++;
    if (response.references !== undefined) {
      this.#referring.add(response);
      this.#referenceBytes += response.references.places.byteLength;
    }
    return response;
  }

  /** Replaces a response that is being sent by one with a new date; the old one itself when there is no room. */
  refresh(response: CachedResponse, nowSeconds: number): CachedResponse {
    const frame = this.lease(response.totalBytes);
    if (frame < 0) return response.lendAsIs();
    return this.#keep(response.duplicate(frame, nowSeconds)).lend(nowSeconds);
  }

  /** Called by a response that was dropped. */
  forget(response: CachedResponse): void {
    const kind = this.#kinds[response.variant]!;
    if (kind[response.entry] === response) kind[response.entry] = undefined;
    const kept = this.#bySlab[this.#pool.slabOf(response.frame)]!;
    const last = kept.pop()!;
    if (last !== response) kept[kept.indexOf(response)] = last;
    this.#kept--;
    if (this.#referring.delete(response)) this.#referenceBytes -= response.references!.places.byteLength;
  }

  /** A frame that nobody sends any more. */
  release(frame: number): void {
    this.#pool.release(frame);
  }

  /** Gives the memory back; only when nothing is sent from it any more. */
  unmap(): void {
    this.#pool.unmap();
  }
}
