// A second value like another one: for COPY.

import {
  entrySetValue,
  entryType,
  entryValue,
  makeEntry,
  releaseEntry,
  stringAt,
  stringBlock,
  stringLength,
  stringSet,
  TYPE_HASH,
  TYPE_STRING,
} from '../entry';
import { copyFields, makeHash } from '../hash-value';

/** Makes an entry of another key, in no table yet, with the same value. 0: no room. */
export function copyEntry(entry: usize, key: usize, length: u32): usize {
  const made = makeEntry(key, length, TYPE_STRING, stringBlock(entry) === 0 ? stringLength(entry) : 0);
  if (made === 0) return 0;
  if (entryType(entry) === TYPE_HASH) {
    const hash = makeHash();
    if (hash !== 0) {
      entrySetValue(made, TYPE_HASH, hash);
      if (copyFields(entryValue(entry), hash)) return made;
    }
  } else if (stringSet(made, stringAt(entry), stringLength(entry))) return made;
  releaseEntry(made);
  return 0;
}
