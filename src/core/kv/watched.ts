// Keys that clients WATCH: each has a number that goes up with every change, and a client remembers which number it saw.

import { take } from '../arena';
import { hashOf } from './hash';
import { allocate, release } from './slabs';
import { itemSetKey, TABLE_BYTES, tableAdd, tableBegin, tableFind, tableFindHashed, tableRemove } from './table';
import { walkBegin, walkEnd, walkNext } from './table-walk';

/** Behind the head of a table's item. */
@unmanaged
class Watched {
  next: u32;
  hash: u32;
  keyLength: u32;
  watchers: u32;
  changes: u32;
  database: u32;
}
const KEY_AT: u32 = 24;

/** A table for each database. */
let tables: usize = 0;
let watchedKeys: u32 = 0;
const walk = memory.data(16, 8);

/** Makes the tables. Returns false where there is no room. */
export function watchedBegin(databases: u32): bool {
  watchedKeys = 0;
  tables = take(databases * TABLE_BYTES, 8);
  if (tables === 0) return false;
  for (let index: u32 = 0; index < databases; index++) tableBegin(tables + index * TABLE_BYTES, KEY_AT);
  return true;
}

/** A key was changed, made or deleted. */
export function noteForWatchers(database: u32, key: usize, length: u32): void {
  if (watchedKeys === 0) return;
  const item = tableFind(tables + database * TABLE_BYTES, key, length);
  if (item !== 0) changetype<Watched>(item).changes += 1;
}

/** Another table of keys takes the place of a database's: changed are those that were in the one, or are in the other. Both may be one. */
export function noteAllForWatchers(database: u32, before: usize, after: usize): void {
  if (watchedKeys === 0) return;
  walkBegin(walk, tables + database * TABLE_BYTES);
  for (let item = walkNext(walk); item !== 0; item = walkNext(walk)) {
    const it = changetype<Watched>(item);
    const key = item + KEY_AT;
    if (
      tableFindHashed(before, key, it.keyLength, it.hash) !== 0 ||
      tableFindHashed(after, key, it.keyLength, it.hash) !== 0
    )
      it.changes += 1;
  }
  walkEnd(walk);
}

/** Watches a key, for one more client. Returns what stands for it; 0: no room. */
export function watchKey(database: u32, key: usize, length: u32): usize {
  const table = tables + database * TABLE_BYTES;
  let item = tableFind(table, key, length);
  if (item === 0) {
    item = allocate(KEY_AT + length);
    if (item === 0) return 0;
    const made = changetype<Watched>(item);
    made.watchers = 0;
    made.changes = 0;
    made.database = database;
    itemSetKey(item, KEY_AT, key, length);
    if (!tableAdd(table, item, hashOf(key, length))) {
      release(item);
      return 0;
    }
    watchedKeys += 1;
  }
  changetype<Watched>(item).watchers += 1;
  return item;
}

/** A client watches a key no more. */
export function unwatchKey(item: usize): void {
  const it = changetype<Watched>(item);
  it.watchers -= 1;
  if (it.watchers !== 0) return;
  tableRemove(tables + it.database * TABLE_BYTES, item);
  release(item);
  watchedKeys -= 1;
}

/** How often a watched key was changed. */
export function changesOf(item: usize): u32 {
  return changetype<Watched>(item).changes;
}
