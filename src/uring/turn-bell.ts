// TurnBell: the descriptor that tells someone else's loop (Node's) that an io_uring wants a turn. The ring's own does not tell it: with
// DEFER_TASKRUN the kernel keeps work for the next io_uring_enter, and whoever polls the ring is not woken for it. So the kernel rings an eventfd.
// It does not pass on what happens to another eventfd more than once (io_uring/eventfd.c: one eventfd must not signal another from within, and
// IO_EVENTFD_OP_SIGNAL_BIT of the work that does it later is never cleared): descriptors that are watched are polled beside it, in one epoll.
// Only rings that are polled have a bell; a loop that waits in io_uring_enter needs none.

import { EPOLL, EPOLL_CTL, IORING_REGISTER } from '../kernel/constants.js';
import { epollControl, epollCreate, epollEventWords, epollWait } from '../kernel/epoll.js';
import { clearEvent, createEventDescriptor } from '../kernel/event.js';
import { scratch } from '../kernel/memory.js';
import { closeDescriptor } from '../kernel/socket.js';
import { check } from '../kernel/system-error.js';
import { uringRegister } from '../kernel/uring.js';
import type { UringRing } from './ring.js';

/** Watched descriptors that are seen to by one call. */
const eventsAtOnce = 64;

/** Rung when something happens to a ring between two turns. */
export class TurnBell {
  /** Polls readable when it rang. */
  readonly fd: number;
  readonly #ring: UringRing;
  readonly #event: number;

  /** @param watched descriptors that are watched already @throws SystemError when there is no descriptor to be had, or the ring takes none. */
  constructor(ring: UringRing, watched: Iterable<number>) {
    this.#ring = ring;
    this.#event = createEventDescriptor();
    const place = scratch(4);
    place.data.setInt32(place.offset, this.#event, true);
    try {
      check(uringRegister(ring.fd, IORING_REGISTER.EVENTFD, place.address, 1), 'io_uring_register', 'EVENTFD');
      this.fd = epollCreate();
    } catch (error) {
      closeDescriptor(this.#event);
      throw error;
    }
    epollControl(this.fd, EPOLL_CTL.ADD, this.#event, EPOLL.IN, 0, 0);
    for (const fd of watched) this.watch(fd);
  }

  /** A descriptor is watched from now on. What cannot be polled is not watched either. */
  watch(fd: number): void {
    epollControl(this.fd, EPOLL_CTL.ADD, fd, EPOLL.IN | EPOLL.ET, 0, 0);
  }

  /** And no more. */
  unwatch(fd: number): void {
    epollControl(this.fd, EPOLL_CTL.DEL, fd, 0, 0, 0);
  }

  /** A turn begins: what rang is being seen to, and what the turn itself completes must not ring. */
  silence(): void {
    this.#ring.signalEvents(false);
    clearEvent(this.#event);
  }

  /**
   * The turn is over: rings again. @param wasWatched it may have been a watched descriptor that rang: it had an event, or nothing else had.
   * True when work came meanwhile, unheard, and another turn is due.
   */
  listen(wasWatched: boolean): boolean {
    const rang = wasWatched && this.#forget();
    this.#ring.signalEvents(true);
    return rang || this.#ring.workPending() || this.#ring.completionRing.available() > 0;
  }

  /** What rang is forgotten: an edge is told once. Returns whether there was any, whose event may be on its way still. */
  #forget(): boolean {
    const { address } = scratch(eventsAtOnce * epollEventWords * 4);
    let [all, count] = [0, eventsAtOnce];
    for (; count === eventsAtOnce; all += Math.max(0, count)) count = epollWait(this.fd, address, eventsAtOnce, 0);
    return all > 0;
  }

  /** Lets go of its descriptors; only after the ring is closed. */
  close(): void {
    closeDescriptor(this.fd);
    closeDescriptor(this.#event);
  }
}
