import assert from 'node:assert/strict';
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Loop } from '../transport/loop.js';
import { Site } from './site.js';
import type { SiteOptions } from './site-types.js';

/** A site over files of a folder of its own, with a clock that stands still unless it is moved. */
function serving(
  files: Readonly<Record<string, string>>,
  run: (site: Site, at: (path: string) => string, clock: { ms: number }, loop: Loop) => void,
  options: Partial<SiteOptions> = {},
  known?: number,
): void {
  const root = mkdtempSync(join(tmpdir(), 'clearway-site-'));
  const at = (path: string): string => join(root, path);
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(join(at(path), '..'), { recursive: true });
    writeFileSync(at(path), content);
  }
  const clock = { ms: 1000 };
  const loop = new Loop('epoll', () => clock.ms);
  const site = new Site(
    loop,
    { root, index: ['index.html'], dotfiles: 'ignore', maxFiles: 16, ...options },
    undefined,
    known,
  );
  try {
    run(site, at, clock, loop);
  } finally {
    site.close();
    loop.close();
    rmSync(root, { recursive: true });
  }
}

/** What a request for a path leads to: a status, or the size of a file. */
function look(site: Site, path: string): number {
  site.refresh();
  const bytes = Buffer.from(path, 'latin1');
  const entry = site.lookUp(bytes, 0, bytes.length);
  return entry < 0 ? entry : site.table.size.get(entry);
}

/** Writes what is old enough that no change can hide in the tick of the kernel's clock. */
function writeOld(path: string, content: string): void {
  writeFileSync(path, content);
  utimesSync(path, 1, 1);
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 70);
}

test('however many paths lead to one file over links, the ones that are kept have a bound', () => {
  serving(
    { 'x.txt': 'x' },
    (site, at) => {
      for (const name of ['a', 'b']) symlinkSync('.', at(name));
      for (let number = 0; number < 1000; number++) {
        // Each number's digits of two are a way through the links.
        const way = number.toString(2).replaceAll('0', 'a/').replaceAll('1', 'b/');
        const found = site.find({ path: `${way}x.txt`, trailingSlash: false, dotfile: false });
        assert.equal(found.kind, 'file');
      }
      assert.ok(site.descriptors.files.count <= 16, `${site.descriptors.files.count} descriptors`);
      assert.ok(site.table.count <= 257, `${site.table.count} paths`);
    },
    { index: [] },
    256,
  );
});

test('a table that becomes full is cleared between answers, never within one', () => {
  const files: Record<string, string> = {};
  for (let number = 0; number < 40; number++) {
    files[`${number}/index.html`] = 'x'.repeat(number + 100);
    for (const extension of ['gz', 'br', 'zst']) files[`${number}/index.html.${extension}`] = `${extension} ${number}`;
  }
  serving(
    files,
    (site) => {
      for (let round = 0; round < 3; round++) {
        for (let number = 0; number < 40; number++) {
          const bytes = Buffer.from(`/${number}/`);
          const entry = site.lookUp(bytes, 0, bytes.length);
          assert.equal(site.siblings.of(entry), 0b1110);
          assert.equal(site.table.pathOf(entry), `${number}/index.html`);
          for (const [coding, extension] of [
            [1, 'br'],
            [2, 'zst'],
            [3, 'gz'],
          ] as const) {
            const sibling = site.siblings.get(entry, coding);
            const view = site.view(sibling)!;
            assert.equal(readFileSync(`/proc/self/fd/${view.file.fd}`, 'utf8'), `${extension} ${number}`);
          }
          assert.equal(site.table.size.get(entry), number + 100);
        }
      }
      assert.ok(site.table.count < 40);
    },
    {},
    20,
  );
});

test('a name with a dot that stands for its folder is not answered under its own name', () => {
  for (const [dotfiles, status] of [
    ['ignore', -404],
    ['deny', -403],
    ['allow', 3],
  ] as const) {
    serving(
      { '.index.html': 'abc', 'b/.index.html': 'abcd' },
      (site) => {
        for (let time = 0; time < 2; time++) {
          assert.equal(look(site, '/.index.html'), status);
          assert.equal(look(site, '/'), 3);
          assert.equal(look(site, '/b/'), 4);
          assert.equal(look(site, '/.missing'), dotfiles === 'deny' ? -403 : -404);
        }
        assert.equal(look(site, '/b/.index.html'), dotfiles === 'allow' ? 4 : status);
      },
      { dotfiles, index: ['.none', '.index.html'] },
    );
  }
});

test('a folder that was moved away and back is watched again: a change in it is seen at once', () => {
  serving({ 'a/x.txt': '1', 'c/y.txt': 'y' }, (site, at) => {
    writeOld(at('a/x.txt'), '1');
    assert.equal(look(site, '/a/x.txt'), 1);
    renameSync(at('a'), at('b'));
    assert.equal(look(site, '/a/x.txt'), -404);
    assert.equal(look(site, '/c/y.txt'), 1);
    renameSync(at('b'), at('a'));
    assert.equal(look(site, '/a/x.txt'), 1);
    writeFileSync(at('a/x.txt'), '22');
    assert.equal(look(site, '/a/x.txt'), 2);
    // The same without a request in between.
    writeOld(at('a/x.txt'), '1');
    assert.equal(look(site, '/a/x.txt'), 1);
    renameSync(at('a'), at('b'));
    mkdirSync(at('d'));
    writeFileSync(at('d/z.txt'), 'zzz');
    renameSync(at('b'), at('a'));
    assert.equal(look(site, '/d/z.txt'), 3);
    assert.equal(look(site, '/a/x.txt'), 1);
    writeFileSync(at('a/x.txt'), '333');
    assert.equal(look(site, '/a/x.txt'), 3);
  });
});

test('a folder that was moved out of the root and is a link now leads nowhere', () => {
  const outside = mkdtempSync(join(tmpdir(), 'clearway-outside-'));
  serving({ 'a/x.txt': '1' }, (site, at, clock, loop) => {
    writeOld(at('a/x.txt'), '1');
    assert.equal(look(site, '/a/x.txt'), 1);
    renameSync(at('a'), join(outside, 'a'));
    symlinkSync(join(outside, 'a'), at('a'));
    assert.equal(look(site, '/a/x.txt'), -404);
    clock.ms += 5000;
    loop.turn(0);
    assert.equal(look(site, '/a/x.txt'), -404);
  });
  rmSync(outside, { recursive: true });
});

test('what is reached over links is not served once it lies outside of the root', () => {
  const outside = mkdtempSync(join(tmpdir(), 'clearway-outside-'));
  serving({ 'real/x.txt': '1' }, (site, at, clock, loop) => {
    symlinkSync('real', at('link'));
    writeOld(at('real/x.txt'), '1');
    for (let time = 0; time < 4; time++, clock.ms += 700, loop.turn(0)) assert.equal(look(site, '/link/x.txt'), 1);
    renameSync(at('real'), join(outside, 'real'));
    symlinkSync(join(outside, 'real'), at('real'));
    clock.ms += 1000;
    loop.turn(0);
    assert.equal(look(site, '/link/x.txt'), -404);
    assert.equal(look(site, '/real/x.txt'), -404);
  });
  rmSync(outside, { recursive: true });
});

test('what was lost when the queue of changes overflowed is not believed', () => {
  serving({ 'a/b/x.txt': '1', 'noise.txt': '' }, (site, at) => {
    assert.equal(look(site, '/a/b/x.txt'), 1);
    // Two changes in turn: the kernel joins a change with the same one before it.
    for (let number = 0; number < 10_000; number++) {
      utimesSync(at('noise.txt'), 1, 1);
      utimesSync(at('a/b/x.txt'), 1, 1);
    }
    renameSync(at('a'), at('old'));
    mkdirSync(at('a/b'), { recursive: true });
    writeFileSync(at('a/b/x.txt'), '22');
    assert.equal(look(site, '/a/b/x.txt'), 2);
    // And what comes next is seen where the path leads to now.
    writeFileSync(at('a/b/x.txt'), '333');
    assert.equal(look(site, '/a/b/x.txt'), 3);
    renameSync(at('a/b'), at('a/c'));
    assert.equal(look(site, '/a/b/x.txt'), -404);
  });
});

test('what is not there is asked for once, and seen at once when it appears', () => {
  serving({ 'a/x.txt': '1' }, (site, at) => {
    assert.equal(look(site, '/a/new.txt'), -404);
    assert.equal(look(site, '/b/c/new.txt'), -404);
    assert.equal(look(site, '/new/'), -404);
    writeFileSync(at('a/new.txt'), '12');
    assert.equal(look(site, '/a/new.txt'), 2);
    mkdirSync(at('b'));
    assert.equal(look(site, '/b/c/new.txt'), -404);
    mkdirSync(at('b/c'));
    assert.equal(look(site, '/b/c/new.txt'), -404);
    writeFileSync(at('b/c/new.txt'), '123');
    assert.equal(look(site, '/b/c/new.txt'), 3);
    mkdirSync(at('elsewhere/c'), { recursive: true });
    writeFileSync(at('elsewhere/c/new.txt'), '12345');
    rmSync(at('b'), { recursive: true });
    assert.equal(look(site, '/b/c/new.txt'), -404);
    renameSync(at('elsewhere'), at('b'));
    assert.equal(look(site, '/b/c/new.txt'), 5);
    assert.equal(look(site, '/new'), -404);
    symlinkSync('a', at('new'));
    assert.equal(look(site, '/new/x.txt'), 1);
    mkdirSync(at('made'));
    assert.equal(look(site, '/made/'), -1);
    writeFileSync(at('made/index.html'), '1234');
    assert.equal(look(site, '/made/'), 4);
    rmSync(at('made/index.html'));
    assert.equal(look(site, '/made/'), -1);
    rmSync(at('a/new.txt'));
    for (let time = 0; time < 3; time++) assert.equal(look(site, '/a/new.txt'), -404);
    symlinkSync('x.txt', at('a/new.txt'));
    assert.equal(look(site, '/a/new.txt'), 1);
  });
});

test('names and paths as long as there can be, links in a circle, more directories than are watched', () => {
  serving({}, (site, at) => {
    const long = 'n'.repeat(255);
    writeFileSync(at(long), '12345');
    assert.equal(look(site, `/${long}`), 5);
    assert.equal(look(site, `/${long}n`), -404);
    assert.equal(look(site, `/${`${long}/`.repeat(15)}${'m'.repeat(254)}`), -404);
    assert.equal(look(site, `/${'d/'.repeat(3000)}`), -404);
    symlinkSync('circle', at('circle'));
    symlinkSync('other/..', at('other'));
    for (const path of ['/circle', '/circle/x', '/other/x', '/other/']) assert.equal(look(site, path), -404);
    let deep = '';
    for (let depth = 0; depth < 15; depth++) {
      deep += `/${'e'.repeat(250)}`;
      mkdirSync(at(deep));
    }
    writeFileSync(at(`${deep}/x`), '1234567');
    assert.equal(look(site, `${deep}/x`), 7);
    writeFileSync(at(`${deep}/x`), '12345678');
    assert.equal(look(site, `${deep}/x`), 8);
  });
});

test('descriptors that nobody asks for are closed after a while', () => {
  serving({ 'a.txt': '1', 'b.txt': '2' }, (site, _at, clock, loop) => {
    for (const path of ['/a.txt', '/b.txt']) assert.equal(look(site, path), 1);
    assert.equal(site.descriptors.files.count, 2);
    for (let second = 0; second < 9; second++) {
      clock.ms += 1000;
      assert.equal(look(site, '/a.txt'), 1);
      loop.turn(0);
    }
    clock.ms += 1500;
    loop.turn(0);
    assert.equal(site.descriptors.files.count, 1);
    clock.ms += 10_000;
    loop.turn(0);
    assert.equal(site.descriptors.files.count, 0);
    const bytes = Buffer.from('/a.txt');
    assert.ok(site.view(site.lookUp(bytes, 0, bytes.length)) !== undefined);
  });
});
