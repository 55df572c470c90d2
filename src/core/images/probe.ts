// A guest that does what it is told (`do=`), for tests of monitors: it ends, rests, never ends, or does what a guest must not.

import { bootBlock, commandLine, numberAt, wordValue } from '../unikernel/boot';
import { endGuest, readRegister, say, writeRegister } from '../unikernel/host';

export { bootBlock };

const line = memory.data(64);
let deed: u64 = 0;
let times: u32 = 0;
/** It rests for a moment before it does it. */
let isLate: bool = false;

function sayWord(text: string): void {
  const length = <u32>text.length;
  for (let index: u32 = 0; index < length; index++)
    store<u8>(line + index, <u8>load<u16>(changetype<usize>(text) + index * 2));
  say(line, length);
}

/** Begins: takes note of what to do. */
export function begin(_nowUs: u32): u32 {
  const at = wordValue('do=', commandLine());
  deed = at === 0 ? 0 : numberAt(at);
  const count = wordValue('times=', commandLine());
  times = count === 0 ? 0 : <u32>numberAt(count);
  isLate = wordValue('late=', commandLine()) !== 0;
  sayWord('probe: begun\n');
  return 0;
}

function fallDown(depth: u32): u32 {
  store<u32>(line, depth);
  return depth === 0 ? 0 : fallDown(depth - 1) + fallDown(depth - 2) + load<u32>(line);
}

/** Stops of one kind, one after another: a register that is written, one that is read, a byte on the serial line. */
function stopOften(kind: u64): void {
  store<u8>(line, 46);
  for (let index: u32 = 0; index < times; index++) {
    if (kind === 9) writeRegister(0xd0000000 + 0x30, index & 1);
    else if (kind === 10) readRegister(0xd0000000 + 0x70);
    else say(line, 1);
  }
  endGuest(0);
}

/** The driver of the first device begins anew, again and again, and never has queues. */
function beginOften(): void {
  const device: u32 = 0xd0000000;
  for (let index: u32 = 0; index < times; index++) {
    writeRegister(device + 0x70, 0);
    writeRegister(device + 0x70, 3);
    // VIRTIO 1, of the upper word of features.
    for (let upper: u32 = 2; upper > 0; upper--) {
      writeRegister(device + 0x24, upper - 1);
      writeRegister(device + 0x20, upper - 1);
    }
    writeRegister(device + 0x70, 11);
    writeRegister(device + 0x70, 15);
  }
  endGuest(0);
}

/** Does it, once it is time: returns 0 where nothing came of it. */
export function turn(_nowUs: u32): u32 {
  if (isLate) return 0;
  if (deed === 1) endGuest(7);
  else if (deed === 2) while (true) store<u32>(line, load<u32>(line) + 1);
  else if (deed === 3) store<u32>(0xfffff000, 1);
  else if (deed === 4) store<u32>(16, 1);
  else if (deed === 5) unreachable();
  else if (deed === 6) fallDown(0xffffffff);
  else if (deed === 7) while (true) writeRegister(0xd0000000 + 0x50, readRegister(0xd0000000));
  else if (deed === 8) writeRegister(0xfff00000, 1);
  else if (deed === 12) beginOften();
  else if (deed > 8) stopOften(deed);
  return 0;
}

/** Rests: for good, or for a moment where it is late. */
export function rest(_nowUs: u32): u32 {
  if (!isLate) return 0xffffffff;
  isLate = false;
  return 1000;
}
