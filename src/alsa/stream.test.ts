import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SNDRV_PCM_INFO, SNDRV_PCM_STATE as State } from '../kernel/constants.js';
import { Errno } from '../kernel/errno.js';
import { openDevice } from './cards.js';
import { configureDevice } from './configure.js';
import type { FakePcm } from './fake-pcm.js';
import { type FakeAbilities, fakeAbilities } from './fake-refine.js';
import { FakeSound, fakeCard } from './fake-sound.js';
import { PcmStream, speak } from './stream.js';

interface Rig {
  readonly pcm: FakePcm;
  readonly stream: PcmStream;
  readonly bytes: Uint8Array;
}

/** A stream of 1024 frames in four periods, S16 stereo. */
function rig(abilities: Partial<FakeAbilities> = {}, noPeriodWakeup = false): Rig {
  const card = fakeCard(abilities);
  const calls = new FakeSound(card);
  const device = openDevice(calls, { card: 0, device: 0, subdevice: undefined });
  speak(calls, device);
  const configuration = configureDevice(calls, device, {
    ...{ format: 'S16_LE', rate: 48_000, channels: 2, bufferFrames: 1024, periodFrames: 256, first: 'period' },
    noPeriodWakeup,
  });
  const stream = new PcmStream(calls, device, configuration);
  return { pcm: card.devices[0]!, stream, bytes: new Uint8Array(stream.area.buffer) };
}

const withoutPages = { sharesPointers: false } as const;

for (const [form, abilities] of [
  ['mapped pages', {}],
  ['SYNC_PTR', withoutPages],
] as const) {
  test(`the order of calls, with ${form}`, () => {
    const { pcm, stream } = rig(abilities);
    assert.equal(stream.isMapped, form === 'mapped pages');
    assert.equal(stream.state(), State.PREPARED);
    assert.equal(stream.start(), -Errno.EPIPE, 'nothing to play');
    stream.advance(1024);
    assert.equal(stream.start(), 0);
    pcm.play(600);
    stream.synchronize();
    assert.equal(stream.queued(), 424);
    assert.equal(stream.drop(), 0);
    assert.equal(stream.state(), State.SETUP);
    assert.equal(stream.prepare(), 0);
    assert.deepEqual([stream.state(), stream.queued(), stream.hardwareLow()], [State.PREPARED, 0, 0]);
    assert.deepEqual(pcm.requests, [
      ...['USER_PVERSION', 'HW_REFINE', 'HW_PARAMS', 'TTSTAMP', 'SW_PARAMS', 'PREPARE'],
      ...['START', 'START', 'DROP', 'PREPARE'],
    ]);
  });

  test(`running dry, with ${form}: the state, when it stopped, and prepared anew`, () => {
    const { pcm, stream } = rig(abilities);
    stream.advance(1024);
    stream.start();
    pcm.play(1024 + 480);
    stream.synchronize();
    assert.equal(stream.state(), State.XRUN);
    const time = new Float64Array(2);
    assert.equal(stream.triggerTime(time, 0), 0);
    const sinceNs = pcm.nowNs - (time[0]! * 1e9 + time[1]!);
    assert.ok(Math.abs(sinceNs - 10e6) < 1000, `${sinceNs} ns ago`);
    assert.equal(stream.prepare(), 0);
    assert.deepEqual([stream.state(), stream.queued()], [State.PREPARED, 0]);
  });

  test(`pause, suspension and departure, with ${form}`, () => {
    const { pcm, stream } = rig({ ...abilities, info: fakeAbilities.info | SNDRV_PCM_INFO.RESUME });
    stream.advance(1024);
    stream.start();
    assert.equal(stream.pause(true), 0);
    assert.equal(stream.state(), State.PAUSED);
    pcm.play(500);
    assert.equal(pcm.position, 0);
    assert.equal(stream.pause(false), 0);
    pcm.play(256);
    pcm.suspend();
    stream.synchronize();
    assert.equal(stream.state(), State.SUSPENDED);
    assert.equal(stream.resume(), 0);
    assert.equal(stream.state(), State.RUNNING);
    pcm.disconnect();
    assert.equal(stream.synchronize(), -Errno.ENODEV);
    if (stream.isMapped) assert.equal(stream.state(), State.DISCONNECTED);
    assert.equal(stream.prepare(), -Errno.ENODEV);
    stream.close();
    stream.close();
  });

  test(`a drain ends when all has left, with ${form}`, () => {
    const { pcm, stream } = rig(abilities);
    stream.advance(600);
    assert.equal(stream.drain(), 0);
    assert.equal(stream.state(), State.DRAINING);
    pcm.play(500);
    stream.synchronize();
    assert.equal(stream.state(), State.DRAINING);
    pcm.play(500);
    stream.synchronize();
    assert.equal(stream.state(), State.SETUP);
  });

  test(`pointers past 32 bits, with ${form}`, () => {
    const { pcm, stream } = rig(abilities);
    const far = 2 ** 32 - 1024;
    pcm.skipTo(far);
    stream.synchronize();
    stream.advance(512);
    stream.start();
    assert.equal(pcm.applicationPointer, far + 512);
    stream.advance(512);
    assert.equal(pcm.applicationPointer, far + 1024, 'the high word follows');
    assert.equal(stream.queued(), 1024);
    pcm.play(1023);
    stream.synchronize();
    assert.equal(stream.queued(), 1);
    stream.advance(100);
    assert.equal(pcm.applicationPointer, 2 ** 32 + 100);
    // And past 31 bits, where the words change their sign.
    stream.drop();
    stream.prepare();
    pcm.skipTo(2 ** 31 - 1024);
    stream.synchronize();
    stream.advance(1024);
    assert.equal(pcm.applicationPointer, 2 ** 31);
  });
}

test('between two interrupts the position is where the hardware is, not where the last one saw it', () => {
  const { pcm, stream } = rig();
  stream.advance(1024);
  stream.start();
  pcm.play(256 + 100);
  assert.equal(stream.queued(), 768, 'the page, as of the interrupt');
  stream.synchronize();
  assert.equal(stream.queued(), 668);
  assert.equal(pcm.looks, 1);
});

test('without interrupts the driver is asked, and says how far it ran past the end', () => {
  const { pcm, stream } = rig({ info: fakeAbilities.info | SNDRV_PCM_INFO.NO_PERIOD_WAKEUP }, true);
  assert.equal(pcm.noPeriodWakeup, true);
  stream.advance(1024);
  stream.start();
  pcm.play(1024 + 300);
  assert.equal(stream.state(), State.RUNNING, 'nobody has looked');
  assert.equal(stream.synchronize(), -Errno.EPIPE);
  assert.deepEqual([stream.state(), stream.queued()], [State.XRUN, -300]);
});

test('devices whose pointers have to be synchronized are not trusted with a page', () => {
  const { stream } = rig({ info: fakeAbilities.info | SNDRV_PCM_INFO.SYNC_APPLPTR });
  assert.equal(stream.isMapped, false);
});

test('frames are taken back', () => {
  const { pcm, stream } = rig();
  stream.advance(1024);
  stream.start();
  pcm.play(256);
  assert.equal(stream.rewind(500), 500);
  assert.equal(stream.queued(), 268);
  assert.equal(stream.rewind(5000), 268);
  assert.equal(rig({ info: fakeAbilities.info | SNDRV_PCM_INFO.NO_REWINDS }).stream.rewind(1), -Errno.EINVAL);
});

for (const [form, abilities] of [
  ['mapped pages', {}],
  ['SYNC_PTR', withoutPages],
] as const) {
  test(`a rehearsal leaves no trace, with ${form}`, () => {
    const { pcm, stream } = rig(abilities);
    const before = pcm.requests.length;
    stream.rehearse(true);
    for (let turn = 0; turn < 100; turn++) {
      stream.pretend(State.RUNNING, stream.applicationLow());
      stream.synchronize();
      assert.equal(stream.state(), State.RUNNING);
      stream.advance(256);
      assert.equal(stream.queued(), 256);
    }
    assert.ok(stream.start() < 0);
    stream.rehearse(false);
    assert.deepEqual([stream.state(), stream.queued(), pcm.applicationPointer], [State.PREPARED, 0, 0]);
    assert.equal(pcm.requests.length, before);
  });
}
