// NetDriver: frames of a network device (VIRTIO 1.x section 5.1) as a driver sends and receives them, over a pair of queues of a front end. A
// frame lies behind its header in memory that the device maps: it is written and read in place. Not here: rings (virtio/), what is in frames.

import { wrongArgument } from '../../text/coded.js';
import { netHeaderBytes } from '../net/net-header.js';
import { FrontEndError } from './front-end-error.js';
import type { FrontQueue } from './front-queue.js';
import type { GuestMemory } from './guest-memory.js';

/** Buffers of one received frame, at most: 64 KiB in buffers of 1.5 KiB, and as many again. */
const mostPieces = 128;

/** How many frames there are, and how large. */
export interface NetDriverOptions {
  /** Frames under way at most, each way. Up to the size of the queues. */
  readonly depth: number;
  /** Bytes of a buffer: the header and a frame, or a part of one where they may be merged. */
  readonly bytes: number;
  /** Received frames may take several buffers: where that was agreed on. */
  readonly mergeable: boolean;
}

/** A received frame: the buffers that it is in, header first. */
export interface ReceivedFrame {
  readonly slots: Int32Array;
  /** Bytes in each buffer; of the first the header's as well. */
  readonly lengths: Uint32Array;
  count: number;
  /** Bytes of the frame, without the header. */
  byteLength: number;
}

/** One direction: buffers in shared memory, each a piece of its own. */
class Buffers {
  readonly bytes: Uint8Array[] = [];
  readonly at: number[] = [];
  readonly pieces: (readonly [{ readonly address: number; length: number }])[] = [];
  readonly slotOf: Int32Array;
  readonly free: Int32Array;
  freeCount: number;

  constructor(queue: FrontQueue, memory: GuestMemory, { depth, bytes }: NetDriverOptions) {
    this.slotOf = new Int32Array(queue.driver.size).fill(-1);
    this.free = Int32Array.from({ length: depth }, (_, index) => depth - 1 - index);
    this.freeCount = depth;
    for (let slot = 0; slot < depth; slot++) {
      const at = memory.take(bytes, 64);
      this.at.push(at);
      this.bytes.push(memory.region.bytes.subarray(at, at + bytes));
      this.pieces.push([{ address: memory.guestAddress(at), length: bytes }]);
    }
  }

  take(): number {
    return this.freeCount === 0 ? -1 : this.free[--this.freeCount]!;
  }

  release(slot: number): void {
    this.free[this.freeCount++] = slot;
  }
}

const nothing: readonly [] = [];

/** See the file's head. A slot to send from is taken, filled, sent, and comes back by itself. */
export class NetDriver {
  /** Frames that made no sense: without a header, of more buffers than agreed on. They are dropped. */
  faults = 0;
  readonly #receive: FrontQueue;
  readonly #transmit: FrontQueue;
  readonly #view: DataView;
  readonly #isMergeable: boolean;
  readonly #in: Buffers;
  readonly #out: Buffers;
  /** The frame that comes in, and how many buffers of it are still to come. */
  readonly #frame: ReceivedFrame = {
    slots: new Int32Array(mostPieces),
    lengths: new Uint32Array(mostPieces),
    count: 0,
    byteLength: 0,
  };
  #missing = 0;

  /** @throws FrontEndError where the memory has no room */
  constructor(receive: FrontQueue, transmit: FrontQueue, memory: GuestMemory, options: NetDriverOptions) {
    if (options.bytes <= netHeaderBytes)
      throw wrongArgument(`a buffer of ${options.bytes} bytes has no room for a frame`);
    this.#receive = receive;
    this.#transmit = transmit;
    this.#view = memory.region.data;
    this.#isMergeable = options.mergeable;
    this.#in = new Buffers(receive, memory, options);
    this.#out = new Buffers(transmit, memory, options);
  }

  /** Takes a buffer to send from, whose header is zeros; -1: all are under way. Its frame begins at {@link netHeaderBytes}. */
  take(): number {
    this.#takeBackSent();
    const slot = this.#out.take();
    if (slot >= 0) this.#out.bytes[slot]!.fill(0, 0, netHeaderBytes);
    return slot;
  }

  /** The bytes of a buffer to send from: header and frame. */
  bytesOf(slot: number): Uint8Array {
    this.#transmit.checkOpen();
    return this.#out.bytes[slot]!;
  }

  /** Makes a frame of so many bytes available, after {@link publish}. False: the queue has no room, and the buffer is given back. */
  send(slot: number, length: number): boolean {
    const piece = this.#out.pieces[slot]!;
    piece[0].length = netHeaderBytes + length;
    const id = this.#transmit.driver.add(piece, nothing);
    if (id >= 0) this.#out.slotOf[id] = slot;
    else this.#out.release(slot);
    return id >= 0;
  }

  #takeBackSent(): void {
    const { driver } = this.#transmit;
    for (let id = driver.takeBack(); id >= 0; id = driver.takeBack()) this.#out.release(this.#out.slotOf[id]!);
    if (driver.fault !== undefined) throw new FrontEndError(`queue ${this.#transmit.index}: ${driver.fault}`);
  }

  /** Gives the device all buffers to receive into that nobody holds, after {@link publish}. */
  post(): void {
    const { driver } = this.#receive;
    for (let slot = this.#in.take(); slot >= 0; slot = this.#in.take()) {
      const id = driver.add(nothing, this.#in.pieces[slot]!);
      if (id < 0) {
        this.#in.release(slot);
        return;
      }
      this.#in.slotOf[id] = slot;
    }
  }

  /** Shows the device what was sent and posted, and kicks it where it wants that. */
  publish(): void {
    // In this order: what comes back at once finds room.
    this.#receive.publish();
    this.#transmit.publish();
  }

  /**
   * The next frame that came, whole; undefined: none now. It is the caller's until the next call, and its buffers are posted anew after that.
   * @throws FrontEndError where the ring makes no sense
   */
  receive(): ReceivedFrame | undefined {
    const { driver } = this.#receive;
    if (this.#missing === 0) this.#recycle();
    for (let id = driver.takeBack(); id >= 0; id = driver.takeBack()) {
      if (!this.#take(this.#in.slotOf[id]!, driver.written)) this.#drop();
      else if (this.#missing === 0) return this.#frame;
    }
    if (driver.fault !== undefined) throw new FrontEndError(`queue ${this.#receive.index}: ${driver.fault}`);
    return undefined;
  }

  /** Adds a buffer to the frame that comes in. False: it makes no sense. */
  #take(slot: number, written: number): boolean {
    const frame = this.#frame;
    frame.slots[frame.count] = slot;
    frame.lengths[frame.count] = written;
    if (frame.count++ > 0) {
      frame.byteLength += written;
      this.#missing--;
      return true;
    }
    const buffers = this.#isMergeable ? this.#view.getUint16(this.#in.at[slot]! + 10, true) : 1;
    frame.byteLength = written - netHeaderBytes;
    this.#missing = buffers - 1;
    return written > netHeaderBytes && buffers >= 1 && buffers <= mostPieces;
  }

  #drop(): void {
    this.faults++;
    this.#recycle();
  }

  /** The bytes that a received frame has in one of its buffers; in the first behind the header. */
  partOf({ slots, lengths }: ReceivedFrame, index: number): Uint8Array {
    this.#receive.checkOpen();
    return this.#in.bytes[slots[index]!]!.subarray(index === 0 ? netHeaderBytes : 0, lengths[index]!);
  }

  /** Lets go of the buffers of the frame that came in. */
  #recycle(): void {
    const frame = this.#frame;
    for (let index = 0; index < frame.count; index++) this.#in.release(frame.slots[index]!);
    frame.count = 0;
    this.#missing = 0;
  }
}
