import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SNDRV_PCM_INFO } from '../kernel/constants.js';
import { type OpenDevice, openDevice } from './cards.js';
import { configureDevice, type PcmRequest } from './configure.js';
import type { FakeAbilities } from './fake-refine.js';
import { FakeSound, fakeCard } from './fake-sound.js';
import { deviceTakes } from './takes.js';

const asked: PcmRequest = {
  ...{ format: 'S16_LE', rate: 48_000, channels: 2, bufferFrames: 24_000, periodFrames: 6000 },
  ...{ first: 'buffer', noPeriodWakeup: true },
};

function opened(abilities: Partial<FakeAbilities> = {}): [FakeSound, OpenDevice] {
  const calls = new FakeSound(fakeCard(abilities));
  return [calls, openDevice(calls, { card: 0, device: 0, subdevice: undefined })];
}

test('what a device takes', () => {
  const takes = deviceTakes(...opened());
  assert.deepEqual(takes.formats, ['S16_LE', 'S32_LE']);
  assert.deepEqual(takes.rates, [44_100, 48_000, 96_000, 192_000]);
  assert.deepEqual(takes.channels, { min: 2, max: 8 });
  assert.deepEqual(takes.bufferBytes, { min: 1024, max: 4 * 1024 * 1024 });
  assert.equal(takes.bufferFrames.max, 1024 * 1024);
  assert.deepEqual([takes.mmapInterleaved, takes.abilities.pause, takes.abilities.noPeriodWakeup], [true, true, false]);
});

test('the ring that was asked for, in about quarters', () => {
  const { bufferFrames, periodFrames, frameBytes, noPeriodWakeup, significantBits } = configureDevice(
    ...opened(),
    asked,
  );
  assert.deepEqual([bufferFrames, frameBytes, noPeriodWakeup, significantBits], [24_000, 4, false, 16]);
  // A quarter is no whole multiple of 128 bytes; a fifth is.
  assert.equal(periodFrames, 4800);
});

test('a small ring: the period first, four of it', () => {
  const small = { ...asked, bufferFrames: 1024, periodFrames: 256, first: 'period' } as const;
  const { bufferFrames, periodFrames } = configureDevice(...opened(), small);
  assert.deepEqual([bufferFrames, periodFrames], [1024, 256]);
});

test('the largest ring that there is, where that is smaller; and the smallest, where that is larger', () => {
  const little = configureDevice(...opened({ bufferBytes: { min: 1024, max: 16_384 } }), asked);
  assert.equal(little.bufferFrames, 4096);
  const large = configureDevice(...opened({ bufferBytes: { min: 400_000, max: 800_000 } }), asked);
  assert.equal(large.bufferFrames, 100_000);
});

test('no interrupts where the device can do without, and not where it cannot', () => {
  const info = SNDRV_PCM_INFO.MMAP | SNDRV_PCM_INFO.NO_PERIOD_WAKEUP;
  assert.equal(configureDevice(...opened({ info }), asked).noPeriodWakeup, true);
  assert.equal(configureDevice(...opened({ info }), { ...asked, noPeriodWakeup: false }).noPeriodWakeup, false);
});

test('bits that the hardware does not use', () => {
  const { significantBits } = configureDevice(...opened({ significantBits: 24 }), { ...asked, format: 'S32_LE' });
  assert.equal(significantBits, 24);
});

test('what is refused is said with what is taken', () => {
  const refused = (change: Partial<PcmRequest>, words: RegExp): void => {
    assert.throws(() => configureDevice(...opened(), { ...asked, ...change }), words);
  };
  refused({ format: 'S24_3LE' }, /^SoundError: hw:0,0 does not take S24_3LE; it takes S16_LE, S32_LE$/);
  refused({ channels: 1 }, /does not take 1 channels of S16_LE; it takes 2 to 8$/);
  refused(
    { rate: 88_200 },
    /does not take 88200 Hz with 2 channels of S16_LE; it takes 44100, 48000, 96000, 192000 Hz$/,
  );
});

test('a device that went away says so', () => {
  const calls = new FakeSound(fakeCard());
  const device = openDevice(calls, { card: 0, device: 0, subdevice: undefined });
  for (const pcm of calls.handles.values()) if ('disconnect' in pcm) pcm.disconnect();
  assert.throws(() => configureDevice(calls, device, asked), /hw:0,0 went away/);
});
