// Commands on sets: members, and what several sets have in common. Not here: how they are kept (hash-fields.ts).

import { argument, argumentCount, argumentIs, argumentLength } from '../../resp/arguments';
import { integer, readInteger } from '../../resp/numbers';
import {
  replyArray,
  replyBulk,
  replyError,
  replyInteger,
  replyNull,
  replyNumberText,
  replySet,
} from '../../resp/reply';
import { addCommand, DENYOOM, FAST, MOVABLE, READONLY, WRITE } from '../command-table';
import { entryType, entryValue, TYPE_SET } from '../entry';
import { addField, FIELD_KEY, fieldsOf, findField, makeFields, removeField } from '../hash-fields';
import { findForRead, findForWrite } from '../keyspace';
import { itemKeyLength, tableCount } from '../table';
import { randomItem, walkBegin, walkEnd, walkNext } from '../table-walk';
import { trashAdd } from '../trash';
import {
  chanceCountArgument,
  collectionChanged,
  isTaken,
  makeCollection,
  REPEATS_LEAST,
  readCollection,
  storeCollection,
  writeCollection,
} from './collections';
import { countArgument, isWrongType, noRoom, syntaxError, wrongType } from './errors';
import { fits, readScanCursor, readScanWords, scannedItem, scannedItems, scanTable } from './scanning';

const walk = memory.data(16, 8);

/** Adds the commands. @param family what stands before their numbers. */
export function addSetCommands(family: u32): void {
  addCommand('sadd', family, -3, WRITE | DENYOOM | FAST, 1, 1, 1);
  addCommand('srem', family + 1, -3, WRITE | FAST, 1, 1, 1);
  addCommand('sismember', family + 2, 3, READONLY | FAST, 1, 1, 1);
  addCommand('smismember', family + 3, -3, READONLY | FAST, 1, 1, 1);
  addCommand('scard', family + 4, 2, READONLY | FAST, 1, 1, 1);
  addCommand('smembers', family + 5, 2, READONLY, 1, 1, 1);
  addCommand('spop', family + 6, -2, WRITE | FAST, 1, 1, 1);
  addCommand('srandmember', family + 7, -2, READONLY, 1, 1, 1);
  addCommand('smove', family + 8, 4, WRITE | FAST, 1, 2, 1);
  addCommand('sinter', family + 9, -2, READONLY, 1, -1, 1);
  addCommand('sunion', family + 10, -2, READONLY, 1, -1, 1);
  addCommand('sdiff', family + 11, -2, READONLY, 1, -1, 1);
  addCommand('sinterstore', family + 12, -3, WRITE | DENYOOM, 1, -1, 1);
  addCommand('sunionstore', family + 13, -3, WRITE | DENYOOM, 1, -1, 1);
  addCommand('sdiffstore', family + 14, -3, WRITE | DENYOOM, 1, -1, 1);
  addCommand('sscan', family + 15, -3, READONLY, 1, 1, 1);
  addCommand('sintercard', family + 16, -3, READONLY | MOVABLE, 0, 0, 0);
}

/** Runs the command of a number in this family. */
export function runSet(own: u32): void {
  switch (own) {
    case 0:
      return add();
    case 1:
      return remove();
    case 2:
      return isMember();
    case 3:
      return areMembers();
    case 4:
      return count();
    case 5:
      return members();
    case 6:
      return pop();
    case 7:
      return byChance();
    case 8:
      return move();
    case 9:
    case 10:
    case 11:
      return combine(own - 9, 1, false);
    case 12:
    case 13:
    case 14:
      return combine(own - 12, 2, true);
    case 15:
      return scan();
    default:
      return countCommon();
  }
}

function has(set: usize, index: u32): bool {
  return set !== 0 && findField(set, argument(index), argumentLength(index)) !== 0;
}

function add(): void {
  const set = makeCollection(1, TYPE_SET);
  if (set === 0) return;
  let added: u32 = 0;
  let hasRoom = true;
  for (let index: u32 = 2; index < argumentCount && hasRoom; index++) {
    if (has(set, index)) continue;
    hasRoom = addField(set, argument(index), argumentLength(index), 0, 0) !== 0;
    if (hasRoom) added += 1;
  }
  if (added > 0 || tableCount(fieldsOf(set)) === 0) collectionChanged(1, tableCount(fieldsOf(set)));
  if (hasRoom) replyInteger(added);
  else noRoom();
}

function remove(): void {
  const set = writeCollection(1, TYPE_SET);
  if (isWrongType) return;
  if (set === 0) return replyInteger(0);
  let removed: u32 = 0;
  for (let index: u32 = 2; index < argumentCount; index++) {
    const member = findField(set, argument(index), argumentLength(index));
    if (member === 0) continue;
    removeField(set, member);
    removed += 1;
  }
  if (removed > 0) collectionChanged(1, tableCount(fieldsOf(set)));
  replyInteger(removed);
}

function isMember(): void {
  const set = readCollection(TYPE_SET);
  if (!isWrongType) replyInteger(has(set, 2) ? 1 : 0);
}

function areMembers(): void {
  const set = readCollection(TYPE_SET);
  if (isWrongType) return;
  replyArray(argumentCount - 2);
  for (let index: u32 = 2; index < argumentCount; index++) replyInteger(has(set, index) ? 1 : 0);
}

function count(): void {
  const set = readCollection(TYPE_SET);
  if (!isWrongType) replyInteger(set === 0 ? 0 : tableCount(fieldsOf(set)));
}

function members(): void {
  const set = readCollection(TYPE_SET);
  if (isWrongType) return;
  if (set === 0) return replySet(0);
  replySet(tableCount(fieldsOf(set)));
  walkBegin(walk, fieldsOf(set));
  for (let member = walkNext(walk); member !== 0; member = walkNext(walk)) replyMember(member);
  walkEnd(walk);
}

function replyMember(member: usize): void {
  replyBulk(member + FIELD_KEY, itemKeyLength(member));
}

function pop(): void {
  if (argumentCount > 3) return syntaxError();
  let many: i64 = 1;
  if (argumentCount === 3) {
    if (!countArgument(2)) return;
    many = integer;
  }
  const set = writeCollection(1, TYPE_SET);
  if (isWrongType) return;
  if (set === 0) return argumentCount === 3 ? replySet(0) : replyNull();
  const all = tableCount(fieldsOf(set));
  const given: u32 = many < <i64>all ? <u32>many : all;
  if (argumentCount === 3) replySet(given);
  for (let index: u32 = 0; index < given; index++) {
    const member = randomItem(fieldsOf(set));
    replyMember(member);
    removeField(set, member);
  }
  if (given > 0) collectionChanged(1, all - given);
}

function byChance(): void {
  if (argumentCount > 3) return syntaxError();
  if (argumentCount === 3 && !chanceCountArgument(2)) return;
  const many = integer;
  const set = readCollection(TYPE_SET);
  if (isWrongType) return;
  if (argumentCount === 2) {
    if (set === 0) replyNull();
    else replyMember(randomItem(fieldsOf(set)));
    return;
  }
  if (set === 0 || many === 0) return replyArray(0);
  if (many < REPEATS_LEAST) return replyError('ERR value is out of range');
  const all = tableCount(fieldsOf(set));
  if (many < 0) {
    replyArray(<u32>-many);
    for (let index: i64 = 0; index < -many; index++) replyMember(randomItem(fieldsOf(set)));
    return;
  }
  const given: u32 = many < <i64>all ? <u32>many : all;
  replyArray(given);
  let left = given;
  let rest = all;
  walkBegin(walk, fieldsOf(set));
  for (let member = walkNext(walk); member !== 0 && left > 0; member = walkNext(walk)) {
    if (isTaken(left, rest)) {
      replyMember(member);
      left -= 1;
    }
    rest -= 1;
  }
  walkEnd(walk);
}

function move(): void {
  const set = writeCollection(1, TYPE_SET);
  if (isWrongType) return;
  if (set === 0) return replyInteger(0);
  const other = findForWrite(argument(2), argumentLength(2));
  if (other !== 0 && entryType(other) !== TYPE_SET) return wrongType();
  if (!has(set, 3)) return replyInteger(0);
  if (other !== 0 && entryValue(other) === set) return replyInteger(1);
  const target = makeCollection(2, TYPE_SET);
  if (target === 0) return;
  if (!has(target, 3)) {
    const isAdded = addField(target, argument(3), argumentLength(3), 0, 0) !== 0;
    collectionChanged(2, tableCount(fieldsOf(target)));
    if (!isAdded) return noRoom();
  }
  writeCollection(1, TYPE_SET);
  removeField(set, findField(set, argument(3), argumentLength(3)));
  collectionChanged(1, tableCount(fieldsOf(set)));
  replyInteger(1);
}

const INTERSECTION: u32 = 0;
const UNION: u32 = 1;

/** The set of a key; 0: there is none. @returns whether it is of that type, or none; else that was replied to */
function setOf(index: u32): bool {
  const entry = findForRead(argument(index), argumentLength(index));
  found = entry === 0 ? 0 : entryValue(entry);
  if (entry === 0 || entryType(entry) === TYPE_SET) return true;
  wrongType();
  return false;
}
let found: usize = 0;

/** Whether a member is in the sets of the arguments from one on (all of them, or any). */
function isIn(member: usize, first: u32, last: u32, all: bool): bool {
  for (let index = first; index <= last; index++) {
    const entry = findForWrite(argument(index), argumentLength(index));
    const set: usize = entry === 0 ? 0 : entryValue(entry);
    const isThere = set !== 0 && findField(set, member + FIELD_KEY, itemKeyLength(member)) !== 0;
    if (isThere !== all) return isThere;
  }
  return all;
}

/** Adds to a set what the operation gives of the sets in some arguments. Returns false for want of room. */
function gather(into: usize, operation: u32, first: u32, last: u32): bool {
  const end = operation === UNION ? last : first;
  for (let index = first; index <= end; index++) {
    const entry = findForWrite(argument(index), argumentLength(index));
    if (entry === 0) continue;
    walkBegin(walk, fieldsOf(entryValue(entry)));
    let hasRoom = true;
    for (let member = walkNext(walk); member !== 0 && hasRoom; member = walkNext(walk)) {
      const at = member + FIELD_KEY;
      const length = itemKeyLength(member);
      if (operation === UNION) hasRoom = findField(into, at, length) !== 0 || addField(into, at, length, 0, 0) !== 0;
      else if (
        first === last ||
        isIn(member, first + 1, last, operation === INTERSECTION) === (operation === INTERSECTION)
      ) {
        hasRoom = addField(into, at, length, 0, 0) !== 0;
      }
    }
    walkEnd(walk);
    if (!hasRoom) return false;
  }
  return true;
}

/** SINTER, SUNION, SDIFF, and their forms that store. @param first the argument of the first set */
function combine(operation: u32, first: u32, stores: bool): void {
  for (let index = first; index < argumentCount; index++) if (!setOf(index)) return;
  const result = makeFields();
  if (result === 0) return noRoom();
  if (!gather(result, operation, first, argumentCount - 1)) {
    trashAdd(result, TYPE_SET);
    return noRoom();
  }
  const many = tableCount(fieldsOf(result));
  if (stores) return storeCollection(1, TYPE_SET, result, many);
  replySet(many);
  walkBegin(walk, fieldsOf(result));
  for (let member = walkNext(walk); member !== 0; member = walkNext(walk)) replyMember(member);
  walkEnd(walk);
  trashAdd(result, TYPE_SET);
}

function countCommon(): void {
  if (!readInteger(argument(1), argumentLength(1)) || integer <= 0)
    return replyError('ERR numkeys should be greater than 0');
  if (integer > <i64>argumentCount - 2) return replyError("ERR Number of keys can't be greater than number of args");
  const last: u32 = 1 + <u32>integer;
  let most: i64 = 0;
  for (let index = last + 1; index < argumentCount; index += 2) {
    if (index + 1 === argumentCount || !argumentIs(index, 'limit')) return syntaxError();
    if (!readInteger(argument(index + 1), argumentLength(index + 1)) || integer < 0)
      return replyError("ERR LIMIT can't be negative");
    most = integer;
  }
  for (let index: u32 = 2; index <= last; index++) if (!setOf(index)) return;
  if (!setOf(2)) return;
  let common: i64 = 0;
  if (found !== 0) {
    walkBegin(walk, fieldsOf(found));
    for (let member = walkNext(walk); member !== 0 && (most === 0 || common < most); member = walkNext(walk)) {
      if (last === 2 || isIn(member, 3, last, true)) common += 1;
    }
    walkEnd(walk);
  }
  replyInteger(common);
}

function scan(): void {
  if (!readScanCursor(2)) return;
  const set = readCollection(TYPE_SET);
  if (isWrongType || (set !== 0 && !readScanWords(2, false))) return;
  const next: u32 = set === 0 ? 0 : scanTable(fieldsOf(set));
  const met: u32 = set === 0 ? 0 : scannedItems;
  let fitting: u32 = 0;
  for (let index: u32 = 0; index < met; index++) {
    if (fits(scannedItem(index) + FIELD_KEY, itemKeyLength(scannedItem(index)))) fitting += 1;
  }
  replyArray(2);
  replyNumberText(<u64>next);
  replyArray(fitting);
  for (let index: u32 = 0; index < met; index++) {
    if (fits(scannedItem(index) + FIELD_KEY, itemKeyLength(scannedItem(index)))) replyMember(scannedItem(index));
  }
}
