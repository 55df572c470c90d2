// What playing may have left behind, for tests of the report: a run of 100 s on a card without a fault. Each test changes what it is about.

import type { Distribution } from '../../src/audio/report/distribution.js';
import type { PlayFacts } from '../../src/audio/report/facts.js';

/** A distribution whose buckets are the values that were given. */
export function distributionOf(values: readonly number[]): Distribution {
  const upTo = [...new Set(values)].sort((a, b) => a - b);
  return {
    upTo,
    counts: upTo.map((bound) => values.filter((value) => value === bound).length),
    least: upTo[0] ?? 0,
    greatest: upTo.at(-1) ?? 0,
  };
}

/** The run. */
export const playFacts: PlayFacts = {
  sink: {
    ...{ name: 'hw:1,0', kind: "ALSA, the kernel's interface", clock: 'device' },
    ...{ format: 'S32_LE', rate: 96_000, channels: 2, ringFrames: 48_000, periodFrames: 12_000 },
  },
  scheduling: { class: 'FIFO', priority: 60, nice: 0, lockedBytes: 3 * 1024 ** 2, refusals: [] },
  tracks: [
    {
      ...{ path: 'album/01 <one>.flac', format: 'FLAC, 24 bit, 96000 Hz, stereo' },
      ...{ owedFrames: 9_600_000, committedFrames: 9_600_000, damagedFrames: 0, lostFrames: 0 },
      ...{ isWhole: true, md5: 'ok', gapBefore: false, notes: [] },
    },
  ],
  bits: {
    ...{ path: 'direct', device: 'hw:1,0', kept: ['S24_3LE -> S32_LE, low 8 bits zero'], lossy: [], rate: 96_000 },
    ...{ gainDb: 0, changedFrames: 0, estimated: [], forgottenTracks: 0, isBrokenOff: false },
  },
  digests: { decoded: 'aa', committed: 'aa' },
  notes: [],
  missingFrames: 0,
  seconds: 100,
  wakeUps: 1000,
  latenessUs: distributionOf([...Array.from({ length: 989 }, () => 14), ...Array.from({ length: 10 }, () => 45), 519]),
  lateOverPeriod: 0,
  headroomFrames: distributionOf([
    ...Array.from({ length: 995 }, () => 24_000),
    ...Array.from({ length: 5 }, () => 23_904),
  ]),
  headroomOverTime: Array.from({ length: 1000 }, (_, index) => ({
    seconds: index / 10,
    leastFrames: index === 500 ? 23_904 : 24_000,
  })),
  workUs: distributionOf([2, 2, 2, 4]),
  xruns: [],
  xrunCount: 0,
  drift: { ppm: -3.2, standardErrorPpm: 0.04, seconds: 100, readings: 1000 },
  payloadBytes: 9_600_000 * 8,
  userCopiedBytes: 9_600_000 * 8,
  kernelCopiedBytes: 0,
  ...{
    minorFaults: 0,
    majorFaults: 0,
    collections: 0,
    allocatedBytes: 0,
    voluntarySwitches: 1000,
    involuntarySwitches: 0,
  },
  environment: {
    ...{ kernel: '6.18.0', processors: 2, timerSlackNs: 50_000, preemption: 'PREEMPT_DYNAMIC', hz: 250, stealMs: 10 },
    ...{ cpuMax: 'max 100000', governor: undefined, realtimeRuntimeUs: '950000' },
  },
};
