// What `clearway disk` refuses before any machine connects, in a sentence that says what to do, with the status of a wrong use or of a refusal.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { program } from '../support/program.js';
import { until } from '../support/until.js';

const skip = process.platform === 'linux' ? false : 'Linux alone has it';
const folder = mkdtempSync(join(tmpdir(), 'clearway-disk-refused-'));
after(() => rmSync(folder, { recursive: true, force: true }));

function refusal(...args: readonly string[]): readonly [status: number | null, sentence: string] {
  const { status, stderr } = spawnSync(process.execPath, [program, 'disk', ...args], { encoding: 'utf8' });
  return [status, stderr];
}

test('a file that is not there, a directory, an id that is too long', { skip }, () => {
  const socket = ['--socket', join(folder, 'no.sock')];
  assert.deepEqual(refusal('missing.raw', ...socket), [
    1,
    'clearway disk: there is no file missing.raw: name one that exists, or make it, `truncate -s 10G missing.raw`\n',
  ]);
  assert.deepEqual(refusal(folder, ...socket), [
    1,
    `clearway disk: ${folder} is a directory: name a raw image in it\n`,
  ]);
  assert.deepEqual(refusal('/proc/self/mem', ...socket), [
    1,
    'clearway disk: /proc/self/mem has no end that is known: a raw image or a block device is needed\n',
  ]);
  const [status, sentence] = refusal('disk.raw', '--id', 'x'.repeat(21), ...socket);
  assert.equal(status, 2);
  assert.match(sentence, /--id is "x+", and must be up to 20 bytes/);
  assert.match(refusal('disk.raw')[1], /give one --socket, --fd or --connect for each file/);
});

test('a path that a socket cannot have is refused, and none is made at a shorter one', { skip }, () => {
  const image = join(folder, 'long.raw');
  writeFileSync(image, Buffer.alloc(4096));
  const [status, sentence] = refusal(image, '--socket', join(folder, 'x'.repeat(120)));
  assert.equal(status, 1);
  assert.match(
    sentence,
    /^clearway disk: bind unix:\S*: file name too long \(ENAMETOOLONG\); [^\n]* 107 bytes at most[^\n]*\n$/,
  );
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.startsWith('x')),
    [],
  );
});

test('memory that may lose pages: one disk a process', { skip }, () => {
  const two = ['one.raw', 'two.raw', '--socket', join(folder, 'one.sock'), '--socket', join(folder, 'two.sock')];
  const [status, sentence] = refusal(...two, '--memory', 'any');
  assert.equal(status, 2);
  assert.match(
    sentence,
    /with --memory any a guest can end the process that its disk is in: start a command for each disk/,
  );
});

test('an image that another process has: what a reader is told, and a writer', { skip }, async () => {
  const [image, socket] = [join(folder, 'used.raw'), join(folder, 'used.sock')];
  writeFileSync(image, Buffer.alloc(65_536));
  const child = spawn(process.execPath, [program, 'disk', image, '--socket', socket], { stdio: ['ignore', 'pipe', 2] });
  try {
    let said = '';
    child.stdout!.on('data', (text) => (said += text));
    await until('it is offered', () => said.includes('QEMU'));
    const other = join(folder, 'other.sock');
    assert.match(
      refusal(image, '--socket', other)[1],
      /in use by another process, and a disk that is written to must be/,
    );
    assert.match(refusal(image, '--readonly', '--socket', other)[1], /in use by a process that may write to it/);
  } finally {
    child.kill('SIGKILL');
  }
});

test('a reader of its lines who has gone ends it, as any command, though its thread waits in the kernel', {
  skip,
}, async () => {
  const image = join(folder, 'unread.raw');
  writeFileSync(image, Buffer.alloc(4096));
  for (const engine of ['auto', 'epoll', 'auto', 'epoll']) {
    const socket = join(folder, 'unread.sock');
    const child = spawn(process.execPath, [program, 'disk', image, '--socket', socket, '--engine', engine]);
    child.stdout.destroy();
    const limit = setTimeout(() => child.kill('SIGKILL'), 60_000);
    const status = await new Promise((resolve) => child.on('exit', (code, signal) => resolve(code ?? signal)));
    clearTimeout(limit);
    assert.equal(status, 0, engine);
  }
});
