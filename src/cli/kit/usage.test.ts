import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { nearest } from './usage.js';

const commands = ['serve', 'doctor', 'calibrate', 'plan', 'meter', 'journey', 'why', 'lab'];

test('one wrong, missing, doubled or swapped letter finds the command', () => {
  for (const [typed, meant] of [
    ['srve', 'serve'],
    ['servve', 'serve'],
    ['sevre', 'serve'],
    ['metar', 'meter'],
    ['hwy', 'why'],
    ['calbrate', 'calibrate'],
    ['calib', 'calibrate'],
    ['jounrye', 'journey'],
  ] as const) {
    assert.equal(nearest(typed, commands), meant, typed);
  }
});

test('what is far from every command finds none', () => {
  for (const typed of ['', 'x', 'listen', 'start', 'frobnicate'])
    assert.equal(nearest(typed, commands), undefined, typed);
});

test('a command is nearest to itself, and one changed letter of a long one does not lose it', () => {
  fc.assert(
    fc.property(fc.constantFrom(...commands), fc.nat(), fc.constantFrom('q', 'z', '-'), (command, place, letter) => {
      assert.equal(nearest(command, commands), command);
      const at = place % command.length;
      const changed = command.slice(0, at) + letter + command.slice(at + 1);
      if (command.length >= 5) assert.equal(nearest(changed, commands), command);
    }),
  );
});
