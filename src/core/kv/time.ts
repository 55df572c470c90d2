// What time it is for the store: of the clock that is given at each turn (clock.ts), as milliseconds and as time of day.

import { nowUs, setClock } from '../clock';
import { WALL_OFFSET } from './control';
import { setting64 } from './settings';

/** Milliseconds since 1970. */
export let wallMs: u64 = 0;
/** Milliseconds since the core began, which wrap after 49 days. */
export let upMs: u32 = 0;

/** Takes the time of a turn, in microseconds of a clock that wraps. */
export function setTime(us: u32): void {
  setClock(us);
  refreshTime();
}

/** Computes the times anew, after the offset of the wall's clock was set. */
export function refreshTime(): void {
  wallMs = (nowUs + setting64(WALL_OFFSET)) / 1000;
  upMs = <u32>(nowUs / 1000);
}

/** Microseconds since 1970. */
export function wallUs(): u64 {
  return nowUs + setting64(WALL_OFFSET);
}

/** Seconds since the core began. */
export function upSeconds(): u64 {
  return nowUs / 1_000_000;
}
