// The answer of `why` in words.

import { summarise } from '../meter/accounts/accounts.js';
import { formatBytes } from '../text/units.js';
import type { Evidence, Why } from './evidence.js';

/** Text in lines of so many characters, the first and the later ones each behind their own beginning. */
function wrapLines(width: number, text: string, first: string, rest: string): string[] {
  const lines: string[] = [];
  let line = first;
  for (const word of text.split(' ')) {
    if (line.length + word.length > width && line.trim() !== '') {
      lines.push(line.trimEnd());
      line = rest;
    }
    line += `${word} `;
  }
  return [...lines, line.trimEnd()];
}

/** Sentences for people: each reason with what it saves, its remedy and its evidence, then what could not be judged. */
export function whyText({ reasons, blind }: Why, evidence: Evidence, subject: string, width = 110): string {
  const wrapped = (text: string, first: string, rest: string) => wrapLines(width, text, first, rest);
  const { copied, payloadSent, payloadReceived } = summarise(evidence.counters);
  const lines = [
    `Why bytes were copied: ${subject}, ${evidence.tier} tier`,
    `${formatBytes(copied)} copied for ${formatBytes(payloadSent)} sent and ${formatBytes(payloadReceived)} received`,
    '',
  ];
  if (reasons.length === 0) {
    const silent = copied + payloadSent + payloadReceived === 0;
    const nothing = 'Nothing was sent or received through sockets meanwhile: look while there is traffic.';
    lines.push(silent ? nothing : 'None of the rules applies: no copy was found that a change here would avoid.', '');
  }
  reasons.forEach(({ says, savesBytes, remedy, certainty, evidence: facts }, index) => {
    const saves = savesBytes === 0 ? 'saves time, no copy' : `saves ${formatBytes(savesBytes)} (${certainty})`;
    lines.push(...wrapped(`${says}.`, `${index + 1}. `, '   '), ...wrapped(`${saves}: ${remedy}`, '   -> ', '      '));
    lines.push(...wrapped(facts.join('; '), '   evidence: ', '             '), '');
  });
  if (blind.length > 0) {
    lines.push(`What the ${evidence.tier} tier or this host cannot say:`);
    for (const { says } of blind) lines.push(...wrapped(says, '  - ', '    '));
    lines.push('');
  }
  return `${lines.join('\n').trimEnd()}\n`;
}
