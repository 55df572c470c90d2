// The report as people read it in a terminal: a name and its words a row, no line longer than asked for. Pure. Not here: the words (words.ts).

import { wrap } from '../../text/wrap.js';
import type { PlayReport } from './report.js';
import { definitions, reportRows } from './words.js';

const nameWidth = 13;

function rowText(name: string, words: string, columns: number): string {
  const width = Math.max(24, columns - nameWidth);
  return wrap(words, width)
    .map((line, index) => `${(index === 0 ? name : '').padEnd(nameWidth)}${line}`)
    .join('\n');
}

/**
 * The report; ends with a newline.
 * @param columns most characters of a line; a word that is longer stands alone
 * @param explained what the words mean follows
 */
export function reportText(report: PlayReport, columns = 80, explained = true): string {
  const rows = reportRows(report).map(([name, words]) => rowText(name, words, columns));
  const meanings = definitions.map(([name, words]) => rowText(`  ${name}`, words, columns));
  const sentence = wrap(report.sentence, columns).join('\n');
  return `${[...rows, sentence, ...(explained ? ['', 'What the words mean:', ...meanings] : [])].join('\n')}\n`;
}
