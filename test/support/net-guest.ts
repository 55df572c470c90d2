// A guest of virtio-net for tests: a driver of its own over vhost-user: it posts buffers, sends packets in any framing, and puts together what comes,
// as the specification says that a driver does. Not here: what is in the packets (net-packets.ts).

import assert from 'node:assert/strict';
import { signalEvent } from '../../src/kernel/event.js';
import type { DriverPiece, QueueFeatures } from '../../src/virtio/queue.js';
import { FrontEnd } from './vhost-front-end.js';
import type { Layout } from './virtqueues.js';

/** Bits of features, as guests choose them. */
export const NetBit = {
  checksum: 1n << 0n,
  guestChecksum: 1n << 1n,
  mtu: 1n << 3n,
  guestTso4: 1n << 7n,
  guestTso6: 1n << 8n,
  hostTso4: 1n << 11n,
  hostTso6: 1n << 12n,
  mergeable: 1n << 15n,
  inOrder: 1n << 35n,
  guestUso4: 1n << 54n,
  guestUso6: 1n << 55n,
  hostUso: 1n << 56n,
} as const;

/** Everything that packets of the guest may leave unfinished, and packets for it. */
export const hostBits: bigint = NetBit.checksum | NetBit.hostTso4 | NetBit.hostTso6 | NetBit.hostUso;
export const guestBits: bigint =
  NetBit.guestChecksum | NetBit.guestTso4 | NetBit.guestTso6 | NetBit.guestUso4 | NetBit.guestUso6;

/** A header of virtio-net, in words of the specification. */
export interface TestHeader {
  readonly flags: number;
  readonly gso: number;
  readonly headerLength: number;
  readonly gsoSize: number;
  readonly checksumStart: number;
  readonly checksumOffset: number;
}

/** Of a packet that is whole. */
export const wholeHeader: TestHeader = {
  flags: 0,
  gso: 0,
  headerLength: 0,
  gsoSize: 0,
  checksumStart: 0,
  checksumOffset: 0,
};

/** The bytes of a header. */
export function headerOf(header: TestHeader, buffers = 0): Uint8Array {
  const bytes = new Uint8Array(12);
  const data = new DataView(bytes.buffer);
  data.setUint8(0, header.flags);
  data.setUint8(1, header.gso);
  const words = [header.headerLength, header.gsoSize, header.checksumStart, header.checksumOffset, buffers];
  for (const [index, word] of words.entries()) data.setUint16(2 + 2 * index, word, true);
  return bytes;
}

/** A packet that came. */
export interface Received {
  readonly header: TestHeader;
  readonly buffers: number;
  readonly packet: Buffer;
}

/** How a {@link NetGuest} drives its device. */
export interface NetGuestOptions {
  /** Bits of virtio-net. */
  readonly bits: bigint;
  readonly rings?: QueueFeatures;
  readonly layout?: Layout;
  readonly pairs?: number;
  readonly size?: number;
  /** Bytes of each buffer for packets, and how many are posted on each pair. */
  readonly bufferBytes?: number;
  readonly buffers?: number;
  readonly memoryBytes?: number;
}

/** See the file's head. */
export class NetGuest {
  readonly front: FrontEnd;
  readonly isMergeable: boolean;
  readonly #options: Required<NetGuestOptions>;
  /** Where buffers are, by pair. */
  readonly #starts: number[][] = [];
  /** Where the buffer of each id is, by pair. */
  readonly #posted: Map<number, number>[] = [];
  /** Where packets lie that are sent. */
  readonly sendAt: number;

  constructor(path: string, options: NetGuestOptions) {
    this.#options = {
      rings: { indirect: true, eventIndex: false },
      layout: 'split',
      pairs: 1,
      size: 64,
      bufferBytes: 2048,
      buffers: 48,
      memoryBytes: 4 * 1024 * 1024,
      ...options,
    };
    this.isMergeable = (options.bits & NetBit.mergeable) !== 0n;
    this.front = new FrontEnd(path, this.#options.memoryBytes);
    this.sendAt = this.front.take(256 * 1024);
  }

  /** Agrees with the device, and posts buffers. */
  async start(): Promise<void> {
    const { rings, layout, pairs, size, bits } = this.#options;
    await this.front.begin(rings, { count: 2 * pairs, size, deviceBits: bits, layout });
    for (let pair = 0; pair < pairs; pair++) {
      this.#posted[pair] = new Map();
      this.refill(pair);
    }
  }

  /** Posts a buffer at an offset of the guest's memory. */
  post(pair: number, at: number): void {
    const piece = { address: this.front.guest(at), length: this.#options.bufferBytes };
    this.postPieces(pair, [piece], at);
  }

  /** Posts a buffer of any pieces. @returns its id */
  postPieces(pair: number, writable: readonly DriverPiece[], at = -1, readable: readonly DriverPiece[] = []): number {
    const id = this.front.queues[2 * pair]!.driver.add(readable, writable);
    assert.ok(id >= 0, 'there is room in the ring');
    this.#posted[pair]!.set(id, at);
    return id;
  }

  /** Sends a packet: `cuts` are the places at which header and packet are cut into pieces. Waits until it came back. */
  async send(header: Uint8Array, packet: Uint8Array, cuts: readonly number[] = [12], pair = 0): Promise<void> {
    const { bytes } = this.front.memory;
    bytes.set(header, this.sendAt);
    bytes.set(packet, this.sendAt + header.length);
    const total = header.length + packet.length;
    const places = [0, ...cuts.filter((cut) => cut > 0 && cut < total), total];
    const pieces = places.slice(1).map((end, index) => ({
      address: this.front.guest(this.sendAt + places[index]!),
      length: end - places[index]!,
    }));
    await this.sendPieces(pieces, [], pair);
  }

  /** Sends any pieces, and waits until they came back. */
  async sendPieces(readable: readonly DriverPiece[], writable: readonly DriverPiece[] = [], pair = 0): Promise<void> {
    const { driver } = this.front.queues[2 * pair + 1]!;
    assert.ok(driver.add(readable, writable) >= 0, 'there is room in the ring');
    this.front.publish(2 * pair + 1);
    await this.front.back(2 * pair + 1);
    assert.equal(driver.written, 0, 'nothing is written to what is sent');
  }

  /** The next packet on any pair, put together out of its buffers, which are posted again. */
  async receive(): Promise<Received> {
    return this.receiveOn(await this.#pairWithOne());
  }

  /** The pair on which something has come back, as soon as something has. */
  async #pairWithOne(): Promise<number> {
    const { pairs } = this.#options;
    for (let tries = 0; tries < 2000; tries++) {
      for (let pair = 0; pair < pairs; pair++) if (this.front.queues[2 * pair]!.driver.awaitInterrupt()) return pair;
      await new Promise((resolve) => setTimeout(resolve, tries < 20 ? 0 : 5));
    }
    throw new Error('nothing came');
  }

  /** As {@link receive}, on one pair. */
  async receiveOn(pair: number): Promise<Received> {
    const first = await this.#buffer(pair);
    assert.ok(first.length >= 12, `${first.length} bytes are no header`);
    const data = new DataView(first.buffer, first.byteOffset, first.length);
    const words = [2, 4, 6, 8, 10].map((at) => data.getUint16(at, true));
    const [headerLength, gsoSize, checksumStart, checksumOffset, buffers] = words as [number, ...number[]];
    assert.ok(this.isMergeable ? buffers! > 0 : buffers === 1, `${buffers} buffers`);
    const parts = [first.subarray(12)];
    for (let count = 1; count < buffers!; count++) {
      const id = this.front.queues[2 * pair]!.driver.takeBack();
      assert.ok(id >= 0, 'all buffers of a packet are shown in one step');
      parts.push(this.#content(pair, id));
    }
    this.front.publish(2 * pair);
    const header: TestHeader = {
      flags: data.getUint8(0),
      gso: data.getUint8(1),
      headerLength,
      gsoSize: gsoSize!,
      checksumStart: checksumStart!,
      checksumOffset: checksumOffset!,
    };
    return { header, buffers: buffers!, packet: Buffer.concat(parts) };
  }

  async #buffer(pair: number): Promise<Buffer> {
    return this.#content(pair, await this.front.back(2 * pair));
  }

  /** What was written to a buffer that came back; it is posted again. */
  #content(pair: number, id: number): Buffer {
    const { driver } = this.front.queues[2 * pair]!;
    const at = this.#posted[pair]!.get(id)!;
    const content = Buffer.from(this.front.memory.bytes.subarray(at, at + driver.written));
    this.#posted[pair]!.delete(id);
    if (at >= 0) this.post(pair, at);
    return content;
  }

  /** Whether a packet, or a buffer, has come back. */
  takeAny(pair = 0): number {
    const id = this.front.queues[2 * pair]!.driver.takeBack();
    if (id >= 0) this.#posted[pair]!.delete(id);
    return id;
  }

  /** Posts buffers where none are, so that there are as many as at the start. */
  refill(pair = 0): void {
    const { buffers, bufferBytes } = this.#options;
    this.#starts[pair] ??= Array.from({ length: buffers }, () => this.front.take(bufferBytes, 64));
    const posted = new Set(this.#posted[pair]!.values());
    for (const at of this.#starts[pair]!) if (!posted.has(at)) this.post(pair, at);
    this.front.publish(2 * pair);
  }

  /** Kicks a queue, whether its device wants it or not. */
  kick(index: number): void {
    const { driver, kick } = this.front.queues[index]!;
    driver.publish();
    signalEvent(kick);
  }

  /** Goes, without a word. */
  close(): void {
    this.front.close();
  }
}
