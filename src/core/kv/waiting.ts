// Clients that wait for a key (BLPOP and its like): for each key a row of who waits, the first one first, and for each client the keys and the moment at which
// it gives up. A key that was changed is noted here, and looked at when the command that changed it is done (commands/blocking.ts).

import { take } from '../arena';
import { nowUs } from '../clock';
import { BLOCKED, setFlag, setWaiterOf, waiterOf } from './clients';
import { expireAt, expireNever, HEAP_BYTES, heapBegin, heapCount, heapFirst, heapFirstAt } from './expiry';
import { hashOf } from './hash';
import { bytesToKeep, keepCommand } from './kept-command';
import { allocate, release } from './slabs';
import { itemSetKey, TABLE_BYTES, tableAdd, tableBegin, tableFind, tableRemove } from './table';
import { walkBegin, walkEnd, walkNext } from './table-walk';

/** A client that waits. Its place in the heap of expiry.ts stands where that file finds it in an entry. */
@unmanaged
class Waiter {
  client: u32;
  /** The command that it waits with. */
  command: u32;
  /** The first of its places. */
  places: u32;
  /** The type of the value that it waits for. */
  type: u32;
  database: u32;
  unused: u32;
  expiry: u32;
}
const WAITER_BYTES: u32 = 28;

/** A key that somebody waits for, behind the head of a table's item. */
@unmanaged
class Awaited {
  next: u32;
  hash: u32;
  keyLength: u32;
  first: u32;
  last: u32;
  database: u32;
  /** Whether it is in the list of those that were changed, and the next one there. */
  isReady: u32;
  nextReady: u32;
}
const KEY_AT: u32 = 32;

/** One client in the row of one key. */
@unmanaged
class Place {
  waiter: u32;
  awaited: u32;
  /** The argument that names the key. */
  index: u32;
  next: u32;
  previous: u32;
  nextOfWaiter: u32;
}
const PLACE_BYTES: u32 = 24;

/** A table for each database. */
let tables: usize = 0;
let awaitedKeys: u32 = 0;
let readyFirst: u32 = 0;
let readyLast: u32 = 0;
/** How many clients wait. */
export let waiters: u32 = 0;
const heap = memory.data(12, 8);
const walk = memory.data(16, 8);

/** Begins anew. Returns false where there is no room for the tables. */
export function waitingBegin(databases: u32): bool {
  awaitedKeys = 0;
  readyFirst = 0;
  readyLast = 0;
  waiters = 0;
  if (HEAP_BYTES > 12) unreachable();
  heapBegin(heap);
  tables = take(databases * TABLE_BYTES, 8);
  if (tables === 0) return false;
  for (let index: u32 = 0; index < databases; index++) tableBegin(tables + index * TABLE_BYTES, KEY_AT);
  return true;
}

function tableOf(database: u32): usize {
  return tables + database * TABLE_BYTES;
}

/** A client waits with the command in the arguments, until a time (microseconds of the core's clock; 0: for ever). Returns false for want of room. */
export function beginWaiting(client: usize, type: u32, database: u32, until: u64): bool {
  const bytes = bytesToKeep();
  const waiter: usize = bytes > 0xffff_0000 ? 0 : allocate(WAITER_BYTES);
  if (waiter === 0) return false;
  const it = changetype<Waiter>(waiter);
  memory.fill(waiter, 0, WAITER_BYTES);
  it.client = <u32>client;
  it.type = type;
  it.database = database;
  it.command = <u32>keepCommand(<u32>bytes);
  if (it.command === 0 || (until !== 0 && !expireAt(heap, waiter, until))) {
    if (it.command !== 0) release(it.command);
    release(waiter);
    return false;
  }
  setWaiterOf(client, waiter);
  setFlag(client, BLOCKED, true);
  waiters += 1;
  return true;
}

function awaitedOf(database: u32, key: usize, length: u32): usize {
  const table = tableOf(database);
  const found = tableFind(table, key, length);
  if (found !== 0) return found;
  const made = allocate(KEY_AT + length);
  if (made === 0) return 0;
  memory.fill(made, 0, KEY_AT);
  itemSetKey(made, KEY_AT, key, length);
  changetype<Awaited>(made).database = database;
  if (!tableAdd(table, made, hashOf(key, length))) {
    release(made);
    return 0;
  }
  awaitedKeys += 1;
  return made;
}

/** Puts a client that waits into the row of one more key; once, if it is named again. @param index the argument that names it. False: no room. */
export function waitFor(client: usize, key: usize, length: u32, index: u32): bool {
  const waiter = waiterOf(client);
  const it = changetype<Waiter>(waiter);
  const made = allocate(PLACE_BYTES);
  if (made === 0) return false;
  const awaited = awaitedOf(it.database, key, length);
  const row = changetype<Awaited>(awaited);
  if (awaited === 0 || (row.last !== 0 && changetype<Place>(row.last).waiter === <u32>waiter)) {
    release(made);
    return awaited !== 0;
  }
  const place = changetype<Place>(made);
  place.waiter = <u32>waiter;
  place.awaited = <u32>awaited;
  place.index = index;
  place.next = 0;
  place.previous = row.last;
  place.nextOfWaiter = it.places;
  it.places = <u32>made;
  if (row.last === 0) row.first = <u32>made;
  else changetype<Place>(row.last).next = <u32>made;
  row.last = <u32>made;
  return true;
}

function dropPlace(at: usize): void {
  const place = changetype<Place>(at);
  const row = changetype<Awaited>(place.awaited);
  if (place.previous === 0) row.first = place.next;
  else changetype<Place>(place.previous).next = place.next;
  if (place.next === 0) row.last = place.previous;
  else changetype<Place>(place.next).previous = place.previous;
  if (row.first === 0 && row.isReady === 0) dropAwaited(place.awaited);
  release(at);
}

function dropAwaited(awaited: usize): void {
  tableRemove(tableOf(changetype<Awaited>(awaited).database), awaited);
  release(awaited);
  awaitedKeys -= 1;
}

/** A client waits no more. */
export function endWaiting(client: usize): void {
  const waiter = waiterOf(client);
  if (waiter === 0) return;
  const it = changetype<Waiter>(waiter);
  while (it.places !== 0) {
    const place = it.places;
    it.places = changetype<Place>(place).nextOfWaiter;
    dropPlace(place);
  }
  expireNever(heap, waiter);
  release(it.command);
  release(waiter);
  setWaiterOf(client, 0);
  setFlag(client, BLOCKED, false);
  waiters -= 1;
}

function noteReady(awaited: usize): void {
  const it = changetype<Awaited>(awaited);
  if (it.isReady !== 0) return;
  it.isReady = 1;
  it.nextReady = 0;
  if (readyLast === 0) readyFirst = <u32>awaited;
  else changetype<Awaited>(readyLast).nextReady = <u32>awaited;
  readyLast = <u32>awaited;
}

/** A key was changed: those who wait for it may have what they want. */
export function noteForWaiters(database: u32, key: usize, length: u32): void {
  if (awaitedKeys === 0) return;
  const awaited = tableFind(tableOf(database), key, length);
  if (awaited !== 0) noteReady(awaited);
}

/** Any key of a database may have been changed. */
export function noteAllForWaiters(database: u32): void {
  if (awaitedKeys === 0) return;
  walkBegin(walk, tableOf(database));
  for (let awaited = walkNext(walk); awaited !== 0; awaited = walkNext(walk)) noteReady(awaited);
  walkEnd(walk);
}

/** Whether a key was changed that somebody waits for. */
export function hasReady(): bool {
  return readyFirst !== 0;
}

/** Takes the key that was changed first and has somebody waiting; 0: there is none. */
export function takeReady(): usize {
  while (readyFirst !== 0) {
    const awaited = <usize>readyFirst;
    const it = changetype<Awaited>(awaited);
    readyFirst = it.nextReady;
    if (readyFirst === 0) readyLast = 0;
    it.isReady = 0;
    if (it.first !== 0) return awaited;
    dropAwaited(awaited);
  }
  return 0;
}

/** The first place in a key's row. */
export function firstPlace(awaited: usize): usize {
  return changetype<Awaited>(awaited).first;
}

/** The place behind one; 0: there is none. */
export function nextPlace(place: usize): usize {
  return changetype<Place>(place).next;
}

/** The argument that names the key of a place. */
export function placeIndex(place: usize): u32 {
  return changetype<Place>(place).index;
}

/** The client of a place. */
export function placeClient(place: usize): usize {
  return changetype<Waiter>(changetype<Place>(place).waiter).client;
}

/** The type of the value that the client of a place waits for. */
export function placeType(place: usize): u32 {
  return changetype<Waiter>(changetype<Place>(place).waiter).type;
}

/** The command of a place. */
export function placeCommand(place: usize): usize {
  return changetype<Waiter>(changetype<Place>(place).waiter).command;
}

/** The database of a key that is waited for. */
export function awaitedDatabase(awaited: usize): u32 {
  return changetype<Awaited>(awaited).database;
}

/** Where such a key's bytes are, of which there are `itemKeyLength`. */
export function awaitedKey(awaited: usize): usize {
  return awaited + KEY_AT;
}

/** A client whose time to wait is over; 0: there is none. */
export function timedOut(): usize {
  if (heapCount(heap) === 0 || heapFirstAt(heap) > nowUs) return 0;
  return changetype<Waiter>(heapFirst(heap)).client;
}

/** Microseconds until the next one gives up; all ones: none does. */
export function nextTimeoutUs(): u64 {
  if (heapCount(heap) === 0) return 0xffff_ffff_ffff_ffff;
  const at = heapFirstAt(heap);
  return at <= nowUs ? 0 : at - nowUs;
}
