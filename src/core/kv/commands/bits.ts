// Commands on the bits of strings: SETBIT, GETBIT, BITCOUNT, BITPOS, BITOP. Bit 0 is the highest one of the first byte. Not here: BITFIELD (bitfield.ts).

import { copyBytes } from '../../copy';
import { argument, argumentCount, argumentIs, argumentLength } from '../../resp/arguments';
import { integer, readInteger } from '../../resp/numbers';
import { replyError, replyInteger } from '../../resp/reply';
import { BLOCK_HEAD, dropBlock, makeBlock } from '../block';
import { addCommand, DENYOOM, FAST, READONLY, WRITE } from '../command-table';
import { MAX_BULK } from '../control';
import { entryType, stringAt, stringLength, stringSetBlock, TYPE_STRING } from '../entry';
import { expireNever } from '../expiry';
import { addKey, database, deleteEntry, findForRead, findForWrite, heapOf, keyChanged } from '../keyspace';
import { setting } from '../settings';
import { runBitfield } from './bitfield';
import { integerArgument, isWrongType, noRoom, readEntry, syntaxError, writeEntry, wrongType } from './errors';
import { writableString } from './strings';

/** Adds the commands. @param family what stands before their numbers. */
export function addBitCommands(family: u32): void {
  addCommand('setbit', family, 4, WRITE | DENYOOM, 1, 1, 1);
  addCommand('getbit', family + 1, 3, READONLY | FAST, 1, 1, 1);
  addCommand('bitcount', family + 2, -2, READONLY, 1, 1, 1);
  addCommand('bitpos', family + 3, -3, READONLY, 1, 1, 1);
  addCommand('bitop', family + 4, -4, WRITE | DENYOOM, 2, -1, 1);
  addCommand('bitfield', family + 5, -2, WRITE | DENYOOM, 1, 1, 1);
  addCommand('bitfield_ro', family + 6, -2, READONLY | FAST, 1, 1, 1);
}

/** Runs one of them, by its number in the family. */
export function runBits(number: u32): void {
  switch (number) {
    case 0:
      return set();
    case 1:
      return get();
    case 2:
      return count();
    case 3:
      return position();
    case 4:
      return combine();
    case 5:
      return runBitfield(false);
    default:
      return runBitfield(true);
  }
}

/** Reads the place of a bit into `integer`. Returns false where it is none, which has been replied to. */
function readPlace(index: u32): bool {
  if (readInteger(argument(index), argumentLength(index)) && integer >= 0 && integer >> 3 < <i64>setting(MAX_BULK)) {
    return true;
  }
  replyError('ERR bit offset is not an integer or out of range');
  return false;
}

function set(): void {
  if (!readPlace(2)) return;
  const place = integer;
  if (!readInteger(argument(3), argumentLength(3)) || (integer !== 0 && integer !== 1)) {
    return replyError('ERR bit is not an integer or out of range');
  }
  const bit = <u32>integer;
  const entry = writeEntry(1, TYPE_STRING);
  if (isWrongType) return;
  const byte = <u32>(place >> 3);
  const had: u32 = entry === 0 ? 0 : stringLength(entry);
  const bytes = writableString(entry, byte < had ? had : byte + 1);
  if (bytes === 0) return noRoom();
  const shift = 7 - <u32>(place & 7);
  const old = <u32>load<u8>(bytes + byte);
  store<u8>(bytes + byte, <u8>((old & ~((1 as u32) << shift)) | (bit << shift)));
  // Who watches it is not told of a bit that was so already.
  if (byte >= had || ((old >> shift) & 1) !== bit) keyChanged(argument(1), argumentLength(1));
  replyInteger((old >> shift) & 1);
}

function get(): void {
  if (!readPlace(2)) return;
  const place = integer;
  const entry = readEntry(1, TYPE_STRING);
  if (isWrongType) return;
  const byte = place >> 3;
  if (entry === 0 || byte >= <i64>stringLength(entry)) return replyInteger(0);
  replyInteger((<u32>load<u8>(stringAt(entry) + <usize>byte) >> (7 - <u32>(place & 7))) & 1);
}

/** A range of bits, the last one included; an empty one where the first is behind the last. */
let first: i64 = 0;
let last: i64 = 0;

/** Brings a range that may be counted from the end, in bytes or in bits, within a string of so many bytes. */
function clamp(from: i64, to: i64, length: u32, isBits: bool): void {
  const all = isBits ? (<i64>length) << 3 : <i64>length;
  first = from < 0 ? from + all : from;
  last = to < 0 ? to + all : to;
  if (first < 0) first = 0;
  if (last < 0) last = 0;
  if (last >= all) last = all - 1;
  if (isBits || first > last) return;
  first <<= 3;
  last = (last << 3) | 7;
}

/** Whether the unit that an argument names is bits; replies where it names none. */
function readUnit(index: u32): bool {
  inBits = argumentIs(index, 'bit');
  if (inBits || argumentIs(index, 'byte')) return true;
  syntaxError();
  return false;
}
let inBits: bool = false;

/** How many bits of a range are set: of the bytes at its ends only those that belong to it. */
function countBits(at: usize): u64 {
  let from = at + <usize>(first >> 3);
  const end = at + <usize>(last >> 3);
  let byte = <u32>load<u8>(from) & (0xff >> (<u32>first & 7));
  if (from === end) return <u64>popcnt<u32>(byte & (0xff00 >> ((<u32>last & 7) + 1)));
  let bits = <u64>popcnt<u32>(byte);
  for (from += 1; from + 8 <= end; from += 8) bits += popcnt<u64>(load<u64>(from));
  for (; from < end; from++) bits += <u64>popcnt<u32>(<u32>load<u8>(from));
  byte = <u32>load<u8>(end) & (0xff00 >> ((<u32>last & 7) + 1));
  return bits + <u64>popcnt<u32>(byte);
}

function count(): void {
  const entry = readEntry(1, TYPE_STRING);
  if (isWrongType) return;
  if (entry === 0) return replyInteger(0);
  let from: i64 = 0;
  let to: i64 = -1;
  inBits = false;
  if (argumentCount === 4 || argumentCount === 5) {
    if (!integerArgument(2)) return;
    from = integer;
    if (!integerArgument(3)) return;
    to = integer;
    if (from < 0 && to < 0 && from > to) return replyInteger(0);
    if (argumentCount === 5 && !readUnit(4)) return;
  } else if (argumentCount !== 2) return syntaxError();
  clamp(from, to, stringLength(entry), inBits);
  replyInteger(first > last ? 0 : <i64>countBits(stringAt(entry)));
}

/** The first bit of a range that is 0 or 1; -1: there is none. */
function findBit(at: usize, bit: u32): i64 {
  const skipped: u64 = bit === 1 ? 0 : 0xffff_ffff_ffff_ffff;
  let place = first;
  while (place <= last) {
    // Eight bytes at once that have none.
    if ((place & 7) === 0 && place + 64 <= last && load<u64>(at + <usize>(place >> 3)) === skipped) place += 64;
    else if (((<u32>load<u8>(at + <usize>(place >> 3)) >> (7 - (<u32>place & 7))) & 1) === bit) return place;
    else place += 1;
  }
  return -1;
}

function position(): void {
  if (!integerArgument(2)) return;
  if (integer !== 0 && integer !== 1) return replyError('ERR The bit argument must be 1 or 0.');
  const bit = <u32>integer;
  const entry = readEntry(1, TYPE_STRING);
  if (isWrongType) return;
  if (entry === 0) return replyInteger(bit === 1 ? -1 : 0);
  const length = stringLength(entry);
  let from: i64 = 0;
  let to: i64 = -1;
  inBits = false;
  if (argumentCount > 6) return syntaxError();
  if (argumentCount > 3) {
    if (!integerArgument(3)) return;
    from = integer;
    if (argumentCount === 6 && !readUnit(5)) return;
    if (argumentCount > 4) {
      if (!integerArgument(4)) return;
      to = integer;
    }
  }
  clamp(from, to, length, inBits);
  if (first > last) return replyInteger(-1);
  const found = findBit(stringAt(entry), bit);
  // Behind a string whose end was not named are zeros without end.
  replyInteger(found < 0 && bit === 0 && argumentCount < 5 ? (<i64>length) << 3 : found);
}

const AND: u32 = 0;
const OR: u32 = 1;
const XOR: u32 = 2;
const NOT: u32 = 3;

function combine(): void {
  let operation: u32 = NOT;
  if (argumentIs(1, 'and')) operation = AND;
  else if (argumentIs(1, 'or')) operation = OR;
  else if (argumentIs(1, 'xor')) operation = XOR;
  else if (!argumentIs(1, 'not')) return syntaxError();
  if (operation === NOT && argumentCount !== 4) {
    return replyError('ERR BITOP NOT must be called with a single source key.');
  }
  let length: u32 = 0;
  for (let index: u32 = 3; index < argumentCount; index++) {
    const entry = findForRead(argument(index), argumentLength(index));
    if (entry === 0) continue;
    if (entryType(entry) !== TYPE_STRING) return wrongType();
    if (stringLength(entry) > length) length = stringLength(entry);
  }
  if (length === 0) {
    const old = findForWrite(argument(2), argumentLength(2));
    if (old !== 0) deleteEntry(database, old);
    return replyInteger(0);
  }
  const block = makeBlock(length);
  if (block === 0) return noRoom();
  for (let index: u32 = 3; index < argumentCount; index++) addOne(block + BLOCK_HEAD, length, index, operation);
  keep(block, length);
}

/** Combines what is there with the string of one more key, behind whose end are zeros. */
function addOne(to: usize, length: u32, index: u32, operation: u32): void {
  const entry = findForRead(argument(index), argumentLength(index));
  const has: u32 = entry === 0 ? 0 : stringLength(entry);
  const from: usize = entry === 0 ? 0 : stringAt(entry);
  if (index === 3) {
    if (has > 0) copyBytes(to, from, has);
    memory.fill(to + has, 0, length - has);
    if (operation === NOT) for (let at: u32 = 0; at < length; at++) store<u8>(to + at, ~load<u8>(to + at));
    return;
  }
  let at: u32 = 0;
  for (; at + 8 <= has; at += 8) {
    const one = load<u64>(to + at);
    const other = load<u64>(from + at);
    store<u64>(to + at, operation === AND ? one & other : operation === OR ? one | other : one ^ other);
  }
  for (; at < has; at++) {
    const one = load<u8>(to + at);
    const other = load<u8>(from + at);
    store<u8>(to + at, operation === AND ? one & other : operation === OR ? one | other : one ^ other);
  }
  if (operation === AND) memory.fill(to + has, 0, length - has);
}

/** Makes the result the value of the key in the second argument. */
function keep(block: usize, length: u32): void {
  let entry = findForWrite(argument(2), argumentLength(2));
  if (entry !== 0) expireNever(heapOf(database), entry);
  else entry = addKey(argument(2), argumentLength(2), TYPE_STRING, 0);
  if (entry !== 0) {
    stringSetBlock(entry, block, length);
    keyChanged(argument(2), argumentLength(2));
    replyInteger(length);
  } else noRoom();
  dropBlock(block);
}
