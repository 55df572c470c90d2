// What several sorted sets have together or apart: ZUNION, ZINTER, ZDIFF, their forms that store, ZINTERCARD. A set counts as a sorted set of scores 1.

import { argument, argumentCount, argumentIs, argumentLength } from '../../resp/arguments';
import { double, readDouble } from '../../resp/doubles';
import { integer, readInteger } from '../../resp/numbers';
import {
  beginError,
  endLine,
  isThree,
  replyArray,
  replyBulk,
  replyError,
  replyInteger,
  writeText,
} from '../../resp/reply';
import { replyScore } from '../../resp/score';
import { entryType, entryValue, TYPE_SET, TYPE_ZSET } from '../entry';
import { FIELD_KEY, fieldsOf, findField } from '../hash-fields';
import { findForRead } from '../keyspace';
import { allocate, release } from '../slabs';
import {
  addMember,
  changeScore,
  findMember,
  makeSorted,
  memberAt,
  scoreOf,
  sortedCount,
  sortedEnd,
  sortedStep,
} from '../sorted-set';
import { itemKeyLength, tableCount } from '../table';
import { walkBegin, walkEnd, walkNext } from '../table-walk';
import { trashAdd } from '../trash';
import { storeCollection } from './collections';
import { integerArgument, noRoom, syntaxError, wrongType } from './errors';

/** Which operation. */
export const UNION: u32 = 0;
export const INTERSECTION: u32 = 1;
export const DIFFERENCE: u32 = 2;

/** One of the sets: 0 where there is none. */
@unmanaged
class Source {
  thing: u32;
  type: u32;
  weight: f64;
}
const SOURCE_BYTES: u32 = 16;

let sources: usize = 0;
let sourceCount: u32 = 0;

const SUM: u32 = 0;
const LEAST: u32 = 1;
const MOST: u32 = 2;
let aggregate: u32 = 0;
let hasScores: bool = false;
/** What ZINTERCARD counts to; 0: to the end. */
let limit: i64 = 0;

function sourceAt(index: u32): Source {
  return changetype<Source>(sources + index * SOURCE_BYTES);
}

function countOf(source: Source): u32 {
  if (source.thing === 0) return 0;
  return source.type === TYPE_SET ? tableCount(fieldsOf(source.thing)) : sortedCount(source.thing);
}

/** Reads how many keys there are from an argument. Returns false where that is wrong, which has been replied to. */
function readCount(index: u32, name: string): bool {
  if (!integerArgument(index)) return false;
  if (integer < 1) {
    beginError("ERR at least 1 input key is needed for '");
    writeText(name);
    writeText("' command");
    endLine();
    return false;
  }
  if (integer > <i64>argumentCount - <i64>index - 1) {
    syntaxError();
    return false;
  }
  sourceCount = <u32>integer;
  return true;
}

/** Looks the sets up. Returns false where a key has another type, or where there is no room, which has been replied to. */
function findSources(first: u32): bool {
  sources = allocate(sourceCount * SOURCE_BYTES);
  if (sources === 0) {
    noRoom();
    return false;
  }
  for (let index: u32 = 0; index < sourceCount; index++) {
    const entry = findForRead(argument(first + index), argumentLength(first + index));
    const source = sourceAt(index);
    source.weight = 1;
    source.type = entry === 0 ? TYPE_ZSET : entryType(entry);
    source.thing = entry === 0 || (source.type !== TYPE_SET && source.type !== TYPE_ZSET) ? 0 : <u32>entryValue(entry);
    if (entry === 0 || source.thing !== 0) continue;
    wrongType();
    return false;
  }
  return true;
}

/** Reads the words behind the keys. Returns false where they are wrong, which has been replied to. */
function readWords(from: u32, operation: u32, stores: bool, counts: bool): bool {
  aggregate = SUM;
  hasScores = false;
  limit = 0;
  const combines = operation !== DIFFERENCE && !counts;
  for (let index = from; index < argumentCount; index++) {
    const behind = argumentCount - index - 1;
    if (combines && behind >= sourceCount && argumentIs(index, 'weights')) {
      if (!readWeights(index + 1)) return false;
      index += sourceCount;
    } else if (combines && behind >= 1 && argumentIs(index, 'aggregate')) {
      index += 1;
      if (argumentIs(index, 'sum')) aggregate = SUM;
      else if (argumentIs(index, 'min')) aggregate = LEAST;
      else if (argumentIs(index, 'max')) aggregate = MOST;
      else return isSyntax();
    } else if (!stores && !counts && argumentIs(index, 'withscores')) hasScores = true;
    else if (counts && behind >= 1 && argumentIs(index, 'limit')) {
      index += 1;
      if (!readInteger(argument(index), argumentLength(index)) || integer < 0) {
        replyError("ERR LIMIT can't be negative");
        return false;
      }
      limit = integer;
    } else return isSyntax();
  }
  return true;
}

function isSyntax(): bool {
  syntaxError();
  return false;
}

function readWeights(first: u32): bool {
  for (let index: u32 = 0; index < sourceCount; index++) {
    if (!readDouble(argument(first + index), argumentLength(first + index))) {
      replyError('ERR weight value is not a float');
      return false;
    }
    sourceAt(index).weight = double;
  }
  return true;
}

/** The smallest set first, those of one size as they were: what is common lies within that. */
function sortSources(): void {
  for (let index: u32 = 1; index < sourceCount; index++) {
    const thing = sourceAt(index).thing;
    const type = sourceAt(index).type;
    const weight = sourceAt(index).weight;
    const count = countOf(sourceAt(index));
    let at = index;
    for (; at > 0 && countOf(sourceAt(at - 1)) > count; at--) {
      sourceAt(at).thing = sourceAt(at - 1).thing;
      sourceAt(at).type = sourceAt(at - 1).type;
      sourceAt(at).weight = sourceAt(at - 1).weight;
    }
    sourceAt(at).thing = thing;
    sourceAt(at).type = type;
    sourceAt(at).weight = weight;
  }
}

const walk = memory.data(16, 8);
/** The member that a walk through a source is at: its bytes and its score, times the source's weight. */
let at: usize = 0;
let length: u32 = 0;
let score: f64 = 0;
let item: usize = 0;

function weighted(value: f64, weight: f64): f64 {
  const product = value * weight;
  return Number.isNaN(product) ? 0 : product;
}

function beginSource(source: Source): void {
  item = 0;
  if (source.type === TYPE_SET) walkBegin(walk, fieldsOf(source.thing));
}

function endSource(source: Source): void {
  if (source.type === TYPE_SET) walkEnd(walk);
}

/** Goes on to the next member. Returns false at the end. */
function nextOf(source: Source): bool {
  if (source.type === TYPE_SET) {
    item = walkNext(walk);
    if (item === 0) return false;
    at = item + FIELD_KEY;
    score = weighted(1, source.weight);
  } else {
    item = item === 0 ? sortedEnd(source.thing, false) : sortedStep(item, false);
    if (item === 0) return false;
    at = memberAt(item);
    score = weighted(scoreOf(item), source.weight);
  }
  length = itemKeyLength(item);
  return true;
}

/** The weighted score of the present member in another source, in `other`. Returns whether it is there. */
function isIn(source: Source): bool {
  if (source.thing === 0) return false;
  if (source.type === TYPE_SET) {
    other = weighted(1, source.weight);
    return findField(source.thing, at, length) !== 0;
  }
  const member = findMember(source.thing, at, length);
  if (member !== 0) other = weighted(scoreOf(member), source.weight);
  return member !== 0;
}
let other: f64 = 0;

/** Two scores of one member together. */
function together(one: f64, two: f64): f64 {
  if (aggregate === LEAST) return two < one ? two : one;
  if (aggregate === MOST) return two > one ? two : one;
  const sum = one + two;
  // Of infinities with opposite signs.
  return Number.isNaN(sum) ? 0 : sum;
}

function unite(into: usize): bool {
  for (let index: u32 = 0; index < sourceCount; index++) {
    const source = sourceAt(index);
    if (source.thing === 0) continue;
    let hasRoom: bool = true;
    beginSource(source);
    while (hasRoom && nextOf(source)) hasRoom = uniteMember(into, index);
    endSource(source);
    if (!hasRoom) return false;
  }
  return true;
}

/** Of so few sets a member is looked up in all of them, so that it is put in its place once; of more it is moved with each. */
const FEW: u32 = 4;

/** Adds the present member of a source to the union. Returns false for want of room. */
function uniteMember(into: usize, index: u32): bool {
  const member: usize = index === 0 ? 0 : findMember(into, at, length);
  if (sourceCount > FEW) {
    if (member === 0) return addMember(into, score, at, length) !== 0;
    changeScore(into, member, together(scoreOf(member), score));
    return true;
  }
  if (member !== 0) return true;
  for (let later = index + 1; later < sourceCount; later++) {
    if (isIn(sourceAt(later))) score = together(score, other);
  }
  return addMember(into, score, at, length) !== 0;
}

/** Whether the present member of the first source is in the result; its score is in `score` then. */
function isWanted(operation: u32): bool {
  for (let index: u32 = 1; index < sourceCount; index++) {
    const isThere = isIn(sourceAt(index));
    if (isThere === (operation === DIFFERENCE)) return false;
    if (isThere) score = together(score, other);
  }
  return true;
}

/** Puts those members of the first source into a set that are in all others, or in none. Returns false for want of room. */
function select(into: usize, operation: u32): bool {
  const source = sourceAt(0);
  if (source.thing === 0) return true;
  let hasRoom = true;
  beginSource(source);
  while (hasRoom && nextOf(source)) {
    if (isWanted(operation)) hasRoom = addMember(into, score, at, length) !== 0;
  }
  endSource(source);
  return hasRoom;
}

/** Runs ZUNION, ZINTER, ZDIFF, or with `stores` their forms that store. @param name the command's */
export function combine(operation: u32, stores: bool, name: string): void {
  const first: u32 = stores ? 3 : 2;
  if (!readCount(first - 1, name)) return;
  sources = 0;
  if (findSources(first) && readWords(first + sourceCount, operation, stores, false)) gather(operation, stores);
  if (sources !== 0) release(sources);
}

function gather(operation: u32, stores: bool): void {
  if (operation !== DIFFERENCE) sortSources();
  const result = makeSorted();
  if (result === 0) return noRoom();
  if (!(operation === UNION ? unite(result) : select(result, operation))) {
    trashAdd(result, TYPE_ZSET);
    return noRoom();
  }
  if (stores) return storeCollection(1, TYPE_ZSET, result, sortedCount(result));
  const nests = hasScores && isThree;
  replyArray(hasScores && !nests ? sortedCount(result) * 2 : sortedCount(result));
  for (let member = sortedEnd(result, false); member !== 0; member = sortedStep(member, false)) {
    if (nests) replyArray(2);
    replyBulk(memberAt(member), itemKeyLength(member));
    if (hasScores) replyScore(scoreOf(member));
  }
  trashAdd(result, TYPE_ZSET);
}

/** Runs ZINTERCARD. */
export function countCommonMembers(): void {
  if (!readCount(1, 'zintercard')) return;
  sources = 0;
  if (findSources(2) && readWords(2 + sourceCount, INTERSECTION, false, true)) countCommon();
  if (sources !== 0) release(sources);
}

function countCommon(): void {
  sortSources();
  const source = sourceAt(0);
  let common: i64 = 0;
  if (source.thing !== 0) {
    beginSource(source);
    while ((limit === 0 || common < limit) && nextOf(source)) if (isWanted(INTERSECTION)) common += 1;
    endSource(source);
  }
  replyInteger(common);
}
