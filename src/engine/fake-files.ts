// Operations on files in the fake engine: each waits until the test ends it, with what result and when it likes; no byte is moved. Not here: the
// engine (fake.ts).

import type { EngineEvents } from './engine.js';
import { wrong } from './fake-options.js';
import type { FileOperations } from './file-operations.js';

/** An operation under way. */
export interface FakeFileOperation {
  readonly kind: 'read' | 'write' | 'sync' | 'allocate';
  readonly token: number;
  readonly file: number;
  /** Iovecs: where they are, and how many. */
  readonly iovecs: number;
  readonly count: number;
  readonly offset: number;
  readonly length: number;
  /** Of RWF, or of FALLOC_FL. */
  readonly flags: number;
}

/** See the file's head. */
export class FakeFiles implements FileOperations {
  /** Those that the test has not ended, in the order in which they were begun. */
  readonly pending: FakeFileOperation[] = [];
  #ended: (readonly [token: number, result: number])[] = [];

  #begin(operation: FakeFileOperation): void {
    if (this.pending.some(({ token }) => token === operation.token)) wrong(`token ${operation.token} is in use`);
    this.pending.push(operation);
  }

  read(token: number, file: number, iovecs: number, count: number, offset: number): void {
    this.#begin({ kind: 'read', token, file, iovecs, count, offset, length: 0, flags: 0 });
  }

  write(token: number, file: number, iovecs: number, count: number, offset: number, flags: number): void {
    this.#begin({ kind: 'write', token, file, iovecs, count, offset, length: 0, flags });
  }

  sync(token: number, file: number): void {
    this.#begin({ kind: 'sync', token, file, iovecs: 0, count: 0, offset: 0, length: 0, flags: 0 });
  }

  allocate(token: number, file: number, mode: number, offset: number, length: number): void {
    this.#begin({ kind: 'allocate', token, file, iovecs: 0, count: 0, offset, length, flags: mode });
  }

  /** Ends an operation: its event comes in the next turn. */
  end(operation: FakeFileOperation, result: number): void {
    const at = this.pending.indexOf(operation);
    if (at < 0) wrong(`the operation of token ${operation.token} has ended already`);
    this.pending.splice(at, 1);
    this.#ended.push([operation.token, result]);
  }

  /** Hands out what ended. Returns the number of events. */
  handOut(events: EngineEvents): number {
    const ended = this.#ended;
    this.#ended = [];
    for (const [token, result] of ended) events.moved(token, result);
    return ended.length;
  }
}
