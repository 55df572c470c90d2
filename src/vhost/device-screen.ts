// One screen of what devices do, a line each, redrawn each second; it is as wide and as long as the terminal, and nothing wraps. Pure text. Not here:
// figures (device-figures.ts), who draws it (cli/kit/devices.ts).

import { formatBytes } from '../text/units.js';
import type { DeviceFigures, DevicesFigures, Measure } from './device-figures.js';

/** The least that a name gets, and what it gets where there is room. */
const leastName = 10;
const mostName = 32;
/** Lines that are always there, or may be: the heads, what was copied, what is left out, and the cursor's. */
const otherLines = 4;

const scales = ['', 'k', 'M', 'G', 'T', 'P'] as const;

/** A number in 5 characters: `0`, `9999`, `12.3k`, `456M`. Bytes go by 1,024. */
export function shortNumber(value: number, unit: Measure['unit']): string {
  const step = unit === 'bytes' ? 1024 : 1000;
  let [scaled, scale] = [value, 0];
  const most = unit === 'bytes' ? 1023.5 : 9999.5;
  while (scaled >= (scale === 0 ? most : 999.5) && scale < scales.length - 1) {
    scaled /= step;
    scale++;
  }
  const digits = scale === 0 || scaled >= 99.95 ? 0 : 1;
  return `${scaled.toFixed(digits)}${scales[scale]}`;
}

/** A name in so many characters: its end, since that tells paths apart. */
const shortName = (name: string, width: number): string =>
  name.length <= width ? name.padEnd(width) : `…${name.slice(1 - width)}`;

function cells(measures: readonly Measure[], { state, now }: DeviceFigures): string[] {
  const isIdle = state.frontEnd === undefined;
  return measures.map(({ isRate, unit }, index) => (isRate && isIdle ? '-' : shortNumber(now[index]!, unit)));
}

/** The screen. @param columns of the terminal @param rows of it */
export function deviceScreen(
  measures: readonly Measure[],
  { devices, reasons, copied }: DevicesFigures,
  columns: number,
  rows: number,
): string {
  const further = [...new Set(reasons.map(([what]) => what))].map((what) => {
    const whys = reasons.filter(([each]) => each === what).map(([, why, count]) => `${count} ${why}`);
    return `${what}: ${whys.join(', ')}`;
  });
  const shown = devices.slice(0, Math.max(1, rows - otherLines - further.length));
  const lines = shown.map((device) => cells(measures, device));
  const widths = measures.map(({ head }, index) => Math.max(head.length, ...lines.map((line) => line[index]!.length)));
  // A column stands whole, or not at all: half a figure is another one.
  let [fitting, taken] = [0, 0];
  while (fitting < widths.length && leastName + taken + widths[fitting]! + 1 <= columns)
    taken += widths[fitting++]! + 1;
  const longest = Math.max(leastName, ...shown.map(({ name }) => name.length));
  const nameWidth = Math.min(longest, mostName, columns - taken);
  const line = (name: string, values: readonly string[]): string =>
    `${shortName(name, nameWidth)}${values
      .slice(0, fitting)
      .map((value, index) => ` ${value.padStart(widths[index]!)}`)
      .join('')}`;
  const bytes = Object.values(copied).reduce((total, each) => total + each, 0);
  return [
    line(
      'a second',
      measures.map(({ head }) => head),
    ),
    ...shown.map(({ name }, index) => line(name, lines[index]!)),
    ...(shown.length < devices.length ? [`and ${devices.length - shown.length} more`] : []),
    ...further,
    `copied in user space: ${formatBytes(bytes)}`,
  ]
    .map((each) => `${each.slice(0, columns)}\n`)
    .join('');
}
