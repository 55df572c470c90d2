import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { seededRandom } from '../../../test/support/seeded-random.js';
import { missingProgram, mustRun, packed, soundFolder, soundValues, wave } from '../../../test/support/sound-files.js';
import { Region } from '../../memory/region.js';
import { frameBytes, type PcmFormat } from '../../wire/pcm/format.js';
import { listDecoders } from './decoders.js';
import { openSource } from './open.js';
import { sndfileVersion } from './sndfile-library.js';
import { type AudioSource, SourceError } from './source.js';

const skip = sndfileVersion() === undefined ? 'needs libsndfile: .ci/run installs libsndfile1' : missingProgram('sox');
const skipOgg = skip !== false ? skip : missingProgram('ffmpeg');
const place = soundFolder(after);
const region = new Region(1 << 18);
after(() => region.unmap());

function readAll(source: AudioSource, format: PcmFormat, step = 777): Buffer {
  const parts: Buffer[] = [];
  for (;;) {
    const count = source.read(region.bytes.subarray(64), step);
    if (count === 0) return Buffer.concat(parts);
    parts.push(Buffer.from(region.bytes.slice(64, 64 + count * frameBytes(format))));
  }
}

for (const [extension, bits, codec] of [
  ['aiff', 16, 'AIFF'],
  ['aiff', 24, 'AIFF'],
  ['caf', 16, 'CAF'],
  ['au', 16, 'AU'],
] as const) {
  test(`${codec} of ${bits} bits: bit for bit, straight into the target and through another form`, {
    skip,
  }, async () => {
    const values = soundValues(bits, 2, 5003);
    const says = { channels: 2, bits, bytes: bits / 8 };
    const from = place(`${codec}-${bits}.wav`, wave(values, says));
    const path = place(`sound-${bits}.${extension}`);
    mustRun('sox', ['-D', from, path]);
    const source = await openSource(path);
    assert.deepEqual([source.codec, source.frames, source.lossless], [codec, 5003, true]);
    assert.equal(source.format.validBits, bits);
    const own = bits === 16 ? 2 : 4;
    assert.deepEqual(readAll(source, source.format), packed(values, bits, own));
    assert.deepEqual(source.verdict(), { md5: 'none', lost: [], notes: [] });
    const format: PcmFormat = { ...source.format, sample: bits === 16 ? 'S32_LE' : 'S24_3LE' };
    source.setOutput({ format });
    source.seek(1000);
    assert.deepEqual(
      readAll(source, format),
      packed(values, bits, bits === 16 ? 4 : 3).subarray(1000 * (bits === 16 ? 8 : 6)),
    );
    assert.equal(source.verdict().notes.length, 0);
    source.close();
  });
}

for (const [name, codec, options] of [
  ['a.mp3', 'MP3', ['-c:a', 'libmp3lame']],
  ['b.ogg', 'Ogg Vorbis', ['-c:a', 'libvorbis']],
  ['c.opus', 'Ogg Opus', ['-c:a', 'libopus', '-ar', '48000']],
] as const) {
  test(`${codec} is decoded as floats, and is near what went in`, { skip: skipOgg }, async () => {
    const values = soundValues(16, 2, 48_000).map((_, at) => Math.round(Math.sin((at >> 1) / 20) * 16_000));
    const from = place(`${name}.wav`, wave(values, { channels: 2, bits: 16, bytes: 2, rate: 48_000 }));
    const path = place(name);
    const tags = ['-metadata', 'title=Tone', '-metadata', 'artist=Sine'];
    mustRun('ffmpeg', ['-v', 'error', '-i', from, ...tags, ...options, '-b:a', '192k', '-y', path]);
    const source = await openSource(path);
    assert.deepEqual([source.codec, source.lossless, source.format.sample], [codec, false, 'FLOAT_LE']);
    assert.deepEqual([source.tags.title, source.tags.artist], ['Tone', 'Sine']);
    const bytes = readAll(source, source.format);
    assert.ok(Math.abs(bytes.length / 8 - 48_000) < 3000, `${bytes.length / 8} frames`);
    let most = 0;
    for (let at = 80_000; at < 200_000; at += 4) most = Math.max(most, Math.abs(bytes.readFloatLE(at)));
    assert.ok(most > 0.4 && most < 0.6, `${most}`);
    source.close();
  });
}

test('an MP3 that was cut is told of, and nothing of it is counted as lost', { skip: skipOgg }, async () => {
  const values = soundValues(16, 2, 3 * 44_100);
  const from = place('whole.wav', wave(values, { channels: 2, bits: 16, bytes: 2 }));
  const path = place('cut.mp3');
  mustRun('ffmpeg', ['-v', 'error', '-i', from, '-c:a', 'libmp3lame', '-b:a', '128k', '-y', path]);
  for (const [share, notes] of [
    [1, 0],
    [0.5, 1],
  ] as const) {
    const bytes = readFileSync(path);
    const source = await openSource(place('part.mp3', bytes.subarray(0, Math.floor(bytes.length * share))));
    const frames = readAll(source, source.format).length / 8;
    assert.ok(share === 1 ? frames === 3 * 44_100 : frames < 80_000, `${frames}`);
    const verdict = source.verdict();
    assert.deepEqual([verdict.lost, verdict.notes.length], [[], notes], verdict.notes.join());
    source.close();
  }
});

test('channels of Ogg Vorbis come in the order of WAVE', { skip: skipOgg }, async () => {
  const filter = 'aevalsrc=0.1|0.2|0.3|0.4|0.5|0.6:c=5.1(side):s=48000:d=0.5';
  const path = place('six.ogg');
  mustRun('ffmpeg', ['-v', 'error', '-f', 'lavfi', '-i', filter, '-c:a', 'libvorbis', '-q:a', '8', '-y', path]);
  const source = await openSource(path);
  assert.equal(source.format.channels, 6);
  const bytes = readAll(source, source.format);
  const at = 12_000 * 24;
  const order = [0, 1, 2, 4, 5].map((channel) => Math.round(bytes.readFloatLE(at + channel * 4) * 10));
  assert.deepEqual(order, [1, 2, 3, 5, 6]);
  source.close();
});

test('a file that ends early says so, and spoiled ones are sentences', { skip }, async () => {
  const from = place('early.wav', wave(soundValues(16, 2, 5000), { channels: 2, bits: 16, bytes: 2 }));
  const path = place('early.aiff');
  mustRun('sox', ['-D', from, path]);
  const whole = readFileSync(path);
  const random = seededRandom(7);
  const descriptors = readdirSync('/proc/self/fd').length;
  for (let round = 0; round < 120; round++) {
    const bytes = Buffer.from(whole);
    for (let changes = 3; changes > 0; changes--) bytes[12 + Math.floor(random() * 60)] = Math.floor(random() * 256);
    writeFileSync(path, bytes.subarray(0, random() < 0.5 ? bytes.length : 60 + Math.floor(random() * 5000)));
    try {
      const source = await openSource(path);
      const most = Math.floor(60_000 / frameBytes(source.format));
      let frames = 0;
      for (let count = 1; count > 0 && frames < 200_000; frames += count) count = source.read(region.bytes, most);
      assert.ok(frames < 200_000);
      source.close();
    } catch (error) {
      assert.ok(error instanceof SourceError, String(error));
      assert.match(error.message, /^[\x20-\x7e]{20,400}$/);
    }
  }
  assert.equal(readdirSync('/proc/self/fd').length, descriptors, 'descriptors stayed open');
});

test('the decoders of this host are listed, with the command where one is missing', async () => {
  const list = await listDecoders();
  assert.equal(list.length, 3);
  for (const { decoder, words } of list) assert.ok(decoder !== undefined || words.includes('apt install'), words);
});
