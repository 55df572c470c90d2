// Figures in words, as every report, listing and page writes them, and sizes and times as every option takes them. Pure text.

/** A number and its noun: `1 frame`, `2 frames`. @param one the noun in the singular; its plural ends with an s. */
export function counted(count: number, one: string): string {
  return `${count} ${one}${count === 1 ? '' : 's'}`;
}

/** Seconds as a place in a film or song, without their fraction: `3:04`, `1:02:03`. */
export function clockWords(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (value: number): string => String(value).padStart(2, '0');
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

const unitNames = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/** Bytes for people: `0 B`, `9.8 KiB`, `64.0 MiB`. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < unitNames.length - 1) {
    value /= 1024;
    unit++;
  }
  return unit === 0 ? `${Math.round(value)} B` : `${value.toFixed(1)} ${unitNames[unit]}`;
}

/** A size as {@link parseSize} takes it. It has no flags, so that a JSON schema can carry its source. */
export const sizePattern = /^\s*([0-9]*\.?[0-9]+)\s*([kKmMgGtT]?)[iI]?[bB]?\s*$/;

const multipliers: Readonly<Record<string, number>> = { '': 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3, t: 1024 ** 4 };

/** Bytes of `1500`, `64K`, `0.5m`, `2 MiB`, by powers of 1024; `1.3M` ends with a part of a byte. NaN when it is no size, or more than a number can count. */
export function parseSize(text: string): number {
  const match = sizePattern.exec(text);
  const bytes = match === null ? Number.NaN : Number(match[1]) * multipliers[match[2]!.toLowerCase()]!;
  return bytes <= Number.MAX_SAFE_INTEGER ? bytes : Number.NaN;
}

/** As {@link parseSize}, to the nearest byte. */
export function parseWholeSize(text: string): number {
  return Math.round(parseSize(text));
}

const millisecondsOf: Readonly<Record<string, number>> = { '': 1000, ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Milliseconds of a number of seconds, or of one with a unit: `10`, `0.5`, `500ms`, `10s`, `2m`, `1h`. NaN when it is none. */
export function parseTimeMs(text: string): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|h|)$/.exec(text) ?? [];
  return number === undefined ? Number.NaN : Number(number) * millisecondsOf[unit!]!;
}

/**
 * What a time has to be, for the sentence that refuses one, with its bounds in seconds: what a number without a unit is.
 * @param leastMs the shortest; 0 goes without saying, as nothing is below it
 * @param mostMs the longest; left out where there is none
 */
export function timeForm(leastMs: number, mostMs?: number): string {
  const least = `${leastMs / 1000} s`;
  if (mostMs !== undefined) return `a time from ${least} to ${mostMs / 1000} s, such as 500ms, 10s or 2m`;
  return leastMs === 0 ? 'a time such as 10, 500ms, 10s or 2m' : `a time of ${least} or more, such as 500ms, 10s or 2m`;
}

/** Bits a second for people: `128 kbit/s`, `4.2 Mbit/s`. */
export function formatBitRate(bitsPerSecond: number): string {
  if (bitsPerSecond >= 999_500) return `${(bitsPerSecond / 1e6).toFixed(1)} Mbit/s`;
  return `${Math.round(bitsPerSecond / 1000)} kbit/s`;
}
