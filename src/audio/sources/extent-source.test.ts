import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, truncateSync } from 'node:fs';
import { dirname } from 'node:path';
import { after, test } from 'node:test';
import {
  chunk,
  type FormatSays,
  formatChunk,
  packed,
  riff,
  riff64,
  soundFolder,
  soundValues,
  wave,
} from '../../../test/support/sound-files.js';
import { frameBytes, type PcmFormat, sampleBits } from '../../wire/pcm/format.js';
import { openSource } from './open.js';
import { describe, measureDecode } from './probe.js';
import { type AudioSource, SourceError, type SourceOutput } from './source.js';

const place = soundFolder(after);

/** All that a source gives, read in pieces of an odd number of frames. */
function readAll(source: AudioSource, output?: SourceOutput, step = 37): Buffer {
  if (output !== undefined) source.setOutput(output);
  const bytes = frameBytes((output ?? source).format);
  const parts: Buffer[] = [];
  for (;;) {
    const part = Buffer.alloc(bytes * step);
    const count = source.read(part, step);
    if (count === 0) return Buffer.concat(parts);
    parts.push(part.subarray(0, count * bytes));
  }
}

async function refused(path: string): Promise<string> {
  try {
    (await openSource(path)).close();
  } catch (error) {
    assert.ok(error instanceof SourceError, String(error));
    assert.match(error.message, /^[^\n]{10,400}$/);
    return error.message;
  }
  throw new Error(`${path} was opened`);
}

const forms: readonly FormatSays[] = [
  { channels: 1, bits: 8, bytes: 1 },
  { channels: 2, bits: 16, bytes: 2 },
  { channels: 1, bits: 16, bytes: 2, rate: 8000 },
  { channels: 2, bits: 12, bytes: 2, mask: 3 },
  { channels: 2, bits: 20, bytes: 3, mask: 3 },
  { channels: 2, bits: 24, bytes: 3, rate: 96000 },
  { channels: 6, bits: 24, bytes: 3, mask: 0x3f },
  { channels: 8, bits: 16, bytes: 2, mask: 0x63f },
  { channels: 2, bits: 24, bytes: 4, mask: 3 },
  { channels: 2, bits: 32, bytes: 4, rate: 192_000 },
  { channels: 2, bits: 32, bytes: 4, tag: 3 },
  { channels: 1, bits: 64, bytes: 8, tag: 3 },
];

for (const [index, says] of forms.entries()) {
  test(`WAV of ${says.channels} x ${says.bits} bits in ${says.bytes} bytes: extent and reads are the payload`, async () => {
    const values = soundValues(Math.min(says.bits, 32), says.channels, 1001, index);
    const payload = Buffer.alloc(values.length * says.bytes);
    if (says.tag === 3) {
      for (const [at, value] of values.entries()) {
        if (says.bytes === 4) payload.writeFloatLE(value / 2 ** 31, at * 4);
        else payload.writeDoubleLE(value / 2 ** 31, at * 8);
      }
    } else packed(values, says.bits, says.bytes).copy(payload);
    const files = [riff([formatChunk(says), chunk('data', payload)]), riff64('RF64', formatChunk(says), payload)];
    for (const [kind, bytes] of files.entries()) {
      const source = await openSource(place(`form-${index}-${kind}.wav`, bytes));
      const { extent } = source;
      assert.ok(extent !== undefined);
      assert.deepEqual(bytes.subarray(extent.offset, extent.offset + extent.byteLength), payload);
      assert.equal(source.frames, 1001);
      assert.deepEqual(readAll(source), payload);
      assert.deepEqual(source.verdict(), { md5: 'none', lost: [], notes: [] });
      source.seek(1000);
      assert.deepEqual(readAll(source), payload.subarray(1000 * says.bytes * says.channels));
      source.close();
      source.close();
    }
  });
}

test('a sink gets the form and the order that it takes', async () => {
  const values = soundValues(16, 2, 500);
  const source = await openSource(place('widened.wav', wave(values, { channels: 2, bits: 16, bytes: 2 })));
  const format: PcmFormat = { ...source.format, sample: 'S32_LE' };
  assert.deepEqual(readAll(source, { format }), packed(values, 16, 4));
  source.seek(0);
  const swapped = Int32Array.from(values, (_, at) => values[at ^ 1]!);
  assert.deepEqual(readAll(source, { format, order: [1, 0] }), packed(swapped, 16, 4));
  assert.throws(
    () => source.setOutput({ format: { ...format, rate: 48000 } }),
    /44100 Hz and is not converted to 48000 Hz/,
  );
  assert.throws(() => source.setOutput({ format: { ...format, channels: 1 } }), /stereo and is not mixed to mono/);
  assert.throws(() => source.setOutput({ format, order: [0, 2] }), SourceError);
  source.seek(0);
  assert.throws(() => source.read(Buffer.alloc(7), 1), RangeError);
  source.close();
  assert.throws(() => source.read(Buffer.alloc(64), 1), /closed/);
});

test('a file that becomes shorter while it plays gives what is there, and says how much is lost', async () => {
  const values = soundValues(16, 2, 4000);
  const path = place('shorter.wav', wave(values, { channels: 2, bits: 16, bytes: 2 }));
  const source = await openSource(path);
  const first = Buffer.alloc(4000);
  assert.equal(source.read(first, 1000), 1000);
  truncateSync(path, 44 + 2000 * 4 + 2);
  const rest = readAll(source, undefined, 1500);
  assert.equal(rest.length, 1000 * 4);
  const { lost, notes } = source.verdict();
  assert.deepEqual(lost, [{ frame: 2000, frames: 2000 }]);
  assert.match(notes.join(), /became shorter .* 2000 of 4000 frames/);
  source.close();
});

test('a file that was cut before says what is missing', async () => {
  const bytes = wave(soundValues(16, 2, 1000), { channels: 2, bits: 16, bytes: 2 });
  const source = await openSource(place('cut.wav', bytes.subarray(0, 44 + 400 * 4 + 1)));
  assert.equal(source.frames, 400);
  assert.deepEqual(source.verdict().lost, [{ frame: 400, frames: 600 }]);
  assert.match(source.notes.join(), /is cut/);
  source.close();
});

test('samples without a header play as they are said to be', async () => {
  const payload = packed(soundValues(24, 2, 333), 24, 3);
  const raw: PcmFormat = {
    sample: 'S24_3LE',
    rate: 48000,
    channels: 2,
    channelMask: 0,
    validBits: sampleBits('S24_3LE'),
  };
  const path = place('raw.bin', Buffer.concat([payload, Buffer.from([1])]));
  const source = await openSource(path, { raw });
  assert.deepEqual(readAll(source), payload);
  assert.match(source.notes.join(), /1 of 6 bytes/);
  source.close();
  assert.match(await refused(path), /no sound file that is known/);
});

test('what is no file is refused at once, and what is no sound in words', async () => {
  const pipe = place('pipe');
  execFileSync('mkfifo', [pipe]);
  assert.match(await refused(pipe), /a pipe/);
  assert.match(await refused(dirname(pipe)), /a directory/);
  assert.match(await refused('/dev/zero'), /a device/);
  assert.match(await refused(place('absent.wav')), /no such file/);
  assert.match(await refused(place('empty.wav', Buffer.alloc(0))), /is empty/);
  assert.match(
    await refused(place('note.wav', Buffer.from('Dear diary, this is no sound'))),
    /begins with Dear .*--raw/,
  );
  assert.match(await refused(place('short', Buffer.from('ab'))), /too short/);
  assert.match(
    await refused(
      place('law.wav', riff([formatChunk({ tag: 6, channels: 1, bits: 8, bytes: 1 }), chunk('data', Buffer.alloc(9))])),
    ),
    /A-law/,
  );
  assert.match(await refused('a\0b'), /NUL/);
});

test('a description reads the header alone, and a tag in front is passed over', async () => {
  const bytes = wave(soundValues(16, 2, 44100), { channels: 2, bits: 16, bytes: 2 });
  const tag = Buffer.concat([Buffer.from('ID3\x04\0\0\0\0\0\x0a', 'latin1'), Buffer.alloc(10)]);
  const path = place('tagged.wav', Buffer.concat([tag, bytes]));
  const { codec, decoder, seconds, frames, lossless } = await describe(path);
  assert.deepEqual(
    { codec, decoder, seconds, frames, lossless },
    { codec: 'WAV', decoder: 'none', seconds: 1, frames: 44100, lossless: true },
  );
  const source = await openSource(path);
  assert.deepEqual(readAll(source, undefined, 5000), readFileSync(path).subarray(64));
  source.close();
  const figures = await measureDecode(path);
  assert.equal(figures.frames, 44100);
  assert.ok(figures.timesRealTime > 0);
});
