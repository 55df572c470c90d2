// What is said of a guest that did what it must not: by a trap of the processor, or by a check of the module's own code; both at CPL 3. Not here: how code gets here.

import { LINEAR_VIRTUAL } from './places';
import { endByTrap, sayHex, sayWord } from './say';
import { AT, LAST_REASON, LAST_TRAP, OUTSIDE, READING, REASONS, RUNNING, STOPPED, TRAP, TRAPS, WRITING } from './words';

const PAGE_FAULT: u32 = 14;

/** A trap. @param vector its number @param error what the processor said of it @param at where it was @param address that could not be reached, of a page fault */
export function trap(vector: u32, error: u32, at: u64, address: u64): void {
  sayWord(TRAP);
  sayWord(min(TRAPS + vector, LAST_TRAP));
  sayWord(AT);
  sayHex(at);
  if (vector === PAGE_FAULT) {
    sayWord((error & 16) !== 0 ? RUNNING : (error & 2) !== 0 ? WRITING : READING);
    sayHex(address);
    if (address - LINEAR_VIRTUAL < 0x2_0000_0000) sayWord(OUTSIDE);
  }
  endByTrap();
}

/** A check of code that was compiled. @param code of Trap in src/compile/ir.ts */
export function stopped(code: u32): void {
  sayWord(STOPPED);
  sayWord(min(REASONS + code, LAST_REASON));
  endByTrap();
}
