// What the observing device notes, and what is made of it: of made-up notes, and of our own player, which is stopped on purpose.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Player } from '../../../src/audio/index.js';
import { alsaLibrary } from '../../../src/audio/sinks/libasound.js';
import { AudioFolder } from '../../../test/support/audio-files.js';
import { quantile } from '../../statistics.js';
import { judge, type Note, NoteKind, type Notes, readNotes } from './notes.js';
import { ObservedDevice, observedAbsence } from './observed.js';

const rate = 48_000;
const periodFrames = 480;
const ringFrames = 4 * periodFrames;
const periodNs = 10e6;

/** Hand-overs at times after the start, in milliseconds: each fills what is free. */
function filledAt(times: readonly number[], more: Partial<Notes> = {}, ending: readonly Note[] = []): Notes {
  let handed = ringFrames;
  const commits = times.map((ms): Note => {
    const left = (ms * rate) / 1000;
    const note = { kind: NoteKind.committed, at: ms * 1e6, handed, left, frames: ringFrames - handed + left };
    handed = left + ringFrames;
    return note;
  });
  const first = { at: 0, handed: 0, left: 0, frames: 0 };
  const notes = [
    { ...first, kind: NoteKind.opened },
    { ...first, kind: NoteKind.prepared },
    { ...first, kind: NoteKind.committed, frames: ringFrames },
    { ...first, kind: NoteKind.started, handed: ringFrames },
    ...commits,
    ...ending,
  ];
  const shape = { rate, periodFrames, ringFrames, wakeFrames: periodFrames };
  return { ...shape, waits: true, notes, ...more };
}

const micros = (late: Float64Array): number[] => [...late].map(Math.round);

test('who waits for the interrupt is as late as the time from it to the hand-over', () => {
  const notes = filledAt([10, 20.5, 31.5, 40, 75]);
  // At 30 ms less than a period is free, for the last hand-over was late: the interrupt at 40 ms is the next to be waited for.
  const { late, headroomMs, xruns, periods, wakeUps } = judge(notes, 0, 76);
  assert.deepEqual([periods, wakeUps, xruns], [8, 5, 0]);
  assert.deepEqual(micros(late), [0, 0, 0, 0, 500, 5000, 15_000, 25_000]);
  assert.equal(headroomMs.toFixed(2), '5.00');
});

test('who sleeps by a clock of its own is due at the frame, and ahead of that it is never late', () => {
  const ahead = judge(filledAt([7.5, 15, 22.5, 30, 37.5], { waits: false }), 0, 37.5);
  assert.deepEqual([...new Set(micros(ahead.late))], [0]);
  assert.equal(ahead.headroomMs.toFixed(2), '32.50');
  const behind = judge(filledAt([12, 25], { waits: false }), 0, 25);
  assert.deepEqual(micros(behind.late), [0, 2000, 3000]);
});

test('a ring that ran dry has no headroom, and its gap lasts until it plays again', () => {
  const again = { handed: 0, left: 0, frames: 0 };
  const notes = filledAt([10], {}, [
    { ...again, kind: NoteKind.dry, at: 50e6, handed: 2400, left: 2400 },
    { ...again, kind: NoteKind.prepared, at: 57e6 },
    { ...again, kind: NoteKind.committed, at: 58e6, frames: ringFrames },
    { ...again, kind: NoteKind.started, at: 60e6, handed: ringFrames },
    {
      ...again,
      kind: NoteKind.committed,
      at: 60e6 + periodNs,
      handed: ringFrames,
      left: periodFrames,
      frames: periodFrames,
    },
  ]);
  const { late, headroomMs, xruns, gapMs } = judge(notes, 0, 80);
  assert.deepEqual([headroomMs, xruns, gapMs], [0, 1, 10]);
  assert.equal(Math.round(quantile(late, 1)), 40_000, 'due at 20 ms, played at 60 ms');
});

test('what nobody played is no result', () => {
  assert.throws(() => readNotes(new Uint8Array(4096)), /never opened/);
  assert.throws(() => judge({ ...filledAt([]), notes: [] }, 0, 10), /never started/);
  assert.throws(() => judge(filledAt([10]), 20, 30), /nothing while it was looked at/);
});

const skip = observedAbsence() ?? (alsaLibrary() === undefined ? "no library of ALSA's (libasound2)" : false);

test('our player, stalled on purpose: the device sees it run dry', { skip }, async () => {
  const folder = new AudioFolder();
  const device = new ObservedDevice(folder.path);
  const before = process.env.ALSA_CONFIG_PATH;
  try {
    const file = folder.wave('long.wav', rate * 10).path;
    Object.assign(process.env, device.environment);
    device.begin({ rate, periodFrames, ringFrames });
    const inject = { stall: { ms: 80, everyMs: 300 } };
    const player = new Player({ files: [file], device: device.name, periodFrames, inject });
    let told = 0;
    player.on('xrun', () => {
      told++;
      if (told === 3) void player.stop();
    });
    player.start();
    const { reason, failure } = await player.ended;
    assert.deepEqual([reason, failure?.message], ['stopped', undefined]);
    const notes = device.end();
    const { xruns, headroomMs, gapMs, late } = judge(notes, 0, 600_000);
    assert.deepEqual([notes.periodFrames, notes.ringFrames, notes.waits], [periodFrames, ringFrames, false]);
    assert.deepEqual([xruns >= 3, headroomMs], [true, 0], `${xruns} xruns`);
    assert.ok(gapMs >= 30 && quantile(late, 1) >= 60_000, `${gapMs} ms, ${quantile(late, 1)} us late`);
  } finally {
    if (before === undefined) delete process.env.ALSA_CONFIG_PATH;
    else process.env.ALSA_CONFIG_PATH = before;
    device.remove();
    folder.remove();
  }
});
