// Words for whoever watches the guest, on the serial line, and the end. Not here: why.

import { out8, outBytes, pause } from './processor';
import { GIVE_UP, wordAt } from './words';

const PORT_SERIAL: u32 = 0x3f8;
/** The end of the guest, as isa-debug-exit of QEMU and our monitor understand it. */
const PORT_END: u32 = 0xf4;
const END_TRAP: u32 = 0x7e;

/** Says a word. */
export function sayWord(word: u32): void {
  for (let at = wordAt(word); load<u8>(at) !== 0; at++) out8(PORT_SERIAL, load<u8>(at));
}

/** Says bytes from an address of the program on. */
export function sayBytes(from: u64, length: u32): void {
  outBytes(PORT_SERIAL, from, length);
}

/** Says a number in 16 digits. */
export function sayHex(value: u64): void {
  for (let shift = 60; shift >= 0; shift -= 4) {
    const digit = <u32>(value >> <u64>shift) & 15;
    out8(PORT_SERIAL, digit < 10 ? 48 + digit : 87 + digit);
  }
}

/** Ends the guest with a status; nothing comes after. */
export function end(status: u32): void {
  out8(PORT_END, status);
  while (true) pause();
}

/** Ends the guest after what it did that it must not, or cannot go on without. */
export function endByTrap(): void {
  out8(PORT_SERIAL, 10);
  end(END_TRAP);
}

/** Says why, and ends the guest. @param why a word */
export function giveUp(why: u32): void {
  sayWord(GIVE_UP);
  sayWord(why);
  endByTrap();
}
