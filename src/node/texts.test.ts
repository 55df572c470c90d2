// The small readers and writers of the doors: times, addresses, names of downloads, patterns, errors, options.

import assert from 'node:assert/strict';
import { STATUS_CODES } from 'node:http';
import { test } from 'node:test';
import { attachment, pathBehindPrefix, prefixMatcher, withTrailingSlash } from './fastify-paths.js';
import { resolveFileOptions } from './file-options.js';
import { globPattern } from './file-walk.js';
import { HttpError, httpError } from './http-error.js';
import { parseMaxAge } from './max-age.js';

test('max-age is read as people write it', () => {
  const cases: [number | string | undefined, number][] = [
    [undefined, 0],
    [0, 0],
    [1999, 1],
    ['30d', 30 * 86_400],
    ['1.5 hours', 5400],
    ['2y', 365 * 86_400],
    ['60000', 60],
    ['1 fortnight', 0],
    ['-5s', 0],
    [Number.POSITIVE_INFINITY, 365 * 86_400],
    [Number.NaN, 0],
  ];
  for (const [value, seconds] of cases) assert.equal(parseMaxAge(value), seconds, String(value));
});

test('options are refused in words', () => {
  assert.throws(() => resolveFileOptions({ dotfiles: 'hide' as never }), /dotfiles option must be/);
  assert.throws(() => resolveFileOptions({ index: 42 as never }), /index option must be array of strings or false/);
  assert.throws(() => resolveFileOptions({ extensions: true as never }), /extensions option/);
  assert.throws(() => resolveFileOptions({ links: 'all' as never }), /links option/);
  assert.deepEqual(resolveFileOptions({ index: false, extensions: false }).index, []);
  assert.equal(resolveFileOptions({ cacheControl: false, maxAge: 5 }).cacheControl, undefined);
});

test('errors have the name, the status and the cause that handlers look for', () => {
  for (const status of [400, 403, 404, 412, 416, 500, 503]) {
    const error = new HttpError(status);
    assert.deepEqual([error.status, error.message, error.expose], [status, STATUS_CODES[status], status < 500]);
    assert.match(error.name, /^[A-Z][A-Za-z]+Error$/);
  }
  const cause = Object.assign(new Error('gone'), { code: 'ENOENT' });
  assert.equal(httpError(404, cause), cause);
  assert.deepEqual([httpError(404, cause).statusCode, cause.code], [404, 'ENOENT']);
});

test('a download keeps its name in every browser', () => {
  assert.equal(attachment('/x/report.pdf'), 'attachment; filename=report.pdf');
  assert.equal(attachment('a "b".txt'), 'attachment; filename="a \\"b\\".txt"');
  assert.equal(attachment('€.txt'), `attachment; filename="?.txt"; filename*=UTF-8''%E2%82%AC.txt`);
  assert.equal(attachment('50%25.txt'), `attachment; filename=50%25.txt; filename*=UTF-8''50%2525.txt`);
  assert.equal(attachment("it's (1).txt"), `attachment; filename="it's (1).txt"`);
});

test('the path behind a prefix, parameters and all', () => {
  const match = prefixMatcher('/v1/:user/files/*');
  assert.equal(pathBehindPrefix('/v1/ann/files/a%20b?x=/..', match), '/a b');
  assert.equal(pathBehindPrefix('/v1/ann/files/', match), '/');
  assert.equal(pathBehindPrefix('/v1/../files/a', match), 'climbs');
  assert.equal(pathBehindPrefix('/v1/ann/files/%2e%2e/a', match), 'climbs');
  assert.equal(pathBehindPrefix('/v1/ann/files/%2Fa', match), '/%2Fa');
  assert.equal(pathBehindPrefix('/v2/ann/files/a', match), undefined);
  assert.equal(pathBehindPrefix('/v1/ann/files/%', match), undefined);
  assert.equal(pathBehindPrefix('/a', prefixMatcher('/*')), '/a');
  assert.equal(withTrailingSlash('//host/a?b=c'), '/host/a/?b=c');
  assert.equal(withTrailingSlash('/a/'), '/a/');
});

test('globs', () => {
  const cases: [string, string, boolean][] = [
    ['**/*.map', 'a.map', true],
    ['**/*.map', 'x/y/a.map', true],
    ['*.map', 'x/a.map', false],
    ['x/**', 'x/y/z', true],
    ['x/**', 'xy/z', false],
    ['a?.{js,css}', 'ab.css', true],
    ['a?.{js,css}', 'ab.cssx', false],
    ['[!a]*.txt', 'b.txt', true],
    ['[!a]*.txt', 'a.txt', false],
    ['a+(b).txt', 'a+(b).txt', true],
  ];
  for (const [glob, path, matches] of cases) assert.equal(globPattern(glob).test(path), matches, `${glob} ${path}`);
});
