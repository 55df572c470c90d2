// A reading in words and figures: the report at the end, the live table, and the JSON that programs read.

import { counted, formatBytes } from '../text/units.js';
import { type AccountRow, addCounters, type Counters, subtractCounters, summarise } from './accounts/accounts.js';
import { type CauseName, causeNames, causes, type Movement } from './accounts/causes.js';
import type { SocketRow } from './accounts/socket-accounts.js';
import type { Reading } from './meter.js';

/** Bytes per byte of payload: `1.00`, or `-` where there was no payload. */
export function formatRatio(ratio: number | null): string {
  return ratio === null ? '-' : ratio.toFixed(2);
}

/** What a process did, its rows (one for each network namespace and cgroup) together. */
export interface ProcessSum {
  readonly processId: number;
  readonly startNs: number;
  readonly command: string;
  readonly cgroupIds: readonly string[];
  readonly networkNamespaces: readonly number[];
  readonly counters: Counters;
}

/** Rows by process, the largest copier first. */
export function byProcess(rows: readonly AccountRow[]): ProcessSum[] {
  const groups = new Map<string, AccountRow[]>();
  for (const row of rows) {
    const key = `${row.processId} ${row.startNs}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [row]);
    else group.push(row);
  }
  const sums = [...groups.values()].map((group) => ({
    processId: group[0]!.processId,
    startNs: group[0]!.startNs,
    command: group.find((row) => row.command !== '')?.command ?? '',
    cgroupIds: [...new Set(group.map((row) => row.cgroupId))],
    networkNamespaces: [...new Set(group.map((row) => row.networkNamespace))],
    counters: addCounters(group.map((row) => row.counters)),
  }));
  const size = new Map(sums.map((sum) => [sum, summarise(sum.counters)]));
  return sums.sort((left, right) => {
    const a = size.get(left)!;
    const b = size.get(right)!;
    return b.copied - a.copied || b.byReference - a.byReference;
  });
}

const groupsOfReport: readonly (readonly [Movement, string, 'copies' | 'other'])[] = [
  ['user-to-kernel', 'user to kernel', 'copies'],
  ['kernel-to-user', 'kernel to user', 'copies'],
  ['kernel-to-kernel', 'within the kernel', 'copies'],
  ['by-reference', 'moved by reference, not copied', 'other'],
];

function line(words: string, bytes: number, rest = ''): string {
  return `${words.padEnd(44)} ${formatBytes(bytes).padStart(11)}${rest === '' ? '' : `   ${rest}`}`.trimEnd();
}

/** The lines of one movement: its sum, then each cause of it that is not 0. */
function movementLines(movement: Movement, words: string, counters: Counters): string[] {
  const members = causeNames.filter((name) => causes[name].movement === movement && name in counters);
  const sum = members.reduce((total, name) => total + counters[name]!, 0);
  if (sum === 0) return [line(`  ${words}`, 0)];
  return [
    line(`  ${words}`, sum),
    ...members.filter((name) => counters[name] !== 0).map((name) => line(`    ${causes[name].words}`, counters[name]!)),
  ];
}

function processTable(rows: readonly AccountRow[], most: number): string[] {
  const sums = byProcess(rows);
  // 80 columns hold it: a name of Linux has 15 characters at most, an amount 10.
  const head = `${'process'.padStart(7)}  ${'command'.padEnd(15)}${'copied'.padStart(11)}${'by reference'.padStart(13)}${'sent'.padStart(11)}${'received'.padStart(11)}${'per byte'.padStart(9)}`;
  const lines = sums.slice(0, most).map((sum) => {
    const total = summarise(sum.counters);
    const cells = [
      formatBytes(total.copied).padStart(11),
      formatBytes(total.byReference).padStart(13),
      formatBytes(total.payloadSent).padStart(11),
      formatBytes(total.payloadReceived).padStart(11),
      formatRatio(total.amplification.total).padStart(9),
    ];
    return `${String(sum.processId).padStart(7)}  ${printable(sum.command).padEnd(15)}${cells.join('')}`;
  });
  const more = sums.length - most;
  return [head, ...lines, ...(more > 0 ? [`${''.padStart(7)}  and ${more} more`] : [])];
}

/** Command names come from programs: nothing in them may steer a terminal. */
export function printable(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]/g, '?');
}

/** What was lost or could not be billed, as sentences; empty in a sound run. */
export function shortfallLines({ shortfall }: Reading): string[] {
  const { lostEvents, lostBytes, missedEvents, unattributedBytes, unattributedEvents } = shortfall;
  return [
    ...(lostEvents > 0 ? [`${lostEvents} transfers (${formatBytes(lostBytes)}) found no room for an account`] : []),
    ...(missedEvents > 0 ? [`${missedEvents} events were missed by the kernel: the figures are too low`] : []),
    ...(unattributedBytes > 0
      ? [
          `${formatBytes(unattributedBytes)} of reverted zero-copy (${unattributedEvents} buffers) came from senders not known, on the whole host`,
        ]
      : []),
  ];
}

/** The report at the end. @param subject what was metered, in words. */
export function textReport(reading: Reading, subject: string): string {
  const { summary, counters } = reading;
  const { amplification } = summary;
  const lines = [
    `Copies by the CPU: ${subject}, ${(reading.elapsedMs / 1000).toFixed(1)} s, ${reading.tier} tier`,
    '',
    line('payload sent', summary.payloadSent),
    line('payload received', summary.payloadReceived),
    line('copied by the CPU', summary.copied),
  ];
  for (const [movement, words] of groupsOfReport) lines.push(...movementLines(movement, words, counters));
  lines.push(
    '',
    `copy amplification: ${formatRatio(amplification.total)} in all (bytes copied for each byte of the larger payload), ` +
      `${formatRatio(amplification.sent)} sending, ${formatRatio(amplification.received)} receiving`,
    `operations: ${counted(counters.sendCalls ?? 0, 'send')}, ${counted(counters.receiveCalls ?? 0, 'receive')}`,
  );
  if ((counters.uncertain ?? 0) > 0)
    lines.push(`of these, ${causes.uncertain.words}: ${formatBytes(counters.uncertain!)}`);
  lines.push(...shortfallLines(reading));
  if (reading.rows.length > 0) lines.push('', ...processTable(reading.rows, 20));
  if (reading.unseen.length > 0) {
    lines.push('', `The ${reading.tier} tier does not see:`, ...reading.unseen.map((words) => `  - ${words}`));
  }
  if (reading.untested.length > 0) {
    lines.push('', 'The self-test could not try:', ...reading.untested.map((words) => `  - ${words}`));
  }
  return `${lines.join('\n')}\n`;
}

/** The open sockets with the most traffic, as lines. */
export function socketTable(rows: readonly SocketRow[], most = 20): string {
  if (rows.length === 0) return 'No socket was open at the end.\n';
  const head = `${'process'.padStart(9)}  ${'socket'.padEnd(8)}${'copied out'.padStart(12)}${'by reference'.padStart(14)}${'received'.padStart(12)}  ends`;
  const lines = rows.slice(0, most).map((row) => {
    const cells = [
      formatBytes(row.sentCopied).padStart(12),
      formatBytes(row.sentByReference).padStart(14),
      formatBytes(row.received).padStart(12),
    ];
    const ends = row.local === '' ? '' : `  ${row.local} - ${row.remote}`;
    return `${String(row.processId).padStart(9)}  ${row.protocol.padEnd(8)}${cells.join('')}${ends}`;
  });
  const more = rows.length > most ? [`${''.padStart(9)}  and ${rows.length - most} more`] : [];
  return `${[head, ...lines, ...more].join('\n')}\n`;
}

/** One frame of the live table: rates since the reading before. @param height lines of the terminal. */
export function liveFrame(now: Reading, before: Reading | undefined, subject: string, height: number): string {
  const seconds = (now.elapsedMs - (before?.elapsedMs ?? 0)) / 1000;
  const keyOf = (row: AccountRow) => `${row.processId} ${row.startNs} ${row.networkNamespace} ${row.cgroupId}`;
  const earlier = new Map((before?.rows ?? []).map((row) => [keyOf(row), row.counters]));
  const perSecond = (counters: Counters) =>
    Object.fromEntries(Object.entries(counters).map(([name, value]) => [name, value / seconds])) as Counters;
  const rows = now.rows
    .map((row) => ({ ...row, counters: perSecond(subtractCounters(row.counters, earlier.get(keyOf(row)) ?? {})) }))
    .filter((row) => Object.values(row.counters).some((value) => value > 0));
  const rate = summarise(perSecond(subtractCounters(now.counters, before?.counters ?? {})));
  const lines = [
    `Copies by the CPU a second: ${subject} (${now.tier}; Ctrl-C: report)`,
    `copied ${formatBytes(rate.copied)}, by reference ${formatBytes(rate.byReference)}, sent ${formatBytes(rate.payloadSent)}, ` +
      `received ${formatBytes(rate.payloadReceived)}`,
    `amplification ${formatRatio(rate.amplification.total)}; since the start ` +
      `${formatRatio(now.summary.amplification.total)}, copied ${formatBytes(now.summary.copied)}`,
    ...shortfallLines(now),
    '',
  ];
  if (rows.length === 0) lines.push('nothing was sent or received in this interval');
  else lines.push(...processTable(rows, Math.max(1, height - lines.length - 3)));
  return `${lines.join('\n')}\n`;
}

/** A reading as data for other programs: plain names, bytes, no units to parse. Counters a tier cannot see are absent. */
export function jsonReport(reading: Reading, subject: string, cgroups: ReadonlyMap<string, string>): object {
  return {
    meter: 'clearway',
    subject,
    tier: reading.tier,
    elapsedMs: Math.round(reading.elapsedMs * 1000) / 1000,
    summary: reading.summary,
    counters: reading.counters satisfies Partial<Record<CauseName, number>>,
    shortfall: reading.shortfall,
    processes: byProcess(reading.rows).map((sum) => ({
      processId: sum.processId,
      command: sum.command,
      startNs: sum.startNs,
      cgroups: sum.cgroupIds.map((id) => cgroups.get(id) ?? `id ${id}`),
      networkNamespaces: sum.networkNamespaces,
      summary: summarise(sum.counters),
      counters: sum.counters,
    })),
    unseen: reading.unseen,
    untested: reading.untested,
  };
}
