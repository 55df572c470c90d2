// Results kept and gone on with: only what passed, in the same build.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { buildDigest, ResultStore, scriptOf, splitOutput } from './store.js';

const folder = mkdtempSync(join(tmpdir(), 'clearway-store-'));
after(() => rmSync(folder, { recursive: true }));

test('only what passed on that kernel in that build is kept from before', () => {
  const store = new ResultStore('one', folder);
  store.keep('6.1', { file: 'a', status: 0, output: 'ok\n' });
  store.keep('6.1', { file: 'b', status: 1, output: 'not ok\n' });
  store.keep('6.1', { file: 'c', status: undefined, output: '' });
  const again = new ResultStore('one', folder);
  assert.deepEqual(again.passed('6.1', 'a'), { file: 'a', status: 0, output: 'ok\n' });
  for (const [version, file] of [
    ['6.1', 'b'],
    ['6.1', 'c'],
    ['6.12', 'a'],
    ['6.1', 'd'],
  ] as const)
    assert.equal(again.passed(version, file), undefined);
  assert.equal(new ResultStore('two', folder).passed('6.1', 'a'), undefined);
  store.keep('6.1', { file: 'a', status: 1, output: 'not ok\n' });
  assert.equal(again.passed('6.1', 'a'), undefined);
});

test('a changed, new or renamed program is another build', () => {
  const program = join(folder, 'program');
  mkdirSync(join(program, 'deep'), { recursive: true });
  writeFileSync(join(program, 'deep/x.js'), '1');
  const first = buildDigest([program]);
  writeFileSync(join(program, 'x.d.ts'), 'no program');
  assert.equal(buildDigest([program]), first);
  writeFileSync(join(program, 'deep/x.js'), '2');
  const second = buildDigest([program]);
  assert.notEqual(second, first);
  writeFileSync(join(program, 'y.js'), '2');
  assert.notEqual(buildDigest([program]), second);
});

test('the output of a script is taken to pieces, and says where it ended', () => {
  const script = scriptOf(['one', 'two', 'slow', 'last'], (file) => `sh -c '${commands[file]}'`, 1);
  const output = execFileSync('sh', ['-c', script], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  assert.deepEqual(splitOutput(output), [
    { file: 'one', status: 0, output: 'ok 1 - a\n# error 0\n' },
    { file: 'two', status: 3, output: 'no end of line\n' },
    { file: 'slow', status: 124, output: '\n' },
    { file: 'last', status: 0, output: '\n' },
  ]);
  const cut = output.slice(0, output.indexOf('# error'));
  assert.deepEqual(splitOutput(cut), [{ file: 'one', status: undefined, output: 'ok 1 - a\n\n' }]);
});

const commands: Readonly<Record<string, string>> = {
  one: 'echo "ok 1 - a"; echo "# error 0"',
  two: 'printf "no end of line"; exit 3',
  slow: 'sleep 20',
  last: 'true',
};
