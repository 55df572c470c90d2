import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, renameSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openRoot } from '../kernel/file.js';
import { closeDescriptor } from '../kernel/socket.js';
import { Loop } from '../transport/loop.js';
import { Watcher } from './watcher.js';

/** A watcher over a folder with `one/a.txt`. Nothing is told before check(). */
function watching(run: (watcher: Watcher, at: (path: string) => string, loop: Loop) => void): void {
  const folder = mkdtempSync(join(tmpdir(), 'clearway-watcher-'));
  const at = (path: string): string => join(folder, path);
  mkdirSync(at('one'));
  writeFileSync(at('one/a.txt'), 'a');
  const root = openRoot(folder);
  const loop = new Loop('epoll');
  const watcher = new Watcher(loop, root);
  try {
    run(watcher, at, loop);
  } finally {
    watcher.close();
    loop.close();
    closeDescriptor(root);
    rmSync(folder, { recursive: true });
  }
}

/** Whether a look finds that something happened in a directory. */
function changed(watcher: Watcher, directory: number): boolean {
  const before = watcher.generations[directory];
  watcher.check();
  return watcher.generations[directory] !== before;
}

test('a change is seen in its directory, once it is looked for, and in no other', () => {
  watching((watcher, at) => {
    const one = watcher.cover('one/a.txt');
    const root = watcher.cover('x');
    assert.ok(one >= 0 && root >= 0 && one !== root);
    assert.ok(!changed(watcher, one));
    const before = watcher.generations[root];
    writeFileSync(at('one/a.txt'), 'changed');
    assert.ok(changed(watcher, one));
    assert.equal(watcher.generations[root], before);
    assert.equal(watcher.directories, 2);
  });
});

test('a folder that is asked for under its new name before the renaming was told stays watched', () => {
  watching((watcher, at) => {
    assert.ok(watcher.cover('one/a.txt') >= 0);
    renameSync(at('one'), at('two'));
    assert.ok(watcher.cover('two/a.txt') >= 0);
    watcher.check();
    // Whether it is still watched or was let go of: what cover() promises holds.
    const two = watcher.cover('two/a.txt');
    watcher.check();
    writeFileSync(at('two/b'), 'b');
    renameSync(at('two/b'), at('two/a.txt'));
    assert.ok(changed(watcher, two));
  });
});

test('a path whose folder is a link, or is not there, is not covered; where it would have to appear is', () => {
  watching((watcher, at) => {
    assert.equal(watcher.cover('missing/a.txt'), -1);
    assert.equal(watcher.cover('one/a.txt/b'), -1);
    const root = watcher.coverExisting('missing/deeper/a.txt');
    assert.equal(root, watcher.cover('x'));
    assert.equal(watcher.coverExisting('one/missing/a.txt'), watcher.cover('one/x'));
    mkdirSync(at('missing'));
    assert.ok(changed(watcher, root));
    renameSync(at('one'), at('two'));
    watcher.check();
    assert.equal(watcher.cover('one/a.txt'), -1);
    symlinkSync('two', at('link'));
    assert.equal(watcher.coverExisting('link/deeper/a.txt'), -1, 'what is behind a link is told of by none');
  });
});

test('what happens to any directory is told to all: paths may lead elsewhere', () => {
  watching((watcher, at) => {
    const one = watcher.cover('one/a.txt');
    const { upheavals } = watcher;
    mkdirSync(at('new'));
    assert.ok(changed(watcher, one));
    assert.ok(watcher.upheavals > upheavals);
    // A number that was let go of never takes its old generation again.
    renameSync(at('one'), at('two'));
    assert.ok(changed(watcher, one));
  });
});

test('which codings names have is found once, and told when one comes', () => {
  watching((watcher, at) => {
    const one = watcher.cover('one/a.txt');
    assert.equal(watcher.codingsIn(one), 0);
    const before = watcher.codedGenerations[one];
    writeFileSync(at('one/b.txt'), 'b');
    watcher.check();
    assert.equal(watcher.codedGenerations[one], before);
    writeFileSync(at('one/b.txt.gz'), 'b');
    watcher.check();
    assert.notEqual(watcher.codedGenerations[one], before);
    assert.equal(watcher.codingsIn(one), 1 << 3);
    writeFileSync(at('a.br'), 'b');
    assert.equal(watcher.codingsIn(watcher.cover('x')), 1 << 1);
  });
});

test('what nobody tells of is seen by the times of a directory, within a second', () => {
  watching((watcher, at, loop) => {
    const one = watcher.cover('one/a.txt');
    const believed = (): boolean => watcher.isUnchanged(one, generation);
    let generation = watcher.generations[one]!;
    const now = Date.now;
    const { atime, ctimeMs } = statSync(at('one'));
    Date.now = () => ctimeMs;
    try {
      assert.ok(!believed(), 'it was never looked at');
      generation = watcher.generations[one]!;
      assert.ok(believed(), 'within the second');
      loop.nowMs += 1001;
      assert.ok(!believed(), 'it changed so lately that it may again without another time');
      // A clock that is ahead of the times of all that is there.
      Date.now = () => ctimeMs + 10_000;
      for (let look = 0; look < 4; look++) {
        loop.nowMs += 1001;
        generation = watcher.generations[one]!;
        assert.equal(believed(), look > 0, `look ${look}`);
      }
      // Whatever is done in it is told, so that the times alone are changed, and what was told is not looked for.
      utimesSync(at('one'), atime, new Date(1000));
      assert.ok(believed(), 'it is not looked at before its time');
      loop.nowMs += 1001;
      assert.ok(!believed());
      generation = watcher.generations[one]!;
      renameSync(at('one'), at('two'));
      loop.nowMs += 1001;
      assert.ok(!believed(), 'it is not there');
    } finally {
      Date.now = now;
    }
  });
});
