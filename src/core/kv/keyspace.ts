// Databases: their keys, which of them expire, and the ways to look one up. A key that has expired is gone as soon as anybody looks.

import { take } from '../arena';
import { firstAccess, nextAccess } from './access';
import { DATABASES, EXPIRED, HITS, KEYS, MISSES } from './control';
import {
  ENTRY_KEY,
  entryKey,
  entryKeyLength,
  entrySetAccess,
  entryTakeValue,
  makeEntry,
  releaseEntry,
  stringBlock,
  stringLength,
  TYPE_STRING,
} from './entry';
import {
  expireAt,
  expireNever,
  expiryOf,
  HEAP_BYTES,
  heapBegin,
  heapCount,
  heapEnd,
  heapFirst,
  heapFirstAt,
} from './expiry';
import { hashOf } from './hash';
import { count, setSetting64, setting, setting64 } from './settings';
import { allocateFromReserve, release } from './slabs';
import { moveBuckets, TABLE_BYTES, tableAdd, tableBegin, tableCount, tableFindHashed, tableRemove } from './table';
import { wallMs } from './time';
import { trashAdd, WASTE_BYTES, WASTE_DATABASE } from './trash';
import { noteAllForWaiters, noteForWaiters, waitingBegin } from './waiting';
import { noteAllForWatchers, noteForWatchers, watchedBegin } from './watched';

const HEAP_AT: u32 = WASTE_BYTES + TABLE_BYTES;
/** The number that the database has. */
const NUMBER_AT: u32 = HEAP_AT + HEAP_BYTES;
const DATABASE_BYTES: u32 = NUMBER_AT + 4;

/** Addresses of the databases. */
let databases: usize = 0;
/** The database of the command that runs. */
export let database: usize = 0;
/** Its number. */
export let databaseNumber: u32 = 0;
/** The hash of the key that was looked up last. */
let lastHash: u32 = 0;

function makeDatabase(number: u32): usize {
  const made = allocateFromReserve(DATABASE_BYTES);
  if (made === 0) return 0;
  tableBegin(made + WASTE_BYTES, ENTRY_KEY);
  heapBegin(made + HEAP_AT);
  store<u32>(made + NUMBER_AT, number);
  return made;
}

/** Makes the databases. Returns false where there is no room. */
export function keyspaceBegin(): bool {
  const number = setting(DATABASES);
  databases = take(number * 4, 8);
  if (databases === 0 || !watchedBegin(number) || !waitingBegin(number)) return false;
  for (let index: u32 = 0; index < number; index++) {
    const made = makeDatabase(index);
    if (made === 0) return false;
    store<u32>(databases + index * 4, <u32>made);
  }
  selectDatabase(0);
  return true;
}

/** Chooses the database that commands work on. @param number less than the setting DATABASES. */
export function selectDatabase(number: u32): void {
  databaseNumber = number;
  database = load<u32>(databases + number * 4);
}

/** The address of a database by its number. */
export function databaseAt(number: u32): usize {
  return load<u32>(databases + number * 4);
}

/** The table of a database. */
export function keysOf(at: usize): usize {
  return at + WASTE_BYTES;
}

/** The keys of a database that expire. */
export function heapOf(at: usize): usize {
  return at + HEAP_AT;
}

/** Whether an entry's time is over. */
export function hasExpired(at: usize, entry: usize): bool {
  const when = expiryOf(heapOf(at), entry);
  return when !== 0 && wallMs > when;
}

function noteChange(number: u32, key: usize, length: u32): void {
  noteForWatchers(number, key, length);
  noteForWaiters(number, key, length);
}

/** @param before what a database was, and @param after what it is now */
function noteChangeOfAll(number: u32, before: usize, after: usize): void {
  noteAllForWatchers(number, keysOf(before), keysOf(after));
  noteAllForWaiters(number);
}

/** Takes an entry out of its database and gives it back. */
export function deleteEntry(at: usize, entry: usize): void {
  releaseEntry(detachEntry(at, entry));
}

/** Takes an entry out of its database; the caller has it then. Its time to expire is forgotten. */
export function detachEntry(at: usize, entry: usize): usize {
  noteChange(load<u32>(at + NUMBER_AT), entryKey(entry), entryKeyLength(entry));
  expireNever(heapOf(at), entry);
  tableRemove(keysOf(at), entry);
  setSetting64(KEYS, setting64(KEYS) - 1);
  return entry;
}

/** The entry of a key in any database, 0: there is none or it has expired. It does not count as a use. */
export function peekKey(at: usize, key: usize, length: u32): usize {
  lastHash = hashOf(key, length);
  const entry = tableFindHashed(keysOf(at), key, length, lastHash);
  if (entry === 0 || !hasExpired(at, entry)) return entry;
  deleteEntry(at, entry);
  count(EXPIRED, 1);
  return 0;
}

/** The entry of a key of the chosen database, for a command that changes it; 0: there is none. */
export function findForWrite(key: usize, length: u32): usize {
  const entry = peekKey(database, key, length);
  if (entry !== 0) nextAccess(entry);
  return entry;
}

/** The entry of a key of the chosen database, for a command that reads it: a hit or a miss. */
export function findForRead(key: usize, length: u32): usize {
  const entry = peekKey(database, key, length);
  if (entry === 0) {
    count(MISSES, 1);
    return 0;
  }
  count(HITS, 1);
  nextAccess(entry);
  return entry;
}

/** Adds a key to the chosen database, right after a look-up of the same key found none. @param room bytes of a string to come. 0: no room. */
export function addKey(key: usize, length: u32, type: u32, room: u32): usize {
  const entry = makeEntry(key, length, type, room);
  if (entry === 0) return 0;
  entrySetAccess(entry, firstAccess());
  if (!attachEntry(database, entry, lastHash)) {
    releaseEntry(entry);
    return 0;
  }
  return entry;
}

/** Adds an entry to a database that does not have its key. Returns false where there is no room. */
export function attachEntry(at: usize, entry: usize, hash: u32): bool {
  if (!tableAdd(keysOf(at), entry, hash)) return false;
  setSetting64(KEYS, setting64(KEYS) + 1);
  return true;
}

/** Tells that a command changed the value of a key of the chosen database. */
export function keyChanged(key: usize, length: u32): void {
  noteChange(databaseNumber, key, length);
}

/** Tells that a command changed the value of a key of any database. */
export function keyChangedIn(at: usize, key: usize, length: u32): void {
  noteChange(load<u32>(at + NUMBER_AT), key, length);
}

/** Empties a database at once; what was in it is given back in slices. Returns false where there is no room for an empty one. */
export function flushDatabase(number: u32): bool {
  const old = databaseAt(number);
  const keys = tableCount(keysOf(old));
  if (keys === 0) return true;
  const made = makeDatabase(number);
  if (made === 0) return false;
  setSetting64(KEYS, setting64(KEYS) - <u64>keys);
  heapEnd(heapOf(old));
  noteChangeOfAll(number, old, made);
  store<u32>(databases + number * 4, <u32>made);
  if (number === databaseNumber) database = made;
  trashAdd(old, WASTE_DATABASE);
  return true;
}

/** Exchanges two databases. */
export function swapDatabases(one: u32, other: u32): void {
  const first = databaseAt(one);
  store<u32>(databases + one * 4, <u32>databaseAt(other));
  store<u32>(databases + other * 4, <u32>first);
  store<u32>(databaseAt(one) + NUMBER_AT, one);
  store<u32>(first + NUMBER_AT, other);
  noteChangeOfAll(one, first, databaseAt(one));
  noteChangeOfAll(other, first, databaseAt(one));
  selectDatabase(databaseNumber);
}

/** Deletes up to so many keys whose time is over. Returns how many. */
export function expireDue(most: u32): u32 {
  let done: u32 = 0;
  for (let index: u32 = 0; index < setting(DATABASES); index++) {
    const at = databaseAt(index);
    const heap = heapOf(at);
    while (done < most && heapCount(heap) > 0 && wallMs > heapFirstAt(heap)) {
      deleteEntry(at, heapFirst(heap));
      done += 1;
    }
  }
  if (done > 0) count(EXPIRED, <u64>done);
  return done;
}

/** When the next key expires, in milliseconds since 1970; the largest number: none does. */
export function nextExpiry(): u64 {
  let next: u64 = 0xffff_ffff_ffff_ffff;
  for (let index: u32 = 0; index < setting(DATABASES); index++) {
    const heap = heapOf(databaseAt(index));
    if (heapCount(heap) > 0 && heapFirstAt(heap) < next) next = heapFirstAt(heap);
  }
  return next;
}

/** Moves some buckets of tables that change their size. Returns whether there is more to do. */
export function rehashSome(buckets: u32): bool {
  let more = false;
  for (let index: u32 = 0; index < setting(DATABASES); index++) {
    if (moveBuckets(keysOf(databaseAt(index)), buckets)) more = true;
  }
  return more;
}

/** Gives an entry of the chosen database another key, in place of what that key had. Returns false, and changes nothing, where there is no room. */
export function renameEntry(entry: usize, other: usize, key: usize, length: u32): bool {
  const at = expiryOf(heapOf(database), entry);
  const made = makeEntry(key, length, TYPE_STRING, stringBlock(entry) === 0 ? stringLength(entry) : 0);
  if (made === 0) return false;
  // What can fail comes first. For a moment the new key may be there twice; nobody looks it up meanwhile.
  if (!attachEntry(database, made, hashOf(key, length))) {
    release(made);
    return false;
  }
  if ((at !== 0 && !expireAt(heapOf(database), made, at)) || !entryTakeValue(made, entry)) {
    deleteEntry(database, made);
    return false;
  }
  if (other !== 0) deleteEntry(database, other);
  deleteEntry(database, entry);
  noteChange(databaseNumber, key, length);
  return true;
}
