// PackedDriverQueue: the packed layout (VIRTIO 1.x section 2.8) as a driver sees it. Not here: the device's side (packed-device.ts).

import { DriverSide } from './driver-side.js';
import { bytesOf } from './outstanding.js';
import { Event, isWanted, type PackedRing } from './packed-device.js';
import { Descriptor, type DriverPiece, type DriverQueue } from './queue.js';

/** See the file's head. */
export class PackedDriverQueue extends DriverSide<PackedRing> implements DriverQueue {
  #next = 0;
  #wrap = true;
  #seen = 0;
  #seenWrap = true;
  /** The first of what is added and not shown: its flags are written last. */
  #staged = -1;
  #stagedFlags = 0;
  #shown = 0;

  add(readable: readonly DriverPiece[], writable: readonly DriverPiece[]): number {
    const count = readable.length + writable.length;
    const id = this.outstanding.take(count, bytesOf(writable));
    if (id < 0) return -1;
    const { words, halves } = this.ring;
    const head = this.#next;
    let headFlags = 0;
    for (let index = 0; index < count; index++) {
      const at = this.#next;
      const isWritable = index >= readable.length;
      const { address, length } = isWritable ? writable[index - readable.length]! : readable[index]!;
      words[at * 4] = address >>> 0;
      words[at * 4 + 1] = Math.floor(address / 0x1_0000_0000);
      words[at * 4 + 2] = length;
      halves[at * 8 + 6] = id;
      const whose = this.#wrap ? Descriptor.available : Descriptor.used;
      const flags = whose | (isWritable ? Descriptor.write : 0) | (index + 1 < count ? Descriptor.next : 0);
      if (index === 0) headFlags = flags;
      else halves[at * 8 + 7] = flags;
      if (++this.#next === this.size) {
        this.#next = 0;
        this.#wrap = !this.#wrap;
      }
    }
    if (this.#staged < 0) {
      this.#staged = head;
      this.#stagedFlags = headFlags;
    } else Atomics.store(halves, head * 8 + 7, headFlags);
    return id;
  }

  publish(): boolean {
    if (this.#staged < 0) return false;
    Atomics.store(this.ring.halves, this.#staged * 8 + 7, this.#stagedFlags);
    this.#staged = -1;
    const before = this.#shown;
    this.#shown = this.#next;
    return isWanted(this.ring.deviceEvent, this.size, this.#next, this.#wrap, before);
  }

  protected isDone(): boolean {
    // Nothing is out: what lies there is of an earlier turn.
    if (this.outstanding.free === this.size) return false;
    const flags = Atomics.load(this.ring.halves, this.#seen * 8 + 7);
    const both = Descriptor.available | Descriptor.used;
    return (flags & both) === (this.#seenWrap ? both : 0);
  }

  protected takeNext(): number {
    const { words, halves } = this.ring;
    const at = this.#seen;
    const id = halves[at * 8 + 6]!;
    const isWritten = (halves[at * 8 + 7]! & Descriptor.write) !== 0;
    const written = isWritten ? words[at * 4 + 2]! : 0;
    const slots = this.outstanding.give(id, written);
    if (slots === 0) return -1;
    this.#seen += slots;
    if (this.#seen >= this.size) {
      this.#seen -= this.size;
      this.#seenWrap = !this.#seenWrap;
    }
    this.written = written;
    return id;
  }

  suppressInterrupts(): void {
    Atomics.store(this.ring.driverEvent, 1, Event.disable);
  }

  protected askForInterrupt(): void {
    const { driverEvent } = this.ring;
    if (this.features.eventIndex) {
      Atomics.store(driverEvent, 0, this.#seen | (this.#seenWrap ? 0x8000 : 0));
      Atomics.store(driverEvent, 1, Event.at);
    } else Atomics.store(driverEvent, 1, Event.enable);
  }
}
