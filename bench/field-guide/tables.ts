// The field guide's findings as markdown: what was counted and what the generator says, where bytes were copied, and why.

import { causeNames, causes, tierSees } from '../../src/meter/index.js';
import { formatRatio } from '../../src/meter/report.js';
import { formatBytes } from '../../src/text/units.js';
import type { Reason } from '../../src/why/evidence.js';
import { type Finding, isExact, type SubjectFindings, type UsualFinding } from './run.js';

const digits = new Intl.NumberFormat('en-US');
const count = (value: number) => digits.format(value);

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((cell, index) => Math.max(cell.length, ...rows.map((row) => row[index]!.length)));
  const line = (cells: readonly string[], words: number) =>
    `| ${cells.map((cell, index) => (index < words ? cell.padEnd(widths[index]!) : cell.padStart(widths[index]!))).join(' | ')} |`;
  const rule = `| ${widths.map((width, index) => (index < 2 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`;
  return [line(head, 2), rule, ...rows.map((row) => line(row, 2))].join('\n');
}

/** `=` where both are the same, else both and what they differ by. */
function against(metered: number, counted: number): string {
  if (metered === counted) return `${count(counted)} =`;
  const difference = metered - counted;
  return `${count(counted)}, metered ${difference > 0 ? '+' : ''}${count(difference)}`;
}

function exactRow(finding: Finding): string[] {
  const { subject, load, moved, summary } = finding;
  return [
    subject,
    load,
    count(moved.requests),
    against(summary.payloadSent, moved.receivedBytes),
    against(summary.payloadReceived, moved.sentBytes),
    isExact(finding) ? 'exact' : 'WRONG',
  ];
}

function copiesRow({ subject, load, summary, sendCalls, receiveCalls, moved }: Finding): string[] {
  return [
    subject,
    load,
    formatBytes(summary.userToKernel),
    formatBytes(summary.kernelToUser),
    formatBytes(summary.kernelToKernel),
    formatBytes(summary.byReference),
    formatRatio(summary.amplification.sent),
    formatRatio(summary.amplification.received),
    formatRatio(summary.amplification.total),
    `${(sendCalls / moved.requests).toFixed(1)} / ${(receiveCalls / moved.requests).toFixed(1)}`,
  ];
}

function usualRow({ subject, load, server, generator, ownCountBytes }: UsualFinding): string[] {
  return [
    subject,
    load,
    against(server.sentBytes, generator.receivedBytes),
    against(server.receivedBytes, generator.sentBytes),
    ownCountBytes === undefined ? '-' : against(generator.receivedBytes, ownCountBytes),
  ];
}

/** The sentences of `clearway why`, once for each rule, with the loads it was found under. */
function whyOf(findings: readonly Finding[]): string[] {
  const byRule = new Map<string, { first: Reason; loads: string[] }>();
  for (const { load, why } of findings) {
    for (const reason of why.reasons) {
      const known = byRule.get(reason.rule);
      if (known === undefined) byRule.set(reason.rule, { first: reason, loads: [load] });
      else known.loads.push(load);
    }
  }
  if (byRule.size === 0) return ['* nothing: no rule found a copy that something here would stop'];
  return [...byRule.values()].map(({ first: { says, savesBytes, certainty, remedy }, loads }) => {
    const saves = savesBytes === 0 ? 'saves time' : `saves ${formatBytes(savesBytes)}, ${certainty}`;
    return `* ${loads.join('; ')}. Of the first: ${says.replaceAll(/ \(\d+\)/g, '')}. Remedy: ${remedy} (${saves}).`;
  });
}

/** What the tier leaves out of the columns of copies. */
function unseenColumns(finding: Finding): string {
  const missing = causeNames.filter(
    (name) => causes[name].side !== undefined || causes[name].movement.includes('-to-'),
  );
  const words = missing.filter((name) => !tierSees(finding.tier, name)).map((name) => causes[name].words);
  return words.length === 0 ? '' : `The ${finding.tier} tier does not see: ${words.join('; ')}. They are in no column.`;
}

/** Everything, as a page's sections. */
export function renderGuide(all: readonly SubjectFindings[]): string {
  const findings = all.flatMap((each) => each.findings);
  const usual = all.flatMap((each) => (each.usual === undefined ? [] : [each.usual]));
  const sections: string[] = [];
  if (findings.length > 0) {
    const exact = findings.filter(isExact).length;
    sections.push(
      `### Payload: the meter against the client's own count\n\n${exact} of ${findings.length} loads exact to the byte, both ways.`,
      table(
        ['server', 'load', 'requests', 'client received, bytes', 'client sent, bytes', 'verdict'],
        findings.map(exactRow),
      ),
      `### Who copies what\n\n${unseenColumns(findings[0]!)}`.trim(),
      table(
        [
          'server',
          'load',
          'user to kernel',
          'kernel to user',
          'within kernel',
          'by reference',
          'copied per byte sent',
          'per byte received',
          'in all',
          'sends / receives per request',
        ],
        findings.map(copiesRow),
      ),
    );
  }
  if (usual.length > 0) {
    sections.push(
      '### The generators that others use\n\nBoth ends metered; the last column is what the generator itself says it received.',
      table(
        ['server', 'generator', 'generator received, bytes', 'generator sent, bytes', 'its own count'],
        usual.map(usualRow),
      ),
    );
  }
  const why = all
    .filter((each) => each.findings.length > 0)
    .map((each) => ({ subject: each.subject, lines: whyOf(each.findings) }))
    .map(({ subject, lines }) => `${subject}\n\n${lines.join('\n')}`);
  if (why.length > 0) sections.push('### What `clearway why` says', ...why);
  const left = all.flatMap((each) => [
    ...(each.skipped === undefined ? [] : [`* ${each.subject}: ${each.skipped}`]),
    ...(each.skipped === undefined &&
    each.usual === undefined &&
    each.usualSkipped !== undefined &&
    each.usualSkipped !== 'not asked for'
      ? [`* ${each.subject}, usual generator: ${each.usualSkipped}`]
      : []),
  ]);
  if (left.length > 0) sections.push('### Left out', left.join('\n'));
  return `${sections.join('\n\n')}\n`;
}
