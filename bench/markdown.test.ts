// What `--markdown` writes keeps what was written by hand, in the page and in the README.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { betweenMarks, shortTable, writePage } from './markdown.js';
import type { Judged } from './targets.js';

const line = (server: string, shown: string, verdict: Judged['verdict']): Judged => ({
  text: 'CPU',
  bound: '<= 1.00x',
  server,
  value: 0,
  shown,
  verdict,
  remark: '',
  spread: '-',
  excess: 0,
});

test('the short table has a line for each target and a column for each server, and says what is missed', () => {
  const table = shortTable([[line('one', '0.9x', 'met'), line('two', '1.1x', 'missed')]]);
  assert.deepEqual(
    table.split('\n').map((row) => row.split('|').map((cell) => cell.trim())),
    [
      ['', 'measured', 'bound', 'one', 'two', ''],
      ['', '--------', '-------:', '---:', '------------:', ''],
      ['', 'CPU', '<= 1.00x', '0.9x', '1.1x (missed)', ''],
    ],
  );
});

test('between the marks of a README all is new, outside them nothing; without marks nothing is written', () => {
  const readme = 'before\n<!-- bench:begin -->\nold\n<!-- bench:end -->\nafter\n';
  assert.equal(
    betweenMarks(readme, 'One run.', '| new |'),
    'before\n<!-- bench:begin -->\nOne run.\n\n| new |\n<!-- bench:end -->\nafter\n',
  );
  assert.equal(betweenMarks('no marks', 'One run.', '| new |'), 'no marks');
  assert.equal(
    betweenMarks('<!-- bench:end --><!-- bench:begin -->\n', '', ''),
    '<!-- bench:end --><!-- bench:begin -->\n',
  );
});

test('a page written anew keeps what stands behind its heading "By hand"', () => {
  const directory = mkdtempSync(join(tmpdir(), 'clearway-bench-page-'));
  try {
    const path = join(directory, 'docs', 'bench.md');
    writePage(path, '| earlier |', 'a host');
    writeFileSync(path, `${readFileSync(path, 'utf8')}\n## By hand: why\n\nBecause.\n`);
    writePage(path, '| second |', 'a host');
    const text = readFileSync(path, 'utf8');
    assert.match(text, /\| second \|\n\na host\n\n## By hand: why\n\nBecause\.\n$/);
    assert.doesNotMatch(text, /earlier/);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
