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

/** The bucket in which the value lies that a share of all values does not exceed; `undefined` of an empty distribution. */
function bucketAt(distribution: Distribution, share: number): number | undefined {
  const total = countOf(distribution);
  if (total === 0) return undefined;
  const rank = Math.max(1, Math.ceil(share * total));
  let before = 0;
  return distribution.counts.findIndex((count) => {
    before += count;
    return before >= rank;
  });
}

const within = ({ least, greatest }: Distribution, value: number): number => Math.max(least, Math.min(greatest, value));

/**
 * The value that a share of all values does not exceed: the upper bound of the bucket in which it lies, and never more than the greatest value
 * seen. So what is said is at most one bucket too large, and never too small. `undefined` of an empty distribution.
 * @param share 0 to 1
 */
export function percentileOf(distribution: Distribution, share: number): number | undefined {
  const bucket = bucketAt(distribution, share);
  return bucket === undefined ? undefined : within(distribution, distribution.upTo[bucket] ?? distribution.greatest);
}

/**
 * As {@link percentileOf}, from below: the lower bound of the bucket, for what is the better the larger it is (headroom). At most one bucket too
 * small, and never too large.
 */
export function lowPercentileOf(distribution: Distribution, share: number): number | undefined {
  const bucket = bucketAt(distribution, share);
  return bucket === undefined ? undefined : within(distribution, distribution.upTo[bucket - 1] ?? distribution.least);
}
