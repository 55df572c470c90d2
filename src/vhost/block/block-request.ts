// BlockRequest: one request of a guest (VIRTIO 1.x section 5.2.6), read once where the guest wrote it. Its data moves between the guest's pages and
// the file by the kernel: no byte of it is copied here. Not here: queues (block-device.ts), the file (file-request.ts).

import { fromWords, highWord, lowWord } from '../../kernel/words.js';
import { Access } from '../../memory/domain.js';
import type { Loop } from '../../transport/loop.js';
import type { Chain } from '../../virtio/chain.js';
import type { MemoryTable } from '../memory-table.js';
import { countOne } from '../queue-counts.js';
import { type BlockCounts, countLatency } from './block-counts.js';
import { sectorBytes } from './block-file.js';
import { FileRequest, mostBytes, type RequestedFile } from './file-request.js';
import { BlockStatus as Status, BlockRequest as Type } from './numbers.js';

/** Names of types, for metrics. */
const typeNames: Readonly<Record<number, string>> = {
  [Type.read]: 'read',
  [Type.write]: 'write',
  [Type.flush]: 'flush',
  [Type.id]: 'id',
  [Type.discard]: 'discard',
  [Type.writeZeroes]: 'write_zeroes',
};

const headerBytes = 16;
const segmentBytes = 16;
const idBytes = 20;
/** Sectors of one discard, or of zeros that are written. */
export const mostDiscardSectors = (1024 * 1024 * 1024) / sectorBytes;

/** Where a request came from. */
interface RequestOwner {
  /** It moves so many bytes at once that its chain does not have. */
  alsoMoves(bytes: number): void;
  /** It has ended. @param written bytes of the guest's memory, from the first writable one on */
  finished(request: BlockRequest, written: number): void;
}

/** What a request needs of the disk that it is for. */
export interface BlockDisk {
  readonly file: RequestedFile;
  readonly id: string;
  readonly counts: BlockCounts;
  /** A write is stable when it completes. */
  readonly isWriteThrough: boolean;
  /** Its image is this process's to use. */
  readonly isOurs: boolean;
  /** Says something to the operator, in a sentence. */
  say(sentence: string): void;
}

/** The number of a sector out of two words; one that is too large for a number is beyond every disk. */
function sectorOf(low: number, high: number): number {
  return high >= 2 ** 21 ? Number.POSITIVE_INFINITY : fromWords(high, low);
}

/** See the file's head. Used again for the next when it has ended. */
export class BlockRequest extends FileRequest {
  /** By which it is given back to its queue. */
  id = 0;
  slots = 0;
  /** Bytes of all its pieces, and those that it moves at once beside them. */
  bytesUnderWay = 0;
  #owner: RequestOwner | undefined;
  readonly #disk: BlockDisk;
  readonly #loop: Loop;
  #begunMs = 0;
  readonly #header = new DataView(new ArrayBuffer(headerBytes));
  /** Where the guest wants the status. */
  #status: { data: DataView; at: number } | undefined;
  #type = 0;
  #offset = 0;
  #bytes = 0;
  /** Bytes that were written to the guest, where all goes well. */
  #written = 1;

  constructor(disk: BlockDisk, loop: Loop) {
    super(loop, disk.file);
    this.#disk = disk;
    this.#loop = loop;
  }

  /** Begins a request; it may end within the call. */
  begin(owner: RequestOwner, chain: Chain, memory: MemoryTable): void {
    this.#owner = owner;
    this.#begunMs = this.#loop.nowMs;
    this.#disk.counts.underWay++;
    this.id = chain.id;
    this.slots = chain.slots;
    this.bytesUnderWay = chain.readableBytes + chain.writableBytes;
    const fault = chain.fault ?? (chain.writableBytes === 0 ? 'no status' : this.#findStatus(chain, memory));
    if (fault !== undefined) {
      countOne(this.#disk.counts.faults, fault);
      this.#leave(0);
      return;
    }
    const status = this.#serve(chain, memory);
    if (status !== undefined) this.#finish(status);
  }

  #findStatus(chain: Chain, { domain }: MemoryTable): string | undefined {
    const isThere = chain.stretches(chain.readable, chain.count, chain.writableBytes - 1, 1, (high, low) => {
      this.#status = domain.window(high, low, 1, Access.write);
      return this.#status !== undefined;
    });
    return isThere ? undefined : 'status outside';
  }

  #leave(written: number): void {
    const { counts } = this.#disk;
    counts.underWay--;
    countLatency(counts, this.#loop.nowMs - this.#begunMs);
    this.#owner!.finished(this, written);
  }

  #finish(status: number): void {
    const { data, at } = this.#status!;
    this.#status = undefined;
    data.setUint8(at, status);
    if (status !== Status.ok) this.#disk.counts.errors++;
    this.#leave(status === Status.ok ? this.#written : 1);
  }

  /** Serves it. Returns its status, or undefined where it ends later. */
  #serve(chain: Chain, memory: MemoryTable): number | undefined {
    const { counts, file } = this.#disk;
    if (!this.#readBytes(chain, memory, 0, this.#header)) {
      countOne(counts.faults, 'short header');
      return Status.failed;
    }
    const type = this.#header.getUint32(0, true);
    const sector = sectorOf(this.#header.getUint32(8, true), this.#header.getUint32(12, true));
    countOne(counts.requests, typeNames[type] ?? 'other');
    this.#type = type;
    this.#offset = sector * sectorBytes;
    this.#written = 1;
    const dataBytes = chain.writableBytes - 1;
    switch (type) {
      case Type.read:
        this.#written = chain.writableBytes;
        return this.#move(chain, memory, sector, dataBytes);
      case Type.write:
        return file.isReadOnly ? Status.failed : this.#move(chain, memory, sector, chain.readableBytes - headerBytes);
      case Type.flush:
        this.flush();
        return undefined;
      case Type.id:
        return this.#writeId(chain, memory, dataBytes);
      case Type.discard:
      case Type.writeZeroes:
        return this.#clear(chain, memory, type);
      default:
        return Status.unsupported;
    }
  }

  #move(chain: Chain, { domain }: MemoryTable, sector: number, bytes: number): number | undefined {
    const { file, counts, isWriteThrough } = this.#disk;
    if (bytes % sectorBytes !== 0 || sector > file.sectors - bytes / sectorBytes) return Status.failed;
    if (bytes === 0) return Status.ok;
    const isWrite = this.#type === Type.write;
    const { iovecs } = this;
    iovecs.clear();
    const access = isWrite ? Access.read : Access.write;
    const add = (high: number, low: number, length: number): boolean =>
      domain.translate(high, low, length, access, iovecs);
    const isThere = isWrite
      ? chain.stretches(0, chain.readable, headerBytes, bytes, add)
      : chain.stretches(chain.readable, chain.count, 0, bytes, add);
    if (!isThere) {
      countOne(counts.faults, 'outside');
      return Status.failed;
    }
    this.#bytes = bytes;
    if (isWrite) this.write(this.#offset, isWriteThrough);
    else this.read(this.#offset);
    return undefined;
  }

  protected override ended(errno: number): void {
    const { counts, file } = this.#disk;
    if (errno !== 0) {
      const what = typeNames[this.#type]!.replace('_', ' ');
      this.#disk.say(`${file.path}: a ${what} at ${this.#offset} failed (errno ${errno})`);
      this.#finish(Status.failed);
      return;
    }
    if (this.#type === Type.write) counts.writtenBytes += this.#bytes;
    else if (this.#type === Type.read) counts.readBytes += this.#bytes;
    this.#finish(Status.ok);
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

  #writeId(chain: Chain, { domain }: MemoryTable, room: number): number {
    const bytes = Math.min(idBytes, room);
    // What was written without a gap, from the first byte on.
    this.#written = room > idBytes ? idBytes : chain.writableBytes;
    let index = 0;
    const isWritten = chain.stretches(chain.readable, chain.count, 0, bytes, (high, low, length) => {
      // One by one: they may lie over a seam of the guest's memory.
      for (let byte = 0; byte < length; byte++) {
        const window = domain.window(high + highWord(low + byte), lowWord(low + byte), 1, Access.write);
        if (window === undefined) return false;
        window.data.setUint8(window.at, this.#disk.id.charCodeAt(index++) || 0);
      }
      return true;
    });
    return isWritten ? Status.ok : Status.failed;
  }

  /** Discards, or writes zeros to, one range. More than one is not offered. */
  #clear(chain: Chain, memory: MemoryTable, type: number): number | undefined {
    const { file } = this.#disk;
    if (file.isReadOnly) return Status.failed;
    const bytes = chain.readableBytes - headerBytes;
    if (bytes <= 0 || bytes % segmentBytes !== 0) return Status.failed;
    if (bytes > segmentBytes) return Status.unsupported;
    const segment = new DataView(new ArrayBuffer(segmentBytes));
    if (!this.#readBytes(chain, memory, headerBytes, segment)) return Status.failed;
    const sectors = segment.getUint32(8, true);
    const flags = segment.getUint32(12, true);
    if (flags > 1 || (type === Type.discard && flags !== 0)) return Status.unsupported;
    const sector = sectorOf(segment.getUint32(0, true), segment.getUint32(4, true));
    if (sectors > mostDiscardSectors || sector > file.sectors - sectors) return Status.failed;
    if (sectors === 0) return Status.ok;
    this.#offset = sector * sectorBytes;
    const length = sectors * sectorBytes;
    if (type === Type.discard) this.discard(this.#offset, length);
    else {
      // Where the file system has no such call, they are written.
      const zeros = Math.min(length, mostBytes);
      this.bytesUnderWay += zeros;
      this.#owner!.alsoMoves(zeros);
      this.writeZeroes(this.#offset, length, flags === 1);
    }
    return undefined;
  }
}
