// Films made by hand: honest tables of every shape against the plainest reading of them, and headers that lie about sizes, counts and
// places. Films of ffmpeg and random changes are in read-film.whole.test.ts.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  avc1,
  type BoxTables,
  box,
  bytes,
  fullBox,
  joined,
  movie,
  opus,
  tableBoxes,
  trak,
} from '../../test/support/box-film.js';
import { readFilmBytes, readFilmFrom } from '../../test/support/read-film-file.js';
import { type Film, FilmRefusal } from './film.js';

/** A film of tracks with these tables, and so much room behind them. */
const filmOf = (tables: readonly BoxTables[], room = 1_000_000): Film => {
  const traks = tables.map((each, index) => trak({ id: index + 1, tables: tableBoxes(each) }));
  const header = movie(traks);
  return readFilmBytes(joined(header, bytes.u32(room + 8), 'mdat'), header.length + 8 + room);
};

const honest: Required<Omit<BoxTables, 'co64' | 'ctts'>> = {
  stts: [[4, 40]],
  stsc: [[1, 2, 1]],
  stsz: [10, 20, 30, 40],
  stco: [5000, 6000],
  stss: [1, 3],
};

/** A film of one track whose edit begins at a composition time, in the same ticks. */
const editedAt = (mediaTime: number, tables: BoxTables): Film => {
  const edit = box('edts', fullBox('elst', 0, 0, bytes.u32(1, 40, mediaTime, 0x10000)));
  const header = movie([trak({ tables: tableBoxes(tables), more: [edit] })]);
  return readFilmBytes(joined(header, bytes.u32(10_008), 'mdat'), header.length + 10_008);
};

test('an edit is behind the end where composition times end, not decode times', () => {
  const delayed = { ...honest, ctts: [[4, 5000]] as const };
  for (const [mediaTime, kept, tables] of [
    [5000, 5000, delayed],
    [5159, 5159, delayed],
    [5160, 0, delayed],
    [159, 159, honest],
    [160, 0, honest],
    // One picture, of an encoder that reorders: it is shown at 80, and lasts 40.
    [80, 80, { stts: [[1, 40]], ctts: [[1, 80]], stsc: [[1, 1, 1]], stsz: [10], stco: [5000] } as BoxTables],
  ] as const) {
    const film = editedAt(mediaTime, tables);
    assert.equal(film.tracks[0]!.edit.mediaTime, kept, String(mediaTime));
    const { samples, timescale } = film.tracks[0]!;
    const shown = Math.min(samples.durationTicks + samples.compositionOffset(0) - kept, kept === 0 ? 10_000 : 40);
    assert.equal(film.durationSeconds, shown / timescale, 'as long as it is shown');
    assert.equal(film.notes.length, kept === 0 ? 1 : 0, film.notes.join());
  }
});

const refusedBy = (make: () => unknown): FilmRefusal => {
  const begun = process.cpuUsage();
  try {
    make();
  } catch (error) {
    if (!(error instanceof FilmRefusal)) throw error;
    const { user, system } = process.cpuUsage(begun);
    assert.ok(user + system < 2_000_000, 'a refusal takes less than two seconds');
    assert.equal(error.status, 422);
    assert.ok(error.message.length < 400, error.message);
    return error;
  }
  throw new Error('it was read');
};

/** Rows of (count, value) that cover `total` samples. */
const runsOver = (total: number, value: fc.Arbitrary<number>) =>
  fc.array(fc.tuple(fc.integer({ min: 1, max: 40 }), value), { minLength: 1, maxLength: 200 }).map((rows) => {
    let left = total;
    const kept = rows.map(([count, each]): [number, number] => {
      const taken = Math.min(count, left);
      left -= taken;
      return [taken, each];
    });
    if (left > 0) kept.push([left, kept.at(-1)![1]]);
    return kept;
  });

const tablesOfFilm = fc.integer({ min: 1, max: 1600 }).chain((total) =>
  fc.record({
    total: fc.constant(total),
    sizes: fc.oneof(
      fc.array(fc.integer({ min: 1, max: 2000 }), { minLength: total, maxLength: total }),
      fc.array(fc.integer({ min: 1, max: 200_000 }), { minLength: total, maxLength: total }),
    ),
    stts: runsOver(total, fc.integer({ min: 1, max: 100_000 })),
    ctts: fc.oneof(
      runsOver(total, fc.integer({ min: -50, max: 5000 })),
      runsOver(
        total,
        fc.integer({ min: -9, max: 9 }).map((unit) => unit * 166_667),
      ),
    ),
    chunks: fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 1600 }),
    gap: fc.integer({ min: 0, max: 5000 }),
    base: fc.constantFrom(4096, 2 ** 32 - 50_000, 2 ** 33),
    sync: fc.uniqueArray(fc.integer({ min: 1, max: total }), { minLength: 1, maxLength: 50 }),
    descriptions: fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 30 }),
    asks: fc.array(fc.integer({ min: 0, max: total - 1 }), { minLength: 1, maxLength: 40 }),
  }),
);

/** What is asked of each chunk, in order: how many samples it has at most, which description (from 1), and how many bytes lie behind it. */
interface ChunkLayout {
  samples(chunk: number): number;
  kind(chunk: number): number;
  gap(): number;
}

/** Lays samples into chunks from `base` on: the entries of `stsc`, the chunks' places, and each sample's place and description (from 0). */
function inChunks(sizes: readonly number[], base: number, layout: ChunkLayout) {
  const stsc: [number, number, number][] = [];
  const places: number[] = [];
  const offsets: number[] = [];
  const kinds: number[] = [];
  let end = base;
  for (let chunk = 0; offsets.length < sizes.length; chunk++) {
    const count = Math.min(layout.samples(chunk), sizes.length - offsets.length);
    const kind = layout.kind(chunk);
    places.push(end);
    if (stsc.at(-1)?.[1] !== count || stsc.at(-1)?.[2] !== kind) stsc.push([chunk + 1, count, kind]);
    for (let each = 0; each < count; each++) {
      kinds.push(kind - 1);
      offsets.push(end);
      end += sizes[offsets.length - 1]!;
    }
    end += layout.gap();
  }
  return { stsc, places, offsets, kinds, end };
}

test('tables of every shape give what the plainest reading of them gives, asked in any order', () => {
  fc.assert(
    fc.property(tablesOfFilm, ({ total, sizes, stts, ctts, chunks, gap, base, sync, descriptions, asks }) => {
      const laid = inChunks(sizes, base, {
        samples: (chunk) => chunks[chunk % chunks.length]!,
        kind: (chunk) => descriptions[(chunk >> 2) % descriptions.length]!,
        gap: () => gap,
      });
      const { stsc, places: co64, offsets, kinds, end: place } = laid;
      const times: number[] = [];
      const durations = stts.flatMap(([count, delta]) => Array<number>(count).fill(delta));
      let time = 0;
      for (const duration of durations) {
        times.push(time);
        time += duration;
      }
      const shifts = ctts.flatMap(([count, shift]) => Array<number>(count).fill(shift));
      const stss = sync.toSorted((a, b) => a - b);
      const header = movie([
        trak({ entries: [avc1, avc1, avc1], tables: tableBoxes({ stts, ctts, stsc, stsz: sizes, co64, stss }) }),
      ]);
      const { samples } = readFilmBytes(
        joined(header, bytes.u32(1), 'mdat', bytes.u64(place + 16 - header.length)),
        place + 16,
      ).tracks[0]!;
      assert.equal(samples.count, total);
      assert.equal(samples.durationTicks, time);
      for (const sample of [...asks, ...Array.from({ length: Math.min(total, 40) }, (_, each) => each)]) {
        assert.equal(samples.size(sample), sizes[sample]);
        assert.equal(samples.offset(sample), offsets[sample]);
        assert.equal(samples.decodeTime(sample), times[sample]);
        assert.equal(samples.duration(sample), durations[sample]);
        assert.equal(samples.compositionOffset(sample), shifts[sample]);
        assert.equal(samples.isSync(sample), stss.includes(sample + 1));
        assert.equal(samples.description(sample), kinds[sample]);
        assert.equal(samples.sampleAt(times[sample]!), sample);
        assert.equal(samples.syncAtOrBefore(sample), (stss.findLast((each) => each <= sample + 1) ?? 0) - 1);
        assert.equal(samples.syncAtOrAfter(sample), (stss.find((each) => each > sample) ?? total + 1) - 1);
        const to = Math.min(total, sample + 700);
        assert.equal(
          samples.bytes(sample, to),
          sizes.slice(sample, to).reduce((sum, size) => sum + size, 0),
        );
      }
    }),
    { numRuns: 60 },
  );
});

for (const [most, base] of [
  [900, 4096],
  [70_000, 2 ** 33],
] as const) {
  test(`a film of tens of thousands of samples of up to ${most} bytes from ${base} on is what its tables say`, () => {
    const total = 30_011;
    let state = 1;
    const random = (below: number): number => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 1;
      return (state >>> 8) % below;
    };
    const stsz = Array.from({ length: total }, () => 1 + random(most));
    // Runs of one, and one that is longer than what is gone through at once.
    const ctts: [number, number][] = Array.from({ length: 9000 }, () => [1, random(4000)]);
    ctts.push([12_000, 7], ...Array.from({ length: total - 21_000 }, (): [number, number] => [1, random(90)]));
    const laid = inChunks(stsz, base, {
      samples: (chunk) => (chunk === 5000 ? 9000 : 1 + random(3)),
      kind: (chunk) => (chunk < 2000 ? 1 : 2),
      gap: () => random(5000),
    });
    const { stsc, places, offsets, kinds, end: place } = laid;
    const where = base < 2 ** 32 ? { stco: places } : { co64: places };
    const tables = tableBoxes({ stts: [[total, 40]], ctts, stsc, stsz, stss: [1], ...where });
    const header = movie([trak({ entries: [avc1, avc1], tables })]);
    // Where samples lie is not looked at but for the end of the file.
    const end = Math.max(place, header.length) + 16;
    const file = joined(header, bytes.u32(1), 'mdat', bytes.u64(end - header.length));
    const { samples } = readFilmBytes(file, end).tracks[0]!;
    const shifts = ctts.flatMap(([count, shift]) => Array<number>(count).fill(shift));
    let sum = 0;
    for (let sample = 0; sample < total; sample++) {
      const got = [samples.size(sample), samples.offset(sample), samples.compositionOffset(sample)];
      assert.deepEqual(
        [...got, samples.description(sample)],
        [stsz[sample], offsets[sample], shifts[sample], kinds[sample]],
      );
      if (sample % 1009 === 0) {
        assert.equal(samples.bytes(0, sample), sum);
        // From a checkpoint.
        assert.equal(samples.offset(total - 1), offsets[total - 1]);
      }
      sum += stsz[sample]!;
    }
  });
}

test('what muxers get wrong is repaired, and said once', () => {
  const read = (tables: BoxTables) => {
    const { tracks, notes } = filmOf([{ ...honest, ...tables }]);
    return { ...tracks[0]!, notes };
  };
  assert.deepEqual(read({}).notes, []);
  const short = read({ stts: [[2, 40]] });
  assert.equal(short.samples.durationTicks, 160);
  assert.match(short.notes[0]!, /^track 1 says nothing of the duration of its last samples/);
  assert.equal(read({ stts: [[400, 40]] }).samples.durationTicks, 160);
  for (const last of [0, 0xffffffff, 0x80000000]) {
    assert.equal(
      read({
        stts: [
          [3, 40],
          [1, last],
        ],
      }).samples.durationTicks,
      160,
    );
  }
  const negative = read({
    stts: [
      [1, 40],
      [1, 0xfffffff0],
      [2, 40],
    ],
  });
  assert.equal(negative.samples.durationTicks, 121);
  assert.match(negative.notes[0]!, /durations of samples that cannot be/);
  assert.equal(
    read({
      stts: [
        [1, 40],
        [0, 7],
        [3, 40],
      ],
    }).samples.durationTicks,
    160,
  );
  assert.equal(read({ stss: [] }).samples.isSync(0), true);
  assert.equal(read({ stss: [] }).samples.syncCount, 1);
  assert.equal(read({ stss: [1, 2, 3, 4] }).samples.syncCount, 4);
  assert.equal(read({ stss: [1, 1, 99, 0] }).samples.syncCount, 1);
  const placeless = read({ stco: [5000] });
  assert.equal(placeless.samples.count, 2);
  assert.match(placeless.notes[0]!, /2 samples without a place/);
  const { samples } = read({ stco: [5000, 6000, 7000, 99_999_999] });
  assert.deepEqual([samples.count, samples.chunkCount], [4, 2]);
  assert.equal(read({ ctts: [[4, -20]] }).samples.compositionOffset(3), -20);
});

test('a track whose tables lie is left out alone', () => {
  const cases: [string, BoxTables, RegExp][] = [
    ['no sizes', { stsz: [] }, /no samples/],
    ['chunks begin late', { stsc: [[2, 2, 1]] }, /without its beginning/],
    ['chunk 0', { stsc: [[0, 2, 1]] }, /without its beginning/],
    [
      'chunks out of order',
      {
        stsc: [
          [1, 1, 1],
          [1, 2, 1],
        ],
      },
      /out of order/,
    ],
    ['no chunks', { stsc: [] }, /no samples|no places/],
    ['chunks without samples', { stsc: [[1, 0, 1]] }, /without samples/],
    ['description 0', { stsc: [[1, 2, 0]] }, /description that is not there/],
    ['description 2 of 1', { stsc: [[1, 2, 2]] }, /description that is not there/],
    ['behind the end', { stco: [5000, 2_000_000] }, /tables need 2000070 bytes/],
    ['no times', { stts: [] }, /no table of times/],
  ];
  for (const [name, tables, reason] of cases) {
    const { tracks, leftOut } = filmOf([honest, { ...honest, ...tables }]);
    assert.deepEqual(
      tracks.map(({ id }) => id),
      [1],
      name,
    );
    assert.match(leftOut[0]!.reason, reason, name);
    assert.equal(leftOut[0]!.track, 2);
    assert.match(refusedBy(() => filmOf([{ ...honest, ...tables }])).message, reason, name);
  }
  const far = tableBoxes({ ...honest, co64: [2 ** 48, 2 ** 52] }).filter(
    (each) => each.toString('latin1', 4, 8) !== 'stco',
  );
  assert.match(refusedBy(() => readFilmBytes(movie([trak({ tables: far })]))).message, /behind the end of any file/);
});

test('counts of 2^32 - 1, and any other that a table has no room for, are lies', () => {
  for (const type of ['stts', 'ctts', 'stsc', 'stco', 'stss', 'stsz']) {
    for (const count of [0xffffffff, 0x80000000, 0x20000001, 5]) {
      const tables = tableBoxes({ ...honest, ctts: [[4, 0]] }).map((each) => {
        if (each.toString('latin1', 4, 8) !== type) return each;
        const lie = Buffer.from(each);
        lie.writeUInt32BE(count, type === 'stsz' ? 16 : 12);
        return lie;
      });
      assert.match(
        refusedBy(() => readFilmBytes(movie([trak({ tables })]))).message,
        /shorter than it says|of \d+ samples/,
        type,
      );
    }
  }
  const sameSize = tableBoxes(honest).map((each) =>
    each.toString('latin1', 4, 8) === 'stsz' ? fullBox('stsz', 0, 0, bytes.u32(1, 0xffffffff)) : each,
  );
  assert.match(refusedBy(() => readFilmBytes(movie([trak({ tables: sameSize })]))).message, /4294967295 samples/);
});

test('boxes that are longer than what they lie in, nested, endless or upside down end soon', () => {
  const whole = movie([trak({ tables: tableBoxes(honest) })]);
  const at = (type: string) => whole.indexOf(type, 8) - 4;
  for (const type of ['moov', 'trak', 'mdia', 'minf', 'stbl', 'stsd', 'stts', 'stsz', 'tkhd', 'hdlr']) {
    for (const size of [0, 1, 2, 7, 8, 9, 0x7fffffff, 0xffffffff]) {
      const lie = Buffer.from(whole);
      lie.writeUInt32BE(size, at(type));
      assert.ok(refusedBy(() => readFilmBytes(lie)).message.length > 10, `${type} ${size}`);
    }
  }
  let nested: Uint8Array = box('trak');
  for (let depth = 0; depth < 2001; depth++) nested = box(depth % 2 === 0 ? 'moov' : 'trak', nested);
  assert.match(refusedBy(() => readFilmBytes(joined(box('ftyp', 'isom'), nested))).message, /no track/);
  const many = Buffer.concat(Array.from({ length: 70_000 }, () => box('free')));
  assert.match(refusedBy(() => readFilmBytes(joined(box('ftyp', 'isom'), many))).message, /more boxes than any film/);
  assert.match(refusedBy(() => readFilmBytes(joined(box('ftyp', 'isom'), box('moov', many)))).message, /more boxes/);
  const traks = Array.from({ length: 65 }, (_, index) => trak({ id: index + 1, tables: tableBoxes(honest) }));
  assert.match(refusedBy(() => readFilmBytes(movie(traks))).message, /65 tracks/);
  const empty = Array.from({ length: 64 }, () => box('trak'));
  assert.match(
    refusedBy(() => readFilmBytes(movie(empty))).message,
    /(?:track 0 has no [^;]*; ){4}and 60 more; transcode/,
  );
  const long = joined(box('ftyp', 'isom'), bytes.u32(1), 'moov', bytes.u64(2 ** 40));
  assert.match(refusedBy(() => readFilmBytes(long, 2 ** 41)).message, /header \(moov\) of 1099511627776 bytes/);
  for (const size of [Number.MAX_SAFE_INTEGER, -1, 0, 15]) {
    refusedBy(() => readFilmBytes(joined(box('ftyp', 'isom'), bytes.u32(1), 'moov', bytes.u64(size))));
  }
});

test('tables that would fill the memory are refused before they do', () => {
  // A header of 96 MB: 4,000,000 samples, each with its own time, offset and chunk.
  const count = 4_000_000;
  const table = (type: string, entryBytes: number, head: Uint8Array): [Buffer, number] => [
    joined(bytes.u32(12 + head.length + count * entryBytes), type, bytes.u32(0), head),
    count * entryBytes,
  ];
  const parts = [
    table('stsz', 4, bytes.u32(0, count)),
    table('stts', 8, bytes.u32(count)),
    table('ctts', 8, bytes.u32(count)),
    table('stco', 4, bytes.u32(count)),
    [fullBox('stsc', 0, 0, bytes.u32(1, 1, 1, 1)), 0] as [Buffer, number],
  ];
  // The header of the boxes around, made of an honest film whose lengths are then stretched.
  const empty = movie([trak({ tables: [] })]);
  const room = parts.reduce((sum, [head, rest]) => sum + head.length + rest, 0);
  for (const type of ['moov', 'trak', 'mdia', 'minf', 'stbl']) {
    const at = empty.indexOf(type, 20) - 4;
    empty.writeUInt32BE(empty.readUInt32BE(at) + room, at);
  }
  const layout: [number, Buffer][] = [[0, empty]];
  let end = empty.length;
  for (const [head, rest] of parts) {
    layout.push([end, head]);
    end += head.length + rest;
  }
  const source = (offset: number, length: number): Uint8Array => {
    const piece = Buffer.alloc(Math.max(0, Math.min(length, end - offset)), 1);
    for (const [start, head] of layout) {
      for (let each = Math.max(start, offset); each < Math.min(start + head.length, offset + piece.length); each++) {
        piece[each - offset] = head[each - start]!;
      }
    }
    return piece;
  };
  const before = process.memoryUsage();
  let most = 0;
  const error = refusedBy(() =>
    readFilmFrom(end, (offset, length) => {
      most = Math.max(most, process.memoryUsage().arrayBuffers - before.arrayBuffers);
      return source(offset, length);
    }),
  );
  assert.match(error.message, /more than 48 MiB of memory/);
  assert.ok(most < 96 * 2 ** 20, `${most} bytes`);
});

const fragment = (track: number, truns: Uint8Array[], tfhd = fullBox('tfhd', 0, 0x20000, bytes.u32(track))) =>
  box('moof', fullBox('mfhd', 0, 0, bytes.u32(1)), box('traf', tfhd, fullBox('tfdt', 1, 0, bytes.u64(0)), ...truns));

const fragmentedHeader = movie(
  [
    trak({ tables: tableBoxes({ stts: [], stsc: [], stsz: [], stco: [] }) }),
    trak({ id: 2, handler: 'soun', entries: [opus], tables: [] }),
  ],
  box('mvex', fullBox('trex', 0, 0, bytes.u32(1, 1, 40, 100, 0))),
);

test('fragments: runs take what trex says; what they promise they have to have', () => {
  const run = fullBox('trun', 0, 1, bytes.u32(3, 0));
  const film = readFilmBytes(joined(fragmentedHeader, fragment(1, [run]), box('mdat', Buffer.alloc(300))));
  const { samples } = film.tracks[0]!;
  assert.deepEqual([samples.count, samples.durationTicks, samples.size(2), samples.isSync(2)], [3, 120, 100, true]);
  assert.match(film.leftOut[0]!.reason, /no samples/);
  for (const lie of [
    fullBox('trun', 0, 0x200, bytes.u32(0xffffffff, 1)),
    fullBox('trun', 0, 0, bytes.u32(0xffffffff)),
    fullBox('trun', 0, 0, bytes.u32(70_000)),
    fullBox('trun', 0, 5, bytes.u32(1, 0)),
  ]) {
    const made = joined(fragmentedHeader, fragment(1, [lie]), box('mdat', Buffer.alloc(300)));
    assert.match(refusedBy(() => readFilmBytes(made)).message, /promises more samples/);
  }
  const before = fullBox('trun', 0, 1, bytes.u32(3, 0xffff0000));
  assert.match(
    refusedBy(() => readFilmBytes(joined(fragmentedHeader, fragment(1, [before])))).message,
    /before the file/,
  );
  const cut = joined(fragmentedHeader, fragment(1, [run]), bytes.u32(308), 'mdat', Buffer.alloc(200));
  assert.match(refusedBy(() => readFilmBytes(cut)).message, /cut off in its last fragment/);
  const endless = joined(fragmentedHeader, ...Array.from({ length: 66_000 }, () => box('moof')));
  assert.match(refusedBy(() => readFilmBytes(endless)).message, /more boxes/);
  const greedy = joined(
    fragmentedHeader,
    ...Array.from({ length: 400 }, () => fragment(1, [fullBox('trun', 0, 1, bytes.u32(65_536, 0))])),
  );
  assert.match(refusedBy(() => readFilmBytes(greedy)).message, /more samples than|more than 48 MiB|is cut off/);
});

test('fragments: time goes on where tfdt says, also over a gap; what overlaps follows', () => {
  const at = (time: number) =>
    box(
      'moof',
      box(
        'traf',
        fullBox('tfhd', 0, 0x20000, bytes.u32(1)),
        fullBox('tfdt', 1, 0, bytes.u64(time)),
        fullBox('trun', 0, 1, bytes.u32(2, 0)),
      ),
    );
  const data = box('mdat', Buffer.alloc(200));
  const film = readFilmBytes(joined(fragmentedHeader, at(1000), data, at(1200), data, at(1100), data));
  const { samples } = film.tracks[0]!;
  assert.deepEqual(
    Array.from({ length: 6 }, (_, sample) => samples.decodeTime(sample)),
    [1000, 1040, 1200, 1240, 1280, 1320],
  );
  assert.match(film.notes[0]!, /begins before the one before it ends/);
  assert.equal(film.fragments, undefined);
  const plain = readFilmBytes(joined(fragmentedHeader, at(0), data, at(80), data));
  assert.deepEqual(plain.notes, []);
  assert.equal(plain.fragments?.[0]?.count, 2);
});
