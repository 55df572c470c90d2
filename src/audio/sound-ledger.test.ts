import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as copy from '../memory/copy.js';
import type { PcmFormat } from '../wire/pcm/format.js';
import { offsets, PumpNumber } from './pump/shared-layout.js';
import type { SinkOpening } from './sinks/sink.js';
import { countSoundCopies } from './sound-ledger.js';

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
  // Stopped within the lead: nothing was committed.
  assert.deepEqual(counted({ framesCommitted: 0, silentFrames: 10 }, { ...opened, copies: 1 }), [0, 0]);
});
