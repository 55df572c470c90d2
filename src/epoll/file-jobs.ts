// FileJobs: the memory that an epoll engine shares with its file threads: a table of jobs, a ring of those that wait, and a ring of those that
// are done. One thread puts jobs in and takes results out; any number of threads take jobs and do them. Not here: the threads (file-threads.ts).

import { monotonicMs } from '../kernel/clock.js';
import { signalEvent } from '../kernel/event.js';
import { allocate, readVectors, syncData, writeVectors } from '../kernel/file.js';
import { closeDescriptor } from '../kernel/socket.js';

/** What a job does. */
export const FileJob = { read: 0, write: 1, sync: 2, allocate: 3 } as const;

/** Jobs at once: a power of two. */
export const mostJobs = 1024;

/** How long the end waits for threads that do something. */
const patienceMs = 2000;

/** Words of the control block, and where the rings begin: of jobs that wait, of jobs that are done. */
const Word = { tail: 0, head: 1, doneTail: 2, isEnding: 3, users: 4, rings: 5 } as const;
const doneAt = Word.rings + mostJobs;
const controlWords = doneAt + mostJobs;
/** Numbers of a job: operation, file, address, count or length, offset, flags or mode; then its result. All are exact below 2^53. */
const jobNumbers = 8;
const resultAt = 6;

/** What threads are given. */
export interface FileJobsMemory {
  readonly control: SharedArrayBuffer;
  readonly jobs: SharedArrayBuffer;
  /** The eventfd that tells of results. */
  readonly bell: number;
}

/** Makes the memory, with its owner as its one user. @param bell closed by the owner, when nobody may signal it any more */
export function fileJobsMemory(bell: number): FileJobsMemory {
  const control = new SharedArrayBuffer(controlWords * 4);
  new Int32Array(control, 0, controlWords)[Word.users] = 1;
  return { control, jobs: new SharedArrayBuffer(mostJobs * jobNumbers * 8), bell };
}

/** See the file's head. */
export class FileJobs {
  readonly #control: Int32Array;
  readonly #jobs: Float64Array;
  readonly #bell: number;
  #doneHead = 0;

  constructor(memory: FileJobsMemory) {
    this.#control = new Int32Array(memory.control, 0, controlWords);
    this.#jobs = new Float64Array(memory.jobs, 0, mostJobs * jobNumbers);
    this.#bell = memory.bell;
  }

  /** Writes a job into its place, and has a thread do it. */
  put(
    job: number,
    operation: number,
    file: number,
    address: number,
    length: number,
    offset: number,
    flags: number,
  ): void {
    const jobs = this.#jobs;
    const at = job * jobNumbers;
    jobs[at] = operation;
    jobs[at + 1] = file;
    jobs[at + 2] = address;
    jobs[at + 3] = length;
    jobs[at + 4] = offset;
    jobs[at + 5] = flags;
    const control = this.#control;
    const tail = control[Word.tail]!;
    control[Word.rings + (tail & (mostJobs - 1))] = job;
    Atomics.store(control, Word.tail, (tail + 1) | 0);
    Atomics.notify(control, Word.tail, 1);
  }

  /** A job that is done, in the order in which they were; -1: none. */
  takeDone(): number {
    const at = doneAt + (this.#doneHead & (mostJobs - 1));
    const job = Atomics.load(this.#control, at) - 1;
    if (job < 0) return -1;
    Atomics.store(this.#control, at, 0);
    this.#doneHead = (this.#doneHead + 1) | 0;
    return job;
  }

  /** The result of a job that is done. */
  resultOf(job: number): number {
    return this.#jobs[job * jobNumbers + resultAt]!;
  }

  /** Has threads end when they are done with what they do, and waits for that, but for no disk that hangs. */
  end(): void {
    Atomics.store(this.#control, Word.isEnding, 1);
    // Whoever is about to wait finds another value than it waits on.
    Atomics.add(this.#control, Word.tail, 1);
    Atomics.notify(this.#control, Word.tail);
    // A thread that is ended from outside while it loads the FFI library takes the process with it.
    for (const untilMs = monotonicMs() + patienceMs; monotonicMs() < untilMs; ) {
      const users = Atomics.load(this.#control, Word.users);
      if (users === 1) break;
      Atomics.wait(this.#control, Word.users, users, untilMs - monotonicMs());
    }
    if (Atomics.sub(this.#control, Word.users, 1) === 1) closeDescriptor(this.#bell);
  }

  /** Becomes a user, unless the last one has left. */
  #join(): boolean {
    for (let users = Atomics.load(this.#control, Word.users); users > 0; ) {
      const before = Atomics.compareExchange(this.#control, Word.users, users, users + 1);
      if (before === users) return true;
      users = before;
    }
    return false;
  }

  #leave(): void {
    Atomics.sub(this.#control, Word.users, 1);
    Atomics.notify(this.#control, Word.users);
  }

  /** Does jobs until {@link end}: what a thread is for. */
  work(): void {
    if (!this.#join()) return;
    try {
      this.#workOn();
    } finally {
      this.#leave();
    }
  }

  #workOn(): void {
    const control = this.#control;
    for (;;) {
      const head = Atomics.load(control, Word.head);
      const tail = Atomics.load(control, Word.tail);
      // After the tail, which the end moves on without a job.
      if (Atomics.load(control, Word.isEnding) !== 0) return;
      if (head === tail) {
        Atomics.wait(control, Word.tail, tail);
        continue;
      }
      // Its place is not used again before it was done.
      const job = control[Word.rings + (head & (mostJobs - 1))]!;
      if (Atomics.compareExchange(control, Word.head, head, (head + 1) | 0) === head) this.#do(job);
    }
  }

  #do(job: number): void {
    const jobs = this.#jobs;
    const at = job * jobNumbers;
    jobs[at + resultAt] = doJob(jobs, at);
    const place = Atomics.add(this.#control, Word.doneTail, 1);
    Atomics.store(this.#control, doneAt + (place & (mostJobs - 1)), job + 1);
    signalEvent(this.#bell);
  }
}

function doJob(jobs: Float64Array, at: number): number {
  const [file, address, length] = [jobs[at + 1]!, jobs[at + 2]!, jobs[at + 3]!];
  const [offset, flags] = [jobs[at + 4]!, jobs[at + 5]!];
  switch (jobs[at]) {
    case FileJob.read:
      return readVectors(file, address, length, offset, flags);
    case FileJob.write:
      return writeVectors(file, address, length, offset, flags);
    case FileJob.sync:
      return syncData(file);
    default:
      return allocate(file, flags, offset, length);
  }
}
