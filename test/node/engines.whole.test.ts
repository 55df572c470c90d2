// The same tests on the other engine, and where there is none: in processes of their own, because a process has one.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const here = (name: string): string => fileURLToPath(new URL(`./${name}.test.js`, import.meta.url));

/** Runs test files with an engine of Clearway's choice. Gives what failed, in the words of the runner. */
async function runTests(engine: string, names: readonly string[]): Promise<[code: number | null, output: string]> {
  const { NODE_TEST_CONTEXT: _inner, NODE_OPTIONS: _options, ...env } = process.env;
  const child = spawn(process.execPath, ['--test', '--test-reporter=tap', ...names.map(here)], {
    env: { ...env, CLEARWAY_ENGINE: engine },
  });
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), 300_000);
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  clearTimeout(timer);
  return [code, output];
}

for (const [engine, names] of [
  ['epoll', ['send-file', 'faults.whole', 'half-close', 'compressing']],
  ['stream', ['send-file', 'faults.whole', 'frameworks', 'compressing']],
] as const) {
  test(`CLEARWAY_ENGINE=${engine}: ${names.join(', ')}`, async (context) => {
    const [code, output] = await runTests(engine, names);
    const count = (word: string): number => Number(new RegExp(`^# ${word} (\\d+)`, 'm').exec(output)?.[1] ?? -1);
    assert.equal(
      code,
      0,
      output
        .split('\n')
        .filter((line) => /not ok|error:/.test(line))
        .join('\n'),
    );
    assert.ok(count('pass') > 0 && count('fail') === 0, output.slice(-500));
    context.diagnostic(`${count('pass')} passed, ${count('skipped')} skipped`);
  });
}
