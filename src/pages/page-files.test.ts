import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openDescriptors } from '../../test/support/open-descriptors.js';
import { platformIsLinux } from '../kernel/ffi.js';
import { file, openPageFile } from './page-files.js';

const skip = platformIsLinux ? false : 'needs Linux: /proc';

function folder(context: { after(done: () => void): void }): { root: string; open: () => number } {
  const root = mkdtempSync(join(tmpdir(), 'clearway-page-files-'));
  context.after(() => rmSync(root, { recursive: true, force: true }));
  return { root, open: () => openDescriptors(/./).filter((link) => link.startsWith(root)).length };
}

test('a file that no page asks for in ten seconds is let go of, one that is asked for is not', { skip }, (context) => {
  let nowMs = 0;
  context.mock.method(performance, 'now', () => nowMs);
  context.mock.timers.enable({ apis: ['setInterval'] });
  const { root, open } = folder(context);
  const pass = (ms: number): void => {
    for (const untilMs = nowMs + ms; nowMs < untilMs; ) {
      nowMs += 500;
      context.mock.timers.tick(500);
    }
  };
  for (const name of ['a', 'b']) writeFileSync(join(root, name), name);
  for (let round = 0; round < 2; round++) {
    openPageFile(file(join(root, 'a'))).release();
    const sending = openPageFile(file(join(root, 'b')));
    pass(8000);
    openPageFile(file(join(root, 'a'))).release();
    assert.equal(open(), 2);
    pass(8000);
    assert.equal(open(), 2, 'one was asked for, the other is being sent');
    sending.release();
    assert.equal(open(), 1);
    pass(8000);
    assert.equal(open(), 0);
  }
});

test('a file that is gone, or another by now, stays open for nobody', { skip }, (context) => {
  const { root, open } = folder(context);
  const path = join(root, 'a');
  for (let round = 0; round < 3; round++) {
    writeFileSync(path, 'x');
    openPageFile(file(path)).release();
    rmSync(path);
    assert.throws(() => openPageFile(file(path)), /ENOENT/);
    assert.equal(open(), 0);
  }
});

test('a named pipe is refused at once, though nobody writes to it', { skip }, (context) => {
  const { root, open } = folder(context);
  execFileSync('mkfifo', [join(root, 'pipe')]);
  assert.throws(() => openPageFile(file(join(root, 'pipe'))), /not a regular file/);
  assert.equal(open(), 0);
});
