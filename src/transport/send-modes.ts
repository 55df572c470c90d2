// How the pieces of a response leave, chosen by their lengths: many small ones by one message out of a mapping, where the kernel copies
// them once; middle ones as references through a pipe, many by one call; large ones by sendfile, a call each.
// Not here: sending them (list-pump.ts).

import { Ahead } from './ahead.js';

/** The ways of {@link chooseMode}. */
export const SendMode = { message: 0, pipe: 1, sendfile: 2, reference: 3 } as const;

/** Names of the modes by their number, as metrics say them. */
export const sendModeNames = ['gather', 'splice', 'sendfile', 'zerocopy'] as const;

/** Lengths in bytes at which another mode costs less. */
export interface SendLimits {
  /** Pieces that are shorter than this on average leave by a message. */
  readonly messageBelow: number;
  /** Pieces that have this length and more on average leave by sendfile. */
  readonly sendfileFrom: number;
}

/**
 * What holds where nothing was measured. On loopback, segments of a film of 4 Mbit/s whose frames of some 20 KB lie between packets of sound
 * need 1.00x of what nginx needs for them as plain files by messages, 1.47x with the pipe from 8 KiB on, and 1.84x by sendfile from
 * 16 KiB on. `clearway calibrate` measures the same on a host.
 */
export const defaultSendLimits: SendLimits = { messageBelow: 64 * 1024, sendfileFrom: 64 * 1024 };

/** Fewer pieces are not worth a mapping. */
const leastMapped = 4;
/** Pieces that are looked at for the choice. */
const mostLookedAt = 16;

/** A piece of this length leaves by a call of its own, whatever the others are like. */
const longBytes = 64 * 1024;

const ahead = new Ahead();

/** From which length on a piece is never one of many. */
export function longFrom({ sendfileFrom }: SendLimits): number {
  return Math.max(longBytes, sendfileFrom);
}

/**
 * How an extent leaves, and what is like it behind it: by what they have on average, because to change between modes costs more than
 * the wrong one does near where they are equal.
 * @param from where the extent is, without the bytes that left. @param isMapped whether pieces of its file left by a message already.
 */
export function chooseMode(from: Ahead, limits: SendLimits, isMapped: boolean): number {
  const { file } = from;
  const long = longFrom(limits);
  let bytes = from.length;
  if (bytes >= long) return SendMode.sendfile;
  let count = 1;
  ahead.from(from);
  while (count < mostLookedAt && ahead.next()) {
    if (ahead.file === undefined) continue;
    if (ahead.file !== file || ahead.length >= long) break;
    bytes += ahead.length;
    count++;
  }
  const isShort = bytes < limits.messageBelow * count;
  if (isShort && (isMapped || count >= leastMapped) && file?.mapping !== undefined) return SendMode.message;
  return count === 1 || bytes >= limits.sendfileFrom * count ? SendMode.sendfile : SendMode.pipe;
}

/** Between pieces of a span there are at most so many bytes that are not sent: they are brought into memory with them. */
const mostBetween = 1024 * 1024;

/**
 * Where a span ends: the range of a file in which an extent and those behind it lie, as far as they go forward.
 * @param from where the extent is, without the bytes that left. @param most bytes of the span.
 */
export function spanEnd(from: Ahead, most: number): number {
  const { file, place, length } = from;
  const limit = place + most;
  let end = place + length;
  ahead.from(from);
  while (end < limit && ahead.next()) {
    if (ahead.file === undefined) continue;
    if (ahead.file !== file || !follows(ahead.place, end)) break;
    end = ahead.place + ahead.length;
  }
  return Math.min(end, limit);
}

const follows = (place: number, end: number): boolean => place >= end && place - end <= mostBetween;
