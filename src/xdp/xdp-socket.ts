// XdpSocket: a socket of AF_XDP on one queue of a network device: memory for packets and the four rings, mapped; wake-ups, statistics, and an end in
// order. Where each ring's words are is said in numbers, so that whoever works the rings may be TypeScript (packet-rings.ts) or WebAssembly in whose
// memory they are mapped. Not here: the XDP program that brings packets to it (xdp-attachment.ts), who owns which frame (frame-guard.ts).

import { SO, SOL, XDP } from '../kernel/constants.js';
import { Errno } from '../kernel/errno.js';
import { pageBytes } from '../kernel/memory.js';
import { closeDescriptor, setSocketOption } from '../kernel/socket.js';
import {
  bindXdpSocket,
  createXdpSocket,
  isXdpZeroCopy,
  kickXdpReceive,
  kickXdpTransmit,
  makeXdpRing,
  mapXdpRing,
  mapXdpRingAt,
  registerXdpMemory,
  unmapXdpRingAt,
  type XdpRingName,
  type XdpStatistics,
  xdpRingOffsets,
  xdpRings,
  xdpStatistics,
} from '../kernel/xdp.js';
import { wrongArgument, wrongState } from '../text/coded.js';
import type { FrameBytes } from './frame-guard.js';
import { socketRefused } from './xdp-error.js';
import { isWholePages, type XdpMemory } from './xdp-memory.js';

/** Rings have a power of two of entries, within these. */
const entriesLimits = { least: 64, most: 1 << 16 } as const;
const ringNames = Object.keys(xdpRings) as readonly XdpRingName[];
/** What the kernel needs for a packet beside its bytes (SKB_TRUESIZE), at most, in copy mode. */
const packetOverheadBytes = 1024;

/** A queue is free only some time after its last socket ended: the kernel lets go of it in the background (xp_release_deferred, net/xdp/xsk_buff_pool.c). */
const patience = { tries: 50, everyMs: 10 } as const;

/** Entries of the rings: powers of two from 64 to 65,536. */
export type XdpRingEntries = Readonly<Record<XdpRingName, number>>;

/** How a socket is opened. */
export interface XdpSocketOptions {
  /** The device, by name and number, and its queue. */
  readonly device: string;
  readonly ifindex: number;
  readonly queue: number;
  /** Memory for packets: whole pages. What is no whole frame at its end is not used. */
  readonly memory: XdpMemory;
  readonly frameBytes: FrameBytes;
  /** Bytes that stay free before a packet that comes, beside the 256 of XDP's own. Default 0. */
  readonly headroom?: number;
  readonly entries: XdpRingEntries;
  /**
   * Where each ring is to be mapped, over what is there: {@link xdpRingBytes} of it. They are taken away from there again at the end, and zeros are left.
   * Default: where there is room.
   */
  readonly ringMemory?: Readonly<Record<XdpRingName, XdpMemory>>;
  /** Work in the process's memory itself where the driver can (`prefer`, the default), or never. */
  readonly zeroCopy?: 'prefer' | 'never';
}

/** A ring in memory: places are bytes from the beginning of `buffer` on. */
export interface XdpRingPlace {
  readonly buffer: ArrayBufferLike;
  readonly entries: number;
  /** Bytes of an entry: 16 of a packet (address of 8 bytes, length of 4, options of 4), 8 of a frame (its address). */
  readonly entryBytes: number;
  /** Words of 32 bits: the producer's and the consumer's count, and flags (1: the kernel has to be woken). */
  readonly producer: number;
  readonly consumer: number;
  readonly flags: number;
  /** The first entry. */
  readonly descriptors: number;
}

const pages = (bytes: number): number => Math.ceil(bytes / pageBytes()) * pageBytes();

/** Bytes of whole pages that a ring's mapping takes at most: its words take no more than a page. */
export function xdpRingBytes(ring: XdpRingName, entries: number): number {
  return pages(pageBytes() + entries * xdpRings[ring].entryBytes);
}

function checkOptions({ memory, frameBytes, headroom = 0, entries, ringMemory }: XdpSocketOptions): void {
  const { least, most } = entriesLimits;
  for (const ring of ringNames) {
    const count = entries[ring];
    if (!Number.isInteger(count) || count < least || count > most || (count & (count - 1)) !== 0)
      throw wrongArgument(`the ${ring} ring has a power of two of entries from ${least} to ${most}, not ${count}`);
  }
  if (!isWholePages(memory) || memory.byteLength < frameBytes)
    throw wrongArgument('memory for packets is whole pages, and has at least one frame');
  if (!Number.isInteger(headroom) || headroom < 0 || headroom > frameBytes / 2)
    throw wrongArgument(`room before a packet is from 0 to half of a frame, not ${headroom} bytes`);
  if (ringMemory === undefined) return;
  for (const ring of ringNames) {
    const least = xdpRingBytes(ring, entries[ring]);
    if (!isWholePages(ringMemory[ring]) || ringMemory[ring].byteLength < least)
      throw wrongArgument(`memory for the ${ring} ring is whole pages, ${least} bytes of them at least`);
  }
}

/** See the file's head. */
export class XdpSocket {
  readonly fd: number;
  readonly device: string;
  readonly queue: number;
  /** The kernel's driver works in the memory itself; else each packet is copied by the kernel. */
  readonly isZeroCopy: boolean;
  readonly frames: number;
  readonly frameBytes: FrameBytes;
  readonly memory: XdpMemory;
  readonly rings: Readonly<Record<XdpRingName, XdpRingPlace>>;
  readonly #unmap: (() => void)[] = [];
  readonly #transmitFlags: Uint32Array;
  readonly #fillFlags: Uint32Array;
  #isOpen = true;

  /** Opens it; packets come as soon as a program brings them. @throws XdpError with the fix, RangeError, SystemError for a mapping */
  constructor(options: XdpSocketOptions) {
    checkOptions(options);
    const { device, queue, memory, frameBytes } = options;
    this.device = device;
    this.queue = queue;
    this.memory = memory;
    this.frameBytes = frameBytes;
    this.frames = Math.floor(memory.byteLength / frameBytes);
    this.fd = createXdpSocket();
    if (this.fd < 0) throw socketRefused(-this.fd, 'socket', device, queue);
    try {
      this.rings = this.#setUp(options);
      this.#bind(options);
      this.isZeroCopy = isXdpZeroCopy(this.fd);
    } catch (error) {
      this.close();
      throw error;
    }
    this.#transmitFlags = new Uint32Array(this.rings.transmit.buffer, this.rings.transmit.flags, 1);
    this.#fillFlags = new Uint32Array(this.rings.fill.buffer, this.rings.fill.flags, 1);
  }

  #check(result: number, step: 'memory' | 'ring' | 'bind'): void {
    if (result < 0) throw socketRefused(-result, step, this.device, this.queue);
  }

  #setUp({ headroom = 0, entries, ringMemory }: XdpSocketOptions): Record<XdpRingName, XdpRingPlace> {
    const { fd, memory, frames, frameBytes } = this;
    this.#check(registerXdpMemory(fd, memory.address, frames * frameBytes, frameBytes, headroom), 'memory');
    for (const ring of ringNames) this.#check(makeXdpRing(fd, ring, entries[ring]), 'ring');
    // In copy mode what is sent counts against the socket's buffer, and a full one would hold frames back that nobody asks for again.
    const sendBytes = Math.min(entries.transmit * (frameBytes + packetOverheadBytes), 0x3fff_ffff);
    if (setSocketOption(fd, SOL.SOCKET, SO.SNDBUFFORCE, sendBytes) < 0)
      setSocketOption(fd, SOL.SOCKET, SO.SNDBUF, sendBytes);
    const offsets = xdpRingOffsets(fd);
    if (typeof offsets === 'number') throw socketRefused(-offsets, 'ring', this.device, this.queue);
    const map = (ring: XdpRingName): XdpRingPlace => {
      const { producer, consumer, flags, descriptors } = offsets[ring];
      // The kernel maps no more than there is.
      const length = pages(descriptors + entries[ring] * xdpRings[ring].entryBytes);
      const { buffer, at } = this.#map(ring, length, ringMemory?.[ring]);
      return {
        buffer,
        entries: entries[ring],
        entryBytes: xdpRings[ring].entryBytes,
        producer: at + producer,
        consumer: at + consumer,
        flags: at + flags,
        descriptors: at + descriptors,
      };
    };
    return { fill: map('fill'), completion: map('completion'), receive: map('receive'), transmit: map('transmit') };
  }

  #map(ring: XdpRingName, length: number, place: XdpMemory | undefined) {
    if (place === undefined) {
      const mapping = mapXdpRing(this.fd, ring, length);
      this.#unmap.push(mapping.unmap);
      return { buffer: mapping.buffer, at: 0 };
    }
    const { address, buffer, byteOffset: at = 0 } = place;
    this.#check(mapXdpRingAt(this.fd, ring, address, length), 'ring');
    this.#unmap.push(() => unmapXdpRingAt(address, length));
    return { buffer, at };
  }

  /** Without a word on copies the kernel asks the driver, and copies where it cannot. */
  #bind({ ifindex, zeroCopy }: XdpSocketOptions): void {
    const flags = XDP.USE_NEED_WAKEUP | (zeroCopy === 'never' ? XDP.COPY : 0);
    let result = bindXdpSocket(this.fd, ifindex, this.queue, flags);
    const clockMemory = new SharedArrayBuffer(4);
    const clock = new Int32Array(clockMemory, 0, 1);
    for (let tries = 0; result === -Errno.EBUSY && tries < patience.tries; tries++) {
      Atomics.wait(clock, 0, 0, patience.everyMs);
      result = bindXdpSocket(this.fd, ifindex, this.queue, flags);
    }
    this.#check(result, 'bind');
  }

  /** Whether it has not been closed: its rings are there. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** @throws Error (CLEARWAY_STATE) once it is closed: its rings have gone */
  checkOpen(): void {
    if (!this.#isOpen) throw wrongState(`the socket of queue ${this.queue} of ${this.device} is closed`);
  }

  /** What the kernel counted; undefined: it does not say. */
  statistics(): XdpStatistics | undefined {
    return this.#isOpen ? xdpStatistics(this.fd) : undefined;
  }

  /** Has the kernel send what is in the transmit ring, where it waits to be told. Returns 0 or -errno (EAGAIN: there is more). @throws Error (CLEARWAY_STATE) */
  wakeTransmit(): number {
    this.checkOpen();
    // The flag is read after the producer's count was stored: Atomics keep that order.
    if ((Atomics.load(this.#transmitFlags, 0) & XDP.RING_NEED_WAKEUP) === 0) return 0;
    return kickXdpTransmit(this.fd);
  }

  /** Tells the driver of frames in the fill ring, where it waits to be told. Returns 0 or -errno. @throws Error (CLEARWAY_STATE) */
  wakeReceive(): number {
    this.checkOpen();
    if ((Atomics.load(this.#fillFlags, 0) & XDP.RING_NEED_WAKEUP) === 0) return 0;
    return kickXdpReceive(this.fd);
  }

  /**
   * Ends it, once whoever works the rings has stopped. The program that brings packets is to be detached before: what it brings to a socket that has
   * gone goes to the kernel's own stack. The memory may be unmapped afterwards, since the kernel holds its pages as long as a driver uses them, but a
   * card that works in it itself may write a last packet within some milliseconds. A second call does nothing.
   */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    closeDescriptor(this.fd);
    for (const unmap of this.#unmap.splice(0)) unmap();
  }
}
