import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FakePcm } from '../../alsa/fake-pcm.js';
import { type FakeAbilities, fakeAbilities } from '../../alsa/fake-refine.js';
import { FakeSound, fakeCard } from '../../alsa/fake-sound.js';
import { SNDRV_PCM_INFO } from '../../kernel/constants.js';
import { Errno } from '../../kernel/errno.js';
import type { PcmFormat } from '../../wire/pcm/format.js';
import { negotiate } from '../../wire/pcm/negotiate.js';
import { PumpClock, Time } from '../pump/clock.js';
import { KernelAlsaSink } from './alsa-kernel.js';
import { isStop, SinkError, type SinkOpening, type SinkSettings, SinkState } from './sink.js';

const stereo: PcmFormat = { sample: 'S16_LE', rate: 48_000, channels: 2, channelMask: 3, validBits: 16 };
const settings: SinkSettings = { bufferMs: 500, periodFrames: 256, convert: false, direct: false };
const anyOfFirst = { card: 0, device: 0, subdevice: undefined } as const;

/** A sink on a made-up card, and what a pump does with it. */
class Rig {
  readonly pcm: FakePcm;
  readonly sink: KernelAlsaSink;
  readonly opening: SinkOpening;
  readonly #clock = new PumpClock();
  #written = 0;

  constructor(abilities: Partial<FakeAbilities> = {}, given = settings) {
    const card = fakeCard(abilities);
    this.pcm = card.devices[0]!;
    this.sink = new KernelAlsaSink(this.#clock, anyOfFirst, new FakeSound(card));
    this.opening = this.sink.open(stereo, given);
  }

  update(): number {
    this.#clock.times[Time.now] = this.pcm.nowNs - this.#clock.baseSeconds * 1e9;
    return this.sink.update();
  }

  /** Puts up to `most` frames, each of four bytes that count up from 1, wherever there is room. Returns how many. */
  fill(most: number): number {
    const { sink } = this;
    const bytes = new DataView(sink.memory.buffer);
    let left = Math.min(most, sink.room);
    const all = left;
    while (left > 0) {
      const frames = sink.area(left);
      for (let at = 0; at < frames; at++) bytes.setUint32(sink.areaOffset + at * 4, ++this.#written, true);
      assert.equal(sink.commit(frames), 0);
      left -= frames;
    }
    return all;
  }

  /** The numbers of the frames that were heard. */
  heard(): number[] {
    const bytes = new DataView(Uint8Array.from(this.pcm.heard).buffer);
    return Array.from({ length: bytes.byteLength / 4 }, (_, at) => bytes.getUint32(at * 4, true));
  }
}

const counted = (frames: number): number[] => Array.from({ length: frames }, (_, at) => at + 1);

for (const [form, abilities] of [
  ['mapped pages', {}],
  ['SYNC_PTR', { sharesPointers: false }],
] as const) {
  test(`every frame is played once, in order, and the end is known, with ${form}`, () => {
    const rig = new Rig(abilities);
    const { sink, pcm } = rig;
    assert.equal(rig.update(), SinkState.prepared);
    assert.equal(sink.room, 1024);
    rig.fill(1024);
    assert.deepEqual([sink.queued, sink.room], [1024, 0]);
    assert.equal(sink.commit(1), -Errno.EINVAL, 'more than there is room for');
    assert.equal(sink.start(), 0);
    const total = 5000;
    for (let given = 1024; given < total; ) {
      pcm.play(300);
      assert.equal(rig.update(), SinkState.running);
      given += rig.fill(total - given);
    }
    assert.equal(sink.drain(), 0);
    let turns = 0;
    while (rig.update() === SinkState.draining) {
      pcm.play(300);
      if (++turns > 100) assert.fail('it does not end');
    }
    assert.equal(rig.update(), SinkState.drained);
    assert.equal(sink.queued, 0);
    assert.deepEqual(rig.heard().slice(0, total), counted(total));
    sink.close();
    sink.close();
    assert.equal(pcm.isOpen, false);
  });

  test(`running dry is one event with its length, and goes on from the next frame, with ${form}`, () => {
    const rig = new Rig(abilities);
    const { sink, pcm } = rig;
    rig.fill(1024);
    sink.start();
    pcm.play(1024 + 1920);
    assert.equal(rig.update(), SinkState.xrun);
    assert.deepEqual([sink.queued, sink.xrun[1]], [0, -1]);
    assert.ok(Math.abs(sink.xrun[0]! - 40e6) < 10_000, `${sink.xrun[0]} ns`);
    assert.equal(sink.prepare(), 0);
    assert.equal(rig.update(), SinkState.prepared);
    rig.fill(1024);
    assert.equal(sink.start(), 0);
    pcm.play(500);
    assert.equal(rig.update(), SinkState.running);
    assert.deepEqual(rig.heard().slice(0, 1524), counted(1524));
  });
}

const playDry = (pcm: FakePcm): void => pcm.play(1024 - 300);
for (const [how, sharesPointers, runDry] of [
  ['stopped, with mapped pages', true, playDry],
  [
    'is about to stop, with mapped pages',
    true,
    (pcm: FakePcm): void => {
      pcm.isSlowToStop = true;
      playDry(pcm);
    },
  ],
  ['stopped, with SYNC_PTR that takes any pointer', false, playDry],
  [
    'stopped, with SYNC_PTR that finds that itself',
    false,
    (pcm: FakePcm): void => {
      pcm.isDryWhenTold = true;
    },
  ],
] as const) {
  test(`frames that come when a card ${how}, since it was looked at, are not taken, and it goes on`, () => {
    const rig = new Rig({ sharesPointers });
    const { sink, pcm } = rig;
    rig.fill(1024);
    sink.start();
    pcm.play(300);
    assert.equal(rig.update(), SinkState.running);
    const before = [sink.queued, sink.room];
    runDry(pcm);
    const refused = sink.commit(sink.area(100));
    assert.deepEqual([refused, isStop(refused)], [-Errno.EPIPE, true]);
    assert.deepEqual([sink.queued, sink.room], before);
    pcm.play(480);
    assert.equal(rig.update(), SinkState.xrun);
    assert.ok(Math.abs(sink.xrun[0]! - 10e6) < 10_000, `${sink.xrun[0]} ns`);
    assert.equal(sink.prepare(), 0);
    rig.fill(1024);
    assert.equal(sink.start(), 0);
    pcm.play(256);
    assert.equal(rig.update(), SinkState.running);
  });
}

test('frames that are handed over after a suspension that nobody saw are queued, none is taken for heard', () => {
  const rig = new Rig();
  const { sink, pcm } = rig;
  rig.fill(1024);
  sink.start();
  pcm.play(256);
  assert.equal(rig.update(), SinkState.running);
  pcm.suspend();
  assert.equal(sink.commit(sink.area(100)), 0);
  assert.equal(rig.update(), SinkState.suspended);
  assert.equal(sink.queued, 768 + 100);
});

/** The default: a ring of half a second, and no interrupts. */
const { periodFrames: _, ...large } = settings;

test('a card without interrupts runs past the end, and that is counted too', () => {
  const info = fakeAbilities.info | SNDRV_PCM_INFO.NO_PERIOD_WAKEUP;
  const rig = new Rig({ info }, large);
  assert.deepEqual([rig.opening.ringFrames, rig.pcm.noPeriodWakeup], [24_000, true]);
  rig.fill(24_000);
  rig.sink.start();
  rig.pcm.play(24_000 + 4800);
  assert.equal(rig.update(), SinkState.xrun);
  assert.ok(Math.abs(rig.sink.xrun[0]! - 100e6) < 10_000, `${rig.sink.xrun[0]} ns`);
});

test('pause where there is one, and a refusal where there is none', () => {
  const rig = new Rig();
  rig.fill(1024);
  rig.sink.start();
  assert.equal(rig.sink.pause(), 0);
  assert.equal(rig.update(), SinkState.paused);
  assert.equal(rig.sink.resume(), 0);
  assert.equal(rig.update(), SinkState.running);
  const without = new Rig({ info: SNDRV_PCM_INFO.MMAP });
  without.fill(1024);
  without.sink.start();
  without.pcm.play(256);
  assert.equal(without.sink.pause(), -Errno.ENOSYS);
  assert.equal(without.sink.drop(), 0);
  assert.equal(without.sink.queued, 768, 'what is not heard');
  assert.equal(without.sink.prepare(), 0);
  assert.equal(without.update(), SinkState.prepared);
});

test('after a suspension it is prepared anew, and what was queued is known', () => {
  const rig = new Rig();
  rig.fill(1024);
  rig.sink.start();
  rig.pcm.play(256);
  rig.pcm.suspend();
  assert.equal(rig.update(), SinkState.suspended);
  assert.equal(rig.sink.queued, 768);
  assert.equal(rig.sink.prepare(), 0);
  assert.equal(rig.update(), SinkState.prepared);
});

test('a card that is pulled out', () => {
  for (const sharesPointers of [true, false]) {
    const rig = new Rig({ sharesPointers });
    rig.fill(1024);
    rig.sink.start();
    rig.pcm.disconnect();
    assert.equal(rig.update(), SinkState.gone);
    assert.match(rig.sink.trouble(), /^hw:0,0 went away while it was playing; plug it in again/);
    rig.sink.close();
  }
});

test('what the card takes is offered, and agreed on', () => {
  const sink = new KernelAlsaSink(new PumpClock(), anyOfFirst, new FakeSound(fakeCard({ significantBits: 24 })));
  const packed: PcmFormat = { ...stereo, sample: 'S24_3LE', validBits: 24 };
  const offers = sink.offers(packed);
  assert.deepEqual(
    offers.map(({ sample, rates, channels, significantBits }) => [sample, rates, channels, significantBits]),
    ['S16_LE', 'S32_LE'].map((sample) => [sample, [44_100, 48_000, 96_000, 192_000], [2, 3, 4, 5, 6, 7, 8], 24]),
  );
  const agreed = negotiate(packed, offers);
  assert.ok('format' in agreed);
  assert.deepEqual([agreed.format.sample, agreed.words], ['S32_LE', 'S24_3LE -> S32_LE, low 8 bits zero']);
  assert.equal(sink.open(agreed.format, settings).significantBits, 24);
  sink.close();
  assert.ok('refusal' in negotiate({ ...packed, rate: 22_050 }, sink.offers({ ...packed, rate: 22_050 })));
  sink.close();
});

test('where the speakers stand', () => {
  const map = [3, 4, 7, 8, 5, 6];
  const sink = new KernelAlsaSink(new PumpClock(), anyOfFirst, new FakeSound(fakeCard({}, 'Fake', map)));
  const [offer] = sink.offers({ ...stereo, channels: 6, channelMask: 0x3f });
  assert.deepEqual(offer?.speakers?.(6), ['FL', 'FR', 'FC', 'LFE', 'RL', 'RR']);
  assert.equal(offer?.speakers?.(2), undefined);
  assert.deepEqual(offer?.speakers?.(4), ['FL', 'FR', 'RL', 'RR'], "ALSA's usual order where the card says nothing");
  assert.deepEqual(sink.open({ ...stereo, channels: 6 }, settings).speakers, ['FL', 'FR', 'FC', 'LFE', 'RL', 'RR']);
  sink.close();
});

test('refusals give the device back', () => {
  const card = fakeCard();
  const sink = new KernelAlsaSink(new PumpClock(), anyOfFirst, new FakeSound(card));
  assert.throws(
    () => sink.open({ ...stereo, sample: 'S24_3LE' }, settings),
    (error) =>
      error instanceof SinkError &&
      error.reason === 'device' &&
      /does not take S24_3LE; it takes S16_LE, S32_LE$/.test(error.message),
  );
  assert.equal(card.devices[0]?.isOpen, false);
  const none = new KernelAlsaSink(new PumpClock(), anyOfFirst, new FakeSound());
  assert.throws(() => none.offers(stereo), /there is no sound device hw:0,0/);
  none.close();
});

test('frames are taken back, but for what the card may be about to fetch', () => {
  const rig = new Rig();
  const { sink, pcm } = rig;
  rig.fill(1024);
  sink.start();
  pcm.play(100);
  assert.equal(sink.rewind(300), 300);
  assert.deepEqual([sink.queued, sink.room], [624, 400]);
  assert.equal(sink.rewind(5000), 624 - 96);
  assert.equal(sink.rewind(1), 0);
  assert.equal(sink.area(10), 10);
  assert.equal(sink.areaOffset, 196 * 4);
  assert.equal(new Rig({ info: fakeAbilities.info | SNDRV_PCM_INFO.BATCH }).sink.rewind(1), 0);
});

test('a rehearsal does everything and no card hears it', () => {
  const rig = new Rig();
  const { sink, pcm } = rig;
  sink.rehearse(true);
  for (let turn = 0; turn < 50; turn++) {
    assert.equal(rig.update(), SinkState.running);
    assert.equal(sink.room, 256);
    rig.fill(256);
  }
  sink.rehearse(false);
  assert.ok(
    new Uint8Array(sink.memory.buffer).every((byte) => byte === 0),
    'silenced',
  );
  assert.equal(pcm.applicationPointer, 0);
  assert.equal(rig.update(), SinkState.prepared);
  assert.deepEqual([sink.queued, sink.room], [0, 1024]);
});
