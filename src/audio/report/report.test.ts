import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { distributionOf, playFacts } from '../../../test/support/play-facts.js';
import { type BitFacts, bitVerdict } from './bits.js';
import { lowPercentileOf, percentileOf } from './distribution.js';
import { DriftEstimate } from './drift.js';
import { preemptionOf, stealTicks } from './environment.js';
import { failureOf, reportOf } from './report.js';
import { doublings, reportPage, thinned } from './report-page.js';
import { reportText } from './report-text.js';
import { timeWords, tookWords } from './words.js';

test('percentiles are those of the sorted values: the least value that so many do not exceed', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 5000 }), { minLength: 1, maxLength: 300 }),
      fc.double({ min: 0.001, max: 1, noNaN: true }),
      (values, share) => {
        const sorted = [...values].sort((a, b) => a - b);
        const expected = sorted[Math.max(1, Math.ceil(share * values.length)) - 1]!;
        assert.equal(percentileOf(distributionOf(values), share), expected);
        // Buckets that hold several values: what is said is never below the true one, and the low one never above.
        const coarse = {
          upTo: [10, 100, 1000, Number.POSITIVE_INFINITY],
          counts: [10, 100, 1000, Number.POSITIVE_INFINITY].map(
            (bound, index, bounds) => values.filter((v) => v <= bound && v > (bounds[index - 1] ?? -1)).length,
          ),
          least: sorted[0]!,
          greatest: sorted.at(-1)!,
        };
        assert.ok(percentileOf(coarse, share)! >= expected);
        assert.ok(lowPercentileOf(coarse, share)! <= expected);
      },
    ),
  );
  assert.equal(percentileOf(distributionOf([]), 0.5), undefined);
  assert.equal(lowPercentileOf(distributionOf([]), 0.5), undefined);
});

/** Least squares the long way: two passes over all readings. */
function slowDrift(readings: readonly (readonly [number, number])[], rate: number) {
  const meanX = readings.reduce((sum, [x]) => sum + x, 0) / readings.length;
  const meanY = readings.reduce((sum, [, y]) => sum + y, 0) / readings.length;
  const xx = readings.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
  const slope = readings.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0) / xx;
  const rest = readings.reduce((sum, [x, y]) => sum + (y - meanY - slope * (x - meanX)) ** 2, 0);
  return { ppm: (slope / rate - 1) * 1e6, error: (Math.sqrt(rest / (readings.length - 2) / xx) / rate) * 1e6 };
}

test('drift is the slope of least squares with its standard error, and nothing below 30 s', () => {
  fc.assert(
    fc.property(
      fc.double({ min: -200, max: 200, noNaN: true }),
      fc.array(fc.integer({ min: -48, max: 48 }), { minLength: 40, maxLength: 80 }),
      (ppm, noise) => {
        const rate = 48_000;
        const estimate = new DriftEstimate(rate);
        const readings = noise.map(
          (error, index) => [1e6 + index, Math.round(index * rate * (1 + ppm / 1e6)) + error] as const,
        );
        for (const [seconds, frames] of readings) estimate.add(seconds, frames);
        const found = estimate.result()!;
        const slow = slowDrift(
          readings.map(([x, y]) => [x - 1e6, y] as const),
          rate,
        );
        assert.ok(Math.abs(found.ppm - slow.ppm) < 1e-3, `${found.ppm} ${slow.ppm}`);
        assert.ok(Math.abs(found.standardErrorPpm - slow.error) < 1e-3);
      },
    ),
  );
  const short = new DriftEstimate(48_000);
  for (let second = 0; second < 30; second++) short.add(second, second * 48_000);
  assert.equal(short.result(), undefined, '29 s');
  short.add(30, 30 * 48_000);
  assert.equal(short.result()!.ppm, 0);
  short.restart();
  assert.equal(short.result(), undefined, 'nothing is known after a break');
});

test('bits: yes only where nothing stands against it, and every objection is named', () => {
  const facts: BitFacts = {
    ...{
      ...playFacts.bits,
      committedFrames: 1,
      lostFrames: 0,
      xruns: 0,
      damagedFrames: 0,
      md5: 'ok',
      digestsEqual: true,
    },
  };
  assert.equal(bitVerdict(facts).verdict, 'yes');
  const objections: readonly (readonly [Partial<BitFacts>, RegExp])[] = [
    [{ lossy: ['rate 44100 -> 48000 by plug'] }, /rate 44100 -> 48000/],
    [{ gainDb: -3 }, /-3 dB/],
    [{ gainDb: 3 }, /\+3 dB/],
    [{ changedFrames: 480 }, /480 frames were made quieter or louder, or faded/],
    [{ lostFrames: 1 }, /1 frame never reached/],
    [{ isBrokenOff: true }, /ended before the files did/],
    [{ xruns: 2 }, /2 xruns/],
    [{ damagedFrames: 4096 }, /4096 frames of a damaged file/],
    [{ md5: 'wrong' }, /MD5/],
    [{ digestsEqual: false }, /SHA-256 differs/],
  ];
  for (const path of ['direct', 'through', 'file', 'nowhere'] as const)
    assert.notEqual(bitVerdict({ ...facts, path, estimated: ['MP3'], forgottenTracks: 1 }).verdict, 'yes');
  assert.deepEqual(bitVerdict({ ...facts, committedFrames: 0 }), { verdict: 'unknown', because: 'nothing was played' });
  assert.match(bitVerdict({ ...facts, estimated: ['MP3'] }).because, /^MP3: .*decoders differ/);
  assert.match(bitVerdict({ ...facts, forgottenTracks: 1 }).because, /1 track .*not remembered/);
  for (const path of ['direct', 'through', 'file', 'nowhere'] as const) {
    for (const [change, words] of objections) {
      const { verdict, because } = bitVerdict({ ...facts, path, ...change });
      assert.equal(verdict, 'no', JSON.stringify(change));
      assert.match(because, words);
    }
  }
  assert.deepEqual(bitVerdict({ ...facts, path: 'through', through: 'pipewire' }).verdict, 'unknown');
  assert.match(bitVerdict({ ...facts, path: 'through', through: 'pipewire' }).because, /behind pipewire/);
  assert.equal(bitVerdict({ ...facts, path: 'nowhere' }).verdict, 'unknown');
  const unmeasured = bitVerdict({ ...facts, digestsEqual: undefined, md5: undefined });
  assert.equal(unmeasured.verdict, 'yes');
  assert.doesNotMatch(unmeasured.because, /SHA-256|MD5/, 'what was not compared is not claimed');
});

test('the report: figures as defined, on 80 columns, with the class first and the sentence last', () => {
  const report = reportOf(playFacts);
  assert.deepEqual(
    [report.lateness!.p50Us, report.lateness!.p99Us, report.lateness!.p999Us, report.lateness!.maxUs],
    [14, 45, 45, 519],
  );
  assert.deepEqual(report.headroom!.least, { frames: 23_904, ms: 249, percentOfRing: 49.8 });
  assert.equal(report.headroom!.p1.frames, 23_904);
  assert.deepEqual(report.copies, { user: 1, kernel: 0 });
  const text = reportText(report);
  for (const line of text.split('\n')) assert.ok(line.length <= 80, line);
  const lines = text.split('\n');
  assert.match(lines[0]!, /^scheduling +SCHED_FIFO 60, 3\.0 MiB locked$/);
  assert.match(text, /^bit-perfect: yes, because/m);
  for (const word of ['lateness', 'headroom', 'xrun', 'drift', 'copies', 'faults'])
    assert.match(text, new RegExp(`^ {2}${word} `, 'm'), `${word} is defined`);
  assert.ok(!reportText(report, 80, false).includes('What the words mean'));
  assert.deepEqual(JSON.parse(JSON.stringify(report)).lateness.p99Us, 45);
});

test('without a clock nothing is said about time', () => {
  const report = reportOf({ ...playFacts, sink: { ...playFacts.sink, clock: 'none', name: 'file:out.wav' } });
  assert.equal(report.lateness, null);
  assert.equal(report.headroom, null);
  assert.equal(report.drift, null);
  const text = reportText(report, 80, false);
  assert.match(text, /^lateness +no clock/m);
  assert.match(text, /^headroom +no clock$/m);
  assert.doesNotMatch(text, /p99\.9 519/);
  assert.doesNotMatch(reportPage(report), /Headroom over time/);
  const own = reportOf({ ...playFacts, sink: { ...playFacts.sink, clock: 'own', name: 'null' } });
  assert.equal(own.drift, null, "the null sink's clock is the system's: there is nothing to compare");
});

test('checksums of several files: one that is wrong decides', () => {
  const [track] = playFacts.tracks;
  const both = (...changes: Partial<typeof track>[]) =>
    reportOf({ ...playFacts, tracks: changes.map((change) => ({ ...track!, ...change })) });
  assert.equal(both({}, { md5: 'wrong' }).md5, 'wrong');
  assert.equal(both({}, { md5: 'wrong' }).bits.verdict, 'no');
  assert.equal(both({}, { md5: 'not checked' }).md5, 'not checked');
  assert.equal(both({}, { md5: 'none' }).md5, 'ok');
  assert.equal(both({}, { lostFrames: 3 }).bits.verdict, 'no');
  assert.equal(both({}, { damagedFrames: 3 }).bits.verdict, 'no');
  const digests = (committed: string) => reportOf({ ...playFacts, digests: { decoded: 'aa', committed } });
  assert.deepEqual([digests('aa').digests, digests('bb').digests], ['equal', 'different']);
  assert.equal(digests('bb').bits.verdict, 'no');
  assert.equal(reportOf({ ...playFacts, digests: undefined }).digests, 'not compared');
});

test('--fail-on-*: as many as are allowed pass, and a sink without a clock fails what needs one; who never slept was never late', () => {
  const report = reportOf(playFacts);
  assert.equal(failureOf(report, {}), undefined);
  assert.equal(failureOf({ ...report, xrunCount: 2 }, { xruns: 2 }), undefined);
  assert.match(failureOf({ ...report, xrunCount: 3 }, { xruns: 2 })!, /^3 xruns/);
  assert.equal(failureOf(report, { lateMs: 0.519 }), undefined);
  assert.match(failureOf(report, { lateMs: 0.5 })!, /0\.519 ms late/);
  const { sink } = report;
  const clockless = { ...report, lateness: null, sink: { ...sink, name: 'alsa:null', clock: 'none' as const } };
  assert.match(failureOf(clockless, { lateMs: 1 })!, /^alsa:null has no clock, and --fail-on-late needs one/);
  assert.equal(failureOf({ ...report, lateness: null }, { lateMs: 0 }), undefined, 'it never slept: it was not late');
});

test('the page: the histogram in doublings, headroom thinned by its least, names made safe', () => {
  assert.deepEqual(doublings(distributionOf([14, 14, 45, 519])), [
    { upTo: 16, count: 2 },
    { upTo: 32, count: 0 },
    { upTo: 64, count: 1 },
    { upTo: 128, count: 0 },
    { upTo: 256, count: 0 },
    { upTo: 512, count: 0 },
    { upTo: 1024, count: 1 },
  ]);
  assert.deepEqual(doublings(distributionOf([])), []);
  const points = thinned(playFacts.headroomOverTime, 60);
  assert.ok(points.length <= 60);
  assert.equal(Math.min(...points.map(({ leastFrames }) => leastFrames)), 23_904);
  const html = reportPage(reportOf(playFacts));
  assert.ok(html.includes('01 &lt;one&gt;.flac') && !html.includes('<one>'));
  assert.ok(!html.includes('<!--') && html.includes('bit-perfect: yes'));
  const page = reportPage(
    reportOf({
      ...playFacts,
      xruns: [{ atSeconds: 50, gapMs: 18.7, framesLost: 1795, latenessUs: 40_000, cause: 'pump-late' }],
      xrunCount: 1,
    }),
  );
  assert.ok(page.includes('class="xrun"') && page.includes('1795 frames lost, pump-late'));
});

test('the page: an xrun at the end of a second stands at the step that it emptied', () => {
  const headroomOverTime = [48_000, 0, 48_000].map((leastFrames, seconds) => ({ seconds, leastFrames }));
  const xruns = [{ atSeconds: 1.95, gapMs: 18.7, framesLost: 1795, latenessUs: 40_000, cause: 'pump-late' }] as const;
  const page = reportPage(reportOf({ ...playFacts, headroomOverTime, xruns, xrunCount: 1 }));
  const [, line] = /<polyline class="line" points="([^"]+)"/.exec(page)!;
  const places = line!.split(' ').map((pair) => Number(pair.split(',')[0]));
  assert.deepEqual(places, [0, 333.3, 333.3, 666.7, 666.7, 1000], 'three steps, a second each');
  const at = Number(/class="xrun" x1="([\d.]+)"/.exec(page)![1]);
  assert.ok(at > places[2]! && at < places[3]!);
});

test('without a clock the time that it took is said as such', () => {
  const report = reportOf({ ...playFacts, seconds: 0.024, sink: { ...playFacts.sink, clock: 'none' } });
  assert.match(tookWords(report), /^in 24\.0 ms$/);
  assert.match(reportPage(report), /, in 24\.0 ms</);
});

test('figures in words', () => {
  assert.deepEqual([0.4, 14, 1100, 23_400, 250_000, 2_500_000].map(timeWords), [
    '0 us',
    '14 us',
    '1.10 ms',
    '23.4 ms',
    '250 ms',
    '2.5 s',
  ]);
});

test('the host: steal from /proc/stat, preemption from the version and the mode', () => {
  assert.equal(stealTicks('cpu  1 2 3 4 5 6 7 89 10 11\ncpu0 1 2 3 4 5 6 7 8 9 10'), 89);
  assert.equal(stealTicks('intr 1'), undefined);
  assert.equal(preemptionOf('#1 SMP PREEMPT_DYNAMIC Debian', 'none voluntary (full)'), 'PREEMPT_DYNAMIC (full)');
  assert.equal(preemptionOf('#1 SMP PREEMPT_RT', undefined), 'PREEMPT_RT');
  assert.equal(preemptionOf('#1 SMP', undefined), undefined);
});
