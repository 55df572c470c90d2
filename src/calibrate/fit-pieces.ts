// From what pieces cost in each mode to the lengths at which serve changes its mode. Arithmetic only.

import { defaultSendLimits, type SendLimits } from '../transport/send-modes.js';
import { type PiecesMode, pieceSizes } from './measure-pieces.js';
import type { Measured } from './solve.js';

/** The name of a series. */
export const piecesName = (mode: PiecesMode, bytes: number): string => `pieces.${mode}.${bytes}`;

/** A length at which the mode changes, at least and at most, whatever a bad moment said. */
const bounds = { least: 1024, most: 1024 * 1024 };

/** The least cost of a byte in one of the modes; Infinity where none was measured. */
function least(measured: ReadonlyMap<string, Measured>, modes: readonly PiecesMode[], bytes: number): number {
  return Math.min(...modes.map((mode) => measured.get(piecesName(mode, bytes))?.typical ?? Number.POSITIVE_INFINITY));
}

/**
 * The length from which the best of some modes costs no more than the best of the others: between two lengths by the logarithms of their
 * ratios; twice the longest where it never does. undefined where they were not measured.
 */
function crossing(
  measured: ReadonlyMap<string, Measured>,
  short: readonly PiecesMode[],
  long: readonly PiecesMode[],
): number | undefined {
  const points = pieceSizes
    .map((bytes) => ({ bytes, excess: Math.log(least(measured, long, bytes) / least(measured, short, bytes)) }))
    .filter(({ excess }) => Number.isFinite(excess));
  const last = points[points.length - 1];
  if (last === undefined) return undefined;
  const below = points.findLast(({ excess }) => excess > 0);
  if (below === undefined) return points[0]!.bytes;
  const above = points[points.indexOf(below) + 1];
  if (above === undefined) return last.bytes * 2;
  return below.bytes * (above.bytes / below.bytes) ** (below.excess / (below.excess - above.excess));
}

const bounded = (bytes: number): number => Math.round(Math.min(bounds.most, Math.max(bounds.least, bytes)) / 256) * 256;

/** Where serve changes its mode on this host; what was not measured is as serve has it by itself. */
export function fitPieces(measured: ReadonlyMap<string, Measured>): SendLimits {
  const message = crossing(measured, ['message'], ['pipe', 'sendfile']);
  const sendfile = crossing(measured, ['message', 'pipe'], ['sendfile']);
  const messageBelow = bounded(message ?? defaultSendLimits.messageBelow);
  const sendfileFrom = bounded(sendfile ?? defaultSendLimits.sendfileFrom);
  return { messageBelow, sendfileFrom: Math.max(messageBelow, sendfileFrom) };
}
