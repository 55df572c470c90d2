import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mutate } from '../../../test/support/mutated-headers.js';
import { seededRandom } from '../../../test/support/seeded-random.js';
import {
  chunk,
  type FormatSays,
  formatChunk,
  packed,
  riff,
  riff64,
  soundValues,
  wave,
  wave64,
} from '../../../test/support/sound-files.js';
import { frameBytes } from '../pcm/format.js';
import { mostPieceBytes, type ReadPiece } from './chunks.js';
import { readWave, type WaveFile } from './wav.js';

/** Reads of a file in memory, none of which may be long. */
function reader(bytes: Uint8Array, counted = { reads: 0 }): ReadPiece {
  return (offset, length) => {
    counted.reads++;
    assert.ok(Number.isSafeInteger(offset) && offset >= 0, `read at ${offset}`);
    assert.ok(length >= 0 && length <= mostPieceBytes, `read of ${length} bytes`);
    return bytes.subarray(offset, offset + length);
  };
}

function read(bytes: Uint8Array): WaveFile {
  const result = readWave(reader(bytes), bytes.length);
  if ('refusal' in result) throw new Error(result.refusal);
  return result;
}

function refusal(bytes: Uint8Array): string {
  const result = readWave(reader(bytes), bytes.length);
  return 'refusal' in result ? result.refusal : 'it was accepted';
}

const stereo: FormatSays = { channels: 2, bits: 16, bytes: 2 };
const values = soundValues(16, 2, 101);
const payload = packed(values, 16, 2);
const data = chunk('data', payload);
const list = chunk(
  'LIST',
  Buffer.concat([Buffer.from('INFO'), chunk('INAM', Buffer.from('A title\0')), chunk('IART', Buffer.from('Me'))]),
);

function assertPayload(file: Uint8Array, expected: Uint8Array = payload): WaveFile {
  const result = read(file);
  assert.deepEqual(Buffer.from(file.subarray(result.offset, result.offset + result.byteLength)), Buffer.from(expected));
  return result;
}

test('the payload is found whatever the chunks and their order', () => {
  const files = [
    riff([formatChunk(stereo), data]),
    riff([formatChunk(stereo), list, data, list]),
    riff([list, chunk('odd ', Buffer.alloc(7)), formatChunk(stereo), chunk('bext', Buffer.alloc(603)), data]),
    riff([data, formatChunk(stereo)]),
    riff([chunk('JUNK', Buffer.alloc(9000)), formatChunk(stereo), chunk('fact', Buffer.alloc(4)), data]),
    riff([formatChunk(stereo), data, formatChunk({ ...stereo, channels: 1 })]),
    riff([formatChunk(stereo), chunk('LIST', Buffer.from('adtlabc'), 7, false), data]),
    riff([formatChunk(stereo), data], 'RIFF', 12),
    riff64('RF64', formatChunk(stereo), payload),
    riff64('BW64', formatChunk(stereo), payload, [chunk('chna', Buffer.alloc(5))]),
  ];
  for (const file of files) {
    const result = assertPayload(file);
    assert.deepEqual(result.format, { sample: 'S16_LE', rate: 44100, channels: 2, channelMask: 0, validBits: 16 });
    assert.deepEqual(result.notes, []);
    assert.equal(result.missingBytes, 0);
  }
  assert.equal(read(files[8]!).codec, 'RF64');
  assert.deepEqual(read(files[1]!).tags, { title: 'A title', artist: 'Me' });
  const behind = Buffer.concat([Buffer.alloc(33), files[0]!]);
  const found = readWave(reader(behind), behind.length, 33);
  assert.ok('offset' in found && found.offset === 33 + 44);
});

test('each form of samples', () => {
  const cases: [FormatSays, string, number][] = [
    [{ channels: 1, bits: 8, bytes: 1 }, 'U8', 8],
    [{ channels: 2, bits: 12, bytes: 2, mask: 3 }, 'S16_LE', 12],
    [{ channels: 2, bits: 24, bytes: 3 }, 'S24_3LE', 24],
    [{ channels: 2, bits: 20, bytes: 3, mask: 3 }, 'S24_3LE', 20],
    [{ channels: 2, bits: 24, bytes: 4, mask: 3 }, 'S32_LE', 24],
    [{ channels: 2, bits: 32, bytes: 4 }, 'S32_LE', 32],
    [{ channels: 2, bits: 32, bytes: 4, tag: 3 }, 'FLOAT_LE', 32],
    [{ channels: 2, bits: 64, bytes: 8, tag: 3, mask: 3 }, 'FLOAT64_LE', 64],
    [{ channels: 6, bits: 16, bytes: 2, mask: 0x3f }, 'S16_LE', 16],
    [{ channels: 2, bits: 16, bytes: 2, blockAlign: 0 }, 'S16_LE', 16],
  ];
  for (const [says, sample, validBits] of cases) {
    const result = read(riff([formatChunk(says), chunk('data', Buffer.alloc(says.bytes * says.channels * 3))]));
    assert.deepEqual([result.format.sample, result.format.validBits], [sample, validBits]);
    assert.equal(result.byteLength, 3 * frameBytes(result.format));
    assert.equal(result.format.channelMask, says.mask ?? 0);
  }
  assert.equal(
    read(riff([formatChunk({ ...stereo, mask: 0x3f }), data])).format.channelMask,
    0,
    'a mask of six speakers for two',
  );
});

test('W64: the payload is found, and its floats are floats', () => {
  const shown = read(wave64(formatChunk({ ...stereo, mask: 3 }), payload));
  assert.deepEqual([shown.codec, shown.format.sample, shown.notes], ['W64', 'S16_LE', []]);
  const list64 = Buffer.from('6c697374f3acd3118cd100c04f8edb8a1800000000000000', 'hex');
  assertPayload(wave64(formatChunk(stereo), payload, undefined, list64));
  // What ffmpeg writes, and libsndfile reads as integers.
  const float = { channels: 2, bits: 32, bytes: 4, tag: 3, mask: 3 };
  assert.equal(read(wave64(formatChunk(float), payload)).format.sample, 'FLOAT_LE');
  // No padding, which would be taken for samples.
  const even = payload.subarray(0, 400);
  for (const said of [24, 2 ** 62]) {
    assert.match(assertPayload(wave64(formatChunk(stereo), even, said), even).notes.join(), /does not say how long/);
  }
  assert.equal(read(wave64(formatChunk(stereo), Buffer.alloc(0), 24, list64)).byteLength, 0);
  assert.match(assertPayload(wave64(formatChunk(stereo), even, 4000), even).notes.join(), /is cut/);
  const other = wave64(formatChunk(stereo), payload);
  other[7]! ^= 1;
  assert.match(refusal(other), /is no W64/);
});

test('an extension that says that it has no bytes, and has them', () => {
  const says = { channels: 2, bits: 24, bytes: 4, mask: 3, validBits: 24 };
  const format = formatChunk(says);
  format.writeUInt16LE(0, 8 + 16);
  const file = read(riff([format, chunk('data', Buffer.alloc(80))]));
  assert.deepEqual([file.format.sample, file.format.validBits, file.format.channelMask], ['S32_LE', 24, 3]);
  format.writeUInt16LE(0x1234, 8 + 30);
  assert.match(refusal(riff([format, chunk('data', Buffer.alloc(80))])), /extensible format without its extension/);
});

test('a second data chunk is told of', () => {
  assert.match(
    assertPayload(riff([formatChunk(stereo), data, list, data])).notes.join(),
    /404 bytes of others are not/,
  );
});

test('a recording that outgrew what its header says is played to its end; a chunk behind the samples is none of them', () => {
  const said = 0x7fff_f000;
  const head = riff([formatChunk(stereo), chunk('data', Buffer.alloc(0), said)], 'RIFF', said);
  const fileBytes = head.length + said + 4000;
  const at = (place: number, bytes: Uint8Array): ReadPiece => {
    const file = [...[[0, head] as const], [head.length + place, bytes] as const];
    return (offset, length) => {
      const piece = new Uint8Array(Math.max(0, Math.min(length, fileBytes - offset)));
      for (const [start, part] of file)
        for (let index = 0; index < part.length; index++) {
          const here = start + index - offset;
          if (here >= 0 && here < piece.length) piece[here] = part[index]!;
        }
      return piece;
    };
  };
  const lengthOf = (reads: ReadPiece): number => (readWave(reads, fileBytes) as WaveFile).byteLength;
  assert.equal(lengthOf(at(0, Buffer.alloc(0))), said + 4000);
  assert.equal(lengthOf(at(said, list)), said);
});

test('a header that does not know how long it is, or promises too much, plays what is there', () => {
  // Of ffmpeg, sox, arecord, and of others.
  for (const said of [0, 0xffff_ffff, 0x7fff_f000, 0x8000_0000, 0x7fff_ffff, 0xffff_ffdb, 0x7fff_ffdb, 0xffff_f000]) {
    const file = riff([formatChunk(stereo), chunk('data', payload, said)], 'RIFF', said);
    assert.match(assertPayload(file).notes.join(), /does not say how long/);
  }
  const long = riff([formatChunk(stereo), chunk('data', payload, 1_000_000)]);
  const cut = assertPayload(long);
  assert.equal(cut.missingBytes, 1_000_000 - payload.length);
  assert.match(cut.notes.join(), /is cut: its header says 1000000 bytes of samples and 404 are there/);
  const odd = assertPayload(
    riff([formatChunk(stereo), chunk('data', Buffer.concat([payload, Buffer.from([1, 2, 3])]))]),
  );
  assert.match(odd.notes.join(), /3 of 4 bytes/);
  for (const [said, words] of [
    [2n ** 64n - 1n, /does not say how long/],
    [2n ** 40n, /is cut/],
  ] as const) {
    const sizes = Buffer.alloc(28);
    sizes.writeBigUInt64LE(said, 8);
    const lie = riff([chunk('ds64', sizes), formatChunk(stereo), chunk('data', payload, 0xffff_ffff)], 'RF64');
    assert.match(assertPayload(lie).notes.join(), words);
  }
  const without = riff([formatChunk(stereo), chunk('data', payload, 0xffff_ffff)], 'RF64');
  assert.match(assertPayload(without).notes.join(), /does not say how long/);
  assert.equal(
    read(riff([formatChunk(stereo), chunk('data', Buffer.alloc(0)), list])).byteLength,
    0,
    'a size of 0 can be true',
  );
});

test('what cannot be played is refused in one sentence that names it', () => {
  const of = (says: Partial<FormatSays>): string => refusal(riff([formatChunk({ ...stereo, ...says }), data]));
  const cases: [string, RegExp][] = [
    [of({ tag: 6 }), /holds A-law/],
    [of({ tag: 7 }), /holds mu-law/],
    [of({ tag: 2 }), /holds Microsoft ADPCM/],
    [of({ tag: 17, mask: 3 }), /holds IMA ADPCM/],
    [of({ tag: 0x55 }), /holds MP3/],
    [of({ tag: 0x1234 }), /codec 0x1234/],
    [of({ channels: 0 }), /0 channels/],
    [of({ channels: 200 }), /200 channels/],
    [of({ rate: 0 }), /0 Hz/],
    [of({ bits: 0 }), /contradicts itself/],
    [of({ bits: 24, blockAlign: 2 }), /contradicts itself/],
    [of({ bits: 64, bytes: 8 }), /integer of 64 bits in 8 bytes/],
    [of({ tag: 3 }), /floating-point of 16 bits/],
    [refusal(riff([data])), /without a format chunk/],
    [refusal(riff([formatChunk(stereo)])), /without a data chunk/],
    [refusal(riff([chunk('fmt ', Buffer.alloc(8)), data])), /8 bytes, and 16/],
    [refusal(Buffer.from('RIFF\0\0\0\0AVI LIST')), /of the kind AVI , not WAVE/],
    [refusal(Buffer.from('RIFF')), /has 4 bytes/],
    [refusal(Buffer.from('what it is, is a text')), /begins with what/],
  ];
  for (const [words, expected] of cases) {
    assert.match(words, expected);
    assert.ok(!words.includes('\n') && words.length < 250, words);
  }
});

test('10,000 changed headers: an answer within bounds, or one sentence', () => {
  const random = seededRandom(0xc1ea);
  const seeds = [
    wave(values, stereo),
    riff64('RF64', formatChunk({ ...stereo, mask: 3 }), payload, [list]),
    wave64(formatChunk({ ...stereo, mask: 3 }), payload),
    riff([
      list,
      chunk('fact', Buffer.alloc(4)),
      formatChunk({ channels: 6, bits: 24, bytes: 3, mask: 0x3f }),
      data,
      list,
    ]),
  ];
  let accepted = 0;
  for (let round = 0; round < 10_000; round++) {
    const file = seeds[round % seeds.length]!;
    const undo = mutate(new DataView(file.buffer, file.byteOffset, file.length), 0, Math.min(file.length, 220), random);
    const length = random() < 0.2 ? Math.floor(random() * file.length) : file.length;
    const counted = { reads: 0 };
    const result = readWave(reader(file.subarray(0, length), counted), length);
    assert.ok(counted.reads < 2500, `${counted.reads} reads`);
    if ('refusal' in result) assert.match(result.refusal, /^[\x20-\x7e]{20,250}$/);
    else {
      accepted++;
      assert.ok(
        result.offset >= 20 && result.offset + result.byteLength <= Math.max(length, result.offset),
        JSON.stringify(result),
      );
      assert.equal(result.byteLength % frameBytes(result.format), 0);
      for (const note of result.notes) assert.match(note, /^[\x20-\x7e]{20,250}$/);
    }
    undo();
  }
  assert.ok(accepted > 1000 && accepted < 9900, `${accepted} accepted`);
});

test('a file of nothing but chunks is not searched without end', () => {
  const many = riff([formatChunk(stereo), ...Array.from({ length: 5000 }, () => chunk('zero', Buffer.alloc(0)))]);
  const counted = { reads: 0 };
  const result = readWave(reader(many, counted), many.length);
  assert.ok('refusal' in result);
  assert.ok(counted.reads < 1100, `${counted.reads}`);
});

test('nothing is read behind the end of the file, however long and odd a chunk is', () => {
  const file = riff64('RF64', formatChunk(stereo), payload);
  // The length of `data` in `ds64`.
  for (const size of [2n ** 53n - 1n, 2n ** 53n - 101n, 2n ** 40n + 1n]) {
    file.writeBigUInt64LE(size, 12 + 8 + 8);
    const { missingBytes } = assertPayload(file);
    assert.equal(missingBytes, Number(size) - payload.length);
  }
});
