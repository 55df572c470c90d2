// The ring of provided buffers (IORING_REGISTER_PBUF_RING, Linux 5.19): frames that the kernel picks from
// when bytes arrive, so that an idle connection holds none. struct io_uring_buf; the tail lies over the first entry.

import { IORING_REGISTER } from '../kernel/constants.js';
import { scratch } from '../kernel/memory.js';
import { check } from '../kernel/system-error.js';
import { uringRegister } from '../kernel/uring.js';
import { setWord64 } from '../kernel/words.js';
import { Region } from '../memory/region.js';

const entryBytes = 16;

/** Equal frames given to the kernel; a frame the kernel filled is lent to us until {@link recycle}. */
export class BufferRing {
  readonly region: Region;
  readonly frameBytes: number;
  /** Frames that are in our hands. */
  lent = 0;
  readonly #ring: Region;
  readonly #shorts: Uint16Array;
  readonly #words: Uint32Array;
  readonly #mask: number;
  #tail = 0;
  #published = 0;

  /** @param frames a power of two. @throws SystemError when the kernel cannot register the ring. */
  constructor(ringFd: number, group: number, frames: number, frameBytes: number) {
    this.frameBytes = frameBytes;
    this.region = new Region(frames * frameBytes);
    this.#ring = new Region(frames * entryBytes);
    this.#shorts = new Uint16Array(this.#ring.buffer);
    this.#words = new Uint32Array(this.#ring.buffer);
    this.#mask = frames - 1;
    const place = scratch(40);
    place.bytes.fill(0, place.offset, place.offset + 40);
    place.data.setBigUint64(place.offset, BigInt(this.#ring.address), true);
    place.data.setUint32(place.offset + 8, frames, true);
    place.data.setUint16(place.offset + 12, group, true);
    check(uringRegister(ringFd, IORING_REGISTER.PBUF_RING, place.address, 1), 'io_uring_register', 'PBUF_RING');
    this.lent = frames;
    for (let frame = 0; frame < frames; frame++) this.recycle(frame);
    this.publish();
  }

  /** Gives a frame back; the kernel sees it after {@link publish}. */
  recycle(frame: number): void {
    const address = this.region.address + frame * this.frameBytes;
    const at = (this.#tail & this.#mask) * 4;
    const words = this.#words;
    setWord64(words, at, address);
    words[at + 2] = this.frameBytes;
    // Only the buffer's number: the other half of this word, in the first entry, is the ring's tail.
    this.#shorts[at * 2 + 6] = frame;
    this.#tail = (this.#tail + 1) & 0xffff;
    this.lent--;
  }

  /** Makes recycled frames visible to the kernel. */
  publish(): void {
    if (this.#published === this.#tail) return;
    this.#published = this.#tail;
    Atomics.store(this.#shorts, 7, this.#tail);
  }

  /** Unmaps frames and ring; only after the io_uring is closed. */
  unmap(): void {
    this.region.unmap();
    this.#ring.unmap();
  }
}
