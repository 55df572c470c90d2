// The arguments of the command that runs: addresses and lengths of bytes that are borrowed until it has run. What came into a block of its own
// (query.ts) may be kept by holding that block.

import { take } from '../arena';

let table: usize = 0;
let room: u32 = 0;

/** How many there are, the command's name included. */
export let argumentCount: u32 = 0;

/** Takes room for so many arguments. */
export function argumentsBegin(most: u32): bool {
  table = take(most * 12, 16);
  room = most;
  return table !== 0;
}

/** Forgets all arguments. */
export function clearArguments(): void {
  argumentCount = 0;
}

/** Adds an argument. @param block what holds its bytes, 0: nothing that could be kept. Returns false: those are too many. */
export function addArgument(address: usize, length: u32, block: usize): bool {
  if (argumentCount === room) return false;
  const at = table + argumentCount * 12;
  store<u32>(at, <u32>address);
  store<u32>(at, length, 4);
  store<u32>(at, <u32>block, 8);
  argumentCount += 1;
  return true;
}

/** Address of an argument. */
export function argument(index: u32): usize {
  return load<u32>(table + index * 12);
}

/** Bytes of an argument. */
export function argumentLength(index: u32): u32 {
  return load<u32>(table + index * 12, 4);
}

/** The block that holds exactly an argument's bytes; 0: there is none. */
export function argumentBlock(index: u32): usize {
  return load<u32>(table + index * 12, 8);
}

/** Whether an argument is a constant word, in any case. @param word in lower case. */
export function argumentIs(index: u32, word: string): bool {
  const length = argumentLength(index);
  if (length !== <u32>word.length) return false;
  const at = argument(index);
  for (let place: u32 = 0; place < length; place++) {
    let byte = <u32>load<u8>(at + place);
    if (byte >= 0x41 && byte <= 0x5a) byte |= 0x20;
    if (byte !== <u32>load<u16>(changetype<usize>(word) + place * 2)) return false;
  }
  return true;
}
