// XdpPort: a device joined to a network device of the host by AF_XDP: each packet is copied once in user space, between the guest's memory and that which
// the kernel's rings are over. While the guest has no room packets wait in the rings, which are bounded; while there is no guest they are dropped.

import type { DropReason, Frame, NetPeer } from './frame.js';
import type { JoinedPeer } from './joined-peer.js';
import type { NetDevice } from './net-device.js';
import { everyOffload, type Offloads } from './net-header.js';
import { XdpPackets } from './xdp-packets.js';
import type { XdpQueue } from './xdp-queue.js';

/** See the file's head. */
export class XdpPort extends XdpPackets implements JoinedPeer, NetPeer {
  /** What a guest leaves unfinished is finished in the copy. */
  readonly accepts: Offloads = everyOffload;
  #device: NetDevice | undefined;

  join(device: NetDevice): void {
    this.#device = device;
  }

  transmit(frame: Frame, pair: number): DropReason | undefined {
    return this.queues[pair % this.queues.length]!.write(frame);
  }

  flush(): void {
    this.send();
  }

  roomAgain(): void {
    for (const queue of this.queues) if (queue.isWaiting) this.pump(queue);
  }

  negotiated(): void {}

  /** What waits for the guest is old news for the next. */
  left(): void {
    for (const queue of this.queues) if (queue.isWaiting) this.pumpSoon(queue);
  }

  /** Brings it to the guest, or leaves it where it is until there is room. */
  arrived(frame: Frame, { index }: XdpQueue): boolean {
    const device = this.#device!;
    const pair = index % Math.max(1, device.runningPairs);
    const buffers = device.receiving(pair);
    if (buffers === undefined) device.dropped('down');
    else {
      // What the guest posted while it was asked to kick is taken at once; a guest that posts nothing of use is not waited for.
      for (let tries = 0; tries < 2 && !buffers.fill(frame.byteLength) && buffers.buffers === 0; tries++) {
        if (!buffers.queue.awaitKick()) return false;
      }
      buffers.queue.suppressKicks();
      device.deliver(frame, pair);
    }
    return true;
  }

  /** Counts it. */
  malformed(): void {
    this.#device!.dropped('headers');
  }

  protected taken(): void {
    this.#device!.flush();
  }
}
