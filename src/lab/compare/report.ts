// What `clearway bypass compare` prints: one table for people, one object for programs. Not here: how it was measured (comparison.ts).

import { release } from 'node:os';
import { type Compared, type ComparePlan, type Figures, type Row, rounds } from './comparison.js';
import type { Copied } from './copies.js';
import { type WayName, ways } from './ways.js';

/** What was found of a workload, and what was asked for. */
export interface Run {
  readonly compared: Compared;
  readonly plan: Pick<ComparePlan, 'seconds' | 'workload'>;
}

const places = { label: 30, value: 18 } as const;

/** A figure with as many digits as say something. */
export const short = (value: number): string =>
  value >= 100 ? Math.round(value).toLocaleString('en-US') : value.toFixed(value >= 10 ? 1 : 2);

function line(label: string, kernel: string, bypass: string, ratio = ''): string {
  const row = `  ${label.padEnd(places.label)}${kernel.padStart(places.value)}${bypass.padStart(places.value)}${ratio.padStart(10)}`;
  return `${row.trimEnd()}\n`;
}

const copiedInAll = ({ metered, own, derived }: Copied): number => metered + own + derived;

/** The rows of a file and a number of connections: what each is called, its figure, its unit. */
export const rowsOf: readonly (readonly [string, (figures: Figures) => number | undefined, string])[] = [
  ['requests a second', ({ requestsPerSecond }) => requestsPerSecond, ''],
  ['half answered within (p50)', ({ p50Us }) => p50Us, ' us'],
  ['99 of 100 within (p99)', ({ p99Us }) => p99Us, ' us'],
  ['CPU a request, server', ({ serverCpuUs }) => serverCpuUs, ' us'],
  ['CPU a request, whole machine', ({ machineCpuUs }) => machineCpuUs, ' us'],
  ['system calls a request', ({ systemCalls }) => systemCalls, ''],
  ['packets a request', ({ packets }) => packets, ''],
  ['bytes copied a request', ({ copied }) => copied && copiedInAll(copied), ''],
  ['copies of each byte carried', ({ copied, carriedBytes }) => copied && copiedInAll(copied) / carriedBytes!, ''],
];

/** What a row was measured with. */
export function titleOf({ bytes, connections }: Pick<Row, 'bytes' | 'connections'>): string {
  const size = bytes < 1024 ? `${bytes} bytes` : `${bytes / 1024} KiB`;
  return `${size}, ${connections === 1 ? '1 connection' : `${connections} connections`}`;
}

const unseenFiles =
  'The meter that this host allows sees no reads of files: a file that is not in memory, which our own TCP/IP reads into frames and the kernel sends by reference, is copied once more past the kernel than the figures say.';

const copiesWords = [
  "Bytes copied are the server's: by its system calls (the meter), and in user space (its own account). Those of our own TCP/IP have one thing that is derived, not counted: in copy mode, which its socket reports, AF_XDP copies each byte that the device carries once.",
  'Copies of each byte carried: bytes copied for each byte that the device carried, headers included. Left out: what the client copies, and what a veth may copy of a packet before its XDP program sees it.',
];

/** How it was measured, and what the figures do not say: a sentence or two each. */
export function conditions(
  { uncounted, unmetered, isFileUnseen }: Compared,
  { seconds, workload }: Pick<ComparePlan, 'seconds' | 'workload'>,
): string[] {
  const what = workload === 'kv' ? 'GET of a value' : 'GET of a file';
  return [
    `${what}, medians of ${rounds} rounds, ${seconds} s in all for each figure, one worker, over a veth pair on this machine, which client and server share.`,
    "A veth copies each packet of our own TCP/IP (several cards need no copy), and carries up to 64 KiB of the kernel's as one (a card cuts it).",
    "CPU of the server leaves out what the kernel does for it in others' time; the whole machine has that, the client, and whatever else ran.",
    'The guard of frames is always on: its cost, against a build without it, is in docs/bench-bypass.md (`npm run bench:bypass`).',
    ...(unmetered === undefined ? copiesWords : [`Copies were not counted: ${unmetered}.`]),
    ...(isFileUnseen === true ? [unseenFiles] : []),
    ...(uncounted === undefined ? [] : [`System calls were not counted: ${uncounted}.`]),
  ];
}

/** The table, and what it does not say in numbers. */
export function compareText(compared: Compared, plan: Pick<ComparePlan, 'seconds' | 'workload'>): string {
  const { rows, engines, idleMsPerSecond } = compared;
  let text = line('', ways.kernel.title, ways.bypass.title, 'ratio');
  text += line('', `(${engines.kernel})`, `(${engines.bypass})`);
  for (const row of rows) {
    const { figures } = row;
    text += `\n${titleOf(row)}\n`;
    for (const [label, figure, unit] of rowsOf) {
      const [kernel, bypass] = [figure(figures.kernel), figure(figures.bypass)];
      if (kernel === undefined || bypass === undefined) continue;
      const ratio = kernel > 0 ? `${(bypass / kernel).toFixed(2)}x` : '';
      text += line(label, short(kernel) + unit, short(bypass) + unit, ratio);
    }
  }
  text += '\nWithout a connection\n';
  text += line('CPU a second, server', `${short(idleMsPerSecond.kernel)} ms`, `${short(idleMsPerSecond.bypass)} ms`);
  for (const way of ['kernel', 'bypass'] as const) text += wordsOf(way);
  text += `\n${conditions(compared, plan).join('\n')}\n`;
  return text;
}

function wordsOf(way: WayName): string {
  const { title, lost, isolation, privileges } = ways[way];
  const losses = lost.length === 0 ? '  - lost: nothing\n' : lost.map((each) => `  - lost: ${each}\n`).join('');
  return `\nWhat ${title} ${way === 'kernel' ? 'mean' : 'means'}\n${losses}  - isolation: ${isolation}\n  - privileges: ${privileges}\n`;
}

/** The same as one object. */
export function compareJson(compared: Compared, plan: Pick<ComparePlan, 'seconds' | 'workload'>): object {
  const { rows, engines, idleMsPerSecond, uncounted, unmetered, isFileUnseen } = compared;
  const of = (way: WayName) => ({
    ...ways[way],
    engine: engines[way],
    idleCpuMsPerSecond: idleMsPerSecond[way],
  });
  return {
    compare: 'clearway',
    kernelRelease: release(),
    device: 'veth',
    workload: plan.workload,
    seconds: plan.seconds,
    rounds,
    ways: { kernel: of('kernel'), bypass: of('bypass') },
    rows: rows.map(({ bytes, connections, figures }) => ({ bytes, connections, ...figures })),
    ...(uncounted !== undefined && { uncounted }),
    ...(unmetered !== undefined && { unmetered }),
    ...(isFileUnseen !== undefined && { isFileUnseen }),
  };
}
