// Values of options, checked alike: each becomes a plain number, word or truth, or is refused with a sentence that names the option, what was given and what is
// allowed. Not here: which options there are (options.ts).

import { wrongArgument } from '../text/coded.js';
import { shown } from '../text/shown.js';
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
  throw new OptionError(`${option} is ${shown(given)}, and must be ${allowed}`, option);
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

/** What a file or a command line may have: of anything else there is no text. */
const isText = (value: unknown): boolean => typeof value === 'string' || typeof value === 'number';

/** @throws OptionError for options that are no object, or have a name that is not known */
export function checkNames(options: unknown, known: Readonly<Record<string, true>>): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    throw new OptionError(`options are an object of names and values, not ${shown(options)}`, 'options');
  for (const name of Object.keys(options))
    if (!Object.hasOwn(known, name))
      throw new OptionError(`there is no option ${name}: the options are ${Object.keys(known).join(', ')}`, name);
}

/** A longer timer would fire at once. */
const longestTimerMs = 2 ** 31 - 1;

/** Milliseconds until what is under way is ended, as a timer takes them. @throws RangeError for what is no time */
export function graceOf(graceMs: unknown): number {
  if (typeof graceMs === 'number' && graceMs >= 0) return Math.min(graceMs, longestTimerMs);
  throw wrongArgument(`graceMs is milliseconds from 0 on, not ${shown(graceMs)}`);
}

/** Milliseconds of a number of seconds, or of a text with a unit. @param leastMs the shortest that is allowed. @throws OptionError */
export function parseDuration(option: string, value: unknown, fallbackMs: number, leastMs = 0): number {
  if (value === undefined) return fallbackMs;
  const timeMs = isText(value) ? parseTimeMs(String(value)) : Number.NaN;
  return timeMs >= leastMs ? Math.round(timeMs) : refuse(option, value, timeForm(leastMs));
}

/** Bytes of a number, or of a text with a unit. @param alternative what else is allowed, for the sentence. @throws OptionError */
export function bytesOf(option: string, value: unknown, fallback: number, alternative = ''): number {
  if (value === undefined) return fallback;
  const bytes = isText(value) ? parseWholeSize(String(value)) : Number.NaN;
  return bytes >= 0 ? bytes : refuse(option, value, `a number of bytes such as 512, 64K or 10M${alternative}`);
}
