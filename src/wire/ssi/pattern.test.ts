// Patterns of conditions: what they capture, that no pattern and no text can keep the loop, and what is refused.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { matchPattern, matchStepsPerPage } from './pattern.js';

function match(pattern: string, text: string): Record<string, string> | null | undefined {
  const captures = matchPattern(pattern, text, { steps: matchStepsPerPage });
  return captures ? Object.fromEntries(captures) : captures;
}

test('a pattern is found anywhere, and captures by number and by name', () => {
  assert.deepEqual(match('/b(.)(x)?/', 'abc'), { '1': 'c', '2': '' });
  assert.deepEqual(match('/(?P<First>b)(?<last>c)/', 'abc'), { '1': 'b', '2': 'c', first: 'b', last: 'c' });
  assert.deepEqual(match('/(?i)^ABC\\$/', 'abc'), {});
  assert.deepEqual(match('/^abc$/', 'abc'), {});
  assert.deepEqual(match('/[\\xe0-\\xef]\\d{2,}/', '\xe9123'), {});
  assert.equal(match('/^b/', 'abc'), null);
});

test('what needs backtracking, or is no pattern, is refused', () => {
  const wrong = ['/(?=a)/', '/(?<!a)b/', '/(a)\\1/', '/a++/', '/(?>a)b/', '/(/', '/open', '/', ''];
  for (const pattern of wrong) assert.equal(match(pattern, 'aa'), undefined, pattern);
  for (const pattern of ['/((a{100}){100}){100}/', '/a{3000}/', '/(a{50}){50}/', `/${'a'.repeat(2000)}/`]) {
    assert.equal(match(pattern, 'aa'), undefined, pattern.slice(0, 40));
  }
  assert.equal(match('/a/', 'a'.repeat(5000)), undefined);
});

// A backtracking matcher needs longer for each of these than the sun has left; the steps are counted, not the time.
const hostile = ['/^(a+)+$/', '/^(a|aa)+$/', '/^(a|a?)+$/', '/^(([a-z])+.)+[A-Z]([a-z])+$/', '/(.*)*(.*)*(.*)*!!/'];

test('patterns that never end elsewhere end here', () => {
  const text = `${'a'.repeat(4000)}!`;
  for (const pattern of hostile) assert.equal(match(pattern, text), null, pattern);
  assert.deepEqual(match(`/${'a?'.repeat(200)}${'a'.repeat(200)}/`, 'a'.repeat(200)), {});
});

test('a page has a budget of steps, and beyond it a condition is an error', () => {
  const budget = { steps: matchStepsPerPage };
  const text = 'a'.repeat(4000);
  let matches = 0;
  while (matchPattern('/a{500}b|c/', text, budget) !== undefined) matches++;
  assert.ok(matches > 0 && matches <= matchStepsPerPage / (500 * 4000), String(matches));
  assert.equal(matchPattern('/a/', 'a', budget), undefined);
});
