// Times to expire as arguments: EX, PX, EXAT, PXAT behind a value, and the numbers of SETEX and EXPIRE.

import { argument, argumentCount, argumentIs, argumentLength } from '../../resp/arguments';
import { integer, readInteger } from '../../resp/numbers';
import { beginError, endLine, writeText } from '../../resp/reply';
import { wallMs } from '../time';
import { notInteger, syntaxError } from './errors';

/** The time that was read: milliseconds since 1970; 0: none. */
export let deadline: u64 = 0;

/** Sets the time, 0 before any is read. */
export function expiryTime(at: u64): void {
  deadline = at;
}

function invalid(name: string): bool {
  beginError("ERR invalid expire time in '");
  writeText(name);
  writeText("' command");
  endLine();
  return false;
}

/**
 * Makes the number that `readInteger` read a time to expire. @param unit milliseconds of one. @param isAbsolute since 1970, else from now on.
 * Returns false where it is none in the future's reach, which has been replied to.
 */
function take(unit: i64, isAbsolute: bool, name: string): bool {
  if (integer <= 0) return invalid(name);
  return toDeadline(unit, isAbsolute) || invalid(name);
}

/** The same for numbers of any sign; false: it is out of reach. Times before 1970 become 1. */
export function toDeadline(unit: i64, isAbsolute: bool): bool {
  const most: i64 = 0x7fff_ffff_ffff_ffff;
  if (integer > most / unit || integer < -most / unit) return false;
  const ms = integer * unit;
  if (isAbsolute) {
    deadline = ms > 0 ? <u64>ms : 1;
    return true;
  }
  if (ms > most - <i64>wallMs) return false;
  const at = ms + <i64>wallMs;
  deadline = at > 0 ? <u64>at : 1;
  return true;
}

/** Reads EX, PX, EXAT or PXAT and its number, unless a time was read before. Returns false where that is wrong, which has been replied to. */
export function readExpiry(index: u32, name: string): bool {
  const isSeconds = argumentIs(index, 'ex');
  const isAbsoluteSeconds = argumentIs(index, 'exat');
  const isAbsolute = isAbsoluteSeconds || argumentIs(index, 'pxat');
  if ((!isSeconds && !isAbsolute && !argumentIs(index, 'px')) || deadline !== 0 || index + 1 === argumentCount) {
    syntaxError();
    return false;
  }
  if (!readInteger(argument(index + 1), argumentLength(index + 1))) {
    notInteger();
    return false;
  }
  return take(isSeconds || isAbsoluteSeconds ? 1000 : 1, isAbsolute, name);
}

/** Makes the number that was read seconds or milliseconds from now on. */
export function expiryTimeFrom(unit: i64, name: string): bool {
  return take(unit, false, name);
}
