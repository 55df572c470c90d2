// Errors that many commands give, in the words that clients look for, and arguments that many commands read.

import { argument, argumentLength } from '../../resp/arguments';
import { integer, readInteger } from '../../resp/numbers';
import { beginError, endLine, replyError, writeText } from '../../resp/reply';
import { REFUSED_FOR_MEMORY } from '../control';
import { entryType } from '../entry';
import { findForRead, findForWrite } from '../keyspace';
import { count } from '../settings';

/** The key has a value of another type. */
export function wrongType(): void {
  replyError('WRONGTYPE Operation against a key holding the wrong kind of value');
}

/** Words that do not fit together. */
export function syntaxError(): void {
  replyError('ERR syntax error');
}

/** What should be a number is none, or too large. */
export function notInteger(): void {
  replyError('ERR value is not an integer or out of range');
}

/** There is no room for what was to be stored. */
export function noRoom(): void {
  count(REFUSED_FOR_MEMORY, 1);
  replyError("OOM command not allowed when used memory > 'maxmemory'.");
}

/** A value would become longer than any may be. */
export function tooLong(): void {
  replyError('ERR string exceeds maximum allowed size (proto-max-bulk-len)');
}

/** There are not so many arguments of a command, whose name is constant. */
export function wrongArity(name: string): void {
  beginError("ERR wrong number of arguments for '");
  writeText(name);
  writeText("' command");
  endLine();
}

/** Reads an argument as an integer, into `integer`; replies with the usual error where it is none. */
export function integerArgument(index: u32): bool {
  if (readInteger(argument(index), argumentLength(index))) return true;
  notInteger();
  return false;
}

/** Reads a count of what is to be taken, into `integer`: anything but an integer from 0 on is replied to. */
export function countArgument(index: u32): bool {
  if (readInteger(argument(index), argumentLength(index)) && integer >= 0) return true;
  replyError('ERR value is out of range, must be positive');
  return false;
}

/** Whether the last look-up found a key of another type than it was for; it has then been replied to. */
export let isWrongType: bool = false;

/** The entry of the key in an argument, for reading; 0: none, or of a wrong type, which has been replied to (`isWrongType`). */
export function readEntry(index: u32, type: u32): usize {
  const entry = findForRead(argument(index), argumentLength(index));
  return checked(entry, type);
}

/** The same for writing. */
export function writeEntry(index: u32, type: u32): usize {
  const entry = findForWrite(argument(index), argumentLength(index));
  return checked(entry, type);
}

function checked(entry: usize, type: u32): usize {
  isWrongType = entry !== 0 && entryType(entry) !== type;
  if (!isWrongType) return entry;
  wrongType();
  return 0;
}
