// The block of settings and figures (control.ts) as the store reads and writes it.

import { CONTROL_BYTES } from './control';

/** The block. */
export const control: usize = memory.data(512, 16);

/** A setting of 4 bytes. @param at one of the offsets in control.ts. */
export function setting(at: usize): u32 {
  return load<u32>(control + at);
}

/** A setting or figure of 8 bytes. */
export function setting64(at: usize): u64 {
  return load<u64>(control + at);
}

/** Changes a setting of 4 bytes. */
export function setSetting(at: usize, value: u32): void {
  store<u32>(control + at, value);
}

/** Changes a setting or figure of 8 bytes. */
export function setSetting64(at: usize, value: u64): void {
  store<u64>(control + at, value);
}

/** Adds to a figure. */
export function count(at: usize, more: u64): void {
  store<u64>(control + at, load<u64>(control + at) + more);
}

/** Sets all figures to 0. */
export function clearFigures(): void {
  memory.fill(control + 256, 0, <usize>CONTROL_BYTES - 256);
}

/** Takes a setting's default where it is 0. */
export function defaultTo(at: usize, value: u32): void {
  if (setting(at) === 0) setSetting(at, value);
}
