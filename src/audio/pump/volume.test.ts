import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type SampleFormat, sampleBits, sampleBytes } from '../../wire/pcm/format.js';
import { SampleViews, Volume } from './volume.js';

/** Reads and writes one sample of a form, as a number. */
const access: Readonly<
  Record<SampleFormat, [(data: DataView, at: number) => number, (data: DataView, at: number, value: number) => void]>
> = {
  U8: [(data, at) => data.getUint8(at) - 128, (data, at, value) => data.setUint8(at, value + 128)],
  S8: [(data, at) => data.getInt8(at), (data, at, value) => data.setInt8(at, value)],
  S16_LE: [(data, at) => data.getInt16(at, true), (data, at, value) => data.setInt16(at, value, true)],
  S16_BE: [(data, at) => data.getInt16(at, false), (data, at, value) => data.setInt16(at, value, false)],
  S24_3LE: [
    (data, at) => data.getUint16(at, true) + data.getInt8(at + 2) * 65536,
    (data, at, value) => {
      data.setUint16(at, value & 0xffff, true);
      data.setInt8(at + 2, value >> 16);
    },
  ],
  S24_LE: [(data, at) => data.getInt32(at, true), (data, at, value) => data.setInt32(at, value, true)],
  S32_LE: [(data, at) => data.getInt32(at, true), (data, at, value) => data.setInt32(at, value, true)],
  FLOAT_LE: [(data, at) => data.getFloat32(at, true), (data, at, value) => data.setFloat32(at, value, true)],
  FLOAT64_LE: [(data, at) => data.getFloat64(at, true), (data, at, value) => data.setFloat64(at, value, true)],
};

for (const [sample, [read, write]] of Object.entries(access) as [SampleFormat, (typeof access)[SampleFormat]][]) {
  test(`${sample}: a quarter of every value, rounded; what is too loud is held`, () => {
    const frames = 64;
    const bytes = sampleBytes(sample);
    const isFloat = sample.startsWith('FLOAT');
    const most = isFloat ? 1 : 2 ** (sampleBits(sample) - 1) - 1;
    const source = new ArrayBuffer(frames * 2 * bytes);
    const target = new ArrayBuffer(frames * 2 * bytes);
    const values = Array.from({ length: frames * 2 }, (_, at) => {
      const value = -most - (isFloat ? 0 : 1) + ((2 * most) / (frames * 2 - 1)) * at;
      return isFloat ? Math.fround(value) : Math.round(value);
    });
    for (const [at, value] of values.entries()) write(new DataView(source), at * bytes, value);
    const run = (factor: number): number[] => {
      const volume = new Volume(sample, 2, 100);
      volume.want(new Float64Array([factor]), 0);
      volume.settle();
      assert.equal(volume.isUnity(), factor === 1);
      volume.apply(new SampleViews(target), 0, new SampleViews(source), 0, frames);
      assert.equal(volume.changedFrames, factor === 1 ? 0 : frames);
      return values.map((_, at) => read(new DataView(target), at * bytes));
    };
    assert.deepEqual(
      run(0.25),
      values.map((value) => (isFloat ? value * 0.25 : Math.round(value * 0.25) + 0)),
    );
    const loud = run(3);
    for (const [at, value] of values.entries()) {
      const wanted = isFloat ? value * 3 : Math.max(-most - 1, Math.min(most, value * 3));
      if (isFloat) assert.ok(Math.abs(loud[at]! - wanted) < 1e-6);
      else assert.equal(loud[at], wanted);
    }
  });
}

test('a ramp moves by one step a frame, ends exactly, and says how long ago that was', () => {
  const steps = 50;
  const volume = new Volume('FLOAT64_LE', 1, steps);
  const source = new Float64Array(200).fill(1);
  const target = new Float64Array(200);
  volume.want(new Float64Array([0]), 0);
  volume.apply(new SampleViews(target.buffer), 0, new SampleViews(source.buffer), 0, 200);
  for (let frame = 0; frame < 200; frame++) {
    const wanted = Math.max(0, 1 - (frame + 1) / steps);
    assert.ok(Math.abs(target[frame]! - wanted) < 1e-9, `frame ${frame}`);
  }
  const ramped = 200 - volume.sinceRamp;
  assert.ok(ramped >= steps && ramped <= steps + 1);
  assert.equal(volume.changedFrames, 200);
  volume.want(new Float64Array([1]), 0);
  volume.apply(new SampleViews(target.buffer), 0, new SampleViews(source.buffer), 0, 200);
  assert.equal(target[199], 1);
  assert.equal(volume.isUnity(), true);
});
