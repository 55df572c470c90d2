// One screen of what devices do, a line each, redrawn each second. Not here: who counts, who draws it (cli/kit/devices.ts).

import { formatBytes } from '../text/units.js';
import type { DevicesCounts, QueueCounts } from './queue-counts.js';

/** A column: its head, and what stands in it, of a device's counts and of what it counts a second. */
export type ScreenColumn<Counts> = readonly [
  head: string,
  value: (counts: Counts, perSecond: (of: (counts: Counts) => number) => number) => string | number,
];

const width = 12;
const nameWidth = 20;

/** All that was counted by name. */
export const sumOf = (counts: Readonly<Record<string, number | undefined>>): number =>
  Object.values(counts).reduce<number>((total, count) => total + (count ?? 0), 0);

function line(name: string, values: readonly (string | number)[]): string {
  return `${name.slice(-nameWidth).padEnd(nameWidth)}${values.map((value) => String(value).padStart(width)).join('')}\n`;
}

/** The screen: the columns of a kind of device, and those of every queue. @param seconds since `before` */
export function deviceScreen<Counts extends QueueCounts>(
  columns: readonly ScreenColumn<Counts>[],
  now: DevicesCounts<Counts>,
  before: DevicesCounts<Counts> | undefined,
  seconds: number,
): string {
  const all: readonly ScreenColumn<Counts>[] = [
    ...columns,
    ['kicks/s', (_, perSecond) => Math.round(perSecond(({ kicks }) => kicks))],
    ['irq/s', (_, perSecond) => Math.round(perSecond(({ interrupts }) => interrupts))],
    ['saved/s', (_, perSecond) => Math.round(perSecond(({ interruptsSaved }) => interruptsSaved))],
    ['faults', ({ faults }) => sumOf(faults)],
  ];
  const lines = now.devices.map(({ name, counts }, index) => {
    const old = before?.devices[index]?.counts;
    const perSecond = (of: (counts: Counts) => number): number =>
      Math.max(0, of(counts) - (old === undefined ? 0 : of(old))) / seconds;
    return line(
      name,
      all.map(([, value]) => value(counts, perSecond)),
    );
  });
  const heads = line(
    '',
    all.map(([head]) => head),
  );
  const copied = now.copied.reduce((total, bytes) => total + bytes, 0);
  return `${heads}${lines.join('')}copied in user space: ${formatBytes(copied)}\n`;
}
