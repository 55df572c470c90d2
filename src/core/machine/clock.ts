// Time as a guest has it: how fast the processor's clock is, by whoever says so, what time it is, and microseconds since the guest began. Not here: what waits for it.

import { BOOT_BLOCK, LINE, TSC_KHZ } from './places';
import { cpuid, in8, out8, ticks } from './processor';
import { giveUp } from './say';
import { NO_CLOCK, TSC_KHZ as TSC_KHZ_WORD, wordAt } from './words';

/** The number behind a word of the command line; otherwise: nobody said it. */
export function told(word: u32, otherwise: u64): u64 {
  const first = BOOT_BLOCK + LINE;
  const letters = wordAt(word);
  for (let at = first; load<u8>(at) !== 0; at++) {
    if (at !== first && load<u8>(at - 1) !== 32) continue;
    let same: usize = 0;
    while (load<u8>(letters + same) !== 0 && load<u8>(at + same) === load<u8>(letters + same)) same++;
    if (load<u8>(letters + same) !== 0) continue;
    let value: u64 = 0;
    for (at += same; <u32>load<u8>(at) - 48 < 10; at++) value = value * 10 + (<u64>load<u8>(at) - 48);
    return value;
  }
  return otherwise;
}

/** Ticks in a millisecond, by the timer that PCs have (8254, 1,193,182 a second), over 10 ms; 0: there is none. */
function khzByTimer(): u64 {
  out8(0x43, 0x34);
  out8(0x40, 0);
  out8(0x40, 0);
  let last: u32 = 0;
  let passed: u32 = 0;
  const begun = ticks();
  for (let looks: u32 = 0; looks < 10_000_000; looks++) {
    out8(0x43, 0);
    let count = in8(0x40);
    count |= in8(0x40) << 8;
    if (last !== 0) passed += (last - count) & 0xffff;
    last = count;
    if (passed >= 11_932) return ((ticks() - begun) * 1_193_182) / passed / 1000;
    if (looks === 1000 && passed === 0) return 0;
  }
  return 0;
}

/** What the processor, or the monitor in its name, says. */
function khzByProcessor(): u64 {
  if (cpuid(0, 0) >= 0x15) {
    const parts = cpuid(0x15, 0);
    const times = cpuid(0x15, 1);
    const hertz = cpuid(0x15, 2);
    if (parts !== 0 && times !== 0 && hertz !== 0) return (<u64>hertz * times) / parts / 1000;
  }
  const most = cpuid(0x4000_0000, 0);
  const isMonitor = cpuid(0x4000_0000, 1) >= 0x2020_2020;
  return isMonitor && most >= 0x4000_0010 && most < 0x4000_1000 ? cpuid(0x4000_0010, 0) : 0;
}

/** Finds how fast the processor's clock is, in ticks of a millisecond. */
export function findKhz(): u64 {
  let khz = told(TSC_KHZ_WORD, load<u64>(BOOT_BLOCK, TSC_KHZ));
  if (khz === 0) khz = khzByProcessor();
  if (khz === 0) khz = khzByTimer();
  if (khz === 0) giveUp(NO_CLOCK);
  return khz;
}

/** A number of two digits of the clock that PCs have, in BCD. */
function clockByte(which: u32): u64 {
  out8(0x70, which);
  const value = in8(0x71);
  return (value >> 4) * 10 + (value & 15);
}

/** Seconds since 1970 by the clock that PCs have, in BCD and 24 hours as monitors make it; 0: there is none. */
export function clockSeconds(): u64 {
  const year = clockByte(9) + 2000;
  const month = clockByte(8);
  const day = clockByte(7);
  if (month < 1 || month > 12 || day < 1 || day > 31) return 0;
  const y = month <= 2 ? year - 1 : year;
  const m = month <= 2 ? month + 9 : month - 3;
  const days = y * 365 + y / 4 - y / 100 + y / 400 + (m * 153 + 2) / 5 + day - 1 - 719_468;
  return ((days * 24 + clockByte(4)) * 60 + clockByte(2)) * 60 + clockByte(0);
}

let tickAtStart: u64 = 0;
/** Microseconds of a tick, times 2^32. */
let microseconds: u64 = 0;

/** Time begins. */
export function startClock(khz: u64): void {
  tickAtStart = ticks();
  microseconds = ((<u64>1000) << 32) / khz;
}

/** Microseconds since {@link startClock}. */
export function nowUs(): u64 {
  const passed = ticks() - tickAtStart;
  // Of a product of 128 bits, those above the lower 32: no processor's clock is slower than 1 MHz, so that a half times this fits.
  return (passed >> 32) * microseconds + (((passed & 0xffff_ffff) * microseconds) >> 32);
}
