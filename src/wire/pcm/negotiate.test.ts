import assert from 'node:assert/strict';
import { test } from 'node:test';
import { alsaOrder, maskOfSpeakers, orderBetween, soundMask, speakersOfMask, usualMask } from './channels.js';
import { describeFormat, type PcmFormat, type SampleFormat, sampleBits } from './format.js';
import { type Agreement, type NegotiationOptions, negotiate, type PcmOffer } from './negotiate.js';
import { parseRawFormat } from './raw.js';

function file(sample: SampleFormat, changes: Partial<PcmFormat> = {}): PcmFormat {
  return { sample, rate: 44100, channels: 2, channelMask: 0, validBits: sampleBits(sample), ...changes };
}

function offer(sample: SampleFormat, changes: Partial<PcmOffer> = {}): PcmOffer {
  return { sample, rates: [44100, 48000], channels: { least: 2, most: 2 }, ...changes };
}

function agreed(source: PcmFormat, offers: readonly PcmOffer[], options?: NegotiationOptions): Agreement {
  const result = negotiate(source, offers, options);
  if ('refusal' in result) throw new Error(result.refusal);
  return result;
}

function refusal(source: PcmFormat, offers: readonly PcmOffer[], options?: NegotiationOptions): string {
  const result = negotiate(source, offers, options);
  return 'refusal' in result ? result.refusal : `agreed on ${describeFormat(result.format)}`;
}

test('what the device takes is taken as it is', () => {
  const result = agreed(file('S24_3LE'), [offer('S32_LE'), offer('S24_3LE'), offer('S16_LE')]);
  assert.deepEqual(result, { format: file('S24_3LE'), dither: false, change: 'none', words: '' });
});

test('else the narrowest form that keeps every bit, and the words say what is zero', () => {
  const cases: [SampleFormat, SampleFormat[], SampleFormat, string][] = [
    ['S16_LE', ['FLOAT_LE', 'S32_LE'], 'S32_LE', 'S16_LE -> S32_LE, low 16 bits zero'],
    ['S24_3LE', ['S16_LE', 'S32_LE'], 'S32_LE', 'S24_3LE -> S32_LE, low 8 bits zero'],
    ['S24_3LE', ['S32_LE', 'S24_LE'], 'S24_LE', 'S24_3LE -> S24_LE, the same values'],
    ['U8', ['S16_LE'], 'S16_LE', 'U8 -> S16_LE, low 8 bits zero'],
    ['S24_3LE', ['FLOAT_LE'], 'FLOAT_LE', 'S24_3LE -> FLOAT_LE, the same values'],
    ['S16_BE', ['S16_LE'], 'S16_LE', 'S16_BE -> S16_LE, the same values'],
    ['FLOAT_LE', ['FLOAT64_LE', 'S32_LE'], 'FLOAT64_LE', 'FLOAT_LE -> FLOAT64_LE, the same values'],
  ];
  for (const [from, takes, to, words] of cases) {
    const result = agreed(
      file(from),
      takes.map((sample) => offer(sample)),
    );
    assert.equal(result.format.sample, to);
    assert.equal(result.words, words);
    assert.equal(result.change, 'widened');
    assert.equal(result.dither, false);
  }
});

test('what would lose bits is refused, with the way out, and allowed by --convert, with dither', () => {
  const words = refusal(file('S24_3LE'), [offer('S16_LE')]);
  assert.match(words, /takes S16_LE and the file has samples of 24 bits .* --convert/);
  assert.match(refusal(file('FLOAT_LE'), [offer('S32_LE')]), /floating-point .* --convert/);
  assert.match(refusal(file('S32_LE'), [offer('FLOAT_LE')]), /samples of 32 bits/);
  const result = agreed(file('S24_3LE'), [offer('U8'), offer('S16_LE')], { convert: true });
  assert.deepEqual(
    [result.format.sample, result.dither, result.change, result.words],
    ['S16_LE', true, 'converted', 'S24_3LE -> S16_LE, rounded with dither'],
  );
  assert.equal(agreed(file('FLOAT_LE'), [offer('S16_LE'), offer('S32_LE')], { lossy: true }).format.sample, 'S32_LE');
});

test('a device that plays only the upper bits of its samples takes what has no more', () => {
  const device = [offer('S32_LE', { significantBits: 24 })];
  assert.equal(agreed(file('S24_3LE'), device).change, 'widened');
  assert.equal(agreed(file('S32_LE', { validBits: 24 }), device).change, 'none');
  assert.match(refusal(file('S32_LE'), device), /cannot keep whole/);
  assert.match(agreed(file('S32_LE'), device, { convert: true }).words, /plays 24 of the bits/);
});

test('rates are never changed', () => {
  assert.match(
    refusal(file('S16_LE', { rate: 96000 }), [offer('S16_LE')], { convert: true }),
    /96000 Hz .* 44100, 48000 Hz; .*plughw/,
  );
  const range = [offer('S16_LE', { rates: { least: 8000, most: 192_000 } })];
  assert.equal(agreed(file('S16_LE', { rate: 96000 }), range).change, 'none');
  assert.match(negotiateNothing(), /no format/);
});

function negotiateNothing(): string {
  return refusal(file('S16_LE'), []);
}

test('channels go to their speakers; more of them at the device are silent, fewer are refused', () => {
  const mono = agreed(file('S16_LE', { channels: 1 }), [offer('S16_LE')]);
  assert.deepEqual([mono.order, mono.format.channels, mono.words], [[0, 0], 2, 'mono on both front speakers']);
  const speakers = (channels: number) => alsaOrder(channels);
  const six = agreed(file('S24_3LE', { channels: 6 }), [offer('S24_3LE', { channels: [2, 6, 8], speakers })]);
  assert.deepEqual(six.order, [0, 1, 4, 5, 2, 3]);
  const eight = agreed(file('S16_LE', { channels: 6 }), [offer('S16_LE', { channels: [8], speakers })]);
  assert.deepEqual(eight.order, [0, 1, 4, 5, 2, 3, -1, -1]);
  assert.match(eight.words, /2 of the device's 8 channels silent/);
  assert.match(
    refusal(file('S16_LE', { channels: 6 }), [offer('S16_LE', { speakers })]),
    /6 channels .*takes 2; channels are not mixed/,
  );
  const side = agreed(file('S16_LE', { channels: 6, channelMask: 0x60f }), [
    offer('S16_LE', { channels: [6], speakers }),
  ]);
  assert.deepEqual(side.order, [0, 1, 4, 5, 2, 3]);
  const odd = file('S16_LE', { channels: 2, channelMask: 0x101 });
  assert.match(refusal(odd, [offer('S16_LE', { speakers })]), /no speaker RC/);
  assert.deepEqual(agreed(file('S16_LE'), [offer('S16_LE', { channels: [4] })]).order, [0, 1, -1, -1]);
});

test('masks and orders', () => {
  assert.deepEqual(speakersOfMask(0x3f, 6), ['FL', 'FR', 'FC', 'LFE', 'RL', 'RR']);
  assert.equal(speakersOfMask(0x3, 3), undefined);
  assert.deepEqual([soundMask(0x3, 2), soundMask(0x3, 3), soundMask(0x4_0003, 2), soundMask(0, 2)], [0x3, 0, 0, 0]);
  assert.equal(usualMask(9), 0);
  assert.deepEqual(orderBetween(['FL', 'FR'], ['FR', 'FL']), { order: [1, 0] });
  assert.deepEqual(orderBetween(['FL', 'FR'], ['FL', 'FR']), {});
  assert.deepEqual(orderBetween(['FL', 'RC'], ['FL', 'FR']), { missing: 'RC' });
  assert.deepEqual(maskOfSpeakers(['FL', 'FC', 'FR']), { mask: 7, order: [0, 2, 1] });
  assert.equal(maskOfSpeakers(['FL', 'FL']), undefined);
});

test('a raw format in words', () => {
  assert.deepEqual(parseRawFormat('s24_3le, 96000, 6'), file('S24_3LE', { rate: 96000, channels: 6 }));
  for (const text of [
    '',
    'S16_LE',
    'S16_LE,44100',
    'S17_LE,44100,2',
    'S16_LE,0,2',
    'S16_LE,44100,0',
    'S16_LE,4e4,2',
    'S16_LE,44100,33',
    'S16_LE,44100,2,1',
  ]) {
    const result = parseRawFormat(text);
    assert.ok('refusal' in result && result.refusal.length > 20 && !result.refusal.includes('\n'), text);
  }
});
