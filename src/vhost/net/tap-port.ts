// TapPort: a device joined to a tap of the host: a packet of the guest is written to the tap out of the guest's memory, and one of the tap is read
// to where the guest has room for it; no byte of it is copied in user space. While the guest has no room packets wait in the tap, whose queue is
// bounded by the kernel; while there is no guest they are read and dropped, so that none is told old news.

import type { Loop } from '../../transport/loop.js';
import type { DropReason, Frame, NetPeer } from './frame.js';
import type { NetDevice } from './net-device.js';
import { ethernetBytes, mostPacketBytes, noOffloads, type Offloads, takesGso } from './net-header.js';
import type { ReceiveQueue } from './receive-queue.js';
import type { Tap } from './tap.js';
import { type TapOwner, TapQueue } from './tap-queue.js';

/** Packets of a queue in one turn. */
const packetsATurn = 64;
/** Bytes of two VLAN tags, which the MTU does not count. */
const tagBytes = 8;

/** See the file's head. */
export class TapPort implements NetPeer, TapOwner {
  readonly accepts: Offloads;
  readonly #loop: Loop;
  readonly #tap: Tap;
  readonly #queues: readonly TapQueue[];
  readonly #say: (sentence: string) => void;
  /** The rest of a turn's work, for each queue, and whether it is due. */
  readonly #later: readonly (() => void)[];
  readonly #isDue: boolean[];
  #device: NetDevice | undefined;
  #offloads: Offloads = noOffloads;
  #isGone = false;

  constructor(loop: Loop, tap: Tap, say: (sentence: string) => void) {
    this.accepts = tap.accepts;
    this.#loop = loop;
    this.#tap = tap;
    this.#say = say;
    this.#queues = tap.descriptors.map((fd, index) => new TapQueue(loop, fd, index, this));
    this.#isDue = this.#queues.map(() => false);
    this.#later = this.#queues.map((queue, index) => () => {
      this.#isDue[index] = false;
      this.#pump(queue);
    });
  }

  /** Joins the device, which needs its peer first. */
  join(device: NetDevice): void {
    this.#device = device;
  }

  transmit(frame: Frame, pair: number): DropReason | undefined {
    return this.#queues[pair]!.write(frame);
  }

  flush(): void {}

  roomAgain(pair: number): void {
    this.#pump(this.#queues[pair]!);
  }

  negotiated(offloads: Offloads): void {
    this.#offloads = offloads;
    if (!this.#isGone) this.#tap.offer(offloads);
  }

  readable(queue: TapQueue): void {
    if (!this.#isDue[queue.index]) this.#pump(queue);
  }

  gone(): void {
    if (this.#isGone) return;
    this.#isGone = true;
    for (const queue of this.#queues) queue.rest();
    this.#say(`the tap ${this.#tap.name} was taken away: make it again, and start this command again`);
  }

  /** The longest packet that may come. */
  get #mostBytes(): number {
    const { tso4, tso6, uso } = this.#offloads;
    return tso4 || tso6 || uso ? mostPacketBytes : Math.min(this.#tap.mtu + ethernetBytes + tagBytes, mostPacketBytes);
  }

  /** Brings packets to the guest, as many as have a turn. */
  #pump(queue: TapQueue): void {
    const device = this.#device;
    if (device === undefined) return;
    let count = 0;
    while (queue.isReady && count++ < packetsATurn) {
      const buffers = device.receiving(queue.index);
      if (buffers === undefined) {
        if (queue.read(undefined) >= 0) device.dropped('down');
      } else if (buffers.fill(this.#mostBytes)) this.#bring(queue, buffers, device);
      else if (!buffers.queue.awaitKick()) break;
    }
    device.flush();
    if (count <= packetsATurn || this.#isDue[queue.index]) return;
    this.#isDue[queue.index] = true;
    this.#loop.nextTurn(this.#later[queue.index]!);
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
    } else {
      header.isValid &&= offloads.checksum;
      buffers.commit(header, bytes);
      device.received(bytes);
    }
  }

  /** Lets go of the tap. */
  close(): void {
    for (const queue of this.#queues) queue.close();
  }
}
