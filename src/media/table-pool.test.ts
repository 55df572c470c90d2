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

test('where there is no room what is kept for later is let go of, as much as is needed', () => {
  withPool(4, (pool) => {
    const kept = [1, 1, 1, 1].map((pages) => pool.lease(pages * page)!);
    let asked = 0;
    pool.makeRoom = () => {
      asked++;
      const piece = kept.shift();
      if (piece !== undefined) pool.release(piece);
      return piece !== undefined;
    };
    assert.equal(pool.lease(2 * page)!.offset, 0);
    assert.deepEqual([asked, kept.length], [2, 2]);
    assert.equal(pool.lease(3 * page), undefined, 'all that was kept is not enough');
    assert.deepEqual([asked, kept.length, pool.leasedBytes], [5, 0, 2 * page]);
  });
});

test('memory that is given back is asked for anew, and only when no film has any of it', () => {
  withPool(8, (pool) => {
    const [given, populated]: [number[][], number[][]] = [[], []];
    pool.populate = (offset, length) => populated.push([offset, length]);
    pool.discard = (offset, length) => given.push([offset, length]) > 1;
    const pieces = [pool.lease(page)!, pool.lease(2 * page)!];
    pool.release(pieces[0]!);
    pool.giveBack();
    assert.deepEqual(given, [], 'one is leased');
    pool.release(pieces[1]!);
    pool.giveBack();
    pool.release(pool.lease(2 * page)!);
    assert.equal(populated.length, 2, 'the kernel did not take it');
    pool.giveBack();
    pool.lease(page);
    assert.deepEqual(
      [given[1], populated[2]],
      [
        [0, 3 * page],
        [0, page],
      ],
    );
  });
});

test('what the functions of the core work in is no part of the pool', () => {
  const { pool, ...core } = tableCore();
  const areas = Object.values(core).filter((each) => typeof each === 'object' && 'numbers' in each);
  assert.ok(areas.length > 10);
  for (const { at, numbers } of areas) assert.ok(at + numbers.byteLength <= pool.from);
  assert.ok(pool.to - pool.from >= 160 * 2 ** 20);
});

test('it is told of memory that nobody touched before', () => {
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
    [5 * page, 2 ** 21],
  ]);
});
