// Fragments of films made by hand: times that begin anew, tracks that are left out, data in front of its header, long headers. Fragments that
// lie are in read-film-lies.test.ts, those of ffmpeg in read-film.whole.test.ts.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { box, bytes, fullBox, joined, movie, tableBoxes, trak } from '../../test/support/box-film.js';
import { readFilmBytes, readFilmFrom } from '../../test/support/read-film-file.js';
import type { Film } from './film.js';

const baseIsMoof = 0x20000;
const noTables = tableBoxes({ stts: [], stsc: [], stsz: [], stco: [] });
const defaults = (...tracks: number[]) =>
  box('mvex', ...tracks.map((id) => fullBox('trex', 0, 0, bytes.u32(id, 1, 40, 100, 0))));
const header = movie([trak({ tables: noTables })], defaults(1));

const shortTime = (ticks: number) => fullBox('tfdt', 0, 0, bytes.u32(ticks));
const longTime = (ticks: number) => fullBox('tfdt', 1, 0, bytes.u64(ticks));
const run = (samples: number, offset = 0) => fullBox('trun', 0, 1, bytes.u32(samples, offset));
const part = (track: number, flags: number, ...boxes: Uint8Array[]) =>
  box('traf', fullBox('tfhd', 0, flags, bytes.u32(track)), ...boxes);
const data = (samples: number) => box('mdat', Buffer.alloc(100 * samples));

const timesOf = ({ tracks }: Film) => {
  const { samples } = tracks[0]!;
  return Array.from({ length: samples.count }, (_, sample) => samples.decodeTime(sample));
};

test('a short decode time that begins anew at 2^32 goes on', () => {
  const at = (time: Uint8Array) => joined(box('moof', part(1, baseIsMoof, time, run(2))), data(2));
  const near = 2 ** 32 - 80;
  const film = readFilmBytes(joined(header, at(shortTime(near)), at(shortTime(0)), at(shortTime(100))));
  assert.deepEqual(timesOf(film), [near, near + 40, 2 ** 32, 2 ** 32 + 40, 2 ** 32 + 100, 2 ** 32 + 140]);
  assert.deepEqual(film.notes, []);
  // Players take the time as it stands there.
  assert.equal(film.fragments, undefined);
  // A long one says what it means.
  const back = readFilmBytes(joined(header, at(longTime(near)), at(longTime(0))));
  assert.deepEqual(timesOf(back), [near, near + 40, 2 ** 32, 2 ** 32 + 40]);
  assert.match(back.notes[0]!, /begins before the one before it ends/);
});

test('a fragment takes one read, and many small ones take one together', () => {
  const readsOf = (samples: number): number => {
    const moof = box('moof', part(1, baseIsMoof, run(samples)));
    const film = joined(header, ...Array.from({ length: 400 }, () => joined(moof, data(samples))));
    let reads = 0;
    readFilmFrom(film.length, (offset, length) => {
      reads++;
      return film.subarray(offset, offset + length);
    });
    return reads;
  };
  assert.ok(readsOf(50) < 410, `${readsOf(50)}`);
  assert.ok(readsOf(1) < 50, `${readsOf(1)}`);
});

test('the data of a track that is left out has the sizes of its defaults', () => {
  const two = movie([trak({ tables: noTables }), trak({ id: 2, handler: 'meta', tables: noTables })], defaults(1, 2));
  // Neither says where its data begins: the second part's is behind the first one's.
  const plain = fullBox('trun', 0, 0, bytes.u32(3));
  const moof = box('moof', part(2, 0, run(3, 500)), part(1, 0, plain));
  const film = readFilmBytes(joined(two, moof, data(10)));
  assert.deepEqual(
    film.tracks.map(({ id }) => id),
    [1],
  );
  assert.equal(film.tracks[0]!.samples.offset(0), two.length + 500 + 300);
});

test('a fragment whose data lies in front of it is not sent as it is', () => {
  const moof = (offset: number) => box('moof', part(1, baseIsMoof, longTime(0), run(2, offset)));
  const read = (offset: number) => readFilmBytes(joined(header, data(2), moof(offset), data(2)));
  assert.equal(read(moof(0).length + 8).fragments?.length, 1);
  const film = read(-200);
  assert.equal(film.fragments, undefined);
  assert.equal(film.tracks[0]!.samples.offset(0), header.length + 8);
});

test('an edit that ends with the samples of the header does not end the fragments behind it', () => {
  const read = (duration: number, ...fragments: Uint8Array[]) => {
    const edits = box('edts', fullBox('elst', 0, 0, bytes.u32(1, duration, 40, 0x10000)));
    const size = 400;
    const tables = (offset: number) =>
      tableBoxes({ stts: [[4, 40]], stsc: [[1, 4, 1]], stsz: Array.from({ length: 4 }, () => 100), stco: [offset] });
    const begin = (offset: number) => movie([trak({ tables: tables(offset), more: [edits] })], defaults(1));
    const bytesBefore = begin(0).length;
    return readFilmBytes(joined(begin(bytesBefore + 8), box('mdat', Buffer.alloc(size)), ...fragments));
  };
  const fragment = joined(box('moof', part(1, baseIsMoof, longTime(160), run(4))), data(4));
  for (const duration of [120, 121]) {
    const film = read(duration, fragment);
    assert.deepEqual([film.tracks[0]!.samples.count, film.tracks[0]!.edit.endTicks], [8, undefined]);
    assert.equal(film.durationSeconds, 0.28);
  }
  // It reaches into the fragments, and knows of them.
  assert.equal(read(200, fragment).tracks[0]!.edit.endTicks, 240);
  // Nothing goes on behind the header.
  const empty = box('moof', part(1, baseIsMoof, longTime(160)));
  assert.equal(read(80, empty).tracks[0]!.edit.endTicks, 120);
});

test('an edit that ends before the first fragment begins does not end the film', () => {
  const read = (duration: number) => {
    const edits = box('edts', fullBox('elst', 0, 0, bytes.u32(1, duration, 0, 0x10000)));
    const header = movie([trak({ tables: noTables, more: [edits] })], defaults(1));
    return readFilmBytes(joined(header, box('moof', part(1, baseIsMoof, longTime(160), run(4))), data(4)));
  };
  const told = /an edit that ends before its first sample; its end is not honoured/;
  for (const duration of [100, 160]) {
    const film = read(duration);
    assert.equal(film.tracks[0]!.edit.endTicks, undefined);
    assert.match(film.notes.join(), told);
  }
  // It knows of some of them.
  const film = read(200);
  assert.equal(film.tracks[0]!.edit.endTicks, 200);
  assert.deepEqual(film.notes, []);
});

test('fragments of a track whose delay needs shorter ticks are not sent as they are', () => {
  const read = (delay: number) => {
    const edits = box('edts', fullBox('elst', 0, 0, bytes.u32(2, delay, -1, 0x10000, 90_000, 0, 0x10000)));
    const delayed = movie([trak({ timescale: 25, tables: noTables, more: [edits] })], defaults(1));
    return readFilmBytes(joined(delayed, box('moof', part(1, baseIsMoof, longTime(50), run(2))), data(2)));
  };
  assert.equal(read(40).fragments?.length, 1);
  const { fragments, tracks } = read(50);
  assert.equal(fragments, undefined);
  const [{ timescale, samples, edit }] = tracks as [Film['tracks'][0]];
  assert.deepEqual([timescale, samples.decodeTime(1), edit.emptyTicks], [10_000, 36_000, 500]);
});

test('a film that ends behind the header of a fragment is cut off, whichever track the fragment is of', () => {
  const two = movie([trak({ tables: noTables }), trak({ id: 2, tables: noTables })], defaults(1, 2));
  const fragment = (track: number) => box('moof', part(track, baseIsMoof, longTime(0), run(2)));
  const whole = joined(two, fragment(1), data(2));
  assert.equal(readFilmBytes(whole).tracks.length, 1);
  assert.throws(() => readFilmBytes(joined(whole, fragment(2))), /is cut off: its tables need/);
});

test('one fragment may have hundreds of thousands of samples, and thousands of runs', () => {
  const count = 300_000;
  const sizes = Buffer.alloc(4 * count);
  for (let sample = 0; sample < count; sample++) sizes.writeUInt32BE(1 + (sample % 7), 4 * sample);
  const long = fullBox('trun', 0, 0x200, bytes.u32(count), sizes);
  const film = readFilmBytes(joined(header, box('moof', part(1, baseIsMoof, longTime(0), long)), data(15_000)));
  const { samples } = film.tracks[0]!;
  assert.equal(samples.count, count);
  for (const sample of [0, 65_536, count - 1]) assert.equal(samples.size(sample), 1 + (sample % 7));
  const many = Array.from({ length: 8000 }, () => run(1));
  assert.equal(readFilmBytes(joined(header, box('moof', part(1, baseIsMoof, ...many)))).tracks[0]!.samples.count, 8000);
  const endless = joined(header, bytes.u32(17 * 2 ** 20), 'moof', Buffer.alloc(17 * 2 ** 20));
  assert.throws(() => readFilmBytes(endless), /has a header \(moof\) of 17825792 bytes, and may have 16777216/);
});

test('a track whose fragments are wrong is left out alone', () => {
  const two = movie([trak({ tables: noTables }), trak({ id: 2, tables: noTables })], defaults(1, 2));
  const described = (track: number, description: number) =>
    box('traf', fullBox('tfhd', 0, baseIsMoof | 2, bytes.u32(track, description)), longTime(0), run(2, 8));
  for (const [description, reason] of [
    [0, /description that is not there/],
    [2, /description that is not there/],
  ] as const) {
    const moof = box('moof', described(1, description), described(2, 1));
    const film = readFilmBytes(joined(two, moof, data(4), moof, data(4)));
    assert.deepEqual(
      film.tracks.map(({ id, samples }) => [id, samples.count]),
      [[2, 4]],
    );
    assert.equal(film.leftOut[0]!.track, 1);
    assert.match(film.leftOut[0]!.reason, reason);
  }
});

test('fragments of a track that is left out are none that nobody knows', () => {
  const two = movie([trak({ tables: noTables }), trak({ id: 2, handler: 'meta', tables: noTables })], defaults(1, 2));
  const other = joined(box('moof', part(2, baseIsMoof, run(1))), data(1));
  const film = readFilmBytes(
    joined(two, box('moof', part(1, baseIsMoof, run(2))), data(2), ...Array.from({ length: 66_000 }, () => other)),
  );
  assert.equal(film.tracks[0]!.samples.count, 2);
});

test('samples of fragments that have no byte are left out, and what is before them stays for as long', () => {
  const two = movie([trak({ tables: noTables }), trak({ id: 2, tables: noTables })], defaults(1, 2));
  const sized = (first: number, ...sizes: number[]) =>
    fullBox('trun', 0, 0x201, bytes.u32(sizes.length, first), bytes.u32(...sizes));
  const moof = (track: number, time: number, ...runs: Uint8Array[]) =>
    joined(box('moof', part(track, baseIsMoof, longTime(time), ...runs)), data(2));
  const read = (...sizes: number[]) =>
    readFilmBytes(
      joined(
        two,
        moof(1, 0, sized(100, ...sizes), sized(200, 0, 0), sized(150, 0, 7)),
        moof(2, 0, run(2, 100)),
        moof(1, 1000, run(1, 100)),
      ),
    );
  const film = read(10, 0, 20);
  const { samples } = film.tracks[0]!;
  const rows = Array.from({ length: samples.count }, (_, sample) => [
    samples.size(sample),
    samples.offset(sample) - two.length,
    samples.decodeTime(sample),
    samples.duration(sample),
  ]);
  const third = samples.offset(3) - two.length;
  assert.deepEqual(rows, [
    [10, 100, 0, 80],
    [20, 110, 80, 160],
    [7, 150, 240, 760],
    [100, third, 1000, 40],
  ]);
  assert.deepEqual(film.notes, ['track 1 has 4 samples without a byte; what is before them stays']);
  // Neither these fragments nor those of the other track are sent as they are.
  assert.equal(film.tracks[1]!.samples.count, 2);
  assert.equal(film.fragments, undefined);
});

test('a fragmented film begins with its first sample that has bytes; a track of none is left out', () => {
  const two = movie([trak({ tables: noTables }), trak({ id: 2, tables: noTables })], defaults(1, 2));
  const sized = (track: number, ...sizes: number[]) => {
    const told = fullBox('trun', 0, 0x201, bytes.u32(sizes.length, 100), bytes.u32(...sizes));
    return joined(box('moof', part(track, baseIsMoof, longTime(1000), told)), data(2));
  };
  const { tracks } = readFilmBytes(joined(two, sized(1, 0, 0, 20, 0), sized(2, 30, 40)));
  const { samples } = tracks[0]!;
  assert.deepEqual([samples.count, samples.decodeTime(0), samples.duration(0), samples.size(0)], [1, 1080, 80, 20]);
  const film = readFilmBytes(joined(two, sized(1, 0, 0), sized(2, 30, 40)));
  assert.deepEqual(
    film.tracks.map(({ id }) => id),
    [2],
  );
  assert.match(film.leftOut[0]!.reason, /has no samples/);
  assert.equal(film.fragments?.length, 1);
});

test('samples without a byte count among the samples that a film may have', () => {
  const nothing = movie([trak({ tables: noTables })], box('mvex', fullBox('trex', 0, 0, bytes.u32(1, 1, 40, 0, 0))));
  const runs = Array.from({ length: 257 }, () => run(65_536));
  const film = joined(nothing, box('moof', part(1, baseIsMoof, ...runs)), data(1));
  assert.throws(() => readFilmBytes(film), /has more samples than any film/);
});
