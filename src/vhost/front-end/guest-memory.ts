// GuestMemory: the memory that a front end shares with a back end: one memory file whose length is sealed, so that nobody who maps it has to fear
// for its pages. Parts of it are taken for rings and requests and live as long as it does. Not here: who passes it on (front-end.ts).

import { Region } from '../../memory/region.js';
import { wrongState } from '../../text/coded.js';
import { FrontEndError } from './front-end-error.js';

/** Where it begins for a device: not where it is for us, so that the two cannot be mixed up. */
const guestStart = 0x1_0000_0000;

/** See the file's head. An offset is a place in it, in bytes. */
export class GuestMemory {
  readonly region: Region;
  #used = 0;
  #isUnmapped = false;

  /** @param byteLength rounded up to whole pages. @throws SystemError ENOMEM */
  constructor(byteLength: number) {
    this.region = new Region(byteLength, { kind: 'memfd', name: 'clearway-guest' });
  }

  /** Takes a part. Returns its offset. @throws FrontEndError when there is no more, Error (CLEARWAY_STATE) after {@link unmap} */
  take(length: number, alignment = 64): number {
    if (this.#isUnmapped) throw wrongState('the memory of the front end was given back');
    const at = Math.ceil(this.#used / alignment) * alignment;
    if (at + length > this.region.byteLength) {
      throw new FrontEndError(
        `${length} bytes more are needed than the memory of the front end has (${this.region.byteLength}): give it more`,
      );
    }
    this.#used = at + length;
    return at;
  }

  /** The address that descriptors have for an offset. */
  guestAddress(offset: number): number {
    return guestStart + offset;
  }

  /** The address that the parts of a ring have in messages: ours. */
  userAddress(offset: number): number {
    return this.region.address + offset;
  }

  /** Gives it back. No back end uses it any more. */
  unmap(): void {
    this.#isUnmapped = true;
    this.region.unmap();
  }
}
