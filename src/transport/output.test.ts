import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type FileSource, Output } from './output.js';

/** A file, and the cookies that it was released with. */
function fileOf(fd: number): { file: FileSource; released: number[] } {
  const released: number[] = [];
  const residency = { covers: () => true };
  return { file: { fd, residency, release: (cookie) => released.push(cookie) }, released };
}

/** The entries of an output: the descriptor of each, 0 of a segment, and its length. */
function entriesOf(output: Output): [fd: number, length: number][] {
  const list: [number, number][] = [];
  for (let entry = output.first; entry !== undefined; entry = entry.next)
    list.push([entry.file?.fd ?? 0, entry.length]);
  return list;
}

test('what is queued behind a list of pieces stands behind all of them', () => {
  const { file } = fileOf(3);
  const other = fileOf(4).file;
  const output = new Output();
  output.addPieces(file, Float64Array.of(0, 10, 50, 20, 90, 30), 60);
  assert.deepEqual(entriesOf(output), [[3, 10]], 'none are made before they are needed');
  output.addPieces(other, Float64Array.of(0, 1, 50, 2), 3);
  output.addSegment(1, 7, undefined, 0);
  output.expand(1);
  const all = [
    [3, 10],
    [3, 20],
    [3, 30],
    [4, 1],
    [4, 2],
    [0, 7],
  ];
  assert.deepEqual(entriesOf(output), all);
  assert.equal(output.left, 70);
  assert.equal(output.extents, 5);
});

test('a file that was queued as a list is released as such, whatever its entries were before', () => {
  const output = new Output();
  const first = fileOf(3);
  for (let cookie = 5; cookie < 9; cookie++) output.addExtent(first.file, 0, 10, first.file, cookie);
  output.clear();
  assert.deepEqual(first.released, [5, 6, 7, 8]);
  for (const ends of ['sent', 'cleared']) {
    for (let made = 0; made <= 30; made += 10) {
      const { file, released } = fileOf(4);
      output.addPieces(file, Float64Array.of(0, 10, 50, 10, 90, 10), 30);
      output.expand(made);
      if (ends === 'sent') output.take(30);
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
  output.expand(100);
  output.clear();
  for (const other of others) {
    assert.deepEqual(entriesOf(other), [[4, 10]]);
    assert.equal(other.left, 20);
  }
});
