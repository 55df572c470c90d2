// Echo: the other side of a device that is joined to itself: each packet comes back to the guest that sent it, for tests and measuring.

import type { DropReason, Frame, NetPeer } from './frame.js';
import type { JoinedPeer } from './joined-peer.js';
import type { NetDevice } from './net-device.js';
import { everyOffload, type Offloads } from './net-header.js';

/** See the file's head. */
export class Echo implements JoinedPeer, NetPeer {
  readonly accepts: Offloads = everyOffload;
  #device: NetDevice | undefined;

  join(device: NetDevice): void {
    this.#device = device;
  }

  transmit(frame: Frame, pair: number): DropReason | undefined {
    return this.#device?.deliver(frame, pair) ?? undefined;
  }

  flush(): void {
    this.#device?.flush();
  }

  roomAgain(): void {}

  negotiated(): void {}

  left(): void {}

  close(): void {}
}
