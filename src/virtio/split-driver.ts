// SplitDriverQueue: the split layout (VIRTIO 1.x section 2.7) as a driver sees it. Not here: the device's side (split-device.ts).

import { DriverSide } from './driver-side.js';
import { bytesOf } from './outstanding.js';
import { Descriptor, type DriverPiece, type DriverQueue, needsEvent, type QueueFeatures } from './queue.js';
import { quiet, type SplitRing } from './split-device.js';

/** See the file's head. */
export class SplitDriverQueue extends DriverSide<SplitRing> implements DriverQueue {
  /** The head of each id, and of each descriptor the one behind it in the list of free ones: its own, not the ring's. */
  readonly #heads: Uint16Array;
  readonly #after: Uint16Array;
  /** The id of the request that each head is of. */
  readonly #ids: Uint16Array;
  #firstFree = 0;
  #next = 0;
  #shown = 0;
  #seen = 0;

  constructor(ring: SplitRing, features: QueueFeatures) {
    super(ring, features);
    this.#heads = new Uint16Array(ring.size);
    this.#after = Uint16Array.from({ length: ring.size }, (_, index) => index + 1);
    this.#ids = new Uint16Array(ring.size);
  }

  add(readable: readonly DriverPiece[], writable: readonly DriverPiece[]): number {
    const count = readable.length + writable.length;
    const id = this.outstanding.take(count, bytesOf(writable));
    if (id < 0) return -1;
    const head = this.#firstFree;
    let at = head;
    for (let index = 0; index < count; index++) {
      at = this.#firstFree;
      this.#firstFree = this.#after[at]!;
      const isWritable = index >= readable.length;
      const piece = isWritable ? writable[index - readable.length]! : readable[index]!;
      this.#write(at, piece, (isWritable ? Descriptor.write : 0) | (index + 1 < count ? Descriptor.next : 0));
    }
    this.#heads[id] = head;
    this.#ids[head] = id;
    this.ring.available[2 + (this.#next & (this.size - 1))] = head;
    this.#next = (this.#next + 1) & 0xffff;
    return id;
  }

  #write(at: number, { address, length }: DriverPiece, flags: number): void {
    const { descriptors } = this.ring;
    descriptors[at * 4] = address >>> 0;
    descriptors[at * 4 + 1] = Math.floor(address / 0x1_0000_0000);
    descriptors[at * 4 + 2] = length;
    descriptors[at * 4 + 3] = flags | (this.#after[at]! << 16);
  }

  publish(): boolean {
    if (this.#shown === this.#next) return false;
    const { available, used } = this.ring;
    const old = this.#shown;
    this.#shown = this.#next;
    Atomics.store(available, 1, this.#next);
    if (!this.features.eventIndex) return (Atomics.load(used, 0) & quiet) === 0;
    return needsEvent(Atomics.load(used, 2 + 4 * this.size), this.#next, old);
  }

  protected isDone(): boolean {
    return Atomics.load(this.ring.used, 1) !== this.#seen;
  }

  protected takeNext(): number {
    const { usedWords } = this.ring;
    const at = 1 + 2 * (this.#seen & (this.size - 1));
    const head = usedWords[at]!;
    const written = usedWords[at + 1]!;
    const id = head < this.size ? this.#ids[head]! : 0;
    const slots = head < this.size && this.#heads[id] === head ? this.outstanding.give(id, written) : 0;
    if (slots === 0) return -1;
    this.#seen = (this.#seen + 1) & 0xffff;
    let last = head;
    for (let index = 1; index < slots; index++) last = this.#after[last]!;
    this.#after[last] = this.#firstFree;
    this.#firstFree = head;
    this.written = written;
    return id;
  }

  suppressInterrupts(): void {
    if (!this.features.eventIndex) Atomics.store(this.ring.available, 0, quiet);
  }

  protected askForInterrupt(): void {
    const { available } = this.ring;
    if (this.features.eventIndex) Atomics.store(available, 2 + this.size, this.#seen);
    else Atomics.store(available, 0, 0);
  }
}
