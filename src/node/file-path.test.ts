// Paths of URLs against a root: what they name, and which are refused.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseFilePath } from './file-path.js';

const root = '/srv/site';
const skip = process.platform === 'win32' ? 'the expectations are POSIX paths' : false;

function relative(given: string): string | number {
  const path = parseFilePath(given, root);
  return typeof path === 'number' ? path : path.relative;
}

test('a path names what it names after one decoding and one normalisation', { skip }, () => {
  assert.equal(relative('/a/b.txt'), 'a/b.txt');
  assert.equal(relative('//a//b.txt'), 'a/b.txt');
  assert.equal(relative('/a/../b.txt'), 'b.txt');
  assert.equal(relative('/a%20b%2Fc'), 'a b/c');
  assert.equal(relative('/%2525'), '%25');
  assert.equal(relative(''), '');
  assert.equal(relative('/'), '');
  assert.equal(relative('/.'), '');
});

test('what cannot be decoded is a bad request, what climbs is forbidden', { skip }, () => {
  for (const given of ['/%', '/%zz', '/%c0%af', '/a%00b']) assert.equal(relative(given), 400, given);
  for (const given of ['/..', '/../a', '/a/../../b', '/%2e%2e/a', '/..%2fa', '/..\\a', '/a/..%5c..%5cb']) {
    assert.equal(relative(given), 403, given);
  }
  assert.equal(relative('/...'), '...');
  assert.equal(relative('/a..b/..c'), 'a..b/..c');
});

test('dotfiles, slashes at the end, and paths without a root', { skip }, () => {
  const facts = (given: string, at: string | undefined) => {
    const path = parseFilePath(given, at);
    assert.ok(typeof path === 'object');
    return [path.absolute, path.trailingSlash, path.directoryOnly, path.dotfile];
  };
  assert.deepEqual(facts('/.git/config', root), ['/srv/site/.git/config', false, false, true]);
  assert.deepEqual(facts('/a/', root), ['/srv/site/a/', true, true, false]);
  assert.deepEqual(facts('/a%2F', root), ['/srv/site/a/', false, true, false]);
  assert.deepEqual(facts('/', root), ['/srv/site/', true, false, false]);
  assert.deepEqual(facts('', '/srv/file'), ['/srv/file', false, false, false]);
  assert.deepEqual(facts('/etc/./a.txt', undefined), ['/etc/a.txt', false, false, false]);
  assert.equal(parseFilePath('/etc/../a', undefined), 403);
});

test('whatever is asked for stays beneath the root', { skip }, () => {
  const piece = fc.constantFrom('a', '..', '.', '', '%2e', '%2e%2e', '%2F', '%5c', '\\', '.b', 'c d', '%00', '%', 'ü');
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
      const path = parseFilePath(`/${pieces.join('/')}`, root);
      if (typeof path === 'number') return;
      assert.ok(path.absolute === root || path.absolute.startsWith(`${root}/`), path.absolute);
      const segments = path.relative.split('/');
      assert.ok(path.relative === '' || segments.every((each) => each !== '' && each !== '.' && each !== '..'));
    }),
  );
});

test('the short way gives what the long way gives', { skip }, () => {
  const name = fc.stringMatching(/^[\w~-][\w.~-]{0,6}$/);
  fc.assert(
    fc.property(fc.array(name, { minLength: 1, maxLength: 4 }), (names) => {
      const short = parseFilePath(`/${names.join('/')}`, root);
      const long = parseFilePath(`/./${names.join('/')}`, root);
      assert.deepEqual(short, long);
    }),
  );
});
