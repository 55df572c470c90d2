// Rounds of calibration: every series once a round, so that a slow moment touches each a little; lower quartiles with their intervals; an end
// for a series once its interval is narrow; and how much the host itself drifted meanwhile. It measures nothing itself.

import type { Measured } from './solve.js';

/** One figure that is measured again and again. */
export interface Series {
  name: string;
  title: string;
  once: () => number | undefined | Promise<number | undefined>;
  values: number[];
}

/** Rounds every series gets, whatever the clock says, short of twice the time. */
const fewest = 3;
/** Half an interval over its figure at which a series has had enough, given this many rounds. */
const narrow = 0.04;
const enough = 5;

/**
 * The lower quartile and a 95 % interval of it (order statistics; for few rounds the whole range). Not the median: what others do
 * on a machine only ever adds to a cost, up to half of all rounds on a shared one, and the host is what is to be known.
 */
export function summarise(values: readonly number[]): Measured {
  const sorted = [...values].sort((a, b) => a - b);
  const count = sorted.length;
  const position = (count - 1) / 4;
  const below = sorted[Math.floor(position)]!;
  const typical = below + (sorted[Math.ceil(position)]! - below) * (position % 1);
  const half = 1.96 * Math.sqrt((count * 3) / 16);
  const low = Math.max(0, Math.floor(count / 4 - half));
  const high = Math.min(count - 1, Math.ceil(count / 4 + half));
  return { typical, low: sorted[low]!, high: sorted[high]!, rounds: count };
}

function isSettled(one: Series): boolean {
  if (one.values.length < enough) return false;
  const { low, high, typical } = summarise(one.values);
  return high - low <= 2 * narrow * typical;
}

/**
 * Repeats all series in turn until the time is up, one whole round at least; at most `most` rounds. Series whose interval is narrow leave
 * their time to the others; with `together` all go on until the last of them is, so that a round has a figure of each.
 */
export async function repeat(
  series: readonly Series[],
  untilMs: number,
  most: number,
  progress: (text: string) => void,
  together = false,
): Promise<void> {
  for (let round = 0; round < most; round += 1) {
    const unsettled = round < fewest ? series : series.filter((one) => !isSettled(one));
    if (unsettled.length === 0) return;
    for (const one of together ? series : unsettled) {
      if (round > 0 && Date.now() > untilMs) return;
      progress(`round ${round + 1}: ${one.title}`);
      const value = await one.once();
      if (value !== undefined) one.values.push(value);
    }
  }
}

/** How the host drifted: by what factor the quickest and the slowest of the rounds differed from what was kept. */
export interface Drift {
  rounds: number;
  quickest: number;
  slowest: number;
}

/** The drift over rounds that have a figure of every series: a round's factor is the median over the series. */
export function driftOf(series: readonly Series[]): Drift {
  const kept = series.filter((one) => one.values.length > 0);
  const rounds = Math.min(...kept.map((one) => one.values.length));
  const factors: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const ratios = kept.map((one) => one.values[round]! / summarise(one.values).typical).sort((a, b) => a - b);
    factors.push(ratios[ratios.length >> 1]!);
  }
  return { rounds, quickest: Math.min(...factors), slowest: Math.max(...factors) };
}
