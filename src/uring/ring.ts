// The two rings of io_uring: SubmissionRing hands out entries to fill, CompletionRing hands out results to read.
// Layout only (include/uapi/linux/io_uring.h); the ring discipline is ring/ring.ts, the meaning engine.ts.

import {
  IORING_ASYNC_CANCEL,
  IORING_CQ,
  IORING_ENTER,
  IORING_OFF,
  IORING_REGISTER,
  IORING_SETUP,
  IORING_SQ,
  MAP,
  PROT,
} from '../kernel/constants.js';
import { Errno } from '../kernel/errno.js';
import { type Mapping, mapMemory, scratch, unmapMemory } from '../kernel/memory.js';
import { closeDescriptor } from '../kernel/socket.js';
import { SystemError } from '../kernel/system-error.js';
import { uringEnter, uringRegister, uringSetup } from '../kernel/uring.js';
import { Region } from '../memory/region.js';
import { ConsumerRing, ProducerRing } from '../ring/ring.js';

const entryBytes = 64;
const completionBytes = 16;
const entryWords = entryBytes / 4;
/** struct io_uring_sync_cancel_reg. */
const cancelBytes = 64;

/**
 * One io_uring. `entries` is the submission ring filled in place: 16 words an entry, the entry at `next() * 16`.
 * Completions are read at `completions`, 4 words each: token, kind, result, flags.
 */
export class UringRing {
  readonly fd: number;
  readonly features: number;
  readonly words: Int32Array;
  readonly completions: Int32Array;
  readonly completionRing: ConsumerRing;
  readonly #submissionRing: ProducerRing;
  readonly #mappings: Mapping[];
  readonly #wait: Region;
  readonly #indices: Int32Array;
  readonly #headAt: number;
  readonly #submissionFlagsAt: number;
  readonly #completionFlagsAt: number;

  /** @throws SystemError when io_uring is refused or the kernel lacks what the engine needs (Linux 6.1). */
  constructor(entries: number, completionEntries: number) {
    const base = IORING_SETUP.CQSIZE | IORING_SETUP.CLAMP | IORING_SETUP.SUBMIT_ALL;
    const single = IORING_SETUP.SINGLE_ISSUER | IORING_SETUP.DEFER_TASKRUN | IORING_SETUP.TASKRUN_FLAG;
    let setup = uringSetup(entries, base | single | IORING_SETUP.NO_SQARRAY, completionEntries);
    const withoutArray = setup.fd >= 0;
    if (setup.fd === -Errno.EINVAL) setup = uringSetup(entries, base | single, completionEntries);
    if (setup.fd < 0) throw new SystemError(-setup.fd, 'io_uring_setup', undefined, hintFor(-setup.fd));
    this.fd = setup.fd;
    const { submission, completion, submissionEntries, completionEntries: completionCount } = setup.parameters;
    this.features = setup.parameters.features;
    const ringBytes = Math.max(
      withoutArray ? 0 : submission.array + submissionEntries * 4,
      completion.cqes + completionCount * completionBytes,
    );
    const [ring, sqes] = mapRings(this.fd, ringBytes, submissionEntries * entryBytes);
    this.#mappings = [ring, sqes];
    const indices = new Int32Array(ring.buffer);
    this.#indices = indices;
    this.#headAt = submission.head / 4;
    this.#submissionFlagsAt = submission.flags / 4;
    this.#completionFlagsAt = completion.flags / 4;
    this.#submissionRing = new ProducerRing(indices, submission.head / 4, submission.tail / 4, submissionEntries);
    this.completionRing = new ConsumerRing(indices, completion.head / 4, completion.tail / 4, completionCount);
    if (!withoutArray) {
      for (let index = 0; index < submissionEntries; index++) indices[submission.array / 4 + index] = index;
    }
    this.words = new Int32Array(sqes.buffer);
    this.completions = new Int32Array(ring.buffer, completion.cqes, completionCount * 4);
    this.#wait = new Region(64);
    this.#wait.data.setBigUint64(16, BigInt(this.#wait.address + 32), true);
  }

  /** The first word of a fresh entry, all zero but for what the caller writes. Submits by itself when the ring is full. */
  next(): number {
    if (this.#submissionRing.free() <= 0) this.#makeRoom();
    const ring = this.#submissionRing;
    const at = (ring.tail & ring.mask) * entryWords;
    ring.tail = (ring.tail + 1) | 0;
    const words = this.words;
    // The fields that most operations leave alone; the caller writes words 0, 1, 4 to 9.
    words[at + 2] = 0;
    words[at + 3] = 0;
    words[at + 10] = 0;
    words[at + 11] = 0;
    words[at + 12] = 0;
    words[at + 13] = 0;
    return at;
  }

  /**
   * Whether the eventfd registered with the ring is signalled. Switch it off while a turn is on its way: its own
   * completions are no news.
   */
  signalEvents(on: boolean): void {
    Atomics.store(this.#indices, this.#completionFlagsAt, on ? 0 : IORING_CQ.EVENTFD_DISABLED);
  }

  /** True when the next submit will bring completions that are not in the ring yet. */
  workPending(): boolean {
    const flags = Atomics.load(this.#indices, this.#submissionFlagsAt);
    return (flags & (IORING_SQ.TASKRUN | IORING_SQ.CQ_OVERFLOW)) !== 0;
  }

  /**
   * Submits in the middle of a turn because the ring is full. Completions that were read are given back first: a kernel
   * whose completion ring is full takes no submissions. @throws SystemError when it takes none in many attempts.
   */
  #makeRoom(): void {
    for (let attempt = 0; attempt < 100; attempt++) {
      this.completionRing.release();
      this.submit(false, 0);
      if (this.#submissionRing.free() > 0) return;
    }
    throw new SystemError(
      Errno.EAGAIN,
      'io_uring_enter',
      undefined,
      'the kernel takes no operations: is memory short?',
    );
  }

  /** Entries filled and not yet taken by the kernel. */
  unsubmitted(): number {
    return (this.#submissionRing.tail - Atomics.load(this.#indices, this.#headAt)) | 0;
  }

  /**
   * Submits what was filled, runs deferred work, and waits for one completion when `wait` is set: at most `waitMs`
   * milliseconds, or without end for -1. @throws SystemError for anything but a time-out, a signal or a busy ring.
   */
  submit(wait: boolean, waitMs: number): void {
    this.#submissionRing.publish();
    let flags = IORING_ENTER.GETEVENTS as number;
    let argument = 0;
    if (wait && waitMs > 0) {
      flags |= IORING_ENTER.EXT_ARG;
      argument = this.#wait.address;
      this.#wait.data.setUint32(32, Math.floor(waitMs / 1000), true);
      this.#wait.data.setUint32(40, (waitMs % 1000) * 1_000_000, true);
    }
    const result = uringEnter(this.fd, this.unsubmitted(), wait ? 1 : 0, flags, argument);
    if (result >= 0) return;
    const errno = -result;
    if (errno === Errno.ETIME || errno === Errno.EINTR || errno === Errno.EAGAIN || errno === Errno.EBUSY) return;
    throw new SystemError(errno, 'io_uring_enter');
  }

  /**
   * Cancels what is under way, here and not behind our back as close(2) does it: afterwards no operation holds a socket
   * open or writes to memory. False when one did not end in time (a disk that hangs).
   */
  cancelAll(): boolean {
    const place = scratch(cancelBytes);
    place.bytes.fill(0, place.offset, place.offset + cancelBytes);
    place.data.setUint32(place.offset + 12, IORING_ASYNC_CANCEL.ANY | IORING_ASYNC_CANCEL.ALL, true);
    place.data.setUint32(place.offset + 16, 1, true);
    const cancelled = uringRegister(this.fd, IORING_REGISTER.SYNC_CANCEL, place.address, 1);
    this.runDeferred();
    return cancelled !== -Errno.ETIME;
  }

  /** Has the kernel put into the ring what it kept for later, as far as there is room; nothing is submitted. */
  runDeferred(): void {
    uringEnter(this.fd, 0, 0, IORING_ENTER.GETEVENTS);
  }

  /** Ends the ring; after {@link cancelAll}. */
  close(): void {
    closeDescriptor(this.fd);
    for (const mapping of this.#mappings) unmapMemory(mapping);
    this.#wait.unmap();
  }
}

/** Maps the indices with the completions, and the submission entries. Closes the io_uring where that fails. */
function mapRings(fd: number, ringBytes: number, entriesBytes: number): [Mapping, Mapping] {
  const shared = MAP.SHARED | MAP.POPULATE;
  try {
    const ring = mapMemory(ringBytes, PROT.READ | PROT.WRITE, shared, fd, IORING_OFF.SQ_RING);
    return [ring, mapMemory(entriesBytes, PROT.READ | PROT.WRITE, shared, fd, IORING_OFF.SQES)];
  } catch (error) {
    closeDescriptor(fd);
    throw error;
  }
}

function hintFor(errno: number): string | undefined {
  if (errno === Errno.EPERM || errno === Errno.EACCES) {
    return 'a seccomp filter (containers) or the sysctl kernel.io_uring_disabled refuses it: use the epoll engine';
  }
  if (errno === Errno.ENOSYS) return 'this kernel has no io_uring: use the epoll engine';
  if (errno === Errno.EINVAL) return 'io_uring needs Linux 6.1 here: use the epoll engine';
  if (errno === Errno.ENOMEM) return 'raise the memory-lock limit with `ulimit -l`, or use the epoll engine';
  return undefined;
}
