import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Ahead } from './ahead.js';
import { type FileSource, Output } from './output.js';

/** A file, and the cookies that it was released with. */
function fileOf(fd: number): { file: FileSource; released: number[] } {
  const released: number[] = [];
  const residency = { covers: () => true };
  return { file: { fd, residency, release: (cookie) => released.push(cookie) }, released };
}

/** What an output has: the descriptor of each piece, 0 of a segment, and its length. */
function piecesOf(output: Output): [fd: number, length: number][] {
  const list: [number, number][] = [];
  if (output.first === undefined) return list;
  const ahead = new Ahead();
  ahead.begin(output.first, output.done);
  do list.push([ahead.file?.fd ?? 0, ahead.length]);
  while (ahead.next());
  return list;
}

test('what is queued behind a list of pieces stands behind all of them, however many bytes are gone', () => {
  const all: [fd: number, length: number][] = [
    [3, 10],
    [3, 20],
    [3, 30],
    [4, 1],
    [4, 2],
    [0, 7],
  ];
  for (let gone = 0; gone < 70; gone++) {
    const output = new Output();
    output.addPieces(fileOf(3).file, Float64Array.of(0, 10, 50, 20, 90, 30), 60);
    output.addPieces(fileOf(4).file, Float64Array.of(0, 1, 50, 2), 3);
    output.addSegment(1, 7, undefined, 0);
    output.take(gone);
    let left = gone;
    const expected = all.flatMap(([fd, length]): [number, number][] => {
      const taken = Math.min(left, length);
      left -= taken;
      return taken === length ? [] : [[fd, length - taken]];
    });
    assert.deepEqual(piecesOf(output), expected);
    assert.equal(output.left, 70 - gone);
    assert.equal(output.extents, gone < 60 ? 2 : gone < 63 ? 1 : 0);
  }
});

test('a file that was queued as a list is released as such, whatever its entries were before', () => {
  const output = new Output();
  const first = fileOf(3);
  for (let cookie = 5; cookie < 9; cookie++) output.addExtent(first.file, 0, 10, first.file, cookie);
  output.clear();
  assert.deepEqual(first.released, [5, 6, 7, 8]);
  for (const ends of ['sent', 'cleared']) {
    for (let gone = 0; gone < 30; gone += 5) {
      const { file, released } = fileOf(4);
      output.addPieces(file, Float64Array.of(0, 10, 50, 10, 90, 10), 30);
      output.take(gone);
      assert.deepEqual(released, []);
      if (ends === 'sent') output.take(30 - gone);
      else output.clear();
      assert.deepEqual(released, [0]);
      assert.ok(output.empty);
      assert.equal(output.left, 0);
      assert.equal(output.extents, 0);
    }
  }
});

test('a list that left touches no list of another connection', () => {
  const { file, released } = fileOf(3);
  const output = new Output();
  output.addPieces(file, Float64Array.of(0, 10, 50, 0), 10);
  output.take(10);
  assert.ok(output.empty);
  assert.deepEqual(released, [0]);
  const others = [new Output(), new Output(), new Output()];
  for (const other of others) other.addPieces(fileOf(4).file, Float64Array.of(0, 10, 50, 10), 20);
  output.clear();
  for (const other of others) {
    assert.deepEqual(piecesOf(other), [
      [4, 10],
      [4, 10],
    ]);
    assert.equal(other.left, 20);
  }
});
