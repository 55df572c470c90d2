// Values of options that several commands take, checked alike: what is wrong is said with what would be right. Not here: options themselves
// (flags.ts), what a value is for.

import { parseTimeMs, parseWholeSize, timeForm } from '../../text/units.js';
import { UsageError } from './usage.js';

/** A whole number within bounds. @throws UsageError */
export function wholeNumber(
  name: string,
  value: string | undefined,
  fallback: number,
  least: number,
  most: number,
): number {
  if (value === undefined) return fallback;
  const number = /^\d+$/.test(value) ? Number(value) : Number.NaN;
  if (number >= least && number <= most) return number;
  throw new UsageError(`--${name} is ${JSON.stringify(value)}, and must be a whole number from ${least} to ${most}`);
}

/** Bytes: `512m`, `64G`, `1TiB`. @throws UsageError */
export function byteSize(name: string, value: string | undefined, fallback: number): number {
  if (value === undefined) return fallback;
  const bytes = parseWholeSize(value);
  if (bytes > 0) return bytes;
  throw new UsageError(`--${name} is ${JSON.stringify(value)}, and must be a number of bytes such as 512m or 64g`);
}

/** The longest that a timer of Node's waits is 24.8 days; told in whole hours. */
const longestMs = 596 * 3_600_000;

/** Milliseconds of a time such as `10`, `500ms` or `2m`, where it was given. @throws UsageError */
export function timeOf(name: string, value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  const timeMs = parseTimeMs(value);
  if (timeMs >= 1 && timeMs <= longestMs) return timeMs;
  throw new UsageError(`--${name} is ${JSON.stringify(value)}, and must be ${timeForm(1, longestMs)}`);
}

/** Permissions of a socket's file, as `chmod` takes them; 660 without a value. @throws UsageError */
export function socketMode(value: string | undefined): number {
  if (value === undefined) return 0o660;
  if (/^0?[0-7]{3}$/.test(value)) return Number.parseInt(value, 8);
  throw new UsageError(`--socket-mode is ${JSON.stringify(value)}, and must be an octal number such as 660`);
}

/** One of a few words, where it was given. @throws UsageError */
export function oneOf<T extends string>(name: string, value: string | undefined, allowed: readonly T[]): T | undefined {
  const found = allowed.find((each) => each === value);
  if (value === undefined || found !== undefined) return found;
  throw new UsageError(`--${name} is ${JSON.stringify(value)}, and must be ${allowed.join(' or ')}`);
}
