// GuestPort: a guest at a port of a switch. Not here: where its packets go (switch.ts), how they come to it (net-device.ts).

import type { DropReason, Frame, NetPeer } from './frame.js';
import type { JoinedPeer } from './joined-peer.js';
import type { NetDevice } from './net-device.js';
import type { Offloads } from './net-header.js';
import type { Switch, SwitchPort } from './switch.js';

/** See the file's head. */
export class GuestPort implements JoinedPeer, NetPeer, SwitchPort {
  readonly isUplink = false;
  readonly accepts: Offloads;
  readonly #switch: Switch;
  readonly #port: number;
  #device: NetDevice | undefined;

  /** @param accepts what packets of the guest may leave unfinished */
  constructor(to: Switch, accepts: Offloads) {
    this.#switch = to;
    this.accepts = accepts;
    this.#port = to.add(this);
  }

  join(device: NetDevice): void {
    this.#device = device;
  }

  transmit(frame: Frame, pair: number): DropReason | undefined {
    return this.#switch.forward(this.#port, frame, pair);
  }

  flush(): void {
    this.#switch.flush();
  }

  deliver(frame: Frame, pair: number): DropReason | undefined {
    const device = this.#device!;
    // A sender's pair stays one of the receiver's, so that what came in order goes in order.
    return device.deliver(frame, pair % Math.max(1, device.runningPairs));
  }

  flushPort(): void {
    this.#device!.flush();
  }

  roomAgain(): void {}

  negotiated(): void {}

  left(): void {
    this.#switch.left(this.#port);
  }

  /** There is nothing to let go of. */
  close(): void {}
}
