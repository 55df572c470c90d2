import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Errno } from '../../kernel/errno.js';
import { platformIsLinux, viewMemory } from '../../kernel/ffi.js';
import type { PcmFormat } from '../../wire/pcm/format.js';
import { type LibraryShape, openHandle, settle } from './alsa-library-open.js';
import type { AlsaCalls } from './libasound.js';

const skip = platformIsLinux ? false : 'needs Linux on x64 or arm64';
const format: PcmFormat = { sample: 'FLOAT_LE', rate: 48_000, channels: 2, channelMask: 3, validBits: 24 };

/** A plugin of few periods, such as JACK's: a ring is whole periods, and what does not go together is refused in the end only (-ENOENT). */
function pluginOf(periods: readonly number[]): AlsaCalls {
  let [ring, period] = [0, 0];
  const word = (address: number): DataView => new DataView(viewMemory(address, 8));
  const nearest = (values: readonly number[], wanted: number): number =>
    values.reduce((best, each) => (Math.abs(each - wanted) < Math.abs(best - wanted) ? each : best), values[0] ?? 0);
  const calls: Record<string, (...args: number[]) => number> = {
    pcm_hw_params_any: () => {
      ring = period = 0;
      return 0;
    },
    pcm_hw_params_get_buffer_size_max: (_parameters, at) => {
      word(at!).setUint32(0, 1 << 20, true);
      return 0;
    },
    pcm_hw_params_set_buffer_size_near: (_pcm, _parameters, at) => {
      const wanted = word(at!).getUint32(0, true);
      ring = period === 0 ? wanted : Math.round(wanted / period) * period;
      return 0;
    },
    pcm_hw_params_set_period_size_near: (_pcm, _parameters, at) => {
      const fitting = periods.filter((each) => ring % each === 0);
      period = nearest(fitting, word(at!).getUint32(0, true));
      return fitting.length === 0 ? -Errno.EINVAL : 0;
    },
    pcm_hw_params: () => (period === 0 ? -Errno.ENOENT : 0),
    pcm_hw_params_get_buffer_size: (_parameters, at) => {
      word(at!).setUint32(0, ring, true);
      return 0;
    },
    pcm_hw_params_get_period_size: (_parameters, at) => {
      word(at!).setUint32(0, period, true);
      return 0;
    },
  };
  return new Proxy({} as AlsaCalls, { get: (_calls, name: string) => calls[name] ?? (() => 0) });
}

const settled = (periods: readonly number[], shape: LibraryShape): readonly [number, number] => {
  const alsa = pluginOf(periods);
  const { ringFrames, periodFrames } = settle(alsa, openHandle(alsa, 'few', true), 'few', format, shape);
  return [ringFrames, periodFrames];
};

test('the ring is as asked where a period fits into it; else the period goes first', { skip }, () => {
  const few = [1024, 2048, 6144];
  assert.deepEqual(settled(few, { ringFrames: 4096, periodFrames: 1024, first: 'ring' }), [4096, 1024]);
  assert.deepEqual(settled(few, { ringFrames: 24_000, periodFrames: 6000, first: 'ring' }), [24_576, 6144]);
  assert.deepEqual(settled(few, { ringFrames: 1024, periodFrames: 256, first: 'period' }), [1024, 1024]);
});

test('a name that takes the format with no ring is one sentence with the fix', { skip }, () => {
  assert.throws(
    () => settled([], { ringFrames: 24_000, periodFrames: 6000, first: 'ring' }),
    /^SoundError: few takes .*48000 Hz.*, but no ring near 24000 frames; try another: --buffer 200$/,
  );
});
