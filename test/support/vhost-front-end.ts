// A front end of vhost-user that may misbehave: the product's own memory, queues and socket (vhost/front-end/), with messages that are sent as they
// are said, whatever they are. What behaves uses the product's FrontEnd.

import assert from 'node:assert/strict';
import { MFD } from '../../src/kernel/constants.js';
import { syscall3 } from '../../src/kernel/ffi.js';
import { cString } from '../../src/kernel/memory.js';
import { sys } from '../../src/kernel/numbers.js';
import { sendWithDescriptors } from '../../src/kernel/pass-descriptors.js';
import { closeDescriptor } from '../../src/kernel/socket.js';
import { Region } from '../../src/memory/region.js';
import { FrontChannel } from '../../src/vhost/front-end/front-channel.js';
import { FrontEndError } from '../../src/vhost/front-end/front-end-error.js';
import { FrontQueue } from '../../src/vhost/front-end/front-queue.js';
import { GuestMemory } from '../../src/vhost/front-end/guest-memory.js';
import { Flag, headerBytes, Request } from '../../src/vhost/protocol.js';
import { packedStart } from '../../src/virtio/packed-device.js';
import type { QueueFeatures } from '../../src/virtio/queue.js';
import type { Layout } from './virtqueues.js';

/** A memory file that can become shorter. @param isSealable whether whoever gets it can end that */
export function shrinkableFile(length: number, isSealable: boolean): number {
  const fd = syscall3(sys.memfd_create, cString('shrinkable'), MFD.CLOEXEC | (isSealable ? MFD.ALLOW_SEALING : 0));
  assert.equal(syscall3(sys.ftruncate, fd, length), 0);
  return fd;
}

/** How long an answer may take: as long as a busy machine needs. */
const answerMs = 10_000;

/** How a front end begins. */
export interface FrontOptions {
  /** Queues, and entries of each. Default 1 and 16. */
  readonly count?: number;
  readonly size?: number;
  /** Features of the device. */
  readonly deviceBits?: bigint;
  readonly layout?: Layout;
  /** It keeps requests in flight. */
  readonly hasInflight?: boolean;
}

const protocolBits = (1n << 0n) | (1n << 3n) | (1n << 9n) | (1n << 12n);

/** See the file's head. */
export class FrontEnd {
  channel: FrontChannel;
  /** Memory of requests in flight: -1 where there is none. */
  inflight = -1;
  readonly shared: GuestMemory;
  readonly memory: Region;
  readonly queues: FrontQueue[] = [];
  /** Descriptors that came with answers. */
  readonly received: number[] = [];
  readonly #message = new Region(8192);
  #asked = 0;
  #bits = 0n;
  #isPacked = false;
  #ringAddress = (offset: number): number => this.user(offset);
  /** The message about memory of requests in flight, without what the kernel passes. */
  #inflightWords: readonly bigint[] = [];

  /** @param where a socket's path, or a socket that is connected, which is its own then */
  constructor(where: string | number, memoryBytes = 8 * 1024 * 1024) {
    this.channel = new FrontChannel(where, answerMs);
    this.shared = new GuestMemory(memoryBytes);
    this.memory = this.shared.region;
  }

  /** Its guest has an IOMMU: where messages say that a ring's parts are. */
  behind(isPacked: boolean, place: (offset: number) => number): void {
    this.#isPacked = isPacked;
    this.#ringAddress = place;
  }

  /** Takes memory of the guest: its offset. */
  take(length: number, alignment = 4096): number {
    return this.shared.take(length, alignment);
  }

  /** The guest's address of an offset. */
  guest(offset: number): number {
    return this.shared.guestAddress(offset);
  }

  /** The front end's address of an offset. */
  user(offset: number): number {
    return this.shared.userAddress(offset);
  }

  /** Sends a message as it is said, whatever it is. */
  raw(request: number, flags: number, payload: Uint8Array, fds: readonly number[] = [], size = payload.length): void {
    const { bytes, data, address } = this.#message;
    data.setUint32(0, request, true);
    data.setUint32(4, flags, true);
    data.setUint32(8, size, true);
    bytes.set(payload, headerBytes);
    const length = headerBytes + payload.length;
    assert.equal(sendWithDescriptors(this.channel.fd, address, length, fds), length);
    this.#asked = request;
  }

  /** Sends words of 64 bits. */
  send(request: number, words: readonly bigint[], fds: readonly number[] = [], flags: number = Flag.version): void {
    const payload = new Uint8Array(words.length * 8);
    const view = new DataView(payload.buffer);
    for (const [index, word] of words.entries()) view.setBigUint64(index * 8, word, true);
    this.raw(request, flags, payload, fds);
  }

  /** The answer to what was sent last; undefined where the device closed. */
  async answer(): Promise<DataView | undefined> {
    try {
      const { payload, fds } = await this.channel.answer(this.#asked);
      this.received.push(...fds);
      return payload;
    } catch (error) {
      assert.ok(error instanceof FrontEndError);
      assert.match(error.message, /hung up/);
      return undefined;
    }
  }

  /** Asks, and takes a number of 64 bits. */
  async ask(request: number): Promise<bigint> {
    this.send(request, []);
    return (await this.answer())!.getBigUint64(0, true);
  }

  /** Sends a message that wants to be acknowledged. @returns 0n when it was obeyed; undefined where the device closed */
  async acknowledged(
    request: number,
    words: readonly bigint[],
    fds: readonly number[] = [],
  ): Promise<bigint | undefined> {
    this.send(request, words, fds, Flag.version | Flag.needReply);
    return (await this.answer())?.getBigUint64(0, true);
  }

  /** Describes and passes its memory. */
  table(): readonly bigint[] {
    return [1n, BigInt(this.guest(0)), BigInt(this.memory.byteLength), BigInt(this.user(0)), 0n];
  }

  /** Everything that QEMU does until a queue runs. */
  async start(features: QueueFeatures, count = 1, size = 16, deviceBits = 0n): Promise<void> {
    await this.begin(features, { count, size, deviceBits });
  }

  /** As {@link start}, in other ways as well. */
  async begin(features: QueueFeatures, options: FrontOptions): Promise<void> {
    const { count = 1, size = 16, deviceBits = 0n, layout = 'split', hasInflight = false } = options;
    this.#isPacked = layout === 'packed';
    this.#bits =
      (1n << 32n) |
      (1n << 30n) |
      (features.indirect ? 1n << 28n : 0n) |
      (features.eventIndex ? 1n << 29n : 0n) |
      (this.#isPacked ? 1n << 34n : 0n) |
      deviceBits;
    await this.#greet();
    if (hasInflight) await this.#askForInflight(BigInt(count), BigInt(size));
    for (let index = 0; index < count; index++) this.startQueue(index, size, features);
  }

  async #greet(): Promise<void> {
    await this.ask(Request.getFeatures);
    const offered = await this.ask(Request.getProtocolFeatures);
    this.send(Request.setProtocolFeatures, [protocolBits & offered]);
    this.send(Request.setOwner, []);
    this.send(Request.setFeatures, [this.#bits]);
    this.send(Request.setMemoryTable, this.table(), [this.memory.fd]);
  }

  async #askForInflight(count: bigint, size: bigint): Promise<void> {
    const shape = count | (size << 16n);
    this.send(Request.getInflight, [0n, 0n, shape]);
    const answer = (await this.answer())!;
    this.#inflightWords = [answer.getBigUint64(0, true), answer.getBigUint64(8, true), shape];
    this.inflight = this.received.shift()!;
    assert.ok(this.inflight >= 0);
    this.send(Request.setInflight, this.#inflightWords, [this.inflight]);
  }

  /** Connects anew, after the device's process has ended, and gives it all that it had: places of queues as they were at the start. */
  async reconnect(path: string): Promise<void> {
    this.channel.close();
    this.channel = new FrontChannel(path, answerMs);
    await this.#greet();
    if (this.inflight >= 0) this.send(Request.setInflight, this.#inflightWords, [this.inflight]);
    for (const queue of this.queues) this.#setUp(queue);
  }

  /** Sets a queue up. */
  startQueue(index: number, size: number, features: QueueFeatures): FrontQueue {
    const queue = new FrontQueue(index, this.shared, size, { ...features, packed: this.#isPacked });
    this.queues[index]?.close();
    this.queues[index] = queue;
    this.#setUp(queue);
    return queue;
  }

  #setUp({ index, driver, places, kick, call }: FrontQueue): void {
    const at = BigInt(index);
    const user = (offset: number): bigint => BigInt(this.#ringAddress(offset));
    this.send(Request.setVringCall, [at], [call]);
    this.send(Request.setVringNum, [at | (BigInt(driver.size) << 32n)]);
    this.send(Request.setVringBase, [at | (BigInt(this.#isPacked ? packedStart : 0) << 32n)]);
    const { descriptors, used, available } = places;
    this.send(Request.setVringAddr, [at, user(descriptors), user(used), user(available), 0n]);
    this.send(Request.setVringKick, [at], [kick]);
    this.send(Request.setVringEnable, [at | (1n << 32n)]);
  }

  /** Kicks a queue, if its device wants it. */
  publish(index: number): void {
    this.queues[index]!.publish();
  }

  /** Waits for what comes back next. @throws when nothing does */
  async back(index: number): Promise<number> {
    await this.queues[index]!.untilBack(answerMs);
    const id = this.queues[index]!.driver.takeBack();
    assert.ok(id >= 0);
    return id;
  }

  /** Goes, without a word. */
  close(): void {
    this.channel.close();
    for (const fd of [this.inflight, ...this.received]) if (fd >= 0) closeDescriptor(fd);
    for (const queue of this.queues) queue.close();
    this.#message.unmap();
    this.shared.unmap();
  }
}
