// Commands on keys of any type.

import { argument, argumentCount, argumentIs, argumentLength } from '../../resp/arguments';
import { integer } from '../../resp/numbers';
import {
  beginError,
  endLine,
  replyBulk,
  replyError,
  replyInteger,
  replyNull,
  replyOk,
  replySimple,
  writeQuoted,
  writeText,
} from '../../resp/reply';
import { addCommand, DENYOOM, FAST, READONLY, WRITE } from '../command-table';
import { DATABASES } from '../control';
import { entryKey, entryKeyLength, entryType, releaseEntry } from '../entry';
import { expireAt, expireNever, expiryOf } from '../expiry';
import { hashOf } from '../hash';
import {
  attachEntry,
  database,
  databaseAt,
  databaseNumber,
  deleteEntry,
  detachEntry,
  findForRead,
  findForWrite,
  hasExpired,
  heapOf,
  keyChanged,
  keyChangedIn,
  keysOf,
  peekKey,
  renameEntry,
} from '../keyspace';
import { setting } from '../settings';
import { randomItem } from '../table-walk';
import { wallMs } from '../time';
import { copyEntry } from './copy-entry';
import { integerArgument, noRoom, syntaxError } from './errors';
import { deadline, toDeadline } from './expiry-arguments';

/** Adds the commands. @param family what stands before their numbers. */
export function addKeyCommands(family: u32): void {
  addCommand('del', family, -2, WRITE, 1, -1, 1);
  addCommand('unlink', family + 1, -2, WRITE | FAST, 1, -1, 1);
  addCommand('exists', family + 2, -2, READONLY | FAST, 1, -1, 1);
  addCommand('touch', family + 3, -2, READONLY | FAST, 1, -1, 1);
  addCommand('type', family + 4, 2, READONLY | FAST, 1, 1, 1);
  addCommand('expire', family + 5, -3, WRITE | FAST, 1, 1, 1);
  addCommand('pexpire', family + 6, -3, WRITE | FAST, 1, 1, 1);
  addCommand('expireat', family + 7, -3, WRITE | FAST, 1, 1, 1);
  addCommand('pexpireat', family + 8, -3, WRITE | FAST, 1, 1, 1);
  addCommand('ttl', family + 9, 2, READONLY | FAST, 1, 1, 1);
  addCommand('pttl', family + 10, 2, READONLY | FAST, 1, 1, 1);
  addCommand('expiretime', family + 11, 2, READONLY | FAST, 1, 1, 1);
  addCommand('pexpiretime', family + 12, 2, READONLY | FAST, 1, 1, 1);
  addCommand('persist', family + 13, 2, WRITE | FAST, 1, 1, 1);
  addCommand('randomkey', family + 14, 1, READONLY, 0, 0, 0);
  addCommand('rename', family + 15, 3, WRITE, 1, 2, 1);
  addCommand('renamenx', family + 16, 3, WRITE | FAST, 1, 2, 1);
  addCommand('copy', family + 17, -3, WRITE | DENYOOM, 1, 2, 1);
  addCommand('move', family + 18, 3, WRITE | FAST, 1, 1, 1);
}

/** Runs one of them, by its number in the family. */
export function runKey(number: u32): void {
  switch (number) {
    case 0:
    case 1:
      return remove();
    case 2:
    case 3:
      return countThere();
    case 4:
      return type();
    case 5:
      return expire(1000, false, 'expire');
    case 6:
      return expire(1, false, 'pexpire');
    case 7:
      return expire(1000, true, 'expireat');
    case 8:
      return expire(1, true, 'pexpireat');
    case 9:
      return timeLeft(1000, false);
    case 10:
      return timeLeft(1, false);
    case 11:
      return timeLeft(1000, true);
    case 12:
      return timeLeft(1, true);
    case 13:
      return persist();
    case 14:
      return randomKey();
    case 15:
      return rename(false);
    case 16:
      return rename(true);
    case 17:
      return copy();
    default:
      return move();
  }
}

function remove(): void {
  let removed: u32 = 0;
  for (let index: u32 = 1; index < argumentCount; index++) {
    const entry = findForWrite(argument(index), argumentLength(index));
    if (entry === 0) continue;
    deleteEntry(database, entry);
    removed += 1;
  }
  replyInteger(removed);
}

function countThere(): void {
  let there: u32 = 0;
  for (let index: u32 = 1; index < argumentCount; index++) {
    if (findForRead(argument(index), argumentLength(index)) !== 0) there += 1;
  }
  replyInteger(there);
}

/** The name of a type. */
function typeName(type: u32): string {
  if (type === 0) return 'string';
  if (type === 1) return 'list';
  if (type === 2) return 'set';
  return type === 3 ? 'zset' : 'hash';
}

function type(): void {
  const entry = peekKey(database, argument(1), argumentLength(1));
  replySimple(entry === 0 ? 'none' : typeName(entryType(entry)));
}

const IF_NONE: u32 = 1;
const IF_SOME: u32 = 2;
const IF_LATER: u32 = 4;
const IF_EARLIER: u32 = 8;
let conditions: u32 = 0;

/** Reads NX, XX, GT and LT. Returns false where they are wrong, which has been replied to. */
function readConditions(): bool {
  conditions = 0;
  for (let index: u32 = 3; index < argumentCount; index++) {
    if (argumentIs(index, 'nx')) conditions |= IF_NONE;
    else if (argumentIs(index, 'xx')) conditions |= IF_SOME;
    else if (argumentIs(index, 'gt')) conditions |= IF_LATER;
    else if (argumentIs(index, 'lt')) conditions |= IF_EARLIER;
    else {
      beginError('ERR Unsupported option ');
      writeQuoted(argument(index), argumentLength(index));
      endLine();
      return false;
    }
  }
  if ((conditions & IF_NONE) !== 0 && conditions !== IF_NONE) {
    replyError('ERR NX and XX, GT or LT options at the same time are not compatible');
    return false;
  }
  if ((conditions & (IF_LATER | IF_EARLIER)) === (IF_LATER | IF_EARLIER)) {
    replyError('ERR GT and LT options at the same time are not compatible');
    return false;
  }
  return true;
}

function expire(unit: i64, isAbsolute: bool, name: string): void {
  if (!readConditions() || !integerArgument(2)) return;
  if (!toDeadline(unit, isAbsolute)) {
    beginError("ERR invalid expire time in '");
    writeText(name);
    writeText("' command");
    return endLine();
  }
  const entry = findForWrite(argument(1), argumentLength(1));
  if (entry === 0) return replyInteger(0);
  const has = expiryOf(heapOf(database), entry);
  if (has !== 0 && (conditions & IF_NONE) !== 0) return replyInteger(0);
  if (has === 0 && (conditions & (IF_SOME | IF_LATER)) !== 0) return replyInteger(0);
  if ((conditions & IF_LATER) !== 0 && deadline <= has) return replyInteger(0);
  if ((conditions & IF_EARLIER) !== 0 && has !== 0 && deadline >= has) return replyInteger(0);
  if (deadline <= wallMs) deleteEntry(database, entry);
  else {
    if (!expireAt(heapOf(database), entry, deadline)) return noRoom();
    keyChanged(argument(1), argumentLength(1));
  }
  replyInteger(1);
}

function timeLeft(unit: u64, isAbsolute: bool): void {
  const entry = peekKey(database, argument(1), argumentLength(1));
  if (entry === 0) return replyInteger(-2);
  const at = expiryOf(heapOf(database), entry);
  if (at === 0) return replyInteger(-1);
  const ms: u64 = isAbsolute ? at : at > wallMs ? at - wallMs : 0;
  replyInteger(unit === 1000 ? <i64>((isAbsolute ? ms : ms + 500) / 1000) : <i64>ms);
}

function persist(): void {
  const entry = findForWrite(argument(1), argumentLength(1));
  if (entry === 0 || !expireNever(heapOf(database), entry)) return replyInteger(0);
  keyChanged(argument(1), argumentLength(1));
  replyInteger(1);
}

function randomKey(): void {
  for (let tries: u32 = 0; tries < 100; tries++) {
    const entry = randomItem(keysOf(database));
    if (entry === 0) break;
    if (hasExpired(database, entry)) {
      deleteEntry(database, entry);
      continue;
    }
    return replyBulk(entryKey(entry), entryKeyLength(entry));
  }
  replyNull();
}

function rename(onlyNew: bool): void {
  const isSame =
    argumentLength(1) === argumentLength(2) && memory.compare(argument(1), argument(2), argumentLength(1)) === 0;
  const entry = findForWrite(argument(1), argumentLength(1));
  if (entry === 0) return replyError('ERR no such key');
  if (isSame) {
    if (onlyNew) replyInteger(0);
    else replyOk();
    return;
  }
  const other = findForWrite(argument(2), argumentLength(2));
  if (other !== 0 && onlyNew) return replyInteger(0);
  if (!renameEntry(entry, other, argument(2), argumentLength(2))) return noRoom();
  if (onlyNew) replyInteger(1);
  else replyOk();
}

/** The database that an argument names, -1 where it names none, which has been replied to. */
export function databaseArgument(index: u32): i32 {
  if (!integerArgument(index)) return -1;
  if (integer >= 0 && integer < <i64>setting(DATABASES)) return <i32>integer;
  if (integer === <i64>(<i32>integer)) replyError('ERR DB index is out of range');
  else replyError('ERR value is out of range, value must between -2147483648 and 2147483647');
  return -1;
}

function copy(): void {
  let to = <i32>databaseNumber;
  let replaces = false;
  for (let index: u32 = 3; index < argumentCount; index++) {
    if (argumentIs(index, 'replace')) replaces = true;
    else if (argumentIs(index, 'db') && index + 1 < argumentCount) {
      index += 1;
      to = databaseArgument(index);
      if (to < 0) return;
    } else return syntaxError();
  }
  const isSame =
    argumentLength(1) === argumentLength(2) && memory.compare(argument(1), argument(2), argumentLength(1)) === 0;
  if (to === <i32>databaseNumber && isSame) {
    return replyError('ERR source and destination objects are the same');
  }
  const entry = findForRead(argument(1), argumentLength(1));
  if (entry === 0) return replyInteger(0);
  const target = databaseAt(to);
  const other = peekKey(target, argument(2), argumentLength(2));
  if (other !== 0 && !replaces) return replyInteger(0);
  const made = copyEntry(entry, argument(2), argumentLength(2));
  if (made === 0) return noRoom();
  const at = expiryOf(heapOf(database), entry);
  // The other one goes last: where there is no room for all of this one, it stays.
  if (!attachEntry(target, made, hashOf(argument(2), argumentLength(2)))) {
    releaseEntry(made);
    return noRoom();
  }
  if (at !== 0 && !expireAt(heapOf(target), made, at)) {
    deleteEntry(target, made);
    return noRoom();
  }
  if (other !== 0) deleteEntry(target, other);
  keyChangedIn(target, argument(2), argumentLength(2));
  replyInteger(1);
}

function move(): void {
  const to = databaseArgument(2);
  if (to < 0) return;
  if (to === <i32>databaseNumber) return replyError('ERR source and destination objects are the same');
  const entry = findForWrite(argument(1), argumentLength(1));
  if (entry === 0) return replyInteger(0);
  const target = databaseAt(to);
  if (peekKey(target, argument(1), argumentLength(1)) !== 0) return replyInteger(0);
  const at = expiryOf(heapOf(database), entry);
  detachEntry(database, entry);
  if (!attachEntry(target, entry, hashOf(argument(1), argumentLength(1)))) {
    // There was room for it where it came from.
    attachEntry(database, entry, hashOf(argument(1), argumentLength(1)));
    if (at !== 0) expireAt(heapOf(database), entry, at);
    return noRoom();
  }
  if (at !== 0 && !expireAt(heapOf(target), entry, at)) {
    detachEntry(target, entry);
    attachEntry(database, entry, hashOf(argument(1), argumentLength(1)));
    expireAt(heapOf(database), entry, at);
    return noRoom();
  }
  keyChangedIn(target, argument(1), argumentLength(1));
  replyInteger(1);
}
