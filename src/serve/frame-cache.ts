// The frame cache: responses in frames that are filled once and sent to any number of connections. Of a small file head and
// body lie side by side and leave with one call; of a larger one only the head is kept, and the body goes by sendfile.
// Frames come in sizes of powers of two; the oldest unused ones make room.

import { readAt } from '../kernel/file.js';
import { CopyReason, copyBytes, countCopy, encodeText } from '../memory/copy.js';
import { FramePool } from '../memory/frame-pool.js';
import type { Region } from '../memory/region.js';
import type { Lender } from '../transport/output.js';
import { HTTP_DATE_BYTES, writeHttpDate } from '../wire/http/date.js';
import type { Representation } from './representation.js';

const smallestFrame = 2048;

/** One response in a frame. It lends its bytes to connections and is freed when dropped and lent to nobody. */
export class CachedResponse implements Lender {
  readonly representation: Representation;
  readonly headBytes: number;
  /** Bytes in the frame: the head's, and the body's if it is there too. */
  readonly totalBytes: number;
  readonly address: number;
  readonly #cache: FrameCache;
  readonly #pool: FramePool;
  readonly #frame: number;
  readonly #dateAt: number;
  #dateSeconds: number;
  #lent = 0;
  #dropped = false;

  constructor(
    cache: FrameCache,
    representation: Representation,
    pool: FramePool,
    frame: number,
    headBytes: number,
    totalBytes: number,
    dateAt: number,
    dateSeconds: number,
  ) {
    this.#cache = cache;
    this.representation = representation;
    this.#pool = pool;
    this.#frame = frame;
    this.headBytes = headBytes;
    this.totalBytes = totalBytes;
    this.address = pool.address(frame);
    this.#dateAt = dateAt;
    this.#dateSeconds = dateSeconds;
  }

  /** True when the body is in the frame as well, not the head alone. */
  get holdsBody(): boolean {
    return this.totalBytes > this.headBytes;
  }

  /** The memory that the frame lies in, and where in it the body begins. */
  get region(): Region {
    return this.#pool.region;
  }

  /** See {@link region}. */
  get bodyOffset(): number {
    return this.#pool.offset(this.#frame) + this.headBytes;
  }

  /**
   * Lends the frame once more, its Date set to `nowSeconds`. A frame that is being sent keeps its bytes: then the date is
   * set in a fresh copy, which takes this one's place.
   */
  lend(nowSeconds: number): CachedResponse {
    if (this.#dateSeconds !== nowSeconds) {
      if (this.#lent > 0) return this.#cache.refresh(this, nowSeconds);
      writeHttpDate(this.#pool.region.bytes, this.#pool.offset(this.#frame) + this.#dateAt, nowSeconds);
      this.#dateSeconds = nowSeconds;
    }
    this.#lent++;
    return this;
  }

  /** Lends the frame with the date that it has: no room for a fresh one. */
  lendAsIs(): CachedResponse {
    this.#lent++;
    return this;
  }

  /** A borrower is done with the bytes. */
  release(_cookie: number): void {
    this.#lent--;
    if (this.#dropped && this.#lent === 0) this.#cache.free(this.#pool, this.#frame);
  }

  /** The response is no longer current: the frame is freed as soon as nobody sends it. */
  drop(): void {
    if (this.#dropped) return;
    this.#dropped = true;
    this.#cache.forget(this);
    if (this.#lent === 0) this.#cache.free(this.#pool, this.#frame);
  }

  /** True once the response was replaced or its file changed: look the representation up again. */
  get dropped(): boolean {
    return this.#dropped;
  }

  /** Whether its frame is one of a pool's. */
  liesIn(pool: FramePool): boolean {
    return this.#pool === pool;
  }

  /** True while nobody sends it. */
  get idle(): boolean {
    return this.#lent === 0;
  }

  /** Copies the response into another frame, with another date. */
  duplicate(pool: FramePool, frame: number, nowSeconds: number): CachedResponse {
    const target = pool.region.bytes;
    const at = pool.offset(frame);
    const source = this.#pool.region.bytes;
    copyBytes(CopyReason.frameRefresh, target, at, source, this.#pool.offset(this.#frame), this.totalBytes);
    writeHttpDate(target, at + this.#dateAt, nowSeconds);
    const { headBytes, totalBytes, representation } = this;
    return new CachedResponse(
      this.#cache,
      representation,
      pool,
      frame,
      headBytes,
      totalBytes,
      this.#dateAt,
      nowSeconds,
    );
  }
}

/** The responses of one worker that are in frames. */
export class FrameCache {
  readonly #pools: FramePool[] = [];
  readonly #responses = new Set<CachedResponse>();

  /** @param largestFrame bytes of the largest response kept. @param budget bytes of memory for each size of frame. */
  constructor(largestFrame: number, budget: number) {
    for (let size = smallestFrame; ; size *= 2) {
      this.#pools.push(new FramePool(Math.max(8, Math.floor(budget / size)), size));
      if (size >= largestFrame) break;
    }
  }

  /** Frames in use, the ones of dropped responses still being sent included. */
  get leased(): number {
    return this.#pools.reduce((sum, pool) => sum + pool.leased, 0);
  }

  /** Responses kept. */
  get size(): number {
    return this.#responses.size;
  }

  #lease(bytes: number): { pool: FramePool; frame: number } | undefined {
    const pool = this.#pools.find((each) => each.frameBytes >= bytes);
    if (pool === undefined) return undefined;
    let frame = pool.lease();
    if (frame < 0) {
      // The set is in order of insertion: the oldest idle one of this size makes room. Others stay: where every frame of
      // a size is being sent, to readers that stall perhaps, the rest of the cache must not go for it.
      for (const response of this.#responses) {
        if (!response.idle || !response.liesIn(pool)) continue;
        response.representation.cached = undefined;
        response.drop();
        frame = pool.lease();
        break;
      }
    }
    return frame < 0 ? undefined : { pool, frame };
  }

  /**
   * Puts a representation's response into a frame: the head and, `withBody`, the file's bytes, whose pages must be in the
   * page cache.
   * @param head the response head, with 29 bytes for the date at `dateAt`.
   * @returns undefined when there is no room, or when the file is not what the representation says.
   */
  fill(
    representation: Representation,
    head: string,
    dateAt: number,
    nowSeconds: number,
    withBody: boolean,
  ): CachedResponse | undefined {
    const bodyBytes = withBody ? representation.size : 0;
    const place = this.#lease(head.length + bodyBytes);
    if (place === undefined) return undefined;
    const { pool, frame } = place;
    const at = pool.offset(frame);
    const headBytes = encodeText(CopyReason.encode, pool.region.bytes, at, head);
    writeHttpDate(pool.region.bytes, at + dateAt, nowSeconds);
    const address = pool.address(frame) + headBytes;
    if (bodyBytes > 0 && readAt(representation.file.fd, address, bodyBytes, 0) !== bodyBytes) {
      pool.release(frame);
      return undefined;
    }
    countCopy(CopyReason.frameFill, bodyBytes);
    const total = headBytes + bodyBytes;
    const response = new CachedResponse(this, representation, pool, frame, headBytes, total, dateAt, nowSeconds);
    this.#responses.add(response);
    representation.cached = response;
    return response;
  }

  /** Replaces a response that is being sent by one with a new date; the old one itself when there is no room. */
  refresh(response: CachedResponse, nowSeconds: number): CachedResponse {
    const place = this.#lease(response.totalBytes);
    if (place === undefined) return response.lendAsIs();
    const fresh = response.duplicate(place.pool, place.frame, nowSeconds);
    this.#responses.add(fresh);
    response.representation.cached = fresh;
    response.drop();
    return fresh.lend(nowSeconds);
  }

  /** Gives the memory back; only when nothing is sent from it any more. */
  unmap(): void {
    for (const pool of this.#pools) pool.unmap();
  }

  /** Called by a response that was dropped. */
  forget(response: CachedResponse): void {
    this.#responses.delete(response);
  }

  /** Called by a dropped response that nobody sends any more. */
  free(pool: FramePool, frame: number): void {
    pool.release(frame);
  }
}

const dateLabel = '\r\nDate: ';

/** Where the date's 29 bytes are in a head that has a Date field. */
export function dateOffset(head: string): number {
  return head.indexOf(dateLabel) + dateLabel.length;
}

/** What stands in a head until the date is written over it. */
export const datePlaceholder = '-'.repeat(HTTP_DATE_BYTES);
