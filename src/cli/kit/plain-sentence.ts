// What is said of an error that ends a command: one line that moves no cursor, with what the host is short of in its place, and what is to be known of a name that
// is no UTF-8. Not here: who says it, and the exit status.

import { nameTrouble } from '../../text/plain-text.js';
import { shortageSentence } from './shortage.js';
import { printable } from './terminal.js';

/** Something was looked for by its name. */
const absent = /\bthere is no (?:such file|file|directory|image)\b/;

/** The sentence for an error, without the command's name. @param message said in place of the error's own */
export function plainSentence(
  error: unknown,
  message = error instanceof Error ? error.message : String(error),
): string {
  const told = printable(shortageSentence(error) ?? message);
  const name = absent.test(told) ? nameTrouble(told) : '';
  return told.endsWith(name) ? told : told + name;
}
