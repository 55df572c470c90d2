// DriverSide: what a driver's queue is in either layout: its requests that are out, and what becomes of a device that gives back what it
// does not have. Not here: the layouts (split-driver.ts, packed-driver.ts).

import { setLittle64 } from '../kernel/words.js';
import { bytesOf, longestChain, Outstanding } from './outstanding.js';
import {
  Descriptor,
  type DriverPiece,
  type DriverQueue,
  type DriverTable,
  descriptorBytes,
  type QueueFeatures,
} from './queue.js';

/** See the file's head. @typeParam Ring the memory of a layout. */
export abstract class DriverSide<Ring extends { readonly size: number }> implements DriverQueue {
  readonly size: number;
  fault: string | undefined;
  written = 0;
  protected readonly ring: Ring;
  protected readonly features: QueueFeatures;
  protected readonly outstanding: Outstanding;

  constructor(ring: Ring, features: QueueFeatures) {
    this.size = ring.size;
    this.ring = ring;
    this.features = features;
    this.outstanding = new Outstanding(ring.size);
  }

  get free(): number {
    return this.outstanding.free;
  }

  add(readable: readonly DriverPiece[], writable: readonly DriverPiece[]): number {
    const id = this.outstanding.take(readable, writable);
    if (id >= 0) this.place(id);
    return id;
  }

  addIndirect(readable: readonly DriverPiece[], writable: readonly DriverPiece[], table: DriverTable): number {
    const count = readable.length + writable.length;
    const bytes = bytesOf(writable);
    if (!this.features.indirect || count > this.size || bytesOf(readable) + bytes >= longestChain) return -1;
    const id = this.outstanding.takeIndirect(table.address, count * descriptorBytes, bytes);
    if (id < 0) return -1;
    for (let index = 0; index < count; index++) {
      const isWritable = index >= readable.length;
      const { address, length } = isWritable ? writable[index - readable.length]! : readable[index]!;
      const place = table.at + index * descriptorBytes;
      setLittle64(table.data, place, address);
      table.data.setUint32(place + 8, length, true);
      this.placeInTable(table.data, place + 12, isWritable ? Descriptor.write : 0, index, index + 1 === count);
    }
    this.place(id);
    return id;
  }

  takeBack(): number {
    if (!this.isAnyBack()) return -1;
    const id = this.takeNext();
    if (id < 0) this.fault = 'the device gave back what it did not have';
    return id;
  }

  awaitInterrupt(): boolean {
    this.askForInterrupt();
    return this.isAnyBack();
  }

  restart(): void {
    this.fault = undefined;
    this.clearRing();
    for (const id of this.outstanding.inOrder()) this.place(id);
  }

  private isAnyBack(): boolean {
    return this.fault === undefined && this.isDone();
  }

  abstract readonly position: number;
  abstract publish(): boolean;
  abstract suppressInterrupts(): void;
  /** Writes what is remembered of a request into the ring. */
  protected abstract place(id: number): void;
  /** Writes the last 4 bytes of a table's entry: flags, and which one is next. */
  protected abstract placeInTable(data: DataView, at: number, flags: number, index: number, isLast: boolean): void;
  /** Makes the ring what it was at first. */
  protected abstract clearRing(): void;
  /** Asks for an interrupt with the next that comes back. */
  protected abstract askForInterrupt(): void;
  /** Whether the device is done with what comes back next. */
  protected abstract isDone(): boolean;
  /** Takes back what the device is done with: its id, with `written` set; -1: no such one is out. */
  protected abstract takeNext(): number;
}
