// DriverSide: what a driver's queue is in either layout: its requests that are out, and what becomes of a device that gives back what it
// does not have. Not here: the layouts (split-driver.ts, packed-driver.ts).

import { Outstanding } from './outstanding.js';
import type { DriverPiece, DriverQueue, QueueFeatures } from './queue.js';

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

  private isAnyBack(): boolean {
    return this.fault === undefined && this.isDone();
  }

  abstract add(readable: readonly DriverPiece[], writable: readonly DriverPiece[]): number;
  abstract publish(): boolean;
  abstract suppressInterrupts(): void;
  /** Asks for an interrupt with the next that comes back. */
  protected abstract askForInterrupt(): void;
  /** Whether the device is done with what comes back next. */
  protected abstract isDone(): boolean;
  /** Takes back what the device is done with: its id, with `written` set; -1: no such one is out. */
  protected abstract takeNext(): number;
}
