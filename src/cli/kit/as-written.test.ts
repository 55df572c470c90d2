import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { resolveOptions } from '../../serve/options.js';
import { asWritten } from './as-written.js';

const names = new Map([
  ['host', '--host'],
  ['log', '--log'],
  ['logFile', '--log-file'],
  ['bypass', '--bypass'],
  ['socket', '--socket'],
  ['socketMode', '--socket-mode'],
]);
const written = (sentence: string): string => asWritten(sentence, (option) => names.get(option));

/** The sentence by which the options are refused. */
function refusal(options: object): string {
  try {
    resolveOptions(options, 1000);
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('they are not refused');
}

test('the option that a sentence is about is named as on the command line, and so is the second that it names', () => {
  for (const [sentence, told] of [
    ['logFile is "", and must be a path', '--log-file is "", and must be a path'],
    ['socketMode is given without socket: it is a mode', '--socket-mode is given without --socket: it is a mode'],
    [
      'host is not of it: leave it out, or leave bypass out',
      '--host is not of it: leave it out, or leave --bypass out',
    ],
    ['there is no directory host: name one', 'there is no directory host: name one'],
  ] as const) {
    assert.equal(written(sentence), told);
  }
  assert.match(
    written(refusal({ log: 'none', logFile: 'a' })),
    /^--log is "none", and --log-file names "a": leave one/,
  );
  assert.match(written(refusal({ host: 'a', bypass: 'lo' })), /^--host is .* or leave --bypass out$/);
});

test('words of a value stay, whatever they are', () => {
  const words = ['without', 'and', 'leave', 'host', 'log', 'bypass', 'socket', '"', '\\', ' ', ', ', ': '];
  const value = fc.array(fc.constantFrom(...words), { maxLength: 12 }).map((parts) => `?${parts.join(' ')}`);
  fc.assert(
    fc.property(value, (text) => {
      for (const [options, given] of [
        [{ log: text }, text],
        [{ log: 'none', logFile: text }, text],
        [{ host: [text] }, text],
        [{ bypass: 'lo', bypassAddress: [text, 7] }, [text, 7]],
        [{ trustProxy: text.replaceAll(',', '') }, text.replaceAll(',', '')],
      ] as const) {
        assert.ok(written(refusal(options)).includes(JSON.stringify(given)), written(refusal(options)));
      }
    }),
  );
});
