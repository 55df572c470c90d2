// TapQueue: one queue of a tap: a packet is read or written by one call, its header in memory of ours, its bytes where they are: in the memory of a
// guest, or, where nobody has room for them, in ours. With io_uring the writes of a turn are one system call. Not here: how a tap is opened (tap.ts), who gets its packets.

import { Errno } from '../../kernel/errno.js';
import { closeDescriptor } from '../../kernel/socket.js';
import { isTapThere, readPacket, writePacket } from '../../kernel/tap.js';
import { Iovecs } from '../../memory/iovecs.js';
import { Region } from '../../memory/region.js';
import { Endpoint } from '../../transport/endpoint.js';
import type { Loop } from '../../transport/loop.js';
import { CallBatch } from '../../uring/call-batch.js';
import { type DropReason, type Frame, mostFramePieces, type Outcome } from './frame.js';
import { NetHeader, netHeaderBytes } from './net-header.js';
import type { ReceiveQueue } from './receive-queue.js';

/** Longer than any packet of a tap: what is cut off is seen to be. */
const ownBytes = 128 * 1024;
/** Where in our memory packets lie that nobody has room for; headers lie before. */
const ownAt = 4096;
/** Pieces of a packet, its header, and the room behind it. */
const mostPieces = mostFramePieces + 2;
/** Packets that are written by one system call, and their pieces; where their headers lie, in our memory. */
const batchPackets = 64;
const batchPieces = 2048;
const headersAt = 64;
const headerStride = 16;

/** What a {@link TapQueue} tells. */
export interface TapOwner {
  /** Packets wait, perhaps. */
  readable(queue: TapQueue): void;
  /** A packet that was to be written later was, or why not. */
  written(bytes: number, why: DropReason | undefined): void;
  /** The tap is no more. */
  gone(): void;
}

/** See the file's head. It owns its descriptor. */
export class TapQueue extends Endpoint {
  readonly index: number;
  /** Memory of ours, in which a packet lies that was read without buffers, from {@link ownAt} on. */
  readonly own: Region = new Region(ownAt + ownBytes);
  readonly ownAt: number = ownAt;
  /** The header of the packet that was read last. */
  readonly header: NetHeader = new NetHeader();
  /** Packets wait, as far as is known. */
  isReady = true;
  readonly #loop: Loop;
  readonly #fd: number;
  readonly #owner: TapOwner;
  readonly #iovecs = new Iovecs(mostPieces);
  readonly #read = new DataView(this.own.buffer, 0, netHeaderBytes);
  readonly #headers = Array.from(
    { length: batchPackets },
    (_, place) => new DataView(this.own.buffer, headersAt + place * headerStride, netHeaderBytes),
  );
  /** Writes of a turn, on io_uring, with the pieces and the length of each. */
  readonly #batch: CallBatch | undefined;
  readonly #batchIovecs: Iovecs;
  readonly #lengths = new Uint32Array(batchPackets);
  #isOver = false;

  constructor(loop: Loop, fd: number, index: number, owner: TapOwner) {
    super();
    this.#loop = loop;
    this.#fd = fd;
    this.index = index;
    this.#owner = owner;
    if (loop.engine.name === 'uring') this.#batch = new CallBatch(batchPackets);
    this.#batchIovecs = new Iovecs(this.#batch === undefined ? mostPieces : batchPieces);
    loop.register(this);
    loop.engine.watch(this.token, fd);
  }

  override readable(result: number, more: boolean): void {
    if (this.#isOver) return;
    if (!more && result >= 0) this.#loop.engine.watch(this.token, this.#fd);
    this.isReady = true;
    this.#owner.readable(this);
    // Where nobody has room, nothing was read that would have said so.
    if (this.isReady && !isTapThere(this.#fd)) this.#owner.gone();
  }

  /**
   * Reads a packet to where the buffers are that are kept in `buffers`, behind the place of its header; without them, or what they have no room for,
   * to our own memory. Returns the packet's bytes, which are more than there was room for where it was cut, or -1: none waits.
   */
  read(buffers: ReceiveQueue | undefined): number {
    const iovecs = this.#iovecs;
    iovecs.clear();
    iovecs.add(this.own.address, netHeaderBytes);
    if (buffers !== undefined) buffers.spans.describe(netHeaderBytes, buffers.room, iovecs);
    iovecs.add(this.own.address + ownAt, ownBytes);
    const result = this.#isOver ? -Errno.EBADFD : readPacket(this.#fd, iovecs.address, iovecs.count);
    if (result >= netHeaderBytes) {
      this.header.read(this.#read);
      return result - netHeaderBytes;
    }
    this.isReady = result === -Errno.EINTR;
    if (result === -Errno.EBADFD) this.#owner.gone();
    return -1;
  }

  /** Writes a packet, at once, or with others: its bytes stay until {@link flush}. @returns why the kernel did not take it */
  write(frame: Frame): Outcome {
    const batch = this.#batch;
    const iovecs = this.#batchIovecs;
    if (this.#isOver) return 'down';
    if (batch === undefined) {
      iovecs.clear();
      this.#describe(frame, 0);
      return this.#outcomeOf(writePacket(this.#fd, iovecs.address, iovecs.count));
    }
    if (batch.count === batch.most || iovecs.room < mostPieces) this.flush();
    iovecs.next();
    this.#lengths[batch.count] = frame.byteLength;
    this.#describe(frame, batch.count);
    batch.writeVectors(this.#fd, iovecs.address, iovecs.count);
    return 'later';
  }

  /** Describes a packet to the kernel. @param place of its header, among those of a batch */
  #describe({ header, spans, byteLength }: Frame, place: number): void {
    header.write(this.#headers[place]!, 0);
    this.#batchIovecs.add(this.own.address + headersAt + place * headerStride, netHeaderBytes);
    spans.describe(0, byteLength, this.#batchIovecs);
  }

  /** Packets that are to be written later are, now, and their owner is told of each. */
  flush(): void {
    const batch = this.#batch;
    if (batch === undefined || batch.count === 0) return;
    const count = batch.run();
    this.#batchIovecs.clear();
    for (let index = 0; index < count; index++)
      this.#owner.written(this.#lengths[index]!, this.#outcomeOf(batch.results[index]!));
  }

  /** What became of a packet, by what its write gave. */
  #outcomeOf(result: number): DropReason | undefined {
    if (result >= 0) return undefined;
    if (result === -Errno.EBADFD) this.#owner.gone();
    if (result === -Errno.EBADFD || result === -Errno.EIO) return 'down';
    return result === -Errno.EAGAIN || result === -Errno.ENOBUFS || result === -Errno.ENOMEM ? 'full' : 'refused';
  }

  /** Watches it no more: there is nothing to read. */
  rest(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.isReady = false;
    // It stays open: the engine has to be told.
    this.#loop.engine.cancel(this.token, this.#fd);
    this.#loop.engine.flush();
  }

  /** Lets go of it. */
  close(): void {
    this.rest();
    closeDescriptor(this.#fd);
    this.#iovecs.unmap();
    this.#batch?.close();
    this.#batchIovecs.unmap();
    this.own.unmap();
  }
}
