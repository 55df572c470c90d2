// What stands between a module and the machine, at CPL 3: it finds out what other monitors than ours do not say, puts the module's memory in order, and turns, rests and parks. Nothing is
// allocated; memory is the machine's from the start. This and all that it imports is compiled for an image by our own compiler alone, with addresses of the machine as its memory.
// Not here: the doors by which a machine is entered (src/compile/image-code.ts).

import { copyBytes } from '../copy';
import { boot } from '../machine/boot';
import { clockSeconds, findKhz, nowUs, startClock, told } from '../machine/clock';
import { moduleBegin, moduleBootBlock, moduleRest, moduleStart, moduleTurn } from '../machine/module';
import {
  BOOT_BLOCK,
  BOOT_BLOCK_BYTES,
  DOOR,
  DOOR_OURS,
  LINEAR_BYTES,
  LINEAR_GUARD,
  LINEAR_PHYSICAL,
  LINEAR_VIRTUAL,
  MODULE_DATA,
  MODULE_MEMORY_AT,
  MODULE_MEMORY_BYTES,
  MODULE_PAGES,
  SEED,
  STATIC_BYTES,
  TSC_KHZ,
  WALL_US,
} from '../machine/places';
import { cpuid, out32, pause, random } from '../machine/processor';
import { end, giveUp, sayBytes } from '../machine/say';
import { stopped, trap } from '../machine/stopped';
import { NO_BLOCK, NO_RANDOM, NO_ROOM, NOW, SPIN_US, TOO_LITTLE } from '../machine/words';

export { boot, stopped, trap };

/** Of our monitor: rest for so many microseconds, or until something happens. */
const PORT_PARK: u32 = 0xc1ea;

let memoryBytes: u32 = 0;

/** An import of the module: bytes of linear memory for whoever watches the guest. */
export function say(text: u32, length: u32): void {
  if (<u64>text + length <= memoryBytes) sayBytes(LINEAR_VIRTUAL + <u64>text, length);
}

/** An import of the module. */
export function endGuest(status: u32): void {
  end(status);
}

/** What our own monitor says, and others do not. */
function findOut(): void {
  store<u64>(BOOT_BLOCK, findKhz(), TSC_KHZ);
  store<u64>(BOOT_BLOCK, told(NOW, clockSeconds()) * 1_000_000, WALL_US);
  if ((cpuid(1, 2) & (1 << 30)) === 0) giveUp(NO_RANDOM);
  for (let index: u32 = 0; index < 4; index++) {
    let value: u64 = 0;
    for (let tries = 0; tries < 100 && value === 0; tries++) value = random();
    if (value === 0) giveUp(NO_RANDOM);
    store<u64>(BOOT_BLOCK + SEED + index * 8, value);
  }
}

/** Kinds of pieces (src/compile/data-table.ts). */
const ZEROS: u32 = 0;
const LETTERS: u32 = 2;
const AGAIN: u32 = 3;

/** Writes what the module's memory begins with, but for zeros, which are there. */
function writeData(): void {
  let piece = <usize>load<u32>(MODULE_DATA);
  let at = LINEAR_VIRTUAL + <usize>load<u32>(piece);
  piece += 4;
  while (true) {
    const kind = <u32>load<u8>(piece) & 3;
    let many = <u32>load<u8>(piece++) >> 2;
    if (many === 0) {
      many = <u32>load<u16>(piece);
      piece += 2;
      if (many === 0) return;
    }
    const width: u32 = kind === LETTERS ? 2 : 1;
    if (<u64>(at - LINEAR_VIRTUAL) + many * width > memoryBytes) giveUp(NO_ROOM);
    let from = piece;
    if (kind === AGAIN) {
      from = at - <usize>load<u16>(piece);
      piece += 2;
    } else if (kind !== ZEROS) piece += many;
    // From the first to the last, so that what is repeated may be what was written just now.
    if (kind !== ZEROS)
      for (let index: u32 = 0; index < many; index++) store<u8>(at + index * width, load<u8>(from + index));
    at += many * width;
  }
}

/** Puts the module's memory in order, and lets it begin. */
function instantiate(): void {
  store<u64>(load<u32>(MODULE_MEMORY_AT), LINEAR_VIRTUAL);
  store<u64>(load<u32>(MODULE_MEMORY_BYTES), memoryBytes);
  store<u32>(load<u32>(MODULE_PAGES), memoryBytes >> 16);
  writeData();
  moduleStart();
}

/** Lets the module begin, with what the monitor said where it wants that. */
function begin(isOurs: bool): void {
  memoryBytes = <u32>load<u64>(BOOT_BLOCK, LINEAR_BYTES) & ~0xffff;
  if (memoryBytes < 0x40_0000) giveUp(TOO_LITTLE);
  startClock(load<u64>(BOOT_BLOCK, TSC_KHZ));
  // What the module takes to be zeros when it begins: under other monitors a firmware may have written there.
  if (!isOurs) memory.fill(LINEAR_VIRTUAL + LINEAR_GUARD, 0, STATIC_BYTES);
  instantiate();
  const block = moduleBootBlock();
  if (<u64>block + BOOT_BLOCK_BYTES > memoryBytes) giveUp(NO_BLOCK);
  copyBytes(LINEAR_VIRTUAL + block, BOOT_BLOCK, BOOT_BLOCK_BYTES);
  // The place of linear memory in the machine, by which devices know it.
  store<u32>(LINEAR_VIRTUAL + block, LINEAR_PHYSICAL);
  const status = moduleBegin(<u32>nowUs());
  if (status !== 0) end(status);
}

/** The program, from its first instruction at CPL 3 on; it never returns. */
export function main(): void {
  const isOurs = load<u32>(BOOT_BLOCK, DOOR) === DOOR_OURS;
  if (!isOurs) findOut();
  begin(isOurs);
  // How long to look for more before it rests: where others wait for the same processor, hardly at all.
  const spin = told(SPIN_US, isOurs ? 0 : 50);
  let busy = nowUs();
  while (true) {
    const now = nowUs();
    if (moduleTurn(<u32>now) !== 0) {
      busy = now;
      continue;
    }
    if (now - busy < spin) {
      pause();
      continue;
    }
    const wait = moduleRest(<u32>now);
    if (isOurs && wait !== 0) {
      out32(PORT_PARK, wait);
      busy = nowUs();
    } else pause();
  }
}
