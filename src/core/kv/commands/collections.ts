// What the commands on collections share: the collection of a key, made at the first element and gone with the last one; ranges; counts.

import { random64 } from '../../random';
import { argument, argumentCount, argumentIs, argumentLength } from '../../resp/arguments';
import { integer } from '../../resp/numbers';
import { replyError, replyInteger } from '../../resp/reply';
import { entrySetValue, entryValue, TYPE_LIST, TYPE_STRING, TYPE_ZSET } from '../entry';
import { expireNever } from '../expiry';
import { makeFields } from '../hash-fields';
import { addKey, database, deleteEntry, findForWrite, heapOf, keyChanged } from '../keyspace';
import { makeList } from '../list';
import { release } from '../slabs';
import { makeSorted } from '../sorted-set';
import { trashAdd } from '../trash';
import { integerArgument, isWrongType, noRoom, readEntry, syntaxError, writeEntry } from './errors';

/** The collection of the key in the first argument, for reading; 0: there is none, or it is of another type (`isWrongType`). */
export function readCollection(type: u32): usize {
  const entry = readEntry(1, type);
  return entry === 0 ? 0 : entryValue(entry);
}

/** The entry that the last of the functions below found. */
let collectionEntry: usize = 0;

/** The collection of a key, for writing; 0: there is none, or it is of another type (`isWrongType`). */
export function writeCollection(index: u32, type: u32): usize {
  collectionEntry = writeEntry(index, type);
  return collectionEntry === 0 ? 0 : entryValue(collectionEntry);
}

/** The same, made where there is none; 0: it is of another type, or there is no room: either was replied to. */
export function makeCollection(index: u32, type: u32): usize {
  const found = writeCollection(index, type);
  if (found !== 0 || isWrongType) return found;
  const made = type === TYPE_LIST ? makeList() : type === TYPE_ZSET ? makeSorted() : makeFields();
  collectionEntry = made === 0 ? 0 : addKey(argument(index), argumentLength(index), TYPE_STRING, 0);
  if (collectionEntry === 0) {
    if (made !== 0) release(made);
    noRoom();
    return 0;
  }
  entrySetValue(collectionEntry, type, made);
  return made;
}

/** After a command changed a collection: one that is empty goes. */
export function collectionChanged(index: u32, count: u32): void {
  if (count === 0) deleteEntry(database, collectionEntry);
  else keyChanged(argument(index), argumentLength(index));
}

/** Makes a new collection the value of a key, in place of what was there, and replies with its number of elements; of none, the key goes. */
export function storeCollection(index: u32, type: u32, thing: usize, count: u32): void {
  let entry = findForWrite(argument(index), argumentLength(index));
  if (count === 0) {
    trashAdd(thing, type);
    if (entry !== 0) deleteEntry(database, entry);
    return replyInteger(0);
  }
  if (entry !== 0) expireNever(heapOf(database), entry);
  else entry = addKey(argument(index), argumentLength(index), TYPE_STRING, 0);
  if (entry === 0) {
    trashAdd(thing, type);
    return noRoom();
  }
  entrySetValue(entry, type, thing);
  keyChanged(argument(index), argumentLength(index));
  replyInteger(count);
}

/** No more elements than this are taken by chance where they may repeat. */
export const REPEATS_LEAST: i64 = -0xff_ffff;

/** Reads how many elements are to be taken by chance, into `integer`: of any sign, but with an opposite. Anything else is replied to. */
export function chanceCountArgument(index: u32): bool {
  if (!integerArgument(index)) return false;
  if (integer !== -0x8000_0000_0000_0000) return true;
  replyError('ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807');
  return false;
}

/** Reads count and word behind the key of HRANDFIELD and ZRANDMEMBER, the count into `integer`. Returns false where they are wrong, which has been replied to. */
export function chanceArguments(word: string): bool {
  if (argumentCount === 2) return true;
  if (!chanceCountArgument(2)) return false;
  if (argumentCount === 3) return true;
  if (argumentCount > 4 || !argumentIs(3, word)) {
    syntaxError();
    return false;
  }
  // Of each there are two.
  if (integer >= -0x3fff_ffff_ffff_ffff && integer <= 0x3fff_ffff_ffff_ffff) return true;
  replyError('ERR value is out of range');
  return false;
}

/** Whether the next one of `rest` elements is among `left` that are taken by chance: every choice of them is as likely (Knuth, algorithm S). */
export function isTaken(left: u32, rest: u32): bool {
  return random64() % <u64>rest < <u64>left;
}

/** The first and the last of a range that may be counted from the end; the first is beyond the last where the range is empty. */
export let rangeFirst: u32 = 0;
export let rangeLast: u32 = 0;

/** Puts a range within a number of elements. Returns whether anything is in it. */
export function clampRange(first: i64, last: i64, count: u32): bool {
  const has = <i64>count;
  let from = first < 0 ? first + has : first;
  let to = last < 0 ? last + has : last;
  if (from < 0) from = 0;
  if (to >= has) to = has - 1;
  if (from > to || from >= has) return false;
  rangeFirst = <u32>from;
  rangeLast = <u32>to;
  return true;
}
