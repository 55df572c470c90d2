// RunMessage: the one message by which segments of memory and short pieces of a file leave together: its iovecs point into frames and
// into the file's mapping. It is written, sent and given back within one step of a sender, so that there is one for a thread.
// Not here: the memory of messages (gather.ts), when (list-pump.ts).

import { beginMappedMessage } from '../memory/mapped-file.js';
import { IOV_MAX } from '../memory/sg-list.js';
import { finishMessage, leaseMessage, messageAddress, releaseMessage, setIovec } from './gather.js';
import type { KnownPages } from './known-pages.js';
import type { FileSource, Output, QueuedEntry } from './output.js';
import { longFrom, type SendLimits } from './send-modes.js';

/** See the file's head. */
export class RunMessage {
  /** The msghdr's address. */
  header = 0;
  /** Bytes of all pieces. */
  bytes = 0;
  /** The file that pieces are of; undefined when there are none. */
  file: FileSource | undefined;
  /** Where the last piece of the file ends. */
  end = 0;
  #message = -1;
  /** Iovecs that it has room for, and has. */
  #room = 0;
  #iovecs = 0;

  /**
   * Writes the message of what an output begins with: segments, and pieces of the first file that are known to be in memory.
   * @param budget about so many bytes. @param known undefined: segments alone.
   * @returns undefined when there is nothing that can leave in this way. It is valid until {@link release}.
   */
  static write(
    output: Output,
    budget: number,
    limits: SendLimits,
    known: KnownPages | undefined,
    nowMs: number,
  ): RunMessage | undefined {
    const run = shared;
    run.#room = Math.min(IOV_MAX, countEntries(output, budget, known !== undefined) + 1);
    run.#message = leaseMessage(run.#room);
    if (run.#message < 0) return undefined;
    run.bytes = run.end = run.#iovecs = 0;
    run.file = undefined;
    run.#fill(output, budget, limits, known, nowMs);
    if (!run.#isThere()) run.#keepSegments(output);
    if (run.#iovecs === 0) {
      run.release();
      return undefined;
    }
    finishMessage(run.#message, run.#iovecs);
    run.header = messageAddress(run.#message);
    return run;
  }

  #fill(output: Output, budget: number, limits: SendLimits, known: KnownPages | undefined, nowMs: number): void {
    beginMappedMessage();
    let gone = output.done;
    for (let entry = output.first; entry !== undefined && this.bytes < budget; entry = entry.next) {
      // A piece may take two.
      if (this.#iovecs > this.#room - 2) return;
      if (entry.file === undefined) this.#add(entry.place + gone, entry.length - gone);
      else if (known === undefined || !this.#addPiece(entry, gone, limits, known, nowMs)) return;
      gone = 0;
    }
  }

  #add(address: number, length: number): void {
    setIovec(this.#message, this.#iovecs++, address, length);
    this.bytes += length;
  }

  /** Adds a piece of a file; it may lie in two windows of the mapping. False: nothing may follow it. */
  #addPiece(entry: QueuedEntry, gone: number, limits: SendLimits, known: KnownPages, nowMs: number): boolean {
    const file = entry.file!;
    const { mapping } = file;
    const offset = entry.place + gone;
    const length = entry.length - gone;
    if (mapping === undefined || (this.file ?? file) !== file || length >= longFrom(limits)) return false;
    if (!known.covers(entry, gone, length, nowMs)) return false;
    const address = mapping.address(offset);
    if (address === 0) return false;
    this.file = file;
    const here = Math.min(length, mapping.room(offset));
    this.#add(address, here);
    this.end = Math.max(this.end, offset + here);
    if (here === length) return true;
    const second = mapping.address(offset + here);
    if (second === 0) return false;
    this.#add(second, length - here);
    this.end = Math.max(this.end, offset + length);
    return true;
  }

  /** Whether the file reaches to the end of its pieces. */
  #isThere(): boolean {
    return this.file === undefined || this.file.mapping?.reaches(this.end) === true;
  }

  /** The file does not reach to the end of its pieces: only the segments before them leave. */
  #keepSegments(output: Output): void {
    this.bytes = 0;
    this.#iovecs = 0;
    this.file = undefined;
    for (let entry = output.first; entry !== undefined && entry.file === undefined; entry = entry.next) {
      this.bytes += entry.length;
      this.#iovecs++;
    }
    if (this.#iovecs > 0) this.bytes -= output.done;
  }

  /** Gives the message back: its call has ended. */
  release(): void {
    releaseMessage(this.#message);
    this.#message = -1;
    this.file = undefined;
  }
}

const shared = new RunMessage();

/** Entries that a message of about `budget` bytes has room for. */
function countEntries(output: Output, budget: number, extents: boolean): number {
  let count = 0;
  let bytes = -output.done;
  for (let entry = output.first; entry !== undefined && bytes < budget && count < IOV_MAX; entry = entry.next) {
    if (entry.file !== undefined && !extents) break;
    bytes += entry.length;
    count++;
  }
  return count;
}
