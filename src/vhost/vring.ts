// Vring: one queue of a session as its front end sets it up, piece by piece in any order, and the queue that is made of it when all is
// there. Not here: the messages (rings.ts), what the device does with the queue.

import { viewMemory } from '../kernel/ffi.js';
import { closeDescriptor } from '../kernel/socket.js';
import type { Resumed } from '../virtio/inflight.js';
import { resumePacked } from '../virtio/inflight-packed.js';
import { resumeSplit } from '../virtio/inflight-split.js';
import { isAvailable, PackedDeviceQueue, type PackedRing } from '../virtio/packed-device.js';
import { type DeviceQueue, mostDescriptors, type QueueFeatures } from '../virtio/queue.js';
import { SplitDeviceQueue, type SplitRing } from '../virtio/split-device.js';
import type { QueueState } from './device-state.js';
import { type DirtyLog, LoggedQueue, type Marks } from './dirty-log.js';
import type { InflightArea } from './inflight-area.js';
import { type AskForRange, IotlbQueue } from './iotlb-queue.js';
import type { MemoryTable } from './memory-table.js';

/** Where the parts of a ring are, in the front end's process; of a packed one the descriptors, and what each side wants to hear of. */
interface VringAddresses {
  readonly descriptors: number;
  readonly used: number;
  readonly available: number;
}

/** A part of a ring: its address, as messages have it, and its bytes. */
type RingPart = readonly [address: number, bytes: number];

/** Where writes to a ring are logged: the guest's address of what the device writes of it. */
interface VringLog {
  readonly isOn: boolean;
  readonly address: number;
}

/** What a queue's start waits for: where a byte of its ring is, behind the guest's IOMMU. */
export interface VringMissing {
  readonly missing: number;
}

/** What was agreed on. */
export interface VringFeatures extends QueueFeatures {
  /** VIRTIO_F_RING_PACKED. */
  readonly packed: boolean;
}

/** How a queue started. */
export interface VringStart {
  /** Requests that were under way when another process ended, and are done again. */
  readonly resumed: number;
  /** What its operator should know, as a sentence about the queue. */
  readonly note: string | undefined;
}

/** See the file's head. */
export class Vring {
  readonly index: number;
  size = 0;
  base = 0;
  addresses: VringAddresses | undefined;
  log: VringLog = { isOn: false, address: 0 };
  /** Descriptors: -1 where there is none. */
  kick = -1;
  call = -1;
  error = -1;
  /** A kick's descriptor was set, or that there is none: then the ring is looked at by itself. */
  hasKick = false;
  isEnabled = false;
  /** Why it does not start, as it was said last. */
  complaint: string | undefined;
  /** The queue, while it runs. */
  queue: DeviceQueue | undefined;
  /** It, as it stands behind the guest's IOMMU, where there is one. */
  iotlb: IotlbQueue | undefined;
  /** The address of its ring that was asked for last; -1: none. */
  asked = -1;
  #settle: Resumed['settle'] | undefined;
  /** Where the queue stands, while it runs. */
  #look: (() => Pick<QueueState, 'next' | 'used' | 'taken' | 'waiting'>) | undefined;

  constructor(index: number) {
    this.index = index;
  }

  /** Whether everything is there that a queue is made of. */
  get isComplete(): boolean {
    return this.size > 0 && this.addresses !== undefined && this.hasKick;
  }

  /** Whether a queue may have so many entries. */
  static isSize(size: number, isPacked: boolean): boolean {
    return size >= 1 && size <= mostDescriptors && (isPacked || (size & (size - 1)) === 0);
  }

  /**
   * Makes the queue. It goes on from what is noted of it in the area, if there is one; else where its ring stands, or, packed, where its front end
   * says. @param log where what is written is marked, if it is to be. @param ask asks for what is missing behind a guest's IOMMU. @returns why it cannot be, in words; or what it waits for
   */
  start(
    memory: MemoryTable,
    features: VringFeatures,
    area: InflightArea | undefined,
    log: (() => DirtyLog | undefined) | undefined,
    ask: AskForRange,
  ): VringStart | VringMissing | string {
    const name = `queue ${this.index}`;
    const missing = this.#parts(features)
      .map(([address, bytes]) => memory.missingOfRing(address, bytes))
      .find((each) => each >= 0);
    if (missing !== undefined) return { missing };
    if (!Vring.isSize(this.size, features.packed)) return `${name} cannot have ${this.size} entries`;
    const part = area?.partOf(this.index, this.size, features.packed);
    try {
      const started = features.packed
        ? this.#startPacked(memory, features, part)
        : this.#startSplit(memory, features, part);
      if (started === undefined) return `${name} lies outside of the guest's memory, or is not aligned`;
      let { queue } = started;
      if (memory.hasIotlb) queue = this.iotlb = new IotlbQueue(queue, memory.domain, ask);
      this.queue = log === undefined ? queue : new LoggedQueue(queue, this.#marks(memory, features, log));
      this.#settle = started.settle;
      const { doubt, resumed } = started;
      const what = `${name}: what is noted of requests in flight is not believed (${doubt}): it goes on where its ring stands`;
      return { resumed, note: doubt === undefined ? undefined : what };
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      return `${name} begins outside of itself (${this.base} of ${this.size} entries)`;
    }
  }

  /** The parts of its ring: addresses as messages have them, and bytes. */
  #parts({ packed, eventIndex }: VringFeatures): readonly [RingPart, RingPart, RingPart] {
    const { size, addresses } = this;
    const { descriptors, used, available } = addresses!;
    const event = eventIndex ? 2 : 0;
    return [
      [descriptors, 16 * size],
      [available, packed ? 4 : 4 + 2 * size + event],
      [used, packed ? 4 : 4 + 8 * size + event],
    ];
  }

  /** Whether a part of its ring is in a range of the IOMMU's addresses. */
  overlaps(features: VringFeatures, start: number, length: number): boolean {
    return this.#parts(features).some(([address, bytes]) => address < start + length && start < address + bytes);
  }

  #startSplit(memory: MemoryTable, features: VringFeatures, part: ArrayBuffer | undefined): Resumed | undefined {
    const { size } = this;
    const parts = this.#parts(features);
    const at = parts.map(([address, bytes], index) => memory.ofRing(address, bytes, [16, 2, 4][index]!));
    if (at.includes(0)) return undefined;
    const [availableBytes, usedBytes] = [parts[1]![1], parts[2]![1]];
    const usedRing = viewMemory(at[2]!, usedBytes);
    const ring: SplitRing = {
      size,
      descriptors: new Uint32Array(viewMemory(at[0]!, 16 * size)),
      available: new Uint16Array(viewMemory(at[1]!, availableBytes)),
      used: new Uint16Array(usedRing),
      usedWords: new Uint32Array(usedRing, 0, 1 + 2 * size),
    };
    this.#look = () => splitLook(ring, this.queue!.position);
    if (part !== undefined) return resumeSplit(ring, memory.domain, features, part);
    // Nothing is under way: what was given back last is where it goes on, whatever its front end has heard of that.
    const place = Atomics.load(ring.used, 1);
    return plain(new SplitDeviceQueue(ring, memory.domain, features, place, place));
  }

  #startPacked(memory: MemoryTable, features: VringFeatures, part: ArrayBuffer | undefined): Resumed | undefined {
    const { size } = this;
    const parts = this.#parts(features);
    const at = parts.map(([address, bytes], index) => memory.ofRing(address, bytes, [16, 4, 4][index]!));
    if (at.includes(0)) return undefined;
    const descriptors = viewMemory(at[0]!, 16 * size);
    const ring: PackedRing = {
      size,
      words: new Uint32Array(descriptors),
      halves: new Uint16Array(descriptors),
      driverEvent: new Uint16Array(viewMemory(at[1]!, 4)),
      deviceEvent: new Uint16Array(viewMemory(at[2]!, 4)),
    };
    this.#look = () => packedLook(ring, this.queue!.position);
    if (part !== undefined) return resumePacked(ring, memory.domain, features, part, this.base);
    return plain(new PackedDeviceQueue(ring, memory.domain, features, this.base));
  }

  /** How what the device writes is marked. */
  #marks(memory: MemoryTable, features: VringFeatures, log: () => DirtyLog | undefined): Marks {
    const { packed } = features;
    const [[descriptors, descriptorBytes], , [used, usedBytes]] = this.#parts(features);
    const mark = (start: number, length: number): void => log()?.mark(start, length);
    // Now: an IOMMU's addresses of a ring that runs may be forgotten, and its memory stays what it is.
    const rangesOf = (address: number, length: number): number[] => {
      const ranges: number[] = [];
      memory.guestRangesOfRing(address, length, (start, bytes) => void ranges.push(start, bytes));
      return ranges;
    };
    // The device writes its marks where a packed queue's descriptors are.
    const ranges = packed ? rangesOf(descriptors, descriptorBytes) : [];
    if (memory.hasIotlb) ranges.push(...rangesOf(used, usedBytes));
    return {
      ranges: (high, low, length, visit) => memory.guestRanges(high, low, length, visit),
      written: mark,
      ringWritten: () => {
        if (!this.log.isOn) return;
        if (!memory.hasIotlb) mark(this.log.address, usedBytes);
        for (let at = 0; at < ranges.length; at += 2) mark(ranges[at]!, ranges[at + 1]!);
      },
    };
  }

  /** How the queue stands; undefined while it does not run. */
  get state(): Omit<QueueState, 'name'> | undefined {
    const { size, isEnabled } = this;
    return this.queue === undefined ? undefined : { size, isEnabled, ...this.#look!() };
  }

  /** Ends the queue, of which nothing is under way any more; where it stands is kept. */
  pause(): void {
    this.base = this.queue?.position ?? this.base;
    this.queue = undefined;
    this.iotlb = undefined;
    this.asked = -1;
  }

  /** The area that its requests in flight were noted in goes: nothing more is said there. */
  forgetArea(): void {
    this.#settle = undefined;
  }

  /** Sets one of its descriptors, and closes the one before. */
  setDescriptor(kind: 'kick' | 'call' | 'error', fd: number): void {
    if (this[kind] >= 0) closeDescriptor(this[kind]);
    this[kind] = fd;
  }

  /**
   * The queue has ended, and its front end is told where it stands: what was set up for it is to be set up anew.
   * @param isReset whatever was under way is over
   */
  stop(isReset = false): void {
    this.pause();
    this.#settle?.(isReset);
    this.#settle = undefined;
    this.setDescriptor('kick', -1);
    this.setDescriptor('call', -1);
    this.hasKick = false;
  }

  /** Lets go of everything. @param isReset its front end knows that whatever was under way is over */
  close(isReset: boolean): void {
    if (!isReset) this.forgetArea();
    this.stop(isReset);
    this.setDescriptor('error', -1);
    this.size = 0;
    this.base = 0;
    this.addresses = undefined;
    this.complaint = undefined;
    this.log = { isOn: false, address: 0 };
    this.isEnabled = false;
  }
}

function plain(queue: DeviceQueue): Resumed {
  return { queue, resumed: 0, doubt: undefined, settle: () => {} };
}

/** Where a split ring stands, whose device is at `position`; what its driver writes there is held to its size. */
function splitLook({ size, available, used }: SplitRing, position: number) {
  const [offered, given] = [Atomics.load(available, 1), Atomics.load(used, 1)];
  const taken = Math.min((position - given) & 0xffff, size);
  const waiting = Math.min((offered - position) & 0xffff, size - taken);
  return { next: position & (size - 1), used: given & (size - 1), taken, waiting };
}

/** As {@link splitLook}. How much waits is said nowhere: descriptors are looked at, up to those that were taken. */
function packedLook({ size, halves }: PackedRing, position: number) {
  const [next, used] = [position & 0x7fff, (position >>> 16) & 0x7fff];
  const wrap = (position & 0x8000) !== 0;
  const isFull = next === used && wrap !== (position >>> 31 === 1);
  const taken = isFull ? size : (next - used + size) % size;
  let waiting = 0;
  for (; waiting < size - taken; waiting++) {
    const at = (next + waiting) % size;
    if (!isAvailable(Atomics.load(halves, at * 8 + 7), at < next ? !wrap : wrap)) break;
  }
  return { next, used, taken, waiting };
}
