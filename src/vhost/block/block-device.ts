// BlockDevice: virtio-blk (VIRTIO 1.x section 5.2) over a raw file: its features, its configuration space, its queues as they start and stop.
// Not here: queues (block-queue.ts), requests (block-request.ts), the file (block-file.ts), the session.

import type { Loop } from '../../transport/loop.js';
import type { MemoryTable } from '../memory-table.js';
import { bitsOf, ProtocolFeature } from '../protocol.js';
import type { VhostDevice } from '../session.js';
import type { Vring } from '../vring.js';
import { type BlockCounts, emptyBlockCounts } from './block-counts.js';
import { sectorBytes } from './block-file.js';
import { BlockQueue, type RequestPool } from './block-queue.js';
import { type BlockDisk, BlockRequest, mostDiscardSectors } from './block-request.js';
import type { RequestedFile } from './file-request.js';
import { ImageHold, settlingTrouble } from './image-hold.js';
import { BlockFeature as Bit } from './numbers.js';

/** Bytes of the configuration space (section 5.2.4), up to zoned devices. */
const configBytes = 96;
const writebackAt = 32;

/** How a disk is offered. */
export interface BlockOptions {
  /** Queues at most. */
  readonly queues: number;
  /** What the guest reads as its serial number: up to 20 bytes. */
  readonly id: string;
}

/** See the file's head. */
export class BlockDevice implements VhostDevice, BlockDisk {
  readonly features: bigint;
  readonly protocolFeatures: bigint = bitsOf(ProtocolFeature.config);
  readonly queues: number;
  readonly queueNumber: number;
  readonly counts: BlockCounts = emptyBlockCounts();
  readonly file: RequestedFile;
  readonly id: string;
  readonly #loop: Loop;
  readonly #config = new Uint8Array(configBytes);
  readonly #running = new Map<Vring, BlockQueue>();
  readonly #free: BlockRequest[] = [];
  readonly #pool: RequestPool = {
    take: () => this.#free.pop() ?? new BlockRequest(this, this.#loop),
    give: (request) => void this.#free.push(request),
  };
  readonly #hold: ImageHold;
  #hasFlush = true;
  #say: (sentence: string) => void = () => {};

  constructor(loop: Loop, file: RequestedFile, options: BlockOptions) {
    this.#loop = loop;
    this.file = file;
    this.id = options.id;
    this.queues = this.queueNumber = options.queues;
    const always = [Bit.segMax, Bit.blockSize, Bit.flush, Bit.topology, Bit.multiQueue];
    this.features = file.isReadOnly
      ? bitsOf(...always, Bit.readOnly)
      : bitsOf(...always, Bit.configWce, Bit.discard, Bit.writeZeroes);
    this.#hold = new ImageHold(loop, file, this.#taken, (sentence) => this.say(sentence));
    this.#writeConfiguration();
  }

  /** Who hears of what a guest does wrong. */
  set onSay(say: (sentence: string) => void) {
    this.#say = say;
  }

  say(sentence: string): void {
    this.#say(sentence);
  }

  #writeConfiguration(): void {
    const config = new DataView(this.#config.buffer);
    config.setBigUint64(0, BigInt(this.file.sectors), true);
    config.setUint32(12, 126, true);
    config.setUint32(20, sectorBytes, true);
    // Sectors are 512 bytes, since firmware knows no others; guests align what they ask for to what the disk works in, a power of two.
    const block = this.file.alignment?.offset ?? sectorBytes;
    config.setUint8(24, Math.log2(Math.max(block, sectorBytes) / sectorBytes));
    config.setUint8(writebackAt, 1);
    config.setUint16(34, this.queues, true);
    config.setUint32(36, mostDiscardSectors, true);
    config.setUint32(40, 1, true);
    config.setUint32(44, 4096 / sectorBytes, true);
    config.setUint32(48, mostDiscardSectors, true);
    config.setUint32(52, 1, true);
    config.setUint8(56, 1);
  }

  /** Sees how large the file is now. True: the configuration has changed. */
  resize(): boolean {
    if (!this.file.measure()) return false;
    new DataView(this.#config.buffer).setBigUint64(0, BigInt(this.file.sectors), true);
    return true;
  }

  readConfig(offset: number, length: number): Uint8Array | undefined {
    if (offset + length > 256) return undefined;
    const bytes = new Uint8Array(length);
    for (let index = 0; index < length; index++) bytes[index] = this.#config[offset + index] ?? 0;
    return bytes;
  }

  writeConfig(offset: number, bytes: Uint8Array): boolean {
    if (this.file.isReadOnly || offset !== writebackAt || bytes.length !== 1 || bytes[0]! > 1) return false;
    this.#config[writebackAt] = bytes[0]!;
    return true;
  }

  negotiated(features: bigint): void {
    const hasFlush = ((features >> Bit.flush) & 1n) === 1n;
    // Whoever cannot flush reads that nothing waits to be flushed; what another one chose stays through a reconnection.
    if (hasFlush !== this.#hasFlush) this.#config[writebackAt] = Number(hasFlush);
    this.#hasFlush = hasFlush;
  }

  /** A write is stable when it completes: the guest cannot ask for it, or said so. */
  get isWriteThrough(): boolean {
    return !this.#hasFlush || this.#config[writebackAt] === 0;
  }

  get agreedWords(): readonly string[] {
    return [
      this.file.isReadOnly ? 'read only' : 'discard and write zeroes',
      this.isWriteThrough ? 'writes are stable when they end' : 'flush',
    ];
  }

  started(vring: Vring, memory: MemoryTable): void {
    let running = this.#running.get(vring);
    if (running?.queue !== vring.queue) {
      running = new BlockQueue(this.#loop, this, this.#pool, vring, memory);
      this.#running.set(vring, running);
    }
    running!.start();
    this.#hold.take();
  }

  get isOurs(): boolean {
    return this.#hold.isOurs;
  }

  /** The image is this process's: the guest's requests begin. */
  readonly #taken = (): void => {
    this.resize();
    for (const running of this.#running.values()) running.start();
  };

  stop(vring: Vring, done: () => void): void {
    const running = this.#running.get(vring);
    this.#running.delete(vring);
    if (this.#running.size === 0) this.#hold.rest();
    if (running === undefined) done();
    else running.stop(done);
  }

  /** What was written is on the disk; with the last queue the image is whoever's the guest runs with next. */
  handOver(done: (why?: string) => void): void {
    this.#hold.settle((errno) => {
      if (errno === 0 && this.#running.size === 0) this.#hold.leave();
      done(settlingTrouble(errno));
    });
  }

  /** The guest has kicked a queue. */
  kicked(vring: Vring): void {
    this.#running.get(vring)?.kicked();
  }

  /** Gives its memory back; its queues have ended. */
  close(): void {
    for (const request of this.#free) request.close(this.#loop);
    this.#hold.close();
  }
}
