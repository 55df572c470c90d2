import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeEngine } from '../engine/fake.js';
import { Loop, tickMs } from '../transport/loop.js';
import { limitedSay } from './limited-say.js';

test('sentences are bounded, what is left out is counted and said, and after a while all are said again', () => {
  let nowMs = 0;
  const loop = new Loop(new FakeEngine(), () => nowMs);
  const said: string[] = [];
  const say = limitedSay(loop, (sentence) => said.push(sentence));
  const pass = (seconds: number): void => {
    for (const untilMs = nowMs + seconds * 1000; nowMs < untilMs; ) {
      nowMs += tickMs;
      loop.turn(0);
    }
  };
  for (let count = 0; count < 10_000; count++) say('no');
  assert.equal(said.length, 100);
  pass(1);
  assert.deepEqual(said.slice(100), ['9900 more sentences like these are left out']);
  for (let count = 0; count < 1000; count++) {
    say('no');
    pass(0.25);
  }
  assert.ok(said.length < 700, `${said.length}`);
  pass(120);
  const before = said.length;
  for (let count = 0; count < 100; count++) say('yes');
  assert.deepEqual(said.slice(before), new Array(100).fill('yes'));
  loop.close();
});
