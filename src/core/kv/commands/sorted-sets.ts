// Commands on sorted sets: adding, removing, asking for one member. Ranges are in sorted-ranges.ts.

import { random64 } from '../../random';
import { argument, argumentCount, argumentIs, argumentLength } from '../../resp/arguments';
import { double, readDouble } from '../../resp/doubles';
import { integer } from '../../resp/numbers';
import { isThree, replyArray, replyBulk, replyError, replyInteger, replyNull, replyNumberText } from '../../resp/reply';
import { replyScore, replyScoreText } from '../../resp/score';
import { addCommand, DENYOOM, FAST, MOVABLE, READONLY, WRITE } from '../command-table';
import { TYPE_ZSET } from '../entry';
import {
  addMember,
  changeScore,
  findMember,
  memberAt,
  memberOfRank,
  membersOf,
  rankOf,
  removeMember,
  scoreOf,
  sortedCount,
  sortedEnd,
  sortedStep,
} from '../sorted-set';
import { itemKeyLength } from '../table';
import {
  chanceArguments,
  collectionChanged,
  isTaken,
  makeCollection,
  REPEATS_LEAST,
  readCollection,
  writeCollection,
} from './collections';
import { countArgument, integerArgument, isWrongType, noRoom, syntaxError } from './errors';
import { fits, readScanCursor, readScanWords, scannedItem, scannedItems, scanTable } from './scanning';
import { combine, countCommonMembers, DIFFERENCE, INTERSECTION, UNION } from './sorted-combining';
import {
  BY_RANK,
  BY_SCORE,
  BY_TEXT,
  countByScore,
  countByText,
  range,
  rangeByScore,
  rangeByText,
  removeRange,
  storeRange,
} from './sorted-ranges';

/** Adds the commands. @param family what stands before their numbers. */
export function addSortedCommands(family: u32): void {
  addCommand('zadd', family, -4, WRITE | DENYOOM | FAST, 1, 1, 1);
  addCommand('zrem', family + 1, -3, WRITE | FAST, 1, 1, 1);
  addCommand('zscore', family + 2, 3, READONLY | FAST, 1, 1, 1);
  addCommand('zmscore', family + 3, -3, READONLY | FAST, 1, 1, 1);
  addCommand('zincrby', family + 4, 4, WRITE | DENYOOM | FAST, 1, 1, 1);
  addCommand('zcard', family + 5, 2, READONLY | FAST, 1, 1, 1);
  addCommand('zrank', family + 6, 3, READONLY | FAST, 1, 1, 1);
  addCommand('zrevrank', family + 7, 3, READONLY | FAST, 1, 1, 1);
  addCommand('zrange', family + 8, -4, READONLY, 1, 1, 1);
  addCommand('zrevrange', family + 9, -4, READONLY, 1, 1, 1);
  addCommand('zrangebyscore', family + 10, -4, READONLY, 1, 1, 1);
  addCommand('zrevrangebyscore', family + 11, -4, READONLY, 1, 1, 1);
  addCommand('zcount', family + 12, 4, READONLY | FAST, 1, 1, 1);
  addCommand('zpopmin', family + 13, -2, WRITE | FAST, 1, 1, 1);
  addCommand('zpopmax', family + 14, -2, WRITE | FAST, 1, 1, 1);
  addCommand('zremrangebyrank', family + 15, 4, WRITE, 1, 1, 1);
  addCommand('zremrangebyscore', family + 16, 4, WRITE, 1, 1, 1);
  addCommand('zscan', family + 17, -3, READONLY, 1, 1, 1);
  addCommand('zlexcount', family + 18, 4, READONLY | FAST, 1, 1, 1);
  addCommand('zrangebylex', family + 19, -4, READONLY, 1, 1, 1);
  addCommand('zrevrangebylex', family + 20, -4, READONLY, 1, 1, 1);
  addCommand('zremrangebylex', family + 21, 4, WRITE, 1, 1, 1);
  addCommand('zrangestore', family + 22, -5, WRITE | DENYOOM, 1, 2, 1);
  addCommand('zrandmember', family + 23, -2, READONLY, 1, 1, 1);
  addCommand('zunion', family + 24, -3, READONLY | MOVABLE, 0, 0, 0);
  addCommand('zinter', family + 25, -3, READONLY | MOVABLE, 0, 0, 0);
  addCommand('zdiff', family + 26, -3, READONLY | MOVABLE, 0, 0, 0);
  addCommand('zunionstore', family + 27, -4, WRITE | DENYOOM | MOVABLE, 1, 1, 1);
  addCommand('zinterstore', family + 28, -4, WRITE | DENYOOM | MOVABLE, 1, 1, 1);
  addCommand('zdiffstore', family + 29, -4, WRITE | DENYOOM | MOVABLE, 1, 1, 1);
  addCommand('zintercard', family + 30, -3, READONLY | MOVABLE, 0, 0, 0);
}

/** Runs the command of a number in this family. */
export function runSorted(own: u32): void {
  switch (own) {
    case 0:
      return add();
    case 1:
      return remove();
    case 2:
      return score();
    case 3:
      return scores();
    case 4:
      return increment();
    case 5:
      return count();
    case 6:
      return rank(false);
    case 7:
      return rank(true);
    case 8:
      return range(false);
    case 9:
      return range(true);
    case 10:
      return rangeByScore(false);
    case 11:
      return rangeByScore(true);
    case 12:
      return countByScore();
    case 13:
      return pop(false);
    case 14:
      return pop(true);
    case 15:
      return removeRange(BY_RANK);
    case 16:
      return removeRange(BY_SCORE);
    case 17:
      return scan();
    case 18:
      return countByText();
    case 19:
      return rangeByText(false);
    case 20:
      return rangeByText(true);
    case 21:
      return removeRange(BY_TEXT);
    case 22:
      return storeRange();
    case 23:
      return byChance();
    default:
      return runCombined(own);
  }
}

function runCombined(own: u32): void {
  switch (own) {
    case 24:
      return combine(UNION, false, 'zunion');
    case 25:
      return combine(INTERSECTION, false, 'zinter');
    case 26:
      return combine(DIFFERENCE, false, 'zdiff');
    case 27:
      return combine(UNION, true, 'zunionstore');
    case 28:
      return combine(INTERSECTION, true, 'zinterstore');
    case 29:
      return combine(DIFFERENCE, true, 'zdiffstore');
    default:
      return countCommonMembers();
  }
}

const IF_NEW: u32 = 1;
const IF_THERE: u32 = 2;
const IF_GREATER: u32 = 4;
const IF_LESS: u32 = 8;
const COUNT_CHANGED: u32 = 16;
const INCREMENT: u32 = 32;
let addFlags: u32 = 0;
let addFirst: u32 = 0;

function readAddWords(): bool {
  addFlags = 0;
  addFirst = 2;
  for (; addFirst < argumentCount; addFirst++) {
    if (argumentIs(addFirst, 'nx')) addFlags |= IF_NEW;
    else if (argumentIs(addFirst, 'xx')) addFlags |= IF_THERE;
    else if (argumentIs(addFirst, 'gt')) addFlags |= IF_GREATER;
    else if (argumentIs(addFirst, 'lt')) addFlags |= IF_LESS;
    else if (argumentIs(addFirst, 'ch')) addFlags |= COUNT_CHANGED;
    else if (argumentIs(addFirst, 'incr')) addFlags |= INCREMENT;
    else break;
  }
  const pairs = argumentCount - addFirst;
  if (pairs === 0 || (pairs & 1) !== 0) {
    syntaxError();
    return false;
  }
  if ((addFlags & IF_NEW) !== 0 && (addFlags & IF_THERE) !== 0) {
    replyError('ERR XX and NX options at the same time are not compatible');
    return false;
  }
  const order = addFlags & (IF_GREATER | IF_LESS);
  if ((order !== 0 && (addFlags & IF_NEW) !== 0) || order === (IF_GREATER | IF_LESS)) {
    replyError('ERR GT, LT, and/or NX options at the same time are not compatible');
    return false;
  }
  if ((addFlags & INCREMENT) !== 0 && pairs > 2) {
    replyError('ERR INCR option supports a single increment-element pair');
    return false;
  }
  for (let index = addFirst; index < argumentCount; index += 2) if (!isScore(index)) return false;
  return true;
}

function isScore(index: u32): bool {
  if (readDouble(argument(index), argumentLength(index))) return true;
  replyError('ERR value is not a valid float');
  return false;
}

const NOTHING: u32 = 0;
const ADDED: u32 = 1;
const CHANGED: u32 = 2;
const REFUSED: u32 = 3;
const NO_ROOM: u32 = 4;
const NOT_A_NUMBER: u32 = 5;
/** The score after `addOne`. */
let scoreNow: f64 = 0;

function addOne(sorted: usize, value: f64, index: u32): u32 {
  const member = findMember(sorted, argument(index), argumentLength(index));
  scoreNow = value;
  if (member === 0) {
    if ((addFlags & IF_THERE) !== 0) return REFUSED;
    return addMember(sorted, value, argument(index), argumentLength(index)) === 0 ? NO_ROOM : ADDED;
  }
  if ((addFlags & IF_NEW) !== 0) return REFUSED;
  const had = scoreOf(member);
  if ((addFlags & INCREMENT) !== 0) scoreNow += had;
  if (Number.isNaN(scoreNow)) return NOT_A_NUMBER;
  if (((addFlags & IF_LESS) !== 0 && scoreNow >= had) || ((addFlags & IF_GREATER) !== 0 && scoreNow <= had))
    return REFUSED;
  if (scoreNow === had) return NOTHING;
  changeScore(sorted, member, scoreNow);
  return CHANGED;
}

function add(): void {
  if (!readAddWords()) return;
  addAll();
}

/** Adds the pairs from `addFirst` on, by `addFlags`. */
function addAll(): void {
  // With XX nothing is made.
  const sorted = (addFlags & IF_THERE) !== 0 ? writeCollection(1, TYPE_ZSET) : makeCollection(1, TYPE_ZSET);
  const increments = (addFlags & INCREMENT) !== 0;
  if (sorted === 0) {
    if (isWrongType || (addFlags & IF_THERE) === 0) return;
    return increments ? replyNull() : replyInteger(0);
  }
  let added: u32 = 0;
  let changed: u32 = 0;
  let result: u32 = NOTHING;
  for (let index = addFirst; index < argumentCount && result < NO_ROOM; index += 2) {
    readDouble(argument(index), argumentLength(index));
    result = addOne(sorted, double, index + 1);
    if (result === ADDED) added += 1;
    if (result === CHANGED) changed += 1;
  }
  const now = scoreNow;
  if (added + changed > 0 || sortedCount(sorted) === 0) collectionChanged(1, sortedCount(sorted));
  if (result === NO_ROOM) return noRoom();
  if (result === NOT_A_NUMBER) return replyError('ERR resulting score is not a number (NaN)');
  if (!increments) return replyInteger((addFlags & COUNT_CHANGED) !== 0 ? added + changed : added);
  if (result === REFUSED) replyNull();
  else replyScore(now);
}

function increment(): void {
  addFlags = INCREMENT;
  addFirst = 2;
  if (isScore(2)) addAll();
}

function remove(): void {
  const sorted = writeCollection(1, TYPE_ZSET);
  if (isWrongType) return;
  if (sorted === 0) return replyInteger(0);
  let removed: u32 = 0;
  for (let index: u32 = 2; index < argumentCount; index++) {
    const member = findMember(sorted, argument(index), argumentLength(index));
    if (member === 0) continue;
    removeMember(sorted, member);
    removed += 1;
  }
  if (removed > 0) collectionChanged(1, sortedCount(sorted));
  replyInteger(removed);
}

function replyScoreOf(sorted: usize, index: u32): void {
  const member: usize = sorted === 0 ? 0 : findMember(sorted, argument(index), argumentLength(index));
  if (member === 0) replyNull();
  else replyScore(scoreOf(member));
}

function score(): void {
  const sorted = readCollection(TYPE_ZSET);
  if (!isWrongType) replyScoreOf(sorted, 2);
}

function scores(): void {
  const sorted = readCollection(TYPE_ZSET);
  if (isWrongType) return;
  replyArray(argumentCount - 2);
  for (let index: u32 = 2; index < argumentCount; index++) replyScoreOf(sorted, index);
}

function count(): void {
  const sorted = readCollection(TYPE_ZSET);
  if (!isWrongType) replyInteger(sorted === 0 ? 0 : sortedCount(sorted));
}

function rank(isBack: bool): void {
  const sorted = readCollection(TYPE_ZSET);
  if (isWrongType) return;
  const member: usize = sorted === 0 ? 0 : findMember(sorted, argument(2), argumentLength(2));
  if (member === 0) return replyNull();
  const before = rankOf(sorted, member);
  replyInteger(isBack ? sortedCount(sorted) - 1 - before : before);
}

function pop(fromEnd: bool): void {
  if (argumentCount > 3) return syntaxError();
  let many: i64 = 1;
  if (argumentCount === 3) {
    if (!countArgument(2)) return;
    many = integer;
  }
  const sorted = writeCollection(1, TYPE_ZSET);
  if (isWrongType) return;
  if (sorted === 0 || many === 0) return replyArray(0);
  const given: u32 = many < <i64>sortedCount(sorted) ? <u32>many : sortedCount(sorted);
  const nests = isThree && argumentCount === 3;
  replyArray(nests ? given : given * 2);
  popMembers(sorted, 1, fromEnd, given, nests);
}

/** Takes so many members, as there are, from an end and replies with each and its score. @param index the argument of the key that was looked up last */
export function popMembers(sorted: usize, index: u32, fromEnd: bool, many: u32, nests: bool): void {
  for (let taken: u32 = 0; taken < many; taken++) {
    const member = sortedEnd(sorted, fromEnd);
    if (nests) replyArray(2);
    replyBulk(memberAt(member), itemKeyLength(member));
    replyScore(scoreOf(member));
    removeMember(sorted, member);
  }
  collectionChanged(index, sortedCount(sorted));
}

function replyMember(member: usize, scores: bool): void {
  if (scores && isThree) replyArray(2);
  replyBulk(memberAt(member), itemKeyLength(member));
  if (scores) replyScore(scoreOf(member));
}

/** ZRANDMEMBER: one, or several that differ, or (a count below 0) several that may repeat. */
function byChance(): void {
  const scores = argumentCount === 4;
  if (!chanceArguments('withscores')) return;
  const many = integer;
  const sorted = readCollection(TYPE_ZSET);
  if (isWrongType) return;
  if (argumentCount === 2) {
    if (sorted === 0) replyNull();
    else replyMember(anyMember(sorted), false);
    return;
  }
  const has: u32 = sorted === 0 ? 0 : sortedCount(sorted);
  if (many < REPEATS_LEAST && has > 0) return replyError('ERR value is out of range');
  const repeats = many < 0;
  let left: u32 = has === 0 ? 0 : repeats ? <u32>-many : <u32>(many < <i64>has ? many : <i64>has);
  replyArray(scores && !isThree ? left * 2 : left);
  if (repeats) {
    for (; left > 0; left--) replyMember(anyMember(sorted), scores);
    return;
  }
  let member: usize = left === 0 ? 0 : sortedEnd(sorted, true);
  for (let rest = has; left > 0; rest--) {
    if (isTaken(left, rest)) {
      replyMember(member, scores);
      left -= 1;
    }
    member = sortedStep(member, true);
  }
}

function anyMember(sorted: usize): usize {
  return memberOfRank(sorted, <u32>(random64() % <u64>sortedCount(sorted)));
}

function scan(): void {
  if (!readScanCursor(2)) return;
  const sorted = readCollection(TYPE_ZSET);
  if (isWrongType || (sorted !== 0 && !readScanWords(2, false))) return;
  const next: u32 = sorted === 0 ? 0 : scanTable(membersOf(sorted));
  const met: u32 = sorted === 0 ? 0 : scannedItems;
  let fitting: u32 = 0;
  for (let index: u32 = 0; index < met; index++) {
    if (fits(memberAt(scannedItem(index)), itemKeyLength(scannedItem(index)))) fitting += 1;
  }
  replyArray(2);
  replyNumberText(<u64>next);
  replyArray(fitting * 2);
  for (let index: u32 = 0; index < met; index++) {
    const member = scannedItem(index);
    if (!fits(memberAt(member), itemKeyLength(member))) continue;
    replyBulk(memberAt(member), itemKeyLength(member));
    // Text in both protocols, as Redis has it.
    replyScoreText(scoreOf(member));
  }
}
