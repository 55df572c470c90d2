// FileThreads: operations on files that may wait for a disk, done by threads, since epoll has none that end later. The threads begin with
// the first operation. Not here: what they share with their owner (file-jobs.ts).

import { Worker } from 'node:worker_threads';
import type { FileOperations } from '../engine/file-operations.js';
import { clearEvent, createEventDescriptor } from '../kernel/event.js';
import { FileJob, FileJobs, fileJobsMemory, mostJobs } from './file-jobs.js';

/** Threads: as many as disks of today have requests under way to be busy, and no more than libuv has. */
const threads = 4;

/** An operation for which there is no place yet. */
type Waiting = readonly [token: number, operation: number, numbers: readonly [number, number, number, number, number]];

/** See the file's head. */
export class FileThreads implements FileOperations {
  /** Readable when results are there; -1 before the first operation. */
  bell = -1;
  readonly #begun: () => void;
  #jobs: FileJobs | undefined;
  /** The token of each job under way, and the places that are free. */
  readonly #tokens = new Int32Array(mostJobs);
  readonly #free: number[] = [];
  readonly #waiting: Waiting[] = [];

  /** @param begun called with the first operation, when {@link bell} is there to be watched */
  constructor(begun: () => void) {
    this.#begun = begun;
  }

  read(token: number, file: number, iovecs: number, count: number, offset: number): void {
    this.#add(token, FileJob.read, file, iovecs, count, offset, 0);
  }

  write(token: number, file: number, iovecs: number, count: number, offset: number, flags: number): void {
    this.#add(token, FileJob.write, file, iovecs, count, offset, flags);
  }

  sync(token: number, file: number): void {
    this.#add(token, FileJob.sync, file, 0, 0, 0, 0);
  }

  allocate(token: number, file: number, mode: number, offset: number, length: number): void {
    this.#add(token, FileJob.allocate, file, 0, length, offset, mode);
  }

  #add(
    token: number,
    operation: number,
    file: number,
    address: number,
    length: number,
    offset: number,
    flags: number,
  ): void {
    const jobs = this.#jobs ?? this.#begin();
    const job = this.#free.pop();
    if (job === undefined) {
      this.#waiting.push([token, operation, [file, address, length, offset, flags]]);
      return;
    }
    this.#tokens[job] = token;
    jobs.put(job, operation, file, address, length, offset, flags);
  }

  #begin(): FileJobs {
    for (let job = mostJobs - 1; job >= 0; job--) this.#free.push(job);
    this.bell = createEventDescriptor();
    const workerData = fileJobsMemory(this.bell);
    for (let index = 0; index < threads; index++) {
      new Worker(new URL('./file-thread.js', import.meta.url), { workerData }).unref();
    }
    this.#jobs = new FileJobs(workerData);
    this.#begun();
    return this.#jobs;
  }

  /** Tells of every operation that has ended since. */
  look(ended: (token: number, result: number) => void): void {
    const jobs = this.#jobs!;
    clearEvent(this.bell);
    for (let job = jobs.takeDone(); job >= 0; job = jobs.takeDone()) {
      const [token, result] = [this.#tokens[job]!, jobs.resultOf(job)];
      this.#free.push(job);
      const next = this.#waiting.shift();
      if (next !== undefined) this.#add(next[0], next[1], ...next[2]);
      ended(token, result);
    }
  }

  /** Ends the threads. What they do now they do to its end; nobody is told of it. */
  close(): void {
    this.#jobs?.end();
    this.#jobs = undefined;
  }
}
