import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type ProxyHeader, parseProxyHeader } from './proxy-protocol.js';

const signature = '\r\n\r\n\0\r\nQUIT\n';

function parse(text: string): [taken: number, source: string | undefined] {
  const header: ProxyHeader = { source: 'old' };
  const bytes = Buffer.from(`xx${text}`, 'latin1');
  return [parseProxyHeader(bytes, 2, bytes.length, header), header.source];
}

/** A header of version 2. */
function binary(command: number, family: number, body: readonly number[], length = body.length): string {
  return signature + String.fromCharCode(command, family, length >> 8, length & 255, ...body);
}

const four = [192, 0, 2, 1, 10, 0, 0, 1, 0xc0, 0, 0, 80];
const six = [0x20, 0x01, 0x0d, 0xb8, ...new Array<number>(11).fill(0), 1, ...new Array<number>(16).fill(0), 0, 1, 0, 2];

test('who the client is, in both versions, and how long the header is', () => {
  for (const [text, source] of [
    ['PROXY TCP4 192.0.2.1 10.0.0.1 56324 443\r\n', '192.0.2.1'],
    ['PROXY TCP6 2001:db8::1 ::1 0 65535\r\n', '2001:db8::1'],
    ['PROXY UNKNOWN\r\n', undefined],
    ['PROXY UNKNOWN ffff::1 whatever 1 2\r\n', undefined],
    [binary(0x21, 0x11, four), '192.0.2.1'],
    [binary(0x21, 0x21, six), '2001:db8::1'],
    [binary(0x21, 0x11, [...four, 3, 0, 1, 7]), '192.0.2.1'],
    [binary(0x20, 0x00, []), undefined],
    [binary(0x20, 0x11, four), undefined],
    [binary(0x21, 0x00, [1, 2, 3]), undefined],
    [binary(0x21, 0x31, new Array<number>(216).fill(0)), undefined],
  ] as const) {
    assert.deepEqual(parse(`${text}GET / HTTP/1.1`), [text.length, source], JSON.stringify(text));
    for (let length = 0; length < text.length; length++) {
      assert.equal(parse(text.slice(0, length))[0], 0, `${length} bytes of ${JSON.stringify(text)}`);
    }
  }
});

test('what is none is told at once', () => {
  for (const text of [
    'GET / HTTP/1.1\r\n',
    'PROXX',
    'proxy TCP4',
    '\r\n\r\nGET',
    'PROXY TCP4 192.0.2.1 10.0.0.1 56324\r\n',
    'PROXY TCP4 ::1 10.0.0.1 1 2\r\n',
    'PROXY TCP4 192.0.2.1 10.0.0.1 01 2\r\n',
    'PROXY TCP4 192.0.2.1 10.0.0.1 1 65536\r\n',
    'PROXY TCP4 192.0.2.256 10.0.0.1 1 2\r\n',
    'PROXY TCP4  192.0.2.1 10.0.0.1 1 2\r\n',
    'PROXY UDP4 192.0.2.1 10.0.0.1 1 2\r\n',
    'PROXY UNKNOWNX\r\n',
    `PROXY UNKNOWN ${'x'.repeat(100)}`,
    binary(0x11, 0x11, four),
    binary(0x22, 0x11, four),
    binary(0x21, 0x11, four.slice(1)),
    binary(0x21, 0x21, six.slice(1)),
    binary(0x21, 0x11, [], 4081),
  ]) {
    assert.equal(parse(text)[0], -1, JSON.stringify(text));
  }
});

test('whatever comes is taken, waited for or refused, within bounds', () => {
  const bytes = fc.uint8Array({ maxLength: 300 });
  const near = fc
    .tuple(fc.constantFrom('PROXY TCP4 ', 'PROXY ', signature, `${signature}!`), fc.string())
    .map(([a, b]) => Buffer.from(a + b, 'latin1'));
  fc.assert(
    fc.property(fc.oneof(bytes, near), (input) => {
      const taken = parseProxyHeader(input, 0, input.length, { source: undefined });
      assert.ok(taken >= -1 && taken <= input.length);
    }),
  );
});
