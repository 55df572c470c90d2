import assert from 'node:assert/strict';
import { closeSync, readFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { seededRandom } from '../../../test/support/seeded-random.js';
import { makeFlac, missingProgram, packed, soundFolder, soundValues } from '../../../test/support/sound-files.js';
import { readFlacInfo } from '../../wire/flac/stream-info.js';
import { frameBytes } from '../../wire/pcm/format.js';
import { openFile } from './file.js';
import { hasWasmFlac, openWasmFlac } from './flac-wasm-source.js';
import { type AudioSource, SourceError } from './source.js';

const skip = (await hasWasmFlac()) ? missingProgram('flac') : 'needs the optional dependency @wasm-audio-decoders/flac';
const place = soundFolder(after);

async function open(path: string): Promise<AudioSource> {
  const file = openFile(path);
  const info = readFlacInfo(file.read, file.byteLength);
  assert.ok(info !== undefined && !('refusal' in info));
  try {
    return await openWasmFlac(file, info, 0);
  } catch (error) {
    closeSync(file.fd);
    throw error;
  }
}

// The package divides by 2^(bits-1) - 1. A version that divides by anything else fails here: every value of 16 bits is among them.
for (const bits of [8, 16, 24]) {
  test(`the npm decoder is exact for ${bits} bits by its own scale`, { skip }, async () => {
    const bytes = bits / 8;
    const values = soundValues(bits, 2, 36_000);
    if (bits <= 16) for (let value = 0; value < 2 ** bits; value++) values[value] = value - 2 ** (bits - 1);
    const source = await open(makeFlac(place, `wasm-${bits}.flac`, values, { channels: 2, bits, bytes }));
    const size = frameBytes(source.format);
    const target = Buffer.alloc(36_000 * size);
    let frames = 0;
    for (let count = 1; count > 0; frames += count) count = source.read(target.subarray(frames * size), 1001);
    assert.equal(frames, 36_000);
    assert.deepEqual(target, packed(values, bits, bytes));
    assert.deepEqual(source.verdict().lost, []);
    source.seek(35_999);
    assert.equal(source.read(target, 5), 1);
    source.close();
  });
}

test('what the npm decoder would get wrong is refused, with the package that gets it right', { skip }, async () => {
  for (const [bits, bytes] of [
    [12, 2],
    [20, 3],
    [32, 4],
  ] as const) {
    const path = makeFlac(place, `refused-${bits}.flac`, soundValues(bits, 1, 500), { channels: 1, bits, bytes });
    await assert.rejects(open(path), (error: Error) => {
      assert.ok(error instanceof SourceError);
      assert.match(error.message, new RegExp(`${bits} bits, which .* not decode exactly; install libFLAC`));
      return true;
    });
  }
});

test('spoiled files: a sentence or what there is, never more than the header says', { skip }, async (context) => {
  context.mock.method(console, 'error', () => {});
  const random = seededRandom(0x3a5);
  const path = makeFlac(place, 'spoil.flac', soundValues(16, 2, 9000), { channels: 2, bits: 16, bytes: 2 }, [
    '-b',
    '1024',
  ]);
  const whole = readFileSync(path);
  for (let round = 0; round < 20; round++) {
    const bytes = Buffer.from(whole);
    for (let changes = 0; changes < 3; changes++)
      bytes[42 + Math.floor(random() * (bytes.length - 42))] = Math.floor(random() * 256);
    const cut = place(
      'spoiled.flac',
      bytes.subarray(0, random() < 0.3 ? 100 + Math.floor(random() * 9000) : bytes.length),
    );
    try {
      const source = await open(cut);
      const target = Buffer.alloc(9001 * 4);
      assert.ok(source.read(target, 9001) <= 9000);
      assert.equal(source.read(target, 1), 0);
      source.close();
    } catch (error) {
      assert.ok(error instanceof SourceError, String(error));
    }
  }
});
