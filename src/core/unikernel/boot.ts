// What a guest is told when it begins: where its memory is for devices, the time, a seed, the command line. The monitor's word is taken for what it is
// (it could do anything), but read within bounds.

import { BOOT_BLOCK_BYTES, DOOR, DOOR_OURS, LINE, LINE_BYTES, LINEAR_BYTES, SEED, WALL_US } from '../machine/places';

const block: usize = memory.data(BOOT_BLOCK_BYTES, 16);

/** Where the image writes the block. */
export function bootBlock(): usize {
  return block;
}

/** The machine's address of linear memory, with which the block begins. */
export function physicalBase(): u32 {
  return load<u32>(block);
}

/** Bytes of linear memory. */
export function linearBytes(): usize {
  return <usize>load<u64>(block + LINEAR_BYTES);
}

/** Whether nobody has written to linear memory before: our monitor says so; under others a firmware may have been there. */
export function isMemoryFresh(): bool {
  return load<u32>(block + DOOR) === DOOR_OURS;
}

/** Microseconds since 1970 when the guest began. */
export function wallAtStart(): u64 {
  return load<u64>(block + WALL_US);
}

/** 32 bytes that nobody else knows. */
export function seedAt(): usize {
  return block + SEED;
}

/** The command line's first byte; it ends with a 0 within its bounds. */
export function commandLine(): usize {
  store<u8>(block + LINE + LINE_BYTES - 1, 0);
  return block + LINE;
}

/**
 * Where the value of a word of the command line begins, from an address in it on; 0: the word is not there (again). @param word its letters, the sign
 * `=` included
 */
export function wordValue(word: string, from: usize): usize {
  const first = commandLine();
  const letters = <u32>word.length;
  for (let at = from; load<u8>(at) !== 0; at++) {
    if (at !== first && load<u8>(at - 1) !== 32) continue;
    let same: u32 = 0;
    while (same < letters && load<u8>(at + same) === <u8>load<u16>(changetype<usize>(word) + same * 2)) same++;
    if (same === letters) return at + letters;
  }
  return 0;
}

/** Where the number ended that was read last. */
export let numberEnd: usize = 0;

/** The number at an address, decimal or behind 0x; K, M and G behind it multiply. */
export function numberAt(at: usize): u64 {
  let value: u64 = 0;
  const isHexadecimal = load<u8>(at) === 48 && (load<u8>(at + 1) | 32) === 120;
  if (isHexadecimal) at += 2;
  for (; ; at++) {
    const byte = <u32>load<u8>(at);
    const letter = byte | 32;
    let digit: u32 = 99;
    if (byte >= 48 && byte <= 57) digit = byte - 48;
    else if (isHexadecimal && letter >= 97 && letter <= 102) digit = letter - 87;
    if (digit === 99) break;
    value = value * (isHexadecimal ? 16 : 10) + digit;
  }
  const unit = <u32>load<u8>(at) | 32;
  const shift: u32 = unit === 107 ? 10 : unit === 109 ? 20 : unit === 103 ? 30 : 0;
  if (shift !== 0) at++;
  numberEnd = at;
  return value << shift;
}
