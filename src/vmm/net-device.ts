// NetDevice: a network card of a guest (virtio-net) on a tap of this host. A packet that arrives is read by the kernel into the buffer that the guest offered, one that it sends is
// written from where it lies: nothing is copied in user space. Not here: how a tap is opened (vhost/net/tap.ts).

import { closeDescriptor } from '../kernel/socket.js';
import { readPacket, writePacket } from '../kernel/tap.js';
import { Access, type Domain } from '../memory/domain.js';
import { Iovecs } from '../memory/iovecs.js';
import { Endpoint } from '../transport/endpoint.js';
import type { Loop } from '../transport/loop.js';
import { Chain } from '../virtio/chain.js';
import type { VirtioDevice } from '../virtio/mmio.js';
import type { DeviceQueue } from '../virtio/queue.js';

/** What was counted. */
export interface NetCounts {
  packetsIn: number;
  packetsOut: number;
  bytesIn: number;
  bytesOut: number;
  /** Packets that the guest has no room for, and those that the tap did not take. */
  dropped: number;
  faults: number;
}

const hasMac = 1n << 5n;
const headerBytes = 12;
const mostPieces = 64;
/** Packets that one look takes: then the guest has its turn. */
const batch = 256;

/** See the file's head. It owns the tap's descriptor. */
export class NetDevice extends Endpoint implements VirtioDevice {
  readonly kind = 1;
  readonly features = hasMac;
  readonly configuration: Uint8Array;
  readonly queueSizes = [1024, 1024];
  readonly counts: NetCounts = { packetsIn: 0, packetsOut: 0, bytesIn: 0, bytesOut: 0, dropped: 0, faults: 0 };
  readonly #loop: Loop;
  readonly #domain: Domain;
  readonly #fd: number;
  readonly #wake: () => void;
  readonly #iovecs = new Iovecs(mostPieces);
  #toGuest: DeviceQueue | undefined;
  #fromGuest: DeviceQueue | undefined;
  #chain = new Chain(1);
  /** Packets wait in the tap, as far as is known. */
  #isReady = true;
  #isDirty = false;

  /** @param wake the guest has something to look at */
  constructor(loop: Loop, domain: Domain, fd: number, mac: Uint8Array, wake: () => void) {
    super();
    this.#loop = loop;
    this.#domain = domain;
    this.#fd = fd;
    this.#wake = wake;
    this.configuration = Uint8Array.from([...mac, 1, 0]);
    loop.register(this);
    loop.engine.watch(this.token, fd);
  }

  start(queues: readonly (DeviceQueue | undefined)[]): void {
    [this.#toGuest, this.#fromGuest] = queues;
    this.#chain = new Chain(Math.max(this.#toGuest?.size ?? 1, this.#fromGuest?.size ?? 1));
    this.#toGuest?.suppressKicks();
    this.#fromGuest?.suppressKicks();
  }

  stop(): void {
    this.#toGuest = this.#fromGuest = undefined;
  }

  notified(): void {
    // It looks at every turn.
  }

  override readable(_result: number, more: boolean): void {
    if (!more) this.#loop.engine.watch(this.token, this.#fd);
    this.#isReady = true;
    this.#receive();
  }

  /** Pieces of the chain, as the kernel takes them. False: they do not lie where they may. */
  #translate(isWritable: boolean): boolean {
    const { readable, count, readableBytes, writableBytes } = this.#chain;
    const [from, to, bytes] = isWritable ? [readable, count, writableBytes] : [0, readable, readableBytes];
    this.#iovecs.clear();
    if (this.#chain.fault !== undefined || bytes <= headerBytes) return false;
    return this.#chain.stretches(from, to, 0, bytes, (high, low, length) =>
      this.#domain.translate(high, low, length, isWritable ? Access.write : Access.read, this.#iovecs),
    );
  }

  #receive(): void {
    const queue = this.#toGuest;
    for (let packets = 0; queue !== undefined && this.#isReady && packets < batch; packets++) {
      // What nobody has room for waits in the tap, which drops what is too much.
      if (!queue.take(this.#chain)) return;
      const { id, slots } = this.#chain;
      if (!this.#translate(true)) {
        this.counts.faults++;
        queue.give(id, slots, 0);
        this.#becomeDirty();
        continue;
      }
      const bytes = readPacket(this.#fd, this.#iovecs.address, this.#iovecs.count);
      if (bytes < 0) {
        queue.putBack(1, slots);
        this.#isReady = false;
        return;
      }
      this.counts.packetsIn++;
      this.counts.bytesIn += bytes - headerBytes;
      queue.give(id, slots, bytes);
      this.#becomeDirty();
    }
  }

  #becomeDirty(): void {
    this.#isDirty = true;
    this.#wake();
  }

  /** Shows the guest what it was given. True: it wants to be told. */
  publish(): boolean {
    if (!this.#isDirty) return false;
    this.#isDirty = false;
    const isWanted = this.#toGuest?.publish() === true;
    return this.#fromGuest?.publish() === true || isWanted;
  }

  /** Looks at what the guest did: packets that it sends, room for more. */
  turn(): void {
    const queue = this.#fromGuest;
    for (let looks = 0; queue !== undefined && looks < queue.size && queue.take(this.#chain); looks++) {
      if (this.#translate(false)) this.#send();
      else this.counts.faults++;
      queue.give(this.#chain.id, this.#chain.slots, 0);
      this.#becomeDirty();
    }
    this.#receive();
    if (this.#isReady && this.#isDirty) this.#wake();
  }

  #send(): void {
    const bytes = writePacket(this.#fd, this.#iovecs.address, this.#iovecs.count);
    if (bytes < 0) this.counts.dropped++;
    else {
      this.counts.packetsOut++;
      this.counts.bytesOut += bytes - headerBytes;
    }
  }

  /** Ends it: the tap is let go of. */
  close(): void {
    this.#loop.engine.cancel(this.token, this.#fd, true);
    closeDescriptor(this.#fd);
  }
}
