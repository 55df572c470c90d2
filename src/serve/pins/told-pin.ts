// What the main thread tells serving threads of a file that is pinned, in numbers: its memory is the process's.
// Not here: who loads it (pin-keeper.ts), who sends from it (pinned-files.ts).

/** One file in memory. */
export interface ToldPin {
  /** Never used again. */
  readonly id: number;
  /** The version of the file (identity.ts): another version is not answered out of this memory. */
  readonly identityHigh: number;
  readonly identityLow: number;
  /** The memory file, which stays the main thread's. */
  readonly fd: number;
  readonly address: number;
  /** Bytes of the file, and of its whole pages. */
  readonly length: number;
  readonly mappedBytes: number;
}
