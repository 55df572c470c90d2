// What the settings of TCP may be. A setting outside is refused before anything is laid out: times that would wrap, limits at which nothing moves, and
// counts that a field of the connection cannot hold.

import { Setting } from '../control';
import { setting } from '../figures';

/** Deadlines are compared as 32-bit ticks of 1.024 ms: more than half of those would lie in the past. */
const mostMs: u32 = 2_000_000_000;
/** As Linux has it for all three counts, each of which stands in a byte. */
const mostTries: u32 = 127;
const mostFrames: u32 = 0x4_0000;

/** The offset of the first setting of TCP that cannot be; 0: all can. */
export function refusedOfTcp(): i32 {
  if (!isBetween(Setting.icmpErrorsPerSecond, 0, 1_000_000)) return <i32>Setting.icmpErrorsPerSecond;
  // Below, a window has no room for a segment, and nothing is sent while one frame is under way.
  if (!isBetween(Setting.receiveFrames, 4, mostFrames)) return <i32>Setting.receiveFrames;
  if (!isBetween(Setting.sendFrames, 2, mostFrames)) return <i32>Setting.sendFrames;
  if (!isBetween(Setting.congestion, 0, 1)) return <i32>Setting.congestion;
  if (!isBetween(Setting.userTimeoutMs, 1_000, mostMs)) return <i32>Setting.userTimeoutMs;
  if (!isBetween(Setting.finWaitMs, 100, mostMs)) return <i32>Setting.finWaitMs;
  if (!isBetween(Setting.timeWaitMs, 1, mostMs)) return <i32>Setting.timeWaitMs;
  if (!isBetween(Setting.keepIdleMs, 1_000, mostMs)) return <i32>Setting.keepIdleMs;
  if (!isBetween(Setting.keepIntervalMs, 100, mostMs)) return <i32>Setting.keepIntervalMs;
  if (!isBetween(Setting.keepProbes, 1, mostTries)) return <i32>Setting.keepProbes;
  if (!isBetween(Setting.synTries, 0, mostTries)) return <i32>Setting.synTries;
  if (!isBetween(Setting.synAnswerTries, 0, mostTries)) return <i32>Setting.synAnswerTries;
  if (!isBetween(Setting.challengesPerSecond, 0, 1_000_000)) return <i32>Setting.challengesPerSecond;
  if (!isBetween(Setting.stallMs, 1_000, mostMs)) return <i32>Setting.stallMs;
  return isBetween(Setting.orphans, 0, 0x10_0000) ? 0 : <i32>Setting.orphans;
}

function isBetween(which: Setting, least: u32, most: u32): bool {
  return setting(which) >= least && setting(which) <= most;
}
