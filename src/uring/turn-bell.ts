// TurnBell: the eventfd that tells someone else's loop (Node's) that an io_uring wants a turn. The ring's own descriptor
// does not tell it: with DEFER_TASKRUN the kernel keeps work for the next io_uring_enter, and whoever polls the ring is
// not woken for it. Only rings that are polled have a bell; a loop that waits in io_uring_enter needs none.

import { IORING_REGISTER } from '../kernel/constants.js';
import { clearEvent, createEventDescriptor } from '../kernel/event.js';
import { scratch } from '../kernel/memory.js';
import { closeDescriptor } from '../kernel/socket.js';
import { check } from '../kernel/system-error.js';
import { uringRegister } from '../kernel/uring.js';
import type { UringRing } from './ring.js';

/** Rung by the kernel when something happens to a ring between two turns. */
export class TurnBell {
  readonly fd: number;
  readonly #ring: UringRing;

  /** @throws SystemError when there is no descriptor to be had, or the ring takes none. */
  constructor(ring: UringRing) {
    this.#ring = ring;
    this.fd = createEventDescriptor();
    const place = scratch(4);
    place.data.setInt32(place.offset, this.fd, true);
    const registered = uringRegister(ring.fd, IORING_REGISTER.EVENTFD, place.address, 1);
    if (registered < 0) closeDescriptor(this.fd);
    check(registered, 'io_uring_register', 'EVENTFD');
  }

  /** A turn begins: what rang is being seen to, and what the turn itself completes must not ring. */
  silence(): void {
    this.#ring.signalEvents(false);
    clearEvent(this.fd);
  }

  /** The turn is over: rings again. True when work came meanwhile, unheard, and another turn is due. */
  listen(): boolean {
    this.#ring.signalEvents(true);
    return this.#ring.workPending() || this.#ring.completionRing.available() > 0;
  }

  /** Lets go of the descriptor; only after the ring is closed. */
  close(): void {
    closeDescriptor(this.fd);
  }
}
