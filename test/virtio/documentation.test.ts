// The examples of docs/virtio.md, a driver and a device, run as they stand there. Not here: what queues do with anything else (queues.test.ts).

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startDevices } from '../support/vhost-process.js';

const root = new URL('../../../', import.meta.url);

test('both sides of a queue in one program', {
  skip: process.platform === 'linux' ? false : 'Linux alone has it',
}, () => {
  const folder = mkdtempSync(join(tmpdir(), 'clearway-virtio-'));
  try {
    const document = readFileSync(new URL('docs/virtio.md', root), 'utf8');
    const program = /```js\n([^`]*SplitDeviceQueue[\s\S]*?)```/
      .exec(document)![1]!
      .replace('/dev/shm/echo', join(folder, 'echo'));
    const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
      ...{ cwd: fileURLToPath(root), encoding: 'utf8' },
    });
    assert.equal(stderr, '');
    assert.equal(stdout, 'true 5 olleh\n');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('a driver before a disk of ours: what it wrote is in the image', {
  skip: process.platform === 'linux' ? false : 'Linux alone has it',
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'clearway-virtio-'));
  const [image, socket] = [join(folder, 'disk.raw'), join(folder, 'disk.sock')];
  writeFileSync(image, '');
  truncateSync(image, 1024 * 1024);
  const disk = await startDevices(['disk', image, '--socket', socket], [socket]);
  try {
    const document = readFileSync(new URL('docs/virtio.md', root), 'utf8');
    const program = /```js\n([^`]*FrontEnd\.connect[\s\S]*?)```/.exec(document)![1]!.replace('/run/disk.sock', socket);
    const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
      ...{ cwd: fileURLToPath(root), encoding: 'utf8' },
    });
    assert.equal(stderr, '');
    assert.equal(stdout, '2048n true true\n');
    const written = readFileSync(image);
    assert.ok(written.subarray(0, 4096).every((byte) => byte === 7));
    assert.ok(written.subarray(4096).every((byte) => byte === 0));
  } finally {
    await disk.end();
    rmSync(folder, { recursive: true, force: true });
  }
});
