// What the machine's side of an image says, and looks for in the command line, by numbers: src/compile/image-words.ts has the words, of the same names in the same order. Not here: when.

import { WORDS } from './places';

/** Before why it ends. */
export const GIVE_UP: u32 = 0;
/** Before the name of a trap. */
export const TRAP: u32 = 1;
/** Before a reason. */
export const STOPPED: u32 = 2;
/** Before where that was. */
export const AT: u32 = 3;
/** Before an address that could not be reached. */
export const RUNNING: u32 = 4;
export const WRITING: u32 = 5;
export const READING: u32 = 6;
/** Behind one that the module made. */
export const OUTSIDE: u32 = 7;
/** Why a guest gives up. */
export const NO_CLOCK: u32 = 8;
export const NO_RANDOM: u32 = 9;
export const TOO_LITTLE: u32 = 10;
export const NO_ROOM: u32 = 11;
export const NO_BLOCK: u32 = 12;
/** Words of the command line. */
export const TSC_KHZ: u32 = 13;
export const NOW: u32 = 14;
export const SPIN_US: u32 = 15;
/** Why compiled code stops itself, from its number 0 to one that is none. */
export const REASONS: u32 = 16;
export const LAST_REASON: u32 = 23;
/** Traps of the processor, from 0 to one that has no name. */
export const TRAPS: u32 = 24;
export const LAST_TRAP: u32 = 44;

/** Where a word is: it ends with a 0. */
export function wordAt(word: u32): usize {
  let at = WORDS;
  for (; word > 0; at++) if (load<u8>(at) === 0) word--;
  return at;
}
