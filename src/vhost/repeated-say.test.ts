import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RepeatedSay } from './repeated-say.js';

function setUp() {
  const said: string[] = [];
  const repeated = new RepeatedSay((sentence) => said.push(sentence));
  let count = 0;
  const visit = (sentences: readonly string[], isInVain = true, end = 'gone'): string[] => {
    repeated.came(`came, number ${++count}`, 'came');
    for (const sentence of sentences) repeated.say(sentence);
    repeated.ended(end, isInVain);
    return said.splice(0);
  };
  return { repeated, visit, said };
}

test('a visit that is in vain is said once, then counted; what is new is said, after the count', () => {
  const { visit, repeated, said } = setUp();
  assert.deepEqual(visit(['refused']), ['came, number 1', 'refused', 'gone']);
  for (let count = 0; count < 1000; count++) assert.deepEqual(visit(['refused']), []);
  assert.deepEqual(visit(['refused otherwise']), [
    'it came 1000 more times, and each time it was the same',
    'came, number 1002',
    'refused otherwise',
    'gone',
  ]);
  assert.deepEqual(visit(['refused otherwise']), []);
  const runs = ['it came 1 more times, and each time it was the same', 'came, number 1004', 'runs', 'gone'];
  assert.deepEqual(visit(['runs'], false), runs);
  assert.deepEqual(visit(['refused otherwise']), ['came, number 1005', 'refused otherwise', 'gone']);
  visit(['refused otherwise']);
  repeated.finish();
  assert.deepEqual(said.splice(0), ['it came 1 more times, and each time it was the same']);
  repeated.finish();
  assert.deepEqual(said, []);
});

test('a visit that got somewhere is said each time, and so are a shorter one, a longer one and one that ends otherwise', () => {
  const { visit } = setUp();
  for (let count = 1; count < 5; count++) {
    assert.deepEqual(visit(['runs'], false), [`came, number ${count}`, 'runs', 'gone']);
  }
  visit(['one', 'two']);
  assert.deepEqual(visit(['one']), ['came, number 6', 'one', 'gone']);
  assert.deepEqual(visit(['one', 'two']), ['came, number 7', 'one', 'two', 'gone']);
  assert.deepEqual(visit(['one', 'two', 'three']), ['came, number 8', 'one', 'two', 'three', 'gone']);
  assert.deepEqual(visit(['one', 'two', 'three'], true, 'let go'), ['came, number 9', 'one', 'two', 'three', 'let go']);
});

test('one of which much is said is never held back', () => {
  const { visit } = setUp();
  const much = Array.from({ length: 40 }, (_, index) => `${index}`);
  assert.equal(visit(much).length, 42);
  assert.equal(visit(much).length, 42);
});
