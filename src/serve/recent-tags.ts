// RecentTags: whether something was asked for lately, by its entity tag, of the last thousands: what is asked for once is not worth keeping.
// A tag in the place of another forgets it, so that the answer may be no where it should be yes, and next to never the reverse.

import { readTag, words } from './identity.js';

/** Tags that are remembered, a power of two. */
const places = 8192;

/** See the file's head. */
export class RecentTags {
  readonly #high = new Int32Array(places);
  readonly #low = new Int32Array(places);

  /** Whether this tag was asked about lately; from now on it was. One that is of another form never was. */
  isAgain(etag: string): boolean {
    if (!readTag(etag)) return false;
    const { high, low } = words;
    const place = low & (places - 1);
    if (this.#high[place] === high && this.#low[place] === low) return true;
    this.#high[place] = high;
    this.#low[place] = low;
    return false;
  }
}
