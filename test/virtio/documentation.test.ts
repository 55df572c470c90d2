// The example of a device in docs/virtio.md, run as it stands there. Not here: what queues do with anything else (queues.test.ts).

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

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
