import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clockWords, counted, parseSize, parseTimeMs, parseWholeSize, timeForm } from './units.js';

test('figures in words', () => {
  assert.deepEqual([0, 184.9, 3723].map(clockWords), ['0:00', '3:04', '1:02:03']);
  assert.deepEqual(
    [0, 1, 2].map((count) => counted(count, 'frame')),
    ['0 frames', '1 frame', '2 frames'],
  );
});

test('sizes in every spelling that options take', () => {
  const right = {
    '0': 0,
    '1500': 1500,
    '64K': 65536,
    '64k': 65536,
    '64kb': 65536,
    '2 MiB': 2 * 1024 ** 2,
    '.5m': 512 * 1024,
    '64Ki': 65536,
    '1TiB': 1024 ** 4,
  };
  for (const [text, bytes] of Object.entries(right)) assert.equal(parseSize(text), bytes, text);
  assert.equal(parseSize(' 1.5GiB '), 1.5 * 1024 ** 3);
  assert.deepEqual([parseSize('1.5'), parseWholeSize('0.3K')], [1.5, 307]);
  for (const text of ['', 'K', '-1', '1e9', '0x10', '64x', '1.5.5', '64K64K', '9'.repeat(20), '9'.repeat(400)]) {
    assert.ok(Number.isNaN(parseSize(text)), text);
  }
});

test('times in every spelling that options take; a number without a unit is of seconds', () => {
  const right = { '0': 0, '10': 10_000, '0.5': 500, '500ms': 500, '1.5s': 1500, '2m': 120_000, '1h': 3_600_000 };
  for (const [text, ms] of Object.entries(right)) assert.equal(parseTimeMs(text), ms, text);
  for (const text of ['', 's', '-1', '1e3', '.5', '1d', '10 s', '1s1s', 'Infinity', 'NaN']) {
    assert.ok(Number.isNaN(parseTimeMs(text)), text);
  }
});

test('the bounds of a time are told in seconds, and what is told is taken back', () => {
  assert.equal(timeForm(0), 'a time such as 10, 500ms, 10s or 2m');
  assert.equal(timeForm(1), 'a time of 0.001 s or more, such as 500ms, 10s or 2m');
  assert.equal(timeForm(1, 3_600_000), 'a time from 0.001 s to 3600 s, such as 500ms, 10s or 2m');
  for (const least of [1, 20, 1000, 90_000]) {
    const [, told] = /^a time of ([\d.]+) s or more/.exec(timeForm(least)) ?? [];
    assert.equal(parseTimeMs(told!), least);
  }
});
