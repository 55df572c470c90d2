import assert from 'node:assert/strict';
import { test } from 'node:test';
import { shown } from './shown.js';

test('every value has a text, whatever it is', () => {
  const circle: Record<string, unknown> = {};
  circle['itself'] = circle;
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  const thrower = {
    get value() {
      throw new Error('of the getter');
    },
  };
  const expected: [unknown, string][] = [
    ['a\0b', '"a\\u0000b"'],
    [Number.NaN, 'NaN'],
    [Number.POSITIVE_INFINITY, 'Infinity'],
    [10n, '10n'],
    [undefined, 'undefined'],
    [null, 'null'],
    [Symbol('q'), 'Symbol(q)'],
    [() => 1, 'a function'],
    [[1, [2n]], 'an object'],
    [circle, 'an object'],
    [thrower, 'an object'],
    [proxy, 'an object'],
    [{ toJSON: () => undefined }, 'an object'],
    [Object.create(null), '{}'],
    [['x', 1], '["x",1]'],
  ];
  for (const [value, text] of expected) assert.equal(shown(value), text);
});
