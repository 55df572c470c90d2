// TapQueue: one queue of a tap: a packet is read or written by one call, its header in memory of ours, its bytes where they are: in the memory of a
// guest, or, where nobody has room for them, in ours. Not here: how a tap is opened (tap.ts), who gets its packets.

import { Errno } from '../../kernel/errno.js';
import { closeDescriptor } from '../../kernel/socket.js';
import { isTapThere, readPacket, writePacket } from '../../kernel/tap.js';
import { Iovecs } from '../../memory/iovecs.js';
import { Region } from '../../memory/region.js';
import { Endpoint } from '../../transport/endpoint.js';
import type { Loop } from '../../transport/loop.js';
import { type DropReason, type Frame, mostFramePieces } from './frame.js';
import { NetHeader, netHeaderBytes } from './net-header.js';
import type { ReceiveQueue } from './receive-queue.js';

/** Longer than any packet of a tap: what is cut off is seen to be. */
const ownBytes = 128 * 1024;
/** Where in our memory packets lie that nobody has room for; headers lie before. */
const ownAt = 4096;
/** Pieces of a packet, its header, and the room behind it. */
const mostPieces = mostFramePieces + 2;

/** What a {@link TapQueue} tells. */
export interface TapOwner {
  /** Packets wait, perhaps. */
  readable(queue: TapQueue): void;
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
  readonly #written = new DataView(this.own.buffer, 64, netHeaderBytes);
  #isOver = false;

  constructor(loop: Loop, fd: number, index: number, owner: TapOwner) {
    super();
    this.#loop = loop;
    this.#fd = fd;
    this.index = index;
    this.#owner = owner;
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

  /** Writes a packet. @returns why the kernel did not take it */
  write({ header, spans, byteLength }: Frame): DropReason | undefined {
    const iovecs = this.#iovecs;
    header.write(this.#written, 0);
    iovecs.clear();
    iovecs.add(this.own.address + 64, netHeaderBytes);
    spans.describe(0, byteLength, iovecs);
    const result = this.#isOver ? -Errno.EBADFD : writePacket(this.#fd, iovecs.address, iovecs.count);
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
    this.own.unmap();
  }
}
