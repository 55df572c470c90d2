// Buffers that are registered with a ring (IORING_REGISTER_BUFFERS2, BUFFERS_UPDATE, Linux 5.13 and 5.19): their pages stay where they
// are, and an operation that names one need not look them up. Only memory that may be written and is no file's of a disk:
// anonymous or shared memory. Each ring counts them against RLIMIT_MEMLOCK.

import { IORING_REGISTER, IORING_RSRC } from '../kernel/constants.js';
import { Errno } from '../kernel/errno.js';
import { scratch } from '../kernel/memory.js';
import { uringRegister } from '../kernel/uring.js';

/** Buffers at most. The kernel's own limit is 16,384. */
const mostBuffers = 8192;
/** struct io_uring_rsrc_register, and struct io_uring_rsrc_update2. */
const argumentBytes = 32;

/** See the file's head. The table is made with the first one. */
export class RegisteredBuffers {
  readonly #ringFd: number;
  readonly #free: number[] = [];
  #next = 0;
  #isMade = false;

  constructor(ringFd: number) {
    this.#ringFd = ringFd;
  }

  /** Registers whole pages. Returns the buffer's number or -errno. */
  register(address: number, length: number): number {
    if (!this.#isMade) {
      const made = this.#make();
      if (made < 0) return made;
      this.#isMade = true;
    }
    const buffer = this.#free.pop() ?? this.#next;
    if (buffer >= mostBuffers) return -Errno.ENOSPC;
    const result = this.#update(buffer, address, length);
    if (result < 0) {
      if (buffer !== this.#next) this.#free.push(buffer);
      return result;
    }
    if (buffer === this.#next) this.#next++;
    return buffer;
  }

  /** Lets go of a buffer: its number may be another's. */
  unregister(buffer: number): void {
    if (this.#update(buffer, 0, 0) >= 0) this.#free.push(buffer);
  }

  #make(): number {
    const place = scratch(argumentBytes);
    place.bytes.fill(0, place.offset, place.offset + argumentBytes);
    place.data.setUint32(place.offset, mostBuffers, true);
    place.data.setUint32(place.offset + 4, IORING_RSRC.REGISTER_SPARSE, true);
    return uringRegister(this.#ringFd, IORING_REGISTER.BUFFERS2, place.address, argumentBytes);
  }

  #update(buffer: number, address: number, length: number): number {
    const vector = scratch(16);
    vector.data.setBigUint64(vector.offset, BigInt(address), true);
    vector.data.setBigUint64(vector.offset + 8, BigInt(length), true);
    const place = scratch(argumentBytes);
    place.bytes.fill(0, place.offset, place.offset + argumentBytes);
    place.data.setUint32(place.offset, buffer, true);
    place.data.setBigUint64(place.offset + 8, BigInt(vector.address), true);
    place.data.setUint32(place.offset + 24, 1, true);
    return uringRegister(this.#ringFd, IORING_REGISTER.BUFFERS_UPDATE, place.address, argumentBytes);
  }
}
