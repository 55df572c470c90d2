import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { dressed, formOf } from './terminal.js';

const terminal = (columns: number) => ({ isTTY: true, columns });
// biome-ignore lint/suspicious/noControlCharactersInRegex: the escapes of a terminal are what is taken out.
const plain = (text: string) => text.replace(/\u001b\[\d+m/g, '');

test('a pipe gets the text as it is, 120 columns and no colour', () => {
  const text = `Heading\n  ${'word '.repeat(60)}\n`;
  const pipe = { isTTY: false, columns: 20 };
  assert.equal(dressed(text, pipe), text);
  assert.deepEqual(formOf(pipe), { columns: 120, colour: false });
});

test('prose is broken at the width beneath its beginning, rows of tables are not', () => {
  const row = `  name${' '.repeat(30)}12 KiB${' '.repeat(20)}7`;
  const shown = plain(dressed(`Advice\n  - one two three four five six seven eight nine ten\n${row}\n`, terminal(40)));
  assert.equal(shown, `Advice\n  - one two three four five six seven\n    eight nine ten\n${row}\n`);
});

test('words behind an option are broken beneath their beginning', () => {
  const shown = plain(dressed('  --port PORT   the port to listen on; 0 takes any that is free\n', terminal(50)));
  assert.equal(shown, '  --port PORT   the port to listen on; 0 takes any\n                that is free\n');
});

test('no word is lost, and prose keeps to the width', () => {
  fc.assert(
    fc.property(
      fc.array(fc.stringMatching(/^[a-z]{1,12}$/), { minLength: 1 }),
      fc.integer({ min: 40, max: 160 }),
      (words, columns) => {
        const shown = plain(dressed(`  - ${words.join(' ')}`, terminal(columns)));
        assert.equal(shown.replace(/\s+/g, ' ').trim(), `- ${words.join(' ')}`);
        for (const line of shown.split('\n')) assert.ok(line.length <= columns, line);
      },
    ),
  );
});

test('headings are bold where there are colours', () => {
  const before = process.env.NO_COLOR;
  try {
    delete process.env.NO_COLOR;
    const text = 'Title\n\nUtilisation\n  core\nThe end\n';
    const bold = process.env.TERM !== 'dumb';
    assert.equal(dressed(text, terminal(80)).includes('\u001b[1mUtilisation\u001b[0m'), bold);
    assert.ok(!dressed(text, terminal(80)).includes('\u001b[1mThe end'));
    process.env.NO_COLOR = '1';
    assert.equal(dressed(text, terminal(80)), text);
  } finally {
    if (before === undefined) delete process.env.NO_COLOR;
    else process.env.NO_COLOR = before;
  }
});
