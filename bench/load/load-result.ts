// What one run of load reports, whichever program made it.

/** One run of load against one URL. */
export interface LoadResult {
  readonly durationSeconds: number;
  /** Responses received to their end. */
  readonly requests: number;
  /** Bytes received, heads included, also of responses that the end of the run cut off. */
  readonly bytes: number;
  readonly p50Us: number | undefined;
  readonly p99Us: number | undefined;
  /** What went wrong, in words; undefined when nothing did. */
  readonly trouble: string | undefined;
}
