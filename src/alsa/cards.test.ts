import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { Errno } from '../kernel/errno.js';
import { askCard, deviceOwner, openDevice, type SoundPlaces, soundCards } from './cards.js';
import { channelMap, possibleChannelMaps, readMaps } from './channel-map.js';
import { readDeviceName } from './device-name.js';
import { FakeSound, fakeCard } from './fake-sound.js';

let folder = '';
let places: SoundPlaces;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'clearway-cards-'));
  places = { devices: join(folder, 'snd'), proc: join(folder, 'asound'), processes: join(folder, 'proc') };
  mkdirSync(places.devices);
  for (const name of ['controlC0', 'controlC1', 'controlCx', 'pcmC0D0p', 'timer'])
    writeFileSync(join(places.devices, name), '');
});
afterEach(() => rmSync(folder, { recursive: true }));

/** The card's subdevice says that a thread of a process has it. */
function taken(thread: number, process: number, command: string): void {
  const sub = join(places.proc, 'card0', 'pcm0p', 'sub0');
  mkdirSync(sub, { recursive: true });
  writeFileSync(join(sub, 'status'), `state: RUNNING\nowner_pid   : ${thread}\ntrigger_time: 1.0\n`);
  for (const pid of new Set([thread, process])) {
    mkdirSync(join(places.processes, `${pid}`), { recursive: true });
    writeFileSync(join(places.processes, `${pid}`, 'status'), `Name:\tdata-loop.0\nTgid:\t${process}\n`);
    writeFileSync(join(places.processes, `${pid}`, 'comm'), pid === process ? `${command}\n` : 'data-loop.0\n');
  }
}

test('cards and their devices', () => {
  const calls = new FakeSound(fakeCard({}, 'PCH'), fakeCard({}, 'USB'));
  const cards = soundCards(calls, places);
  assert.deepEqual(
    cards.map(({ card, id, name, devices }) => [
      card,
      id,
      name,
      devices.map(({ device, freeSubdevices }) => [device, freeSubdevices]),
    ]),
    [
      [0, 'PCH', 'PCH card', [[0, 1]]],
      [1, 'USB', 'USB card', [[0, 1]]],
    ],
  );
  assert.equal(askCard(calls, 7, places), -Errno.ENOENT);
  assert.equal(calls.handles.size, 0, 'descriptors are closed');
});

test('no card at all', () => {
  assert.deepEqual(soundCards(new FakeSound(), { ...places, devices: join(folder, 'nothing') }), []);
});

test('a card is found by its id, and another one is not', () => {
  const calls = new FakeSound(fakeCard({}, 'PCH'), fakeCard({}, 'USB'));
  assert.equal(openDevice(calls, readDeviceName('hw:USB'), places).name, 'hw:1,0');
  assert.throws(
    () => openDevice(calls, readDeviceName('hw:None'), places),
    /no sound card None; there are PCH \(hw:0\), USB \(hw:1\)$/,
  );
});

test('a device that is taken names who has it and how to get it', () => {
  taken(4711, 812, 'pipewire');
  const calls = new FakeSound(fakeCard());
  openDevice(calls, readDeviceName('hw:0,0'), places);
  assert.deepEqual(deviceOwner(0, 0, undefined, places), { pid: 812, command: 'pipewire' });
  assert.throws(
    () => openDevice(calls, readDeviceName('hw:0,0'), places),
    /^SoundError: hw:0,0 is in use by pipewire \(process 812\); use it through the server \(--device pipewire\)/,
  );
  taken(99, 99, 'mystery');
  assert.throws(
    () => openDevice(calls, readDeviceName('hw:0,0'), places),
    /in use by mystery \(process 99\); end it: kill 99$/,
  );
  rmSync(places.proc, { recursive: true });
  assert.throws(
    () => openDevice(calls, readDeviceName('hw:0,0'), places),
    /in use by another program; see who has it: fuser -v/,
  );
});

test('no rights, no device', () => {
  const calls = new FakeSound(fakeCard());
  assert.throws(
    () => openDevice(calls, readDeviceName('hw:3,0'), places),
    /there is no sound device hw:3,0 .*--devices$/,
  );
  calls.refusals.set(join(places.devices, 'pcmC0D0p'), -Errno.EACCES);
  assert.throws(
    () => openDevice(calls, readDeviceName('hw:0,0'), places),
    /group audio .*: sudo usermod -aG audio \$USER$/,
  );
  calls.refusals.set(join(places.devices, 'pcmC0D0p'), -Errno.ENOMEM);
  assert.throws(
    () => openDevice(calls, readDeviceName('hw:0,0'), places),
    /cannot be opened: cannot allocate memory \(ENOMEM\)/,
  );
});

test('the speakers of a device', () => {
  const calls = new FakeSound(fakeCard({}, 'A', [3, 4, 7, 8, 5, 6]), fakeCard({}, 'B', [3, 0]), fakeCard({}, 'C'));
  const [surround, unknown, none] = [0, 1, 2].map((card) => ({ fd: -1, card, device: 0, name: `hw:${card},0` }));
  assert.deepEqual(channelMap(calls, surround!, 6, places), ['FL', 'FR', 'FC', 'LFE', 'RL', 'RR']);
  assert.equal(channelMap(calls, unknown!, 2, places), undefined);
  assert.equal(channelMap(calls, none!, 2, places), undefined);
  assert.deepEqual(possibleChannelMaps(calls, surround!, places), [['FL', 'FR', 'FC', 'LFE', 'RL', 'RR']]);
  assert.deepEqual(possibleChannelMaps(calls, unknown!, places), []);
  assert.deepEqual(possibleChannelMaps(calls, none!, places), []);
});

test('maps that a card says badly are left out', () => {
  const read = (...words: number[]): string[][] => readMaps(new DataView(Uint32Array.from(words).buffer));
  assert.deepEqual(read(0, 16, 0x101, 8, 3, 4), [['FL', 'FR']]);
  assert.deepEqual(read(0, 28, 0x101, 4, 99, 0x102, 8, 3, 4), [['FL', 'FR']]);
  assert.deepEqual(read(0, 0xffff_ffff, 0x101, 0xffff_fff0, 3, 4), []);
  assert.deepEqual(read(7, 16, 0x101, 8, 3, 4), []);
  assert.deepEqual(read(), []);
});
