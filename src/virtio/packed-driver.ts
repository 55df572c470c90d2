// PackedDriverQueue: the packed layout (VIRTIO 1.x section 2.8) as a driver sees it. Not here: the device's side (packed-device.ts).

import { DriverSide } from './driver-side.js';
import { Event, isWanted, type PackedRing } from './packed-device.js';
import { Descriptor, type DriverQueue } from './queue.js';

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

  get position(): number {
    const half = this.#seen | (this.#seenWrap ? 0x8000 : 0);
    return ((half << 16) | half) >>> 0;
  }

  protected place(id: number): void {
    const { high, low, lengths, flags, after } = this.outstanding;
    const { words, halves } = this.ring;
    const head = this.#next;
    let headFlags = 0;
    let from = id;
    for (let left = this.outstanding.countOf(id); left > 0; left--) {
      const at = this.#next;
      words[at * 4] = low[from]!;
      words[at * 4 + 1] = high[from]!;
      words[at * 4 + 2] = lengths[from]!;
      halves[at * 8 + 6] = id;
      const both = flags[from]! | (this.#wrap ? Descriptor.available : Descriptor.used);
      if (at === head) headFlags = both;
      else halves[at * 8 + 7] = both;
      from = after[from]!;
      if (++this.#next === this.size) {
        this.#next = 0;
        this.#wrap = !this.#wrap;
      }
    }
    if (this.#staged < 0) {
      this.#staged = head;
      this.#stagedFlags = headFlags;
    } else Atomics.store(halves, head * 8 + 7, headFlags);
  }

  protected placeInTable(data: DataView, at: number, flags: number): void {
    // All entries belong to it, in order: none names another, and the id is the ring's.
    data.setUint16(at, 0, true);
    data.setUint16(at + 2, flags, true);
  }

  protected clearRing(): void {
    this.#next = this.#seen = this.#shown = 0;
    this.#wrap = this.#seenWrap = true;
    this.#staged = -1;
    this.ring.words.fill(0);
    for (const event of [this.ring.driverEvent, this.ring.deviceEvent]) event.fill(0);
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
