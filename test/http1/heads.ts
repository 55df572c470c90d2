// Generators of request heads for the property tests: mostly right ones, near misses, and bytes changed at random.
// Not here: any expectation.

import fc from 'fast-check';

const METHODS = ['GET', 'HEAD', 'POST', 'OPTIONS', 'DELETE', 'PUT', 'CONNECT', 'PURGE', 'get', 'G ET', 'GE(T', ''];
const TARGETS = [
  '/',
  '/index.html',
  '/a/b?c=d&e',
  '/%41%zz?',
  '/{x}|y^z`\\',
  '*',
  'http://example.org',
  'http://example.org/',
  'HTTPS://example.org:443/a?b',
  'http://user@example.org/',
  'http://',
  'http:///x',
  'ftp://example.org/',
  'example.org:443',
  '[::1]:8080',
  'example.org',
  'index.html',
  '*x',
  '/a b',
  '/a#b',
  '/a"b',
  '/<a>',
  '/é',
  '/a\tb',
  '/a\x00b',
  '/a\x7fb',
  '',
];
const VERSIONS = [
  'HTTP/1.1',
  'HTTP/1.0',
  'HTTP/1.2',
  'HTTP/2.0',
  'HTTP/0.9',
  'HTTP/1.10',
  'http/1.1',
  'HTTP/1',
  'HTTP/11',
  '',
];
const GAPS = [' ', '  ', '\t', ''];
const ENDS = ['\r\n', '\n', '\r', '\r\r\n', '\n\r\n'];
const NAMES = [
  'Host',
  'host',
  'HOST',
  'Content-Length',
  'content-length',
  'Transfer-Encoding',
  'TRANSFER-ENCODING',
  'Connection',
  'Expect',
  'Upgrade',
  'If-None-Match',
  'Accept-Encoding',
  'Accept',
  'Range',
  'X-Other',
  "!#$%&'*+-.^_`|~09aZ",
  'X Other',
  'X(',
  ' Host',
  'Host ',
  'Content-Length\t',
  '',
];
const VALUES = [
  '',
  'a',
  'example.org',
  'example.org:8080',
  '[::1]:8080',
  '[::1',
  'a b',
  'a,b',
  'a/b',
  'user@a',
  'a:b',
  '%41',
  '%4',
  '0',
  '5',
  '05',
  '+5',
  '-1',
  '5, 5',
  '5 5',
  '0x5',
  '9007199254740991',
  '9007199254740992',
  '99999999999999999999999',
  'chunked',
  'Chunked',
  'gzip, chunked',
  'chunked, gzip',
  'chunked, chunked',
  'chunked;a=b',
  ', chunked',
  'chunked,',
  'identity',
  'xchunked',
  'chunkedx',
  '"chunked"',
  'close',
  'keep-alive',
  'Close, x',
  'upgrade',
  '100-continue',
  '100-Continue',
  'other',
  'websocket',
  'a\tb',
  'a\x00b',
  'a\x01b',
  'a\x7fb',
  'a\rb',
  'a\nb',
  'a\r\n b',
  '\xe9\xff',
  '  padded \t',
];

/** Weighted towards the first members: most heads should be nearly right. */
function pick(values: readonly string[], usual: number): fc.Arbitrary<string> {
  return fc.oneof(
    { weight: 14, arbitrary: fc.constantFrom(...values.slice(0, usual)) },
    { weight: 1, arbitrary: fc.constantFrom(...values) },
  );
}

const requestLine = fc
  .tuple(pick(METHODS, 4), pick(GAPS, 1), pick(TARGETS, 3), pick(GAPS, 1), pick(VERSIONS, 2))
  .map((parts) => parts.join(''));

const anyField = fc
  .tuple(fc.constantFrom(...NAMES), fc.constantFrom(':', ': ', ':\t ', '', ' : '), fc.constantFrom(...VALUES))
  .map((parts) => parts.join(''));
const framingField = fc
  .tuple(
    fc.constantFrom('Content-Length', 'Transfer-Encoding', 'Connection', 'Expect', 'Host'),
    fc.constantFrom(...VALUES),
  )
  .map(([name, value]) => `${name}: ${value}`);
const plainField = fc
  .tuple(
    fc.constantFrom('Accept', 'Range', 'X-Other', 'User-Agent'),
    fc.constantFrom('', 'a', 'a b', 'text/html;q=0.5'),
  )
  .map(([name, value]) => `${name}: ${value}`);
const field = fc.oneof(
  { weight: 9, arbitrary: plainField },
  { weight: 4, arbitrary: framingField },
  { weight: 1, arbitrary: anyField },
);

const structured = fc
  .tuple(
    fc.oneof(
      { weight: 14, arbitrary: fc.constant('') },
      { weight: 1, arbitrary: fc.constantFrom('\r\n', '\n', '\r', ' ') },
    ),
    requestLine,
    fc.oneof({ weight: 14, arbitrary: fc.constant(['Host: example.org']) }, { weight: 1, arbitrary: fc.constant([]) }),
    fc.array(field, { maxLength: 4 }),
    fc.oneof({ weight: 14, arbitrary: fc.constant('\r\n') }, { weight: 1, arbitrary: fc.constantFrom(...ENDS) }),
  )
  .map(([prefix, line, host, fields, end]) => `${prefix}${[line, ...host, ...fields].join(end)}${end}\r\n`);

const mutation = fc.tuple(
  fc.nat(400),
  fc.constantFrom('insert', 'replace', 'delete', 'cut'),
  fc.oneof(fc.constantFrom(0, 9, 10, 13, 32, 35, 58, 63, 127, 128, 255), fc.nat(255)),
);

function mutate(head: string, changes: ReadonlyArray<[number, string, number]>): string {
  let text = head;
  for (const [position, kind, byte] of changes) {
    const at = position % (text.length + 1);
    if (kind === 'cut') text = text.slice(0, at);
    else
      text =
        text.slice(0, at) +
        (kind === 'delete' ? '' : String.fromCharCode(byte)) +
        text.slice(kind === 'insert' ? at : at + 1);
  }
  return text;
}

/** Request heads as text of one character a byte: valid, nearly valid, and mutated. */
export const anyHead: fc.Arbitrary<string> = fc.oneof(
  { weight: 3, arbitrary: structured },
  {
    weight: 2,
    arbitrary: fc
      .tuple(structured, fc.array(mutation, { minLength: 1, maxLength: 3 }))
      .map(([head, changes]) => mutate(head, changes as Array<[number, string, number]>)),
  },
);

/** The bytes of a text of one character a byte. */
export function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
