import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { putInPlace, removeUnfinished } from './bundle-place.js';

/** Calls it with a place for a bundle, beside which there is nothing yet. */
async function withPlace(use: (place: string, parent: string) => void | Promise<void>): Promise<void> {
  const parent = mkdtempSync(join(tmpdir(), 'clearway-place-'));
  try {
    await use(join(parent, 'bundle'), parent);
  } finally {
    rmSync(parent, { recursive: true });
  }
}

function make(folder: string, text: string): void {
  mkdirSync(folder, { recursive: true });
  for (const name of ['main.js', 'package.json']) writeFileSync(join(folder, name), text);
}

const textsIn = (folder: string): string[] =>
  ['main.js', 'package.json'].map((name) => readFileSync(join(folder, name), 'utf8'));

const ownFolder = (place: string): string => `${place}-${process.pid}`;

/** The id of a process that has ended. */
const endedId = (): number => spawnSync(process.execPath, ['--version']).pid;

test('a bundle comes into its place, whether there was one or not, and nothing is left beside it', () =>
  withPlace((place, parent) => {
    for (const text of ['first', 'second']) {
      make(ownFolder(place), text);
      putInPlace(ownFolder(place), place);
      assert.deepEqual(readdirSync(parent), ['bundle']);
      assert.deepEqual(textsIn(place), [text, text]);
    }
  }));

test('a build that was ended while there was no bundle leaves the last one, which goes back', () =>
  withPlace((place, parent) => {
    const id = endedId();
    make(`${place}-${id}`, 'new');
    make(`${place}-${id}-last`, 'last');
    removeUnfinished(place);
    assert.deepEqual(readdirSync(parent), ['bundle']);
    assert.deepEqual(textsIn(place), ['last', 'last']);
  }));

test('where there is a bundle, what ended builds left is taken away; what others make, and other folders, stay', () =>
  withPlace((place, parent) => {
    const id = endedId();
    make(place, 'newest');
    make(`${place}-${id}`, 'part');
    make(`${place}-${id}-last`, 'last');
    const stay = [`bundle-${process.ppid}`, `bundle-${process.ppid}-last`, 'bundle-of-mine', 'src'];
    for (const name of stay) make(join(parent, name), name);
    removeUnfinished(place);
    assert.deepEqual(readdirSync(parent).sort(), ['bundle', ...stay].sort());
    assert.deepEqual(textsIn(place), ['newest', 'newest']);
  }));

test('a bundle that was not made is an error, and the last one stays for the next build', () =>
  withPlace((place) => {
    make(place, 'last');
    assert.throws(() => putInPlace(ownFolder(place), place), /cannot be put in its place: ENOENT/);
    removeUnfinished(place);
    assert.deepEqual(textsIn(place), ['last', 'last']);
  }));

test('builds at once: each puts its own in place, and one of them is there, whole', () =>
  withPlace(async (place, parent) => {
    const script = `
      import { mkdirSync, writeFileSync } from 'node:fs';
      import { putInPlace, removeUnfinished } from ${JSON.stringify(new URL('bundle-place.js', import.meta.url).href)};
      const place = ${JSON.stringify(place)};
      const folder = place + '-' + process.pid;
      for (let round = 0; round < 300; round++) {
        removeUnfinished(place);
        mkdirSync(folder);
        for (const name of ['main.js', 'package.json']) writeFileSync(folder + '/' + name, process.pid + ' ' + round);
        putInPlace(folder, place);
      }`;
    const builds = Array.from({ length: 3 }, () =>
      spawn(process.execPath, ['--input-type=module', '--eval', script], { stdio: 'inherit' }),
    );
    const ends = await Promise.all(builds.map((build) => once(build, 'exit')));
    assert.deepEqual(
      ends,
      builds.map(() => [0, null]),
    );
    assert.deepEqual(readdirSync(parent), ['bundle']);
    const [text, other] = textsIn(place);
    assert.equal(text, other);
    assert.ok(
      builds.some(({ pid }) => text === `${pid} 299`),
      text,
    );
  }));
