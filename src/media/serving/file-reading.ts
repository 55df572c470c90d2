// Drives the readers of films and subtitles on a serving thread: their reads are made so that nobody waits for a disk, and between
// their steps the loop serves others. Not here: what is read, who waits for it (known-files.ts).

import { Errno } from '../../kernel/errno.js';
import { readAt, readCached } from '../../kernel/file.js';
import { SystemError } from '../../kernel/system-error.js';
import { Region } from '../../memory/region.js';
import type { OpenFile } from '../../serve/open-files.js';
import { Endpoint } from '../../transport/endpoint.js';
import type { Loop } from '../../transport/loop.js';
import { type FilmNeed, type FilmReading, FilmRefusal, maxReadBytes } from '../film.js';
import { leaveUnpopulated, populateAhead } from './table-pages.js';

/** How long a reader works until the loop has its turn: its steps are short, and one more may be longer than this before it is compiled. */
const turnMs = 0.25;

/** Memory of the thread that nobody reads into now: new memory for each film would be new pages, and work for the collector. */
const spareMemory: Region[] = [];
const mostSpare = 2;

function newMemory(): Region {
  const memory = new Region(maxReadBytes);
  memory.populate(0, memory.byteLength);
  return memory;
}

/** Gives back memory of the thread that nobody reads into. */
export function unmapSpareMemory(): void {
  for (let memory = spareMemory.pop(); memory !== undefined; memory = spareMemory.pop()) memory.unmap();
}

/** Reads one file with one reader. It keeps the file open, and ends in one call of `done`, in a later turn of the loop. */
export class FileReading<Result> extends Endpoint {
  readonly #loop: Loop;
  readonly #file: OpenFile;
  readonly #done: (outcome: Result | FilmRefusal) => void;
  readonly #reader: FilmReading<Result>;
  #memory: Region | undefined;
  #need: FilmNeed;

  constructor(loop: Loop, file: OpenFile, reader: FilmReading<Result>, done: (outcome: Result | FilmRefusal) => void) {
    super();
    this.#loop = loop;
    this.#file = file.retain();
    this.#done = done;
    this.#reader = reader;
    loop.register(this);
    loop.nextTurn(() => this.#run(undefined));
  }

  /** Goes on until something has to come from the disk, the turn is over, or all is read. */
  #run(bytes: Uint8Array | undefined): void {
    const untilMs = performance.now() + turnMs;
    let given = bytes;
    for (;;) {
      let step: IteratorResult<FilmNeed, Result>;
      try {
        step = this.#reader.next(given);
      } catch (error) {
        this.#end(refusalOf(error));
        return;
      }
      if (step.done === true) {
        this.#end(step.value);
        return;
      }
      given = undefined;
      populateAhead();
      if (step.value !== undefined) {
        try {
          given = this.#read(step.value);
        } catch (error) {
          this.#fail(refusalOf(error));
          return;
        }
        if (given === undefined) return;
      }
      if (performance.now() >= untilMs) {
        const kept = given;
        this.#loop.nextTurn(() => this.#run(kept));
        return;
      }
    }
  }

  /** What is asked for, if it is in memory; else it is fetched first, and undefined. */
  #read(need: NonNullable<FilmNeed>): Uint8Array | undefined {
    this.#memory ??= spareMemory.pop() ?? newMemory();
    const count = readCached(this.#file.fd, this.#memory.address, need.length, need.offset);
    // Fewer than asked for: what follows is not in memory, or the file ends there.
    if (count === need.length) return this.#memory.bytes.subarray(0, count);
    this.#need = need;
    this.#loop.engine.fetch(this.token, this.#file.fd, need.offset, need.length);
    return undefined;
  }

  override fetched(_result: number): void {
    const { offset, length } = this.#need!;
    const count = readAt(this.#file.fd, this.#memory!.address, length, offset);
    if (count >= 0) this.#run(this.#memory!.bytes.subarray(0, count));
    // The disk may answer the next time.
    else this.#fail(new FilmRefusal('cannot be read', count === -Errno.EISDIR ? 404 : 503));
  }

  /** The reader is told, since it holds memory. */
  #fail(refusal: FilmRefusal): void {
    try {
      this.#reader.throw(refusal);
    } catch {
      // It has nothing to say that the refusal does not.
    }
    this.#end(refusal);
  }

  #end(outcome: Result | FilmRefusal): void {
    this.#loop.unregister(this);
    // A film that is refused may have asked for more than it had.
    leaveUnpopulated();
    if (this.#memory !== undefined && spareMemory.length < mostSpare) spareMemory.push(this.#memory);
    else this.#memory?.unmap();
    try {
      this.#done(outcome);
    } finally {
      this.#file.release();
    }
  }
}

/** What a reader throws is a refusal, or a lack of memory; anything else is a defect, and this file's alone. */
function refusalOf(error: unknown): FilmRefusal {
  if (error instanceof FilmRefusal) return error;
  if (error instanceof RangeError || (error instanceof SystemError && error.errno === Errno.ENOMEM))
    return new FilmRefusal('needs more memory than there is', 503);
  return new FilmRefusal(`cannot be read: ${(error as Error).message}`);
}
