// TapPort: a device joined to a tap of the host: a packet of the guest is written to the tap out of the guest's memory, and one of the tap is read
// to where the guest has room for it; no byte of it is copied in user space. While the guest has no room packets wait in the tap, whose queue is
// bounded by the kernel; while there is no guest they are read and dropped, so that none is told old news.

import type { Loop } from '../../transport/loop.js';
import { type DropReason, type Frame, isLonger, type NetPeer, type Outcome } from './frame.js';
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
import type { Tap } from './tap.js';
import { TapPackets } from './tap-packets.js';
import type { TapQueue } from './tap-queue.js';

/** Bytes of two VLAN tags, which the MTU does not count. */
const tagBytes = 8;
/** How long a guest may take to post buffers that the longest packet needs. */
const patienceMs = 200;

/** See the file's head. */
export class TapPort extends TapPackets implements JoinedPeer, NetPeer {
  #device: NetDevice | undefined;
  #offloads: Offloads = noOffloads;
  readonly #loop: Loop;
  /** Queues whose guest has fewer buffers than the longest packet needs: they are looked at again. */
  readonly #stopWaiting: ((() => void) | undefined)[] = [];

  constructor(loop: Loop, tap: Tap, say: (sentence: string) => void) {
    super(loop, tap, say);
    this.#loop = loop;
  }

  get accepts(): Offloads {
    return this.tap.accepts;
  }

  join(device: NetDevice): void {
    this.#device = device;
  }

  transmit(frame: Frame, pair: number): Outcome {
    return this.queues[pair]!.write(frame);
  }

  /** As of TapOwner: counts what became of a packet of a guest. */
  written(bytes: number, why: DropReason | undefined): void {
    if (why === undefined) this.#device!.sent(bytes);
    else this.#device!.sentDropped(why);
  }

  flush(): void {
    this.flushWrites();
  }

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
    if (!buffers.fill(this.#mostBytes)) {
      if (buffers.queue.awaitKick()) return true;
      this.#isShort(queue, buffers);
      return false;
    }
    this.#bring(queue, buffers, device);
    return true;
  }

  /**
   * A guest may never post as many buffers as the longest packet needs. One that gives no more for a while gets what there is room for; what
   * is longer is lost.
   */
  #isShort(queue: TapQueue, buffers: ReceiveQueue): void {
    const { buffers: count } = buffers;
    if (count === 0 || this.#stopWaiting[queue.index] !== undefined) return;
    const { nowMs: sinceMs } = this.#loop;
    const stop = this.#loop.everyTick((nowMs) => {
      if (nowMs - sinceMs < patienceMs) return;
      stop();
      this.#stopWaiting[queue.index] = undefined;
      const isCurrent = this.#device !== undefined && this.#buffersOf(queue, this.#device) === buffers;
      if (isCurrent && !buffers.fill(this.#mostBytes) && buffers.buffers === count) buffers.settle();
      this.pump(queue);
    });
    this.#stopWaiting[queue.index] = stop;
  }

  override close(): void {
    for (const stop of this.#stopWaiting) stop?.();
    super.close();
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
