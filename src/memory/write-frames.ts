// Frames that the written bytes of a list go into: mapped memory where there is some, so that the kernel can be
// told the address; else buffers of the JavaScript heap, with the same use. Not here: what is written (list-writer.ts).

import { platformIsLinux } from '../kernel/ffi.js';
import { FramePool } from './frame-pool.js';
import { Region } from './region.js';
import type { Lender, SegmentMemory } from './segment.js';

/** Memory whose bytes are a Buffer, which strings can be written into. */
export interface TextRegion extends SegmentMemory {
  readonly bytes: Buffer;
}

/** Bytes of a frame: the dynamic parts of most pages, with their head, fit into one. */
export const writeFrameBytes = 16 * 1024;
const framesAPool = 1024;
/** A GiB at most: beyond it a page is refused instead of the process killed. */
const maxPools = 64;

/** Frames run out: more pages are under way than memory is given to. */
export class WriteMemoryError extends Error {
  override readonly name = 'WriteMemoryError';
  readonly code = 'CLEARWAY_WRITE_MEMORY';
  constructor() {
    super('all frames for pages are in use: readers take pages slower than they are made; limit connections');
  }
}

/** Leased frames; `release` is a frame's lender's, with the frame's number as cookie. */
export interface WriteFrames extends Lender {
  /** Leases a frame with one reference. @throws WriteMemoryError when there is none. */
  lease(): number;
  /** Adds a reference. */
  retain(frame: number): void;
  /** The memory that a frame lies in, and where in it. */
  memory(frame: number): TextRegion;
  offset(frame: number): number;
  /** Frames leased now. */
  readonly leased: number;
}

/** Mapped memory as a Buffer. */
export function mappedMemory(region: Region): TextRegion {
  return { address: region.address, bytes: Buffer.from(region.buffer) };
}

class MappedFrames implements WriteFrames {
  readonly #pools: FramePool[] = [];
  readonly #memories: TextRegion[] = [];
  #last = 0;

  get leased(): number {
    return this.#pools.reduce((sum, pool) => sum + pool.leased, 0);
  }

  lease(): number {
    // The pool that gave last most likely gives again.
    for (let step = 0; step < this.#pools.length; step++) {
      const index = (this.#last + step) % this.#pools.length;
      const frame = this.#pools[index]!.lease();
      if (frame < 0) continue;
      this.#last = index;
      return index * framesAPool + frame;
    }
    if (this.#pools.length === maxPools) throw new WriteMemoryError();
    const pool = new FramePool(framesAPool, writeFrameBytes);
    this.#last = this.#pools.push(pool) - 1;
    this.#memories.push(mappedMemory(pool.region));
    return this.#last * framesAPool + pool.lease();
  }

  retain(frame: number): void {
    this.#pools[Math.floor(frame / framesAPool)]!.retain(frame % framesAPool);
  }

  release(frame: number): void {
    this.#pools[Math.floor(frame / framesAPool)]!.release(frame % framesAPool);
  }

  memory(frame: number): TextRegion {
    return this.#memories[Math.floor(frame / framesAPool)]!;
  }

  offset(frame: number): number {
    return (frame % framesAPool) * writeFrameBytes;
  }
}

/** Where nothing can be mapped: each frame is a buffer of its own, and the garbage collector's when it is released. */
class HeapFrames implements WriteFrames {
  readonly #memories = new Map<number, TextRegion>();
  readonly #references = new Map<number, number>();
  #next = 0;

  get leased(): number {
    return this.#references.size;
  }

  lease(): number {
    if (this.#references.size >= framesAPool * maxPools) throw new WriteMemoryError();
    const frame = this.#next++;
    this.#memories.set(frame, { address: Number.NaN, bytes: Buffer.allocUnsafeSlow(writeFrameBytes) });
    this.#references.set(frame, 1);
    return frame;
  }

  retain(frame: number): void {
    this.#references.set(frame, this.#references.get(frame)! + 1);
  }

  release(frame: number): void {
    const left = this.#references.get(frame)! - 1;
    this.#references.set(frame, left);
    if (left > 0) return;
    this.#references.delete(frame);
    this.#memories.delete(frame);
  }

  memory(frame: number): TextRegion {
    return this.#memories.get(frame)!;
  }

  offset(_frame: number): number {
    return 0;
  }
}

let canMap: boolean | undefined;

/** True where memory can be mapped: elsewhere pages are made of buffers of the JavaScript heap. */
export function memoryIsMapped(): boolean {
  if (canMap === undefined) {
    canMap = false;
    try {
      if (platformIsLinux) new Region(1).unmap();
      canMap = platformIsLinux;
    } catch {
      // The FFI library did not load: the heap will do.
    }
  }
  return canMap;
}

let shared: WriteFrames | undefined;

/** The frames of this thread. */
export function writeFrames(): WriteFrames {
  shared ??= memoryIsMapped() ? new MappedFrames() : new HeapFrames();
  return shared;
}
