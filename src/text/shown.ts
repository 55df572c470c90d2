// A value that somebody gave, as a sentence shows it that refuses it. Not here: what is right instead.

/** JSON where the value has one, else what it is in words: of any value, and never an error of its own. */
export function shown(value: unknown): string {
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'function') return 'a function';
  if (typeof value !== 'string' && typeof value !== 'object') return String(value);
  try {
    return JSON.stringify(value) ?? 'an object';
  } catch {
    // A circle, a bigint within, a getter that throws, a proxy that was revoked.
    return 'an object';
  }
}
