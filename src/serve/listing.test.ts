import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Loop } from '../transport/loop.js';
import { Listings } from './listing.js';
import { Site } from './site.js';

test('a listing that took long is given again for ten times as long, a quick one is as fresh as it was', {
  skip: process.platform !== 'linux' && 'needs Linux',
}, () => {
  const root = mkdtempSync(join(tmpdir(), 'clearway-listing-'));
  const loop = new Loop('epoll');
  const site = new Site(loop, { root, index: [], dotfiles: 'ignore', maxFiles: 16 });
  let nowMs = 0;
  // Each look at the clock is so much later than the one before.
  let stepMs = 2;
  const listings = new Listings(site, () => {
    nowMs += stepMs;
    return nowMs;
  });
  const names = (): string[] =>
    (JSON.parse(listings.get('', true) as string) as { entries: { name: string }[] }).entries.map(({ name }) => name);
  try {
    writeFileSync(join(root, 'a'), '');
    assert.deepEqual(names(), ['a']);
    writeFileSync(join(root, 'b'), '');
    assert.deepEqual(names(), ['a', 'b'], 'it took 2 ms');
    stepMs = 20;
    assert.deepEqual(names(), ['a', 'b']);
    const madeMs = nowMs;
    writeFileSync(join(root, 'c'), '');
    stepMs = 1;
    let asked = 0;
    for (; names().length === 2; asked++) assert.ok(nowMs <= madeMs + 200);
    assert.ok(asked >= 199, `it took 20 ms and was given again ${asked} times`);
    assert.deepEqual(names(), ['a', 'b', 'c']);
  } finally {
    site.close();
    loop.close();
    rmSync(root, { recursive: true });
  }
});

test('a folder with more names than are looked at says so, whatever of them is listed', {
  skip: process.platform !== 'linux' && 'needs Linux',
}, () => {
  const root = mkdtempSync(join(tmpdir(), 'clearway-listing-'));
  const loop = new Loop('epoll');
  const site = new Site(loop, { root, index: [], dotfiles: 'ignore', maxFiles: 16 });
  const upTo = (most: number) => new Listings(site, undefined, undefined, most);
  const json = (most: number) => JSON.parse(upTo(most).get('', true) as string) as { entries: []; truncated?: boolean };
  const words = (most: number) => /<p>(.*)<\/p>/.exec(upTo(most).get('', false) as string)?.[1];
  try {
    assert.equal(words(0), 'This folder is empty.');
    writeFileSync(join(root, '.hidden'), '');
    assert.equal(words(1), 'This folder is empty.');
    assert.equal(words(0), 'This folder has more names than a listing shows.');
    for (const name of ['a', 'b']) writeFileSync(join(root, name), '');
    assert.equal(words(3), '2 files');
    assert.deepEqual([json(3).entries.length, json(3).truncated], [2, undefined]);
    // One of the two that are looked at may be hidden: that there are more is said all the same.
    assert.match(words(2)!, /^[12] files?; there are more$/);
    assert.equal(json(2).truncated, true);
    assert.equal(json(0).truncated, true);
  } finally {
    site.close();
    loop.close();
    rmSync(root, { recursive: true });
  }
});
