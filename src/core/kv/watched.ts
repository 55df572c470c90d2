// Keys that clients WATCH: each has a number that goes up with every change, and a client remembers which number it saw.

import { take } from '../arena';
import { TABLE_BYTES, tableBegin, tableFind } from './table';
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
export function noteChange(database: u32, key: usize, length: u32): void {
  if (watchedKeys === 0) return;
  const item = tableFind(tables + database * TABLE_BYTES, key, length);
  if (item !== 0) changetype<Watched>(item).changes += 1;
}

/** All keys of a database may have been changed. */
export function noteChangeOfAll(database: u32): void {
  if (watchedKeys === 0) return;
  walkBegin(walk, tables + database * TABLE_BYTES);
  for (let item = walkNext(walk); item !== 0; item = walkNext(walk)) changetype<Watched>(item).changes += 1;
  walkEnd(walk);
}
