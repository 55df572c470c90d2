import assert from 'node:assert/strict';
import { test } from 'node:test';
import { atOnce } from '../../presentation/cut.js';
import { presentationOf } from '../../presentation/presentation.js';
import { readFilm } from '../../read-film.js';
import { tablePool } from '../../table-pool.js';
import { makeFilm } from './made-film.js';
import { beginRehearsal } from './rehearsal.js';

for (const gapBytes of [0, 3e9]) {
  test(`the made film is one that can be offered, to its last sample, ${gapBytes} bytes behind its header`, () => {
    isOffered(gapBytes);
  });
}

function isOffered(gapBytes: number): void {
  const { header, size } = atOnce(makeFilm(800, gapBytes));
  assert.ok(size > gapBytes && header.length < 64 * 1024);
  const reading = readFilm(size);
  let step = reading.next();
  while (step.done !== true) {
    const need = step.value;
    step = reading.next(need && header.subarray(need.offset, need.offset + need.length));
  }
  const film = step.value;
  // 32 s of pictures, of which the last is shown two later than it is decoded.
  assert.deepEqual([film.leftOut, film.notes, film.durationSeconds], [[], [], 32.08]);
  const [video, audio] = film.tracks.map(({ samples }) => samples);
  assert.deepEqual([video!.count, video!.syncCount, audio!.count], [800, 16, 1500]);
  // The sound lies behind its frame, and the last packet ends the file.
  assert.equal(video!.offset(1), audio!.offset(1) + 340);
  assert.equal(audio!.offset(1499) + 340, size);
  const { renditions, independent } = presentationOf(film);
  assert.deepEqual([renditions.map(({ segments }) => segments.count), independent], [[8, 8], true]);
}

/** A worker's loop, turn by turn. */
class Turns {
  readonly ticks = new Set<(nowMs: number) => void>();
  #due: Array<() => void> = [];
  turns = 0;

  everyTick(callback: (nowMs: number) => void): () => void {
    this.ticks.add(callback);
    return () => this.ticks.delete(callback);
  }

  nextTurn(work: () => void): void {
    this.#due.push(work);
  }

  tick(): void {
    for (const tick of [...this.ticks]) tick(0);
  }

  /** Whether anything was to be done. */
  turn(): boolean {
    const due = this.#due;
    this.#due = [];
    for (const work of due) work();
    this.turns++;
    return due.length > 0;
  }
}

test('the rehearsal waits for the first answer, gives way to others, and leaves nothing behind', () => {
  const loop = new Turns();
  let answers = 0;
  let isReading = false;
  const leased = tablePool().leasedBytes;
  beginRehearsal({ loop, answers: () => answers, isReading: () => isReading }, 2);
  loop.tick();
  assert.equal(loop.turn(), false, 'before the first answer nothing is done');
  answers = 1;
  loop.tick();
  assert.equal(loop.turn(), true, 'it goes on in the next turn');
  answers = 2;
  assert.equal(loop.turn(), true);
  assert.equal(loop.turn(), false, 'somebody was answered: the thread is theirs until the next tick');
  isReading = true;
  loop.tick();
  assert.equal(loop.turn(), false, 'a film that is read for somebody comes first');
  isReading = false;
  loop.tick();
  while (loop.turn());
  assert.ok(loop.turns > 10, 'in many short turns');
  assert.deepEqual([loop.ticks.size, tablePool().leasedBytes - leased], [0, 0]);
});

test('where nobody comes the rehearsal begins by itself, after a second', () => {
  const loop = new Turns();
  const end = beginRehearsal({ loop, answers: () => 0, isReading: () => false });
  for (let tick = 1; tick < 4; tick++) loop.tick();
  assert.equal(loop.turn(), false);
  loop.tick();
  assert.equal(loop.turn(), true);
  end();
});

test('a rehearsal that is ended does nothing more', () => {
  const loop = new Turns();
  const end = beginRehearsal({ loop, answers: () => 1, isReading: () => false });
  loop.tick();
  end();
  loop.turn();
  assert.equal(loop.turn(), false);
  assert.equal(loop.ticks.size, 0);
});
