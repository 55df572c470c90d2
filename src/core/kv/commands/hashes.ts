// Commands on hashes: fields of a key, each with a value. Not here: how they are kept (hash-fields.ts).

import { argument, argumentCount, argumentIs, argumentLength } from '../../resp/arguments';
import { double, readDouble, writeDouble } from '../../resp/doubles';
import { integer, readInteger, writeInteger } from '../../resp/numbers';
import {
  isThree,
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
import { TYPE_HASH } from '../entry';
import {
  addField,
  FIELD_KEY,
  fieldsOf,
  fieldValue,
  fieldValueLength,
  findField,
  removeField,
  setFieldValue,
} from '../hash-fields';
import { itemKeyLength, tableCount } from '../table';
import { randomItem, walkBegin, walkEnd, walkNext } from '../table-walk';
import {
  chanceArguments,
  collectionChanged,
  isTaken,
  makeCollection,
  REPEATS_LEAST,
  readCollection,
  writeCollection,
} from './collections';
import { integerArgument, isWrongType, noRoom, syntaxError, wrongArity } from './errors';
import { fits, readScanCursor, readScanWords, scannedItem, scannedItems, scanTable } from './scanning';

const walk = memory.data(16, 8);
const number = memory.data(48, 8);

/** Adds the commands. @param family what stands before their numbers. */
export function addHashCommands(family: u32): void {
  addCommand('hset', family, -4, WRITE | DENYOOM | FAST, 1, 1, 1);
  addCommand('hget', family + 1, 3, READONLY | FAST, 1, 1, 1);
  addCommand('hmset', family + 2, -4, WRITE | DENYOOM | FAST, 1, 1, 1);
  addCommand('hmget', family + 3, -3, READONLY | FAST, 1, 1, 1);
  addCommand('hdel', family + 4, -3, WRITE | FAST, 1, 1, 1);
  addCommand('hgetall', family + 5, 2, READONLY, 1, 1, 1);
  addCommand('hkeys', family + 6, 2, READONLY, 1, 1, 1);
  addCommand('hvals', family + 7, 2, READONLY, 1, 1, 1);
  addCommand('hlen', family + 8, 2, READONLY | FAST, 1, 1, 1);
  addCommand('hexists', family + 9, 3, READONLY | FAST, 1, 1, 1);
  addCommand('hsetnx', family + 10, 4, WRITE | DENYOOM | FAST, 1, 1, 1);
  addCommand('hincrby', family + 11, 4, WRITE | DENYOOM | FAST, 1, 1, 1);
  addCommand('hincrbyfloat', family + 12, 4, WRITE | DENYOOM | FAST, 1, 1, 1);
  addCommand('hstrlen', family + 13, 3, READONLY | FAST, 1, 1, 1);
  addCommand('hscan', family + 14, -3, READONLY, 1, 1, 1);
  addCommand('hrandfield', family + 15, -2, READONLY, 1, 1, 1);
}

/** Runs the command of a number in this family. */
export function runHash(own: u32): void {
  switch (own) {
    case 0:
      return setMany(false);
    case 1:
      return get(2);
    case 2:
      return setMany(true);
    case 3:
      return getMany();
    case 4:
      return remove();
    case 5:
      return list(true, true);
    case 6:
      return list(true, false);
    case 7:
      return list(false, true);
    case 8:
      return count();
    case 9:
      return exists();
    case 10:
      return setIfNew();
    case 11:
      return increment();
    case 12:
      return incrementFloat();
    case 13:
      return valueLength();
    case 14:
      return scan();
    default:
      return byChance();
  }
}

/** Sets a field. Returns 1 where it is new, 0 where it was there, -1 for want of room. */
function put(hash: usize, name: u32, value: usize, length: u32): i32 {
  const field = findField(hash, argument(name), argumentLength(name));
  if (field !== 0) return setFieldValue(hash, field, value, length) ? 0 : -1;
  return addField(hash, argument(name), argumentLength(name), value, length) !== 0 ? 1 : -1;
}

function setMany(isOld: bool): void {
  if ((argumentCount & 1) !== 0) return wrongArity(isOld ? 'hmset' : 'hset');
  const hash = makeCollection(1, TYPE_HASH);
  if (hash === 0) return;
  let added: u32 = 0;
  let hasRoom = true;
  for (let index: u32 = 2; index < argumentCount && hasRoom; index += 2) {
    const result = put(hash, index, argument(index + 1), argumentLength(index + 1));
    hasRoom = result >= 0;
    if (result > 0) added += 1;
  }
  collectionChanged(1, tableCount(fieldsOf(hash)));
  if (!hasRoom) return noRoom();
  if (isOld) replyOk();
  else replyInteger(added);
}

function replyField(hash: usize, index: u32): void {
  const field: usize = hash === 0 ? 0 : findField(hash, argument(index), argumentLength(index));
  if (field === 0) replyNull();
  else replyBulk(fieldValue(field), fieldValueLength(field));
}

function get(index: u32): void {
  const hash = readCollection(TYPE_HASH);
  if (!isWrongType) replyField(hash, index);
}

function getMany(): void {
  const hash = readCollection(TYPE_HASH);
  if (isWrongType) return;
  replyArray(argumentCount - 2);
  for (let index: u32 = 2; index < argumentCount; index++) replyField(hash, index);
}

function remove(): void {
  const hash = writeCollection(1, TYPE_HASH);
  if (isWrongType) return;
  if (hash === 0) return replyInteger(0);
  let removed: u32 = 0;
  for (let index: u32 = 2; index < argumentCount; index++) {
    const field = findField(hash, argument(index), argumentLength(index));
    if (field === 0) continue;
    removeField(hash, field);
    removed += 1;
  }
  if (removed > 0) collectionChanged(1, tableCount(fieldsOf(hash)));
  replyInteger(removed);
}

function list(names: bool, values: bool): void {
  const hash = readCollection(TYPE_HASH);
  if (isWrongType) return;
  const has: u32 = hash === 0 ? 0 : tableCount(fieldsOf(hash));
  if (names && values) replyMap(has);
  else replyArray(has);
  if (hash === 0) return;
  walkBegin(walk, fieldsOf(hash));
  for (let field = walkNext(walk); field !== 0; field = walkNext(walk)) {
    if (names) replyBulk(field + FIELD_KEY, itemKeyLength(field));
    if (values) replyBulk(fieldValue(field), fieldValueLength(field));
  }
  walkEnd(walk);
}

function count(): void {
  const hash = readCollection(TYPE_HASH);
  if (!isWrongType) replyInteger(hash === 0 ? 0 : tableCount(fieldsOf(hash)));
}

function exists(): void {
  const hash = readCollection(TYPE_HASH);
  if (isWrongType) return;
  replyInteger(hash !== 0 && findField(hash, argument(2), argumentLength(2)) !== 0 ? 1 : 0);
}

function setIfNew(): void {
  const hash = makeCollection(1, TYPE_HASH);
  if (hash === 0) return;
  if (findField(hash, argument(2), argumentLength(2)) !== 0) return replyInteger(0);
  const isDone = put(hash, 2, argument(3), argumentLength(3)) > 0;
  collectionChanged(1, tableCount(fieldsOf(hash)));
  if (isDone) replyInteger(1);
  else noRoom();
}

function increment(): void {
  if (!integerArgument(3)) return;
  const by = integer;
  const hash = makeCollection(1, TYPE_HASH);
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
  const isDone = put(hash, 2, number, writeInteger(number, value + by)) >= 0;
  collectionChanged(1, tableCount(fieldsOf(hash)));
  if (isDone) replyInteger(value + by);
  else noRoom();
}

function incrementFloat(): void {
  if (!readDouble(argument(3), argumentLength(3))) return replyError('ERR value is not a valid float');
  if (!Number.isFinite(double)) return replyError('ERR value is NaN or Infinity');
  const by = double;
  const hash = makeCollection(1, TYPE_HASH);
  if (hash === 0) return;
  const field = findField(hash, argument(2), argumentLength(2));
  let value: f64 = 0;
  if (field !== 0) {
    if (!readDouble(fieldValue(field), fieldValueLength(field))) return replyError('ERR hash value is not a float');
    value = double;
  }
  value += by;
  if (!Number.isFinite(value)) {
    collectionChanged(1, tableCount(fieldsOf(hash)));
    return replyError('ERR increment would produce NaN or Infinity');
  }
  const length = writeDouble(number, value);
  const isDone = put(hash, 2, number, length) >= 0;
  collectionChanged(1, tableCount(fieldsOf(hash)));
  if (isDone) replyBulk(number, length);
  else noRoom();
}

function valueLength(): void {
  const hash = readCollection(TYPE_HASH);
  if (isWrongType) return;
  const field: usize = hash === 0 ? 0 : findField(hash, argument(2), argumentLength(2));
  replyInteger(field === 0 ? 0 : fieldValueLength(field));
}

function scan(): void {
  if (!readScanCursor(2)) return;
  const hash = readCollection(TYPE_HASH);
  if (isWrongType || (hash !== 0 && !readScanWords(2, false))) return;
  const next: u32 = hash === 0 ? 0 : scanTable(fieldsOf(hash));
  const found: u32 = hash === 0 ? 0 : scannedItems;
  let fitting: u32 = 0;
  for (let index: u32 = 0; index < found; index++) {
    if (fits(scannedItem(index) + FIELD_KEY, itemKeyLength(scannedItem(index)))) fitting += 1;
  }
  replyArray(2);
  replyNumberText(<u64>next);
  replyArray(fitting * 2);
  for (let index: u32 = 0; index < found; index++) {
    const field = scannedItem(index);
    if (!fits(field + FIELD_KEY, itemKeyLength(field))) continue;
    replyBulk(field + FIELD_KEY, itemKeyLength(field));
    replyBulk(fieldValue(field), fieldValueLength(field));
  }
}

function replyPair(field: usize, values: bool): void {
  if (values && isThree) replyArray(2);
  replyBulk(field + FIELD_KEY, itemKeyLength(field));
  if (values) replyBulk(fieldValue(field), fieldValueLength(field));
}

/** HRANDFIELD: one, or several that differ, or (a count below 0) several that may repeat. */
function byChance(): void {
  const values = argumentCount === 4;
  if (!chanceArguments('withvalues')) return;
  const many = integer;
  const hash = readCollection(TYPE_HASH);
  if (isWrongType) return;
  if (argumentCount === 2) {
    if (hash === 0) return replyNull();
    const field = randomItem(fieldsOf(hash));
    return replyBulk(field + FIELD_KEY, itemKeyLength(field));
  }
  const has: u32 = hash === 0 ? 0 : tableCount(fieldsOf(hash));
  if (many < REPEATS_LEAST && has > 0) return replyError('ERR value is out of range');
  const repeats = many < 0;
  const given: u32 = has === 0 ? 0 : repeats ? <u32>-many : <u32>(many < <i64>has ? many : <i64>has);
  replyArray(values && !isThree ? given * 2 : given);
  if (given === 0) return;
  if (repeats) {
    for (let index: u32 = 0; index < given; index++) replyPair(randomItem(fieldsOf(hash)), values);
    return;
  }
  let left = given;
  let rest = has;
  walkBegin(walk, fieldsOf(hash));
  for (let field = walkNext(walk); field !== 0 && left > 0; field = walkNext(walk)) {
    if (isTaken(left, rest)) {
      replyPair(field, values);
      left -= 1;
    }
    rest -= 1;
  }
  walkEnd(walk);
}
