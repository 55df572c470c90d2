import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, truncateSync } from 'node:fs';
import { after, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { seededRandom } from '../../../test/support/seeded-random.js';
import {
  type FormatSays,
  makeFlac,
  missingProgram,
  packed,
  soundFolder,
  soundValues,
  spoiled,
} from '../../../test/support/sound-files.js';
import { Region } from '../../memory/region.js';
import { frameBytes, type PcmFormat, type SampleFormat, sampleBits, sampleBytes } from '../../wire/pcm/format.js';
import { flacMostBits, flacVersion } from './flac-library.js';
import { openSource } from './open.js';
import { measureDecode } from './probe.js';
import { type AudioSource, SourceError } from './source.js';

const skip = flacVersion() === undefined ? 'needs libFLAC: .ci/run installs libflac12' : missingProgram('flac');
const place = soundFolder(after);
const region = new Region(1 << 20);
after(() => region.unmap());

function digest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** All that a source gives from where it stands. */
function readAll(source: AudioSource, format: PcmFormat, step = 1000): Buffer {
  const parts: Buffer[] = [];
  for (;;) {
    const count = source.read(region.bytes, step);
    if (count === 0) return Buffer.concat(parts);
    parts.push(Buffer.from(region.bytes.slice(0, count * frameBytes(format))));
  }
}

/** A FLAC's own form of samples, as the tests see it: the least whole bytes. */
function ownBytes(bits: number): number {
  return Math.ceil(bits / 8);
}

interface Variant extends FormatSays {
  readonly frames: number;
  readonly options?: readonly string[];
}

const variants: readonly Variant[] = [
  { channels: 2, bits: 16, bytes: 2, frames: 20_011 },
  { channels: 1, bits: 8, bytes: 1, frames: 4097 },
  { channels: 1, bits: 12, bytes: 2, frames: 4095 },
  { channels: 2, bits: 20, bytes: 3, frames: 5001, rate: 48000 },
  { channels: 2, bits: 24, bytes: 3, frames: 5003, rate: 96000 },
  { channels: 2, bits: 32, bytes: 4, frames: 5009, rate: 192_000 },
  { channels: 3, bits: 16, bytes: 2, frames: 777 },
  { channels: 6, bits: 24, bytes: 3, frames: 1234 },
  { channels: 8, bits: 16, bytes: 2, frames: 1235 },
  { channels: 2, bits: 16, bytes: 2, frames: 1 },
  { channels: 2, bits: 16, bytes: 2, frames: 17, options: ['-b', '16', '--lax'] },
  { channels: 2, bits: 16, bytes: 2, frames: 70_001, options: ['-b', '65535', '--lax', '-0'] },
  { channels: 2, bits: 24, bytes: 3, frames: 9000, options: ['-8', '-e', '-p'] },
  { channels: 2, bits: 16, bytes: 2, frames: 9001, options: ['-b', '192', '--no-seektable'] },
];

for (const [index, variant] of variants.entries()) {
  const { channels, bits, frames } = variant;
  const extra = variant.options?.join(' ') ?? '';
  const isTooMany = bits > flacMostBits() && 'needs libFLAC 1.4 or later';
  test(`FLAC of ${frames} frames, ${channels} x ${bits} bits ${extra}: bit for bit, and the sum is right`, {
    skip: skip === false ? isTooMany : skip,
  }, async () => {
    const values = soundValues(bits, channels, frames, index);
    const path = makeFlac(place, `variant-${index}.flac`, values, variant, variant.options);
    const source = await openSource(path);
    try {
      assert.equal(source.frames, frames);
      assert.equal(source.format.validBits, bits);
      assert.equal(source.decoder, `libFLAC ${flacVersion()}`);
      const bytes = readAll(source, source.format);
      assert.equal(digest(bytes), digest(packed(values, bits, ownBytes(bits))));
      assert.deepEqual(source.verdict(), { md5: 'ok', lost: [], notes: [] });
      // Once more from the beginning, as wide as can be: the sum is checked again.
      source.seek(0);
      const format: PcmFormat = { ...source.format, sample: 'S32_LE' };
      source.setOutput({ format });
      assert.equal(digest(readAll(source, format, 333)), digest(packed(values, bits, 4)));
      assert.equal(source.verdict().md5, 'ok');
    } finally {
      source.close();
    }
  });
}

test('each form that holds the bits gets the same values, in the order that it asks for', { skip }, async () => {
  const values = soundValues(16, 2, 3000);
  const source = await openSource(makeFlac(place, 'forms.flac', values, { channels: 2, bits: 16, bytes: 2 }));
  const swapped = Int32Array.from(values, (_, at) => values[at ^ 1]!);
  for (const sample of ['S24_3LE', 'S24_LE', 'S32_LE', 'FLOAT_LE', 'FLOAT64_LE', 'S16_BE'] as SampleFormat[]) {
    const format: PcmFormat = { ...source.format, sample };
    source.seek(0);
    source.setOutput({ format, order: [1, 0] });
    const bytes = readAll(source, format);
    const size = sampleBytes(sample);
    for (let at = 0; at < values.length; at += 97) {
      const got = bytes.subarray(at * size);
      const up = 2 ** (sampleBits(sample) - 16);
      const value = swapped[at]!;
      if (sample === 'FLOAT_LE') assert.equal(got.readFloatLE(), value / 32768);
      else if (sample === 'FLOAT64_LE') assert.equal(got.readDoubleLE(), value / 32768);
      else if (sample === 'S16_BE') assert.equal(got.readInt16BE(), value);
      else assert.equal(got.readIntLE(0, size), value * up);
    }
    assert.equal(source.verdict().md5, 'ok');
  }
  source.close();
});

test('a seek gives the frame that was asked for, and no verdict about the sum', { skip }, async () => {
  const values = soundValues(16, 2, 50_000);
  const expected = packed(values, 16, 2);
  const source = await openSource(makeFlac(place, 'seek.flac', values, { channels: 2, bits: 16, bytes: 2 }));
  for (const frame of [1, 4095, 4096, 4097, 31_337, 49_999, 12]) {
    source.seek(frame);
    const count = source.read(region.bytes, 5000);
    assert.equal(count, Math.min(5000, 50_000 - frame));
    assert.deepEqual(Buffer.from(region.bytes.slice(0, count * 4)), expected.subarray(frame * 4, (frame + count) * 4));
  }
  assert.deepEqual(readAll(source, source.format), expected.subarray(5012 * 4));
  assert.equal(source.verdict().md5, 'not checked');
  source.seek(50_000);
  assert.equal(source.read(region.bytes, 1), 0);
  source.seek(49_000);
  assert.deepEqual(readAll(source, source.format), expected.subarray(49_000 * 4));
  source.seek(0);
  readAll(source, source.format);
  assert.equal(source.verdict().md5, 'ok');
  source.seek(100);
  assert.deepEqual(readAll(source, source.format), expected.subarray(400));
  source.close();
});

test('a stream that was cut out of another begins with its first block, and is searched from there', {
  skip,
}, async () => {
  const values = soundValues(16, 2, 20_000);
  const says = { channels: 2, bits: 16, bytes: 2 };
  const options = ['-b', '4096', '--no-seektable'];
  const whole = readFileSync(makeFlac(place, 'uncut.flac', values, says, options));
  // Blocks do not depend on those behind them: the length of a shorter file is where the next block is.
  const left = readFileSync(makeFlac(place, 'left-out.flac', values.subarray(0, 8192 * 2), says, options)).length;
  const head = 8 + 34 + whole.readUIntBE(8 + 34 + 1, 3) + 4;
  const path = place('cut-out.flac', Buffer.concat([whole.subarray(0, head), whole.subarray(left)]));
  const expected = packed(values, 16, 2).subarray(8192 * 4);
  const source = await openSource(path);
  source.seek(5000);
  assert.deepEqual(readAll(source, source.format), expected.subarray(5000 * 4));
  source.seek(0);
  assert.deepEqual(readAll(source, source.format), expected);
  const { lost, notes } = source.verdict();
  assert.deepEqual([lost, notes.length], [[{ frame: 11_808, frames: 8192 }], 1]);
  source.close();
});

test('a wrong MD5 plays and is told, and a file without one is no error', { skip }, async () => {
  const values = soundValues(16, 1, 6000);
  const path = makeFlac(place, 'sum.flac', values, { channels: 1, bits: 16, bytes: 2 });
  const cases: [string, number, string][] = [
    ['wrong', 0xff, 'wrong'],
    ['none', 0, 'none'],
  ];
  for (const [name, fill, expected] of cases) {
    const bytes = spoiled(path, (all) => all.fill(fill, 26, 42));
    const source = await openSource(place(`sum-${name}.flac`, bytes));
    assert.equal(digest(readAll(source, source.format)), digest(packed(values, 16, 2)));
    const verdict = source.verdict();
    assert.equal(verdict.md5, expected);
    assert.equal(verdict.notes.length, name === 'wrong' ? 1 : 0);
    source.close();
  }
});

test('a damaged block is silence of its own length, and all else is right', { skip }, async () => {
  const values = soundValues(16, 2, 40_960);
  const expected = packed(values, 16, 2);
  const path = makeFlac(place, 'damage.flac', values, { channels: 2, bits: 16, bytes: 2 }, ['-b', '4096']);
  const length = readFileSync(path).length;
  for (const share of [0.35, 0.55, 0.75]) {
    const bytes = spoiled(path, (all) => {
      all[Math.floor(length * share)]! ^= 0x10;
    });
    const source = await openSource(place(`damage-${share}.flac`, bytes));
    const got = readAll(source, source.format);
    assert.equal(got.length, expected.length, 'the time line');
    const { lost, md5 } = source.verdict();
    assert.equal(lost.length, 1);
    assert.deepEqual([lost[0]!.frames, lost[0]!.frame % 4096], [4096, 0]);
    const from = lost[0]!.frame * 4;
    const to = from + 4096 * 4;
    assert.ok(got.subarray(from, to).every((byte) => byte === 0));
    assert.equal(digest(got.subarray(0, from)), digest(expected.subarray(0, from)));
    assert.equal(digest(got.subarray(to)), digest(expected.subarray(to)));
    assert.equal(md5, 'wrong');
    source.close();
  }
});

test('a file that is cut, before or while it plays, says how much is lost', { skip }, async () => {
  const values = soundValues(16, 2, 30_000);
  const expected = packed(values, 16, 2);
  const path = makeFlac(place, 'cut.flac', values, { channels: 2, bits: 16, bytes: 2 });
  const bytes = readFileSync(path);
  const half = Math.floor(bytes.length / 2);
  const source = await openSource(place('cut-before.flac', bytes.subarray(0, half)));
  const growing = await openSource(path);
  growing.read(region.bytes, 100);
  truncateSync(path, half);
  for (const [cut, read] of [
    [source, 0],
    [growing, 100],
  ] as const) {
    const got = readAll(cut, cut.format);
    const frames = got.length / 4 + read;
    assert.ok(frames > 8000 && frames < 20_000, `${frames}`);
    assert.deepEqual(got, expected.subarray(read * 4, frames * 4));
    const verdict = cut.verdict();
    assert.deepEqual(verdict.lost, [{ frame: frames, frames: 30_000 - frames }]);
    assert.match(verdict.notes.join(), new RegExp(`ends early: ${frames} of 30000`));
    cut.close();
  }
});

test('a seek into a damaged block finds its place, and damage is told once', { skip }, async () => {
  const values = soundValues(16, 2, 40_960);
  const expected = packed(values, 16, 2);
  const path = makeFlac(place, 'seek-damage.flac', values, { channels: 2, bits: 16, bytes: 2 }, ['-b', '4096']);
  const length = readFileSync(path).length;
  const bytes = spoiled(path, (all) => all.fill(0xaa, Math.floor(length * 0.55), Math.floor(length * 0.55) + 40));
  const source = await openSource(place('seek-damaged.flac', bytes));
  readAll(source, source.format);
  const { lost } = source.verdict();
  assert.equal(lost.length, 1);
  const { frame, frames } = lost[0]!;
  for (const wanted of [frame - 10, frame, frame + 100, frame + frames - 1, frame + frames, frame - 4096]) {
    source.seek(wanted);
    const got = readAll(source, source.format);
    assert.equal(got.length, (40_960 - wanted) * 4, `from ${wanted}`);
    const good = Math.max(0, frame + frames - wanted);
    assert.deepEqual(got.subarray(good * 4), expected.subarray((wanted + good) * 4));
    const silent = got.subarray(Math.max(0, frame - wanted) * 4, good * 4);
    assert.ok(silent.every((byte) => byte === 0));
  }
  assert.deepEqual(source.verdict().lost, lost);
  source.close();
});

test('a tag behind the stream is no damage; more frames than the header says are told', { skip }, async () => {
  const values = soundValues(16, 2, 9000);
  const path = makeFlac(place, 'behind.flac', values, { channels: 2, bits: 16, bytes: 2 });
  const tag = Buffer.alloc(128, 0x20);
  tag.write('TAG');
  const tagged = await openSource(place('behind-tag.flac', Buffer.concat([readFileSync(path), tag])));
  assert.deepEqual(readAll(tagged, tagged.format), packed(values, 16, 2));
  assert.deepEqual(tagged.verdict(), { md5: 'ok', lost: [], notes: [] });
  tagged.close();
  const fewer = await openSource(
    place(
      'behind-fewer.flac',
      spoiled(path, (all) => all.writeUInt32BE(1000, 22)),
    ),
  );
  assert.equal(fewer.frames, 1000);
  // libFLAC before 1.4 stops behind the block that passes the header's number.
  const got = readAll(fewer, fewer.format);
  assert.ok(got.length >= 4000);
  assert.deepEqual(got, packed(values, 16, 2).subarray(0, got.length));
  assert.match(fewer.verdict().notes.join(), /\d+ frames are there and its header says 1000/);
  fewer.close();
});

test('a worker thread decodes beside this one', { skip }, async () => {
  const values = soundValues(16, 2, 20_000);
  const path = makeFlac(place, 'worker.flac', values, { channels: 2, bits: 16, bytes: 2 });
  const code = `
    const { parentPort, workerData } = require('node:worker_threads');
    import(workerData.probe).then(({ measureDecode }) => measureDecode(workerData.path)).then(
      ({ frames, verdict }) => parentPort.postMessage({ frames, md5: verdict.md5 }),
      (error) => parentPort.postMessage(String(error)));`;
  const probe = new URL('./probe.js', import.meta.url).href;
  const worker = new Worker(code, { eval: true, workerData: { probe, path } });
  const [answer] = (await once(worker, 'message')) as [unknown];
  const here = await measureDecode(path);
  assert.deepEqual([answer, here.verdict.md5], [{ frames: 20_000, md5: 'ok' }, 'ok']);
  await worker.terminate();
});

test('Ogg FLAC, and a tag in front', { skip }, async () => {
  const values = soundValues(16, 2, 10_000);
  const ogg = await openSource(makeFlac(place, 'ogg.oga', values, { channels: 2, bits: 16, bytes: 2 }, ['--ogg']));
  assert.equal(ogg.codec, 'Ogg FLAC');
  assert.deepEqual(readAll(ogg, ogg.format), packed(values, 16, 2));
  assert.equal(ogg.verdict().md5, 'ok');
  ogg.close();
  const options = ['-T', 'TITLE=A name\u001b[2J', '-T', 'artist=Who'];
  const path = makeFlac(place, 'tags.flac', values, { channels: 2, bits: 16, bytes: 2 }, options);
  const tag = Buffer.concat([Buffer.from('ID3\x04\0\0\0\0\x01\x00', 'latin1'), Buffer.alloc(128)]);
  const source = await openSource(place('id3.flac', Buffer.concat([tag, readFileSync(path)])));
  assert.deepEqual(source.tags, { title: 'A name [2J', artist: 'Who' });
  assert.deepEqual(readAll(source, source.format), packed(values, 16, 2));
  source.seek(5000);
  assert.deepEqual(readAll(source, source.format), packed(values, 16, 2).subarray(20_000));
  source.close();
});

test('200 spoiled files: a sentence or a bounded stream, whose verdict adds up', { skip }, async () => {
  const random = seededRandom(0xf1ac);
  const values = soundValues(16, 2, 6000);
  const path = makeFlac(place, 'fuzz.flac', values, { channels: 2, bits: 16, bytes: 2 }, ['-b', '512']);
  const whole = readFileSync(path);
  for (let round = 0; round < 200; round++) {
    const bytes = Buffer.from(whole);
    const reach = round % 2 === 0 ? 100 : bytes.length;
    for (let changes = 1 + Math.floor(random() * 4); changes > 0; changes--) {
      bytes[4 + Math.floor(random() * (reach - 4))] = Math.floor(random() * 256);
    }
    const cut = random() < 0.2 ? Math.floor(random() * bytes.length) + 1 : bytes.length;
    let source: AudioSource;
    try {
      source = await openSource(place('fuzzed.flac', bytes.subarray(0, cut)));
    } catch (error) {
      assert.ok(error instanceof SourceError, `${round}: ${error}`);
      assert.match(error.message, /^[\x20-\x7e]{20,400}$/);
      continue;
    }
    const bytesOfFrame = frameBytes(source.format);
    let frames = 0;
    const most = (source.frames ?? 0) + 6000 + source.format.rate * 301;
    for (let count = 1; count > 0 && frames <= most; frames += count) {
      count = source.read(region.bytes, Math.floor(region.byteLength / bytesOfFrame / 4));
    }
    assert.ok(frames <= most, `round ${round}: ${frames} frames`);
    const { lost } = source.verdict();
    for (const entry of lost) assert.ok(entry.frames > 0 && entry.frame >= 0, JSON.stringify(lost));
    source.close();
  }
});
