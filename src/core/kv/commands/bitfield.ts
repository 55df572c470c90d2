// BITFIELD and BITFIELD_RO: numbers of 1 to 64 bits anywhere in a string.

import { argument, argumentCount, argumentIs, argumentLength } from '../../resp/arguments';
import { integer, readInteger } from '../../resp/numbers';
import { replyArray, replyError, replyInteger, replyNull } from '../../resp/reply';
import { MAX_BULK } from '../control';
import { stringAt, stringLength, TYPE_STRING } from '../entry';
import { keyChanged } from '../keyspace';
import { setting } from '../settings';
import { integerArgument, isWrongType, noRoom, readEntry, syntaxError, writeEntry } from './errors';
import { writableString } from './strings';

const WRAP: u32 = 0;
const SATURATE: u32 = 1;
const FAIL: u32 = 2;

const GET: u32 = 0;
const SET: u32 = 1;
const INCREMENT: u32 = 2;

/** One operation, as `readOperation` read it. */
let operation: u32 = 0;
let isSigned: bool = false;
let bits: u32 = 0;
let place: i64 = 0;
let value: i64 = 0;
let overflow: u32 = WRAP;

/** Reads i8, u16 and so on. Returns false where it is none, which has been replied to. */
function readType(index: u32): bool {
  const letter: u32 = argumentLength(index) > 1 ? <u32>load<u8>(argument(index)) : 0;
  isSigned = letter === 0x69;
  const most: i64 = isSigned ? 64 : 63;
  if (
    (isSigned || letter === 0x75) &&
    readInteger(argument(index) + 1, argumentLength(index) - 1) &&
    integer >= 1 &&
    integer <= most
  ) {
    bits = <u32>integer;
    return true;
  }
  replyError('ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.');
  return false;
}

/** Reads where a number begins: a bit, or behind a # how many of its size are before it. */
function readPlace(index: u32): bool {
  const counts = argumentLength(index) > 1 && load<u8>(argument(index)) === 0x23;
  const skip: u32 = counts ? 1 : 0;
  if (readInteger(argument(index) + skip, argumentLength(index) - skip) && integer >= 0 && integer < (<i64>1) << 40) {
    place = counts ? integer * <i64>bits : integer;
    if (place >> 3 < <i64>setting(MAX_BULK)) return true;
  }
  replyError('ERR bit offset is not an integer or out of range');
  return false;
}

/** Reads the operation that begins at an argument; `overflow` stays what OVERFLOW said last. Returns the argument behind it; 0: it is wrong, and replied to. */
function readOperation(index: u32): u32 {
  const left = argumentCount - index - 1;
  if (left >= 1 && argumentIs(index, 'overflow')) return readOverflow(index + 1);
  if (left >= 2 && argumentIs(index, 'get')) operation = GET;
  else if (left >= 3 && argumentIs(index, 'set')) operation = SET;
  else if (left >= 3 && argumentIs(index, 'incrby')) operation = INCREMENT;
  else {
    syntaxError();
    return 0;
  }
  if (!readType(index + 1) || !readPlace(index + 2)) return 0;
  if (operation === GET) return index + 3;
  if (!integerArgument(index + 3)) return 0;
  value = integer;
  return index + 4;
}

function readOverflow(index: u32): u32 {
  operation = NONE;
  if (argumentIs(index, 'wrap')) overflow = WRAP;
  else if (argumentIs(index, 'sat')) overflow = SATURATE;
  else if (argumentIs(index, 'fail')) overflow = FAIL;
  else {
    replyError('ERR Invalid OVERFLOW type specified');
    return 0;
  }
  return index + 1;
}
const NONE: u32 = 3;

/** Runs the command. @param onlyReads it is BITFIELD_RO */
export function runBitfield(onlyReads: bool): void {
  let writes = false;
  let operations: u32 = 0;
  /** Bytes that the string must have for what is written. */
  let needed: u32 = 0;
  overflow = WRAP;
  for (let index: u32 = 2; index < argumentCount; ) {
    index = readOperation(index);
    if (index === 0) return;
    if (operation === NONE) continue;
    operations += 1;
    if (operation === GET) continue;
    writes = true;
    const end = <u32>((place + <i64>bits - 1) >> 3) + 1;
    if (end > needed) needed = end;
  }
  if (writes && onlyReads) return replyError('ERR BITFIELD_RO only supports the GET subcommand');
  const entry = writes ? writeEntry(1, TYPE_STRING) : readEntry(1, TYPE_STRING);
  if (isWrongType) return;
  let at: usize = entry === 0 ? 0 : stringAt(entry);
  let length: u32 = entry === 0 ? 0 : stringLength(entry);
  hasChanged = needed > length;
  if (writes) {
    if (needed > length) length = needed;
    at = writableString(entry, length);
    if (at === 0) return noRoom();
  }
  overflow = WRAP;
  replyArray(operations);
  for (let index: u32 = 2; index < argumentCount; ) {
    index = readOperation(index);
    if (operation !== NONE) runOperation(at, length);
  }
  if (hasChanged) keyChanged(argument(1), argumentLength(1));
}
/** Whether anything was written, or the string became longer. */
let hasChanged: bool = false;

function runOperation(at: usize, length: u32): void {
  const old = getBits(at, length);
  if (operation === GET) return replyInteger(old);
  const isSet = operation === SET;
  // SET is checked as if nothing were added to the new value.
  const start = isSet ? value : old;
  const added: i64 = isSet ? 0 : value;
  const isOver = isSigned ? signedOver(start, added) : unsignedOver(<u64>start, added);
  if (isOver && overflow === FAIL) return replyNull();
  const now = isOver ? limit : start + added;
  putBits(at, <u64>now);
  if (now !== old) hasChanged = true;
  replyInteger(isSet ? old : now);
}

/** The number at the place; behind the end of the string are zeros. */
function getBits(at: usize, length: u32): i64 {
  let number: u64 = 0;
  for (let index: u32 = 0; index < bits; index++) {
    const bit = place + <i64>index;
    const byte = bit >> 3;
    const set: u64 = byte < <i64>length ? <u64>((<u32>load<u8>(at + <usize>byte) >> (7 - (<u32>bit & 7))) & 1) : 0;
    number = (number << 1) | set;
  }
  if (isSigned && bits < 64 && number >> (<u64>bits - 1) !== 0) number |= 0xffff_ffff_ffff_ffff << (<u64>bits);
  return <i64>number;
}

function putBits(at: usize, number: u64): void {
  for (let index: u32 = 0; index < bits; index++) {
    const bit = place + <i64>index;
    const byte = at + <usize>(bit >> 3);
    const shift = 7 - (<u32>bit & 7);
    const set = <u32>((number >> <u64>(bits - 1 - index)) & 1);
    store<u8>(byte, <u8>((<u32>load<u8>(byte) & ~((1 as u32) << shift)) | (set << shift)));
  }
}

/** What a number becomes that does not fit. */
let limit: i64 = 0;

function unsignedOver(start: u64, added: i64): bool {
  const most: u64 = ((<u64>1) << (<u64>bits)) - 1;
  const isAbove = start > most || (added > 0 && <u64>added > most - start);
  const isBelow = added < 0 && 0 - <u64>added > start;
  if (!isAbove && !isBelow) return false;
  limit = overflow === SATURATE ? (isAbove ? <i64>most : 0) : <i64>((start + <u64>added) & most);
  return true;
}

function signedOver(start: i64, added: i64): bool {
  const most: i64 = bits === 64 ? 0x7fff_ffff_ffff_ffff : ((<i64>1) << (<i64>bits - 1)) - 1;
  const least = -most - 1;
  // Both may wrap where a number has 64 bits: then the sign of the number says which of them counts.
  const room = most - start;
  const depth = least - start;
  const isAbove = start > most || (added > room && (bits !== 64 || (start >= 0 && added > 0)));
  const isBelow = start < least || (added < depth && (bits !== 64 || (start < 0 && added < 0)));
  if (!isAbove && !isBelow) return false;
  if (overflow === SATURATE) limit = isAbove ? most : least;
  else {
    const shift = 64 - <i64>bits;
    limit = ((start + added) << shift) >> shift;
  }
  return true;
}
