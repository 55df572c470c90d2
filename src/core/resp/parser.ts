// RESP, the form of commands: `*2\r\n$3\r\nGET\r\n$1\r\nk\r\n`, or a line of words. Strict: what is not exactly that ends the connection. It looks at
// bytes where they lie, and remembers nothing: what is incomplete is parsed from its beginning when enough more has come (query.ts).

import { take } from '../arena';
import { MAX_ARGUMENTS, MAX_BULK } from '../kv/control';
import { setting } from '../kv/settings';
import { addArgument, argumentCount, clearArguments } from './arguments';

/** What `parseCommand` found. */
export const PARSED: u32 = 0;
/** A command of no words: to be passed over. */
const PARSED_NOTHING: u32 = 1;
export const INCOMPLETE: u32 = 2;
/** Errors of the protocol; texts in kv/feed.ts. */
export const BAD_COUNT: u32 = 3;
export const BAD_LENGTH: u32 = 4;
export const BAD_TYPE: u32 = 5;
export const BAD_END: u32 = 6;
export const BAD_QUOTES: u32 = 7;
export const TOO_LONG_LINE: u32 = 8;
export const UNKNOWN_COUNT: u32 = 9;
export const UNKNOWN_LENGTH: u32 = 10;

/** A line of words is at most so long. */
export const INLINE_MOST: u32 = 16_384;
/** An argument of so many bytes or more that is not there as a whole goes into a block of its own. */
const LONG_ARGUMENT: u32 = 16_384;

/** Where the command ends. */
export let parsedEnd: usize = 0;
/** Of an incomplete command: at least so many bytes from its beginning are needed. */
export let neededBytes: u32 = 0;
/** Of an incomplete command whose last argument is long: where that argument begins, its length; 0: it is not so. */
export let longAt: usize = 0;
export let longLength: u32 = 0;
/** The byte that stood where a type should. */
export let badByte: u32 = 0;

/** Clients that have not said who they are may send little. */
let isUnknown: bool = false;
const UNKNOWN_ARGUMENTS: i64 = 10;
const UNKNOWN_BULK: i64 = 16_384;

/** Long arguments that were received already (query.ts): places in the command, pairs of address and block; 0 ends them. */
let gaps: usize = 0;

/** The number of a line, and where the next line begins. */
let lineNumber: i64 = 0;
let lineEnd: usize = 0;

/** Where the words of a line stand without their quotes. */
let words: usize = 0;

/** Takes what the parser needs. */
export function parserBegin(): bool {
  words = take(INLINE_MOST, 8);
  return words !== 0;
}

/** Says whether the client of the commands that follow has still to authenticate. */
export function expectUnknown(unknown: bool): void {
  isUnknown = unknown;
}

/** Reads a number up to the end of its line. Returns PARSED, INCOMPLETE, or BAD_COUNT for what is no number. */
function readLine(from: usize, end: usize): u32 {
  let at = from;
  if (at === end) return INCOMPLETE;
  let byte = <u32>load<u8>(at);
  const isNegative = byte === 0x2d;
  if (isNegative) {
    at += 1;
    if (at === end) return INCOMPLETE;
    byte = <u32>load<u8>(at);
    if (byte === 0x30) return BAD_COUNT;
  }
  if (byte - 0x30 > 9) return BAD_COUNT;
  let value: u32 = 0;
  const first = at;
  while (true) {
    const digit = byte - 0x30;
    if (digit > 9) break;
    value = value * 10 + digit;
    at += 1;
    // Nine digits: more than any count or length, and no overflow. None after a zero.
    if (at - first > 9 || (at - first === 2 && load<u8>(first) === 0x30)) return BAD_COUNT;
    if (at === end) return INCOMPLETE;
    byte = <u32>load<u8>(at);
  }
  if (byte !== 0x0d) return BAD_COUNT;
  if (at + 1 === end) return INCOMPLETE;
  if (load<u8>(at, 1) !== 0x0a) return BAD_COUNT;
  lineNumber = isNegative ? -(<i64>value) : <i64>value;
  lineEnd = at + 2;
  return PARSED;
}

/** Up to so many arguments a command is parsed anew with every piece, so that what is wrong is found at once. */
const FEW_ARGUMENTS: u32 = 16;

/** Bytes that arguments have at least, `$0\r\n\r\n`: with many of them it is worth while to wait for so much. */
function leastOf(left: u32): u32 {
  return argumentCount <= FEW_ARGUMENTS ? 0 : left * 6;
}

/** The command needs so many bytes at least, the end of the line that is incomplete included. */
function incomplete(from: usize, known: usize, argumentsLeft: u32): u32 {
  const least = leastOf(argumentsLeft);
  neededBytes = <u32>(known - from) + (least > 0 ? least : 1);
  return INCOMPLETE;
}

/**
 * Parses the command that begins at an address.
 * @param known pairs of places where a long argument belongs and the block that has it, see query.ts; 0: none.
 */
export function parseCommand(from: usize, end: usize, known: usize): u32 {
  longAt = 0;
  clearArguments();
  if (load<u8>(from) !== 0x2a) return parseInline(from, end);
  let result = readLine(from + 1, end);
  if (result === INCOMPLETE) return incomplete(from, end, 0);
  if (result !== PARSED || lineNumber > <i64>setting(MAX_ARGUMENTS)) return BAD_COUNT;
  if (isUnknown && lineNumber > UNKNOWN_ARGUMENTS) return UNKNOWN_COUNT;
  parsedEnd = lineEnd;
  if (lineNumber <= 0) return PARSED_NOTHING;
  gaps = known;
  let left = <u32>lineNumber;
  let at = lineEnd;
  while (left > 0) {
    if (at === end) return incomplete(from, end, left);
    if (load<u8>(at) !== 0x24) {
      badByte = <u32>load<u8>(at);
      return BAD_TYPE;
    }
    result = readLine(at + 1, end);
    if (result === INCOMPLETE) return incomplete(from, end, left - 1);
    if (result !== PARSED || lineNumber < 0 || lineNumber > <i64>setting(MAX_BULK)) return BAD_LENGTH;
    if (isUnknown && lineNumber > UNKNOWN_BULK) return UNKNOWN_LENGTH;
    const length = <u32>lineNumber;
    left -= 1;
    if (gaps !== 0 && load<u32>(gaps) === <u32>(lineEnd - from)) {
      // The argument was received into its block, its end included.
      const block = load<u32>(gaps, 4);
      addArgument(<usize>block + 8, length, block);
      gaps += 8;
      at = lineEnd;
      continue;
    }
    if (<u32>(end - lineEnd) < length + 2) return incompleteBulk(from, end, length, left);
    at = lineEnd + length;
    if (load<u16>(at) !== 0x0a0d) return BAD_END;
    addArgument(lineEnd, length, 0);
    at += 2;
  }
  parsedEnd = at;
  return PARSED;
}

function incompleteBulk(from: usize, end: usize, length: u32, left: u32): u32 {
  // What is there of its end is looked at now: where an input is cut makes no difference to what is said of it.
  if (<u32>(end - lineEnd) === length + 1 && load<u8>(end - 1) !== 0x0d) return BAD_END;
  if (length >= LONG_ARGUMENT) {
    longAt = lineEnd;
    longLength = length;
  }
  neededBytes = <u32>(lineEnd - from) + length + 2 + leastOf(left);
  return INCOMPLETE;
}

/** Words in a line, blanks between them; quotes as in a shell. */
function parseInline(from: usize, end: usize): u32 {
  let at = from;
  while (at < end && load<u8>(at) !== 0x0a) at += 1;
  if (<u32>(at - from) > INLINE_MOST) return TOO_LONG_LINE;
  if (at === end) return incomplete(from, end, 0);
  parsedEnd = at + 1;
  if (at > from && load<u8>(at - 1) === 0x0d) at -= 1;
  return readWords(from, at);
}

function isBlank(byte: u32): bool {
  return byte === 0x20 || (byte >= 0x09 && byte <= 0x0d) || byte === 0;
}

function readWords(from: usize, end: usize): u32 {
  let at = from;
  let to = words;
  let count: u32 = 0;
  while (true) {
    while (at < end && isBlank(<u32>load<u8>(at))) at += 1;
    if (at === end) break;
    wordEnd = to;
    at = readWord(at, end);
    if (at === 0) return BAD_QUOTES;
    if (!addArgument(to, <u32>(wordEnd - to), 0)) return BAD_COUNT;
    to = wordEnd;
    count += 1;
    if (isUnknown && count > <u32>UNKNOWN_ARGUMENTS) return UNKNOWN_COUNT;
  }
  return count === 0 ? PARSED_NOTHING : PARSED;
}

/** Where the word that was read ends, in the copy without quotes. */
let wordEnd: usize = 0;

function put(byte: u32): void {
  store<u8>(wordEnd, <u8>byte);
  wordEnd += 1;
}

function hexOf(byte: u32): u32 {
  if (byte - 0x30 <= 9) return byte - 0x30;
  const lower = byte | 0x20;
  return lower - 0x61 <= 5 ? lower - 0x61 + 10 : 16;
}

/** Reads a word; returns where it ends, 0: its quotes do not. */
function readWord(from: usize, end: usize): usize {
  let at = from;
  while (at < end) {
    const byte = <u32>load<u8>(at);
    if (isBlank(byte)) return at;
    if (byte === 0x22) return closed(readDouble(at + 1, end), end);
    if (byte === 0x27) return closed(readSingle(at + 1, end), end);
    put(byte);
    at += 1;
  }
  return at;
}

/** A closing quote must be followed by a blank or by nothing. */
function closed(at: usize, end: usize): usize {
  return at === 0 || at === end || isBlank(<u32>load<u8>(at)) ? at : 0;
}

function readSingle(from: usize, end: usize): usize {
  for (let at = from; at < end; at++) {
    const byte = <u32>load<u8>(at);
    if (byte === 0x27) return at + 1;
    if (byte === 0x5c && at + 1 < end && load<u8>(at, 1) === 0x27) at += 1;
    put(<u32>load<u8>(at));
  }
  return 0;
}

function readDouble(from: usize, end: usize): usize {
  for (let at = from; at < end; at++) {
    const byte = <u32>load<u8>(at);
    if (byte === 0x22) return at + 1;
    if (byte !== 0x5c || at + 1 === end) {
      put(byte);
      continue;
    }
    at += 1;
    const escaped = <u32>load<u8>(at);
    if (escaped === 0x78 && at + 2 < end && hexOf(<u32>load<u8>(at, 1)) < 16 && hexOf(<u32>load<u8>(at, 2)) < 16) {
      put(hexOf(<u32>load<u8>(at, 1)) * 16 + hexOf(<u32>load<u8>(at, 2)));
      at += 2;
    } else put(unescaped(escaped));
  }
  return 0;
}

function unescaped(byte: u32): u32 {
  if (byte === 0x6e) return 0x0a;
  if (byte === 0x72) return 0x0d;
  if (byte === 0x74) return 0x09;
  if (byte === 0x62) return 0x08;
  return byte === 0x61 ? 0x07 : byte;
}
