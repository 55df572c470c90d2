// EpollSet: the kernel's set of descriptors, and what it tells of them. Not here: what follows from that (engine.ts).

import { EPOLL, EPOLL_CTL } from '../kernel/constants.js';
import { epollControl, epollCreate, epollEventWords, epollWait } from '../kernel/epoll.js';
import { closeDescriptor } from '../kernel/socket.js';
import { Region } from '../memory/region.js';
import { type Interest, Role } from './interest.js';

const eventsATurn = 512;

/** See the file's head. */
export class EpollSet {
  readonly descriptor: number;
  /** What {@link wait} was told, struct epoll_event after struct. */
  readonly words: Int32Array;
  readonly #events: Region;

  /** @throws SystemError EMFILE, ENOMEM. */
  constructor() {
    this.descriptor = epollCreate();
    this.#events = new Region(eventsATurn * epollEventWords * 4);
    this.words = new Int32Array(this.#events.buffer);
  }

  /**
   * Tells the kernel what is wanted of a descriptor now, if that is not what it knows. Returns 0 or -errno (ENOSPC: the
   * limit on watched descriptors; ENOMEM): then nothing will come of it, and the operation that asked has failed.
   */
  update(interest: Interest): number {
    const input = interest.receiving ? EPOLL.IN | EPOLL.RDHUP : 0;
    const output = interest.sending || interest.awaiting ? EPOLL.OUT : 0;
    const wanted = input | output;
    if (wanted === interest.registered) return 0;
    if (interest.isClosing) {
      interest.registered = wanted;
      return 0;
    }
    const operation = interest.registered === 0 ? EPOLL_CTL.ADD : wanted === 0 ? EPOLL_CTL.DEL : EPOLL_CTL.MOD;
    return this.#tell(interest, operation, wanted);
  }

  /** Asks anew for what the kernel knows already: it tells of room or bytes that are there. Returns 0 or -errno. */
  askAgain(interest: Interest): number {
    return this.#tell(interest, EPOLL_CTL.MOD, interest.registered);
  }

  #tell(interest: Interest, operation: number, wanted: number): number {
    const { fd, role } = interest;
    // Told once of what came, as of streams so of what is watched: its owner may leave some for later, and would be told again and again.
    const bits = role === Role.listener ? wanted : wanted | EPOLL.ET;
    // What is watched is told from the others by the sign.
    const mark = role === Role.watch ? ~fd : fd;
    const result = epollControl(this.descriptor, operation, fd, bits, mark, interest.token);
    if (result < 0 && operation !== EPOLL_CTL.DEL) return result;
    interest.registered = wanted;
    return 0;
  }

  /** Waits at most `waitMs` (0: not at all; -1: without end). Returns how many structs there are, or -errno. */
  wait(waitMs: number): number {
    return epollWait(this.descriptor, this.#events.address, eventsATurn, waitMs);
  }

  /** Closes the set and gives its memory back; the descriptors in it stay open. */
  close(): void {
    closeDescriptor(this.descriptor);
    this.#events.unmap();
  }
}
