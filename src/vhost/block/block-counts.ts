// What is counted of a disk. Not here: who counts (block-request.ts, block-queue.ts), how it is shown (disk-metrics.ts).

import { emptyQueueCounts, type QueueCounts } from '../queue-counts.js';

/** Upper bounds of the latency histogram, in milliseconds. */
export const latencyBoundsMs = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000] as const;

/** See the file's head. */
export interface BlockCounts extends QueueCounts {
  /** Requests by what they asked for. */
  readonly requests: Record<string, number>;
  /** Requests that were answered with an error. */
  errors: number;
  readBytes: number;
  writtenBytes: number;
  /** Requests that have not ended. */
  underWay: number;
  /** Requests that took at most each bound, then those beyond the last; and their sum in milliseconds. */
  readonly latency: number[];
  latencySumMs: number;
  /** The longest that one took. */
  longestMs: number;
}

/** Counts of a disk, all zero. */
export function emptyBlockCounts(): BlockCounts {
  return {
    ...emptyQueueCounts(),
    requests: {},
    errors: 0,
    readBytes: 0,
    writtenBytes: 0,
    underWay: 0,
    latency: new Array<number>(latencyBoundsMs.length + 1).fill(0),
    latencySumMs: 0,
    longestMs: 0,
  };
}

/** Counts how long a request took. */
export function countLatency(counts: BlockCounts, latencyMs: number): void {
  let bound = 0;
  while (bound < latencyBoundsMs.length && latencyMs > latencyBoundsMs[bound]!) bound++;
  counts.latency[bound]!++;
  counts.latencySumMs += latencyMs;
  if (latencyMs > counts.longestMs) counts.longestMs = latencyMs;
}
