// Sorted sets: members in a table, to be found by name, and in a skip list by score and then by bytes, whose links know how many members they pass, so that a
// rank is found as fast as a score (William Pugh 1990; the spans are as Redis has them). The links lie right before the member that they belong to, so that a
// step on the way looks at one place in memory.

import { random64 } from '../random';
import { hashOf } from './hash';
import { allocate, release } from './slabs';
import {
  itemKeyLength,
  itemSetKey,
  TABLE_BYTES,
  tableAdd,
  tableBegin,
  tableFind,
  tableRemove,
  tableTakeAny,
} from './table';
import { WASTE_BYTES } from './trash';

@unmanaged
class Member {
  next: u32;
  hash: u32;
  keyLength: u32;
  height: u32;
  score: f64;
  before: u32;
}
const MEMBER_KEY: u32 = 32;
const LEVELS: u32 = 24;
/** A link: the next member on a level, and how many members on that is. */
const LINK_BYTES: u32 = 8;

@unmanaged
class Sorted {
  waste0: u32;
  waste1: u32;
  table0: u64;
  table1: u64;
  table2: u32;
  count: u32;
  last: u32;
  level: u32;
}
const SORTED_BYTES: u32 = 48 + LEVELS * LINK_BYTES;

/** On the way to a place: the last member (or the head) before it on each level, and its rank. */
const path = memory.data(96, 8);
const ranks = memory.data(96, 8);

/** Makes an empty set; 0: no room. */
export function makeSorted(): usize {
  const sorted = allocate(SORTED_BYTES);
  if (sorted === 0) return 0;
  memory.fill(sorted, 0, SORTED_BYTES);
  if (TABLE_BYTES > 20) unreachable();
  tableBegin(sorted + WASTE_BYTES, MEMBER_KEY);
  changetype<Sorted>(sorted).level = 1;
  return sorted;
}

/** What stands before the first member: its links end where the set's own bytes do. */
function headOf(sorted: usize): usize {
  return sorted + SORTED_BYTES;
}

/** Where the link of a member, or of the head, is on a level. */
function linkOf(member: usize, level: u32): usize {
  return member - (level + 1) * LINK_BYTES;
}

/** The member that a link leads to; 0: there is none. */
function nextBy(link: usize): usize {
  return load<u32>(link);
}

/** How many members on that is. */
function spanOf(link: usize): u32 {
  return load<u32>(link, 4);
}

function setLink(link: usize, next: usize, span: u32): void {
  store<u32>(link, <u32>next);
  store<u32>(link, span, 4);
}

/** The table of its members. */
export function membersOf(sorted: usize): usize {
  return sorted + WASTE_BYTES;
}

/** How many members it has. */
export function sortedCount(sorted: usize): u32 {
  return changetype<Sorted>(sorted).count;
}

/** The member of a name; 0: there is none. */
export function findMember(sorted: usize, from: usize, length: u32): usize {
  return tableFind(membersOf(sorted), from, length);
}

/** A member's score. */
export function scoreOf(member: usize): f64 {
  return changetype<Member>(member).score;
}

/** Where a member's bytes are, and how many (`itemKeyLength`). */
export function memberAt(member: usize): usize {
  return member + MEMBER_KEY;
}

/** The first or the last member; 0: there is none. */
export function sortedEnd(sorted: usize, isLast: bool): usize {
  return isLast ? <usize>changetype<Sorted>(sorted).last : nextBy(linkOf(headOf(sorted), 0));
}

/** The next member, or the one before; 0: there is none. */
export function sortedStep(member: usize, isBack: bool): usize {
  return isBack ? <usize>changetype<Member>(member).before : nextBy(linkOf(member, 0));
}

/** Compares two ranges of bytes; a longer one is after its beginning. */
export function compareBytes(one: usize, oneLength: u32, other: usize, otherLength: u32): i32 {
  const both = oneLength < otherLength ? oneLength : otherLength;
  const order = memory.compare(one, other, both);
  if (order !== 0) return order;
  return oneLength === otherLength ? 0 : oneLength < otherLength ? -1 : 1;
}

/** Whether a member is before a score and a name. */
function isBefore(member: usize, score: f64, from: usize, length: u32): bool {
  const has = changetype<Member>(member).score;
  if (has !== score) return has < score;
  return compareBytes(member + MEMBER_KEY, itemKeyLength(member), from, length) < 0;
}

/** Finds the way to where a score and a name belong, in `path` and `ranks`. */
function findWay(sorted: usize, score: f64, from: usize, length: u32): void {
  let at = headOf(sorted);
  let rank: u32 = 0;
  for (let level = changetype<Sorted>(sorted).level; level > 0; ) {
    level -= 1;
    while (true) {
      const link = linkOf(at, level);
      const next = nextBy(link);
      if (next === 0 || !isBefore(next, score, from, length)) break;
      rank += spanOf(link);
      at = next;
    }
    store<u32>(path + level * 4, <u32>at);
    store<u32>(ranks + level * 4, rank);
  }
}

/** Adds a member that is not there yet. Returns it; 0: no room. */
export function addMember(sorted: usize, score: f64, from: usize, length: u32): usize {
  const height = heightByChance();
  const object = allocate(height * LINK_BYTES + MEMBER_KEY + length);
  if (object === 0) return 0;
  const member = object + height * LINK_BYTES;
  const made = changetype<Member>(member);
  made.height = height;
  // There is one 0: -0 and 0 is 0.
  made.score = score + 0.0;
  itemSetKey(member, MEMBER_KEY, from, length);
  if (!tableAdd(membersOf(sorted), member, hashOf(from, length))) {
    release(object);
    return 0;
  }
  linkMember(sorted, member);
  return member;
}

/** A quarter of the members of each level is on the next. */
function heightByChance(): u32 {
  const height: u32 = 1 + (<u32>ctz(random64() | ((<u64>1) << 46)) >> 1);
  return height < LEVELS ? height : LEVELS;
}

function linkMember(sorted: usize, member: usize): void {
  const it = changetype<Sorted>(sorted);
  const made = changetype<Member>(member);
  const head = headOf(sorted);
  findWay(sorted, made.score, member + MEMBER_KEY, made.keyLength);
  for (; it.level < made.height; it.level++) {
    store<u32>(path + it.level * 4, <u32>head);
    store<u32>(ranks + it.level * 4, 0);
    setLink(linkOf(head, it.level), 0, it.count);
  }
  const rank = load<u32>(ranks);
  for (let level: u32 = 0; level < it.level; level++) {
    const link = linkOf(load<u32>(path + level * 4), level);
    if (level >= made.height) {
      setLink(link, nextBy(link), spanOf(link) + 1);
      continue;
    }
    const passed = rank - load<u32>(ranks + level * 4);
    setLink(linkOf(member, level), nextBy(link), spanOf(link) - passed);
    setLink(link, member, passed + 1);
  }
  const previous = <usize>load<u32>(path);
  made.before = previous === head ? 0 : <u32>previous;
  const next = nextBy(linkOf(member, 0));
  if (next === 0) it.last = <u32>member;
  else changetype<Member>(next).before = <u32>member;
  it.count += 1;
}

function unlinkMember(sorted: usize, member: usize): void {
  const it = changetype<Sorted>(sorted);
  const gone = changetype<Member>(member);
  findWay(sorted, gone.score, member + MEMBER_KEY, gone.keyLength);
  for (let level: u32 = 0; level < it.level; level++) {
    const link = linkOf(load<u32>(path + level * 4), level);
    if (nextBy(link) !== member) setLink(link, nextBy(link), spanOf(link) - 1);
    else {
      const own = linkOf(member, level);
      setLink(link, nextBy(own), spanOf(link) + spanOf(own) - 1);
    }
  }
  const next = nextBy(linkOf(member, 0));
  if (next === 0) it.last = gone.before;
  else changetype<Member>(next).before = gone.before;
  while (it.level > 1 && nextBy(linkOf(headOf(sorted), it.level - 1)) === 0) it.level -= 1;
  it.count -= 1;
}

/** Takes a member out and gives it back. */
export function removeMember(sorted: usize, member: usize): void {
  unlinkMember(sorted, member);
  tableRemove(membersOf(sorted), member);
  release(member - changetype<Member>(member).height * LINK_BYTES);
}

/** Gives a member another score. Where it stays between its neighbours, that is all. */
export function changeScore(sorted: usize, member: usize, score: f64): void {
  const it = changetype<Member>(member);
  const from = member + MEMBER_KEY;
  const next = nextBy(linkOf(member, 0));
  const stays =
    (it.before === 0 || isBefore(it.before, score, from, it.keyLength)) &&
    (next === 0 || !isBefore(next, score, from, it.keyLength));
  if (!stays) unlinkMember(sorted, member);
  it.score = score + 0.0;
  if (!stays) linkMember(sorted, member);
}

/** The number of members before one. */
export function rankOf(sorted: usize, member: usize): u32 {
  findWay(sorted, scoreOf(member), member + MEMBER_KEY, itemKeyLength(member));
  return load<u32>(ranks);
}

/** The member with so many before it; 0: there is none. */
export function memberOfRank(sorted: usize, rank: u32): usize {
  const it = changetype<Sorted>(sorted);
  if (rank >= it.count) return 0;
  let at = headOf(sorted);
  let passed: u32 = 0;
  for (let level = it.level; level > 0; ) {
    level -= 1;
    while (true) {
      const link = linkOf(at, level);
      const next = nextBy(link);
      if (next === 0 || passed + spanOf(link) > rank + 1) break;
      passed += spanOf(link);
      if (passed === rank + 1) return next;
      at = next;
    }
  }
  return 0;
}

/** Gives back up to so many members. Returns whether none is left. */
export function releaseSome(sorted: usize, most: u32): bool {
  const it = changetype<Sorted>(sorted);
  for (let done: u32 = 0; done < most && it.count > 0; done++) removeMember(sorted, sortedEnd(sorted, false));
  if (it.count > 0) return false;
  // Nothing is in the table any more: it lets go of its buckets.
  tableTakeAny(membersOf(sorted));
  return true;
}
