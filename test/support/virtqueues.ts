// Queues in memory of the test's own: both layouts, both sides, over one buffer that the driver's addresses begin in. For tests alone.

import { Access, Domain, type DomainMemory } from '../../src/memory/domain.js';
import { PackedDeviceQueue, type PackedRing } from '../../src/virtio/packed-device.js';
import { PackedDriverQueue } from '../../src/virtio/packed-driver.js';
import type { DeviceQueue, DriverQueue, QueueFeatures } from '../../src/virtio/queue.js';
import { SplitDeviceQueue, type SplitRing } from '../../src/virtio/split-device.js';
import { SplitDriverQueue } from '../../src/virtio/split-driver.js';

/** Layouts of a queue. */
export const layouts = ['split', 'packed'] as const;
/** One of {@link layouts}. */
export type Layout = (typeof layouts)[number];

/** Where the driver's memory begins, for the device: its addresses are not ours. */
export const guestBase = 0x1_2345_6000;

/** Memory of a driver, which counts what is touched outside of what was granted: nothing. */
export class GuestBuffer implements DomainMemory {
  readonly address: number = 0x7000_0000_0000;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly data: DataView;
  windows = 0;

  constructor(length: number) {
    this.bytes = new Uint8Array(length);
    this.data = new DataView(this.bytes.buffer);
  }

  window(offset: number, length: number): { data: DataView; bytes: Uint8Array<ArrayBuffer>; at: number } {
    this.windows++;
    if (offset < 0 || offset + length > this.bytes.length) throw new Error(`${length} bytes at ${offset} are outside`);
    return { data: this.data, bytes: this.bytes, at: offset };
  }
}

/** A queue, from both sides. */
export interface TestQueue {
  readonly device: DeviceQueue;
  readonly driver: DriverQueue;
  readonly guest: GuestBuffer;
  readonly domain: Domain;
  readonly ring: SplitRing | PackedRing;
}

const ringBytes = (size: number): number => 16 * size + 8 * size + 64;

/** Makes a queue of some size, with `dataBytes` of the driver's memory behind its rings. */
export function makeQueue(layout: Layout, size: number, features: QueueFeatures, dataBytes = 65_536): TestQueue {
  const start = Math.ceil(ringBytes(size) / 4096) * 4096;
  const guest = new GuestBuffer(start + dataBytes);
  const domain = new Domain();
  domain.grant(guestBase, guest.bytes.length, guest, 0, Access.both);
  const { buffer } = guest.bytes;
  if (layout === 'packed') {
    const ring: PackedRing = {
      size,
      words: new Uint32Array(buffer, 0, size * 4),
      halves: new Uint16Array(buffer, 0, size * 8),
      driverEvent: new Uint16Array(buffer, size * 16, 2),
      deviceEvent: new Uint16Array(buffer, size * 16 + 4, 2),
    };
    return {
      ...{ guest, domain, ring },
      device: new PackedDeviceQueue(ring, domain, features),
      driver: new PackedDriverQueue(ring, features),
    };
  }
  const available = size * 16;
  const used = Math.ceil((available + 6 + 2 * size) / 4) * 4;
  const ring: SplitRing = {
    size,
    descriptors: new Uint32Array(buffer, 0, size * 4),
    available: new Uint16Array(buffer, available, size + 3),
    used: new Uint16Array(buffer, used, size * 4 + 3),
    usedWords: new Uint32Array(buffer, used, size * 2 + 1),
  };
  return {
    ...{ guest, domain, ring },
    device: new SplitDeviceQueue(ring, domain, features),
    driver: new SplitDriverQueue(ring, features),
  };
}

/** Where the data of a queue of this size begins, as the driver's address. */
export function dataAddress(size: number): number {
  return guestBase + Math.ceil(ringBytes(size) / 4096) * 4096;
}
