// What both layouts of a virtqueue (VIRTIO 1.x sections 2.7 and 2.8) are to a device and to a driver. Not here: the layouts
// (split-*.ts, packed-*.ts), memory (memory/domain.ts), who kicks whom (vhost/).

import type { Domain } from '../memory/domain.js';
import type { Chain } from './chain.js';

/** Flags of a descriptor. */
export const Descriptor = { next: 1, write: 2, indirect: 4, available: 0x80, used: 0x8000 } as const;
/** The largest queue. */
export const mostDescriptors = 32_768;
/** Bytes of a descriptor, in the ring and in an indirect table. */
export const descriptorBytes = 16;

/** What a driver and a device agreed on, as far as queues go. */
export interface QueueFeatures {
  /** VIRTIO_F_INDIRECT_DESC. */
  readonly indirect: boolean;
  /** VIRTIO_F_EVENT_IDX: each side says at which entry it wants to hear of the other. */
  readonly eventIndex: boolean;
}

/** Why a queue cannot go on: what its driver wrote makes no sense, whichever request it belongs to. It is over until it is reset. */
export type QueueFault = 'available index' | 'head outside' | 'chain without end' | 'id outside';

/** A queue as its device sees it. Bounded: a call takes one chain at most, of as many pieces as the queue is long. */
export interface DeviceQueue {
  readonly size: number;
  /** Set once, and nothing is taken any more. */
  readonly fault: QueueFault | undefined;
  /**
   * Takes the next chain that the driver made available. False: there is none, or the queue is broken. A chain with a fault of its own is to be
   * given back with nothing written.
   */
  take(chain: Chain): boolean;
  /** Puts the last `chains` that were taken back untouched, of so many slots in all: they are taken again. None of them, or after them, was given. */
  putBack(chains: number, slots: number): void;
  /** Gives a chain back: `written` bytes of its writable pieces were written, from the first on. Seen by the driver after {@link publish}. */
  give(id: number, slots: number, written: number): void;
  /** Shows the driver what was given back. True: it wants to be told. */
  publish(): boolean;
  /** Asks the driver not to kick: the device looks by itself. A hint. */
  suppressKicks(): void;
  /** Asks for a kick when the next chain comes. True: one has come meanwhile, and no kick may follow: look again. */
  awaitKick(): boolean;
  /** Where the queue stands, as SET_VRING_BASE and GET_VRING_BASE of vhost-user have it. */
  readonly position: number;
}

/** Pieces of a request, for a driver. Numbers are the driver's own addresses. */
export interface DriverPiece {
  readonly address: number;
  readonly length: number;
}

/** Memory of the driver for the descriptors of one request: its address, and where it is, 16 bytes a piece. */
export interface DriverTable {
  readonly address: number;
  readonly data: DataView;
  readonly at: number;
}

/** A queue as its driver sees it. What the device writes is checked as well: an id that is not out is refused. */
export interface DriverQueue {
  readonly size: number;
  /** Descriptors that are free. */
  readonly free: number;
  /** Set once: the device wrote what makes no sense. */
  readonly fault: string | undefined;
  /**
   * Makes a request available, after {@link publish}: pieces that the device reads, and those that it writes.
   * @returns its id, which comes back with it; -1: there is no room, or it has more pieces than the queue or 2^32 bytes.
   */
  add(readable: readonly DriverPiece[], writable: readonly DriverPiece[]): number;
  /**
   * As {@link add}, with its pieces in a table, so that it takes one descriptor. The table is the request's until it comes back.
   * @returns -1 also where tables were not agreed on.
   */
  addIndirect(readable: readonly DriverPiece[], writable: readonly DriverPiece[], table: DriverTable): number;
  /** Shows the device what was added. True: it wants a kick. */
  publish(): boolean;
  /** Takes back what the device is done with. -1: nothing now. Its {@link written} bytes are at most what was writable. */
  takeBack(): number;
  /** Bytes that the device wrote to what was taken back last. */
  readonly written: number;
  /** Asks the device not to interrupt. A hint. */
  suppressInterrupts(): void;
  /** Asks for an interrupt. True: something is there already: look again. */
  awaitInterrupt(): boolean;
  /** Where a device goes on that knows from elsewhere what is under way, as SET_VRING_BASE has it. Take back first what is there. */
  readonly position: number;
  /**
   * Begins anew, for another device: the ring is as at first, and what is out is made available again after {@link publish}, in the order in
   * which it was added. The device before is not there any more.
   */
  restart(): void;
}

/** Whether an event at `event` is among those from `old` up to, not including, `now`: indices of 16 bits (section 2.7.10). */
export function needsEvent(event: number, now: number, old: number): boolean {
  return ((now - event - 1) & 0xffff) < ((now - old) & 0xffff);
}

/** What a queue follows addresses in. */
export type QueueDomain = Pick<Domain, 'window'>;
