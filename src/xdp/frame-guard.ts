// FrameGuard: who owns each frame of the memory that packets of AF_XDP lie in: nobody, the kernel (to receive into, or to send from), or the
// application. It is the idea of a Domain (memory/domain.ts) for memory that both may touch: every hand-over is held against it before it reaches a
// ring, and so is what the kernel gives back; one that makes no sense is a counted fault with a reason, never an access. It allocates nothing after
// it was made. Not here: rings (packet-rings.ts).

import { wrongArgument } from '../text/coded.js';

/** Owners of a frame. */
const Owner = { nobody: 0, kernelToReceive: 1, application: 2, kernelToSend: 3 } as const;

/**
 * Why a hand-over was refused: beyond the memory, or no whole number; not at the beginning of a frame; more bytes than the frame has from there on;
 * the kernel has the frame already; it was given back already, or never taken. And what the kernel gave: beyond the memory, a frame that it did not
 * have, or more bytes than a frame.
 */
export type FrameFault =
  | 'outside'
  | 'not at a frame'
  | 'too long'
  | 'handed twice'
  | 'not taken'
  | 'returned twice'
  | 'kernel: outside'
  | 'kernel: not its frame'
  | 'kernel: too long';

/** The size of a frame: a power of two from 2 KiB up to a page of 4 KiB. */
export type FrameBytes = 2048 | 4096;

/** Frames of one memory, at most: 2 GiB of the smaller ones. */
const mostFrames = 1 << 20;

/** See the file's head. A place is an offset in the memory, in bytes. */
export class FrameGuard {
  readonly frames: number;
  readonly frameBytes: FrameBytes;
  readonly faults: Record<FrameFault, number> = {
    outside: 0,
    'not at a frame': 0,
    'too long': 0,
    'handed twice': 0,
    'not taken': 0,
    'returned twice': 0,
    'kernel: outside': 0,
    'kernel: not its frame': 0,
    'kernel: too long': 0,
  };
  readonly #owners: Uint8Array;
  /** Frames of nobody, the one that was used last on top. */
  readonly #unused: Uint32Array;
  #unusedCount: number;
  readonly #shift: number;
  readonly #inFrame: number;
  #receiving = 0;
  #sending = 0;

  /** All frames are nobody's. @throws RangeError */
  constructor(frames: number, frameBytes: FrameBytes) {
    if (!Number.isInteger(frames) || frames < 1 || frames * frameBytes > mostFrames * 2048)
      throw wrongArgument(`memory for packets has up to ${(mostFrames * 2048) / frameBytes} frames, not ${frames}`);
    this.frames = frames;
    this.frameBytes = frameBytes;
    this.#shift = Math.log2(frameBytes);
    this.#inFrame = frameBytes - 1;
    this.#owners = new Uint8Array(frames);
    this.#unused = Uint32Array.from({ length: frames }, (_, index) => frames - 1 - index);
    this.#unusedCount = frames;
  }

  /** Frames of nobody. */
  get unused(): number {
    return this.#unusedCount;
  }

  /** Frames that the kernel has to receive into. */
  get receiving(): number {
    return this.#receiving;
  }

  /** Frames that the kernel has to send from. */
  get sending(): number {
    return this.#sending;
  }

  #fault(why: FrameFault): false {
    this.faults[why]++;
    return false;
  }

  /** The frame of a place; -1: a fault, counted. */
  #frameOf(place: number): number {
    const frame = place >>> this.#shift;
    if (place >>> 0 === place && frame < this.frames) return frame;
    this.faults.outside++;
    return -1;
  }

  /** Takes a frame of nobody's for the application. Returns its place, or -1: there is none. */
  take(): number {
    if (this.#unusedCount === 0) return -1;
    const frame = this.#unused[--this.#unusedCount]!;
    this.#owners[frame] = Owner.application;
    return frame << this.#shift;
  }

  /** Takes a frame of nobody's for the kernel, to receive into. Returns its place, or -1: there is none. */
  takeToReceive(): number {
    if (this.#unusedCount === 0) return -1;
    const frame = this.#unused[--this.#unusedCount]!;
    this.#owners[frame] = Owner.kernelToReceive;
    this.#receiving++;
    return frame << this.#shift;
  }

  /** The application gives a frame back, by any place in it. False: a fault. */
  giveBack(place: number): boolean {
    const frame = this.#frameOf(place);
    if (frame < 0) return false;
    const owner = this.#owners[frame]!;
    if (owner !== Owner.application) return this.#fault(owner === Owner.nobody ? 'returned twice' : 'handed twice');
    this.#owners[frame] = Owner.nobody;
    this.#unused[this.#unusedCount++] = frame;
    return true;
  }

  /** The application hands a frame of its own to the kernel, by its beginning, to receive into. False: a fault. */
  handToReceive(place: number): boolean {
    const frame = this.#frameOf(place);
    if (frame < 0) return false;
    if ((place & this.#inFrame) !== 0) return this.#fault('not at a frame');
    const owner = this.#owners[frame]!;
    if (owner !== Owner.application) return this.#fault(owner === Owner.nobody ? 'not taken' : 'handed twice');
    this.#owners[frame] = Owner.kernelToReceive;
    this.#receiving++;
    return true;
  }

  /** The application hands bytes of a frame of its own to the kernel, to send. False: a fault. */
  handToSend(place: number, length: number): boolean {
    const frame = this.#frameOf(place);
    if (frame < 0) return false;
    // Not `>`: a length that is no number is refused too.
    if (!(length >= 1 && (place & this.#inFrame) + length <= this.frameBytes) || length >>> 0 !== length)
      return this.#fault('too long');
    const owner = this.#owners[frame]!;
    if (owner !== Owner.application) return this.#fault(owner === Owner.nobody ? 'not taken' : 'handed twice');
    this.#owners[frame] = Owner.kernelToSend;
    this.#sending++;
    return true;
  }

  /** The kernel gives a packet, its place in two words: the frame is the application's then. Returns the place, or -1: a fault. */
  received(low: number, high: number, length: number): number {
    const place = low >>> 0;
    const frame = place >>> this.#shift;
    if (high !== 0 || frame >= this.frames) {
      this.faults['kernel: outside']++;
      return -1;
    }
    if (this.#owners[frame] !== Owner.kernelToReceive) {
      this.faults['kernel: not its frame']++;
      return -1;
    }
    this.#receiving--;
    if (!(length >= 0 && (place & this.#inFrame) + length <= this.frameBytes)) {
      // The frame is as good as before.
      this.faults['kernel: too long']++;
      this.#owners[frame] = Owner.nobody;
      this.#unused[this.#unusedCount++] = frame;
      return -1;
    }
    this.#owners[frame] = Owner.application;
    return place;
  }

  /** The kernel gives back a frame that it has sent, its place in two words: it is nobody's then. False: a fault. */
  sent(low: number, high: number): boolean {
    const frame = low >>> this.#shift;
    if (high !== 0 || frame >= this.frames) return this.#fault('kernel: outside');
    if (this.#owners[frame] !== Owner.kernelToSend) return this.#fault('kernel: not its frame');
    this.#sending--;
    this.#owners[frame] = Owner.nobody;
    this.#unused[this.#unusedCount++] = frame;
    return true;
  }
}
