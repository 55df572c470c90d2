// The file of a snapshot of `clearway kv`: what a path may lead to, whose the file is, disks that are full, others that write beside it. Not here: what a
// snapshot keeps (command.whole.test.ts), a store that is killed (limits.whole.test.ts).

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { tryLockFile } from '../../src/kernel/file.js';
import { commandBytes } from '../core/kv-store.js';
import { RawClient, startKv } from '../support/kv-process.js';
import { mountsImpossible, runInMounts, withOwnMounts } from '../support/mounts.js';
import { program } from '../support/program.js';

const folder = mkdtempSync(join(tmpdir(), 'clearway-kv-snapshot-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const isRoot = process.getuid?.() === 0;

test('a snapshot behind a symbolic link is written to where the link leads, also where nothing is yet', async () => {
  const place = join(folder, 'elsewhere');
  mkdirSync(place);
  const link = join(folder, 'link.snapshot');
  symlinkSync(join('elsewhere', 'real.snapshot'), link);
  for (const keys of [0, 1]) {
    const store = await startKv(['--snapshot', link]);
    assert.equal(store.said().includes('restored'), keys > 0);
    const client = new RawClient(store.port);
    assert.equal(await client.ask(`SET k${keys} v\r\nSAVE\r\n`, '+OK\r\n+OK\r\n'), '+OK\r\n+OK\r\n');
    assert.equal(await store.end(), 0);
    assert.ok(lstatSync(link).isSymbolicLink());
    assert.deepEqual(readdirSync(place), ['real.snapshot']);
  }
  const round = join(folder, 'round');
  symlinkSync('round', round);
  const { status, stderr } = spawnSync(process.execPath, [program, 'kv', '--port', '0', '--snapshot', round], {
    encoding: 'utf8',
    timeout: 60_000,
  });
  assert.equal(status, 1);
  assert.match(stderr, /its symbolic links go round in a circle/);
});

test('a snapshot keeps the permissions of the last one, and its owner where root writes it', async () => {
  const snapshot = join(folder, 'kept.snapshot');
  const first = await startKv(['--snapshot', snapshot]);
  assert.equal(await first.end(), 0);
  assert.equal(statSync(snapshot).mode & 0o777, 0o600);
  chmodSync(snapshot, 0o664);
  if (isRoot) chownSync(snapshot, 65_534, 65_534);
  const second = await startKv(['--snapshot', snapshot]);
  assert.equal(await second.end(), 0);
  const { mode, uid, gid } = statSync(snapshot);
  assert.equal(mode & 0o777, 0o664);
  if (isRoot) assert.deepEqual([uid, gid], [65_534, 65_534]);
});

test('what another process writes beside a snapshot stays, whatever its number says: numbers of other containers mean nothing', async () => {
  const snapshot = join(folder, 'shared.snapshot');
  const gone = spawnSync('true').pid;
  const [held, left] = [`${snapshot}.${gone}-00000001.tmp`, `${snapshot}.${gone}-00000002.tmp`];
  for (const name of [held, left]) writeFileSync(name, 'half');
  const fd = openSync(held, 'r+');
  assert.ok(tryLockFile(fd));
  const store = await startKv(['--snapshot', snapshot]);
  assert.deepEqual([held, left].map(existsSync), [true, false]);
  closeSync(fd);
  assert.equal(await store.end(), 0);
});

test('a pipe is no snapshot, and is not waited for', { skip: spawnSync('mkfifo', ['--help']).status !== 0 }, () => {
  const pipe = join(folder, 'pipe');
  spawnSync('mkfifo', [pipe]);
  const { status, stderr } = spawnSync(process.execPath, [program, 'kv', '--port', '0', '--snapshot', pipe], {
    encoding: 'utf8',
    timeout: 60_000,
  });
  assert.equal(status, 1);
  assert.match(stderr, /pipe is refused: it is no file/);
});

test('a disk that is full: the last snapshot stays, wherever the room ends, and the status at the end says so', {
  skip: mountsImpossible(),
}, async () => {
  const place = join(folder, 'small');
  mkdirSync(place);
  const snapshot = join(place, 'a.snapshot');
  const script = `mount -t tmpfs -o size=32k tmpfs ${place}; exec "$@"`;
  const line = withOwnMounts('sh', ['-c', script, 'sh', process.execPath, program]);
  const store = await startKv(['--snapshot', snapshot], line);
  const client = new RawClient(store.port);
  const inside = (...words: string[]): void => {
    const { status, stderr } = runInMounts(store.pid, ...words);
    assert.equal(status, 0, `${words.join(' ')}: ${stderr}`);
  };
  assert.equal(await client.ask('SAVE\r\n', '+OK\r\n'), '+OK\r\n');
  inside('cp', snapshot, join(place, 'empty'));
  // Of eight pages three are taken; the last of the other five ends before the last line of the next snapshot, in it, or behind it.
  inside('sh', '-c', `head -c 4096 /dev/zero > ${join(place, 'room')}`);
  const answers = new Set<string>();
  for (let bytes = 5 * 4096 - 104; bytes < 5 * 4096 - 48; bytes += 4) {
    await client.ask(commandBytes('SET', 'k', 'v'.repeat(bytes)), '+OK\r\n');
    const reply = await client.ask('SAVE\r\n', '\r\n');
    answers.add(reply);
    if (reply === '+OK\r\n') {
      inside('sh', '-c', `tail -n 1 ${snapshot} | grep -Eq '^end [0-9]{16} [0-9a-f]{8}$'`);
      inside('cp', join(place, 'empty'), snapshot);
    } else inside('cmp', snapshot, join(place, 'empty'));
  }
  assert.equal(answers.size, 2, 'there was room for some, and for others not');
  await client.ask(commandBytes('SET', 'k', 'v'.repeat(100_000)), '+OK\r\n');
  assert.equal(await store.end(), 1);
  assert.match(store.said(), /clearway kv: the snapshot was not written: the disk is full\n$/);
});
