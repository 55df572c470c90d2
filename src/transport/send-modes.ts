// How the pieces of a response leave, chosen by their lengths: many small ones by one message out of a mapping, where the kernel copies
// them once; middle ones as references through a pipe, many by one call; large ones by sendfile, a call each.
// Not here: sending them (list-pump.ts).

import type { QueuedEntry } from './output.js';

/** The ways of {@link chooseMode}. */
export const SendMode = { message: 0, pipe: 1, sendfile: 2, reference: 3 } as const;

/** Names of the modes by their number, as metrics say them. */
export const sendModeNames = ['gather', 'splice', 'sendfile', 'zerocopy'] as const;

/** Lengths in bytes at which another mode costs less. */
export interface SendLimits {
  /** Pieces that are shorter than this on average leave by a message. */
  readonly messageBelow: number;
  /** Pieces of this length and more leave by sendfile. */
  readonly sendfileFrom: number;
}

/**
 * What holds where nothing was measured. On loopback, in processor seconds a GiB, by sendfile each, the pipe, and a message: pieces of
 * 600 B 8.9, 2.3 and 0.71; of 2 KiB 2.3, 0.79 and 0.33; of 6,000 B 1.1, 0.36 and 0.26; of 16 KiB 0.41, 0.14 and 0.28; of 64 KiB 0.21,
 * 0.16 and 0.23. `clearway calibrate` measures the same.
 */
export const defaultSendLimits: SendLimits = { messageBelow: 8 * 1024, sendfileFrom: 64 * 1024 };

/** Fewer pieces are not worth a mapping. */
const leastMapped = 4;
/** Pieces that are looked at for the choice. */
const mostLookedAt = 64;

/**
 * How an extent leaves, and what is like it behind it.
 * @param gone bytes of it that left already. @param isMapped whether pieces of its file left by a message already.
 */
export function chooseMode(first: QueuedEntry, gone: number, limits: SendLimits, isMapped: boolean): number {
  const { file, next } = first;
  if (first.length - gone >= limits.sendfileFrom) return SendMode.sendfile;
  let bytes = first.length - gone;
  let count = 1;
  for (let entry = next; entry !== undefined && count < mostLookedAt; entry = entry.next) {
    if (entry.file === undefined) continue;
    if (entry.file !== file || entry.length >= limits.sendfileFrom) break;
    bytes += entry.length;
    count++;
  }
  const isShort = bytes < limits.messageBelow * count;
  if (isShort && (isMapped || count >= leastMapped) && file?.mapping !== undefined) return SendMode.message;
  const isAlone = next === undefined || next.file === undefined || next.length >= limits.sendfileFrom;
  return isAlone ? SendMode.sendfile : SendMode.pipe;
}

/** Between pieces of a span there are at most so many bytes that are not sent: they are brought into memory with them. */
const mostBetween = 1024 * 1024;

/**
 * Where a span ends: the range of a file in which an extent and those behind it lie, as far as they go forward.
 * @param gone bytes of the extent that left already. @param most bytes of the span.
 */
export function spanEnd(first: QueuedEntry, gone: number, most: number): number {
  const { file, place } = first;
  const limit = place + gone + most;
  let end = place + first.length;
  for (let entry = first.next; entry !== undefined && end < limit; entry = entry.next) {
    if (entry.file === undefined) continue;
    if (entry.file !== file || entry.place < end || entry.place - end > mostBetween) break;
    end = entry.place + entry.length;
  }
  return Math.min(end, limit);
}
