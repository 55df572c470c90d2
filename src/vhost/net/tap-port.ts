// TapPort: a device joined to a tap of the host: a packet of the guest is written to the tap out of the guest's memory, and one of the tap is read
// to where the guest has room for it; no byte of it is copied in user space. While the guest has no room packets wait in the tap, whose queue is
// bounded by the kernel; while there is no guest they are read and dropped, so that none is told old news.

import { type DropReason, type Frame, isLonger, type NetPeer } from './frame.js';
import type { JoinedPeer } from './joined-peer.js';
import type { NetDevice } from './net-device.js';
import {
  ethernetBytes,
  Gso,
  mostPacketBytes,
  netHeaderBytes,
  noOffloads,
  type Offloads,
  takesGso,
} from './net-header.js';
import type { ReceiveQueue } from './receive-queue.js';
import { TapPackets } from './tap-packets.js';
import type { TapQueue } from './tap-queue.js';

/** Bytes of two VLAN tags, which the MTU does not count. */
const tagBytes = 8;

/** See the file's head. */
export class TapPort extends TapPackets implements JoinedPeer, NetPeer {
  #device: NetDevice | undefined;
  #offloads: Offloads = noOffloads;

  get accepts(): Offloads {
    return this.tap.accepts;
  }

  join(device: NetDevice): void {
    this.#device = device;
  }

  transmit(frame: Frame, pair: number): DropReason | undefined {
    return this.queues[pair]!.write(frame);
  }

  flush(): void {}

  roomAgain(pair: number): void {
    for (const queue of this.queues) {
      if (queue.index === pair || this.#device?.receiving(queue.index) === undefined) this.pump(queue);
    }
  }

  /**
   * Where packets of a queue go: to its pair, or, where the guest runs fewer pairs than the tap has queues, to one that runs: the kernel spreads
   * flows over all queues.
   */
  #buffersOf({ index }: TapQueue, device: NetDevice): ReceiveQueue | undefined {
    const own = device.receiving(index);
    if (own !== undefined) return own;
    const { runningPairs } = device;
    return runningPairs === 0 ? undefined : device.receiving(index % runningPairs);
  }

  negotiated(offloads: Offloads): void {
    this.#offloads = offloads;
    if (!this.isGone) this.tap.offer(offloads);
  }

  left(): void {}

  /** The longest packet that may come. */
  get #mostBytes(): number {
    const { tso4, tso6, uso } = this.#offloads;
    return tso4 || tso6 || uso ? mostPacketBytes : Math.min(this.tap.mtu + ethernetBytes + tagBytes, mostPacketBytes);
  }

  protected take(queue: TapQueue): boolean {
    const device = this.#device;
    if (device === undefined) return false;
    const buffers = this.#buffersOf(queue, device);
    if (buffers === undefined) {
      if (queue.read(undefined) >= 0) device.dropped('down');
      return true;
    }
    // More may have come than was seen: then it is looked at again.
    if (!buffers.fill(this.#mostBytes)) return buffers.queue.awaitKick();
    this.#bring(queue, buffers, device);
    return true;
  }

  protected taken(): void {
    this.#device?.flush();
  }

  /** Reads a packet to the guest's buffers, and gives them. */
  #bring(queue: TapQueue, buffers: ReceiveQueue, device: NetDevice): void {
    buffers.queue.suppressKicks();
    const { room } = buffers;
    const bytes = queue.read(buffers);
    if (bytes < 0) return;
    const { header } = queue;
    const offloads = this.#offloads;
    if (bytes > room || bytes < ethernetBytes) device.dropped('buffer too small');
    else if ((header.needsChecksum && !offloads.checksum) || !takesGso(offloads, header.gso)) {
      // It came before the guest of now agreed on other offloads.
      device.dropped('unfinished');
    } else if (header.gso === Gso.none && isLonger(buffers.spans, netHeaderBytes, bytes, device.agreedMtu)) {
      device.dropped('mtu');
    } else {
      header.isValid &&= offloads.checksum;
      buffers.commit(header, bytes);
      device.received(bytes);
    }
  }
}
