// BlockDriver: requests of a block device (VIRTIO 1.x section 5.2) as a driver makes them, over a queue of a front end. The bytes of a request lie in
// memory that the device maps: they are written and read in place, and nobody copies them. Not here: rings (virtio/), the session (front-end.ts).

import { setLittle64 } from '../../kernel/words.js';
import { wrongArgument } from '../../text/coded.js';
import type { DriverPiece, DriverTable } from '../../virtio/queue.js';
import { BlockRequest, BlockStatus } from '../block/numbers.js';
import { FrontEndError } from './front-end-error.js';
import type { FrontQueue } from './front-queue.js';
import type { GuestMemory } from './guest-memory.js';

const headerBytes = 16;
const statusAt = 16;
const tableAt = 32;
/** Bytes of a slot beside its data: header, status, and a table of three pieces. */
const slotBytes = 128;
/** What no device writes as status. */
const unwritten = 0xff;

/** How many requests there are, and how large. */
export interface BlockDriverOptions {
  /** Requests under way at most. */
  readonly depth: number;
  /** Bytes of data that one has at most. */
  readonly bytes: number;
  /** Their pieces stand in tables: where that was agreed on. Default false. */
  readonly indirect?: boolean;
}

/** The pieces of a slot's requests, made once. */
interface Slot {
  readonly bytes: Uint8Array;
  readonly data: { readonly address: number; length: number };
  readonly header: readonly DriverPiece[];
  readonly headerAndData: readonly DriverPiece[];
  readonly status: readonly DriverPiece[];
  readonly dataAndStatus: readonly DriverPiece[];
  readonly table: DriverTable;
}

/** Who waits for a slot's answer. */
interface Waiting {
  answered(status: number): void;
  failed(error: unknown): void;
}

/**
 * See the file's head. A slot is memory for one request: it is taken, filled, asked, comes back, and is released. Data of a slot that is not out
 * is the caller's.
 */
export class BlockDriver {
  /** Of what came back last: see {@link BlockStatus}. */
  status: number = BlockStatus.ok;
  /** Answers that made no sense: no status, one that there is not, data that is not whole. They count as failed. */
  faults = 0;
  readonly #queue: FrontQueue;
  readonly #view: DataView;
  readonly #most: number;
  readonly #isIndirect: boolean;
  readonly #places: number;
  readonly #slots: Slot[] = [];
  /** Slots by the id of their request. */
  readonly #slotOf: Int32Array;
  readonly #free: Int32Array;
  #freeCount: number;
  readonly #waiting = new Map<number, Waiting>();
  #isPumping = false;

  /** @throws FrontEndError where the memory has no room */
  constructor(queue: FrontQueue, memory: GuestMemory, { depth, bytes, indirect = false }: BlockDriverOptions) {
    this.#queue = queue;
    this.#view = memory.region.data;
    this.#most = bytes;
    this.#isIndirect = indirect;
    this.#places = memory.take(depth * slotBytes);
    this.#slotOf = new Int32Array(queue.driver.size).fill(-1);
    this.#free = Int32Array.from({ length: depth }, (_, index) => depth - 1 - index);
    this.#freeCount = depth;
    for (let slot = 0; slot < depth; slot++) this.#slots.push(this.#makeSlot(slot, memory));
  }

  #makeSlot(slot: number, memory: GuestMemory): Slot {
    const at = this.#places + slot * slotBytes;
    const dataAt = memory.take(this.#most, 4096);
    const header = { address: memory.guestAddress(at), length: headerBytes };
    const status = { address: memory.guestAddress(at + statusAt), length: 1 };
    const data = { address: memory.guestAddress(dataAt), length: 0 };
    return {
      bytes: memory.region.bytes.subarray(dataAt, dataAt + this.#most),
      data,
      header: [header],
      headerAndData: [header, data],
      status: [status],
      dataAndStatus: [data, status],
      table: { address: memory.guestAddress(at + tableAt), data: this.#view, at: at + tableAt },
    };
  }

  /** Takes a slot; -1: all are under way, or taken. */
  take(): number {
    return this.#freeCount === 0 ? -1 : this.#free[--this.#freeCount]!;
  }

  /** Gives a slot back that was taken and is not out. */
  release(slot: number): void {
    this.#free[this.#freeCount++] = slot;
  }

  /** The bytes of a slot: what a write takes, and where a read puts. */
  bytesOf(slot: number): Uint8Array {
    this.#queue.checkOpen();
    return this.#slots[slot]!.bytes;
  }

  /**
   * Makes a request available, after {@link publish}. @param bytes of the slot's data that it has: 0 for a flush, 20 for an id.
   * @returns false where the queue has no room. @throws RangeError for more bytes than a slot has
   */
  ask(slot: number, type: number, sector: number, bytes: number): boolean {
    if (bytes > this.#most) throw wrongArgument(`${bytes} bytes in a slot of ${this.#most}`);
    const { driver } = this.#queue;
    const pieces = this.#slots[slot]!;
    const at = this.#places + slot * slotBytes;
    const view = this.#view;
    view.setUint32(at, type, true);
    view.setUint32(at + 4, 0, true);
    setLittle64(view, at + 8, sector);
    view.setUint8(at + statusAt, unwritten);
    pieces.data.length = bytes;
    const isRead = type === BlockRequest.read || type === BlockRequest.id;
    const readable = isRead || bytes === 0 ? pieces.header : pieces.headerAndData;
    const writable = isRead && bytes > 0 ? pieces.dataAndStatus : pieces.status;
    const id = this.#isIndirect ? driver.addIndirect(readable, writable, pieces.table) : driver.add(readable, writable);
    if (id < 0) return false;
    this.#slotOf[id] = slot;
    return true;
  }

  /** As {@link ask}, for a discard or for zeros: of so many sectors. @param mayUnmap the room of zeros may be given back. */
  askRange(slot: number, type: number, sector: number, sectors: number, mayUnmap = false): boolean {
    this.#queue.checkOpen();
    const { bytes } = this.#slots[slot]!;
    const view = new DataView(bytes.buffer, bytes.byteOffset, headerBytes);
    setLittle64(view, 0, sector);
    view.setUint32(8, sectors, true);
    view.setUint32(12, mayUnmap ? 1 : 0, true);
    return this.ask(slot, type, 0, headerBytes);
  }

  /** Shows the device what was asked, and kicks it if it wants that. */
  publish(): void {
    this.#queue.publish();
  }

  /** What came back next: its slot, still taken, with {@link status}; -1: nothing now. @throws FrontEndError where the ring makes no sense */
  takeBack(): number {
    const { driver } = this.#queue;
    const id = driver.takeBack();
    if (id >= 0) return this.#ended(id);
    if (driver.fault !== undefined) throw new FrontEndError(`queue ${this.#queue.index}: ${driver.fault}`);
    return -1;
  }

  #ended(id: number): number {
    const slot = this.#slotOf[id]!;
    const at = this.#places + slot * slotBytes;
    const status = this.#view.getUint8(at + statusAt);
    const isRead = this.#view.getUint32(at, true) === BlockRequest.read;
    const isWhole = !isRead || status !== BlockStatus.ok || this.#queue.driver.written > this.#slots[slot]!.data.length;
    if (status > BlockStatus.unsupported || !isWhole) this.faults++;
    this.status = status > BlockStatus.unsupported || !isWhole ? BlockStatus.failed : status;
    return slot;
  }

  /**
   * Asks, and waits for the answer, while others run. Not together with {@link takeBack}.
   * @param bytes as in {@link ask}. @returns its status. @throws FrontEndError where nothing comes back within `limitMs`
   */
  run(slot: number, type: number, sector: number, bytes: number, limitMs = 30_000): Promise<number> {
    if (!this.ask(slot, type, sector, bytes)) throw new FrontEndError(`queue ${this.#queue.index} has no room`);
    return this.answerOf(slot, limitMs);
  }

  /** Publishes, and waits for the answer of a slot that was asked. */
  answerOf(slot: number, limitMs = 30_000): Promise<number> {
    this.publish();
    const answer = new Promise<number>((answered, failed) => this.#waiting.set(slot, { answered, failed }));
    if (!this.#isPumping) void this.#pump(limitMs);
    return answer;
  }

  /** Hands out what comes back until nobody waits. */
  async #pump(limitMs: number): Promise<void> {
    this.#isPumping = true;
    try {
      while (this.#waiting.size > 0) {
        const slot = this.takeBack();
        if (slot < 0) {
          await this.#queue.untilBack(limitMs);
          continue;
        }
        this.#waiting.get(slot)?.answered(this.status);
        this.#waiting.delete(slot);
      }
    } catch (error) {
      for (const { failed } of this.#waiting.values()) failed(error);
      this.#waiting.clear();
    } finally {
      this.#isPumping = false;
    }
  }
}
