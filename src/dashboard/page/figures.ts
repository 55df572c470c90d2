// Figures of the dashboard as people watch them: three digits are enough. Elements are made in ui/dom.ts.

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/** `0 B`, `9.8 KiB`, `412 MiB`: three digits are enough to watch. */
export function bytesText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1023.5 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  const digits = unit === 0 || value >= 100 ? 0 : 1;
  return `${value.toFixed(digits)} ${units[unit]}`;
}

/** A ratio with as many digits as say something; `-` where there is none. */
export function ratioText(ratio: number | null): string {
  if (ratio === null) return '–';
  if (ratio === 0) return '0';
  return ratio < 0.001 ? '<0.001' : ratio < 0.1 ? ratio.toFixed(3) : ratio.toFixed(2);
}

/** A duration with three digits or so: `950 ns`, `12.3 µs`, `4.56 ms`. */
export function durationText(durationNs: number): string {
  if (durationNs < 1000) return `${Math.round(durationNs)} ns`;
  if (durationNs < 1e6) return `${(durationNs / 1e3).toFixed(1)} µs`;
  return durationNs < 1e9 ? `${(durationNs / 1e6).toFixed(2)} ms` : `${(durationNs / 1e9).toFixed(2)} s`;
}

/** How long something has been there: `13 s`, `5 min`, `3 h`, `2 d`. */
export function ageText(ms: number): string {
  const seconds = ms / 1000;
  if (seconds < 90) return `${Math.floor(seconds)} s`;
  if (seconds < 5400) return `${Math.floor(seconds / 60)} min`;
  return seconds < 129_600 ? `${Math.floor(seconds / 3600)} h` : `${Math.floor(seconds / 86_400)} d`;
}

/** A number of things. */
export function countText(count: number): string {
  return count >= 100 ? Math.round(count).toLocaleString('en') : count.toFixed(count === Math.round(count) ? 0 : 1);
}
