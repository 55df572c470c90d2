import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseFlags } from './flags.js';
import { UsageError } from './usage.js';

const options = {
  port: { type: 'string', short: 'p' },
  'max-connections': { type: 'string' },
  listing: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

test('what is given comes back, positionals up to their number', () => {
  const { values, positionals } = parseFlags('serve', ['-p', '80', 'site', '--listing'], options, 1);
  assert.deepEqual({ ...values }, { port: '80', listing: true });
  assert.deepEqual(positionals, ['site']);
});

test('a wrong use is one sentence that says what to write instead', () => {
  const sentences: [string[], string][] = [
    [['--prot', '80'], 'there is no option --prot: did you mean --port?'],
    [['--prot=80'], 'there is no option --prot: did you mean --port?'],
    [['--max-conections', '3'], 'there is no option --max-conections: did you mean --max-connections?'],
    [['--frobnicate'], 'there is no option --frobnicate: see clearway serve --help'],
    [['-x'], 'there is no option -x: see clearway serve --help'],
    [['--port'], '--port takes a value: see clearway serve --help'],
    [['--port='], '--port takes a value, and "" is none: see clearway serve --help'],
    [['-p', ''], '-p takes a value, and "" is none: see clearway serve --help'],
    [['-p'], '--port takes a value: see clearway serve --help'],
    [['--listing=yes'], '--listing takes no value'],
    [
      ['--max-connections', '-3'],
      '--max-connections takes a value, and what follows it looks like an option: ' +
        'a value that begins with - is written --max-connections=-...',
    ],
    [['a', 'b'], '"b" is not expected here: see clearway serve --help'],
  ];
  for (const [args, sentence] of sentences) {
    assert.throws(() => parseFlags('serve', args, options, 1), new UsageError(sentence), args.join(' '));
  }
});
