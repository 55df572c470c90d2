// KEYS, SCAN and what the scans of collections share: cursor, MATCH, COUNT, TYPE.

import { argument, argumentCount, argumentIs, argumentLength } from '../../resp/arguments';
import { integer } from '../../resp/numbers';
import { replyArray, replyBulk, replyError, replyNumberText } from '../../resp/reply';
import { addCommand, READONLY } from '../command-table';
import { entryKey, entryKeyLength, entryType } from '../entry';
import { database, hasExpired, keysOf } from '../keyspace';
import { matchesPattern } from '../pattern';
import { allocate, release } from '../slabs';
import { tableCount } from '../table';
import { scanned, scanStep, walkBegin, walkEnd, walkNext } from '../table-walk';
import { integerArgument, noRoom, syntaxError } from './errors';

/** Addresses of items that a scan found. */
const found = memory.data(16_384, 8);
const FOUND_MOST: u32 = 4096;
/** A scan returns at most so many items, unless one bucket has more. */
const COUNT_MOST: i64 = 2048;

/** What was asked for. */
let cursor: u32 = 0;
let wanted: u32 = 0;
let pattern: usize = 0;
let patternLength: u32 = 0;
let typeWanted: u32 = 0;
const ANY_TYPE: u32 = 255;
const NO_TYPE: u32 = 254;

/** Adds the commands. @param family what stands before their numbers. */
export function addScanCommands(family: u32): void {
  addCommand('keys', family, 2, READONLY, 0, 0, 0);
  addCommand('scan', family + 1, -2, READONLY, 0, 0, 0);
}

/** Runs one of them, by its number in the family. */
export function runScan(number: u32): void {
  if (number === 0) return keys();
  if (!readScanCursor(1) || !readScanWords(1, true)) return;
  const next = scanTable(keysOf(database));
  let kept: u32 = 0;
  for (let index: u32 = 0; index < scannedItems; index++) {
    const entry = <usize>load<u32>(found + index * 4);
    if (!fits(entryKey(entry), entryKeyLength(entry)) || hasExpired(database, entry)) continue;
    if (typeWanted !== ANY_TYPE && entryType(entry) !== typeWanted) continue;
    store<u32>(found + kept * 4, <u32>entry);
    kept += 1;
  }
  replyArray(2);
  replyNumberText(next);
  replyArray(kept);
  for (let index: u32 = 0; index < kept; index++) {
    const entry = <usize>load<u32>(found + index * 4);
    replyBulk(entryKey(entry), entryKeyLength(entry));
  }
}

/** How many items the last scan found. */
export let scannedItems: u32 = 0;

/** An item that the last scan found. */
export function scannedItem(index: u32): usize {
  return load<u32>(found + index * 4);
}

/** Scans a table from the cursor on until it has as many items as were asked for. Returns the next cursor. */
export function scanTable(table: usize): u32 {
  let at = cursor;
  scannedItems = 0;
  // As many buckets at most as Redis looks at: ten times the count.
  let buckets = wanted * 10;
  do {
    at = scanStep(table, at, found + scannedItems * 4, FOUND_MOST - scannedItems);
    scannedItems += scanned;
    buckets -= 1;
  } while (at !== 0 && buckets > 0 && scannedItems < wanted);
  return at;
}

/** Whether a text matches what was asked for. */
export function fits(text: usize, length: u32): bool {
  return pattern === 0 || matchesPattern(pattern, patternLength, text, length);
}

function readType(index: u32): u32 {
  if (argumentIs(index, 'string')) return 0;
  if (argumentIs(index, 'list')) return 1;
  if (argumentIs(index, 'set')) return 2;
  if (argumentIs(index, 'zset')) return 3;
  return argumentIs(index, 'hash') ? 4 : NO_TYPE;
}

/** Reads a cursor: a number of 64 bits, with a sign and zeros in front if need be; of no digits it is 0. Returns false where it is none, which has been replied to. */
export function readScanCursor(first: u32): bool {
  const length = argumentLength(first);
  const at = argument(first);
  const sign: u32 = length > 1 ? <u32>load<u8>(at) : 0;
  let value: u64 = 0;
  for (let index: u32 = sign === 0x2b || sign === 0x2d ? 1 : 0; index < length; index++) {
    const digit = <u64>load<u8>(at + index) - 0x30;
    if (digit > 9 || value > (0xffff_ffff_ffff_ffff - digit) / 10) {
      replyError('ERR invalid cursor');
      return false;
    }
    value = value * 10 + digit;
  }
  cursor = <u32>(sign === 0x2d ? 0 - value : value);
  return true;
}

/** Reads the words behind a cursor. Returns false where they are wrong, which has been replied to. */
export function readScanWords(first: u32, hasType: bool): bool {
  pattern = 0;
  wanted = 10;
  typeWanted = ANY_TYPE;
  for (let index = first + 1; index < argumentCount; index += 2) {
    if (index + 1 === argumentCount) {
      syntaxError();
      return false;
    }
    if (argumentIs(index, 'match')) {
      pattern = argument(index + 1);
      patternLength = argumentLength(index + 1);
    } else if (argumentIs(index, 'count')) {
      if (!integerArgument(index + 1)) return false;
      if (integer < 1) {
        syntaxError();
        return false;
      }
      wanted = <u32>(integer > COUNT_MOST ? COUNT_MOST : integer);
    } else if (hasType && argumentIs(index, 'type')) typeWanted = readType(index + 1);
    else {
      syntaxError();
      return false;
    }
  }
  return true;
}

const walk = memory.data(16, 8);

function keys(): void {
  pattern = argument(1);
  patternLength = argumentLength(1);
  const table = keysOf(database);
  // The reply begins with how many there are: they are looked for first, and remembered.
  const list = allocate(tableCount(table) * 4 + 4);
  if (list === 0) return noRoom();
  let matching: u32 = 0;
  walkBegin(walk, table);
  for (let entry = walkNext(walk); entry !== 0; entry = walkNext(walk)) {
    if (!fits(entryKey(entry), entryKeyLength(entry)) || hasExpired(database, entry)) continue;
    store<u32>(list + matching * 4, <u32>entry);
    matching += 1;
  }
  walkEnd(walk);
  replyArray(matching);
  for (let index: u32 = 0; index < matching; index++) {
    const entry = <usize>load<u32>(list + index * 4);
    replyBulk(entryKey(entry), entryKeyLength(entry));
  }
  release(list);
}
