// ReferencedSend: one send out of pinned memory, which stays referred to until the kernel says that it uses it no more: the response, and
// its connection, may have ended long before. Not here: who sends (list-pump.ts).

import type { SendReference } from '../engine/zero-copy.js';
import type { PinnedSource } from './output.js';

/** See the file's head. */
export class ReferencedSend implements SendReference {
  readonly address: number;
  readonly length: number;
  readonly flags: number;
  readonly buffer: number;
  readonly #pinned: PinnedSource;
  readonly #ended: (copied: boolean) => void;

  /** @param offset of the source's first byte that is sent. @param flags MSG bits. @param ended is told as {@link SendReference.noticed} is, before the memory is let go of. */
  constructor(pinned: PinnedSource, offset: number, length: number, flags: number, ended: (copied: boolean) => void) {
    this.address = pinned.address(offset);
    this.length = length;
    this.flags = flags;
    this.buffer = pinned.buffer(offset);
    this.#pinned = pinned;
    this.#ended = ended;
    pinned.retain();
  }

  noticed(copied: boolean): void {
    this.#ended(copied);
    this.#pinned.release();
  }
}
