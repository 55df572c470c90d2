import assert from 'node:assert/strict';
import { test } from 'node:test';
import { avc1, box, bytes, fullBox, joined, movie, tableBoxes, trak } from '../../test/support/box-film.js';
import { readFilmBytes } from '../../test/support/read-film-file.js';
import { presentationOf } from './presentation/presentation.js';
import { presentationTicks } from './presentation/timeline.js';
import { editOf } from './read-track.js';

test('the extended language comes before the code where it is one', () => {
  const tables = tableBoxes({ stts: [[1, 40]], stsc: [[1, 1, 1]], stsz: [10], stco: [0] });
  const languageOf = (...media: Uint8Array[]) => {
    const header = movie([trak({ tables, media })]);
    // `deu` in three times five bits.
    header.writeUInt16BE((4 << 10) | (5 << 5) | 21, header.indexOf('mdhd') + 24);
    return readFilmBytes(header).tracks[0]!.language;
  };
  const extended = (text: string) => fullBox('elng', 0, 0, text);
  assert.equal(languageOf(), 'de');
  assert.equal(languageOf(extended('de-AT\0')), 'de-AT');
  for (const text of ['', '\0', 'no language', 'und\0']) assert.equal(languageOf(extended(text)), 'de', text);
});

test('an edit ends where it says, however many ticks that are; all ones, and none, are to the end', () => {
  const endOf = (duration: number, movieTimescale: number) =>
    editOf([{ duration, mediaTime: 100, rate: 1 }], 25, movieTimescale, [], 1).endTicks;
  assert.equal(endOf(8000, 1000), 300);
  assert.equal(endOf(700 * 10_000_000, 10_000_000), 100 + 700 * 25);
  for (const open of [0, 2 ** 32 - 1, 2 ** 64]) assert.equal(endOf(open, 1000), undefined);
});

test('edits that go on where the one before ends are one; behind a gap the first one counts', () => {
  const edits = (...entries: [duration: number, mediaTime: number, rate?: number][]) => {
    const notes: string[] = [];
    const edit = editOf(
      entries.map(([duration, mediaTime, rate = 1]) => ({ duration, mediaTime, rate })),
      12_800,
      1000,
      notes,
      1,
    );
    return [edit.emptyTicks, edit.mediaTime, edit.endTicks, notes.length];
  };
  assert.deepEqual(edits([3000, 1024], [7000, 1024 + 38_400]), [0, 1024, 129_024, 0]);
  // Three frames of 512 ticks are 120 ms; a third of a second is 4,267 ticks, and 333 ms.
  assert.deepEqual(edits([40, -1], [333, 0], [333, 4267], [334, 8533]), [512, 0, 12_809, 0]);
  assert.deepEqual(edits([3000, 1024], [7000, 1024 + 38_400], [500, -1]), [0, 1024, 129_024, 0]);
  assert.deepEqual(edits([3000, 1024], [0, 1024 + 38_400]), [0, 1024, undefined, 0]);
  assert.deepEqual(edits([3000, 1024], [7000, 80_000]), [0, 1024, 39_424, 1]);
  assert.deepEqual(edits([3000, 1024], [500, -1], [7000, 39_424]), [0, 1024, 39_424, 1]);
  assert.deepEqual(edits([3000, 1024], [7000, 39_424, 2]), [0, 1024, 39_424, 1]);
});

test('a sample description says where its media is, not the first reference of the list', () => {
  const tables = tableBoxes({ stts: [[1, 40]], stsc: [[1, 1, 1]], stsz: [10], stco: [0] });
  const own = fullBox('url ', 0, 1);
  const other = fullBox('url ', 0, 0, 'https://example.org/film.mov\0');
  const leftOut = (references: Uint8Array[], ...named: number[]) => {
    const dref = fullBox('dref', 0, 0, bytes.u32(references.length), ...references);
    const entries = named.map((reference) => {
      const entry = Buffer.from(avc1);
      entry.writeUInt16BE(reference, 14);
      return entry;
    });
    const track = trak({ tables, entries, information: [box('dinf', dref)] });
    return readFilmBytes(movie([trak({ id: 2, tables }), track])).leftOut.map(({ reason }) => reason);
  };
  assert.deepEqual(leftOut([own], 1), []);
  assert.deepEqual(leftOut([other, own], 2, 2), []);
  assert.deepEqual(leftOut([own], 0, 7), []);
  for (const named of [[1], [2, 1]])
    assert.deepEqual(leftOut([other, own], ...named), ['has its media in another file']);
  assert.deepEqual(leftOut([own, other], 2), ['has its media in another file']);
});

test('tracks of one number, and of none, are tracks of their own; fragments name theirs by it', () => {
  const tables = tableBoxes({ stts: [[1, 40]], stsc: [[1, 1, 1]], stsz: [10], stco: [0] });
  const numbered = (...ids: number[]) => ids.map((id) => trak({ id, handler: id === 5 ? 'meta' : 'vide', tables }));
  const idsOf = (header: Uint8Array) => readFilmBytes(header).tracks.map(({ id }) => id);
  assert.deepEqual(idsOf(movie(numbered(1, 1, 2))), [1, 2, 3]);
  assert.deepEqual(idsOf(movie(numbered(0, 0, 7))), [1, 2, 7]);
  assert.deepEqual(idsOf(movie(numbered(3, 5, 5, 3))), [3, 1]);
  const mvex = box('mvex', fullBox('trex', 0, 0, bytes.u32(1, 1, 40, 100, 0)));
  const traf = box('traf', fullBox('tfhd', 0, 0x20000, bytes.u32(1)), fullBox('trun', 0, 1, bytes.u32(1, 0)));
  const film = readFilmBytes(joined(movie(numbered(1, 1), mvex), box('moof', traf), box('mdat', Buffer.alloc(100))));
  assert.deepEqual([film.tracks.length, film.leftOut.length], [1, 1]);
  assert.match(film.leftOut[0]!.reason, /the number of another track/);
});

test('tables whose bytes are not there are a film that is cut off, also where the file ends behind a box', () => {
  const tables = tableBoxes({ stts: [[1, 40]], stsc: [[1, 1, 1]], stsz: [10], stco: [5000] });
  const header = movie([trak({ tables }), trak({ id: 2, tables })]);
  assert.throws(
    () => readFilmBytes(header),
    new RegExp(`is cut off: its tables need 5010 bytes, and the file has ${header.length}; wait until it is written`),
  );
  // One of two is wrong by itself.
  const honest = tableBoxes({ stts: [[1, 40]], stsc: [[1, 1, 1]], stsz: [10], stco: [0] });
  const { tracks, leftOut } = readFilmBytes(
    joined(movie([trak({ tables: honest }), trak({ id: 2, tables })]), bytes.u32(8), 'free'),
  );
  assert.deepEqual([tracks.length, leftOut.length], [1, 1]);
});

test('a last sample that the track has no room for lasts as long as the one before', () => {
  const lastOf = (last: number, trackTicks: number) => {
    const tables = tableBoxes({
      stts: [
        [3, 40],
        [1, last],
      ],
      stsc: [[1, 4, 1]],
      stsz: [10, 10, 10, 10],
      stco: [0],
    });
    const header = movie([trak({ tables })]);
    header.writeUInt32BE(trackTicks, header.indexOf('mdhd') + 20);
    return readFilmBytes(header).tracks[0]!.samples.duration(3);
  };
  assert.equal(lastOf(2 ** 31 - 1, 160), 40);
  assert.equal(lastOf(100_000, 160), 40);
  // A picture that stays, a track that ends a little later than it says, one that says nothing.
  assert.equal(lastOf(100_000, 100_120), 100_000);
  assert.equal(lastOf(60, 160), 60);
  assert.equal(lastOf(20, 120), 20);
  for (const unknown of [0, 2 ** 32 - 1]) assert.equal(lastOf(100_000, unknown), 100_000);
});

/** An edit list of durations in milliseconds and media times. */
const edts = (...entries: [duration: number, mediaTime: number][]) =>
  box('edts', fullBox('elst', 0, 0, bytes.u32(entries.length, ...entries.flatMap((entry) => [...entry, 0x10000]))));

test('a delay that the ticks of a track are too long for is told in shorter ones, and picture and sound stay together', () => {
  const read = (timescale: number, delay: number, stts: [number, number][]) => {
    const count = stts.reduce((sum, [samples]) => sum + samples, 0);
    const tables = (times: [number, number][], offsets: [number, number][]) =>
      tableBoxes({
        ...{ stts: times, ctts: offsets, stsc: [[1, count, 1]], stco: [0] },
        stsz: Array.from({ length: count }, () => 1),
      });
    const offsets: [number, number][] = [[count, 2]];
    const video = trak({ timescale, tables: tables(stts, offsets), more: [edts([delay, -1], [90_000, 2])] });
    const sound = [edts([500, -1], [90_000, 0])];
    const audio = { id: 2, handler: 'soun', timescale: 48_000, tables: tables([[count, 960]], []), more: sound };
    return presentationOf(readFilmBytes(movie([video, trak(audio)])));
  };
  const varied = Array.from({ length: 700 }, (_, index): [number, number] => [1, 1 + (index % 3)]);
  const cases: [number, [number, number][]][] = [
    [25, [[100, 1]]],
    [25, varied],
    [600, [[100, 24]]],
    [24, [[600, 1]]],
  ];
  for (const [timescale, stts] of cases) {
    const { renditions } = read(timescale, 533, stts);
    const [video, audio] = renditions.map(({ timeline, track }) => presentationTicks(timeline, 0) / track.timescale);
    assert.ok(Math.abs(video! - 0.533) < 0.000_25 && audio === 0.5, `${timescale}: ${video}, ${audio}`);
    const { samples, timescale: ticks } = renditions[0]!.track;
    assert.ok(ticks >= 10_000 && ticks % timescale === 0);
    const whole = read(timescale, 1000, stts).renditions[0]!.track;
    assert.equal(whole.timescale, timescale);
    for (const sample of [0, 1, 99, samples.count - 1]) {
      const seconds = (of: typeof whole, value: number) => value / of.timescale;
      const [fine, coarse] = [renditions[0]!.track, whole];
      assert.equal(
        seconds(fine, fine.samples.decodeTime(sample)).toFixed(9),
        seconds(coarse, coarse.samples.decodeTime(sample)).toFixed(9),
      );
      assert.equal(
        seconds(fine, fine.samples.compositionOffset(sample)).toFixed(9),
        seconds(coarse, coarse.samples.compositionOffset(sample)).toFixed(9),
      );
    }
  }
});

test('ticks stay as long as they are where a time would have no room in shorter ones', () => {
  const tables = tableBoxes({ stts: [[1, 2 ** 30]], stsc: [[1, 1, 1]], stsz: [10], stco: [0] });
  const [track] = readFilmBytes(movie([trak({ timescale: 25, tables, more: [edts([533, -1], [0, 0])] })])).tracks;
  assert.deepEqual([track!.timescale, track!.samples.durationTicks, track!.edit.emptyTicks], [25, 2 ** 30, 13]);
});
