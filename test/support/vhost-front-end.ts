// A front end of vhost-user for tests: a guest's memory in a sealed memory file, messages as QEMU sends them (or as it never would), and the
// driver side of queues. It shares its memory with the device through the kernel, as a virtual machine does.

import assert from 'node:assert/strict';
import { AF, MFD, SOCK } from '../../src/kernel/constants.js';
import { Errno } from '../../src/kernel/errno.js';
import { createEventDescriptor, signalEvent } from '../../src/kernel/event.js';
import { syscall3 } from '../../src/kernel/ffi.js';
import { cString, scratch } from '../../src/kernel/memory.js';
import { sys } from '../../src/kernel/numbers.js';
import { receiveWithDescriptors, sendWithDescriptors } from '../../src/kernel/pass-descriptors.js';
import { closeDescriptor } from '../../src/kernel/socket.js';
import { Region } from '../../src/memory/region.js';
import { Flag, headerBytes, Request } from '../../src/vhost/protocol.js';
import { type PackedRing, packedStart } from '../../src/virtio/packed-device.js';
import { PackedDriverQueue } from '../../src/virtio/packed-driver.js';
import type { DriverQueue, QueueFeatures } from '../../src/virtio/queue.js';
import type { SplitRing } from '../../src/virtio/split-device.js';
import { SplitDriverQueue } from '../../src/virtio/split-driver.js';
import type { Layout } from './virtqueues.js';

/** Where the guest's memory begins for the guest, and in its front end's process. */
export const guestStart = 0x1_0000_0000;
export const userStart = 0x7f00_0000_0000;

function connectUnix(path: string): number {
  const fd = syscall3(sys.socket, AF.UNIX, SOCK.STREAM | SOCK.CLOEXEC, 0);
  const place = scratch(110);
  place.bytes.fill(0, place.offset, place.offset + 110);
  place.data.setUint16(place.offset, AF.UNIX, true);
  new TextEncoder().encodeInto(path, place.bytes.subarray(place.offset + 2, place.offset + 109));
  assert.equal(syscall3(sys.connect, fd, place.address, 110), 0);
  return fd;
}

/** A memory file that can become shorter. @param isSealable whether whoever gets it can end that */
export function shrinkableFile(length: number, isSealable: boolean): number {
  const fd = syscall3(sys.memfd_create, cString('shrinkable'), MFD.CLOEXEC | (isSealable ? MFD.ALLOW_SEALING : 0));
  assert.equal(syscall3(sys.ftruncate, fd, length), 0);
  return fd;
}

/** One queue of the front end. */
export interface FrontQueue {
  readonly driver: DriverQueue;
  /** The ring of a split one. */
  readonly ring: SplitRing;
  readonly kick: number;
  readonly call: number;
  /** Offsets of descriptors, of what the device writes and of what the driver writes. */
  readonly places: readonly [descriptors: number, used: number, available: number];
  readonly isPacked: boolean;
}

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
  fd: number;
  /** Memory of requests in flight: -1 where there is none. */
  inflight = -1;
  readonly memory: Region;
  readonly queues: FrontQueue[] = [];
  /** Descriptors that came with answers. */
  readonly received: number[] = [];
  readonly #message = new Region(8192);
  #used = 0;
  #bits = 0n;
  /** The message about memory of requests in flight, without what the kernel passes. */
  #inflightWords: readonly bigint[] = [];

  constructor(path: string, memoryBytes = 8 * 1024 * 1024) {
    this.fd = connectUnix(path);
    this.memory = new Region(memoryBytes, { kind: 'memfd' });
  }

  /** Takes memory of the guest: its offset. */
  take(length: number, alignment = 4096): number {
    const at = Math.ceil(this.#used / alignment) * alignment;
    this.#used = at + length;
    assert.ok(this.#used <= this.memory.byteLength, 'the guest has no more memory');
    return at;
  }

  /** The guest's address of an offset. */
  guest(offset: number): number {
    return guestStart + offset;
  }

  /** Sends a message as it is said, whatever it is. */
  raw(request: number, flags: number, payload: Uint8Array, fds: readonly number[] = [], size = payload.length): void {
    const { bytes, data, address } = this.#message;
    data.setUint32(0, request, true);
    data.setUint32(4, flags, true);
    data.setUint32(8, size, true);
    bytes.set(payload, headerBytes);
    assert.equal(
      sendWithDescriptors(this.fd, address, headerBytes + payload.length, fds),
      headerBytes + payload.length,
    );
  }

  /** Sends words of 64 bits. */
  send(request: number, words: readonly bigint[], fds: readonly number[] = [], flags: number = Flag.version): void {
    const payload = new Uint8Array(words.length * 8);
    const view = new DataView(payload.buffer);
    for (const [index, word] of words.entries()) view.setBigUint64(index * 8, word, true);
    this.raw(request, flags, payload, fds);
  }

  /** The next answer; undefined where the device closed. */
  async answer(): Promise<DataView | undefined> {
    const head = await this.#read(headerBytes);
    if (head === undefined) return undefined;
    const size = head.getUint32(8, true);
    assert.equal(head.getUint32(4, true), Flag.version | Flag.reply);
    return size === 0 ? new DataView(new ArrayBuffer(0)) : this.#read(size);
  }

  async #read(length: number): Promise<DataView | undefined> {
    const { address, buffer } = this.#message;
    for (let have = 0, tries = 0; have < length; ) {
      const result = receiveWithDescriptors(this.fd, address + 4096 + have, length - have, this.received);
      if (result > 0) have += result;
      else if (result === 0 || result === -Errno.ECONNRESET) return undefined;
      else {
        assert.ok(tries++ < 2000, 'no answer came');
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    }
    return new DataView(buffer.slice(4096, 4096 + length));
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
    return [1n, BigInt(guestStart), BigInt(this.memory.byteLength), BigInt(userStart), 0n];
  }

  /** Everything that QEMU does until a queue runs. */
  async start(features: QueueFeatures, count = 1, size = 16, deviceBits = 0n): Promise<void> {
    await this.begin(features, { count, size, deviceBits });
  }

  /** As {@link start}, in other ways as well. */
  async begin(features: QueueFeatures, options: FrontOptions): Promise<void> {
    const { count = 1, size = 16, deviceBits = 0n, layout = 'split', hasInflight = false } = options;
    const isPacked = layout === 'packed';
    this.#bits =
      (1n << 32n) |
      (1n << 30n) |
      (features.indirect ? 1n << 28n : 0n) |
      (features.eventIndex ? 1n << 29n : 0n) |
      (isPacked ? 1n << 34n : 0n) |
      deviceBits;
    await this.#greet();
    if (hasInflight) await this.#askForInflight(BigInt(count), BigInt(size));
    for (let index = 0; index < count; index++) this.startQueue(index, size, features, isPacked);
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
    closeDescriptor(this.fd);
    this.fd = connectUnix(path);
    await this.#greet();
    if (this.inflight >= 0) this.send(Request.setInflight, this.#inflightWords, [this.inflight]);
    for (const index of this.queues.keys()) this.#setUp(index);
  }

  /** Sets a queue up. */
  startQueue(index: number, size: number, features: QueueFeatures, isPacked = false): FrontQueue {
    const descriptors = this.take(16 * size);
    const available = this.take(6 + 2 * size);
    const used = this.take(6 + 8 * size);
    const { buffer } = this.memory;
    const ring: SplitRing = {
      size,
      descriptors: new Uint32Array(buffer, descriptors, size * 4),
      available: new Uint16Array(buffer, available, size + 3),
      used: new Uint16Array(buffer, used, size * 4 + 3),
      usedWords: new Uint32Array(buffer, used, size * 2 + 1),
    };
    const packed: PackedRing = {
      size,
      words: ring.descriptors,
      halves: new Uint16Array(buffer, descriptors, size * 8),
      driverEvent: ring.available,
      deviceEvent: ring.used,
    };
    this.queues[index] = {
      ring,
      driver: isPacked ? new PackedDriverQueue(packed, features) : new SplitDriverQueue(ring, features),
      kick: createEventDescriptor(),
      call: createEventDescriptor(),
      places: [descriptors, used, available],
      isPacked,
    };
    this.#setUp(index);
    return this.queues[index];
  }

  #setUp(index: number): void {
    const { driver, kick, call, places, isPacked } = this.queues[index]!;
    const at = BigInt(index);
    const [descriptors, used, available] = places.map((offset) => BigInt(userStart + offset)) as [
      bigint,
      bigint,
      bigint,
    ];
    this.send(Request.setVringCall, [at], [call]);
    this.send(Request.setVringNum, [at | (BigInt(driver.size) << 32n)]);
    this.send(Request.setVringBase, [at | (BigInt(isPacked ? packedStart : 0) << 32n)]);
    this.send(Request.setVringAddr, [at, descriptors, used, available, 0n]);
    this.send(Request.setVringKick, [at], [kick]);
    this.send(Request.setVringEnable, [at | (1n << 32n)]);
  }

  /** Kicks a queue, if its device wants it. */
  publish(index: number): void {
    const { driver, kick } = this.queues[index]!;
    if (driver.publish()) signalEvent(kick);
  }

  /** Waits for what comes back next. @throws when nothing does */
  async back(index: number): Promise<number> {
    const { driver } = this.queues[index]!;
    for (let tries = 0; tries < 2000; tries++) {
      const id = driver.takeBack();
      if (id >= 0) return id;
      assert.equal(driver.fault, undefined);
      await new Promise((resolve) => setTimeout(resolve, tries < 20 ? 0 : 5));
    }
    throw new Error('nothing came back');
  }

  /** Goes, without a word. */
  close(): void {
    for (const fd of [this.fd, this.inflight, ...this.received]) if (fd >= 0) closeDescriptor(fd);
    for (const { kick, call } of this.queues) for (const fd of [kick, call]) closeDescriptor(fd);
    this.#message.unmap();
    this.memory.unmap();
  }
}
