// The doctor's report as people read it: one aligned line for each finding, and beneath what is missing its cost and its
// fix. Pure text in, text out. Not here: what is found (kernel/probe.ts).

import { type Finding, type ProbeState, probeGroups } from '../kernel/probe.js';
import { wrap } from '../text/wrap.js';
import type { Form } from './kit/terminal.js';

const headings: Readonly<Record<(typeof probeGroups)[number], string>> = {
  host: 'Host',
  engine: 'Engine',
  files: 'Files',
  sockets: 'Sockets',
  memory: 'Memory and limits',
  bpf: 'BPF (the copy meter)',
  bypass: 'Around the kernel',
  audio: 'Sound',
};

const colours: Readonly<Record<ProbeState, number>> = { yes: 32, limited: 33, no: 31 };
const stateWidth = 'limited'.length;
const narrowest = 40;

/** The whole report; ends with a newline. Lines are at most `columns` wide, unless a single word is wider. */
export function renderFindings(findings: readonly Finding[], engine: string | null, form: Form): string {
  const nameWidth = Math.max(...findings.map(({ what }) => what.length), 0);
  const lines: string[] = [];
  for (const group of probeGroups) {
    const members = findings.filter((finding) => finding.group === group);
    if (members.length === 0) continue;
    lines.push(bold(headings[group], form), ...members.flatMap((finding) => renderOne(finding, nameWidth, form)), '');
  }
  lines.push(...wrap(closing(findings, engine), form.columns));
  return `${lines.join('\n')}\n`;
}

/** Findings of one group, a line each with what is missing beneath; ends with a newline. */
export function findingLines(findings: readonly Finding[], form: Form): string {
  const nameWidth = Math.max(...findings.map(({ what }) => what.length), 0);
  return `${findings.flatMap((finding) => renderOne(finding, nameWidth, form)).join('\n')}\n`;
}

function renderOne(finding: Finding, nameWidth: number, form: Form): string[] {
  const { what, state, detail, meaning, cost, remedy } = finding;
  const indent = 2 + stateWidth + 2 + nameWidth + 2;
  const width = Math.max(narrowest, form.columns - indent);
  const [first = '', ...rest] = [...wrap(`${detail}.`, width), ...wrap(meaning, width).map((line) => dim(line, form))];
  const missing = [
    ...(cost === null ? [] : labelled('costs', cost, width)),
    ...(remedy === null ? [] : labelled('fix', remedy, width)),
  ];
  const label = paint(state.padEnd(stateWidth), colours[state], form);
  return [
    `  ${label}  ${what.padEnd(nameWidth)}  ${first}`,
    ...[...rest, ...missing].map((line) => `${' '.repeat(indent)}${line}`),
  ];
}

function labelled(label: string, text: string, width: number): string[] {
  const head = `${label}: `;
  return wrap(text, width - head.length).map((line, index) => `${index === 0 ? head : ' '.repeat(head.length)}${line}`);
}

function closing(findings: readonly Finding[], engine: string | null): string {
  const count = (state: ProbeState) => findings.filter((finding) => finding.state === state).length;
  const counts = `${count('yes')} yes, ${count('limited')} limited, ${count('no')} no.`;
  if (engine === null) return `${counts} Clearway cannot serve on this host.`;
  return `${counts} --engine auto takes ${engine === 'uring' ? 'io_uring' : engine} here.`;
}

const paint = (text: string, colour: number, { colour: on }: Form): string =>
  on ? `\u001b[${colour}m${text}\u001b[0m` : text;
const bold = (text: string, form: Form): string => paint(text, 1, form);
const dim = (text: string, form: Form): string => paint(text, 2, form);
