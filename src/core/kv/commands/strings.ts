// Commands on strings.

import { copyBytes } from '../../copy';
import { argument, argumentBlock, argumentCount, argumentIs, argumentLength } from '../../resp/arguments';
import { double, readDouble, writeDouble } from '../../resp/doubles';
import { integer, readInteger, writeInteger } from '../../resp/numbers';
import { replyArray, replyBulk, replyError, replyInteger, replyNull, replyOk, replyValue } from '../../resp/reply';
import { addCommand, DENYOOM, FAST, READONLY, WRITE } from '../command-table';
import { MAX_BULK } from '../control';
import {
  entryType,
  stringAt,
  stringBlock,
  stringLength,
  stringResize,
  stringSet,
  stringSetBlock,
  TYPE_STRING,
} from '../entry';
import { expireAt, expireNever } from '../expiry';
import { addKey, database, deleteEntry, findForRead, findForWrite, heapOf, keyChanged } from '../keyspace';
import { setting } from '../settings';
import { wallMs } from '../time';
import {
  integerArgument,
  isWrongType,
  noRoom,
  notInteger,
  readEntry,
  syntaxError,
  tooLong,
  writeEntry,
  wrongArity,
  wrongType,
} from './errors';
import { deadline, expiryTimeFrom, forgetExpiry, noteExpiry, readExpiry, wordAt } from './expiry-arguments';

/** Adds the commands. @param family what stands before their numbers. */
export function addStringCommands(family: u32): void {
  addCommand('get', family, 2, READONLY | FAST, 1, 1, 1);
  addCommand('set', family + 1, -3, WRITE | DENYOOM, 1, 1, 1);
  addCommand('incr', family + 2, 2, WRITE | DENYOOM | FAST, 1, 1, 1);
  addCommand('decr', family + 3, 2, WRITE | DENYOOM | FAST, 1, 1, 1);
  addCommand('incrby', family + 4, 3, WRITE | DENYOOM | FAST, 1, 1, 1);
  addCommand('decrby', family + 5, 3, WRITE | DENYOOM | FAST, 1, 1, 1);
  addCommand('mget', family + 6, -2, READONLY | FAST, 1, -1, 1);
  addCommand('mset', family + 7, -3, WRITE | DENYOOM, 1, -1, 2);
  addCommand('msetnx', family + 8, -3, WRITE | DENYOOM, 1, -1, 2);
  addCommand('getset', family + 9, 3, WRITE | DENYOOM | FAST, 1, 1, 1);
  addCommand('getdel', family + 10, 2, WRITE | FAST, 1, 1, 1);
  addCommand('getex', family + 11, -2, WRITE | FAST, 1, 1, 1);
  addCommand('setnx', family + 12, 3, WRITE | DENYOOM | FAST, 1, 1, 1);
  addCommand('setex', family + 13, 4, WRITE | DENYOOM, 1, 1, 1);
  addCommand('psetex', family + 14, 4, WRITE | DENYOOM, 1, 1, 1);
  addCommand('append', family + 15, 3, WRITE | DENYOOM | FAST, 1, 1, 1);
  addCommand('strlen', family + 16, 2, READONLY | FAST, 1, 1, 1);
  addCommand('getrange', family + 17, 4, READONLY, 1, 1, 1);
  addCommand('substr', family + 18, 4, READONLY, 1, 1, 1);
  addCommand('setrange', family + 19, 4, WRITE | DENYOOM, 1, 1, 1);
  addCommand('incrbyfloat', family + 20, 3, WRITE | DENYOOM | FAST, 1, 1, 1);
}

/** Runs one of them, by its number in the family. */
export function runString(number: u32): void {
  switch (number) {
    case 0:
      return get();
    case 1:
      return set();
    case 2:
      return add(1);
    case 3:
      return add(-1);
    case 4:
      if (integerArgument(2)) add(integer);
      return;
    case 5:
      return decrementBy();
    case 6:
      return getMany();
    case 7:
      return setMany(false);
    case 8:
      return setMany(true);
    case 9:
      return getSet();
    case 10:
      return getDelete();
    case 11:
      return getExpire();
    case 12:
      return setIfNew();
    case 13:
      return setExpire(1000);
    case 14:
      return setExpire(1);
    case 15:
      return append();
    case 16:
      return length();
    case 17:
    case 18:
      return getRange();
    case 20:
      return addFloat();
    default:
      return setRange();
  }
}

function replyString(entry: usize): void {
  replyValue(stringBlock(entry), stringAt(entry), stringLength(entry));
}

function get(): void {
  const entry = findForRead(argument(1), argumentLength(1));
  if (entry === 0) replyNull();
  else if (entryType(entry) !== TYPE_STRING) wrongType();
  else replyString(entry);
}

/** Makes an argument the value of another one's key. @param entry what the look-up of the key found just before. Returns the entry, 0: no room. */
function put(entry: usize, key: u32, value: u32): usize {
  const length = argumentLength(value);
  const block = argumentBlock(value);
  let at = entry;
  if (at === 0) {
    at = addKey(argument(key), argumentLength(key), TYPE_STRING, block !== 0 ? 0 : length);
    if (at === 0) return 0;
  }
  if (block !== 0) stringSetBlock(at, block, length);
  else if (!stringSet(at, argument(value), length)) {
    if (entry === 0) deleteEntry(database, at);
    return 0;
  }
  keyChanged(argument(key), argumentLength(key));
  return at;
}

const IF_NEW: u32 = 1;
const IF_THERE: u32 = 2;
const KEEP_TTL: u32 = 4;
const GIVE_OLD: u32 = 8;

let setFlags: u32 = 0;

/** Reads the words behind SET's value. Returns false where they are wrong, which has been replied to. */
function readSetWords(): bool {
  setFlags = 0;
  forgetExpiry();
  for (let index: u32 = 3; index < argumentCount; index++) {
    if (argumentIs(index, 'nx') && (setFlags & IF_THERE) === 0) setFlags |= IF_NEW;
    else if (argumentIs(index, 'xx') && (setFlags & IF_NEW) === 0) setFlags |= IF_THERE;
    else if (argumentIs(index, 'get')) setFlags |= GIVE_OLD;
    else if (argumentIs(index, 'keepttl') && wordAt === 0) setFlags |= KEEP_TTL;
    else {
      if ((setFlags & KEEP_TTL) !== 0) {
        syntaxError();
        return false;
      }
      if (!noteExpiry(index)) return false;
      index += 1;
    }
  }
  return readExpiry('set');
}

function set(): void {
  if (argumentCount === 3) {
    const entry = findForWrite(argument(1), argumentLength(1));
    if (put(entry, 1, 2) === 0) return noRoom();
    if (entry !== 0) expireNever(heapOf(database), entry);
    return replyOk();
  }
  if (!readSetWords()) return;
  let entry = findForWrite(argument(1), argumentLength(1));
  const gives = (setFlags & GIVE_OLD) !== 0;
  if (gives && entry !== 0 && entryType(entry) !== TYPE_STRING) return wrongType();
  if ((entry !== 0 && (setFlags & IF_NEW) !== 0) || (entry === 0 && (setFlags & IF_THERE) !== 0)) {
    if (gives && entry !== 0) replyString(entry);
    else replyNull();
    return;
  }
  if (gives) {
    if (entry !== 0) replyString(entry);
    else replyNull();
  }
  entry = put(entry, 1, 2);
  if (entry === 0) {
    if (!gives) noRoom();
    return;
  }
  if ((setFlags & KEEP_TTL) === 0) expireNever(heapOf(database), entry);
  if (deadline !== 0) expireAt(heapOf(database), entry, deadline);
  if (!gives) replyOk();
}

function setIfNew(): void {
  if (findForWrite(argument(1), argumentLength(1)) !== 0) return replyInteger(0);
  if (put(0, 1, 2) === 0) return noRoom();
  replyInteger(1);
}

function setExpire(unit: i64): void {
  if (!integerArgument(2)) return;
  if (!expiryTimeFrom(unit, unit === 1 ? 'psetex' : 'setex')) return;
  const entry = put(findForWrite(argument(1), argumentLength(1)), 1, 3);
  if (entry === 0) return noRoom();
  expireAt(heapOf(database), entry, deadline);
  replyOk();
}

function add(by: i64): void {
  const entry = writeEntry(1, TYPE_STRING);
  if (isWrongType) return;
  let value: i64 = 0;
  if (entry !== 0) {
    if (!readInteger(stringAt(entry), stringLength(entry))) return notInteger();
    value = integer;
  }
  if ((by > 0 && value > 0x7fff_ffff_ffff_ffff - by) || (by < 0 && value < -0x8000_0000_0000_0000 - by)) {
    return replyError('ERR increment or decrement would overflow');
  }
  value += by;
  const digits = writeInteger(number, value);
  if (!putBytes(entry, number, digits)) return noRoom();
  replyInteger(value);
}

/** INCRBYFLOAT: the sum of doubles, in the fewest digits that read as it. */
function addFloat(): void {
  const entry = writeEntry(1, TYPE_STRING);
  if (isWrongType) return;
  if (!readDouble(argument(2), argumentLength(2))) return replyError('ERR value is not a valid float');
  const by = double;
  let value: f64 = 0;
  if (entry !== 0) {
    if (!readDouble(stringAt(entry), stringLength(entry))) return replyError('ERR value is not a valid float');
    value = double;
  }
  value += by;
  if (!isFinite(value)) return replyError('ERR increment would produce NaN or Infinity');
  const digits = writeDouble(number, value);
  if (!putBytes(entry, number, digits)) return noRoom();
  replyBulk(number, digits);
}

/** Where a number is written that becomes a value. */
const number = memory.data(64, 8);

/** Makes bytes the value of the key in the first argument, whose time to expire stays. */
function putBytes(entry: usize, from: usize, length: u32): bool {
  let at = entry;
  if (at === 0) {
    at = addKey(argument(1), argumentLength(1), TYPE_STRING, length < 20 ? 20 : length);
    if (at === 0) return false;
  }
  if (!stringSet(at, from, length)) {
    if (entry === 0) deleteEntry(database, at);
    return false;
  }
  keyChanged(argument(1), argumentLength(1));
  return true;
}

function decrementBy(): void {
  if (!integerArgument(2)) return;
  if (integer === -0x8000_0000_0000_0000) return replyError('ERR decrement would overflow');
  add(-integer);
}

function getMany(): void {
  replyArray(argumentCount - 1);
  for (let index: u32 = 1; index < argumentCount; index++) {
    const entry = findForRead(argument(index), argumentLength(index));
    if (entry === 0 || entryType(entry) !== TYPE_STRING) replyNull();
    else replyString(entry);
  }
}

function setMany(onlyNew: bool): void {
  if ((argumentCount & 1) === 0) return wrongArity(onlyNew ? 'msetnx' : 'mset');
  if (onlyNew) {
    for (let index: u32 = 1; index < argumentCount; index += 2) {
      if (findForWrite(argument(index), argumentLength(index)) !== 0) return replyInteger(0);
    }
  }
  for (let index: u32 = 1; index < argumentCount; index += 2) {
    const entry = put(findForWrite(argument(index), argumentLength(index)), index, index + 1);
    if (entry === 0) return noRoom();
    expireNever(heapOf(database), entry);
  }
  if (onlyNew) replyInteger(1);
  else replyOk();
}

function getSet(): void {
  const entry = writeEntry(1, TYPE_STRING);
  if (isWrongType) return;
  if (entry === 0) replyNull();
  else replyString(entry);
  if (put(entry, 1, 2) !== 0 && entry !== 0) expireNever(heapOf(database), entry);
}

function getDelete(): void {
  const entry = readEntry(1, TYPE_STRING);
  if (isWrongType) return;
  if (entry === 0) return replyNull();
  replyString(entry);
  deleteEntry(database, entry);
}

function getExpire(): void {
  forgetExpiry();
  let persists = false;
  for (let index: u32 = 2; index < argumentCount; index++) {
    if (argumentIs(index, 'persist') && wordAt === 0) persists = true;
    else {
      if (persists) return syntaxError();
      if (!noteExpiry(index)) return;
      index += 1;
    }
  }
  const entry = readEntry(1, TYPE_STRING);
  if (isWrongType) return;
  if (entry === 0) return replyNull();
  if (!readExpiry('getex')) return;
  replyString(entry);
  if (persists) {
    if (expireNever(heapOf(database), entry)) keyChanged(argument(1), argumentLength(1));
  } else if (deadline !== 0) {
    if (deadline <= wallMs) return deleteEntry(database, entry);
    keyChanged(argument(1), argumentLength(1));
    expireAt(heapOf(database), entry, deadline);
  }
}

function append(): void {
  const entry = writeEntry(1, TYPE_STRING);
  if (isWrongType) return;
  const more = argumentLength(2);
  if (entry === 0) {
    if (put(0, 1, 2) === 0) return noRoom();
    return replyInteger(more);
  }
  const had = stringLength(entry);
  if (had + more > setting(MAX_BULK)) return tooLong();
  if (more > 0) {
    const at = stringResize(entry, had + more);
    if (at === 0) return noRoom();
    copyBytes(at + had, argument(2), more);
    keyChanged(argument(1), argumentLength(1));
  }
  replyInteger(had + more);
}

function length(): void {
  const entry = readEntry(1, TYPE_STRING);
  if (isWrongType) return;
  replyInteger(entry === 0 ? 0 : stringLength(entry));
}

function getRange(): void {
  if (!integerArgument(2)) return;
  let first = integer;
  if (!integerArgument(3)) return;
  let last = integer;
  const entry = readEntry(1, TYPE_STRING);
  if (isWrongType) return;
  const has: i64 = entry === 0 ? 0 : stringLength(entry);
  if (has === 0 || (first < 0 && last < 0 && first > last)) return replyBulk(0, 0);
  if (first < 0) first = first + has < 0 ? 0 : first + has;
  if (last < 0) last = last + has < 0 ? 0 : last + has;
  if (last >= has) last = has - 1;
  if (first > last) return replyBulk(0, 0);
  replyValue(stringBlock(entry), stringAt(entry) + <usize>first, <u32>(last - first + 1));
}

function setRange(): void {
  if (!integerArgument(2)) return;
  const from = integer;
  if (from < 0) return replyError('ERR offset is out of range');
  const entry = writeEntry(1, TYPE_STRING);
  if (isWrongType) return;
  const more = argumentLength(3);
  const had: u32 = entry === 0 ? 0 : stringLength(entry);
  if (more === 0) return replyInteger(had);
  const most = <i64>setting(MAX_BULK);
  if (from > most || from + <i64>more > most) return tooLong();
  const end = <u32>from + more;
  const to = end > had ? end : had;
  const bytes = writableString(entry, to);
  if (bytes === 0) return noRoom();
  copyBytes(bytes + <usize>(<u32>from), argument(3), more);
  keyChanged(argument(1), argumentLength(1));
  replyInteger(to);
}

/** The string of the key in the first argument, made so long and where it can be written to. @param entry what its look-up found. 0: no room. */
export function writableString(entry: usize, length: u32): usize {
  const at = entry === 0 ? addKey(argument(1), argumentLength(1), TYPE_STRING, length) : entry;
  const bytes: usize = at === 0 ? 0 : stringResize(at, length);
  if (bytes === 0 && entry === 0 && at !== 0) deleteEntry(database, at);
  return bytes;
}
