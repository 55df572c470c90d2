// The table of constants as a page: every constant, and what each known host has instead. Formats only.

import { type Constant, type ConstantId, constantIds, constants } from './constants.js';
import { type Host, hostIds, hosts } from './hosts.js';

const head = ['| constant | value | unit | kind | conditions | source |', '| --- | --- | --- | --- | --- | --- |'];

function row(id: string, one: Constant): string {
  const kind = one.fittedOn ? `${one.kind}, solved from row ${one.fittedOn.join(', ')}` : one.kind;
  return `| ${id} | ${one.value} | ${one.unit} | ${kind} | ${one.conditions} | ${one.source} |`;
}

/** docs/constants.md. */
export function constantsTable(): string {
  const lines = [
    '# Constants of the packet-journey model',
    '',
    'Written by `node dist/tools/plan-tables.js`. `clearway plan --explain` prints those that a scenario uses; a scenario replaces any of',
    'them under `constants:`. Published: read or solved from the source named. Assumed: an estimate, to be measured (`clearway calibrate`).',
    '',
    ...head,
    ...constantIds.map((id) => row(id, constants[id])),
  ];
  for (const id of hostIds) {
    const host: Host = hosts[id];
    lines.push('', `## Host \`${id}\`: ${host.title}`, '', `${host.source}.`);
    const own = Object.entries(host.constants) as [ConstantId, Constant][];
    if (own.length > 0) lines.push('', ...head, ...own.map(([name, one]) => row(name, one)));
  }
  return `${lines.join('\n')}\n`;
}
