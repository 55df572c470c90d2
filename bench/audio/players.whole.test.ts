// Each program that is measured, through the benchmark's rig: it plays, what the device is given is the file, and its row of the table is one. Nothing here depends on time.
// Not here: the device's notes (device/observed.test.ts).

import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { AudioFolder } from '../../test/support/audio-files.js';
import { hasEnded, stopChild } from '../host/child.js';
import { NoteKind } from './device/notes.js';
import { ObservedDevice, observedAbsence } from './device/observed.js';
import { type JitterSettings, jitterTable } from './jitter.js';
import { type PlayerSubject, playerSubjects, startHeard } from './players.js';

const rate = 48_000;
const ring = { rate, periodFrames: 6000, ringFrames: 24_000 };
const bytesOfFrame = 4;

/** The Node library is none of Debian's, and hands over nothing at times. */
const subjects = playerSubjects.filter(({ name }) => !name.startsWith('speaker'));
const skip = process.getuid?.() === 0 ? (observedAbsence() ?? false) : 'needs root: rights are taken from the players';

const folder = new AudioFolder();
const device = skip === false ? new ObservedDevice(folder.path) : undefined;
after(() => {
  device?.remove();
  folder.remove();
});

/** Plays it to its end, until the program gives the device back. @returns all bytes that the device was given */
async function playThrough(subject: PlayerSubject, observed: ObservedDevice, file: string): Promise<Buffer> {
  const soundFile = folder.at('given.raw');
  rmSync(soundFile, { force: true });
  observed.begin({ ...ring, soundFile });
  Object.assign(process.env, observed.environment);
  let child: ChildProcess | undefined;
  try {
    const { path } = folder;
    const { periodFrames } = ring;
    const playing = { folder: path, file, device: observed.name, periodFrames, isRealtime: false, garbage: false };
    const started = await startHeard(subject, playing);
    child = started.child;
    for (const until = performance.now() + 30_000; performance.now() < until; await sleep(100)) {
      // What was killed, or never opened it, has no last note.
      const kinds = existsSync(soundFile) ? observed.end().notes.map(({ kind }) => kind) : [];
      if (kinds.at(-1) === NoteKind.closed && kinds.includes(NoteKind.committed)) return readFileSync(soundFile);
      if (hasEnded(child) && kinds.at(-1) !== NoteKind.closed) break;
    }
    const kinds = observed.end().notes.map(({ kind }) => kind);
    throw new Error(`${subject.name} did not play to the end: notes ${kinds}, it said ${started.said()}`);
  } finally {
    if (child !== undefined) await stopChild(child, 1500);
  }
}

for (const subject of subjects) {
  const absence = skip === false ? (subject.absence() ?? false) : skip;
  test(`${subject.name} plays: what the device is given is the file, then silence`, { skip: absence }, async () => {
    // Not whole periods, and more than the ring.
    const { path, payload } = folder.wave('short.wav', 30_011);
    const given = await playThrough(subject, device!, path);
    const committed = device!.end().notes.filter(({ kind }) => kind === NoteKind.committed);
    const frames = committed.reduce((sum, note) => sum + note.frames, 0);
    assert.equal(frames * bytesOfFrame, given.length, 'the notes tell of every frame');
    assert.ok(given.length >= payload.length, `${frames} frames of ${payload.length / bytesOfFrame}`);
    assert.ok(given.subarray(0, payload.length).equals(payload), 'every bit, and nothing between');
    assert.ok(
      given.subarray(payload.length).every((byte) => byte === 0),
      'behind it is silence',
    );
  });
}

test('a row for each player that is here, whose figures are figures, and a sentence for each that is not', {
  skip,
}, async () => {
  const { path } = folder.wave('long.wav', rate * 30);
  const settings: JitterSettings = { rate, rounds: 1, seconds: 1, isIdle: true, folder: folder.path, file: path };
  const groups = [{ periodFrames: ring.periodFrames, isRealtime: false }];
  const table = await jitterTable(subjects, groups, settings, device!);
  const lines = table.split('\n');
  const cellsOf = (line: string): string[] => line.slice(2, -2).split(' | ');
  const [head = '', , ...rows] = lines.filter((line) => line.startsWith('| '));
  assert.deepEqual(cellsOf(head).slice(0, 2), ['ring', 'player']);
  const present = subjects.filter((subject) => subject.absence() === undefined);
  assert.deepEqual(
    rows.map((row) => cellsOf(row)[1]),
    present.map(({ name }) => name),
    table,
  );
  for (const row of rows) {
    const [shape, name, ...figures] = cellsOf(row);
    assert.equal(figures.length, cellsOf(head).length - 2, row);
    assert.equal(shape, '6000 x 4');
    const [p50, p99, latest, spread, headroom, ofOurs, least, xruns, wakeUps] = figures as string[];
    for (const figure of [p50, p99, latest, spread, least]) assert.match(figure!, /^\d+(?:\.\d)?$/, `${name}: ${row}`);
    assert.ok(Number(p50) <= Number(p99) && Number(p99) <= Number(latest), row);
    assert.match(headroom!, /^\d+\.\d \(\d+ %\)$/);
    assert.match(ofOurs!, /^(?:\d+\.\d\d|-)$/);
    assert.match(xruns!, /^\d+, \d+$/);
    assert.match(wakeUps!, /^[1-9]\d* \/ [1-9]\d*$/, 'it was seen to play');
  }
  for (const subject of subjects) {
    const absence = subject.absence();
    if (absence !== undefined) assert.ok(table.includes(`${subject.name} was not measured: ${absence}.`), table);
  }
});
