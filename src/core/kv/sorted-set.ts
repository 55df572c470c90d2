// Sorted sets: members in a table, to be found by name, and in a skip list by score and then by bytes, whose links know how many members they pass, so that a
// rank is found as fast as a score (William Pugh 1990; the spans are as Redis has them).

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
  /** Its links: for each level the next member, and how many members on that is. */
  tower: u32;
}
const MEMBER_KEY: u32 = 32;
const LEVELS: u32 = 24;

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
  /** The links of the head. */
  tower: u32;
}
const SORTED_BYTES: u32 = 48;

/** On the way to a place: the last tower before it on each level, and its rank. */
const path = memory.data(96, 8);
const ranks = memory.data(96, 8);

/** Makes an empty set; 0: no room. */
export function makeSorted(): usize {
  const sorted = allocate(SORTED_BYTES);
  if (sorted === 0) return 0;
  const tower = allocate(LEVELS * 8);
  if (tower === 0) {
    release(sorted);
    return 0;
  }
  memory.fill(sorted, 0, SORTED_BYTES);
  memory.fill(tower, 0, LEVELS * 8);
  if (TABLE_BYTES > 20) unreachable();
  tableBegin(sorted + WASTE_BYTES, MEMBER_KEY);
  changetype<Sorted>(sorted).tower = <u32>tower;
  changetype<Sorted>(sorted).level = 1;
  return sorted;
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
  return isLast ? changetype<Sorted>(sorted).last : load<u32>(changetype<Sorted>(sorted).tower);
}

/** The next member, or the one before; 0: there is none. */
export function sortedStep(member: usize, isBack: bool): usize {
  return isBack ? changetype<Member>(member).before : load<u32>(changetype<Member>(member).tower);
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
  const it = changetype<Sorted>(sorted);
  let tower: usize = it.tower;
  let rank: u32 = 0;
  for (let level = <i32>it.level - 1; level >= 0; level--) {
    while (true) {
      const next = <usize>load<u32>(tower + level * 8);
      if (next === 0 || !isBefore(next, score, from, length)) break;
      rank += load<u32>(tower + level * 8, 4);
      tower = changetype<Member>(next).tower;
    }
    store<u32>(path + level * 4, <u32>tower);
    store<u32>(ranks + level * 4, rank);
  }
}

/** The member before the place that `findWay` found: that to whom a tower belongs, 0 for the head. */
function ownerOf(sorted: usize, tower: u32, rank: u32): usize {
  if (tower === changetype<Sorted>(sorted).tower) return 0;
  return memberOfRank(sorted, rank - 1);
}

/** Adds a member that is not there yet. Returns it; 0: no room. */
export function addMember(sorted: usize, score: f64, from: usize, length: u32): usize {
  const member = allocate(MEMBER_KEY + length);
  if (member === 0) return 0;
  const height = heightByChance();
  const tower = allocate(height * 8);
  if (tower === 0) {
    release(member);
    return 0;
  }
  const made = changetype<Member>(member);
  made.height = height;
  made.score = score;
  made.tower = <u32>tower;
  itemSetKey(member, MEMBER_KEY, from, length);
  if (!tableAdd(membersOf(sorted), member, hashOf(from, length))) {
    release(tower);
    release(member);
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
  findWay(sorted, made.score, member + MEMBER_KEY, made.keyLength);
  for (; it.level < made.height; it.level++) {
    store<u32>(path + it.level * 4, it.tower);
    store<u32>(ranks + it.level * 4, 0);
    store<u32>(it.tower + it.level * 8, 0);
    store<u32>(it.tower + it.level * 8, it.count, 4);
  }
  const rank = load<u32>(ranks);
  const previous = ownerOf(sorted, load<u32>(path), rank);
  for (let level: u32 = 0; level < it.level; level++) {
    const tower = <usize>load<u32>(path + level * 4) + level * 8;
    if (level >= made.height) {
      store<u32>(tower, load<u32>(tower, 4) + 1, 4);
      continue;
    }
    const passed = rank - load<u32>(ranks + level * 4);
    store<u32>(made.tower + level * 8, load<u32>(tower));
    store<u32>(made.tower + level * 8, load<u32>(tower, 4) - passed, 4);
    store<u32>(tower, <u32>member);
    store<u32>(tower, passed + 1, 4);
  }
  made.before = <u32>previous;
  const next = <usize>load<u32>(made.tower);
  if (next === 0) it.last = <u32>member;
  else changetype<Member>(next).before = <u32>member;
  it.count += 1;
}

function unlinkMember(sorted: usize, member: usize): void {
  const it = changetype<Sorted>(sorted);
  const gone = changetype<Member>(member);
  findWay(sorted, gone.score, member + MEMBER_KEY, gone.keyLength);
  for (let level: u32 = 0; level < it.level; level++) {
    const tower = <usize>load<u32>(path + level * 4) + level * 8;
    if (load<u32>(tower) !== <u32>member) {
      store<u32>(tower, load<u32>(tower, 4) - 1, 4);
      continue;
    }
    store<u32>(tower, load<u32>(gone.tower + level * 8));
    store<u32>(tower, load<u32>(tower, 4) + load<u32>(gone.tower + level * 8, 4) - 1, 4);
  }
  const next = <usize>load<u32>(gone.tower);
  if (next === 0) it.last = gone.before;
  else changetype<Member>(next).before = gone.before;
  while (it.level > 1 && load<u32>(it.tower + (it.level - 1) * 8) === 0) it.level -= 1;
  it.count -= 1;
}

/** Takes a member out and gives it back. */
export function removeMember(sorted: usize, member: usize): void {
  unlinkMember(sorted, member);
  tableRemove(membersOf(sorted), member);
  release(changetype<Member>(member).tower);
  release(member);
}

/** Gives a member another score. */
export function changeScore(sorted: usize, member: usize, score: f64): void {
  unlinkMember(sorted, member);
  changetype<Member>(member).score = score;
  linkMember(sorted, member);
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
  let tower: usize = it.tower;
  let passed: u32 = 0;
  for (let level = <i32>it.level - 1; level >= 0; level--) {
    while (true) {
      const next = <usize>load<u32>(tower + level * 8);
      const span = load<u32>(tower + level * 8, 4);
      if (next === 0 || passed + span > rank + 1) break;
      passed += span;
      if (passed === rank + 1) return next;
      tower = changetype<Member>(next).tower;
    }
  }
  return 0;
}

/** Gives back up to so many members. Returns whether none is left: then the head's links are gone, too. */
export function releaseSome(sorted: usize, most: u32): bool {
  const it = changetype<Sorted>(sorted);
  for (let done: u32 = 0; done < most && it.count > 0; done++) {
    const member = <usize>load<u32>(it.tower);
    removeMember(sorted, member);
  }
  if (it.count > 0) return false;
  // Nothing is in the table any more: it lets go of its buckets.
  tableTakeAny(membersOf(sorted));
  release(it.tower);
  return true;
}
