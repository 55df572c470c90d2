// What a document needs that is not in memory: composing stops with a ColdRead, the range is fetched without blocking the
// loop, and composing begins anew. Not here: who waits for it (waiting.ts).

import { Endpoint } from '../../transport/endpoint.js';
import type { Loop } from '../../transport/loop.js';
import { isResident } from '../../transport/page-cache.js';
import type { OpenFile } from '../open-files.js';

/** Files that were fetched for a page: they are read even if memory pressure took a part of them again. */
export type Fetched = Set<OpenFile>;

/** Bytes from the beginning of a file have to come from the disk before composing can go on. */
export class ColdRead extends Error {
  override readonly name = 'ColdRead';
  readonly file: OpenFile;
  readonly length: number;

  constructor(file: OpenFile, length: number) {
    super('a file is not in memory');
    this.file = file;
    this.length = length;
  }
}

/** Makes sure that a file can be read up to `length` without waiting for a disk. @throws ColdRead when it cannot. */
export function demandResident(file: OpenFile, length: number, fetched: Fetched): void {
  if (length > 0 && !fetched.has(file) && !isResident(file.fd, 0, length)) throw new ColdRead(file, length);
}

class Fetch extends Endpoint {
  readonly #loop: Loop;
  readonly #file: OpenFile;
  readonly #done: () => void;

  constructor(loop: Loop, cold: ColdRead, done: () => void) {
    super();
    this.#loop = loop;
    this.#file = cold.file.retain();
    this.#done = done;
    loop.register(this);
    loop.engine.fetch(this.token, cold.file.fd, 0, cold.length);
  }

  override fetched(_result: number): void {
    this.#loop.unregister(this);
    try {
      this.#done();
    } finally {
      this.#file.release();
    }
  }
}

/** Fetches what was cold and calls back, later; a range that could not be fetched is for the reader to find out. */
export function fetchCold(loop: Loop, cold: ColdRead, done: () => void): void {
  new Fetch(loop, cold, done);
}
