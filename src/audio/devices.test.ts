import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openDevice } from '../alsa/cards.js';
import { FakeSound, fakeCard } from '../alsa/fake-sound.js';
import { listDevices } from './devices.js';

test('cards, what their devices take, and who has those that are taken', () => {
  const folder = mkdtempSync(join(tmpdir(), 'clearway-devices-'));
  try {
    const places = { devices: join(folder, 'snd'), proc: join(folder, 'asound'), processes: join(folder, 'proc') };
    const calls = new FakeSound(fakeCard({}, 'PCH'), fakeCard({ formats: ['S24_3LE'], rates: [44_100] }, 'USB'));
    const sub = join(places.proc, 'card1', 'pcm0p', 'sub0');
    mkdirSync(places.devices);
    mkdirSync(sub, { recursive: true });
    mkdirSync(join(places.processes, '7'), { recursive: true });
    for (const card of [0, 1]) writeFileSync(join(places.devices, `controlC${card}`), '');
    writeFileSync(join(sub, 'status'), 'state: RUNNING\nowner_pid   : 7\n');
    writeFileSync(join(places.processes, '7', 'comm'), 'mpd\n');
    openDevice(calls, { card: 1, device: 0, subdevice: undefined }, places);
    const { cards, notes } = listDevices(calls, places);
    const [free, taken] = cards;
    assert.deepEqual([free?.name, free?.cardName, free?.owner, free?.problem], ['hw:0,0', 'PCH card', null, null]);
    assert.deepEqual([free?.takes?.formats, free?.takes?.largestRingBytes], [['S16_LE', 'S32_LE'], 4 * 1024 * 1024]);
    assert.deepEqual([taken?.takes, taken?.owner], [null, { pid: 7, command: 'mpd' }]);
    assert.match(taken?.problem ?? '', /^hw:1,0 is in use by mpd \(process 7\); stop it: mpc stop$/);
    assert.ok(notes.every((note) => !note.includes('no sound card')));
    assert.equal(calls.handles.size, 1, 'what was opened is closed');
    assert.match(
      listDevices(new FakeSound(), { ...places, devices: join(folder, 'none') }).notes[0] ?? '',
      /no sound card: .*modprobe/,
    );
    JSON.parse(JSON.stringify(cards));
  } finally {
    rmSync(folder, { recursive: true });
  }
});
