// Films with samples that have no byte, made by hand. Other tables, honest and lying, are in read-film-lies.test.ts.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  avc1,
  type BoxTables,
  box,
  bytes,
  fullBox,
  joined,
  movie,
  tableBoxes,
  trak,
} from '../../test/support/box-film.js';
import { readFilmBytes } from '../../test/support/read-film-file.js';

/** A film of one track with these tables, and room behind them. */
const filmOf = (tables: BoxTables, ...more: Uint8Array[]) => {
  const header = movie([trak({ entries: [avc1, avc1], tables: [...tableBoxes(tables), ...more] })]);
  return readFilmBytes(header, header.length + 50_000);
};

const tables: Required<Omit<BoxTables, 'co64'>> = {
  stts: [
    [4, 40],
    [4, 50],
  ],
  ctts: [
    [3, 80],
    [5, 90],
  ],
  // Three samples in each of the first two chunks, two in the last, which has the other description.
  stsc: [
    [1, 3, 1],
    [3, 2, 2],
  ],
  stsz: [10, 20, 0, 0, 50, 60, 70, 80],
  stco: [1000, 2000, 3000],
  stss: [1, 4, 6],
};

test('samples without a byte are left out, and what is before them stays for as long', () => {
  const { tracks, notes } = filmOf(tables);
  const { samples } = tracks[0]!;
  const all = Array.from({ length: samples.count }, (_, sample) => [
    samples.size(sample),
    samples.offset(sample),
    samples.decodeTime(sample),
    samples.duration(sample),
    samples.compositionOffset(sample),
    samples.isSync(sample),
    samples.description(sample),
  ]);
  assert.deepEqual(all, [
    [10, 1000, 0, 40, 80, true, 0],
    [20, 1010, 40, 120, 80, false, 0],
    [50, 2000, 160, 50, 90, false, 0],
    [60, 2050, 210, 50, 90, true, 0],
    [70, 3000, 260, 50, 90, false, 1],
    [80, 3070, 310, 50, 90, false, 1],
  ]);
  assert.deepEqual(notes, ['track 1 has 2 samples without a byte; what is before them stays']);
});

test('a film begins with its first sample that has bytes; one of none has none', () => {
  const { samples } = filmOf({ ...tables, stsz: [0, 20, 30, 0, 50, 60, 70, 0] }).tracks[0]!;
  assert.deepEqual([samples.count, samples.decodeTime(0), samples.offset(0)], [5, 40, 1000]);
  assert.equal(samples.duration(4), 100);
  assert.equal(samples.durationTicks, 320);
  assert.throws(() => filmOf({ ...tables, stsz: Array<number>(8).fill(0), stts: [[8, 40]] }), /has no samples/);
});

test('groups of samples are not those of a track whose samples have other numbers', () => {
  const group = fullBox('sbgp', 0, 0, 'rap ', bytes.u32(2, 5, 0, 3, 1));
  const of = (stsz: readonly number[]) => filmOf({ ...tables, stss: [1], stsz }, group).tracks[0]!.randomAccess;
  assert.deepEqual([...of([10, 20, 30, 40, 50, 60, 70, 80])!], [5]);
  assert.equal(of(tables.stsz), undefined);
});

test('an empty sample is found wherever it is among thousands, and none is where only one without a place has no byte', () => {
  const total = 20_000;
  const of = (empty: number, places = total) =>
    filmOf({
      stts: [[total, 40]],
      stsc: [[1, places, 1]],
      stsz: Array.from({ length: total }, (_, sample) => (sample === empty ? 0 : 1 + (sample % 3 === 0 ? 1 : 0))),
      stco: [1000],
    });
  for (const empty of [0, 1, 8191, 8192, 16_383, 16_384, total - 1]) {
    const { tracks, notes } = of(empty);
    const { samples } = tracks[0]!;
    assert.deepEqual(
      [samples.count, samples.hasEmpty, samples.durationTicks],
      [total - 1, false, (total - (empty === 0 ? 1 : 0)) * 40],
    );
    assert.deepEqual(notes, ['track 1 has 1 samples without a byte; what is before them stays']);
  }
  assert.deepEqual(of(total - 1, total - 1).notes, [
    'track 1 has 1 samples without a place in the file; they are left out',
  ]);
});

test('groups of samples are those of the numbers that a film of fragments gives its first samples', () => {
  const group = fullBox('sbgp', 0, 0, 'rap ', bytes.u32(2, 5, 0, 3, 1));
  const of = (own: BoxTables, ...more: Uint8Array[]) => {
    const defaults = box('mvex', fullBox('trex', 0, 0, bytes.u32(1, 1, 40, 100, 0x10000)));
    const header = movie([trak({ entries: [avc1, avc1], tables: [...tableBoxes(own), ...more] })], defaults);
    const traf = box('traf', fullBox('tfhd', 0, 0x20000, bytes.u32(1)), fullBox('trun', 0, 1, bytes.u32(8, 0)));
    const film = readFilmBytes(joined(header, box('moof', traf), box('mdat', Buffer.alloc(5000))));
    const { samples, randomAccess } = film.tracks[0]!;
    return { count: samples.count, groups: randomAccess && [...randomAccess], notes: film.notes };
  };
  const whole = { ...tables, stss: [1], stsz: [10, 20, 30, 40, 50, 60, 70, 80], stco: [1000, 2000, 3000] };
  assert.deepEqual(of(whole, group), { count: 16, groups: [5], notes: [] });
  assert.deepEqual(of({ ...whole, stsz: tables.stsz }, group), {
    count: 14,
    groups: undefined,
    notes: ['track 1 has 2 samples without a byte; what is before them stays'],
  });
  // Of tables that are not there, or are wrong, no sample is taken.
  const none = { stts: [], stsc: [], stsz: [], stco: [] };
  for (const own of [none, {}, { ...whole, stts: [] }]) {
    assert.deepEqual(of(own, group), { count: 8, groups: undefined, notes: [] });
  }
});
