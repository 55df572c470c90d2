import assert from 'node:assert/strict';
import { test } from 'node:test';
import { longFilmHeader } from '../../test/support/long-film.js';
import { FilmRefusal } from './film.js';
import { readFilm } from './read-film.js';
import type { SampleTable } from './samples.js';
import { tableCore } from './table-core.js';
import { grainBytes as page, TablePool } from './table-pool.js';

function withPool(grains: number, use: (pool: TablePool) => void): void {
  use(new TablePool({ buffer: new ArrayBuffer(grains * page), from: 0, to: grains * page }));
}

/** The end of the core's memory, which the thread's own films do not reach. */
function withCorePool(bytes: number, use: (pool: TablePool) => void): void {
  const { buffer, to } = tableCore().pool;
  new Uint8Array(buffer, to - bytes, bytes).fill(0);
  use(new TablePool({ buffer, from: to - bytes, to }));
}

test('what was given back is used again, from the first place that is long enough', () => {
  withPool(8, (pool) => {
    const [first, second, third] = [pool.lease(1)!, pool.lease(page + 1)!, pool.lease(page)!];
    assert.deepEqual([first.offset, second.offset, third.offset], [0, page, 3 * page]);
    assert.equal(pool.leasedBytes, 4 * page);
    pool.release(first);
    assert.equal(pool.lease(2 * page)!.offset, 4 * page, 'one page is not enough');
    pool.release(second);
    assert.equal(pool.lease(3 * page)!.offset, 0, 'two places beside each other are one');
    assert.equal(pool.lease(3 * page), undefined, 'two pages are left');
    assert.equal(pool.lease(2 * page)!.offset, 6 * page);
    assert.equal(pool.leasedBytes, 8 * page);
    pool.release(third);
    assert.equal(pool.lease(page)!.offset, 3 * page);
  });
});

test('pieces that are given back in any order are one again', () => {
  for (const order of [
    [0, 1, 2, 3],
    [3, 2, 1, 0],
    [0, 2, 1, 3],
    [1, 3, 0, 2],
  ]) {
    withPool(4, (pool) => {
      const pieces = [0, 1, 2, 3].map(() => pool.lease(page)!);
      assert.equal(pool.lease(1), undefined);
      for (const index of order) pool.release(pieces[index]!);
      assert.equal(pool.lease(4 * page)?.offset, 0, order.join());
    });
  }
});

test('memory that is used again is zeros', () => {
  withPool(4, (pool) => {
    const piece = pool.lease(2 * page)!;
    new Uint8Array(piece.buffer, piece.offset, 2 * page).fill(0xff);
    pool.release(piece);
    const again = pool.lease(3 * page)!;
    assert.ok(new Uint8Array(again.buffer, again.offset, 3 * page).every((value) => value === 0));
  });
});

function read(pool: TablePool | undefined, bytes: Uint8Array, size: number) {
  const reader = readFilm(size, pool);
  let step = reader.next();
  while (step.done !== true) {
    const need = step.value;
    step = reader.next(need && bytes.subarray(need.offset, need.offset + need.length));
  }
  return step.value;
}

const facts = (samples: SampleTable, sample: number) => [
  ...[samples.size(sample), samples.offset(sample), samples.decodeTime(sample), samples.duration(sample)],
  ...[samples.compositionOffset(sample), samples.isSync(sample)],
];

test('a film whose tables lie in memory that is used again is the same film, and leaves all of it', () => {
  // Half an hour of samples of up to 66,600 bytes: sizes turn out to need 32 bits.
  const { bytes, size } = longFilmHeader({ seconds: 1800, framesPerSecond: 25, videoBytes: 66_000 });
  const own = read(undefined, bytes, size);
  withCorePool(2 ** 22, (pool) => {
    for (let round = 0; round < 3; round++) {
      const film = read(pool, bytes, size);
      assert.ok(pool.leasedBytes > 700_000, `${pool.leasedBytes} bytes`);
      assert.equal(film.indexBytes, own.indexBytes);
      assert.ok(pool.leasedBytes < film.indexBytes + 32 * page, 'what was too small for sizes is not kept');
      for (const [index, { samples }] of film.tracks.entries()) {
        const expected = own.tracks[index]!.samples;
        for (let sample = 0; sample < samples.count; sample += 11) {
          assert.deepEqual(facts(samples, sample), facts(expected, sample));
        }
      }
      film.tables.retain();
      film.tables.release();
      assert.equal(film.tracks[0]!.samples.offset(5), own.tracks[0]!.samples.offset(5), 'one user is left');
      film.tables.release();
      assert.equal(pool.leasedBytes, 0);
      for (const { samples } of film.tracks) assert.throws(() => samples.offset(5), TypeError);
    }
  });
});

test('a film that is refused leaves nothing, nor does one that could not be read to its end', () => {
  const { bytes, size } = longFilmHeader({ seconds: 600, framesPerSecond: 25 });
  withCorePool(2 ** 22, (pool) => {
    // The last table is behind the end of the file.
    assert.throws(() => read(pool, bytes.subarray(0, bytes.length - 20_000), size), FilmRefusal);
    assert.equal(pool.leasedBytes, 0);
    const reader = readFilm(size, pool);
    for (let step = reader.next(); pool.leasedBytes === 0; ) {
      const need = step.value as { offset: number; length: number } | undefined;
      step = reader.next(need && bytes.subarray(need.offset, need.offset + need.length));
    }
    const refusal = new FilmRefusal('cannot be read');
    assert.throws(() => reader.throw(refusal), refusal);
    assert.equal(pool.leasedBytes, 0);
  });
});

test('where there is no room a film is refused, and leaves nothing', () => {
  const { bytes, size } = longFilmHeader({ seconds: 600, framesPerSecond: 25 });
  withCorePool(2 ** 16, (pool) => {
    assert.throws(() => read(pool, bytes, size), RangeError);
    assert.equal(pool.leasedBytes, 0);
  });
});

test('the kernel is asked for the pages of memory that nobody touched, a MiB at most', () => {
  const asked: number[][] = [];
  withPool(2 ** 16, (pool) => {
    pool.populate = (offset, length) => asked.push([offset, length]);
    const first = pool.lease(3 * page)!;
    pool.release(first);
    pool.lease(5 * page);
    pool.lease(2 ** 21);
  });
  assert.deepEqual(asked, [
    [0, 3 * page],
    [3 * page, 2 * page],
    [5 * page, 2 ** 20],
  ]);
});
