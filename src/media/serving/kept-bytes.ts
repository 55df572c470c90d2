// Bytes that are sent from where they lie: the page of the player, a head too long for a frame. Made once, lent to any
// number of responses, unmapped when its owner and the last of them let go.

import { Region } from '../../memory/region.js';
import type { Lender } from '../../memory/segment.js';
import { SgList } from '../../memory/sg-list.js';
import type { OpenFile } from '../../serve/open-files.js';

/** See the file's head. Made with one reference, its owner's. */
export class KeptBytes implements Lender {
  /** Bytes in it. */
  readonly size: number;
  readonly #region: Region;
  #references = 1;

  /** @param write puts exactly `size` bytes into what it is given. */
  constructor(size: number, write: (target: Uint8Array) => void) {
    this.size = size;
    this.#region = new Region(Math.max(1, size));
    try {
      write(this.#region.bytes.subarray(0, size));
    } catch (error) {
      this.#region.unmap();
      throw error;
    }
  }

  /** The bytes from `from` up to, not including, `to`. */
  list(from: number, to: number): SgList<OpenFile> {
    const list = new SgList<OpenFile>();
    this.#references++;
    list.addSegment(this.#region, from, to - from, this);
    return list;
  }

  /** A response was sent, or the owner needs it no longer. */
  release(_cookie = 0): void {
    if (--this.#references === 0) this.#region.unmap();
  }
}
