import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { SNDRV_PCM_STATE } from '../../kernel/constants.js';
import { Errno } from '../../kernel/errno.js';
import { type NativeFunction, viewMemory } from '../../kernel/ffi.js';
import { frameBytes, type PcmFormat, type SampleFormat, sampleBits, sampleFormats } from '../../wire/pcm/format.js';
import { alsaNames } from '../devices.js';
import { PumpClock } from '../pump/clock.js';
import { LibraryAlsaSink } from './alsa-library.js';
import { type AlsaCalls, alsaCalls, alsaLibrary } from './libasound.js';
import { type SinkSettings, SinkState } from './sink.js';

const skip = alsaLibrary() === undefined ? 'libasound.so.2 is not here: apt-get install libasound2' : false;
const folder = mkdtempSync(join(tmpdir(), 'clearway-alsa-'));
after(() => rmSync(folder, { recursive: true, force: true }));
// The library reads it when it is first used, in this process.
const configuration = join(folder, 'asoundrc');
const system = '/usr/share/alsa/alsa.conf';
process.env.ALSA_CONFIG_PATH = existsSync(system) ? `${system}:${configuration}` : configuration;
const heardAt = join(folder, 'heard.raw');
writeFileSync(
  configuration,
  `pcm.heard { type file slave.pcm "null" file "${heardAt}" format raw }
pcm.wide { type plug slave { pcm "heard" format S32_LE rate 96000 } }
pcm.narrow { type plug slave { pcm "heard" format S16_LE rate 48000 } }
pcm.copied { type plug slave.pcm { type copy slave.pcm "heard" } }
pcm.unmapped { type multi slaves.a { pcm "heard" channels 2 } bindings.0 { slave a channel 0 } bindings.1 { slave a channel 1 } }
pcm.nowhere { type hw card 7 }
pcm.broken { type nonsense }
`,
);

const formatOf = (sample: SampleFormat, channels = 2): PcmFormat => ({
  ...{ sample, rate: 48_000, channels, channelMask: 0, validBits: sampleBits(sample) },
});
const settings: SinkSettings = { bufferMs: 100, convert: false, direct: false };
const sinkOf = (name: string): LibraryAlsaSink => new LibraryAlsaSink(new PumpClock(), name);
const sum = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** A function of the library's that answers what `answer` says, and by itself where that says nothing. */
function instead(real: NativeFunction, answer: (...values: (number | bigint)[]) => number | undefined): NativeFunction {
  return Object.assign((...values: (number | bigint)[]) => answer(...values) ?? real(...values), real);
}

/** Bytes as noisy as they come; the same each time. Floats stay within -1 to 1. */
function noise(format: PcmFormat, frames: number): Uint8Array {
  const bytes = new Uint8Array(frames * frameBytes(format));
  let state = 12_345;
  for (let at = 0; at < bytes.length; at++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) | 0;
    bytes[at] = state >>> 16;
  }
  const data = new DataView(bytes.buffer);
  if (format.sample === 'FLOAT_LE')
    for (let at = 0; at < bytes.length; at += 4) data.setFloat32(at, data.getInt32(at, true) / 2 ** 31, true);
  if (format.sample === 'FLOAT64_LE')
    for (let at = 0; at < bytes.length; at += 8) data.setFloat64(at, data.getInt32(at, true) / 2 ** 31, true);
  if (format.sample === 'S24_LE')
    for (let at = 0; at < bytes.length; at += 4) data.setInt32(at, data.getInt32(at, true) >> 8, true);
  return bytes;
}

/** Plays bytes as the pump does. Returns how many xruns there were. */
function play(sink: LibraryAlsaSink, clock: PumpClock, bytes: Uint8Array, size: number): number {
  const total = bytes.length / size;
  let next = 0;
  let xruns = 0;
  let isStarted = false;
  for (let turn = 0; turn < 100_000; turn++) {
    clock.read();
    const state = sink.update();
    if (state === SinkState.drained) return xruns;
    assert.notEqual(state, SinkState.gone, state === SinkState.gone ? sink.trouble() : '');
    if (state === SinkState.xrun) {
      xruns++;
      sink.prepare();
      isStarted = false;
    }
    while (next < total && sink.room > 0) {
      const frames = sink.area(Math.min(sink.room, total - next));
      new Uint8Array(sink.memory.buffer).set(bytes.subarray(next * size, (next + frames) * size), sink.areaOffset);
      assert.equal(sink.commit(frames), 0);
      next += frames;
    }
    if (!isStarted) isStarted = sink.start() === 0;
    if (next === total) assert.equal(sink.drain(), 0);
  }
  return assert.fail('it does not end');
}

describe("ALSA's library", { skip, concurrency: false }, () => {
  for (const sample of sampleFormats) {
    test(`${sample}: the bytes that come out are those that went in`, () => {
      rmSync(heardAt, { force: true });
      const clock = new PumpClock();
      const sink = new LibraryAlsaSink(clock, 'heard');
      const format = formatOf(sample, sample === 'S16_LE' ? 6 : 2);
      assert.ok(sink.offers(format).some((offer) => offer.sample === sample));
      const opening = sink.open(format, settings);
      assert.deepEqual([opening.path, opening.clock, opening.end], ['file', 'none', 'drain']);
      assert.equal(opening.copies, undefined, 'frames are put in place');
      sink.rehearse(true);
      for (let turn = 0; turn < 20; turn++) {
        assert.equal(sink.update(), SinkState.running);
        sink.commit(sink.area(sink.room));
      }
      sink.rehearse(false);
      const bytes = noise(format, 30_011);
      assert.equal(play(sink, clock, bytes, frameBytes(format)), 0);
      sink.close();
      sink.close();
      const heard = readFileSync(heardAt);
      assert.equal(heard.length, bytes.length);
      assert.equal(sum(heard), sum(bytes));
    });
  }

  test('a stream that ran dry since it was looked at takes nothing, and says so', () => {
    let state: number | undefined;
    const calls = (): AlsaCalls => {
      const real = alsaCalls();
      return { ...real, pcm_state: instead(real.pcm_state, () => state) };
    };
    const sink = new LibraryAlsaSink(new PumpClock(), 'heard', calls);
    const format = formatOf('S16_LE');
    sink.offers(format);
    sink.open(format, settings);
    sink.update();
    assert.equal(sink.commit(sink.area(100)), 0);
    const before = [sink.queued, sink.room];
    state = SNDRV_PCM_STATE.XRUN;
    assert.equal(sink.commit(sink.area(100)), -Errno.EPIPE);
    assert.deepEqual([sink.queued, sink.room], before);
    assert.equal(sink.update(), SinkState.xrun);
    assert.equal(sink.queued, 0);
    state = undefined;
    assert.equal(sink.prepare(), 0);
    assert.equal(sink.commit(sink.area(100)), 0);
    sink.close();
  });

  test('what writei does not take is owed: it is not played when the stream runs dry, and not handed over twice', () => {
    const free = 1000;
    let state: number = SNDRV_PCM_STATE.RUNNING;
    const answers: number[] = [];
    const places: number[] = [];
    const calls = (): AlsaCalls => {
      const real = alsaCalls();
      const write = (_: unknown, place: number | bigint): number => {
        places.push(Number(place));
        return answers.shift() ?? -Errno.EAGAIN;
      };
      return {
        ...real,
        pcm_avail: instead(real.pcm_avail, () => free),
        pcm_state: instead(real.pcm_state, () => state),
        pcm_writei: instead(real.pcm_writei, write),
      };
    };
    const sink = new LibraryAlsaSink(new PumpClock(), 'unmapped', calls);
    const format = formatOf('S16_LE');
    sink.offers(format);
    const { ringFrames } = sink.open(format, { ...settings, convert: true });
    assert.ok(ringFrames > free);
    const used = ringFrames - free;
    const start = sink.memory.address;
    const look = (): number[] => [sink.update(), sink.queued, sink.room];
    assert.deepEqual(look(), [SinkState.running, used, free]);

    answers.push(60);
    assert.equal(sink.commit(sink.area(100)), 0);
    answers.push(30);
    assert.deepEqual(look(), [SinkState.running, used + 40, 0], 'ten are owed');
    answers.push(10);
    assert.deepEqual(look(), [SinkState.running, used + 10, free - 10], 'the room was that before they were taken');
    assert.deepEqual(places.splice(0), [start, start + 60 * 4, start + 90 * 4]);

    answers.push(-Errno.EPIPE);
    const before = [sink.queued, sink.room];
    assert.equal(sink.commit(sink.area(100)), -Errno.EPIPE);
    assert.deepEqual([sink.queued, sink.room], before);
    assert.deepEqual(look(), [SinkState.running, used, free]);
    sink.area(100);
    assert.equal(sink.areaOffset, 400, 'it is owed nothing of them');

    for (const isSaid of [true, false]) {
      answers.push(70);
      assert.equal(sink.commit(sink.area(100)), 0);
      if (isSaid) state = SNDRV_PCM_STATE.XRUN;
      else answers.push(-Errno.EPIPE);
      assert.deepEqual(look(), [SinkState.xrun, 30, ringFrames], 'those were not played');
      state = SNDRV_PCM_STATE.RUNNING;
      assert.equal(sink.prepare(), 0);
      assert.deepEqual(look(), [SinkState.running, used, free]);
    }
    answers.push(70, -Errno.EBADFD);
    assert.equal(sink.commit(sink.area(100)), 0);
    assert.equal(sink.update(), SinkState.gone);
    assert.match(sink.trouble(), /snd_pcm_writei failed/);
    sink.close();
  });

  for (const [name, hasStage] of [
    ['heard', true],
    ['heard', false],
    ['unmapped', true],
    ['unmapped', false],
  ] as const) {
    test(`a rehearsal calls nothing of the stream that plays: ${name}${hasStage ? '' : ', and none to rehearse on'}`, () => {
      const library = alsaCalls();
      const handles: number[] = [];
      let isRehearsing = false;
      let calls = 0;
      const watched = Object.entries(library).map(([call, real]) => [
        call,
        instead(real, (first, ...more) => {
          if (isRehearsing) calls++;
          if (isRehearsing) assert.notEqual(Number(first), handles[0], call);
          if (call !== 'pcm_open') return undefined;
          if (handles.length > 0 && !hasStage) return -Errno.ENOENT;
          const result = real(first!, ...more) as number;
          handles.push(Number(new DataView(viewMemory(Number(first), 8)).getBigUint64(0, true)));
          return result;
        }),
      ]);
      const sink = new LibraryAlsaSink(new PumpClock(), name, () => Object.fromEntries(watched) as AlsaCalls);
      const format = formatOf('S16_LE');
      sink.offers(format);
      handles.splice(0, handles.length - 1);
      const { ringFrames } = sink.open(format, { ...settings, convert: true });
      isRehearsing = true;
      sink.rehearse(true);
      const seen = new Set<number>();
      for (let turn = 0; turn < 200; turn++) {
        seen.add(sink.update());
        sink.commit(sink.area(Math.min(64, sink.room)));
        if (turn % 16 === 8) for (const result of [sink.pause(), sink.resume()]) assert.ok(result <= 0);
        if (turn % 16 === 12) for (const result of [sink.drop(), sink.prepare(), sink.start()]) assert.ok(result <= 0);
      }
      assert.ok(seen.has(SinkState.running) && seen.has(SinkState.xrun));
      // That it is over stands in no call of the real stream.
      sink.rehearse(false);
      isRehearsing = false;
      assert.equal(calls > 400, hasStage);
      sink.update();
      assert.equal(sink.queued + sink.room, ringFrames);
      sink.close();
    });
  }

  test('what a name takes as it is', () => {
    const sink = sinkOf('narrow');
    const offers = sink.offers(formatOf('S32_LE'));
    assert.deepEqual(
      offers.map(({ sample, rates }) => [sample, rates]),
      [['S16_LE', [48_000]]],
    );
    sink.close();
  });

  test('without a mapped ring: one more copy, which is said', () => {
    const sink = sinkOf('unmapped');
    const format = formatOf('S16_LE');
    sink.offers(format);
    const { copies, notes } = sink.open(format, { ...settings, convert: true });
    sink.close();
    assert.equal(copies, 1);
    assert.match(notes.join(), /copied once more \(writei\)/);
  });

  test('a conversion needs to be allowed, and is named', () => {
    const sink = sinkOf('narrow');
    const slow = { ...formatOf('S16_LE'), rate: 44_100 };
    assert.ok(sink.offers(slow).some(({ rates }) => Array.isArray(rates) && rates.includes(44_100)));
    assert.throws(() => sink.open(slow, settings), /narrow has to convert 44100 Hz, stereo, .* --convert/);
    sink.offers(slow);
    const { path, through } = sink.open(slow, { ...settings, convert: true });
    assert.deepEqual([path, through], ['through', "ALSA's conversion of the rate to 48000 Hz"]);
    sink.close();
  });

  test('names that lead nowhere are one sentence', () => {
    const refused = (name: string, words: RegExp): void => {
      assert.throws(() => sinkOf(name).offers(formatOf('S16_LE')), words, name);
    };
    refused(
      'absent',
      /^SinkError: ALSA has no device absent \(.*\); see those that there are: clearway play --devices$/,
    );
    refused('nowhere', /no device nowhere/);
    refused('broken', /broken/);
    refused('x'.repeat(2000), /up to 1023 bytes/);
  });

  test('names are listed', () => {
    assert.ok(alsaNames()?.some(({ name }) => name === 'null'));
  });
});
