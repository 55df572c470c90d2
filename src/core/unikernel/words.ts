// Words for whoever watches the guest.

import { say } from './host';

const line = memory.data(512);
let length: u32 = 0;

/** Adds a constant text to the line. */
export function word(text: string): void {
  const letters = <u32>text.length;
  for (let index: u32 = 0; index < letters && length < 512; index++)
    store<u8>(line + length++, <u8>load<u16>(changetype<usize>(text) + index * 2));
}

/** Adds a number. */
export function figure(value: u32): void {
  if (length + 10 <= 512) length += writeDecimal(line + length, value);
}

/** Says the line, and begins another. */
export function sayLine(): void {
  if (length === 512) length--;
  store<u8>(line + length++, 10);
  say(line, length);
  length = 0;
}

/** Writes a number as text. Returns its bytes. */
export function writeDecimal(at: usize, value: u32): u32 {
  let digits: u32 = 1;
  for (let rest = value / 10; rest > 0; rest /= 10) digits++;
  for (let index = digits; index > 0; index--) {
    store<u8>(at + index - 1, <u8>(48 + (value % 10)));
    value /= 10;
  }
  return digits;
}
