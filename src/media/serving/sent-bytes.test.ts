import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SentBytes, sentWords } from './sent-bytes.js';

const fresh = (): Int32Array => new Int32Array(new SharedArrayBuffer(4 * sentWords));

test('whoever counts for one version counts together, and others apart', () => {
  const memory = fresh();
  const one = SentBytes.of(memory, { high: 7, low: 12 });
  const same = SentBytes.of(memory, { high: 7, low: 12 });
  const besides = SentBytes.of(memory, { high: 8, low: 12 });
  one.add(100, 2000);
  same.add(1, 20);
  besides.add(5, 6);
  for (const each of [one, same]) assert.deepEqual([each.generated, each.referenced], [101, 2020]);
  assert.deepEqual([besides.generated, besides.referenced], [5, 6]);
  // A version may be 0, and is told apart from a place that nobody has.
  const none = SentBytes.of(memory, { high: 0, low: 12 });
  assert.equal(none.generated, 0);
  none.add(9, 0);
  assert.equal(SentBytes.of(memory, { high: 0, low: 12 }).generated, 9);
});

test('counts go on above 32 bits, in one step and in many', () => {
  const sent = SentBytes.of(fresh(), { high: -1, low: -1 });
  let [generated, referenced] = [0, 0];
  for (const bytes of [2 ** 32 - 1, 1, 2 ** 31, 2 ** 31, 5 * 2 ** 32 + 7, 2 ** 32 - 7, 0, 3]) {
    sent.add(bytes, 2 * bytes);
    generated += bytes;
    referenced += 2 * bytes;
    assert.deepEqual([sent.generated, sent.referenced], [generated, referenced]);
  }
});

test('films beyond those that there is room for are counted all the same', () => {
  const memory = fresh();
  for (let film = 0; film < 3000; film++) {
    const sent = SentBytes.of(memory, { high: film + 1, low: film * 77 });
    sent.add(film, 0);
    assert.equal(sent.generated, film);
  }
  assert.equal(SentBytes.of(memory, { high: 100, low: 99 * 77 }).generated, 99);
});
