// Long values: bytes in an object of their own, which several may hold: the key, and the output of clients that are being sent it. What is held by
// more than one is never written to.

import { allocate, release, roomOf } from './slabs';

@unmanaged
class Block {
  holders: u32;
}

/** Where the bytes of a block begin. */
export const BLOCK_HEAD = 8;

/** A block with room for some bytes, held once; 0: no room. */
export function makeBlock(length: u32): usize {
  const block = allocate(length + BLOCK_HEAD);
  if (block !== 0) {
    changetype<Block>(block).holders = 1;
  }
  return block;
}

/** Holds a block once more. */
export function holdBlock(block: usize): void {
  changetype<Block>(block).holders += 1;
}

/** Lets go of a block. */
export function dropBlock(block: usize): void {
  const it = changetype<Block>(block);
  it.holders -= 1;
  if (it.holders === 0) release(block);
}

/** Whether a value of so many bytes may be written into the block as it is: nobody else holds it, it has the room, and not far too much. */
export function canReuse(block: usize, length: u32): bool {
  if (changetype<Block>(block).holders !== 1) return false;
  const room = roomOf(block) - BLOCK_HEAD;
  return room >= length && room <= length + (length >> 1) + 64;
}

/** Whether the block may grow to so many bytes where it is. */
export function canGrow(block: usize, length: u32): bool {
  return changetype<Block>(block).holders === 1 && roomOf(block) - BLOCK_HEAD >= length;
}
