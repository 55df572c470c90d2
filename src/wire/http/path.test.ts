import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type CanonicalPath, canonicalPath, encodePath } from './path.js';

const encoder = new TextEncoder();

function canonical(text: string): CanonicalPath | undefined {
  // What lies around would complete an escape that is cut off.
  const bytes = encoder.encode(`/%${text}41`);
  return canonicalPath(bytes, 2, bytes.length - 2);
}

test('what is canonical', () => {
  for (const [raw, path, trailingSlash] of [
    ['', '', true],
    ['/', '', true],
    ['/a', 'a', false],
    ['/a/', 'a', true],
    ['/a/b.c', 'a/b.c', false],
    ['/%61%2Eb/%7Ec', 'a.b/~c', false],
    ['/a%20b+c', 'a b+c', false],
    ['/%C3%A9', 'é', false],
    ['/é', 'é', false],
    ['/%F0%9F%98%80', '😀', false],
    ['/%EF%BB%BFa', '\ufeffa', false],
    ['/a\\b%5Cc', 'a\\b\\c', false],
    ['/%25%32%65', '%2e', false],
    ['/...', '...', false],
    ['/..a', '..a', false],
    ['/a..', 'a..', false],
    ['/%0a', '\n', false],
  ] as const) {
    const result = canonical(raw);
    assert.equal(result?.path, path, raw);
    assert.equal(result?.trailingSlash, trailingSlash, raw);
  }
});

test('what has two readings, or none', () => {
  for (const raw of [
    'a',
    '//',
    '//a',
    '/a//b',
    '/a//',
    '/.',
    '/..',
    '/./',
    '/a/.',
    '/a/..',
    '/a/./b',
    '/a/../b',
    '/%2e',
    '/%2E%2e/',
    '/.%2e/etc',
    '/a%2fb',
    '/a%2F',
    '/%2f',
    '/%00',
    '/a%00b',
    '/a\0b',
    '/%',
    '/a%4',
    '/%zz',
    '/%4z',
    '/%z4',
    '/a%',
    '/%u0041',
    '/%c0%ae%c0%ae/', // overlong ..
    '/%c0%af', // overlong slash
    '/%e0%80%af',
    '/%f0%80%80%af',
    '/%c0%80', // overlong NUL
    '/a%c1%9cb', // overlong backslash
  ]) {
    assert.equal(canonical(raw), undefined, raw);
  }
});

test('a path is bytes: what is not UTF-8 comes back as the bytes that it was', () => {
  for (const [raw, encoded] of [
    ['/latin1-%E9.txt', 'latin1-%E9.txt'],
    ['/%80', '%80'],
    ['/%ff%fe', '%FF%FE'],
    ['/%c3', '%C3'],
    ['/%ed%a0%80', '%ED%A0%80'], // a surrogate
    ['/%f4%90%80%80', '%F4%90%80%80'], // beyond U+10FFFF
    ['/%C3%A9%E9/%f0%9f%98%80', '%C3%A9%E9/%F0%9F%98%80'],
    ['/\xe9', '%E9'],
  ] as const) {
    const result = canonicalPath(Buffer.from(raw, 'latin1'), 0, raw.length);
    assert.equal(encodePath(result!.path), encoded, raw);
  }
});

test('dotfiles, and the one that is not hidden', () => {
  for (const [raw, dotfile, wellKnown] of [
    ['', false, false],
    ['/', false, false],
    ['/a.b', false, false],
    ['/.git/config', true, false],
    ['/a/.b', true, false],
    ['/%2eenv', true, false],
    ['/.well-known', true, true],
    ['/.well-known/acme-challenge/x', true, true],
    ['/.well-known/.x', true, false],
    ['/a/.well-known/x', true, false],
    ['/.well-knownx', true, false],
    ['/...', true, false],
  ] as const) {
    const result = canonical(raw);
    assert.equal(result?.dotfile, dotfile, raw);
    assert.equal(result?.wellKnown, wellKnown, raw);
  }
});

const segment = fc
  .string({ unit: 'binary', minLength: 1, maxLength: 12 })
  .map((text) => text.toWellFormed().replace(/[/\0]/g, '_'))
  .filter((text) => text !== '.' && text !== '..');

test('an encoded path comes back, whatever its segments', () => {
  fc.assert(
    fc.property(fc.array(segment, { maxLength: 5 }), fc.boolean(), (segments, slash) => {
      const path = segments.join('/');
      const result = canonical(`/${encodePath(path)}${slash && path !== '' ? '/' : ''}`);
      assert.equal(result?.path, path);
      assert.equal(result?.trailingSlash, slash || path === '');
    }),
    { numRuns: 2000 },
  );
});

test('whatever comes out has only plain segments', () => {
  const piece = fc.constantFrom(
    '/',
    '.',
    '..',
    '%2e',
    '%2f',
    '%5c',
    '%00',
    '%',
    'a',
    '%c0%af',
    '%C3%A9',
    'é',
    '\\',
    ' ',
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 10 }), (pieces) => {
      const result = canonical(`/${pieces.join('')}`);
      if (result === undefined || result.path === '') return;
      for (const part of result.path.split('/')) assert.ok(!['', '.', '..'].includes(part) && !part.includes('\0'));
    }),
    { numRuns: 5000 },
  );
});

test('a path longer than any before is decoded whole', () => {
  const name = `${'é'.repeat(20_000)}a`;
  assert.equal(canonical(`/${name}`)?.path, name);
});

test('an encoded path is safe in a field and a link', () => {
  assert.equal(encodePath('a b/c?d#e%f"<é>\r\n[x]'), 'a%20b/c%3Fd%23e%25f%22%3C%C3%A9%3E%0D%0A%5Bx%5D');
  assert.equal(encodePath('\ud800'), '%EF%BF%BD');
});
