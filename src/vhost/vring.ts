// Vring: one queue of a session as its front end sets it up, piece by piece in any order, and the queue that is made of it when all is
// there. Not here: the messages (session.ts), what the device does with the queue.

import { viewMemory } from '../kernel/ffi.js';
import { closeDescriptor } from '../kernel/socket.js';
import { type DeviceQueue, mostDescriptors, type QueueFeatures } from '../virtio/queue.js';
import { SplitDeviceQueue } from '../virtio/split-device.js';
import type { MemoryTable } from './memory-table.js';

/** Where the parts of a ring are, in the front end's process. */
interface VringAddresses {
  readonly descriptors: number;
  readonly used: number;
  readonly available: number;
}

/** See the file's head. */
export class Vring {
  readonly index: number;
  size = 0;
  base = 0;
  addresses: VringAddresses | undefined;
  /** Descriptors: -1 where there is none. */
  kick = -1;
  call = -1;
  error = -1;
  /** A kick's descriptor was set, or that there is none: then the ring is looked at by itself. */
  hasKick = false;
  isEnabled = false;
  /** The queue, while it runs. */
  queue: DeviceQueue | undefined;

  constructor(index: number) {
    this.index = index;
  }

  /** Whether everything is there that a queue is made of. */
  get isComplete(): boolean {
    return this.size > 0 && this.addresses !== undefined && this.hasKick;
  }

  /** Whether a queue may have so many entries. */
  static isSize(size: number): boolean {
    return size >= 1 && size <= mostDescriptors && (size & (size - 1)) === 0;
  }

  /** Makes the queue. @returns why it cannot be, in words; undefined when it runs */
  start(memory: MemoryTable, features: QueueFeatures): string | undefined {
    const { size, addresses, base } = this;
    const { descriptors, used, available } = addresses!;
    const event = features.eventIndex ? 2 : 0;
    const [availableBytes, usedBytes] = [4 + 2 * size + event, 4 + 8 * size + event];
    const at = [
      memory.ofUser(descriptors, 16 * size, 16),
      memory.ofUser(available, availableBytes, 2),
      memory.ofUser(used, usedBytes, 4),
    ];
    if (at.includes(0)) return `queue ${this.index} lies outside of the guest's memory, or is not aligned`;
    const usedRing = viewMemory(at[2]!, usedBytes);
    const parts = {
      size,
      descriptors: new Uint32Array(viewMemory(at[0]!, 16 * size)),
      available: new Uint16Array(viewMemory(at[1]!, availableBytes)),
      used: new Uint16Array(usedRing),
      usedWords: new Uint32Array(usedRing, 0, 1 + 2 * size),
    };
    this.queue = new SplitDeviceQueue(parts, memory.domain, features, base);
    return undefined;
  }

  /** Sets one of its descriptors, and closes the one before. */
  setDescriptor(kind: 'kick' | 'call' | 'error', fd: number): void {
    if (this[kind] >= 0) closeDescriptor(this[kind]);
    this[kind] = fd;
  }

  /** The queue has ended: what was set up for it is to be set up anew. */
  reset(): void {
    this.queue = undefined;
    this.setDescriptor('kick', -1);
    this.setDescriptor('call', -1);
    this.hasKick = false;
  }

  /** Lets go of everything. */
  close(): void {
    this.reset();
    this.setDescriptor('error', -1);
    this.size = 0;
    this.base = 0;
    this.addresses = undefined;
    this.isEnabled = false;
  }
}
