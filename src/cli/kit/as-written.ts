// Sentences about options of the library, told to whoever wrote a command line: options stand there under other names (`--inline-limit`, not
// `inlineLimit`). Not here: the sentences (serve/option-values.ts).

/** What stands in quotes is a value, whatever its words are; else the first word, and those behind the words by which a sentence names a second option. */
const valuesAndNames = /"(?:[^"\\]|\\.)*"|(?<=^|\b(?:without|and|leave) )\w+/g;

/**
 * The sentence with options named as they are on the command line. Values are left as they were given.
 * @param named what an option is called there; undefined for words that are none
 */
export function asWritten(sentence: string, named: (option: string) => string | undefined): string {
  return sentence.replace(valuesAndNames, (found) => (found.startsWith('"') ? found : (named(found) ?? found)));
}
