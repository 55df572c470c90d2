// Experiments in words and figures: the table with predicted and measured bytes side by side, and the JSON.

import type { CauseName, Tier } from '../meter/index.js';
import { formatBytes } from '../text/units.js';
import type { Experiment } from './run.js';
import { judge } from './verdict.js';

const columns = [
  ['experiment', 18],
  ['sender', 9],
  ['call', 10],
  ['measured', 10],
  ['path', 10],
  ['reverted', 10],
  ['linearised', 10],
  ['other', 10],
  ['at the peer', 11],
  ['per byte', 9],
  ['copied by', 0],
] as const;

function row(cells: readonly string[]): string {
  return cells
    .map((cell, index) =>
      index < 2 || index === 10 ? cell.padEnd(columns[index]![1]) : cell.padStart(columns[index]![1]),
    )
    .join(' ')
    .trimEnd();
}

/** The table's head: what each column holds, and which tier measures. */
export function tableHead(tier: Tier): string {
  const seen =
    tier === 'functions'
      ? 'linearised, other: the meter (functions tier)'
      : 'linearised, other: the meter, whose tracepoints tier does not see them (a host that allows fentry shows them)';
  return [
    'Predicted and measured bytes copied, for each way to send and each treatment of the path:',
    '  call        predicted and measured: user to kernel, by the sending call',
    `  path        predicted: payload copied between the call and the receiver; measured by the ${tier} tier and the lab:`,
    '  reverted    pinned pages copied after all: the meter',
    `  ${seen}`,
    '  at the peer payload that arrived in one block, so was copied there: a tc program of the lab on the receiving device',
    '  per byte    copies seen on the sending side and the path for each byte of payload',
    '  copied by   the kernel function on the path, as predicted',
    '',
    row(columns.map(([name]) => name)),
    '',
  ].join('\n');
}

const others: readonly CauseName[] = ['segmented', 'xdpCopied', 'captured', 'otherCopied'];

/** One experiment as lines of the table: figures, then remarks where there are any. */
export function tableLines(experiment: Experiment): string {
  const { treatment, sender, predicted, measured, bytes } = experiment;
  const verdict = judge(experiment);
  if (measured === undefined || verdict === undefined) {
    return `${row([treatment, sender])} not run: ${(experiment.skipped ?? '').split('\n')[0]}\n`;
  }
  const { counters } = measured;
  const figure = (names: readonly CauseName[]) =>
    names.some((name) => counters[name] === undefined)
      ? 'not seen'
      : formatBytes(names.reduce((sum, name) => sum + counters[name]!, 0));
  const cells = [
    ...[treatment, sender, formatBytes(predicted.byTheCall), figure(['tcpSent'])],
    ...[formatBytes(predicted.linearised + predicted.copied), figure(['reverted']), figure(['linearised'])],
    ...[figure(others), formatBytes(measured.arrivedLinear)],
    `${verdict.unseenBytes > 0 ? '>=' : ''}${(verdict.copiedBytes / bytes).toFixed(2)}`,
    predicted.rules.map(({ rule }) => shortRule(rule)).join(' + '),
  ];
  return `${[row(cells), ...remarks(experiment).map((text) => `${' '.repeat(18)} ${text}`)].join('\n')}\n`;
}

/** The first kernel function of a rule. */
function shortRule(rule: string): string {
  return rule.split(/ → | in | \/ /)[0]!;
}

function remarks(experiment: Experiment): string[] {
  const { measured } = experiment;
  const verdict = judge(experiment);
  if (measured === undefined || verdict === undefined) return [];
  const { notices, program, counters } = measured;
  const copied = verdict.copiedBytes;
  return [
    ...verdict.differences.map((text) => `NOT AS PREDICTED: ${text}`),
    ...(verdict.unseenBytes > 0 ? [`${formatBytes(verdict.unseenBytes)} of the prediction cannot be seen here`] : []),
    ...((counters.otherReceived ?? 0) > 0 ? [`the capture read ${formatBytes(counters.otherReceived!)}`] : []),
    ...(program !== undefined && program.headerBytes > 0
      ? [`${program.headerBytes} bytes of headers were added to ${program.packets} packets`]
      : []),
    ...(notices !== undefined && notices.referenced > 0 && copied >= experiment.bytes
      ? [
          `the kernel said of ${notices.referenced} of ${notices.referenced + notices.copied} sends that nothing was copied`,
        ]
      : []),
  ];
}

/** The last lines: what copied and how to avoid it, and how many predictions held. */
export function closingLines(experiments: readonly Experiment[]): string {
  const verdicts = experiments.map(judge);
  const measured = verdicts.filter((verdict) => verdict !== undefined);
  const agreed = measured.filter((verdict) => verdict.agrees).length;
  const skipped = experiments.length - measured.length;
  const rules = new Map(experiments.flatMap(({ predicted }) => predicted.rules.map((each) => [each.rule, each])));
  const legend = [...rules.values()].map(({ rule, why, avoid }) => `  ${rule}\n    ${why}; to avoid it: ${avoid}\n`);
  if (legend.length > 0) legend.unshift('\nWhat copied:\n');
  return `${legend.join('')}\n${agreed} of ${measured.length} experiments as predicted${skipped > 0 ? `, ${skipped} not run` : ''}.\n`;
}

/** One experiment as data. Counters that the tier cannot see are absent. */
export function jsonExperiment(experiment: Experiment): object {
  return { ...experiment, verdict: judge(experiment) };
}
