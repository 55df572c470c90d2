import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { chooseCoding, chooseMediaType, prefersJson } from './negotiate.js';

const ALL = ['br', 'zstd', 'gzip'] as const;

test('Accept-Encoding', () => {
  const rows: Array<[string | undefined, readonly string[], string | undefined]> = [
    [undefined, ALL, 'identity'],
    ['', ALL, 'identity'],
    ['gzip, deflate, br, zstd', ALL, 'br'],
    ['gzip, deflate, br', ['zstd', 'gzip'], 'gzip'],
    ['gzip, deflate', ['br'], 'identity'],
    ['GZIP', ALL, 'gzip'],
    ['x-gzip', ALL, 'gzip'],
    ['gzip;q=1.0, br;q=0.5', ALL, 'gzip'],
    ['gzip;q=0.5, br;q=0.500', ALL, 'br'],
    ['gzip; q=0.1', ALL, 'gzip'],
    ['gzip;Q=0', ALL, 'identity'],
    ['gzip;q=0', ['gzip'], 'identity'],
    ['gzip;q=0.000', ['gzip'], 'identity'],
    ['*', ALL, 'br'],
    ['*', [], 'identity'],
    ['*;q=0.5, gzip', ALL, 'gzip'],
    ['br;q=0, *', ALL, 'zstd'],
    ['*;q=0', ALL, undefined],
    ['*;q=0, identity', ALL, 'identity'],
    ['*;q=0, gzip', ALL, 'gzip'],
    ['*;q=0, gzip', ['br'], undefined],
    ['identity', ALL, 'identity'],
    ['identity;q=0', ALL, undefined],
    ['identity;q=0, *', ALL, 'br'],
    ['identity;q=0, gzip', ['br'], undefined],
    ['identity, gzip;q=0.5', ALL, 'identity'],
    ['identity;q=0.5, gzip;q=0.5', ALL, 'gzip'],
    ['identity;q=0.5, gzip;q=0.2', ALL, 'identity'],
    ['gzip;q=0.2, *;q=0.5', ['gzip'], 'identity'],
    ['gzip;q=0.2, *;q=0.5', ['br', 'gzip'], 'br'],
    ['gzip;q=2', ['gzip'], 'identity'],
    ['gzip;q=0.1234', ['gzip'], 'identity'],
    ['gzip;q=', ['gzip'], 'identity'],
    ['gzip;q=a, br', ALL, 'br'],
    ['gzipp', ALL, 'identity'],
    [', ,gzip,', ALL, 'gzip'],
  ];
  for (const [field, available, expected] of rows) {
    assert.equal(chooseCoding(field, available), expected, `${field} of ${available.join()}`);
  }
});

test('a chosen coding is available and not excluded', () => {
  const member = fc
    .tuple(
      fc.constantFrom('br', 'zstd', 'gzip', 'identity', '*', 'deflate'),
      fc.constantFrom('', ';q=0', ';q=0.3', ';q=1'),
    )
    .map((parts) => parts.join(''));
  fc.assert(
    fc.property(fc.array(member, { maxLength: 5 }), fc.subarray([...ALL]), (members, available) => {
      const field = members.join(', ');
      const coding = chooseCoding(field, available);
      const weight = (name: string) => members.find((each) => each.split(';')[0] === name)?.split(';')[1];
      if (coding === undefined) return assert.ok((weight('identity') ?? weight('*')) === 'q=0');
      if (coding !== 'identity') {
        assert.ok(available.includes(coding));
        assert.ok(members.some((each) => each.startsWith(coding) || each.startsWith('*')));
      }
      assert.notEqual(weight(coding), 'q=0');
    }),
  );
});

test('a hostile list is read only so far', () => {
  assert.equal(chooseCoding(`${'x,'.repeat(100_000)}gzip`, ALL), 'identity');
});

test('Accept: JSON for programs, HTML for people', () => {
  for (const [accept, json] of [
    [undefined, false],
    ['', false],
    ['*/*', false],
    ['text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', false],
    ['application/json', true],
    ['application/json, text/plain, */*', true],
    ['application/json;charset=utf-8', true],
    ['application/*', true],
    ['APPLICATION/JSON', true],
    ['text/html, application/json', false],
    ['text/html;q=0.5, application/json', true],
    ['text/html, application/json;q=0.9', false],
    ['application/json;q=0', false],
    ['image/png', false],
  ] as const) {
    assert.equal(prefersJson(accept), json, accept);
  }
  assert.equal(chooseMediaType('image/png', ['text/html']), undefined);
  assert.equal(chooseMediaType('*/*;q=0.1', ['text/html', 'text/plain']), 'text/html');
  assert.equal(chooseMediaType('text/*;q=0.3, text/html;q=0', ['text/html', 'text/plain']), 'text/plain');
});
