// ReceiveQueue: a queue of buffers that a guest posted for packets. Buffers are taken ahead of the packets and kept in order: a packet is written
// where they are (by the kernel, or by a copy), and then given with as many of them as it took, in one step. What was taken and not used
// is put back when the queue stops. Not here: which packets come.

import { Access, type Domain } from '../../memory/domain.js';
import { Spans } from '../../memory/spans.js';
import { Chain } from '../../virtio/chain.js';
import type { DeviceQueue } from '../../virtio/queue.js';
import { type DropReason, mostFramePieces } from './frame.js';
import { ethernetBytes, mostPacketBytes, type NetHeader, netHeaderBytes } from './net-header.js';

/** Buffers that are kept at most. */
const mostBuffers = 1024;
/** Descriptors that are looked at in one call, and the rest of a chain: a guest may post as many chains as its ring is long, each as long as that. */
const mostLooks = 4096;
/** What of a buffer is of use: no packet is longer. */
const mostBufferBytes = netHeaderBytes + mostPacketBytes;

/** What a {@link ReceiveQueue} is told by. */
export interface ReceiveOptions {
  /** VIRTIO_NET_F_MRG_RXBUF: a packet may lie in several buffers. */
  readonly mergeable: boolean;
  /** A buffer was of no use: why. */
  readonly fault: (why: string) => void;
}

/** See the file's head. */
export class ReceiveQueue {
  readonly queue: DeviceQueue;
  /** Where the buffers are, from the first one that is kept on: its header, then room for the packet. */
  readonly spans: Spans;
  /** Something was given that the guest does not see yet. */
  isDirty = false;
  readonly #domain: Domain;
  readonly #options: ReceiveOptions;
  readonly #chain: Chain;
  readonly #headerBytes = new Uint8Array(netHeaderBytes);
  readonly #header = new DataView(this.#headerBytes.buffer);
  /** What is kept, in order: by what it is given back, its bytes, its pieces in {@link spans}. */
  readonly #ids = new Uint16Array(mostBuffers);
  readonly #slots = new Uint16Array(mostBuffers);
  readonly #bytes = new Uint32Array(mostBuffers);
  readonly #pieces = new Uint16Array(mostBuffers);
  #count = 0;
  /** Buffers that the guest has at once, as far as is known: it may have as many as its queue is long. */
  #atOnce: number;

  constructor(queue: DeviceQueue, domain: Domain, options: ReceiveOptions) {
    this.queue = queue;
    this.#domain = domain;
    this.#options = options;
    this.#chain = new Chain(queue.size);
    this.spans = new Spans(mostFramePieces);
    this.#atOnce = queue.size;
  }

  /** Buffers that are kept. */
  get buffers(): number {
    return this.#count;
  }

  /** Bytes of a packet that the buffers that are kept have room for. */
  get room(): number {
    if (this.#count === 0) return 0;
    return (this.#options.mergeable ? this.spans.byteLength : this.#bytes[0]!) - netHeaderBytes;
  }

  /**
   * Takes buffers until there is room for a packet of so many bytes, if there are so many; without mergeable buffers it takes one.
   * True: there is that room, or as much as there will be: half of what the guest can have at once, or all that can be kept.
   */
  fill(packetBytes: number): boolean {
    const { mergeable } = this.#options;
    for (let looks = 0; looks < mostLooks; looks += Math.max(1, this.#chain.count, this.#chain.slots)) {
      if (this.#count > 0 && (!mergeable || this.room >= packetBytes)) {
        this.#atOnce = this.queue.size;
        return true;
      }
      if (this.#count === mostBuffers || this.spans.count === this.spans.most) return true;
      if (!this.queue.take(this.#chain)) break;
      const why = this.#keep();
      if (why === 'later') {
        this.queue.putBack(1, this.#chain.slots);
        return true;
      }
      if (why !== undefined) this.#refuse(why);
    }
    return this.#count > 0 && this.#count * 2 >= this.#atOnce;
  }

  /** The guest gives no more than this for the time being: it is enough, until there is more. */
  settle(): void {
    this.#atOnce = this.#count;
  }

  /** Keeps the chain. @returns why it is of no use; `later`: its pieces have no place beside the others' */
  #keep(): string | undefined {
    const chain = this.#chain;
    if (chain.fault !== undefined) return chain.fault;
    if (chain.readable > 0) return 'readable buffer';
    // One for a packet alone has to take the shortest; one of several has to take a header.
    const least = netHeaderBytes + (this.#options.mergeable ? 0 : ethernetBytes);
    if (chain.writableBytes < least) return 'short buffer';
    const before = this.spans.count;
    const bytes = Math.min(chain.writableBytes, mostBufferBytes);
    if (!chain.stretches(0, chain.count, 0, bytes, this.#add)) {
      const isFull = this.spans.count === this.spans.most;
      this.spans.keepFirst(before);
      if (isFull && before > 0) return 'later';
      return isFull ? 'pieces' : 'outside';
    }
    this.#ids[this.#count] = chain.id;
    this.#slots[this.#count] = chain.slots;
    this.#bytes[this.#count] = bytes;
    this.#pieces[this.#count++] = this.spans.count - before;
    return undefined;
  }

  readonly #add = (high: number, low: number, length: number): boolean =>
    this.#domain.translate(high, low, length, Access.write, this.spans);

  /** Gives the chain back, of which nothing was used; and what was kept before it as well: buffers are given in the order in which they came. */
  #refuse(why: string): void {
    this.#options.fault(why);
    this.#give(this.#count, 0);
    this.queue.give(this.#chain.id, this.#chain.slots, 0);
    this.isDirty = true;
  }

  /** Makes room for a packet of so many bytes. @returns why there is none */
  reserve(packetBytes: number): DropReason | undefined {
    this.fill(packetBytes);
    if (this.#count === 0) return 'no buffer';
    if (this.room >= packetBytes) return undefined;
    return this.#options.mergeable ? 'no buffer' : 'buffer too small';
  }

  /** Gives the packet of so many bytes that was written behind the place of its header, for which there is room. */
  commit(header: NetHeader, packetBytes: number): void {
    const bytes = netHeaderBytes + packetBytes;
    let buffers = 0;
    for (let have = 0; have < bytes; buffers++) have += this.#bytes[buffers]!;
    header.write(this.#header, buffers);
    this.spans.setBytesAt(0, this.#headerBytes, netHeaderBytes);
    this.#give(buffers, bytes);
  }

  /** Gives the first buffers, filled with so many bytes. */
  #give(buffers: number, bytes: number): void {
    if (buffers === 0) return;
    let left = bytes;
    let pieces = 0;
    for (let index = 0; index < buffers; index++) {
      const written = Math.min(left, this.#bytes[index]!);
      this.queue.give(this.#ids[index]!, this.#slots[index]!, written);
      left -= written;
      pieces += this.#pieces[index]!;
    }
    this.spans.dropFirst(pieces);
    for (let index = buffers; index < this.#count; index++) {
      this.#ids[index - buffers] = this.#ids[index]!;
      this.#slots[index - buffers] = this.#slots[index]!;
      this.#bytes[index - buffers] = this.#bytes[index]!;
      this.#pieces[index - buffers] = this.#pieces[index]!;
    }
    this.#count -= buffers;
    this.isDirty = true;
  }

  /** Puts back what was taken and not used. */
  putBack(): void {
    let slots = 0;
    for (let index = 0; index < this.#count; index++) slots += this.#slots[index]!;
    if (this.#count > 0) this.queue.putBack(this.#count, slots);
    this.#count = 0;
    this.spans.clear();
  }
}
