import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { frameBytes, type PcmFormat, type SampleFormat, sampleBits, sampleBytes } from './format.js';
import { FrameStore, type StoreTarget, sampleChange } from './store.js';

const integers: readonly SampleFormat[] = ['U8', 'S8', 'S16_LE', 'S16_BE', 'S24_3LE', 'S24_LE', 'S32_LE'];

function format(sample: SampleFormat, channels = 1, validBits = sampleBits(sample)): PcmFormat {
  return { sample, rate: 44100, channels, channelMask: 0, validBits };
}

/** The other way to write a sample, by Node's buffers. */
function write(bytes: Buffer, at: number, sample: SampleFormat, value: number): void {
  if (sample === 'U8') bytes.writeUInt8(value + 128, at);
  else if (sample === 'S8') bytes.writeInt8(value, at);
  else if (sample === 'S16_LE') bytes.writeInt16LE(value, at);
  else if (sample === 'S16_BE') bytes.writeInt16BE(value, at);
  else if (sample === 'S24_3LE') bytes.writeIntLE(value, at, 3);
  else if (sample === 'FLOAT_LE') bytes.writeFloatLE(value, at);
  else if (sample === 'FLOAT64_LE') bytes.writeDoubleLE(value, at);
  else bytes.writeInt32LE(value, at);
}

function bytesOf(sample: SampleFormat, values: readonly number[]): Buffer {
  const size = sampleBytes(sample);
  const bytes = Buffer.alloc(values.length * size);
  values.forEach((value, index) => {
    write(bytes, index * size, sample, value);
  });
  return bytes;
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

function stored(source: PcmFormat, bytes: Buffer, target: StoreTarget): { result: Buffer; store: FrameStore } {
  const store = new FrameStore(source, target);
  const frames = bytes.length / frameBytes(source);
  const result = Buffer.alloc(frames * frameBytes(target.format));
  store.interleaved(viewOf(bytes), 0, viewOf(result), 0, frames);
  return { result, store };
}

const extremes = (bits: number): number[] => [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1, 0, 1, -1];

for (const from of integers) {
  for (const to of integers) {
    const bits = sampleBits(from);
    if (bits > sampleBits(to)) continue;
    test(`${from} in ${to} keeps every bit`, () => {
      assert.notEqual(sampleChange(from, bits, to), 'rounded');
      fc.assert(
        fc.property(fc.array(fc.integer({ min: -(2 ** (bits - 1)), max: 2 ** (bits - 1) - 1 })), (some) => {
          const values = [...some, ...extremes(bits)];
          const wide = values.map((value) => value * 2 ** (sampleBits(to) - bits));
          const { result, store } = stored(format(from), bytesOf(from, values), { format: format(to) });
          assert.deepEqual(result, bytesOf(to, wide));
          assert.equal(store.cutBits, 0);
        }),
        { numRuns: 20 },
      );
    });
  }
}

test('integers of 24 bits in floats, and of 32 in doubles, are exact', () => {
  const few = extremes(24);
  const toFloat = stored(format('S24_3LE'), bytesOf('S24_3LE', few), { format: format('FLOAT_LE') }).result;
  assert.deepEqual(
    few.map((_, index) => toFloat.readFloatLE(index * 4)),
    few.map((value) => value / 2 ** 23),
  );
  const many = extremes(32);
  const toDouble = stored(format('S32_LE'), bytesOf('S32_LE', many), { format: format('FLOAT64_LE') }).result;
  assert.deepEqual(
    many.map((_, index) => toDouble.readDoubleLE(index * 8)),
    many.map((value) => value / 2 ** 31),
  );
  assert.equal(sampleChange('S32_LE', 32, 'FLOAT_LE'), 'rounded');
  assert.equal(sampleChange('S32_LE', 24, 'FLOAT_LE'), 'exact');
});

test('a float that moves keeps its bits, those of what is no number too', () => {
  const bytes = Buffer.from('0100a07f0000c0ff000080ffabcd1234', 'hex');
  const { result } = stored(format('FLOAT_LE', 2), bytes, { format: format('FLOAT_LE', 2), order: [1, 0] });
  assert.equal(result.toString('hex'), '0000c0ff0100a07fabcd1234000080ff');
});

test('floats become the nearest integers, held at the ends; what is no number is silence', () => {
  const values = [0, 1, -1, 2, -2, 0.5, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1.4 / 32768];
  const { result } = stored(format('FLOAT64_LE'), bytesOf('FLOAT64_LE', values), { format: format('S16_LE') });
  const got = values.map((_, index) => result.readInt16LE(index * 2));
  assert.deepEqual(got, [0, 32767, -32768, 32767, -32768, 16384, 0, 32767, -32768, 1]);
});

test('dither is triangular: two steps wide, without a mean, and only where it is asked for', () => {
  const count = 20_000;
  const bytes = bytesOf(
    'FLOAT64_LE',
    Array.from({ length: count }, () => 0.25 / 128),
  );
  const { result } = stored(format('FLOAT64_LE'), bytes, { format: format('S8'), dither: true });
  let sum = 0;
  for (let index = 0; index < count; index++) {
    const value = result.readInt8(index);
    assert.ok(Math.abs(value) <= 1 || value === 2, `${value}`);
    sum += value;
  }
  assert.ok(Math.abs(sum / count - 0.25) < 0.03, `${sum / count}`);
  const plain = stored(format('FLOAT64_LE'), bytes, { format: format('S8') }).result;
  assert.ok(plain.every((byte) => byte === 0));
});

test('channels take their places, and one without a source is silent', () => {
  const source = bytesOf('S16_LE', [1, 2, 3, 4]);
  const target = { format: format('U8', 3), order: [1, -1, 0] };
  const { result } = stored(format('S16_LE', 2, 8), bytesOf('S16_LE', [256, 512, 768, 1024]), target);
  assert.deepEqual([...result], [130, 128, 129, 132, 128, 131]);
  const planes = [viewOf(bytesOf('S32_LE', [9, 1, 3])), viewOf(bytesOf('S32_LE', [9, 2, 4]))];
  const store = new FrameStore(format('S32_LE', 2, 16), { format: format('S16_LE', 2) }, 16);
  const fromPlanes = Buffer.alloc(8);
  store.planes(planes, 1, viewOf(fromPlanes), 0, 2);
  assert.deepEqual(fromPlanes, source);
});

test('bits that a header says do not count, and that were set, are told', () => {
  const bytes = bytesOf('S32_LE', [0x1234_5600, 0x1234_5678]);
  const { result, store } = stored(format('S32_LE', 1, 24), bytes, { format: format('S24_3LE') });
  assert.equal(result.toString('hex'), '563412563412');
  assert.equal(store.cutBits, 0x78);
});

test('silence is the middle of what is unsigned, and nothing is written past the end', () => {
  const store = new FrameStore(format('S16_LE', 2), { format: format('U8', 2) });
  const target = Buffer.alloc(4);
  store.silence(viewOf(target), 0, 2);
  assert.equal(target.toString('hex'), '80808080');
  assert.throws(() => store.silence(viewOf(target), 2, 2), RangeError);
  assert.throws(() => store.interleaved(viewOf(Buffer.alloc(4)), 0, viewOf(target), 0, 2), RangeError);
});
