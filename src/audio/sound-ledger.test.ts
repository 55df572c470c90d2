import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as copy from '../memory/copy.js';
import type { PcmFormat } from '../wire/pcm/format.js';
import { offsets, PumpNumber } from './pump/shared-layout.js';
import type { SinkOpening } from './sinks/sink.js';
import { countSoundCopies, endStream, payloadOf } from './sound-ledger.js';

const format: PcmFormat = { sample: 'S16_LE', rate: 48_000, channels: 2, channelMask: 3, validBits: 16 };
const opened: SinkOpening = {
  ...{ format, kind: 'a sink', clock: 'server', ringFrames: 3072, periodFrames: 1024, takesDirect: false },
  ...{ hangMs: 2000, end: 'drain', path: 'through', notes: [] },
};

/** What is counted as [fill, volume]. */
function counted(pump: Partial<Record<keyof typeof PumpNumber, number>>, opening: SinkOpening | undefined): number[] {
  const numbers = new Float64Array(offsets.descriptors / 8);
  for (const [name, value] of Object.entries(pump)) numbers[PumpNumber[name as keyof typeof PumpNumber]] = value;
  const reasons = [copy.CopyReason.soundFill, copy.CopyReason.soundVolume];
  const before = reasons.map((reason) => copy.copiedBytes[reason]!);
  countSoundCopies(numbers, opening);
  return reasons.map((reason, index) => copy.copiedBytes[reason]! - before[index]!);
}

test('what the volume multiplied is apart from what was copied as it is', () => {
  assert.deepEqual(counted({ userBytes: 1000, volumeBytes: 0 }, opened), [1000, 0]);
  assert.deepEqual(counted({ userBytes: 1000, volumeBytes: 400 }, opened), [600, 400]);
  assert.deepEqual(counted({}, undefined), [0, 0]);
});

test('a sink that copies once more counts each committed sample, and no silence of a lead', () => {
  const pump = { userBytes: 48, volumeBytes: 8, framesCommitted: 110, silentFrames: 10 };
  assert.deepEqual(counted(pump, { ...opened, copies: 1 }), [40 + 100 * 4, 8]);
  assert.deepEqual(counted(pump, { ...opened, copies: 2 }), [40 + 2 * 100 * 4, 8]);
  // The device went away within the lead: nothing was committed.
  assert.deepEqual(counted({ framesCommitted: 0, silentFrames: 10 }, { ...opened, copies: 1 }), [0, 0]);
});

test('where the format changes each frame counts with the bytes of its own, and the copies of its sink', () => {
  const numbers = new Float64Array(offsets.descriptors / 8);
  numbers[PumpNumber.framesCommitted] = 110;
  numbers[PumpNumber.silentFrames] = 10;
  endStream(numbers, { ...opened, copies: 1 });
  assert.deepEqual(payloadOf(numbers, { ...opened, copies: 1 }), { bytes: 100 * 4, sinkBytes: 100 * 4 });
  const wide: SinkOpening = { ...opened, format: { ...format, sample: 'S32_LE' } };
  numbers[PumpNumber.framesCommitted] = 110 + 30;
  assert.deepEqual(payloadOf(numbers, wide), { bytes: 100 * 4 + 30 * 8, sinkBytes: 100 * 4 });
  endStream(numbers, wide);
  numbers[PumpNumber.framesCommitted] = 140 + 5;
  const last = { bytes: 100 * 4 + 30 * 8 + 5 * 4, sinkBytes: 100 * 4 + 2 * 5 * 4 };
  assert.deepEqual(payloadOf(numbers, { ...opened, copies: 2 }), last);
});
