import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isEntityTag, makeEntityTag, matchesStrongly, matchesWeakly, parseEntityTagList } from './etag.js';

test('comparison as in the table of RFC 9110 section 8.8.3.2', () => {
  for (const [left, right, strong, weak] of [
    ['W/"1"', 'W/"1"', false, true],
    ['W/"1"', 'W/"2"', false, false],
    ['W/"1"', '"1"', false, true],
    ['"1"', 'W/"1"', false, true],
    ['"1"', '"1"', true, true],
    ['"1"', '"2"', false, false],
  ] as const) {
    assert.equal(matchesStrongly(left, right), strong, `${left} ${right}`);
    assert.equal(matchesWeakly(left, right), weak, `${left} ${right}`);
  }
});

test('the tag of a file', () => {
  assert.equal(makeEntityTag(0n, 0), '"0-0"');
  assert.equal(makeEntityTag(1_700_000_000_123_456_789n, 1024), `"${(1_700_000_000_123_456_789n).toString(36)}-sg"`);
  assert.equal(makeEntityTag(35n, 36, 'br'), '"z-10-br"');
  assert.notEqual(makeEntityTag(1n, 5), makeEntityTag(2n, 5));
  assert.ok(isEntityTag(makeEntityTag(-5n, 2 ** 53 - 1, 'gzip')));
});

test('lists', () => {
  assert.equal(parseEntityTagList('*'), '*');
  assert.equal(parseEntityTagList(' * '), '*');
  assert.deepEqual(parseEntityTagList('"a"'), ['"a"']);
  assert.deepEqual(parseEntityTagList('"a","b" ,\tW/"c,d", ""'), ['"a"', '"b"', 'W/"c,d"', '""']);
  assert.deepEqual(parseEntityTagList(', ,"a",,'), ['"a"']);
  for (const text of [
    '',
    ',',
    'a',
    '"a',
    'a"',
    '"a" "b"',
    '"a""b"',
    'w/"a"',
    'W/ "a"',
    '"a", b',
    '*, "a"',
    '"a b"',
    '"a\tb"',
    '"a", *',
  ]) {
    assert.equal(parseEntityTagList(text), undefined, text);
  }
});

test('one tag', () => {
  for (const text of ['"a"', 'W/"a"', '""', '"!#~\x80\xff"']) assert.equal(isEntityTag(text), true, text);
  for (const text of ['a', '"a', '"a"b', ' "a"', '"a" ', 'w/"a"', '"a b"', '"a"\n', '"a","b"']) {
    assert.equal(isEntityTag(text), false, text);
  }
});
