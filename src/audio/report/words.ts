// Figures of the report in words, for text and page alike. Pure. Not here: what they are figures of.

import { clockWords, counted, formatBytes } from '../../text/units.js';
import type { PlayReport } from './report.js';

/** A time for people: `14 us`, `1.10 ms`, `250 ms`, `2.5 s`. */
export function timeWords(us: number): string {
  if (us < 1000) return `${Math.round(us)} us`;
  if (us < 10_000) return `${(us / 1000).toFixed(2)} ms`;
  if (us < 100_000) return `${(us / 1000).toFixed(1)} ms`;
  if (us < 1e6) return `${Math.round(us / 1000)} ms`;
  return `${(us / 1e6).toFixed(1)} s`;
}

const clockNames = {
  device: "the device's clock",
  server: "the server's clock",
  own: "the system's clock, no device",
  none: 'no clock',
} as const;

/** What the pump is: `FIFO 60, 3.0 MiB locked`. */
function schedulingWords({ scheduling }: PlayReport): string {
  const { class: name, priority, nice, lockedBytes } = scheduling;
  const rank = name === 'OTHER' ? `nice ${nice}, not real-time` : String(priority);
  const locked = lockedBytes > 0 ? `${formatBytes(lockedBytes)} locked` : 'no memory locked';
  return `SCHED_${name} ${rank}, ${locked}`;
}

/** What was played to: `hw:1,0 (...), S32_LE, 96000 Hz, 2 channels, by the device's clock`. */
function sinkWords({ sink }: PlayReport): string {
  const { name, kind, format, rate, channels, clock } = sink;
  return `${name} (${kind}), ${format}, ${rate} Hz, ${counted(channels, 'channel')}, ${clockNames[clock]}`;
}

/** The ring: `24000 frames (500 ms), 4 periods of 6000`. */
function ringWords({ sink: { ringFrames, periodFrames, rate } }: PlayReport): string {
  if (ringFrames === 0) return 'none';
  const periods = periodFrames > 0 ? ringFrames / periodFrames : 0;
  const parts = Number.isInteger(periods)
    ? `${counted(periods, 'period')} of ${periodFrames}`
    : `periods of ${periodFrames}`;
  return `${ringFrames} frames (${timeWords((ringFrames / rate) * 1e6)}), ${parts}`;
}

/** How long it took: `1:40`; without a clock that is not how long it lasts, and said otherwise: `in 24.0 ms`. */
export const tookWords = ({ seconds, sink }: PlayReport): string =>
  sink.clock === 'none' ? `in ${timeWords(seconds * 1e6)}` : clockWords(seconds);

/** What was played. */
function playedWords(report: PlayReport): string {
  const { tracks, committedFrames, lostFrames } = report;
  return `${counted(tracks.length, 'file')}, ${tookWords(report)}, ${committedFrames} frames; ${lostFrames} missing`;
}

/** Lateness, or that there is none to be told. */
function latenessWords({ lateness, sink, wakeUps }: PlayReport): string {
  if (sink.clock === 'none') return 'no clock: nothing about time can be said';
  if (lateness === null) return 'the pump never slept';
  const { p50Us, p99Us, p999Us, maxUs, overPeriod } = lateness;
  return `p50 ${timeWords(p50Us)}, p99 ${timeWords(p99Us)}, p99.9 ${timeWords(p999Us)}, max ${timeWords(maxUs)}; ${overPeriod} of ${wakeUps} wake-ups late by more than a period`;
}

/** Headroom at its least and at 1 %. */
function headroomWords({ headroom, sink }: PlayReport): string {
  if (sink.clock === 'none') return 'no clock';
  if (headroom === null) return 'none was seen';
  const one = ({ ms, percentOfRing }: { ms: number; percentOfRing: number }): string =>
    `${timeWords(ms * 1000)} (${Math.round(percentOfRing)} % of the ring)`;
  return `min ${one(headroom.least)}, p1 ${one(headroom.p1)}`;
}

/** Work of a wake-up. */
function workWords({ work }: PlayReport): string {
  if (work === null) return 'none';
  return `p50 ${timeWords(work.p50Us)}, p99 ${timeWords(work.p99Us)}, p99.9 ${timeWords(work.p999Us)}, max ${timeWords(work.maxUs)} a wake-up`;
}

/** One xrun: `at 2.010 s: a gap of 18.7 ms, 898 frames lost, pump-late, woken 40.0 ms late`. */
export function xrunWords({ atSeconds, gapMs, framesLost, latenessUs, cause }: PlayReport['xruns'][number]): string {
  return `at ${atSeconds.toFixed(3)} s: a gap of ${gapMs.toFixed(1)} ms, ${counted(framesLost, 'frame')} lost, ${cause}, woken ${timeWords(latenessUs)} late`;
}

/** Drift with its error. */
function driftWords({ drift, sink }: PlayReport): string {
  if (sink.clock === 'none') return 'no clock';
  if (sink.clock === 'own') return "n/a: the clock is the system's own";
  if (drift === null) return 'n/a: it takes 30 s without a break';
  const sign = drift.ppm > 0 ? '+' : '';
  return `${sign}${drift.ppm.toFixed(2)} ppm +- ${drift.standardErrorPpm.toFixed(2)} (standard error), over ${Math.round(drift.seconds)} s`;
}

/** Copies of a sample. */
function copyWords({ copies }: PlayReport): string {
  if (copies === null) return 'n/a: no sample was committed';
  return `${(copies.user + copies.kernel).toFixed(2)} a sample: ${copies.user.toFixed(2)} in user space, ${copies.kernel.toFixed(2)} in the kernel`;
}

/** Faults, collections and switches of the pump while it played. */
function pumpWords({ pump }: PlayReport): string {
  // What a collection took back is not known.
  const allocated = pump.collections === 0 ? `, ${formatBytes(pump.allocatedBytes)} allocated` : '';
  return `faults ${pump.majorFaults} major, ${pump.minorFaults} minor; ${counted(pump.collections, 'collection')}${allocated}; switches ${pump.voluntarySwitches} voluntary, ${pump.involuntarySwitches} involuntary`;
}

/** The host, as far as it says what it is: kernel, timers, steal, limits. */
function environmentWords({ environment: host, scheduling }: PlayReport): string {
  const slack =
    host.timerSlackNs === undefined
      ? []
      : [`timer slack ${host.timerSlackNs / 1000} us${scheduling.class === 'OTHER' ? '' : ' (none for real-time)'}`];
  return [
    `Linux ${host.kernel}`,
    counted(host.processors, 'processor'),
    host.preemption ?? 'preemption unknown',
    host.hz === undefined ? 'HZ unknown' : `HZ ${host.hz}`,
    ...slack,
    host.stealMs === undefined ? 'steal unknown' : `steal ${host.stealMs} ms`,
    `cpu.max ${host.cpuMax ?? 'none'}`,
    `governor ${host.governor ?? 'none'}`,
    ...(host.realtimeRuntimeUs === undefined ? [] : [`sched_rt_runtime_us ${host.realtimeRuntimeUs}`]),
  ].join(', ');
}

/** FLAC's checksums and our own comparison. */
function checksumWords({ md5, digests }: PlayReport): string {
  const ofFlac = {
    ok: "FLAC's MD5 right",
    wrong: "FLAC's MD5 is WRONG: the file is not what was encoded",
    'not checked': "FLAC's MD5 not checked (a file was not played whole)",
    none: 'no MD5 in the files',
  }[md5];
  const ofCommitted = {
    equal: 'SHA-256 of committed and decoded samples equal',
    different: 'SHA-256 of committed and decoded samples DIFFERENT',
    'not compared': 'SHA-256 not compared',
  }[digests];
  return `${ofFlac}; ${ofCommitted}`;
}

/** Xruns that are told of one by one; --json has more. */
export const mostXruns = 20;

/** The rows of the report, in order: a name and its words. The bit sentence follows them. */
export function reportRows(report: PlayReport): readonly (readonly [name: string, words: string])[] {
  return [
    ['scheduling', schedulingWords(report)],
    ...report.scheduling.refusals.map((words) => ['refused', words] as const),
    ['device', sinkWords(report)],
    ...report.notes.map((words) => ['note', words] as const),
    ['ring', ringWords(report)],
    ['played', playedWords(report)],
    ['lateness', latenessWords(report)],
    ['headroom', headroomWords(report)],
    ['work', workWords(report)],
    ['xruns', String(report.xrunCount)],
    ...report.xruns.slice(0, mostXruns).map((each) => ['', xrunWords(each)] as const),
    ...(report.xrunCount > mostXruns ? [['', `and ${report.xrunCount - mostXruns} more`] as const] : []),
    ['drift', driftWords(report)],
    ['copies', copyWords(report)],
    ['pump', pumpWords(report)],
    ['checksums', checksumWords(report)],
    ['environment', environmentWords(report)],
  ];
}

/** What the words of the report mean, a sentence each. */
export const definitions: readonly (readonly [name: string, words: string])[] = [
  [
    'lateness',
    "return of the pump's sleep minus its deadline (CLOCK_MONOTONIC); it moves no sample, it can only lose some",
  ],
  [
    'headroom',
    'frames queued at a wake-up: what was left before a loss; p1 is the value that 1 % of wake-ups did not reach',
  ],
  ['work', 'end of the commit minus the wake-up'],
  [
    'xrun',
    'the device ran dry: gap = now - its stop, cause pump-late (woken too late), data-late (the pump on time, no data) or driver',
  ],
  ['missing', 'frames that the files owe and that were never committed'],
  ['drift', "slope of the device's position against the monotonic clock, least squares"],
  ['copies', 'bytes that a CPU moved after decoding, for each byte of samples committed'],
  ['faults', 'of the pump, with collections and switches, while it played'],
];
