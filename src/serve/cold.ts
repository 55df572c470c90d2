// What an answer needs that is not in memory: it is fetched without blocking the loop, and the answer begins anew; composing a document
// stops with a ColdRead for that. Not here: who waits for it (waiting.ts).

import { Endpoint } from '../transport/endpoint.js';
import type { Loop } from '../transport/loop.js';
import { isResident } from '../transport/page-cache.js';
import type { OpenFile } from './open-files.js';

/** Files that were fetched for a page: they are read even if memory pressure took a part of them again. */
export type Fetched = Set<OpenFile>;

/** Bytes from the beginning of a file that have to come from the disk before an answer can go on. */
export interface Cold {
  readonly file: OpenFile;
  readonly length: number;
}

/** Composing cannot go on without them. */
export class ColdRead extends Error implements Cold {
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

  constructor(loop: Loop, cold: Cold, done: () => void) {
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
export function fetchCold(loop: Loop, cold: Cold, done: () => void): void {
  new Fetch(loop, cold, done);
}
