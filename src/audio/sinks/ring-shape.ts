// The ring and the period that are wanted, in frames, of what was asked for in milliseconds or frames. Pure.

import type { SinkSettings } from './sink.js';

/** Bounds of a ring, in frames: what any card can be asked for. */
export const leastPeriod = 16;
const mostRing = 1 << 22;

/** Frames that a period is a multiple of where reads go past the page cache: then the ring's end is where a block ends. */
const directUnit = 1024;

/** Periods of a ring. */
const periodsOfRing = 4;

/** See the file's head. A ring is four periods. */
export function ringShape(
  rate: number,
  settings: SinkSettings,
): { readonly ringFrames: number; readonly periodFrames: number } {
  const wanted = settings.periodFrames ?? Math.round((rate * settings.bufferMs) / 1000 / periodsOfRing);
  const bounded = Math.max(leastPeriod, Math.min(mostRing / periodsOfRing, wanted));
  const periodFrames = settings.direct ? Math.ceil(bounded / directUnit) * directUnit : bounded;
  return { ringFrames: periodFrames * periodsOfRing, periodFrames };
}
