// How much may be under way: slow start, then CUBIC (RFC 9438) or NewReno (RFC 5681, 6582), as the settings say. Bytes and ticks, integers alone.

import { Setting } from '../control';
import { setting } from '../figures';
import { Connection } from './connection';
import { tickNow } from './wheel';

/** Above this no window grows. */
const mostWindow: u32 = 1 << 30;

let isNewReno: bool = false;

/** Takes the choice from the settings. */
export function configureCongestion(): void {
  isNewReno = setting(Setting.congestion) === 1;
}

/** The window at the start: 10 segments (RFC 6928), 1 where the handshake was lost (RFC 5681, section 3.1). */
export function beginWindow(c: Connection, wasLost: bool): void {
  const ten: u32 = 10 * c.mss;
  const least: u32 = c.mss << 1 > 14_600 ? c.mss << 1 : 14_600;
  c.congestionWindow = wasLost ? c.mss : ten < least ? ten : least;
  c.threshold = mostWindow;
  c.cubicMost = 0;
  c.inEpoch = false;
}

/** So many bytes were acknowledged, while the window and not the application was the limit. */
export function growWindow(c: Connection, bytes: u32): void {
  let left = bytes;
  if (c.congestionWindow < c.threshold) {
    const room = c.threshold - c.congestionWindow;
    const grown = left < room ? left : room;
    c.congestionWindow += grown;
    left -= grown;
    c.inEpoch = false;
  }
  if (left > 0) {
    if (isNewReno) growShare(c, c.mss, left);
    else growCubic(c, left);
  }
  if (c.congestionWindow > mostWindow) c.congestionWindow = mostWindow;
}

/** Something was lost: the new threshold. The window itself follows by recovery.ts. */
export function shrinkThreshold(c: Connection): void {
  const window = c.congestionWindow;
  let threshold: u32;
  if (isNewReno) {
    const flight = c.sendSequence - c.unacknowledged;
    threshold = (flight < window ? flight : window) >> 1;
  } else {
    // Fast convergence: who lost before the last height was reached leaves room to others.
    c.cubicMost = window < c.cubicMost ? <u32>((<u64>window * 17) / 20) : window;
    c.cubicPrior = window;
    threshold = <u32>((<u64>window * 7) / 10);
  }
  const least = c.mss << 1;
  c.threshold = threshold > least ? threshold : least;
  c.inEpoch = false;
}

/** The window as recovery has it. */
export function setWindow(c: Connection, bytes: u32): void {
  c.congestionWindow = bytes < c.mss ? c.mss : bytes;
}

/** Nothing was sent for longer than a timeout: what was known of the path is old (RFC 5681, section 4.1). */
export function restartWindow(c: Connection): void {
  const ten: u32 = 10 * c.mss;
  if (c.congestionWindow > ten) c.congestionWindow = ten;
  c.inEpoch = false;
}

/** Adds the share of `step` that `bytes` are of the window; what is less than a byte is kept for the next time. */
function growShare(c: Connection, step: u32, bytes: u32): void {
  const sum = <u64>step * <u64>bytes + <u64>c.cubicShare;
  c.congestionWindow += <u32>(sum / <u64>c.congestionWindow);
  c.cubicShare = <u32>(sum % <u64>c.congestionWindow);
}

function growCubic(c: Connection, bytes: u32): void {
  const now = tickNow();
  const window = c.congestionWindow;
  if (!c.inEpoch) {
    c.inEpoch = true;
    c.cubicEpoch = now;
    c.cubicEstimate = window;
    c.cubicShare = 0;
    if (window < c.cubicMost) {
      c.cubicOrigin = c.cubicMost;
      c.cubicK = cubicRoot((<u64>(c.cubicMost - window) * 2_328_306_437) / <u64>c.mss);
    } else {
      c.cubicOrigin = window;
      c.cubicK = 0;
    }
  }
  // Where the window is to be a round trip from now.
  const target = cubicAt(c, now - c.cubicEpoch + (c.smoothed >> 10));
  // What NewReno would have with CUBIC's decrease: alpha is 9/17 up to the last height, then 1.
  const alpha: u64 = c.cubicEstimate < c.cubicPrior ? 9 : 17;
  c.cubicEstimate += <u32>((<u64>c.mss * <u64>bytes * alpha) / (<u64>window * 17));
  if (c.cubicEstimate > mostWindow) c.cubicEstimate = mostWindow;
  if (c.cubicEstimate > cubicAt(c, now - c.cubicEpoch)) {
    if (c.cubicEstimate > window) c.congestionWindow = c.cubicEstimate;
  } else if (target > window) {
    const most = window + (window >> 1);
    growShare(c, (target < most ? target : most) - window, bytes);
  }
}

/** The cubic function after some ticks: origin + C (t - K)^3 segments; C is 0.4 a cubic second, so 2^32 / 10^19 a cubic tick. */
function cubicAt(c: Connection, ticks: u32): u32 {
  const isBelow = ticks < c.cubicK;
  let away: u64 = <u64>(isBelow ? c.cubicK - ticks : ticks - c.cubicK);
  if (away > 1 << 17) away = 1 << 17;
  const bytes = (((away * away * away * <u64>c.mss) >> 31) * 944) >> 10;
  if (isBelow) return bytes >= <u64>c.cubicOrigin ? 0 : c.cubicOrigin - <u32>bytes;
  const sum = <u64>c.cubicOrigin + bytes;
  return sum > <u64>mostWindow ? mostWindow : <u32>sum;
}

/** The whole part of a cubic root. */
function cubicRoot(value: u64): u32 {
  let left = value;
  let root: u64 = 0;
  for (let shift: i64 = 63; shift >= 0; shift -= 3) {
    root <<= 1;
    const step = 3 * root * (root + 1) + 1;
    if (left >> <u64>shift >= step) {
      left -= step << (<u64>shift);
      root++;
    }
  }
  return <u32>root;
}
