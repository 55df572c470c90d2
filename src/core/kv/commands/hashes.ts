// Commands on hashes (hash-value.ts): fields and their values, one or many at a time.

import { argument, argumentCount, argumentLength } from '../../resp/arguments';
import { integer, readInteger, writeInteger } from '../../resp/numbers';
import {
  replyArray,
  replyBulk,
  replyError,
  replyInteger,
  replyMap,
  replyNull,
  replyNumberText,
  replyOk,
} from '../../resp/reply';
import { addCommand, DENYOOM, FAST, READONLY, WRITE } from '../command-table';
import { entrySetValue, entryValue, TYPE_HASH } from '../entry';
import {
  dropField,
  fieldName,
  fieldNameLength,
  fieldsOf,
  fieldValue,
  fieldValueLength,
  findField,
  makeHash,
  setField,
} from '../hash-value';
import { addKey, database, deleteEntry, keyChanged } from '../keyspace';
import { tableCount } from '../table';
import { walkBegin, walkEnd, walkNext } from '../table-walk';
import { integerArgument, isWrongType, noRoom, readEntry, writeEntry, wrongArity } from './errors';
import { fits, readScanWords, scannedItem, scannedItems, scanTable } from './scanning';

/** Adds the commands. @param family what stands before their numbers. */
export function addHashCommands(family: u32): void {
  addCommand('hset', family, -4, WRITE | DENYOOM | FAST, 1, 1, 1);
  addCommand('hmset', family + 1, -4, WRITE | DENYOOM | FAST, 1, 1, 1);
  addCommand('hsetnx', family + 2, 4, WRITE | DENYOOM | FAST, 1, 1, 1);
  addCommand('hget', family + 3, 3, READONLY | FAST, 1, 1, 1);
  addCommand('hmget', family + 4, -3, READONLY | FAST, 1, 1, 1);
  addCommand('hgetall', family + 5, 2, READONLY, 1, 1, 1);
  addCommand('hkeys', family + 6, 2, READONLY, 1, 1, 1);
  addCommand('hvals', family + 7, 2, READONLY, 1, 1, 1);
  addCommand('hdel', family + 8, -3, WRITE | FAST, 1, 1, 1);
  addCommand('hlen', family + 9, 2, READONLY | FAST, 1, 1, 1);
  addCommand('hexists', family + 10, 3, READONLY | FAST, 1, 1, 1);
  addCommand('hstrlen', family + 11, 3, READONLY | FAST, 1, 1, 1);
  addCommand('hincrby', family + 12, 4, WRITE | DENYOOM | FAST, 1, 1, 1);
  addCommand('hscan', family + 13, -3, READONLY, 1, 1, 1);
}

/** Runs one of them, by its number in the family. */
export function runHash(number: u32): void {
  switch (number) {
    case 0:
      return set(false);
    case 1:
      return set(true);
    case 2:
      return setIfNew();
    case 3:
      return get(false);
    case 4:
      return getMany();
    case 5:
      return all(true, true);
    case 6:
      return all(true, false);
    case 7:
      return all(false, true);
    case 8:
      return remove();
    case 9:
      return length();
    case 10:
      return exists();
    case 11:
      return get(true);
    case 12:
      return increment();
    default:
      return scan();
  }
}

/** The hash of the key in the first argument, made where there is none. 0: no room, or another type; both have been replied to. */
function hashForWrite(): usize {
  let entry = writeEntry(1, TYPE_HASH);
  if (isWrongType) return 0;
  if (entry !== 0) return entryValue(entry);
  const made = makeHash();
  if (made !== 0) entry = addKey(argument(1), argumentLength(1), TYPE_HASH, 0);
  if (entry !== 0) {
    entrySetValue(entry, TYPE_HASH, made);
    return made;
  }
  noRoom();
  return 0;
}

/** Deletes the key when its hash has no fields, and tells that it was changed. */
function afterChange(hash: usize): void {
  keyChanged(argument(1), argumentLength(1));
  if (tableCount(fieldsOf(hash)) > 0) return;
  const entry = writeEntry(1, TYPE_HASH);
  if (entry !== 0) deleteEntry(database, entry);
}

function replyField(field: usize): void {
  if (field === 0) replyNull();
  else replyBulk(fieldValue(field), fieldValueLength(field));
}

function set(isOld: bool): void {
  if ((argumentCount & 1) === 1) return wrongArity(isOld ? 'hmset' : 'hset');
  const hash = hashForWrite();
  if (hash === 0) return;
  let added: u32 = 0;
  for (let index: u32 = 2; index < argumentCount; index += 2) {
    const field = findField(hash, argument(index), argumentLength(index));
    if (
      !setField(hash, field, argument(index), argumentLength(index), argument(index + 1), argumentLength(index + 1))
    ) {
      afterChange(hash);
      return noRoom();
    }
    if (field === 0) added += 1;
  }
  afterChange(hash);
  if (isOld) replyOk();
  else replyInteger(added);
}

function setIfNew(): void {
  const hash = hashForWrite();
  if (hash === 0) return;
  if (findField(hash, argument(2), argumentLength(2)) !== 0) return replyInteger(0);
  const isSet = setField(hash, 0, argument(2), argumentLength(2), argument(3), argumentLength(3));
  afterChange(hash);
  if (isSet) replyInteger(1);
  else noRoom();
}

function fieldOf(entry: usize, index: u32): usize {
  return entry === 0 ? 0 : findField(entryValue(entry), argument(index), argumentLength(index));
}

function get(onlyLength: bool): void {
  const entry = readEntry(1, TYPE_HASH);
  if (isWrongType) return;
  const field = fieldOf(entry, 2);
  if (!onlyLength) replyField(field);
  else replyInteger(field === 0 ? 0 : fieldValueLength(field));
}

function getMany(): void {
  const entry = readEntry(1, TYPE_HASH);
  if (isWrongType) return;
  replyArray(argumentCount - 2);
  for (let index: u32 = 2; index < argumentCount; index++) replyField(fieldOf(entry, index));
}

const walk = memory.data(16, 8);

function all(names: bool, values: bool): void {
  const entry = readEntry(1, TYPE_HASH);
  if (isWrongType) return;
  const fields: usize = entry === 0 ? 0 : fieldsOf(entryValue(entry));
  const number: u32 = fields === 0 ? 0 : tableCount(fields);
  if (names && values) replyMap(number);
  else replyArray(number);
  if (number === 0) return;
  walkBegin(walk, fields);
  for (let at = walkNext(walk); at !== 0; at = walkNext(walk)) {
    if (names) replyBulk(fieldName(at), fieldNameLength(at));
    if (values) replyField(at);
  }
  walkEnd(walk);
}

function remove(): void {
  const entry = writeEntry(1, TYPE_HASH);
  if (isWrongType) return;
  if (entry === 0) return replyInteger(0);
  const hash = entryValue(entry);
  let removed: u32 = 0;
  for (let index: u32 = 2; index < argumentCount; index++) {
    const field = findField(hash, argument(index), argumentLength(index));
    if (field === 0) continue;
    dropField(hash, field);
    removed += 1;
  }
  if (removed > 0) afterChange(hash);
  replyInteger(removed);
}

function length(): void {
  const entry = readEntry(1, TYPE_HASH);
  if (isWrongType) return;
  replyInteger(entry === 0 ? 0 : tableCount(fieldsOf(entryValue(entry))));
}

function exists(): void {
  const entry = readEntry(1, TYPE_HASH);
  if (isWrongType) return;
  replyInteger(fieldOf(entry, 2) === 0 ? 0 : 1);
}

const digits = memory.data(24, 8);

function increment(): void {
  if (!integerArgument(3)) return;
  const by = integer;
  const hash = hashForWrite();
  if (hash === 0) return;
  const field = findField(hash, argument(2), argumentLength(2));
  let value: i64 = 0;
  if (field !== 0) {
    if (!readInteger(fieldValue(field), fieldValueLength(field))) return replyError('ERR hash value is not an integer');
    value = integer;
  }
  if ((by > 0 && value > 0x7fff_ffff_ffff_ffff - by) || (by < 0 && value < -0x8000_0000_0000_0000 - by)) {
    return replyError('ERR increment or decrement would overflow');
  }
  const written = writeInteger(digits, value + by);
  const isSet = setField(hash, field, argument(2), argumentLength(2), digits, written);
  afterChange(hash);
  if (isSet) replyInteger(value + by);
  else noRoom();
}

function scan(): void {
  if (!readScanWords(2, false)) return;
  const entry = readEntry(1, TYPE_HASH);
  if (isWrongType) return;
  replyArray(2);
  if (entry === 0) {
    replyNumberText(0);
    return replyArray(0);
  }
  replyNumberText(scanTable(fieldsOf(entryValue(entry))));
  let kept: u32 = 0;
  for (let index: u32 = 0; index < scannedItems; index++) {
    if (fits(fieldName(scannedItem(index)), fieldNameLength(scannedItem(index)))) kept += 1;
  }
  replyArray(kept * 2);
  for (let index: u32 = 0; index < scannedItems; index++) {
    const field = scannedItem(index);
    if (!fits(fieldName(field), fieldNameLength(field))) continue;
    replyBulk(fieldName(field), fieldNameLength(field));
    replyField(field);
  }
}
