// Values of options, checked alike: each becomes a plain number, word or truth, or is refused with a sentence that names the option, what was given and what is
// allowed. Not here: which options there are (options.ts).

import { parseTimeMs, parseWholeSize, timeForm } from '../text/units.js';

/** A bad option: one plain sentence that names it, what was given and what is allowed. */
export class OptionError extends Error {
  override readonly name = 'OptionError';
  readonly code = 'CLEARWAY_OPTION';
  /** The option, by its name in the library. */
  readonly option: string;

  constructor(message: string, option: string) {
    super(message);
    this.option = option;
  }
}

/** @throws OptionError that names the option, what was given, and what is allowed */
export function refuse(option: string, given: unknown, allowed: string): never {
  throw new OptionError(`${option} is ${JSON.stringify(given)}, and must be ${allowed}`, option);
}

/** @throws OptionError for what is neither true nor false */
export function flag(option: string, value: unknown): boolean {
  if (value === undefined) return false;
  return typeof value === 'boolean' ? value : refuse(option, value, 'true or false');
}

/** As {@link flag}, also in words. @throws OptionError */
export function onOff(option: string, value: unknown, fallback: boolean): boolean {
  if (value === undefined) return fallback;
  if (typeof value === 'boolean') return value;
  return value === 'on' || value === 'off' ? value === 'on' : refuse(option, value, 'on or off');
}

/** A whole number from `least` to `most`, as a number or as digits. @throws OptionError */
export function integer(option: string, value: unknown, fallback: number, least: number, most: number): number {
  if (value === undefined) return fallback;
  const number = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value;
  if (typeof number === 'number' && Number.isInteger(number) && number >= least && number <= most) return number;
  return refuse(option, value, `a whole number from ${least} to ${most}`);
}

/** One of a few words. @throws OptionError */
export function choice<T extends string>(option: string, value: unknown, fallback: T, allowed: readonly T[]): T {
  if (value === undefined) return fallback;
  return allowed.find((each) => each === value) ?? refuse(option, value, `one of ${allowed.join(', ')}`);
}

/** Milliseconds of a number of seconds, or of a text with a unit. @param leastMs the shortest that is allowed. @throws OptionError */
export function parseDuration(option: string, value: unknown, fallbackMs: number, leastMs = 0): number {
  if (value === undefined) return fallbackMs;
  const timeMs = parseTimeMs(String(value));
  return timeMs >= leastMs ? Math.round(timeMs) : refuse(option, value, timeForm(leastMs));
}

/** Bytes of a number, or of a text with a unit. @param alternative what else is allowed, for the sentence. @throws OptionError */
export function bytesOf(option: string, value: unknown, fallback: number, alternative = ''): number {
  if (value === undefined) return fallback;
  const bytes = parseWholeSize(String(value));
  return bytes >= 0 ? bytes : refuse(option, value, `a number of bytes such as 512, 64K or 10M${alternative}`);
}
