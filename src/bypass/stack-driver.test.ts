import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createEventDescriptor, signalEvent } from '../kernel/event.js';
import { platformIsLinux } from '../kernel/ffi.js';
import { closeDescriptor } from '../kernel/socket.js';
import { Loop } from '../transport/loop.js';
import { StackDriver } from './stack-driver.js';
import type { StackBaseExports } from './stack-exports.js';

const skip = platformIsLinux ? false : 'needs Linux';
const never = 0xffff_ffff;

/** A module that answers as it is told to, on a clock that goes on by 5 us with each look at it. */
function driven(answers: readonly number[], pollUs: number, deadlineUs = never) {
  const loop = new Loop('epoll');
  const descriptor = createEventDescriptor();
  const turns: number[] = [];
  const kicks: boolean[] = [];
  let nowUs = 0;
  let asked = 0;
  const core = {
    turn: (us: number) => {
      turns.push(us);
      return answers[turns.length - 1] ?? 0;
    },
    nextDeadlineUs: () => deadlineUs,
    framesOwnedBy: () => 0,
    endsUnheard: () => 0,
  } as unknown as StackBaseExports;
  const link = { descriptor, worked: (kick: boolean) => void kicks.push(kick), close: () => {} };
  const clockUs = () => (nowUs += 5);
  const driver = new StackDriver(loop, core, link, { pollUs, asked: () => asked++, clockUs });
  return {
    ...{ loop, descriptor, turns, kicks, driver },
    get asked() {
      return asked;
    },
    close() {
      loop.close();
      closeDescriptor(descriptor);
    },
  };
}

test('it looks for packets as long as was asked for after the last ones, then waits for the link', { skip }, () => {
  const it = driven([1 | 4, 0, 4, 0], 50);
  signalEvent(it.descriptor);
  it.driver.step(5000);
  // Served at 5 and, ten looks of 5 us behind that, for the last time at 15.
  assert.equal(it.turns.length, 13);
  assert.deepEqual(it.kicks.slice(0, 3), [true, false, false]);
  const before = it.turns.length;
  it.driver.step(0);
  assert.equal(it.turns.length, before + 1, 'nothing came: it does not look again');
  it.close();
});

test('it waits no longer than the module wants its turn', { skip }, () => {
  const it = driven([], 0, 3000);
  const before = performance.now();
  it.driver.step(-1);
  assert.ok(performance.now() - before >= 2);
  assert.equal(it.driver.isQuiet, true);
  it.close();
});

test('the loop has its turns while packets come, and what was asked for is heard', { skip }, () => {
  const it = driven(new Array(100_000).fill(2 | 8), 0);
  let ran = 0;
  it.loop.nextTurn(() => ran++);
  it.driver.step(-1);
  assert.equal(ran, 1);
  assert.ok(it.turns.length < 1000, `${it.turns.length} turns in 2 ms`);
  assert.equal(it.asked, it.turns.length);
  it.close();
});
