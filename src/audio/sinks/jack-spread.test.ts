import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { jackTestByte, jackTestFloat } from '../../../test/support/jack-samples.js';
import { sampleBytes } from '../../wire/pcm/format.js';
import { spreadFormats, spreadOf } from './jack-spread.js';

test('every channel gets its samples as the floats that they are, and nothing around them is touched', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...spreadFormats),
      fc.integer({ min: 1, max: 5 }),
      fc.integer({ min: 0, max: 20 }),
      fc.integer({ min: 0, max: 20 }),
      fc.integer({ min: 0, max: 5 }),
      (sample, channels, from, frames, at) => {
        const area = new Uint8Array((from + frames) * channels * sampleBytes(sample) || 1).map((_, index) =>
          jackTestByte(sample, index),
        );
        // A view of whole elements needs whole elements.
        const padded = new Uint8Array(Math.ceil(area.length / 4) * 4).map((_, index) => area[index] ?? 0);
        const spread = spreadOf(sample, padded.buffer);
        for (let channel = 0; channel < channels; channel++) {
          const port = new Float32Array(at + frames + 2).fill(7);
          spread(channel, channels, from, frames, port, at);
          const expected = port.map((_, index) =>
            index < at || index >= at + frames ? 7 : jackTestFloat(sample, (from + index - at) * channels + channel),
          );
          assert.deepEqual(port, expected);
        }
      },
    ),
  );
});
