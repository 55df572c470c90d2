// MmioTransport: a device of virtio as a page of registers (VIRTIO 1.2 section 4.2, version 2), for whoever catches a guest's accesses to it. What the driver
// writes is taken within bounds, queues are checked as a whole when they are made ready, and every address goes through the domain. Not here: what a
// device does (vmm/vsock-device.ts), who catches the accesses (vmm/guest.ts).

import { word64 } from '../kernel/words.js';
import { Access } from '../memory/domain.js';
import { PackedDeviceQueue } from './packed-device.js';
import { type DeviceQueue, descriptorBytes, mostDescriptors, type QueueDomain } from './queue.js';
import { SplitDeviceQueue } from './split-device.js';

/** Registers. */
const Register = {
  magic: 0x00,
  version: 0x04,
  kind: 0x08,
  vendor: 0x0c,
  offered: 0x10,
  offeredWord: 0x14,
  taken: 0x20,
  takenWord: 0x24,
  queue: 0x30,
  queueMost: 0x34,
  queueSize: 0x38,
  queueReady: 0x44,
  notify: 0x50,
  interruptStatus: 0x60,
  interruptDone: 0x64,
  status: 0x70,
  descriptors: 0x80,
  driver: 0x90,
  device: 0xa0,
  generation: 0xfc,
  configuration: 0x100,
} as const;

/** Where a driver writes the number of a queue that is to be looked at. */
export const notifyOffset: number = Register.notify;

/** Bits of the status. */
const Status = { driverOk: 4, featuresOk: 8, needsReset: 0x40, failed: 0x80 } as const;

/** Features of every device. */
export const Feature = { indirect: 1n << 28n, eventIndex: 1n << 29n, version1: 1n << 32n, packed: 1n << 34n } as const;

/** Where a driver has a queue: its entries, and the three parts of its ring by the driver's addresses. */
export interface QueuePlace {
  readonly size: number;
  readonly descriptors: number;
  /** What the driver writes: the available ring, or (packed) its events; and what the device writes. */
  readonly driver: number;
  readonly device: number;
}

/** A device behind a transport. */
export interface VirtioDevice {
  /** The kind of device: 1 network, 19 sockets. */
  readonly kind: number;
  /** What it offers beside what every device does. */
  readonly features: bigint;
  readonly configuration: Uint8Array;
  /** The largest size of each queue. */
  readonly queueSizes: readonly number[];
  /** The driver is ready. A queue that it did not set up is undefined. @param places of the same queues, for a device that others work for */
  start(
    queues: readonly (DeviceQueue | undefined)[],
    features: bigint,
    places: readonly (QueuePlace | undefined)[],
  ): void;
  /** The driver began anew, or the machine ends: nothing of its memory may be used any more. */
  stop(): void;
  /** The driver wants a queue looked at. */
  notified(index: number): void;
}

interface Setting {
  size: number;
  ready: boolean;
  /** Low and high words of the three places. */
  readonly places: Uint32Array;
}

/** In whole numbers: a queue that was opened lies beneath 2^53. */
function placeOf({ size, places }: Setting): QueuePlace {
  const at = (index: number): number => word64(places, index * 2);
  return { size, descriptors: at(0), driver: at(1), device: at(2) };
}

/** See the file's head. */
export class MmioTransport {
  /** Accesses and queues that were refused. */
  faults = 0;
  readonly #device: VirtioDevice;
  readonly #domain: QueueDomain;
  readonly #offered: bigint;
  readonly #settings: Setting[];
  #taken = 0n;
  #offeredWord = 0;
  #takenWord = 0;
  #queue = 0;
  #status = 0;
  #interrupt = 0;
  #isStarted = false;

  /** @param layouts which layouts of queues it offers: both by default */
  constructor(device: VirtioDevice, domain: QueueDomain, layouts: bigint = Feature.packed | Feature.eventIndex) {
    this.#device = device;
    this.#domain = domain;
    this.#offered = device.features | Feature.version1 | layouts;
    this.#settings = device.queueSizes.map(() => ({ size: 0, ready: false, places: new Uint32Array(6) }));
  }

  /** Whether the driver has said that it is ready. */
  get isStarted(): boolean {
    return this.#isStarted;
  }

  /** The driver is to be interrupted: its handler will ask why. */
  interrupt(): void {
    this.#interrupt |= 1;
  }

  /** What the driver reads: `bytes` (1, 2 or 4) at an offset in the page. */
  read(offset: number, bytes: number): number {
    if (offset >= Register.configuration) {
      let value = 0;
      const { configuration } = this.#device;
      for (let index = 0; index < bytes; index++)
        value += (configuration[offset - Register.configuration + index] ?? 0) * 2 ** (8 * index);
      return value;
    }
    if (bytes !== 4 || offset % 4 !== 0) return this.#refuse();
    return this.#readRegister(offset) >>> 0;
  }

  #refuse(): number {
    this.faults++;
    return 0;
  }

  #readRegister(offset: number): number {
    switch (offset) {
      case Register.magic:
        return 0x7472_6976;
      case Register.version:
        return 2;
      case Register.kind:
        return this.#device.kind;
      case Register.vendor:
        return 0x4357_5643;
      case Register.offered:
        return this.#offeredWord > 1 ? 0 : Number((this.#offered >> BigInt(32 * this.#offeredWord)) & 0xffff_ffffn);
      case Register.queueMost:
        return this.#device.queueSizes[this.#queue] ?? 0;
      case Register.queueReady:
        return this.#settings[this.#queue]?.ready === true ? 1 : 0;
      case Register.interruptStatus:
        return this.#interrupt;
      case Register.status:
        return this.#status;
      case Register.generation:
        return 0;
      default:
        return this.#refuse();
    }
  }

  /** What the driver writes. */
  write(offset: number, bytes: number, value: number): void {
    if (bytes !== 4 || offset % 4 !== 0 || offset >= Register.configuration) {
      this.faults++;
      return;
    }
    const setting = this.#settings[this.#queue];
    if (offset >= Register.descriptors && offset < Register.device + 8) {
      const index = (offset - Register.descriptors) / 0x10;
      const place = Math.floor(index) * 2 + (offset % 8 === 4 ? 1 : 0);
      if (setting === undefined || setting.ready || offset % 0x10 >= 8) this.faults++;
      else setting.places[place] = value;
      return;
    }
    this.#writeRegister(offset, value, setting);
  }

  #writeRegister(offset: number, value: number, setting: Setting | undefined): void {
    switch (offset) {
      case Register.offeredWord:
        this.#offeredWord = value;
        break;
      case Register.takenWord:
        this.#takenWord = value;
        break;
      case Register.taken:
        this.#take(value);
        break;
      case Register.queue:
        this.#queue = value;
        break;
      case Register.queueSize:
        if (setting === undefined || setting.ready || value === 0 || value > this.#device.queueSizes[this.#queue]!)
          this.faults++;
        else setting.size = value;
        break;
      case Register.queueReady:
        if (setting === undefined || this.#isStarted) this.faults++;
        else setting.ready = value === 1 && setting.size > 0;
        break;
      case Register.notify:
        if (this.#isStarted && value < this.#settings.length) this.#device.notified(value);
        else this.faults++;
        break;
      case Register.interruptDone:
        this.#interrupt &= ~value;
        break;
      case Register.status:
        this.#setStatus(value);
        break;
      default:
        this.faults++;
    }
  }

  #take(word: number): void {
    if (this.#takenWord > 1 || (this.#status & Status.featuresOk) !== 0) {
      this.faults++;
      return;
    }
    const shift = BigInt(32 * this.#takenWord);
    this.#taken = (this.#taken & ~(0xffff_ffffn << shift)) | (BigInt(word) << shift);
  }

  #setStatus(value: number): void {
    if (value === 0) {
      this.reset();
      return;
    }
    const isAgreed = (this.#taken & ~this.#offered) === 0n && (this.#taken & Feature.version1) !== 0n;
    const wanted = (value & Status.featuresOk) !== 0 && !isAgreed ? value & ~Status.featuresOk : value;
    this.#status = (this.#status & Status.needsReset) | (wanted & 0xbf);
    const isReady = (this.#status & Status.driverOk) !== 0 && (this.#status & Status.featuresOk) !== 0;
    if (isReady && !this.#isStarted) this.#start();
  }

  /** The driver begins anew. */
  reset(): void {
    if (this.#isStarted) this.#device.stop();
    this.#isStarted = false;
    this.#status = this.#interrupt = 0;
    this.#taken = 0n;
    for (const setting of this.#settings) {
      setting.size = 0;
      setting.ready = false;
      setting.places.fill(0);
    }
  }

  #start(): void {
    const queues: (DeviceQueue | undefined)[] = [];
    for (const setting of this.#settings) {
      const queue = setting.ready ? this.#openQueue(setting) : undefined;
      if (setting.ready && queue === undefined) {
        this.faults++;
        this.#status |= Status.needsReset;
        return;
      }
      queues.push(queue);
    }
    this.#isStarted = true;
    const places = this.#settings.map((setting) => (setting.ready ? placeOf(setting) : undefined));
    this.#device.start(queues, this.#taken, places);
  }

  /** A queue over the driver's memory; undefined: it lies outside, or not as it must. */
  #openQueue({ size, places }: Setting): DeviceQueue | undefined {
    const isPacked = (this.#taken & Feature.packed) !== 0n;
    if (size > mostDescriptors || (!isPacked && (size & (size - 1)) !== 0)) return undefined;
    const lengths = isPacked ? [size * descriptorBytes, 4, 4] : [size * descriptorBytes, 6 + size * 2, 6 + size * 8];
    const access = isPacked ? [Access.both, Access.read, Access.write] : [Access.read, Access.read, Access.both];
    const windows = [0, 1, 2].map((index) =>
      this.#domain.window(places[index * 2 + 1]!, places[index * 2]!, lengths[index]!, access[index]!),
    );
    const [descriptors, driver, device] = windows;
    if (descriptors === undefined || driver === undefined || device === undefined) return undefined;
    const startOf = (window: typeof descriptors): number => window.data.byteOffset + window.at;
    const alignments = isPacked ? [16, 4, 4] : [16, 2, 4];
    if (windows.some((window, index) => startOf(window!) % alignments[index]! !== 0)) return undefined;
    const features = {
      indirect: (this.#taken & Feature.indirect) !== 0n,
      eventIndex: (this.#taken & Feature.eventIndex) !== 0n,
    };
    const halves = (window: typeof descriptors, count: number): Uint16Array =>
      new Uint16Array(window.data.buffer, startOf(window), count);
    const words = (window: typeof descriptors, count: number): Uint32Array =>
      new Uint32Array(window.data.buffer, startOf(window), count);
    if (isPacked) {
      const ring = {
        size,
        words: words(descriptors, size * 4),
        halves: halves(descriptors, size * 8),
        driverEvent: halves(driver, 2),
        deviceEvent: halves(device, 2),
      };
      return new PackedDeviceQueue(ring, this.#domain, features);
    }
    const ring = {
      size,
      descriptors: words(descriptors, size * 4),
      available: halves(driver, 3 + size),
      used: halves(device, 3 + size * 4),
      usedWords: words(device, 1 + size * 2),
    };
    return new SplitDeviceQueue(ring, this.#domain, features);
  }
}
