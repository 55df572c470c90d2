// BlockDevice: virtio-blk (VIRTIO 1.x section 5.2) over a raw file. Requests are read where the guest wrote them, and their data moves between the
// guest's pages and the file by the kernel: no byte of it is copied here. Not here: the file (block-file.ts), queues, the session.

import { signalOther } from '../../kernel/event.js';
import { Access, Pieces } from '../../memory/domain.js';
import type { Loop } from '../../transport/loop.js';
import { Chain } from '../../virtio/chain.js';
import type { DeviceQueue } from '../../virtio/queue.js';
import type { MemoryTable } from '../memory-table.js';
import { bitsOf } from '../protocol.js';
import type { VhostDevice } from '../session.js';
import type { Vring } from '../vring.js';
import { type BlockFile, mostPieces, sectorBytes } from './block-file.js';

/** Types of requests, and what is said of each (section 5.2.6). */
const Type = { in: 0, out: 1, flush: 4, getId: 8, discard: 11, writeZeroes: 13 } as const;
const Status = { ok: 0, ioError: 1, unsupported: 2 } as const;
/** Names of types, for metrics. */
const typeNames: Readonly<Record<number, string>> = {
  [Type.in]: 'read',
  [Type.out]: 'write',
  [Type.flush]: 'flush',
  [Type.getId]: 'id',
  [Type.discard]: 'discard',
  [Type.writeZeroes]: 'write_zeroes',
};

/** Numbers of features. */
const Bit = {
  segMax: 2n,
  readOnly: 5n,
  blockSize: 6n,
  flush: 9n,
  configWce: 11n,
  multiQueue: 12n,
  discard: 13n,
  writeZeroes: 14n,
} as const;

const requestHeaderBytes = 16;
const segmentBytes = 16;
/** Bytes of the configuration space (section 5.2.4), up to zoned devices. */
const configBytes = 96;
const writebackAt = 32;
/** Sectors of one discard, or of zeros that are written. */
const mostDiscardSectors = (1024 * 1024 * 1024) / sectorBytes;
const idBytes = 20;
/** Requests of a queue in one turn. */
const requestsATurn = 64;

/** What is counted of a disk. */
export interface BlockCounts {
  /** Requests by what they asked for. */
  readonly requests: Record<string, number>;
  errors: number;
  readBytes: number;
  writtenBytes: number;
  /** Requests that could not be answered as asked: by reason. */
  readonly faults: Record<string, number>;
  kicks: number;
  interrupts: number;
  interruptsSaved: number;
}

/** How a disk is offered. */
export interface BlockOptions {
  /** Queues at most. */
  readonly queues: number;
  /** What the guest reads as its serial number: up to 20 letters. */
  readonly id: string;
}

/** See the file's head. */
export class BlockDevice implements VhostDevice {
  readonly features: bigint;
  readonly queues: number;
  readonly queueNumber: number;
  readonly counts: BlockCounts = {
    requests: {},
    errors: 0,
    readBytes: 0,
    writtenBytes: 0,
    faults: {},
    kicks: 0,
    interrupts: 0,
    interruptsSaved: 0,
  };
  readonly #loop: Loop;
  readonly #file: BlockFile;
  readonly #id: string;
  readonly #config = new Uint8Array(configBytes);
  readonly #pieces = new Pieces(mostPieces);
  readonly #chains = new Map<Vring, Chain>();
  /** Queues that are looked at in a later turn anyway. */
  readonly #waiting = new Set<Vring>();
  readonly #header = new DataView(new ArrayBuffer(requestHeaderBytes));
  #hasFlush = false;
  #say: (sentence: string) => void = () => {};

  constructor(loop: Loop, file: BlockFile, options: BlockOptions) {
    this.#loop = loop;
    this.#file = file;
    this.#id = options.id;
    this.queues = this.queueNumber = options.queues;
    const always = [Bit.segMax, Bit.blockSize, Bit.flush, Bit.multiQueue];
    this.features = file.isReadOnly
      ? bitsOf(...always, Bit.readOnly)
      : bitsOf(...always, Bit.configWce, Bit.discard, Bit.writeZeroes);
    this.#writeConfiguration();
  }

  /** Who hears of what a guest does wrong. */
  set onSay(say: (sentence: string) => void) {
    this.#say = say;
  }

  #writeConfiguration(): void {
    const config = new DataView(this.#config.buffer);
    config.setBigUint64(0, BigInt(this.#file.sectors), true);
    config.setUint32(12, 126, true);
    config.setUint32(20, sectorBytes, true);
    config.setUint8(writebackAt, 1);
    config.setUint16(34, this.queues, true);
    config.setUint32(36, mostDiscardSectors, true);
    config.setUint32(40, 1, true);
    config.setUint32(44, 4096 / sectorBytes, true);
    config.setUint32(48, mostDiscardSectors, true);
    config.setUint32(52, 1, true);
    config.setUint8(56, 1);
  }

  readConfig(offset: number, length: number): Uint8Array | undefined {
    if (offset + length > 256) return undefined;
    const bytes = new Uint8Array(length);
    for (let index = 0; index < length; index++) bytes[index] = this.#config[offset + index] ?? 0;
    return bytes;
  }

  writeConfig(offset: number, bytes: Uint8Array): boolean {
    if (this.#file.isReadOnly || offset !== writebackAt || bytes.length !== 1 || bytes[0]! > 1) return false;
    this.#config[writebackAt] = bytes[0]!;
    return true;
  }

  negotiated(features: bigint): void {
    this.#hasFlush = ((features >> Bit.flush) & 1n) === 1n;
  }

  /** A write is stable when it completes: the guest cannot ask for it, or said so. */
  get #isWriteThrough(): boolean {
    return !this.#hasFlush || this.#config[writebackAt] === 0;
  }

  started(vring: Vring, memory: MemoryTable): void {
    // What was asked for before nobody listened is looked for once.
    this.#signal(vring);
    this.#runSoon(vring, memory);
  }

  stop(vring: Vring, done: () => void): void {
    // Requests are answered within the call that takes them.
    this.#waiting.delete(vring);
    this.#chains.delete(vring);
    done();
  }

  /** The guest has kicked a queue. */
  kicked(vring: Vring, memory: MemoryTable): void {
    this.counts.kicks++;
    if (!this.#waiting.has(vring)) this.#run(vring, memory);
  }

  #runSoon(vring: Vring, memory: MemoryTable): void {
    if (this.#waiting.has(vring)) return;
    this.#waiting.add(vring);
    this.#loop.nextTurn(() => {
      if (this.#waiting.delete(vring)) this.#run(vring, memory);
    });
  }

  /** Answers what is there, as much as has a turn; then asks for a kick. */
  #run(vring: Vring, memory: MemoryTable): void {
    const { queue } = vring;
    if (queue === undefined || !vring.isEnabled || queue.fault !== undefined) return;
    let chain = this.#chains.get(vring);
    if (chain === undefined) {
      chain = new Chain(queue.size);
      this.#chains.set(vring, chain);
    }
    queue.suppressKicks();
    let count = 0;
    while (count < requestsATurn && queue.take(chain)) {
      queue.give(chain.id, chain.slots, this.#answer(chain, memory));
      count++;
    }
    if (count > 0) {
      if (queue.publish()) this.#signal(vring);
      else this.counts.interruptsSaved++;
    }
    if (queue.fault !== undefined) this.#broken(vring, queue);
    else if (count === requestsATurn || queue.awaitKick()) this.#runSoon(vring, memory);
  }

  #broken(vring: Vring, { fault }: DeviceQueue): void {
    this.#count(this.counts.faults, fault!);
    this.#say(`the guest's queue ${vring.index} makes no sense (${fault}): it is stopped until it is reset`);
    if (vring.error >= 0) signalOther(vring.error);
  }

  #signal({ call }: Vring): void {
    if (call < 0) return;
    this.counts.interrupts++;
    signalOther(call);
  }

  #count(counts: Record<string, number>, name: string): void {
    counts[name] = (counts[name] ?? 0) + 1;
  }

  /** Answers a request. Returns the bytes that were written to the guest. */
  #answer(chain: Chain, memory: MemoryTable): number {
    if (chain.fault !== undefined) {
      this.#count(this.counts.faults, chain.fault);
      return 0;
    }
    if (chain.writableBytes === 0) {
      this.#count(this.counts.faults, 'no status');
      return 0;
    }
    const dataBytes = chain.writableBytes - 1;
    const status = this.#serve(chain, memory, dataBytes);
    if (!this.#writeStatus(chain, memory, status)) return 0;
    if (status !== Status.ok) {
      this.counts.errors++;
      return 1;
    }
    const type = this.#header.getUint32(0, true);
    // What was written without a gap, from the first byte on.
    if (type === Type.getId && dataBytes > idBytes) return idBytes;
    return type === Type.in || type === Type.getId ? chain.writableBytes : 1;
  }

  #serve(chain: Chain, memory: MemoryTable, dataBytes: number): number {
    if (!this.#readBytes(chain, memory, 0, this.#header)) {
      this.#count(this.counts.faults, 'short header');
      return Status.ioError;
    }
    const type = this.#header.getUint32(0, true);
    const high = this.#header.getUint32(12, true);
    const sector = high >= 2 ** 21 ? Number.POSITIVE_INFINITY : high * 2 ** 32 + this.#header.getUint32(8, true);
    this.#count(this.counts.requests, typeNames[type] ?? 'other');
    switch (type) {
      case Type.in:
        return this.#move(chain, memory, sector, dataBytes, false);
      case Type.out:
        return this.#move(chain, memory, sector, chain.readableBytes - requestHeaderBytes, true);
      case Type.flush:
        return this.#file.flush() === 0 ? Status.ok : Status.ioError;
      case Type.getId:
        return this.#writeId(chain, memory, dataBytes);
      case Type.discard:
      case Type.writeZeroes:
        return this.#clear(chain, memory, type);
      default:
        return Status.unsupported;
    }
  }

  #move(chain: Chain, memory: MemoryTable, sector: number, bytes: number, isWrite: boolean): number {
    if (isWrite && this.#file.isReadOnly) return Status.ioError;
    if (bytes % sectorBytes !== 0 || sector > this.#file.sectors - bytes / sectorBytes) return Status.ioError;
    if (bytes === 0) return Status.ok;
    const pieces = this.#pieces;
    pieces.clear();
    const add = (high: number, low: number, length: number): boolean =>
      memory.domain.translate(high, low, length, isWrite ? Access.read : Access.write, pieces);
    const isThere = isWrite
      ? chain.stretches(0, chain.readable, requestHeaderBytes, bytes, add)
      : chain.stretches(chain.readable, chain.count, 0, bytes, add);
    if (!isThere) {
      this.#count(this.counts.faults, 'outside');
      return Status.ioError;
    }
    const errno = this.#file.move(isWrite, pieces, sector * sectorBytes);
    if (errno !== 0 || (isWrite && this.#isWriteThrough && this.#file.flush() !== 0)) {
      this.#say(
        `${this.#file.path}: ${isWrite ? 'a write' : 'a read'} at ${sector * sectorBytes} failed (errno ${errno})`,
      );
      return Status.ioError;
    }
    if (isWrite) this.counts.writtenBytes += bytes;
    else this.counts.readBytes += bytes;
    return Status.ok;
  }

  /** Copies bytes of what the device reads out of the guest's memory, each once: framing is the driver's, in one piece or in sixteen. */
  #readBytes(chain: Chain, { domain }: MemoryTable, skip: number, into: DataView): boolean {
    let at = 0;
    return chain.stretches(0, chain.readable, skip, into.byteLength, (high, low, length) => {
      const window = domain.window(high, low, length, Access.read);
      if (window === undefined) return false;
      for (let byte = 0; byte < length; byte++) into.setUint8(at++, window.data.getUint8(window.at + byte));
      return true;
    });
  }

  /** Writes to the writable part of a chain, from `skip` on, each byte that `byteAt` gives. */
  #writeBytes(
    chain: Chain,
    { domain }: MemoryTable,
    skip: number,
    bytes: number,
    byteAt: (index: number) => number,
  ): boolean {
    let at = 0;
    return chain.stretches(chain.readable, chain.count, skip, bytes, (high, low, length) => {
      const window = domain.window(high, low, length, Access.write);
      if (window === undefined) return false;
      for (let byte = 0; byte < length; byte++) window.data.setUint8(window.at + byte, byteAt(at++));
      return true;
    });
  }

  #writeStatus(chain: Chain, memory: MemoryTable, status: number): boolean {
    if (this.#writeBytes(chain, memory, chain.writableBytes - 1, 1, () => status)) return true;
    this.#count(this.counts.faults, 'status outside');
    return false;
  }

  #writeId(chain: Chain, memory: MemoryTable, room: number): number {
    const bytes = Math.min(idBytes, room);
    const isWritten = this.#writeBytes(chain, memory, 0, bytes, (index) => this.#id.charCodeAt(index) || 0);
    return isWritten ? Status.ok : Status.ioError;
  }

  /** Discards, or writes zeros to, one range. More than one is not offered. */
  #clear(chain: Chain, memory: MemoryTable, type: number): number {
    if (this.#file.isReadOnly) return Status.ioError;
    const bytes = chain.readableBytes - requestHeaderBytes;
    if (bytes <= 0 || bytes % segmentBytes !== 0) return Status.ioError;
    if (bytes > segmentBytes) return Status.unsupported;
    const segment = new DataView(new ArrayBuffer(segmentBytes));
    if (!this.#readBytes(chain, memory, requestHeaderBytes, segment)) return Status.ioError;
    const high = segment.getUint32(4, true);
    const sectors = segment.getUint32(8, true);
    const flags = segment.getUint32(12, true);
    if (flags > 1 || (type === Type.discard && flags !== 0)) return Status.unsupported;
    const sector = high >= 2 ** 21 ? Number.POSITIVE_INFINITY : high * 2 ** 32 + segment.getUint32(0, true);
    if (sectors > mostDiscardSectors || sector > this.#file.sectors - sectors) return Status.ioError;
    if (sectors === 0) return Status.ok;
    const [offset, length] = [sector * sectorBytes, sectors * sectorBytes];
    const errno =
      type === Type.discard ? this.#file.discard(offset, length) : this.#file.writeZeroes(offset, length, flags === 1);
    if (errno === 0) return Status.ok;
    this.#say(`${this.#file.path}: zeros at ${offset} failed (errno ${errno})`);
    return Status.ioError;
  }
}
