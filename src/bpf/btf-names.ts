// From a type's name to its record: a hash table over the names of one blob's types, made at the first search. A tier asks
// for some eighty names, and a byte search through the strings costs half a millisecond for each.

import { type BtfBlob, kindOf } from './btf-format.js';

/** Finds types of one blob by name. */
export class TypeNames {
  private readonly chain: readonly BtfBlob[];
  private readonly blob: BtfBlob;
  /** Open addressing: index of the type + 1, 0 for an empty place. */
  private readonly places: Int32Array;
  private readonly mask: number;

  /** @param chain the blobs whose strings its name offsets may point into, the base first; `blob` is the last of them. */
  constructor(chain: readonly BtfBlob[]) {
    this.chain = chain;
    this.blob = chain.at(-1)!;
    const { nameOffsets } = this.blob;
    const size = 2 ** Math.ceil(Math.log2(2 * nameOffsets.length + 2));
    this.places = new Int32Array(size);
    this.mask = size - 1;
    for (let index = 0; index < nameOffsets.length; index++) {
      const offset = nameOffsets[index]!;
      if (offset === 0) continue;
      let place = this.hashAt(offset) & this.mask;
      while (this.places[place] !== 0) place = (place + 1) & this.mask;
      this.places[place] = index + 1;
    }
  }

  /** The index in the blob of the first type of a name and kind; `undefined` where there is none. */
  find(name: string, kind: number): number | undefined {
    const bytes = Buffer.from(name, 'latin1');
    let hash = hashStart;
    for (const byte of bytes) hash = Math.imul(hash ^ byte, hashPrime);
    for (let place = mixed(hash) & this.mask; this.places[place] !== 0; place = (place + 1) & this.mask) {
      const index = this.places[place]! - 1;
      if (kindOf(this.blob.infos[index]!) === kind && this.isName(this.blob.nameOffsets[index]!, bytes)) return index;
    }
    return undefined;
  }

  private hashAt(offset: number): number {
    const { strings, firstString } = this.home(offset);
    let hash = hashStart;
    for (let at = offset - firstString; strings[at] !== 0 && at < strings.length; at++) {
      hash = Math.imul(hash ^ strings[at]!, hashPrime);
    }
    return mixed(hash);
  }

  private isName(offset: number, name: Uint8Array): boolean {
    const { strings, firstString } = this.home(offset);
    const start = offset - firstString;
    for (let at = 0; at < name.length; at++) if (strings[start + at] !== name[at]) return false;
    return strings[start + name.length] === 0;
  }

  /** The blob that holds a string: split BTF numbers its own behind its base's. */
  private home(offset: number): BtfBlob {
    let at = this.chain.length - 1;
    while (offset < this.chain[at]!.firstString) at--;
    return this.chain[at]!;
  }
}

/** FNV-1a of 32 bits. */
const hashStart = 0x811c9dc5;
const hashPrime = 0x01000193;

/** Its low bits alone are weak. */
function mixed(hash: number): number {
  return hash ^ (hash >>> 15);
}
