// Times to expire as arguments: EX, PX, EXAT, PXAT behind a value, and the numbers of SETEX and EXPIRE.

import { argument, argumentCount, argumentIs, argumentLength } from '../../resp/arguments';
import { integer, readInteger } from '../../resp/numbers';
import { beginError, endLine, writeText } from '../../resp/reply';
import { wallMs } from '../time';
import { notInteger, syntaxError } from './errors';

/** The time that was read: milliseconds since 1970; 0: none. */
export let deadline: u64 = 0;

/** The argument with the word that was noted; 0: none. */
export let wordAt: u32 = 0;

/** No time was read, and no word was noted. */
export function forgetExpiry(): void {
  deadline = 0;
  wordAt = 0;
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
  if (integer > most / unit || integer < (-most - 1) / unit) return false;
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

/** Notes the argument with EX, PX, EXAT or PXAT that a number follows; once more the same is allowed. Returns false where that is wrong, which has been replied to. */
export function noteExpiry(index: u32): bool {
  const isSeconds = argumentIs(index, 'ex') || argumentIs(index, 'exat');
  const isAbsolute = argumentIs(index, 'pxat') || argumentIs(index, 'exat');
  const isOther = wordAt !== 0 && (isSeconds !== inSeconds || isAbsolute !== fromEpoch);
  if ((!isSeconds && !isAbsolute && !argumentIs(index, 'px')) || isOther || index + 1 === argumentCount) {
    syntaxError();
    return false;
  }
  wordAt = index;
  inSeconds = isSeconds;
  fromEpoch = isAbsolute;
  return true;
}
let inSeconds: bool = false;
let fromEpoch: bool = false;

/** Reads the number that was noted, if there is one, after all words. Returns false where it is no time, which has been replied to. */
export function readExpiry(name: string): bool {
  if (wordAt === 0) return true;
  if (!readInteger(argument(wordAt + 1), argumentLength(wordAt + 1))) {
    notInteger();
    return false;
  }
  return take(inSeconds ? 1000 : 1, fromEpoch, name);
}

/** Makes the number that was read seconds or milliseconds from now on. */
export function expiryTimeFrom(unit: i64, name: string): bool {
  return take(unit, false, name);
}
