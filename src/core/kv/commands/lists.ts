// Commands on lists: both ends, ranges, positions. Not here: how they are kept (list.ts).

import { argument, argumentCount, argumentIs, argumentLength } from '../../resp/arguments';
import { integer, readInteger } from '../../resp/numbers';
import { replyArray, replyBulk, replyError, replyInteger, replyNull, replyNullArray, replyOk } from '../../resp/reply';
import { addCommand, DENYOOM, FAST, READONLY, WRITE } from '../command-table';
import { entryType, entryValue, TYPE_LIST } from '../entry';
import { findForWrite } from '../keyspace';
import {
  elementAt,
  elementLength,
  listAt,
  listCount,
  listEnd,
  listInsert,
  listRemove,
  listReplace,
  listStep,
} from '../list';
import {
  clampRange,
  collectionChanged,
  makeCollection,
  rangeFirst,
  rangeLast,
  readCollection,
  writeCollection,
} from './collections';
import { countArgument, integerArgument, isWrongType, noRoom, syntaxError, wrongArity, wrongType } from './errors';

/** Adds the commands. @param family what stands before their numbers. */
export function addListCommands(family: u32): void {
  addCommand('lpush', family, -3, WRITE | DENYOOM | FAST, 1, 1, 1);
  addCommand('rpush', family + 1, -3, WRITE | DENYOOM | FAST, 1, 1, 1);
  addCommand('lpushx', family + 2, -3, WRITE | DENYOOM | FAST, 1, 1, 1);
  addCommand('rpushx', family + 3, -3, WRITE | DENYOOM | FAST, 1, 1, 1);
  addCommand('lpop', family + 4, -2, WRITE | FAST, 1, 1, 1);
  addCommand('rpop', family + 5, -2, WRITE | FAST, 1, 1, 1);
  addCommand('llen', family + 6, 2, READONLY | FAST, 1, 1, 1);
  addCommand('lrange', family + 7, 4, READONLY, 1, 1, 1);
  addCommand('lindex', family + 8, 3, READONLY, 1, 1, 1);
  addCommand('lset', family + 9, 4, WRITE | DENYOOM, 1, 1, 1);
  addCommand('linsert', family + 10, 5, WRITE | DENYOOM, 1, 1, 1);
  addCommand('lrem', family + 11, 4, WRITE, 1, 1, 1);
  addCommand('ltrim', family + 12, 4, WRITE, 1, 1, 1);
  addCommand('lpos', family + 13, -3, READONLY, 1, 1, 1);
  addCommand('lmove', family + 14, 5, WRITE | DENYOOM, 1, 2, 1);
  addCommand('rpoplpush', family + 15, 3, WRITE | DENYOOM, 1, 2, 1);
}

/** Runs the command of a number in this family. */
export function runList(own: u32): void {
  switch (own) {
    case 0:
      return push(false, false);
    case 1:
      return push(true, false);
    case 2:
      return push(false, true);
    case 3:
      return push(true, true);
    case 4:
      return pop(false);
    case 5:
      return pop(true);
    case 6:
      return count();
    case 7:
      return range();
    case 8:
      return at();
    case 9:
      return replace();
    case 10:
      return insert();
    case 11:
      return remove();
    case 12:
      return trim();
    case 13:
      return position();
    case 14:
      return moveBySides();
    default:
      return move(true, false);
  }
}

function push(atEnd: bool, onlyThere: bool): void {
  const list = onlyThere ? writeCollection(1, TYPE_LIST) : makeCollection(1, TYPE_LIST);
  if (list === 0) {
    if (onlyThere && !isWrongType) replyInteger(0);
    return;
  }
  const had = listCount(list);
  let hasRoom = true;
  for (let index: u32 = 2; index < argumentCount && hasRoom; index++) {
    const before: usize = atEnd ? 0 : listEnd(list, false);
    hasRoom = listInsert(list, before, argument(index), argumentLength(index)) !== 0;
  }
  if (!hasRoom) {
    // All of them or none.
    while (listCount(list) > had) listRemove(list, listEnd(list, atEnd));
    if (had === 0) collectionChanged(1, 0);
    return noRoom();
  }
  collectionChanged(1, listCount(list));
  replyInteger(listCount(list));
}

function pop(fromEnd: bool): void {
  if (argumentCount > 3) return wrongArity(fromEnd ? 'rpop' : 'lpop');
  let many: i64 = 1;
  if (argumentCount === 3) {
    if (!countArgument(2)) return;
    many = integer;
  }
  const list = writeCollection(1, TYPE_LIST);
  if (isWrongType) return;
  if (list === 0) return argumentCount === 3 ? replyNullArray() : replyNull();
  if (many === 0) return replyArray(0);
  const given: u32 = many < <i64>listCount(list) ? <u32>many : listCount(list);
  if (argumentCount === 3) replyArray(given);
  popElements(list, 1, fromEnd, given);
}

/** Takes so many elements, as there are, from an end and replies with each. @param index the argument of the key that was looked up last */
export function popElements(list: usize, index: u32, fromEnd: bool, many: u32): void {
  for (let taken: u32 = 0; taken < many; taken++) {
    const element = listEnd(list, fromEnd);
    replyBulk(elementAt(element), elementLength(element));
    listRemove(list, element);
  }
  collectionChanged(index, listCount(list));
}

function count(): void {
  const list = readCollection(TYPE_LIST);
  if (!isWrongType) replyInteger(list === 0 ? 0 : listCount(list));
}

function range(): void {
  if (!integerArgument(2)) return;
  const first = integer;
  if (!integerArgument(3)) return;
  const last = integer;
  const list = readCollection(TYPE_LIST);
  if (isWrongType) return;
  if (list === 0 || !clampRange(first, last, listCount(list))) return replyArray(0);
  let left = rangeLast - rangeFirst + 1;
  replyArray(left);
  for (let element = listAt(list, rangeFirst); left > 0; left--) {
    replyBulk(elementAt(element), elementLength(element));
    element = listStep(element, false);
  }
}

/** The element that an index names, which may be counted from the end; 0: there is none. */
function elementOf(list: usize, index: i64): usize {
  const from = index < 0 ? index + <i64>listCount(list) : index;
  return from < 0 || from >= <i64>listCount(list) ? 0 : listAt(list, <u32>from);
}

function at(): void {
  const list = readCollection(TYPE_LIST);
  if (isWrongType) return;
  if (list === 0) return replyNull();
  if (!integerArgument(2)) return;
  const element = elementOf(list, integer);
  if (element === 0) replyNull();
  else replyBulk(elementAt(element), elementLength(element));
}

function replace(): void {
  const list = writeCollection(1, TYPE_LIST);
  if (isWrongType) return;
  if (list === 0) return replyError('ERR no such key');
  if (!integerArgument(2)) return;
  const element = elementOf(list, integer);
  if (element === 0) return replyError('ERR index out of range');
  if (!listReplace(list, element, argument(3), argumentLength(3))) return noRoom();
  collectionChanged(1, listCount(list));
  replyOk();
}

function isElement(element: usize, index: u32): bool {
  const length = argumentLength(index);
  return elementLength(element) === length && memory.compare(elementAt(element), argument(index), length) === 0;
}

function insert(): void {
  const isBefore = argumentIs(2, 'before');
  if (!isBefore && !argumentIs(2, 'after')) return syntaxError();
  const list = writeCollection(1, TYPE_LIST);
  if (isWrongType) return;
  if (list === 0) return replyInteger(0);
  let element = listEnd(list, false);
  while (element !== 0 && !isElement(element, 3)) element = listStep(element, false);
  if (element === 0) return replyInteger(-1);
  const before = isBefore ? element : listStep(element, false);
  if (listInsert(list, before, argument(4), argumentLength(4)) === 0) return noRoom();
  collectionChanged(1, listCount(list));
  replyInteger(listCount(list));
}

function remove(): void {
  if (!integerArgument(2)) return;
  const isBack = integer < 0;
  // 0: all of them; so is the least number, which has no opposite.
  const isAll = integer === 0 || integer === -0x8000_0000_0000_0000;
  let left: i64 = isAll ? 0x7fff_ffff_ffff_ffff : isBack ? -integer : integer;
  const list = writeCollection(1, TYPE_LIST);
  if (isWrongType) return;
  if (list === 0) return replyInteger(0);
  const had = listCount(list);
  let element = listEnd(list, isBack);
  while (element !== 0 && left > 0) {
    const next = listStep(element, isBack);
    if (isElement(element, 3)) {
      listRemove(list, element);
      left -= 1;
    }
    element = next;
  }
  const removed = had - listCount(list);
  if (removed > 0) collectionChanged(1, listCount(list));
  replyInteger(removed);
}

function trim(): void {
  if (!integerArgument(2)) return;
  const first = integer;
  if (!integerArgument(3)) return;
  const last = integer;
  const list = writeCollection(1, TYPE_LIST);
  if (isWrongType) return;
  if (list === 0) return replyOk();
  const had = listCount(list);
  let keep: u32 = 0;
  let drop = had;
  if (clampRange(first, last, had)) {
    keep = rangeLast - rangeFirst + 1;
    drop = rangeFirst;
  }
  for (; drop > 0; drop--) listRemove(list, listEnd(list, false));
  while (listCount(list) > keep) listRemove(list, listEnd(list, true));
  collectionChanged(1, listCount(list));
  replyOk();
}

let wantedRank: i64 = 1;
let wantedCount: i64 = -1;
let wantedLength: i64 = 0;

function readPositionWords(): bool {
  wantedRank = 1;
  wantedCount = -1;
  wantedLength = 0;
  for (let index: u32 = 3; index < argumentCount; index += 2) {
    if (index + 1 === argumentCount) {
      syntaxError();
      return false;
    }
    if (argumentIs(index, 'rank')) {
      if (!integerArgument(index + 1)) return false;
      wantedRank = integer;
      if (integer === 0) {
        replyError(
          "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to start from the end of the list",
        );
        return false;
      }
    } else if (argumentIs(index, 'count') || argumentIs(index, 'maxlen')) {
      const isCount = argumentIs(index, 'count');
      if (!readInteger(argument(index + 1), argumentLength(index + 1)) || integer < 0) {
        replyError(isCount ? "ERR COUNT can't be negative" : "ERR MAXLEN can't be negative");
        return false;
      }
      if (isCount) wantedCount = integer;
      else wantedLength = integer;
    } else {
      syntaxError();
      return false;
    }
  }
  return true;
}

/** LPOS, in two passes: how many there are stands before them. */
function position(): void {
  if (!readPositionWords()) return;
  const list = readCollection(TYPE_LIST);
  if (isWrongType) return;
  const isOne = wantedCount < 0;
  if (list === 0) return isOne ? replyNull() : replyArray(0);
  const isBack = wantedRank < 0;
  const skip = (isBack ? -wantedRank : wantedRank) - 1;
  const most: i64 = isOne ? 1 : wantedCount === 0 ? 0x7fff_ffff_ffff_ffff : wantedCount;
  let found: i64 = 0;
  for (let pass = 0; pass < 2; pass++) {
    if (pass === 1) {
      if (isOne && found === 0) return replyNull();
      if (!isOne) replyArray(<u32>found);
    }
    found = 0;
    let matches: i64 = 0;
    let looked: i64 = 0;
    for (let element = listEnd(list, isBack); element !== 0 && found < most; element = listStep(element, isBack)) {
      if (wantedLength > 0 && looked === wantedLength) break;
      looked += 1;
      if (!isElement(element, 2)) continue;
      matches += 1;
      if (matches <= skip) continue;
      found += 1;
      if (pass === 1) replyInteger(isBack ? <i64>listCount(list) - looked : looked - 1);
    }
  }
}

/** The end of a list that an argument names: 0 the left one, 1 the right one, -1 neither. */
export function sideOf(index: u32): i32 {
  if (argumentIs(index, 'left')) return 0;
  return argumentIs(index, 'right') ? 1 : -1;
}

function moveBySides(): void {
  const from = sideOf(3);
  const to = sideOf(4);
  if (from < 0 || to < 0) return syntaxError();
  move(from === 1, to === 1);
}

/** Moves an element from one end of the list in the first argument to an end of that in the second one, and replies with it. */
export function move(fromEnd: bool, toEnd: bool): void {
  const list = writeCollection(1, TYPE_LIST);
  if (isWrongType) return;
  if (list === 0) return replyNull();
  // The other key is looked at before anything changes.
  const other = findForWrite(argument(2), argumentLength(2));
  if (other !== 0 && entryType(other) !== TYPE_LIST) return wrongType();
  const isSame = other !== 0 && entryValue(other) === list;
  const target = isSame ? list : makeCollection(2, TYPE_LIST);
  if (target === 0) return;
  const element = listEnd(list, fromEnd);
  const before: usize = toEnd ? 0 : listEnd(target, false);
  if (listInsert(target, before, elementAt(element), elementLength(element)) === 0) {
    if (!isSame) collectionChanged(2, listCount(target));
    return noRoom();
  }
  if (!isSame) collectionChanged(2, listCount(target));
  replyBulk(elementAt(element), elementLength(element));
  listRemove(list, element);
  writeCollection(1, TYPE_LIST);
  collectionChanged(1, listCount(list));
}
