// RunMessage: the one message by which segments of memory and short pieces of a file leave together: its iovecs point into frames and
// into the file's mapping. It is written, sent and given back within one step of a sender, so that there is one for a thread.
// Not here: the memory of messages (gather.ts), when (list-pump.ts).

import { beginMappedMessage } from '../memory/mapped-file.js';
import { IOV_MAX } from '../memory/sg-list.js';
import { Ahead } from './ahead.js';
import { finishMessage, leaseMessage, messageAddress, releaseMessage, setIovec } from './gather.js';
import type { KnownPages } from './known-pages.js';
import type { FileMapping, FileSource, Output } from './output.js';
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
  #message = 0;
  #iovecs = 0;
  /** The stretch of the file whose addresses follow one another, where it was asked for last, and the address of its beginning. */
  #from = 0;
  #to = 0;
  #address = 0;
  readonly #ahead = new Ahead();

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
    run.#message = leaseMessage(IOV_MAX);
    if (run.#message < 0) return undefined;
    run.bytes = run.end = run.#iovecs = run.#from = run.#to = 0;
    run.file = undefined;
    run.#fill(output, budget, longFrom(limits), known, nowMs);
    if (!run.#isThere()) run.#keepSegments(output);
    if (run.#iovecs === 0) {
      run.release();
      return undefined;
    }
    finishMessage(run.#message, run.#iovecs);
    run.header = messageAddress(run.#message);
    return run;
  }

  #fill(output: Output, budget: number, long: number, known: KnownPages | undefined, nowMs: number): void {
    beginMappedMessage();
    const ahead = this.#ahead;
    ahead.begin(output.first!, output.done);
    do {
      const { file, place, length } = ahead;
      if (this.#iovecs === IOV_MAX) return;
      if (file === undefined) this.#add(place, length);
      else if (known === undefined || (this.file ?? file) !== file || length >= long) return;
      else if (!known.covers(ahead, length, nowMs) || !this.#addPiece(file, place, length)) return;
    } while (this.bytes < budget && ahead.next());
  }

  #add(address: number, length: number): void {
    setIovec(this.#message, this.#iovecs++, address, length);
    this.bytes += length;
  }

  /** Adds a piece of a file, which may lie in several windows of the mapping, or its beginning. False: nothing may follow it. */
  #addPiece(file: FileSource, place: number, length: number): boolean {
    const end = place + length;
    for (let at = place; at < end; ) {
      if (this.#iovecs === IOV_MAX) return false;
      if ((at < this.#from || at >= this.#to) && !this.#turnTo(file.mapping, at)) return false;
      this.file = file;
      const here = Math.min(end, this.#to) - at;
      this.#add(this.#address + (at - this.#from), here);
      at += here;
      if (at > this.end) this.end = at;
    }
    return true;
  }

  /** Finds the addresses of what a file has from an offset on. False: they cannot be had. */
  #turnTo(mapping: FileMapping | undefined, offset: number): boolean {
    const address = mapping?.address(offset) ?? 0;
    if (address === 0) return false;
    this.#from = offset;
    this.#to = offset + mapping!.room(offset);
    this.#address = address;
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
    this.file = undefined;
  }
}

const shared = new RunMessage();
