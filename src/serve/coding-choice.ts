// Which coding a request's Accept-Encoding chooses, remembered by the field's bytes: browsers send a handful of values, and
// what each chooses is worked out once, by the general rules (negotiate.ts).

import { chooseCoding } from '../wire/http/negotiate.js';
import { codingNames } from './codings.js';

const slots = 64;
const mostBytes = 128;
const everySet = 1 << (codingNames.length + 1);

/** See the file's head. */
export class CodingChoice {
  readonly #hashes = new Int32Array(slots);
  readonly #keys: string[] = new Array<string>(slots).fill('');
  /** By value and by the set of codings there are: the number of the coding, 0 for none. */
  readonly #choices = new Uint8Array(slots * everySet);

  /**
   * The number of the coding that the field chooses among those there are; 0 for the file itself.
   * @param available bits of codings.ts.
   */
  choose(bytes: Uint8Array, start: number, end: number, available: number): number {
    if (end - start > mostBytes) return choiceOf(text(bytes, start, end), available);
    let hash = 0x811c9dc5 | 0;
    for (let index = start; index < end; index++) hash = Math.imul(hash ^ bytes[index]!, 0x01000193);
    const slot = (hash ^ (hash >>> 15)) & (slots - 1);
    if (this.#hashes[slot] !== hash || !isText(this.#keys[slot]!, bytes, start, end)) {
      const key = text(bytes, start, end);
      this.#hashes[slot] = hash;
      this.#keys[slot] = key;
      for (let set = 0; set < everySet; set++) this.#choices[slot * everySet + set] = choiceOf(key, set);
    }
    return this.#choices[slot * everySet + available]!;
  }
}

function choiceOf(field: string, available: number): number {
  const names = codingNames.filter((_, index) => (available & (1 << (index + 1))) !== 0);
  const chosen = chooseCoding(field, names);
  return chosen === undefined || chosen === 'identity' ? 0 : codingNames.indexOf(chosen) + 1;
}

function text(bytes: Uint8Array, start: number, end: number): string {
  return String.fromCharCode(...bytes.subarray(start, end));
}

function isText(key: string, bytes: Uint8Array, start: number, end: number): boolean {
  if (key.length !== end - start) return false;
  for (let index = 0; index < key.length; index++) if (key.charCodeAt(index) !== bytes[start + index]) return false;
  return true;
}
