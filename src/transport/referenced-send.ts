// ReferencedSend: one send out of pinned memory, which stays referred to until the kernel says that it uses it no more: the response, and
// its connection, may have ended long before. Not here: who sends (list-pump.ts).

import type { SendNotice } from '../engine/zero-copy.js';
import type { PinnedSource } from './output.js';

/** See the file's head. */
export class ReferencedSend implements SendNotice {
  readonly #pinned: PinnedSource;
  readonly #ended: (copied: boolean) => void;

  /** @param ended is told as {@link SendNotice.noticed} is, before the memory is let go of. */
  constructor(pinned: PinnedSource, ended: (copied: boolean) => void) {
    this.#pinned = pinned;
    this.#ended = ended;
    pinned.retain();
  }

  noticed(copied: boolean): void {
    this.#ended(copied);
    this.#pinned.release();
  }
}
