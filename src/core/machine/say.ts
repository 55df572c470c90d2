// Words for whoever watches the guest, on the serial line, and the end. Not here: why.

import { BOOT_BLOCK, DOOR, DOOR_OURS } from './places';
import { out8, out32, outBytes, pause } from './processor';
import { GIVE_UP, wordAt } from './words';

const PORT_SERIAL: u32 = 0x3f8;
/** The end of the guest, as isa-debug-exit of QEMU and our monitor understand it. */
const PORT_END: u32 = 0xf4;
const END_TRAP: u32 = 0x7e;

/** Says a word. */
export function sayWord(word: u32): void {
  for (let at = wordAt(word); load<u8>(at) !== 0; at++) out8(PORT_SERIAL, load<u8>(at));
}

/** Says bytes from an address of the program on. Each access to the port stops the machine, and our monitor takes four bytes by one. */
export function sayBytes(from: usize, length: u32): void {
  let at = from;
  let left = length;
  if (load<u32>(BOOT_BLOCK, DOOR) === DOOR_OURS)
    for (; left >= 4; left -= 4, at += 4) out32(PORT_SERIAL, load<u32>(at));
  outBytes(PORT_SERIAL, at, left);
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
