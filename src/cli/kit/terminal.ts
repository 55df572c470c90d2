// How reports meet a terminal: its width, whether it has colours, prose broken to the width, headings in bold. Into a pipe or a
// file goes the text as it is. Not here: what reports say.

import type { WriteStream } from 'node:tty';
import { wrap } from '../../text/wrap.js';

/** A stream that may be a terminal. */
export type Output = Pick<WriteStream, 'isTTY' | 'columns'>;

/** How a text will be shown: its width in characters, and whether there are colours. */
export interface Form {
  readonly columns: number;
  readonly colour: boolean;
}

/** Width of a text that goes into a pipe or a file. */
const pipeColumns = 120;
/** Below this width lines are left to the terminal. */
const leastColumns = 40;

/** The form of a stream: 120 columns without colour when it is no terminal; `NO_COLOR` and `TERM=dumb` are heeded. */
export function formOf(stream: Output): Form {
  if (stream.isTTY !== true) return { columns: pipeColumns, colour: false };
  const colour = process.env.NO_COLOR === undefined && process.env.TERM !== 'dumb';
  return { columns: stream.columns > 0 ? stream.columns : pipeColumns, colour };
}

/**
 * A report as this terminal shows it: lines of prose broken at its width, rows of tables left alone, and a heading (a line that
 * is not indented, above one that is) in bold. Unchanged when the stream is no terminal.
 */
export function dressed(text: string, stream: Output): string {
  if (stream.isTTY !== true) return text;
  const { columns, colour } = formOf(stream);
  const lines = text.split('\n');
  return lines
    .flatMap((line, index) => {
      const heading = colour && /^\S/.test(line) && (index === 0 || (lines[index + 1] ?? '').startsWith('  '));
      const fitted = columns < leastColumns ? [line] : fit(line, columns);
      return heading ? fitted.map((each) => `\u001b[1m${each}\u001b[0m`) : fitted;
    })
    .join('\n');
}

/** Text from outside with a question mark for each character that would move the cursor, or be invisible. */
export const printable = (text: string): string => text.replace(/\p{C}/gu, '?');

/** The least room for words behind an option in which they are broken there. */
const leastWords = 30;

/**
 * A line as lines of at most `columns` characters, the later ones indented beneath the first: beneath its words where it is an option
 * or a name with words behind it. A row of a table stays whole.
 */
function fit(line: string, columns: number): string[] {
  if (line.length <= columns) return [line];
  const [, name, words] = /^( +\S+(?: \S+)* {2,})(\S+(?: \S+)*)$/.exec(line) ?? [];
  if (name !== undefined && words !== undefined && columns - name.length >= leastWords) {
    const hang = ' '.repeat(name.length);
    return wrap(words, columns - name.length).map((part, index) => `${index === 0 ? name : hang}${part}`);
  }
  const [lead = ''] = /^ *(?:- |\d+\. |-> )?/.exec(line) ?? [];
  const prose = line.slice(lead.length);
  if (/\S {2,}\S/.test(prose)) return [line];
  const hang = ' '.repeat(/^ +$/.test(lead) ? lead.length + 2 : lead.length);
  return wrap(prose, columns - hang.length).map((part, index) => `${index === 0 ? lead : hang}${part}`);
}
