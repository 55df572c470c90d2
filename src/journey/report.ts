// Journeys in words and figures: the report at the end, the time line of one message, and the JSON that programs read.

import { printable } from '../meter/report.js';
import { counted, formatBytes } from '../text/units.js';
import type { StageSummary } from './collector.js';
import type { Journey, Party, PathPoint } from './path.js';
import { points } from './points.js';
import { callNumbers } from './programs/send-programs.js';
import { describeFlow } from './record.js';
import type { JourneyReading } from './tracer.js';

const barWidth = 24;

/** Nanoseconds in the unit a reader expects, with three digits or more: `950 ns`, `12.3 us`, `4.56 ms`, `1.20 s`. */
export function formatDuration(durationNs: number): string {
  if (durationNs < 1000) return `${Math.round(durationNs)} ns`;
  if (durationNs < 1e6) return `${(durationNs / 1e3).toFixed(1)} us`;
  if (durationNs < 1e9) return `${(durationNs / 1e6).toFixed(2)} ms`;
  return `${(durationNs / 1e9).toFixed(2)} s`;
}

/** The name of a system call by its number, for those that are noted. */
export function callName(number: number): string | undefined {
  return Object.keys(callNumbers).find((name) => callNumbers[name] === number);
}

/** Below so many columns bars are left out: the figures beside them say the same. */
const columnsForBars = 104;

/** The report at the end. @param subject what was followed, in words. @param columns the width of the terminal. */
export function textReport(
  reading: JourneyReading,
  journeys: readonly Journey[],
  subject: string,
  columns: number = columnsForBars,
): string {
  const wide = columns >= columnsForBars;
  const { tier, elapsedMs, total, slowest } = reading;
  const lines = [
    `Measured journey of ${counted(total.count, 'message')}: ${subject} (${tier}, ${(elapsedMs / 1000).toFixed(1)} s)`,
    ...countLines(reading),
  ];
  if (total.count > 0) {
    lines.push('', ...stageTable(reading, wide));
    const typical = nearest(journeys, total.p50Ns);
    if (typical !== undefined) lines.push('', ...timeLine(typical, 'An ordinary one', wide));
    lines.push('', 'The slowest:', ...slowest.map(slowLine));
    if (slowest[0] !== undefined && slowest[0] !== typical)
      lines.push('', ...timeLine(slowest[0], 'The slowest one', wide));
  } else lines.push('', 'No message that is followed was read meanwhile: look while there is TCP traffic.');
  lines.push('', 'Not seen on this tier:', ...reading.unseen.map((line) => `  ${line}`));
  return `${lines.join('\n')}\n`;
}

function countLines({ messages, outcomes, lost, headless, notKept }: JourneyReading): string[] {
  const { seen, followed, busy } = messages;
  const lines = [
    `  ${outcomes.read} read, ${outcomes.acknowledged} acknowledged by a peer elsewhere, ${outcomes.unfinished} unfinished; ` +
      `on the host ${seen} could be followed, ${followed} were, ${busy} not because their connection had one under way`,
  ];
  for (const { point, records } of lost)
    lines.push(`  ${counted(records, 'record')} lost: the ring was full (${point})`);
  if (lost.length > 0) lines.push('  journeys with a lost record lack a point, or were not finished: use --sample 1/N');
  if (headless > 0) lines.push(`  ${counted(headless, 'message')} without a beginning: that record was lost`);
  if (notKept > 0) lines.push(`  ${counted(notKept, 'journey')} in the figures, but not in exports`);
  return lines;
}

function stageTable({ stages, total }: JourneyReading, wide: boolean): string[] {
  const row = (name: string, { count, p50Ns, p99Ns, maxNs, sumNs }: StageSummary) => {
    const share = total.sumNs === 0 ? 0 : sumNs / total.sumNs;
    const cells = [String(count), formatDuration(p50Ns), formatDuration(p99Ns), formatDuration(maxNs)];
    return `${name.padEnd(30)}${cells.map((cell) => cell.padStart(10)).join('')}  ${wide ? `${bar(0, share)} ` : ''}${percent(share)}`;
  };
  const head = ['messages', 'p50', 'p99', 'max'].map((word) => word.padStart(10)).join('');
  return [
    `${'stage'.padEnd(30)}${head}  ${wide ? 'share of the time of all' : 'share'}`,
    ...stages.map((stage) => row(`${stage.from} > ${stage.to}`, stage)),
    row('the whole journey', total),
  ];
}

function percent(share: number): string {
  return `${(share * 100).toFixed(share < 0.0995 ? 1 : 0)} %`;
}

/** A bar of `#` from one share of the width to another, on dots; whatever takes time shows at least one. */
function bar(from: number, to: number): string {
  const first = Math.min(barWidth - 1, Math.floor(from * barWidth));
  const last = Math.max(first + 1, Math.round(to * barWidth));
  const filled = to > from ? Math.min(barWidth, last) - first : 0;
  return '.'.repeat(first) + '#'.repeat(filled) + '.'.repeat(barWidth - first - filled);
}

/** The journey whose whole time is nearest to one given. */
function nearest(journeys: readonly Journey[], totalNs: number): Journey | undefined {
  let best: Journey | undefined;
  for (const journey of journeys) {
    if (journey.outcome === 'unfinished') continue;
    if (best === undefined || Math.abs(journey.totalNs - totalNs) < Math.abs(best.totalNs - totalNs)) best = journey;
  }
  return best;
}

/** The time line of one message: a line for each stage, with its place in the whole. */
function timeLine(journey: Journey, title: string, wide: boolean): string[] {
  const { path, stages, totalNs, beside } = journey;
  const begin = path[0]!.timeNs;
  const since = (timeNs: number) => formatDuration(timeNs - begin).padStart(10);
  const scale = totalNs === 0 ? 1 : totalNs;
  return [
    `${title}: ${describe(journey)}`,
    `${since(begin)}  ${pointText(path[0]!)}`,
    ...stages.map((stage, index) => {
      const from = (stage.startNs - begin) / scale;
      const drawn = wide ? `${bar(from, from + stage.durationNs / scale)}  ` : '';
      const to = path[index + 1]!;
      return `${since(to.timeNs)}  ${`+${formatDuration(stage.durationNs)}`.padStart(10)}  ${drawn}${pointText(to)}`;
    }),
    ...beside.map(
      (point) =>
        `${since(point.timeNs)}  ${'beside'.padStart(10)}  ${wide ? ' '.repeat(barWidth + 2) : ''}${pointText(point)}`,
    ),
  ];
}

function pointText({ point, device }: PathPoint): string {
  const { words } = points[point];
  return `${point.padEnd(12)} ${words}${device === undefined ? '' : ` (${printable(device)})`}`;
}

/** A message in a line: size, ends, parties. */
export function describe(journey: Journey): string {
  const { bytes, flow, sender, reader, packets, packetsAgain, reads, retransmissions } = journey;
  const parts = [formatBytes(bytes)];
  if (flow !== undefined) parts.push(describeFlow(flow));
  parts.push(`${partyText(sender)} to ${partyText(reader)}`);
  if (packets > 1) parts.push(`${packets} buffers${packetsAgain > 0 ? ` (${packetsAgain} sent again)` : ''}`);
  if (reads > 1) parts.push(`${reads} reads`);
  if (retransmissions > 0) parts.push(`${counted(retransmissions, 'retransmission')}`);
  return parts.join(', ');
}

function partyText(party: Party | undefined): string {
  if (party === undefined) return 'elsewhere';
  const call = callName(party.call);
  return `${printable(party.name)} [${party.thread}]${call === undefined ? '' : ` ${call}`}`;
}

function slowLine(journey: Journey): string {
  const longest = journey.stages.reduce((most, stage) => (stage.durationNs > most.durationNs ? stage : most));
  const most = `${formatDuration(longest.durationNs)} in ${longest.from} > ${longest.to}`;
  return `  ${formatDuration(journey.totalNs).padStart(10)}  ${describe(journey)}; ${most}`;
}

/** A journey as programs read it: what is shown, without the records it was made of. */
function journeyJson(journey: Journey): object {
  const { stamps: _stamps, sender, reader, ...rest } = journey;
  const party = (each: Party | undefined) =>
    each === undefined ? null : { ...each, name: printable(each.name), call: callName(each.call) ?? null };
  return { ...rest, sender: party(sender), reader: party(reader) };
}

/** The report as JSON: the figures, an ordinary journey and the slowest. */
export function jsonReport(reading: JourneyReading, journeys: readonly Journey[], subject: string): object {
  const typical = nearest(journeys, reading.total.p50Ns);
  return {
    subject,
    ...reading,
    slowest: reading.slowest.map(journeyJson),
    ordinary: typical === undefined ? null : journeyJson(typical),
  };
}
