// An eventfd that somebody else made is signalled from inside of the kernel: as the notice of an asynchronous read of nothing (io_submit(2),
// IOCB_FLAG_RESFD). write(2) to one that is full waits where its description does, and a look beforehand says nothing of the moment after; a
// notice never waits (eventfd_signal, fs/eventfd.c). One call, where a look and a write are two. Not here: eventfds of our own (event.ts).

import { AT, MAP, O, PROT } from './constants.js';
import { Errno } from './errno.js';
import { syscall3, syscall6 } from './ffi.js';
import { cString, type Mapping, mapMemory } from './memory.js';
import { sys } from './numbers.js';

/** Notices that the kernel keeps until they are taken away: as many go out between two calls that do. */
const mostNotices = 64;
/** struct iocb, struct io_event (include/uapi/linux/aio_abi.h), and where they are in our memory. */
const controlBytes = 64;
const eventBytes = 32;
const pointerAt = controlBytes;
const contextAt = pointerAt + 8;
const eventsAt = contextAt + 8;
const opcodePread = 0;
const flagResultDescriptor = 1;

/** See the file's head. Of one thread. */
class Notifier {
  readonly #memory: Mapping;
  readonly #data: DataView;
  readonly #context: number;
  #sent = 0;

  private constructor(memory: Mapping, context: number, nothing: number) {
    this.#memory = memory;
    this.#data = new DataView(memory.buffer);
    this.#context = context;
    this.#data.setUint16(16, opcodePread, true);
    this.#data.setUint32(20, nothing, true);
    this.#data.setUint32(56, flagResultDescriptor, true);
    this.#data.setBigUint64(pointerAt, BigInt(memory.address), true);
  }

  /** Undefined where the kernel, or a container's filter, has no such calls. */
  static make(): Notifier | undefined {
    const nothing = syscall6(sys.openat, AT.FDCWD, cString('/dev/null'), O.RDONLY | O.CLOEXEC);
    if (nothing < 0) return undefined;
    const memory = mapMemory(eventsAt + mostNotices * eventBytes, PROT.READ | PROT.WRITE, MAP.PRIVATE | MAP.ANONYMOUS);
    const result = syscall3(sys.io_setup, mostNotices, memory.address + contextAt);
    if (result < 0) return undefined;
    return new Notifier(memory, Number(new DataView(memory.buffer).getBigUint64(contextAt, true)), nothing);
  }

  signal(fd: number): number {
    const { address } = this.#memory;
    if (this.#sent === mostNotices) this.#takeAway();
    this.#data.setUint32(60, fd, true);
    let result = syscall3(sys.io_submit, this.#context, 1, address + pointerAt);
    if (result === -Errno.EAGAIN) {
      this.#takeAway();
      result = syscall3(sys.io_submit, this.#context, 1, address + pointerAt);
    }
    if (result < 0) return result;
    this.#sent++;
    return 0;
  }

  #takeAway(): void {
    syscall6(sys.io_getevents, this.#context, 0, mostNotices, this.#memory.address + eventsAt, 0);
    this.#sent = 0;
  }
}

let notifier: Notifier | undefined;
let isTried = false;

/**
 * Adds one to an eventfd, whose count stays at its most; never waits. Returns 0 or -errno: -EINVAL for what is no eventfd, -ENOSYS where the host has no
 * such calls.
 */
export function notifyEvent(fd: number): number {
  if (!isTried) {
    isTried = true;
    notifier = Notifier.make();
  }
  return notifier === undefined ? -Errno.ENOSYS : notifier.signal(fd);
}
