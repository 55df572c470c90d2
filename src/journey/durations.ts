// A histogram of durations: counts in buckets that grow with the value, so that a quantile is right within 0.8 % at any
// scale and memory stays the same however many are counted. Smallest, largest and sum are exact.

/** Buckets to each doubling: a value is told from its neighbour where they differ by 1/64. */
const perDoubling = 64;

/** Counts durations in ns; negative ones are refused, they would be a mistake of whoever measured. */
export class Durations {
  count = 0;
  sumNs = 0;
  minNs = 0;
  maxNs = 0;
  private readonly buckets = new Map<number, number>();

  /** Counts one. @throws RangeError for a negative duration or none at all. */
  add(durationNs: number): void {
    if (!(durationNs >= 0)) throw new RangeError(`a duration of ${durationNs} ns`);
    this.minNs = this.count === 0 ? durationNs : Math.min(this.minNs, durationNs);
    this.maxNs = Math.max(this.maxNs, durationNs);
    this.count++;
    this.sumNs += durationNs;
    const bucket = bucketOf(durationNs);
    this.buckets.set(bucket, (this.buckets.get(bucket) ?? 0) + 1);
  }

  /** The value that `share` (0 to 1) of those counted do not exceed; 0 where there are none. */
  quantileNs(share: number): number {
    const wanted = Math.max(1, Math.ceil(share * this.count));
    let seen = 0;
    for (const bucket of [...this.buckets.keys()].sort((a, b) => a - b)) {
      seen += this.buckets.get(bucket)!;
      if (seen >= wanted) return Math.min(this.maxNs, Math.max(this.minNs, middleOf(bucket)));
    }
    return this.maxNs;
  }
}

/** Below 64 a bucket holds one value; above, 64 of them share a doubling. */
function bucketOf(value: number): number {
  if (value < perDoubling) return Math.floor(value);
  const doubling = Math.floor(Math.log2(value));
  return doubling * perDoubling + Math.floor((value / 2 ** doubling - 1) * perDoubling);
}

function middleOf(bucket: number): number {
  if (bucket < perDoubling) return bucket;
  const doubling = Math.floor(bucket / perDoubling);
  return 2 ** doubling * (1 + ((bucket % perDoubling) + 0.5) / perDoubling);
}
