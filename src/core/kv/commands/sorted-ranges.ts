// Ranges of sorted sets: by rank, by score, by bytes.

import { argument, argumentCount, argumentIs, argumentLength } from '../../resp/arguments';
import { double, readDouble } from '../../resp/doubles';
import { integer } from '../../resp/numbers';
import { isThree, replyArray, replyBulk, replyError, replyInteger } from '../../resp/reply';
import { replyScore } from '../../resp/score';
import { entryValue, TYPE_ZSET } from '../entry';
import {
  addMember,
  compareBytes,
  makeSorted,
  memberAt,
  memberOfRank,
  removeMember,
  scoreOf,
  sortedCount,
  sortedStep,
} from '../sorted-set';
import { itemKeyLength } from '../table';
import { trashAdd } from '../trash';
import {
  clampRange,
  collectionChanged,
  rangeFirst,
  rangeLast,
  readCollection,
  storeCollection,
  writeCollection,
} from './collections';
import { integerArgument, isWrongType, noRoom, readEntry, syntaxError } from './errors';

let low: f64 = 0;
let high: f64 = 0;
let isLowOpen: bool = false;
let isHighOpen: bool = false;

function readBound(index: u32): bool {
  const isOpen = argumentLength(index) > 0 && load<u8>(argument(index)) === 0x28;
  const skip: u32 = isOpen ? 1 : 0;
  boundIsOpen = isOpen;
  if (readDouble(argument(index) + skip, argumentLength(index) - skip)) return true;
  replyError('ERR min or max is not a float');
  return false;
}
let boundIsOpen: bool = false;

function readBounds(lowAt: u32, highAt: u32): bool {
  if (!readBound(lowAt)) return false;
  low = double;
  isLowOpen = boundIsOpen;
  if (!readBound(highAt)) return false;
  high = double;
  isHighOpen = boundIsOpen;
  return true;
}

/** Whether a member is above the lower bound. */
function isAbove(member: usize): bool {
  return isLowOpen ? scoreOf(member) > low : scoreOf(member) >= low;
}

/** Whether a member is below the upper bound. */
function isBelow(member: usize): bool {
  return isHighOpen ? scoreOf(member) < high : scoreOf(member) <= high;
}

/** The rank of the first member for which a bound holds, or holds no more: bounds part the members in two, so that it is found by halving. */
function firstRank(sorted: usize, which: u32): u32 {
  let from: u32 = 0;
  let to = sortedCount(sorted);
  while (from < to) {
    const middle = (from + to) >> 1;
    const member = memberOfRank(sorted, middle);
    const isBehind =
      which === 0
        ? isAbove(member)
        : which === 1
          ? !isBelow(member)
          : which === 2
            ? isAboveText(member)
            : !isBelowText(member);
    if (isBehind) to = middle;
    else from = middle + 1;
  }
  return from;
}

/** Runs ZCOUNT: how many members have a score in a range. */
export function countByScore(): void {
  if (!readBounds(2, 3)) return;
  const sorted = readCollection(TYPE_ZSET);
  if (isWrongType) return;
  if (sorted === 0) return replyInteger(0);
  const first = firstRank(sorted, 0);
  const end = firstRank(sorted, 1);
  replyInteger(end > first ? end - first : 0);
}

let hasScores: bool = false;
let limitFrom: i64 = 0;
let limitCount: i64 = -1;
let isByScore: bool = false;
let isByText: bool = false;
let isReversed: bool = false;

/** The argument of the key; the range's bounds are those behind it. */
let keyAt: u32 = 1;
/** Where the members go of ZRANGESTORE, whose key is the first argument; 0: into the reply. */
let target: usize = 0;

/** Reads the words behind a range. Returns false where they are wrong, which was replied to. @param all also those of ZRANGE alone. */
function readWords(all: bool): bool {
  hasScores = false;
  limitFrom = 0;
  limitCount = -1;
  for (let index = keyAt + 3; index < argumentCount; index++) {
    if (keyAt === 1 && argumentIs(index, 'withscores')) hasScores = true;
    else if (all && !isByScore && !isByText && argumentIs(index, 'byscore')) isByScore = true;
    else if (all && !isByScore && !isByText && argumentIs(index, 'bylex')) isByText = true;
    else if (all && !isReversed && argumentIs(index, 'rev')) isReversed = true;
    else if (argumentIs(index, 'limit') && index + 2 < argumentCount) {
      if (!integerArgument(index + 1)) return false;
      limitFrom = integer;
      if (!integerArgument(index + 2)) return false;
      limitCount = integer;
      index += 2;
    } else {
      syntaxError();
      return false;
    }
  }
  if (!isByScore && !isByText) {
    // A limit of -1 is none.
    if (limitCount !== -1) {
      replyError('ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX');
      return false;
    }
    limitFrom = 0;
  }
  if (isByText && hasScores) {
    replyError('ERR syntax error, WITHSCORES not supported in combination with BYLEX');
    return false;
  }
  return true;
}

/** Replies with the members of some ranks, in their order or against it, after LIMIT has cut them. */
function replyRanks(sorted: usize, first: u32, end: u32, isBack: bool): void {
  let many: i64 = end > first ? <i64>end - <i64>first : 0;
  if (limitFrom < 0 || limitFrom >= many) many = 0;
  else many -= limitFrom;
  if (limitCount >= 0 && many > limitCount) many = limitCount;
  if (target !== 0) return storeRanks(sorted, first, end, isBack, many);
  const nests = hasScores && isThree;
  replyArray(<u32>(hasScores && !nests ? many * 2 : many));
  if (many === 0) return;
  const from = isBack ? end - 1 - <u32>limitFrom : first + <u32>limitFrom;
  let member = memberOfRank(sorted, from);
  for (; many > 0; many--) {
    if (nests) replyArray(2);
    replyBulk(memberAt(member), itemKeyLength(member));
    if (hasScores) replyScore(scoreOf(member));
    member = sortedStep(member, isBack);
  }
}

/** The same, into the set of ZRANGESTORE. */
function storeRanks(sorted: usize, first: u32, end: u32, isBack: bool, many: i64): void {
  let member: usize = many === 0 ? 0 : memberOfRank(sorted, isBack ? end - 1 - <u32>limitFrom : first + <u32>limitFrom);
  hasRoom = true;
  for (let left = many; left > 0 && hasRoom; left--) {
    hasRoom = addMember(target, scoreOf(member), memberAt(member), itemKeyLength(member)) !== 0;
    member = sortedStep(member, isBack);
  }
}
let hasRoom: bool = true;

/** Replies that nothing is in a range. */
function nothing(): void {
  if (target === 0) replyArray(0);
}

/** ZRANGE and ZREVRANGE. */
export function range(isOldReversed: bool): void {
  isByScore = false;
  isByText = false;
  isReversed = isOldReversed;
  if (readWords(!isOldReversed)) replyRange();
}

/** ZRANGESTORE. */
export function storeRange(): void {
  isByScore = false;
  isByText = false;
  isReversed = false;
  keyAt = 2;
  if (readWords(true)) {
    target = makeSorted();
    if (target === 0) noRoom();
    else storeFound();
  }
  keyAt = 1;
  target = 0;
}

function storeFound(): void {
  wasRefused = false;
  hasRoom = true;
  replyRange();
  if (!wasRefused && hasRoom) return storeCollection(1, TYPE_ZSET, target, sortedCount(target));
  trashAdd(target, TYPE_ZSET);
  if (!wasRefused) noRoom();
}

/** A range was refused, which has been replied to. */
function refused(): void {
  wasRefused = true;
}
let wasRefused: bool = false;

/** The sorted set of a range; 0: there is none, or it is of another type (`isWrongType`). */
function rangedSet(): usize {
  const entry = readEntry(keyAt, TYPE_ZSET);
  if (isWrongType) refused();
  return entry === 0 ? 0 : entryValue(entry);
}

function replyRange(): void {
  if (isByScore) return replyByScore();
  if (isByText) return replyByText();
  if (!integerArgument(keyAt + 1)) return refused();
  const first = integer;
  if (!integerArgument(keyAt + 2)) return refused();
  const last = integer;
  const sorted = rangedSet();
  if (isWrongType) return;
  if (sorted === 0 || !clampRange(first, last, sortedCount(sorted))) return nothing();
  const count = sortedCount(sorted);
  if (isReversed) replyRanks(sorted, count - 1 - rangeLast, count - rangeFirst, true);
  else replyRanks(sorted, rangeFirst, rangeLast + 1, false);
}

function replyByScore(): void {
  if (!readBounds(isReversed ? keyAt + 2 : keyAt + 1, isReversed ? keyAt + 1 : keyAt + 2)) return refused();
  const sorted = rangedSet();
  if (isWrongType) return;
  if (sorted === 0) return nothing();
  replyRanks(sorted, firstRank(sorted, 0), firstRank(sorted, 1), isReversed);
}

/** ZRANGEBYSCORE and ZREVRANGEBYSCORE. */
export function rangeByScore(isBack: bool): void {
  isByScore = true;
  isByText = false;
  isReversed = isBack;
  if (readWords(false)) replyByScore();
}

let textLow: u32 = 0;
let textHigh: u32 = 0;

/** Whether a bound of bytes may be: `-`, `+`, `[bytes`, `(bytes`. */
function isTextBound(index: u32): bool {
  const length = argumentLength(index);
  const first: u32 = length === 0 ? 0 : <u32>load<u8>(argument(index));
  if (length === 1 && (first === 0x2d || first === 0x2b)) return true;
  if (first === 0x5b || first === 0x28) return true;
  replyError('ERR min or max not valid string range item');
  return false;
}

/** How a member is to a bound: below 0 before it, 0 at it, above 0 behind it; what a bound leaves out is on the other side of it. */
function orderOf(member: usize, bound: u32): i32 {
  const first = <u32>load<u8>(argument(bound));
  if (argumentLength(bound) === 1 && first === 0x2d) return 1;
  if (argumentLength(bound) === 1 && first === 0x2b) return -1;
  return compareBytes(memberAt(member), itemKeyLength(member), argument(bound) + 1, argumentLength(bound) - 1);
}

function isOpenText(bound: u32): bool {
  return load<u8>(argument(bound)) === 0x28;
}

function isAboveText(member: usize): bool {
  const order = orderOf(member, textLow);
  return isOpenText(textLow) ? order > 0 : order >= 0;
}

function isBelowText(member: usize): bool {
  const order = orderOf(member, textHigh);
  return isOpenText(textHigh) ? order < 0 : order <= 0;
}

function replyByText(): void {
  if (!readTextBounds(isReversed ? keyAt + 2 : keyAt + 1, isReversed ? keyAt + 1 : keyAt + 2)) return refused();
  const sorted = rangedSet();
  if (isWrongType) return;
  if (sorted === 0) return nothing();
  replyRanks(sorted, firstRank(sorted, 2), firstRank(sorted, 3), isReversed);
}

function readTextBounds(lowAt: u32, highAt: u32): bool {
  textLow = lowAt;
  textHigh = highAt;
  return isTextBound(lowAt) && isTextBound(highAt);
}

/** ZRANGEBYLEX and ZREVRANGEBYLEX. */
export function rangeByText(isBack: bool): void {
  isByScore = false;
  isByText = true;
  isReversed = isBack;
  if (readWords(false)) replyByText();
}

/** ZLEXCOUNT: how many members have their bytes in a range. */
export function countByText(): void {
  if (!readTextBounds(2, 3)) return;
  const sorted = readCollection(TYPE_ZSET);
  if (isWrongType) return;
  if (sorted === 0) return replyInteger(0);
  const first = firstRank(sorted, 2);
  const end = firstRank(sorted, 3);
  replyInteger(end > first ? end - first : 0);
}

/** What ZREMRANGE goes by. */
export const BY_RANK: u32 = 0;
export const BY_SCORE: u32 = 1;
export const BY_TEXT: u32 = 2;

/** ZREMRANGEBYRANK, ZREMRANGEBYSCORE and ZREMRANGEBYLEX. */
export function removeRange(by: u32): void {
  let first: i64 = 0;
  let last: i64 = 0;
  if (by === BY_SCORE) {
    if (!readBounds(2, 3)) return;
  } else if (by === BY_TEXT) {
    if (!readTextBounds(2, 3)) return;
  } else {
    if (!integerArgument(2)) return;
    first = integer;
    if (!integerArgument(3)) return;
    last = integer;
  }
  const sorted = writeCollection(1, TYPE_ZSET);
  if (isWrongType) return;
  if (sorted === 0) return replyInteger(0);
  let from: u32 = 0;
  let end: u32 = 0;
  if (by !== BY_RANK) {
    from = firstRank(sorted, by === BY_SCORE ? 0 : 2);
    end = firstRank(sorted, by === BY_SCORE ? 1 : 3);
  } else if (clampRange(first, last, sortedCount(sorted))) {
    from = rangeFirst;
    end = rangeLast + 1;
  }
  const many: u32 = end > from ? end - from : 0;
  let member: usize = many === 0 ? 0 : memberOfRank(sorted, from);
  for (let done: u32 = 0; done < many; done++) {
    const next = sortedStep(member, false);
    removeMember(sorted, member);
    member = next;
  }
  if (many > 0) collectionChanged(1, sortedCount(sorted));
  replyInteger(many);
}
