// The max-age of Cache-Control as applications write it: milliseconds, or a number with a unit of time.

const secondMs = 1000;
const dayMs = 24 * 3600 * secondMs;
const longestMs = 365 * dayMs;

const unitsMs: ReadonlyArray<readonly [names: RegExp, ms: number]> = [
  [/^(?:|ms|msecs?|milliseconds?)$/, 1],
  [/^(?:s|secs?|seconds?)$/, secondMs],
  [/^(?:m|mins?|minutes?)$/, 60 * secondMs],
  [/^(?:h|hrs?|hours?)$/, 3600 * secondMs],
  [/^(?:d|days?)$/, dayMs],
  [/^(?:w|weeks?)$/, 7 * dayMs],
  [/^(?:y|yrs?|years?)$/, 365.25 * dayMs],
];

/**
 * Whole seconds, from 0 to a year (RFC 9111 asks for no more than a recipient may believe). What cannot be read is 0.
 * @param value milliseconds, or a text such as `30d`, `1.5 hours`, `60000`.
 */
export function parseMaxAge(value: number | string | undefined): number {
  const ms = typeof value === 'string' ? parseText(value) : typeof value === 'number' ? value : Number.NaN;
  return Number.isNaN(ms) ? 0 : Math.floor(Math.min(Math.max(0, ms), longestMs) / 1000);
}

function parseText(text: string): number {
  const match = /^(-?\d*\.?\d+) *([a-z]*)$/i.exec(text);
  if (match === null) return Number.NaN;
  const unit = unitsMs.find(([names]) => names.test(match[2]!.toLowerCase()));
  return unit === undefined ? Number.NaN : Number(match[1]) * unit[1];
}
