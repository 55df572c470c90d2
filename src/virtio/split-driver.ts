// SplitDriverQueue: the split layout (VIRTIO 1.x section 2.7) as a driver sees it. Not here: the device's side (split-device.ts).

import { DriverSide } from './driver-side.js';
import { Descriptor, type DriverQueue, needsEvent } from './queue.js';
import { quiet, type SplitRing } from './split-device.js';

/** See the file's head. A descriptor stands in the table where it is remembered, so that a head is an id. */
export class SplitDriverQueue extends DriverSide<SplitRing> implements DriverQueue {
  #next = 0;
  #shown = 0;
  #seen = 0;

  get position(): number {
    const used = Atomics.load(this.ring.used, 1);
    // More than what is out cannot have been used.
    return ((used - this.#seen) & 0xffff) > this.size - this.free ? this.#seen : used;
  }

  protected place(id: number): void {
    const { high, low, lengths, flags, after } = this.outstanding;
    const { descriptors } = this.ring;
    let at = id;
    for (let left = this.outstanding.countOf(id); left > 0; left--) {
      descriptors[at * 4] = low[at]!;
      descriptors[at * 4 + 1] = high[at]!;
      descriptors[at * 4 + 2] = lengths[at]!;
      descriptors[at * 4 + 3] = flags[at]! | (after[at]! << 16);
      at = after[at]!;
    }
    this.ring.available[2 + (this.#next & (this.size - 1))] = id;
    this.#next = (this.#next + 1) & 0xffff;
  }

  protected placeInTable(data: DataView, at: number, flags: number, index: number, isLast: boolean): void {
    data.setUint16(at, isLast ? flags : flags | Descriptor.next, true);
    data.setUint16(at + 2, isLast ? 0 : index + 1, true);
  }

  protected clearRing(): void {
    this.#next = this.#shown = this.#seen = 0;
    this.ring.available.fill(0);
    this.ring.used.fill(0);
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
    if (head >= this.size || this.outstanding.give(head, written) === 0) return -1;
    this.#seen = (this.#seen + 1) & 0xffff;
    this.written = written;
    return head;
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
