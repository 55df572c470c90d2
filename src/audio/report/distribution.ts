// A distribution as counts in buckets, as the pump keeps it: what percentiles it has. Pure. Not here: who counts (the pump), what is counted.

/** Counts in buckets of rising upper bounds. A value lies in the first bucket whose bound is not below it. */
export interface Distribution {
  /** Upper bound of each bucket, in the unit of what is counted; the last may be `Infinity`. */
  readonly upTo: readonly number[];
  readonly counts: readonly number[];
  /** The least and the greatest value that was seen, exactly. */
  readonly least: number;
  readonly greatest: number;
}

/** How many values were counted. */
export function countOf({ counts }: Distribution): number {
  let total = 0;
  for (const count of counts) total += count;
  return total;
}

/**
 * The value that a share of all values does not exceed: the upper bound of the bucket in which it lies, and never more than the greatest value
 * seen. So what is said is at most one bucket too large, and never too small. `undefined` of an empty distribution.
 * @param share 0 to 1
 */
export function percentileOf(distribution: Distribution, share: number): number | undefined {
  const { upTo, counts, least, greatest } = distribution;
  const total = countOf(distribution);
  if (total === 0) return undefined;
  const rank = Math.max(1, Math.ceil(share * total));
  let before = 0;
  for (let index = 0; index < counts.length; index++) {
    before += counts[index]!;
    if (before >= rank) return Math.max(least, Math.min(greatest, upTo[index] ?? greatest));
  }
  return greatest;
}

/**
 * As {@link percentileOf}, from below: the lower bound of the bucket, for what is the better the larger it is (headroom). At most one bucket too
 * small, and never too large.
 */
export function lowPercentileOf(distribution: Distribution, share: number): number | undefined {
  const { upTo, counts, least, greatest } = distribution;
  const total = countOf(distribution);
  if (total === 0) return undefined;
  const rank = Math.max(1, Math.ceil(share * total));
  let before = 0;
  for (let index = 0; index < counts.length; index++) {
    before += counts[index]!;
    if (before >= rank) return Math.min(greatest, Math.max(least, index === 0 ? least : upTo[index - 1]!));
  }
  return greatest;
}
