// A command that is run later: its arguments copied into one object, which can stand in a list. Of transactions (transaction.ts), and of clients that wait
// for a key (waiting.ts).

import { copyBytes } from '../copy';
import { addArgument, argument, argumentCount, argumentLength, clearArguments } from '../resp/arguments';
import { allocate } from './slabs';

/** Behind it the lengths of the arguments, then their bytes. */
@unmanaged
class Kept {
  next: u32;
  arguments: u32;
}
const KEPT_HEAD: u32 = 8;

/** Bytes that the command in the arguments takes when it is kept. */
export function bytesToKeep(): u64 {
  let bytes: u64 = KEPT_HEAD;
  for (let index: u32 = 0; index < argumentCount; index++) bytes += 4 + <u64>argumentLength(index);
  return bytes;
}

/** Keeps the command in the arguments, of `bytesToKeep` bytes that fit into 32 bits. Returns it, which is given back by `release`; 0: no room. */
export function keepCommand(bytes: u32): usize {
  const made = allocate(bytes);
  if (made === 0) return 0;
  const it = changetype<Kept>(made);
  it.next = 0;
  it.arguments = argumentCount;
  let at = made + KEPT_HEAD + argumentCount * 4;
  for (let index: u32 = 0; index < argumentCount; index++) {
    const length = argumentLength(index);
    store<u32>(made + KEPT_HEAD + index * 4, length);
    copyBytes(at, argument(index), length);
    at += length;
  }
  return made;
}

/** Makes the arguments of a kept command those of the command that runs. They stay where they are. */
export function useKept(kept: usize): void {
  const many = changetype<Kept>(kept).arguments;
  clearArguments();
  let at = kept + KEPT_HEAD + many * 4;
  for (let index: u32 = 0; index < many; index++) {
    const length = load<u32>(kept + KEPT_HEAD + index * 4);
    addArgument(at, length, 0);
    at += length;
  }
}

/** The command behind one in its list; 0: there is none. */
export function keptNext(kept: usize): usize {
  return changetype<Kept>(kept).next;
}

/** Puts a command behind one in its list. */
export function setKeptNext(kept: usize, next: usize): void {
  changetype<Kept>(kept).next = <u32>next;
}
