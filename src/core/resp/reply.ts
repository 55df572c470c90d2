// Replies in RESP2 and RESP3, written straight into a client's output. Which of the two is the client's choice (HELLO).

import { ERROR_REPLIES } from '../kv/control';
import { count } from '../kv/settings';
import { writeInteger, writeUnsigned } from './numbers';
import { reserve, writeBytes, writeValue, written } from './output';

/** Whether the client speaks RESP3. */
export let isThree: bool = false;
/** Chooses the protocol of the replies that follow. */
export function speak(three: bool): void {
  isThree = three;
}

/** Writes a constant text, up to 256 characters of ASCII, and nothing else. */
export function writeText(text: string): void {
  const length = <u32>text.length;
  const to = reserve(length);
  const from = changetype<usize>(text);
  for (let index: u32 = 0; index < length; index++) store<u8>(to + index, <u8>load<u16>(from + index * 2));
  written(length);
}

/** Ends a line. */
export function endLine(): void {
  store<u16>(reserve(2), 0x0a0d);
  written(2);
}

/** A type's character, a number, the end of the line: the head of most replies. */
export function writeHead(character: u32, value: i64): void {
  const to = reserve(24);
  store<u8>(to, <u8>character);
  if (value >= 0 && value < 10) {
    store<u8>(to, <u8>(0x30 + <u32>value), 1);
    store<u16>(to, 0x0a0d, 2);
    written(4);
    return;
  }
  const digits = writeInteger(to + 1, value);
  store<u16>(to + digits, 0x0a0d, 1);
  written(digits + 3);
}

/** Replies that all is well. */
export function replyOk(): void {
  const to = reserve(5);
  store<u32>(to, 0x0d4b4f2b);
  store<u8>(to, 0x0a, 4);
  written(5);
}

/** A simple string of a constant text. */
export function replySimple(text: string): void {
  writeText('+');
  writeText(text);
  endLine();
}

/** Begins an error whose text follows, and ends with `endLine`. */
export function beginError(text: string): void {
  count(ERROR_REPLIES, 1);
  writeText('-');
  writeText(text);
}

/** An error of a constant text. */
export function replyError(text: string): void {
  beginError(text);
  endLine();
}

/** Bytes from outside within an error's line: what would end it becomes a blank. At most 128 of them. */
export function writeQuoted(from: usize, length: u32): void {
  const most: u32 = length < 128 ? length : 128;
  const to = reserve(most);
  for (let index: u32 = 0; index < most; index++) {
    const byte = load<u8>(from + index);
    store<u8>(to + index, byte === 0x0d || byte === 0x0a ? 0x20 : byte);
  }
  written(most);
}

/** An integer. */
export function replyInteger(value: i64): void {
  writeHead(0x3a, value);
}

/** A string of bytes. */
export function replyBulk(from: usize, length: u32): void {
  replyValue(0, from, length);
}

/** A string of bytes that a block holds (0: none does): a long one is sent from where it is. */
export function replyValue(block: usize, from: usize, length: u32): void {
  writeHead(0x24, length);
  if (length < 16_384) writeBytes(from, length);
  else writeValue(block, from, length);
  endLine();
}

/** A constant text as a string of bytes. */
export function replyText(text: string): void {
  writeHead(0x24, text.length);
  writeText(text);
  endLine();
}

/** A number as a string of bytes. */
export function replyNumberText(value: u64): void {
  const to = reserve(48);
  const digits = writeUnsigned(to + 24, value);
  writeHead(0x24, digits);
  writeBytes(to + 24, digits);
  endLine();
}

/** No string. */
export function replyNull(): void {
  if (isThree) writeText('_\r\n');
  else writeText('$-1\r\n');
}

/** Begins an array. */
export function replyArray(length: u32): void {
  writeHead(0x2a, length);
}

/** Begins a map of so many pairs. */
export function replyMap(pairs: u32): void {
  if (isThree) writeHead(0x25, pairs);
  else writeHead(0x2a, pairs * 2);
}

/** Begins a set. */
export function replySet(length: u32): void {
  writeHead(isThree ? 0x7e : 0x2a, length);
}

/** Begins what was not asked for. */
export function replyPush(length: u32): void {
  writeHead(isThree ? 0x3e : 0x2a, length);
}

/** Replies that there is no array. */
export function replyNullArray(): void {
  if (isThree) writeText('_\r\n');
  else writeText('*-1\r\n');
}
