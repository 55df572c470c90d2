import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { cpuMs } from '../../test/support/cpu-time.js';
import { isPathPattern, matchesPattern } from './path-pattern.js';

test('patterns match whole paths; a star is any characters', () => {
  for (const [pattern, path, matches] of [
    ['/', '/', true],
    ['/', '/a', false],
    ['/*', '/', true],
    ['/*', '/a/b.js', true],
    ['/assets/*', '/assets/a/b.js', true],
    ['/assets/*', '/assets', false],
    ['/assets/*.js', '/assets/a/b.js', true],
    ['/assets/*.js', '/assets/b.js.map', false],
    ['/*.js', '/a/b.js', true],
    ['/*/c/*.css', '/a/b/c/d/e.css', true],
    ['/a', '/A', false],
    ['/a.c', '/abc', false],
    ['/a*a', '/a', false],
  ] as const) {
    assert.equal(matchesPattern(pattern, path), matches, `${pattern} ${path}`);
  }
  assert.deepEqual(
    ['/a', '/', '/ä *', 'a', '', '*', '/a\n', `/${'a'.repeat(1024)}`].map((each) => isPathPattern(each)),
    [true, true, true, false, false, false, false, false],
  );
});

test('a pattern is what a regular expression of it is', () => {
  const texts = fc.string({ unit: fc.constantFrom('a', 'b', '/', '*', '.'), maxLength: 8 });
  fc.assert(
    fc.property(texts, fc.string({ unit: fc.constantFrom('a', 'b', '/', '.'), maxLength: 10 }), (pattern, path) => {
      const words = pattern.split('*').map((each) => each.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&'));
      assert.equal(matchesPattern(pattern, path), new RegExp(`^${words.join('.*')}$`).test(path));
    }),
  );
});

test('many stars and a long path take no long time', () => {
  const before = cpuMs();
  assert.equal(matchesPattern(`/${'*a'.repeat(500)}b`, `/${'a'.repeat(4000)}`), false);
  assert.ok(cpuMs() - before < 1000);
});
