import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { type FullPipe, fullPipe } from '../../../test/support/full-pipe.js';
import { until } from '../../../test/support/until.js';
import { platformIsLinux } from '../../kernel/ffi.js';

const modules = [new URL('./say.js', import.meta.url), new URL('../../kernel/event.js', import.meta.url)];

/** Runs a program whose standard output is a full pipe that nobody reads; it has said something on the other one before `check` begins. */
async function besideFullPipe(
  program: string,
  env: Readonly<Record<string, string>>,
  check: (child: ChildProcess, pipe: FullPipe) => Promise<void>,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'clearway-say-'));
  const pipe = fullPipe(join(folder, 'pipe'));
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    env: { ...process.env, ...env },
    stdio: ['pipe', pipe.fd, 'pipe'],
  });
  const ended = once(child, 'exit');
  try {
    await once(child.stderr!, 'data');
    await check(child, pipe);
  } finally {
    child.kill('SIGKILL');
    await ended;
    pipe.close();
    rmSync(folder, { recursive: true });
  }
}

/** Says something that nobody takes, and more as soon as it would be taken, before its timers have had a turn. */
const program = `
const [{ sayWhenTaken }, { takesOutput }] = await Promise.all(${JSON.stringify(modules)}.map((url) => import(url)));
sayWhenTaken('stdout', process.env.FIRST);
process.stderr.write('said');
for (const end = Date.now() + 20_000; !takesOutput(1) && Date.now() < end; );
sayWhenTaken('stdout', 'second\\n');
setInterval(() => {}, 1000);
`;

test('what was said first is said first, and whole, though nobody took it', {
  skip: !platformIsLinux && 'needs Linux',
  timeout: 240_000,
}, async () => {
  // A character of two units lies across the end of the first piece.
  const first = `\n${'a'.repeat(1022)}\u{1f600}first\n`;
  await besideFullPipe(program, { FIRST: first }, async (_child, pipe) => {
    let said = '';
    await until('both', () => {
      said += pipe.read();
      return said.includes('second');
    });
    assert.equal(Buffer.from(said.slice(said.indexOf('\n')), 'latin1').toString(), `${first}second\n`);
  });
});

/** Says more than is kept for a reader that stands still; when it is told to, one line more. */
const talker = `
const { sayWhenTaken, showIfTaken } = await import(${JSON.stringify(modules[0])});
for (let line = 0; line < 2000; line++) sayWhenTaken('stdout', line + 'x'.repeat(100) + '\\n');
showIfTaken('a screen');
process.stderr.write('said');
process.stdin.once('data', () => sayWhenTaken('stdout', 'the last\\n'));
`;

test('what nobody reads is kept up to a bound; then it is said how much is missing', {
  skip: !platformIsLinux && 'needs Linux',
  timeout: 240_000,
}, async () => {
  await besideFullPipe(talker, {}, async (child, pipe) => {
    let said = '';
    const take = (): string => (said += pipe.read());
    await until('what is left out', () => take().includes('left out'));
    child.stdin!.write('go');
    await until('the last line', () => take().endsWith('the last\n'));
    // Behind what filled the pipe.
    const lines = said
      .slice(said.indexOf(`0${'x'.repeat(100)}`))
      .trimEnd()
      .split('\n');
    const kept = lines.length - 2;
    assert.ok(kept > 600 && kept * 102 <= 64 * 1024 + 4096, `${kept} lines`);
    assert.deepEqual(
      lines.slice(0, kept),
      Array.from({ length: kept }, (_, line) => `${line}${'x'.repeat(100)}`),
    );
    assert.deepEqual(lines.slice(kept), [`(${2000 - kept} lines are left out here)`, 'the last']);
  });
});
