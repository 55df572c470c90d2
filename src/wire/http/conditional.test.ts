import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  evaluateIfRange,
  evaluatePreconditions,
  type Preconditions,
  type Validators,
  type Verdict,
} from './conditional.js';

const OLD = 'Sun, 06 Nov 1994 08:49:36 GMT';
const SAME = 'Sun, 06 Nov 1994 08:49:37 GMT';
const NEW = 'Sun, 06 Nov 1994 08:49:38 GMT';
const BAD = '1994-11-06';
const file: Validators = { etag: '"a"', lastModifiedSeconds: 784111777 };

function get(preconditions: Preconditions, validators = file): Verdict {
  return evaluatePreconditions(true, preconditions, validators);
}

test('each precondition alone', () => {
  const rows: Array<[Preconditions, Verdict, Verdict]> = [
    [{}, 0, 0],
    [{ ifMatch: '*' }, 0, 0],
    [{ ifMatch: '"a"' }, 0, 0],
    [{ ifMatch: '"b", "a"' }, 0, 0],
    [{ ifMatch: '"b"' }, 412, 412],
    [{ ifMatch: 'W/"a"' }, 412, 412],
    [{ ifMatch: 'a' }, 412, 412],
    [{ ifNoneMatch: '*' }, 304, 412],
    [{ ifNoneMatch: '"a"' }, 304, 412],
    [{ ifNoneMatch: 'W/"a"' }, 304, 412],
    [{ ifNoneMatch: '"b", W/"a"' }, 304, 412],
    [{ ifNoneMatch: '"b"' }, 0, 0],
    [{ ifNoneMatch: 'a' }, 0, 0],
    [{ ifNoneMatch: '' }, 0, 0],
    [{ ifModifiedSince: OLD }, 0, 0],
    [{ ifModifiedSince: SAME }, 304, 0],
    [{ ifModifiedSince: NEW }, 304, 0],
    [{ ifModifiedSince: BAD }, 0, 0],
    [{ ifModifiedSince: `${SAME}, ${SAME}` }, 0, 0],
    [{ ifUnmodifiedSince: OLD }, 412, 412],
    [{ ifUnmodifiedSince: SAME }, 0, 0],
    [{ ifUnmodifiedSince: NEW }, 0, 0],
    [{ ifUnmodifiedSince: BAD }, 0, 0],
  ];
  for (const [preconditions, ofGet, ofPut] of rows) {
    assert.equal(get(preconditions), ofGet, JSON.stringify(preconditions));
    assert.equal(evaluatePreconditions(false, preconditions, file), ofPut, JSON.stringify(preconditions));
  }
});

test('precedence (RFC 9110 section 13.2.2)', () => {
  // If-Match hides If-Unmodified-Since, If-None-Match hides If-Modified-Since, whatever they are worth.
  assert.equal(get({ ifMatch: '"a"', ifUnmodifiedSince: OLD }), 0);
  assert.equal(get({ ifMatch: '"b"', ifUnmodifiedSince: NEW }), 412);
  assert.equal(get({ ifNoneMatch: '"a"', ifModifiedSince: OLD }), 304);
  assert.equal(get({ ifNoneMatch: '"b"', ifModifiedSince: NEW }), 0);
  assert.equal(get({ ifNoneMatch: 'broken', ifModifiedSince: NEW }), 0);
  // 412 comes before 304.
  assert.equal(get({ ifMatch: '"b"', ifNoneMatch: '"a"' }), 412);
  assert.equal(get({ ifUnmodifiedSince: OLD, ifModifiedSince: NEW }), 412);
  assert.equal(get({ ifMatch: '"a"', ifNoneMatch: '"a"' }), 304);
});

test('without a validator its conditions are ignored, and * still matches', () => {
  assert.equal(get({ ifUnmodifiedSince: OLD, ifModifiedSince: NEW }, { etag: '"a"' }), 0);
  assert.equal(get({ ifMatch: '"a"' }, {}), 412);
  assert.equal(get({ ifMatch: '*' }, {}), 0);
  assert.equal(get({ ifNoneMatch: '*' }, {}), 304);
});

test('If-Range: the strong tag or the exact date (RFC 9110 section 13.1.5)', () => {
  for (const [text, holds] of [
    ['"a"', true],
    ['W/"a"', false],
    ['"b"', false],
    ['a', false],
    ['*', false],
    ['"a", "b"', false],
    ['', false],
    [OLD, false],
    [SAME, true],
    [NEW, false],
    [BAD, false],
    ['Sunday, 06-Nov-94 08:49:37 GMT', true],
  ] as const) {
    assert.equal(evaluateIfRange(text, file), holds, text);
  }
  assert.equal(evaluateIfRange('W/"a"', { etag: 'W/"a"' }), false);
  assert.equal(evaluateIfRange('"a"', {}), false);
  assert.equal(evaluateIfRange(BAD, {}), false);
});

test('an If-None-Match makes If-Modified-Since irrelevant; a 304 is only for GET and HEAD', () => {
  const text = fc.option(fc.constantFrom('"a"', 'W/"a"', '"b"', '*', 'x', '"b","a"'), { nil: undefined });
  const date = fc.option(fc.constantFrom(OLD, SAME, NEW, BAD), { nil: undefined });
  const all = fc.record({ ifMatch: text, ifNoneMatch: text, ifModifiedSince: date, ifUnmodifiedSince: date });
  fc.assert(
    fc.property(all, fc.boolean(), date, (preconditions, isGet, otherDate) => {
      const verdict = evaluatePreconditions(isGet, preconditions, file);
      if (verdict === 304) assert.ok(isGet);
      if (preconditions.ifNoneMatch !== undefined) {
        assert.equal(evaluatePreconditions(isGet, { ...preconditions, ifModifiedSince: otherDate }, file), verdict);
      }
      if (preconditions.ifMatch !== undefined) {
        assert.equal(evaluatePreconditions(isGet, { ...preconditions, ifUnmodifiedSince: otherDate }, file), verdict);
      }
    }),
  );
});
