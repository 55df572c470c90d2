import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openRoot } from '../kernel/file.js';
import { closeDescriptor } from '../kernel/socket.js';
import { Loop } from '../transport/loop.js';
import { Watcher } from './watcher.js';

/** A watcher over a folder with `one/a.txt`, and what it told so far. Nothing is told before check(). */
function watching(
  run: (watcher: Watcher, told: Array<string | undefined>, at: (path: string) => string) => void,
): void {
  const folder = mkdtempSync(join(tmpdir(), 'clearway-watcher-'));
  const at = (path: string): string => join(folder, path);
  mkdirSync(at('one'));
  writeFileSync(at('one/a.txt'), 'a');
  const root = openRoot(folder);
  const loop = new Loop('epoll');
  const told: Array<string | undefined> = [];
  const watcher = new Watcher(loop, root, (path) => told.push(path));
  try {
    run(watcher, told, at);
  } finally {
    watcher.close();
    loop.close();
    closeDescriptor(root);
    rmSync(folder, { recursive: true });
  }
}

test('a change is told by its path, once it is looked for', () => {
  watching((watcher, told, at) => {
    assert.ok(watcher.covers('one/a.txt'));
    writeFileSync(at('one/a.txt'), 'changed');
    watcher.check();
    assert.ok(told.includes('one/a.txt'));
    assert.equal(watcher.directories, 2);
  });
});

test('a folder that is asked for under its new name before the renaming was told stays watched', () => {
  watching((watcher, told, at) => {
    assert.ok(watcher.covers('one/a.txt'));
    renameSync(at('one'), at('two'));
    assert.ok(watcher.covers('two/a.txt'));
    watcher.check();
    told.length = 0;
    // Whether it is still watched or was let go of: what covers() promises holds.
    assert.ok(watcher.covers('two/a.txt'));
    writeFileSync(at('two/b'), 'b');
    renameSync(at('two/b'), at('two/a.txt'));
    watcher.check();
    assert.ok(told.includes('two/a.txt') || told.includes(undefined), `told ${told}`);
  });
});

test('a path whose folder is a link, or is not there, is not covered', () => {
  watching((watcher, _told, at) => {
    assert.equal(watcher.covers('missing/a.txt'), false);
    assert.equal(watcher.covers('one/a.txt/b'), false);
    renameSync(at('one'), at('two'));
    watcher.check();
    assert.equal(watcher.covers('one/a.txt'), false);
  });
});

test('a name that begins with a byte order mark is told with it', () => {
  watching((watcher, told, at) => {
    writeFileSync(at('\ufeffb.txt'), 'b');
    assert.ok(watcher.covers('\ufeffb.txt'));
    writeFileSync(at('\ufeffb.txt'), 'changed');
    watcher.check();
    assert.ok(told.includes('\ufeffb.txt'), `told ${told}`);
  });
});
