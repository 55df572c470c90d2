import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type PcmFormat, type SampleFormat, sampleBits } from '../../wire/pcm/format.js';
import { readWave } from '../../wire/wav/wav.js';
import { waveHeader, waveSamples } from './wave-header.js';

const formatOf = (sample: SampleFormat, channels: number, channelMask: number): PcmFormat => ({
  ...{ sample, channels, channelMask, rate: 96_000, validBits: sampleBits(sample) },
});

/** Reads it as if it stood before a payload of so many bytes. */
const read = (header: Uint8Array, payloadBytes: number) =>
  readWave((at, length) => header.subarray(at, at + length), header.length + payloadBytes);

test('every header reads as what was written, below and beyond 4 GiB, and with no size at all', () => {
  for (const sample of waveSamples) {
    for (const [channels, mask] of [
      [1, 0],
      [2, 3],
      [6, 0x3f],
    ] as const) {
      const format = formatOf(sample, channels, mask);
      const frame = (channels * sampleBits(sample)) / 8;
      for (const payloadBytes of [frame * 1001, frame * 200_000_000]) {
        const found = read(waveHeader(format, payloadBytes, true), payloadBytes);
        assert.ok(!('refusal' in found), JSON.stringify(found));
        assert.equal(found.codec, payloadBytes > 0xffff_0000 ? 'RF64' : 'WAV');
        assert.equal(found.byteLength, payloadBytes, `${sample} ${channels}`);
        assert.equal(found.missingBytes, 0);
        assert.deepEqual({ ...found.format, channelMask: 0 }, { ...format, channelMask: 0 });
      }
      const streamed = read(waveHeader(format, undefined, false), frame * 77);
      assert.ok(!('refusal' in streamed));
      assert.equal(streamed.byteLength, frame * 77);
    }
  }
  const format = formatOf('S16_LE', 2, 3);
  assert.equal(waveHeader(format, 10, true).length, waveHeader(format, 2 ** 40, true).length, 'it can be written over');
});
