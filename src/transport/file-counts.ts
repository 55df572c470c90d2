// What is counted of the files that connections send: numbers for metrics, written by whoever sends, read by anyone.

import { sendModeNames } from './send-modes.js';

/** See the file's head. */
export interface FileCounts {
  /** Ranges that were not in the page cache and were fetched first. */
  coldFetches: number;
  /** Files that became shorter while they were sent, or another version of which only one may be sent. */
  truncated: number;
  /** Bytes of responses with files, by the mode in which they left (SendMode). */
  readonly modeBytes: Float64Array;
  /** Sends by reference: those that the kernel used in place, and those that it copied after all. */
  readonly references: Float64Array;
}

/** Counts that begin at nothing. */
export function noFileCounts(): FileCounts {
  return {
    coldFetches: 0,
    truncated: 0,
    modeBytes: new Float64Array(sendModeNames.length),
    references: new Float64Array(2),
  };
}
