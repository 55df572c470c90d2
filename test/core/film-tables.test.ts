// What goes through a film's tables entry by entry, against plain TypeScript. Not here: what the tables mean (src/media/).

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { coreInstance } from '../../src/memory/core-instance.js';
import { randomSource } from '../../src/plan/answers/simulate.js';

interface FilmTables {
  readonly taken: WebAssembly.Global;
  readonly largest: WebAssembly.Global;
  swapWords(from: number, at: number, words: number): number;
  narrowWords(at: number, words: number, into: number): void;
  partLongs(at: number, numbers: number, low: number, high: number): number;
  spreadRuns(at: number, runs: number, into: number, room: number): number;
  takeRuns(runs: number, at: number, entries: number, chunks: number, firsts: number, counts: number): number;
}

const { core, memory } = coreInstance<FilmTables>('film-tables', 2 ** 20, true);
const data = new DataView(memory.buffer);
const [at, into, other] = [0x2_0000, 0x4_0000, 0x6_0000];
const random = randomSource(5);
const word = (): number => Math.floor(random() * 2 ** 32);
const put = (place: number, words: readonly number[]): void => {
  for (const [index, value] of words.entries()) data.setUint32(place + 4 * index, value, true);
};
const read = (place: number, count: number): number[] =>
  Array.from({ length: count }, (_, index) => data.getUint32(place + 4 * index, true));

test('words are put into the order of the machine, however many', () => {
  for (let count = 0; count < 40; count++) {
    const words = Array.from({ length: count }, word);
    for (const [index, value] of words.entries()) data.setUint32(at + 4 * index, value);
    data.setUint32(at + 4 * count, 0x0102_0304);
    const ored = words.reduce((all, value) => all | value, 0) >>> 0;
    assert.equal(core.swapWords(at, into, count) >>> 0, ored);
    assert.deepEqual(read(into, count), words);
    assert.equal(core.swapWords(at, at, count) >>> 0, ored);
    assert.deepEqual(read(at, count), words);
    assert.equal(data.getUint32(at + 4 * count), 0x0102_0304, 'what is behind them stays');
  }
});

test('short words lie in 16 bits each, over themselves', () => {
  const words = [0xffff, 0, 1, 0x8000, 7];
  put(at, words);
  core.narrowWords(at, words.length, at);
  assert.deepEqual(
    words.map((_, index) => data.getUint16(at + 2 * index, true)),
    words,
  );
});

test('places of 64 bits are parted, and what is beyond 48 bits is told', () => {
  put(at, [0, 0xffff_ffff, 2, 5, 0xffff, 6]);
  assert.equal(core.partLongs(at, 3, into, other), 0xffff);
  assert.deepEqual(read(into, 3), [0xffff_ffff, 5, 6]);
  assert.deepEqual(
    [0, 2, 4].map((place) => data.getUint16(other + place, true)),
    [0, 2, 0xffff],
  );
  put(at, [0x1_0000, 5]);
  assert.equal(core.partLongs(at, 1, into, other), 0x1_0000);
});

test('runs are spread up to the one that there is no room for', () => {
  const minus = (value: number): number => -value >>> 0;
  put(at, [1, 5, 2, minus(7), 0, 900, 3, 0, 5, 1]);
  assert.equal(core.spreadRuns(at, 5, into, 10), 6);
  assert.deepEqual([core.taken.value, core.largest.value, ...read(into, 6)], [4, 7, 5, minus(7), minus(7), 0, 0, 0]);
  put(at, [0xffff_ffff, 3]);
  assert.equal(core.spreadRuns(at, 1, into, 8192), 0, 'a lie is not spread');
  assert.equal(core.taken.value, 0);
  put(at, [1, 0x8000_0000]);
  core.spreadRuns(at, 1, into, 8192);
  assert.equal(core.largest.value >>> 0, 2 ** 31);
});

test('runs of chunks go on until one is of another kind, wrong, or behind the last chunk', () => {
  const state = (...words: number[]): void => {
    put(other, words);
    data.setFloat64(other + 16, 10, true);
  };
  // The last: chunk 4 with 2 samples, description 1, of a run from chunk 3 on, 10 samples before that.
  const begin = (entries: number[], chunks = 100): number => {
    state(4, 2, 1, 3);
    put(at, entries);
    return core.takeRuns(other, at, entries.length / 3, chunks, into, into + 0x1000);
  };
  assert.equal(begin([6, 2, 1, 7, 3, 1, 9, 2, 1]), 2);
  assert.deepEqual([core.taken.value, read(into, 2), read(into + 0x1000, 2)], [3, [6, 8], [3, 2]]);
  assert.deepEqual(read(other, 4), [8, 2, 1, 8]);
  assert.equal(data.getFloat64(other + 16, true), 10 + 3 * 2 + 2 * 3);
  for (const entry of [
    [5, 1, 1],
    [0, 1, 1],
    [7, 0, 1],
    [7, 1, 2],
    [7, 1, 0],
    [101, 1, 1],
    [0xffff_ffff, 1, 1],
  ]) {
    assert.equal(begin(entry), 0, `${entry}`);
    assert.equal(core.taken.value, 0);
  }
});
