// The readable report of `clearway plan`: one scenario's answer as text for a terminal, plain ASCII bars, no colour needed to understand it.

import { fieldNames, fields, type Scenario } from '../scenario.js';
import { isRequestPath } from '../stages/request.js';
import type { Answer } from './answer.js';
import type { Comparison } from './compare.js';

const barWidth = 30;

/** Nanoseconds in the unit a reader expects: 950 ns, 12.3 us, 4.56 ms. */
export function formatNs(ns: number): string {
  if (ns === 0) return '0 ns';
  if (ns < 1000) return `${ns.toFixed(ns < 10 ? 1 : 0)} ns`;
  if (ns < 1e6) return `${(ns / 1e3).toFixed(1)} us`;
  return `${(ns / 1e6).toFixed(2)} ms`;
}

/** Bytes with a binary prefix when they are a whole number of it. */
export function formatBytes(bytes: number): string {
  for (const [unit, size] of [
    ['GiB', 2 ** 30],
    ['MiB', 2 ** 20],
    ['KiB', 2 ** 10],
  ] as const) {
    if (bytes >= size) return `${Number((bytes / size).toFixed(bytes % size === 0 ? 0 : 1))} ${unit}`;
  }
  return `${Math.round(bytes)} B`;
}

/** A size that somebody chose, to the byte: 64 KiB, 9000 B; only beyond a MiB it is rounded. */
export function formatSize(bytes: number): string {
  return bytes < 2 ** 20 && bytes % 2 ** 10 !== 0 ? `${bytes} B` : formatBytes(bytes);
}

/** Bits a second with a decimal prefix. */
export function formatRate(bitsPerSecond: number): string {
  if (bitsPerSecond >= 1e12) return `${(bitsPerSecond / 1e12).toFixed(2)} Tb/s`;
  if (bitsPerSecond >= 1e9) return `${(bitsPerSecond / 1e9).toFixed(1)} Gb/s`;
  return `${(bitsPerSecond / 1e6).toFixed(1)} Mb/s`;
}

function bar(share: number): string {
  const filled = Math.round(Math.min(1, Math.max(0, share)) * barWidth);
  return '#'.repeat(filled) + '.'.repeat(barWidth - filled);
}

function table(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    `  ${row.map((cell, column) => (column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!))).join('  ')}`.trimEnd(),
  );
}

/** What differs from the defaults, as a reader would say it. */
function describeScenario(scenario: Scenario): string {
  const parts: string[] = [];
  for (const name of fieldNames) {
    const value = scenario[name];
    if (name === 'name' || value === fields[name].default) continue;
    const { kind } = fields[name];
    const shown =
      kind === 'size' ? formatSize(Number(value)) : kind === 'rate' ? formatRate(Number(value)) : String(value);
    parts.push(`${name} ${shown}`);
  }
  const constants = Object.entries(scenario.constants).map(([id, value]) => `${id}=${value}`);
  return [...parts, ...constants].join(', ') || 'every field at its default';
}

/** The time line; below 100 columns the chart stands in the place of where a stage ends. */
function timelineLines(answer: Answer, columns: number): string[] {
  const { rows: all, latencyNs } = answer.timeline;
  const rows = all.filter((row) => row.busyNs > 0 || row.latencyNs > 0);
  const narrow = columns < 100;
  const names = Math.max(0, ...rows.map((row) => `${row.side} ${row.label}`.length));
  const chartWidth = Math.max(10, Math.min(60, columns - names - (narrow ? 26 : 38)));
  const position = (ns: number): number => Math.round((ns / latencyNs) * chartWidth);
  const cells = rows.map((row) => {
    const chart = new Array<string>(chartWidth).fill(' ');
    for (const { startNs, endNs } of row.bars) {
      const first = Math.min(position(startNs), chartWidth - 1);
      for (let at = first; at <= first || at < position(endNs); at += 1) chart[at] = '=';
    }
    return [
      `${row.side} ${row.label}`,
      formatNs(row.startNs),
      ...(narrow ? [] : [formatNs(row.endNs)]),
      formatNs(row.busyNs),
      `|${chart.join('')}|`,
    ];
  });
  return table([['stage', 'from', ...(narrow ? [] : ['to']), 'busy', ''], ...cells]);
}

function comparisonLines(list: readonly Comparison[], against: string): string[] {
  return table([
    ['', 'Gb/s', against, 'latency', 'CPU s/GiB', 'bottleneck'],
    ...list.map((one) => [
      one.title,
      one.gbps.toFixed(1),
      `${(one.relative * 100).toFixed(0)} %`,
      formatNs(one.latencyNs),
      one.secondsPerGiB.toFixed(3),
      one.bottleneck,
    ]),
  ]);
}

function bypassLines(list: readonly Comparison[], frameBytes: number): string[] {
  return table([
    ['', 'Mpps', 'against the kernel', 'latency', 'CPU ns a frame', 'bottleneck'],
    ...list.map((one) => [
      one.title,
      ((one.gbps * 1e3) / 8 / frameBytes).toFixed(3),
      `${(one.relative * 100).toFixed(0)} %`,
      formatNs(one.latencyNs),
      Math.round((one.secondsPerGiB * 1e9 * frameBytes) / 2 ** 30).toString(),
      one.bottleneck,
    ]),
  ]);
}

function requestLines(list: readonly Comparison[], bytes: number): string[] {
  return table([
    ['', 'requests/s', 'against the kernel', 'CPU us a request', 'copies of each byte'],
    ...list.map(({ title, gbps, relative, secondsPerGiB, copies }) => [
      title,
      Math.round((gbps * 1e9) / 8 / bytes).toLocaleString('en'),
      `${(relative * 100).toFixed(0)} %`,
      ((secondsPerGiB * 1e6 * bytes) / 2 ** 30).toFixed(1),
      `${copies}`,
    ]),
  ]);
}

function throughputLine(answer: Answer): string {
  const { throughput, scenario } = answer;
  if (scenario.path === 'socket') {
    return `${formatRate(throughput.gbps * 1e9)} of payload (${Math.round(throughput.mibPerSecond).toLocaleString('en')} MiB/s, ${Math.round(throughput.messagesPerSecond).toLocaleString('en')} messages/s, ${throughput.mpps.toFixed(3)} Mpps)`;
  }
  if (isRequestPath(scenario.path))
    return `${Math.round(throughput.messagesPerSecond).toLocaleString('en')} requests/s (${formatRate(throughput.gbps * 1e9)} of files)`;
  return `${throughput.mpps.toFixed(2)} Mpps (${formatRate(throughput.gbps * 1e9)} of frames)`;
}

function predictionLines(answer: Answer): string[] {
  const { prediction } = answer;
  if (!prediction) return [];
  const lines = ['', 'Will it be copied?', `  ${prediction.sentence}`];
  for (const one of prediction.findings) {
    const verb = one.kind === 'expand' ? 'cut' : one.kind === 'linearise' ? 'made linear' : 'copied';
    lines.push(`  - ${formatBytes(one.bytes)} ${verb}: ${one.rule} (${one.source})`, `    ${one.avoid}`);
  }
  for (const one of prediction.harmless) lines.push(`  - harmless: ${one}`);
  return lines;
}

function sweetSpotLines(answer: Answer): string[] {
  if (answer.breakEven.length === 0) return [];
  const lines = ['', 'Sweet spots', ...answer.breakEven.map((one) => `  ${one.sentence}`)];
  lines.push(`  Fragments below ${answer.coalescing.bytes} B are cheaper copied together than referenced one by one.`);
  if (answer.packing) {
    const { exact, greedy } = answer.packing;
    lines.push(
      `  Packed at best into ${exact.handoffs} hand-offs of ${formatBytes(exact.bytesPerHandoff)} (greedy: ${greedy.handoffs}), ${exact.descriptors} descriptors` +
        (exact.linearisedBytes > 0 ? `, ${formatBytes(exact.linearisedBytes)} must be made linear` : ''),
    );
  }
  return lines;
}

/** Processor time of a message, at the ends that are modelled. */
function processorLine({ cpu }: Answer): string {
  const ends = [
    ...(cpu.senderNsPerMessage > 0 ? [`${formatNs(cpu.senderNsPerMessage)} at the sender`] : []),
    ...(cpu.receiverNsPerMessage > 0 ? [`${formatNs(cpu.receiverNsPerMessage)} at the receiver`] : []),
  ];
  return `Processor time: ${ends.join(', ')} for each message; ${cpu.secondsPerGiB.toFixed(3)} s a GiB`;
}

/** The report, for a terminal of so many columns. */
export function report(answer: Answer, columns = 120): string {
  const { scenario, latency, utilisation } = answer;
  const loaded = latency.loaded;
  const lines = [
    `${scenario.name || 'Packet journey'}: ${describeScenario(scenario)}`,
    `Host: ${answer.host.title}`,
    '',
    `Throughput: ${throughputLine(answer)}`,
    answer.bottleneck.sentence,
    processorLine(answer),
    '',
    'Utilisation at that rate',
    ...utilisation.map((one) => `  ${bar(one.share)} ${(one.share * 100).toFixed(0).padStart(3)} %  ${one.label}`),
    '',
    `One message on idle machines: ${formatNs(latency.unloadedNs)} (without overlap ${formatNs(latency.serialNs)})`,
    ...timelineLines(answer, columns),
    `At ${Math.round(loaded.load * 100)} % load: ${formatNs(loaded.latencyNs)}. ${loaded.statement}.`,
  ];
  if (answer.ways.length > 0) lines.push('', 'Ways', ...comparisonLines(answer.ways, 'against copy'));
  if (answer.guests.length > 0)
    lines.push('', 'In a virtual machine', ...comparisonLines(answer.guests, 'against none'));
  if (answer.bypass.length > 0)
    lines.push(
      '',
      'Through the kernel and past it',
      ...(isRequestPath(scenario.path) ? requestLines : bypassLines)(answer.bypass, scenario.message),
    );
  lines.push(...sweetSpotLines(answer), ...predictionLines(answer));
  if (answer.advice.length > 0) lines.push('', 'Advice', ...answer.advice.map((one) => `  - ${one.sentence}`));
  return `${lines.join('\n')}\n`;
}

/** Stages with their terms and constants: no number without a source. */
export function explanation(answer: Answer): string {
  const lines: string[] = ['Stages'];
  for (const stage of answer.stages) {
    lines.push(
      `  ${stage.side}, ${stage.label} on the ${stage.resource}: ${formatNs(stage.busyNs)} busy${stage.latencyNs > 0 ? `, ${formatNs(stage.latencyNs)} later` : ''}`,
    );
    for (const term of stage.terms) {
      const each = `${Number(term.each.toPrecision(4))} ${term.unit.startsWith('us') ? 'ns' : term.unit}`;
      lines.push(
        `      ${term.label}: ${each} x ${Number(term.count.toPrecision(6))} = ${formatNs(term.ns)}${term.constant ? ` [${term.constant}]` : ''}`,
      );
    }
  }
  lines.push('', 'Constants');
  for (const one of answer.constants) {
    lines.push(
      `  ${one.id} = ${one.value} ${one.unit}  (${one.kind}${one.fittedOn ? `, solved from row ${one.fittedOn.join(', ')}` : ''})`,
    );
    lines.push(`      ${[one.conditions, one.source].filter((text) => text !== '').join('; ')}`);
  }
  return `${lines.join('\n')}\n`;
}
