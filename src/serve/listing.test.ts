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
