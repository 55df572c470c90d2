// Text from outside (tags, names of files) on a terminal: one line, nothing that moves a cursor or turns the writing round.
// Not here: paths that have to stay what they are (path-text.ts).

/** Control characters, and those that change the direction of what follows. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
const unwanted = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]/gu;

/** The text with a blank for each such character, without blanks at its ends, at most `most` characters of it. */
export function plainText(text: string, most = 200): string {
  const plain = text
    .slice(0, most * 2)
    .replaceAll(unwanted, ' ')
    .trim();
  return plain.length > most ? `${plain.slice(0, most - 3)}...` : plain;
}

/** What is no UTF-8 in a file's name stands in Node's text of it as U+FFFD, and nothing is found under that: the rest of a sentence, or nothing. */
export const nameTrouble = (path: string): string =>
  path.includes('\ufffd') ? '; its name is no UTF-8: rename it' : '';
