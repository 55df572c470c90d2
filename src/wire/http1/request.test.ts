import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { FIELD_NAMES } from './fields.js';
import { DEFAULT_HEAD_LIMITS, Field, type HeadLimits, Method, parseRequestHead, RequestHead } from './request.js';

const head = new RequestHead();

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

function parse(text: string, limits: HeadLimits = DEFAULT_HEAD_LIMITS, target = head): number {
  const bytes = bytesOf(text);
  return parseRequestHead(bytes, 0, bytes.length, target, limits);
}

/** A GET with these field lines after Host. */
function withFields(...lines: string[]): string {
  return `GET / HTTP/1.1\r\nHost: a\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n`;
}

function range(start: number, end: number): string {
  return head.text(start, end);
}

describe('request line', () => {
  test('origin-form is split into path and query', () => {
    const text = 'GET /a/b.html?c=d?e HTTP/1.1\r\nHost: a\r\n\r\n';
    assert.equal(parse(text), text.length);
    assert.equal(head.length, text.length);
    assert.equal(head.method, Method.GET);
    assert.equal(range(head.methodStart, head.methodEnd), 'GET');
    assert.equal(range(head.targetStart, head.targetEnd), '/a/b.html?c=d?e');
    assert.equal(range(head.pathStart, head.pathEnd), '/a/b.html');
    assert.equal(range(head.queryStart, head.queryEnd), 'c=d?e');
    assert.equal(head.authorityStart, -1);
    assert.equal(head.versionMinor, 1);
  });

  test('an empty query is there, no query is not', () => {
    parse('GET /a? HTTP/1.1\r\nHost: a\r\n\r\n');
    assert.equal(head.queryStart, head.queryEnd);
    assert.ok(head.queryStart > 0);
    parse('GET /a HTTP/1.1\r\nHost: a\r\n\r\n');
    assert.equal(head.queryStart, -1);
    assert.equal(head.queryEnd, -1);
  });

  test('every method by its number; other tokens are OTHER; case counts', () => {
    for (const [name, number] of Object.entries(Method)) {
      if (number === Method.OTHER) continue;
      const target = name === 'CONNECT' ? 'a:1' : '/';
      assert.ok(parse(`${name} ${target} HTTP/1.1\r\nHost: a\r\n\r\n`) > 0, name);
      assert.equal(head.method, number, name);
    }
    for (const name of ['get', 'GETT', 'GE', 'PROPFIND', 'X', "M!#$%&'*+-.^_`|~"]) {
      assert.ok(parse(`${name} / HTTP/1.1\r\nHost: a\r\n\r\n`) > 0, name);
      assert.equal(head.method, Method.OTHER, name);
    }
  });

  test('absolute-form is accepted and Host still has to be valid (RFC 9112 section 3.2.2)', () => {
    assert.ok(parse('GET HTTP://b:80/x?y HTTP/1.1\r\nHost: a\r\n\r\n') > 0);
    assert.equal(range(head.authorityStart, head.authorityEnd), 'b:80');
    assert.equal(range(head.pathStart, head.pathEnd), '/x');
    assert.equal(range(head.queryStart, head.queryEnd), 'y');
    assert.ok(parse('GET https://b?y HTTP/1.1\r\nHost: a\r\n\r\n') > 0);
    assert.equal(head.pathStart, head.pathEnd);
    assert.equal(range(head.queryStart, head.queryEnd), 'y');
    assert.equal(head.asteriskForm, false);
    assert.ok(parse('GET http://b HTTP/1.1\r\nHost: a\r\n\r\n') > 0);
    assert.equal(head.asteriskForm, false);
    assert.equal(head.queryStart, -1);
    assert.equal(parse('GET http://b/ HTTP/1.1\r\nHost: a b\r\n\r\n'), -400);
    assert.equal(parse('GET http://b/ HTTP/1.1\r\n\r\n'), -400);
    for (const target of [
      'http://',
      'http:///x',
      'http://:80/',
      'http://u@b/',
      'ftp://b/',
      'http:/b',
      'http',
      'b/x',
      'http:a/b',
      'http:/ab',
      'http//a',
      'httpx//a',
      'http://b:x/',
    ]) {
      assert.equal(parse(`GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`), -400, target);
    }
  });

  test('asterisk-form goes with OPTIONS only (RFC 9112 section 3.2.4)', () => {
    assert.ok(parse('OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n') > 0);
    assert.equal(head.asteriskForm, true);
    assert.equal(head.pathStart, -1);
    assert.ok(parse('OPTIONS http://b:1 HTTP/1.1\r\nHost: a\r\n\r\n') > 0);
    assert.equal(head.asteriskForm, true);
    assert.ok(parse('OPTIONS http://b/x HTTP/1.1\r\nHost: a\r\n\r\n') > 0);
    assert.equal(head.asteriskForm, false);
    assert.ok(parse('OPTIONS /x HTTP/1.1\r\nHost: a\r\n\r\n') > 0);
    assert.equal(head.asteriskForm, false);
    assert.equal(parse('GET * HTTP/1.1\r\nHost: a\r\n\r\n'), -400);
    assert.equal(parse('OPTIONS *x HTTP/1.1\r\nHost: a\r\n\r\n'), -400);
  });

  test('authority-form goes with CONNECT only, and CONNECT with nothing else (RFC 9112 section 3.2.3)', () => {
    assert.ok(parse('CONNECT [::1]:443 HTTP/1.1\r\nHost: a\r\n\r\n') > 0);
    assert.equal(range(head.authorityStart, head.authorityEnd), '[::1]:443');
    assert.equal(head.pathStart, -1);
    for (const target of ['/', '*', 'a', 'a:', ':1', 'http://a:1/', 'a:1x', 'u@a:1']) {
      assert.equal(parse(`CONNECT ${target} HTTP/1.1\r\nHost: a\r\n\r\n`), -400, target);
    }
    assert.equal(parse('GET a:443 HTTP/1.1\r\nHost: a\r\n\r\n'), -400);
  });

  test('versions', () => {
    assert.ok(parse('GET / HTTP/1.0\r\n\r\n') > 0);
    assert.equal(head.versionMinor, 0);
    assert.ok(parse('GET / HTTP/1.7\r\nHost: a\r\n\r\n') > 0);
    assert.equal(head.versionMinor, 1);
    assert.equal(parse('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), -505);
    for (const version of ['HTTP/2.0', 'HTTP/0.9', 'HTTP/3.1'])
      assert.equal(parse(`GET / ${version}\r\n`), -505, version);
    for (const version of [
      'http/1.1',
      'HTTP/1.10',
      'HTTP/1',
      'HTTP/11',
      'HTTP/2',
      'HTTP 1.1',
      'HTTPS/1.1',
      'HTTP/1.1 ',
      'HTTP/x.1',
    ]) {
      assert.equal(parse(`GET / ${version}\r\nHost: a\r\n\r\n`), -400, version);
    }
    assert.equal(parse('GET /\r\nHost: a\r\n\r\n'), -400, 'HTTP/0.9');
  });

  test('white space, line ends and bytes that do not belong', () => {
    for (const line of [
      ' GET / HTTP/1.1\r\n',
      'GET  / HTTP/1.1\r\n',
      'GET /  HTTP/1.1\r\n',
      'GET\t/ HTTP/1.1\r\n',
      'GET / HTTP/1.1 \r\n',
      'GET / HTTP/1.1\n',
      'GET / HTTP/1.1\r\r\n',
      'GET / HTTP/1.1\rX',
      'GET /\tHTTP/1.1\r\nHost: a\r\n\r\n',
      'GET /#HTTP/1.1\r\nHost: a\r\n\r\n',
      'GET  HTTP/1.1\r\nHost: a\r\n\r\n',
      '\rHost: a\r\n\r\n',
      'GET /a\x00 HTTP/1.1\r\n',
      'GET /a\x7f HTTP/1.1\r\n',
      'GET /a\x80 HTTP/1.1\r\n',
      'GET /a#b HTTP/1.1\r\n',
      'GET /"a" HTTP/1.1\r\n',
      'GET /<a> HTTP/1.1\r\n',
      'GET /\r\n',
      'G(T / HTTP/1.1\r\n',
      '\x16\x03\x01\x02\x00',
      'GET\r\n',
    ]) {
      assert.equal(parse(line), -400, JSON.stringify(line));
    }
  });

  test('empty lines before it are tolerated, four of them (RFC 9112 section 2.2)', () => {
    const text = withFields();
    assert.equal(parse(`\r\n\r\n${text}`), text.length + 4);
    assert.equal(head.methodStart, 4);
    assert.equal(parse(`${'\r\n'.repeat(4)}${text}`), text.length + 8);
    assert.equal(parse(`${'\r\n'.repeat(5)}${text}`), -400);
    assert.equal(parse(`\n${text}`), -400);
    assert.equal(parse(`\r${text}`), -400);
    assert.equal(parse('\r\n'), 0);
    assert.equal(parse('\r'), 0);
  });
});

describe('field lines', () => {
  test('values are trimmed, found by slot in any case, and readable by name', () => {
    const text = withFields('ACCEPT-encoding: \t gzip, br \t ', 'X-Thing:', 'x-thing:  b', 'Accept:*/*');
    assert.equal(parse(text), text.length);
    assert.equal(head.fieldText(Field.acceptEncoding), 'gzip, br');
    assert.equal(head.fieldText(Field.accept), '*/*');
    assert.equal(head.fieldText(Field.range), undefined);
    assert.equal(head.fieldStart[Field.range], -1);
    assert.equal(head.fieldByName('x-thing'), ', b');
    assert.equal(head.fieldByName('x-thin'), undefined);
    assert.equal(head.fieldByName('host'), 'a');
    assert.equal(head.fieldCount, 5);
  });

  test('every known name has its slot, and its neighbours have not', () => {
    for (const [slot, name] of FIELD_NAMES.entries()) {
      const value = { host: 'a', 'content-length': '5', 'transfer-encoding': 'chunked' }[name] ?? 'v';
      const line = `${name.toUpperCase()}: ${value}`;
      const lines = name === 'host' ? [] : ['Host: a'];
      assert.ok(parse(`GET / HTTP/1.1\r\n${[...lines, line].join('\r\n')}\r\n\r\n`) > 0, name);
      assert.equal(head.fieldText(slot), value, name);
      for (const other of [
        `${name}x`,
        name.slice(1),
        `x${name}`,
        name.slice(0, -1),
        name.replace(/[a-z](?=.$)/, '_'),
      ]) {
        parse(`GET / HTTP/1.1\r\nHost: a\r\n${other}: v\r\n\r\n`);
        if (name !== 'host') assert.equal(head.fieldStart[slot], -1, other);
      }
    }
  });

  test('a control byte that differs from a hyphen by the case bit is no hyphen', () => {
    assert.equal(parse(withFields('If\rMatch: "a"')), -400);
    assert.equal(parse(withFields('Content\rLength: 5')), -400);
  });

  test('repeated fields are joined; the bit says so', () => {
    parse(withFields('If-None-Match: "a"', 'X: 1', 'if-none-match: "b"', 'If-None-Match:'));
    assert.equal(head.fieldText(Field.ifNoneMatch), '"a", "b", ');
    assert.notEqual(head.fieldRepeated & (1 << Field.ifNoneMatch), 0);
    assert.equal(head.fieldRepeated & (1 << Field.host), 0);
  });

  test('nothing of the head before is left', () => {
    const one = new RequestHead();
    assert.ok(
      parse(
        'POST http://b/x?y HTTP/1.0\r\nRange: a\r\nRange: b\r\nContent-Length: 5\r\nConnection: close\r\n\r\n',
        DEFAULT_HEAD_LIMITS,
        one,
      ) > 0,
    );
    const text = withFields();
    assert.ok(parse(text, DEFAULT_HEAD_LIMITS, one) > 0);
    const fresh = new RequestHead();
    parse(text, DEFAULT_HEAD_LIMITS, fresh);
    const { bytes: _, view: __, otherBytes: ___, otherView: ____, ...left } = { ...one } as Record<string, unknown>;
    const { bytes: _a, view: _b, otherBytes: _c, otherView: _d, ...right } = { ...fresh } as Record<string, unknown>;
    assert.deepEqual(left, right);
  });

  test('what is no field line', () => {
    for (const lines of [
      ['X : a'],
      ['X\t: a'],
      [': a'],
      ['X'],
      ['X(Y): a'],
      ['X: a', ' folded'],
      ['X: a', '\tfolded'],
      ['X: a\rb'],
      ['X: a\nY: b'],
      ['X: a\x00b'],
      ['X: a\x1fb'],
      ['X: a\x7fb'],
      ['X\x80: a'],
    ]) {
      assert.equal(parse(withFields(...lines)), -400, JSON.stringify(lines));
    }
    assert.equal(parse('GET / HTTP/1.1\r\n Host: a\r\n\r\n'), -400);
    assert.equal(parse('GET / HTTP/1.1\r\nHost: a\r\n\r\r\n'), -400);
    assert.equal(parse('GET / HTTP/1.1\r\nHost: a\r\n\n'), -400);
    assert.ok(parse(withFields('X: \x80\xff\t~ !')) > 0);
  });

  test('Host: exactly one in HTTP/1.1, at most one in HTTP/1.0, valid always (RFC 9112 section 3.2)', () => {
    assert.equal(parse('GET / HTTP/1.1\r\n\r\n'), -400);
    assert.ok(parse('GET / HTTP/1.0\r\n\r\n') > 0);
    assert.equal(parse(withFields('Host: a')), -400);
    assert.equal(parse('GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n'), -400);
    const hosts: Record<string, boolean> = {
      '': true,
      a: true,
      'a.example:8080': true,
      'a:': true,
      '127.0.0.1': true,
      '[::1]': true,
      '[::1]:80': true,
      '[::ffff:1.2.3.4]': true,
      '[v1.a:b]': true,
      '[fe80::1%25eth0]:80': true,
      '[fe80::1%eth0]': true,
      '[fe80::1%1]': true,
      '[fe80::1%]': false,
      '[fe80::1%eth0': false,
      '[%25eth0]': false,
      '[fe80::1%a/b]': false,
      'a_b~!$&(),;=': true,
      'a%41b:1': true,
      'a b': false,
      'a,b': true,
      'a/b': false,
      'a@b': false,
      'a:b': false,
      'a:1:2': false,
      '[::1': false,
      '[]': false,
      '[a]': false,
      '[::g]': false,
      '[::1]x': false,
      '[::1]:x': false,
      'a[': false,
      'a:99': true,
      'a%4': false,
      'a%4g': false,
      'a%g4': false,
      'a%zz': false,
      'a\x80': false,
      'a"b': false,
    };
    for (const [host, valid] of Object.entries(hosts)) {
      assert.equal(parse(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`) > 0, valid, host);
    }
  });
});

describe('framing', () => {
  test('Content-Length is one row of digits (RFC 9112 section 6.3)', () => {
    for (const [value, length] of [
      ['0', 0],
      ['5', 5],
      ['007', 7],
      ['9007199254740991', 2 ** 53 - 1],
    ] as const) {
      assert.ok(parse(withFields(`Content-Length: ${value}`)) > 0, value);
      assert.equal(head.contentLength, length);
      assert.equal(head.chunked, false);
    }
    for (const value of ['', '+5', '-5', '5, 5', '5 5', '0x5', '5.0', '9007199254740992', '9'.repeat(40), 'a']) {
      assert.equal(parse(withFields(`Content-Length: ${value}`)), -400, value);
    }
    assert.equal(parse(withFields('Content-Length: 5', 'Content-Length: 6')), -400);
    assert.equal(parse(withFields('Content-Length: 5', 'Content-Length: 5')), -400);
    parse(withFields());
    assert.equal(head.contentLength, -1);
  });

  test('Transfer-Encoding: chunked once and last, 501 for codings nobody asked for (RFC 9112 section 6.1)', () => {
    for (const value of ['chunked', 'Chunked', ', chunked ,']) {
      assert.ok(parse(withFields(`Transfer-Encoding: ${value}`)) > 0, value);
      assert.equal(head.chunked, true);
    }
    const refused: Array<[string[], number]> = [
      [['gzip, chunked'], -501],
      [['gzip', 'chunked'], -501],
      [['gzip;level=9, chunked'], -501],
      [['gzip'], -400],
      [['identity'], -400],
      [['chunked, gzip'], -400],
      [['chunked', 'gzip'], -400],
      [['chunked, chunked'], -400],
      [['chunked', 'chunked'], -400],
      [['chunked;a=b'], -400],
      [['"chunked"'], -400],
      [['xchunked'], -400],
      [['chunkex'], -400],
      [['chunked x'], -400],
      [[''], -400],
      [[','], -400],
    ];
    for (const [values, status] of refused) {
      assert.equal(
        parse(withFields(...values.map((value) => `Transfer-Encoding: ${value}`))),
        status,
        values.join('|'),
      );
    }
  });

  test('both lengths, and Transfer-Encoding in HTTP/1.0, are refused', () => {
    assert.equal(parse(withFields('Content-Length: 5', 'Transfer-Encoding: chunked')), -400);
    assert.equal(parse(withFields('Transfer-Encoding: chunked', 'Content-Length: 5')), -400);
    assert.equal(parse('POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n'), -400);
  });

  test('persistence (RFC 9112 section 9.3)', () => {
    const rows: Array<[string, string[], boolean]> = [
      ['1.1', [], true],
      ['1.1', ['close'], false],
      ['1.1', ['Close'], false],
      ['1.1', ['x, close , y'], false],
      ['1.1', ['x', 'close'], false],
      ['1.1', ['keep-alive'], true],
      ['1.1', ['keep-alive, close'], false],
      ['1.1', ['closed'], true],
      ['1.1', ['clone'], true],
      ['1.1', ['x close'], true],
      ['1.0', [], false],
      ['1.0', ['keep-alive'], true],
      ['1.0', ['Keep-Alive, x'], true],
      ['1.0', ['keep-alive', 'close'], false],
    ];
    for (const [version, values, keepAlive] of rows) {
      const lines = values.map((value) => `Connection: ${value}\r\n`).join('');
      assert.ok(parse(`GET / HTTP/${version}\r\nHost: a\r\n${lines}\r\n`) > 0);
      assert.equal(head.keepAlive, keepAlive, `${version} ${values.join('|')}`);
    }
  });

  test('Expect counts from HTTP/1.1 on (RFC 9110 section 10.1.1)', () => {
    assert.ok(parse(withFields('Expect: 100-Continue')) > 0);
    assert.equal(head.expectContinue, true);
    assert.ok(parse(withFields('Expect: 100-contynue')) > 0);
    assert.equal(head.expectContinue, false);
    assert.ok(parse(withFields('Expect: other')) > 0);
    assert.equal(head.expectContinue, false);
    assert.ok(parse('GET / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n') > 0);
    assert.equal(head.expectContinue, false);
  });
});

describe('limits', () => {
  const limits = { maxTargetBytes: 10, maxHeadBytes: 60, maxFields: 2 };

  test('a target that is too long is 414 before the line ends', () => {
    assert.ok(parse('GET /123456789 HTTP/1.1\r\nHost: a\r\n\r\n', limits) > 0);
    assert.equal(parse('GET /1234567890 HTTP/1.1\r\nHost: a\r\n\r\n', limits), -414);
    assert.equal(parse('GET /123456789', limits), 0);
    assert.equal(parse('GET /1234567890', limits), -414);
  });

  test('a head that is too long is 431 before it ends', () => {
    const text = `GET / HTTP/1.1\r\nHost: a\r\nX: ${'y'.repeat(60 - 30 - 2)}\r\n\r\n`;
    assert.equal(text.length, 60);
    assert.equal(parse(text, limits), 60);
    assert.equal(parse(text.replace('y', 'yy'), limits), -431);
    assert.equal(parse(text.slice(0, 59), limits), 0);
    assert.equal(parse(`${text.slice(0, 56)}yyyy`, limits), -431);
  });

  test('too many fields are 431', () => {
    assert.ok(parse(withFields('a: b'), limits) > 0);
    assert.equal(parse(withFields('a: b', 'c: d'), limits), -431);
  });

  test('a method beyond reason is 501', () => {
    assert.ok(parse(`${'M'.repeat(32)} / HTTP/1.1\r\nHost: a\r\n\r\n`) > 0);
    assert.equal(parse('M'.repeat(33)), -501);
    assert.equal(parse('M'.repeat(32)), 0);
  });
});

test('a head that trickles in is looked at a bounded number of times', () => {
  const text = withFields(...Array.from({ length: 20 }, (_, index) => `X-${index}: ${'y'.repeat(700)}`));
  const bytes = bytesOf(text);
  let looked = 0;
  const counting = new RequestHead();
  const borrow = counting.borrow.bind(counting);
  counting.borrow = (borrowed) => {
    looked++;
    return borrow(borrowed);
  };
  for (let end = 1, seen = 0; end <= bytes.length; seen = end++) {
    const result = parseRequestHead(bytes, 0, end, counting, DEFAULT_HEAD_LIMITS, seen);
    assert.equal(result, end === bytes.length ? bytes.length : 0);
  }
  assert.ok(bytes.length > 14_000);
  assert.ok(looked < 1100, `${looked} parses`);
});

test('an error in a line that trickles in is told at once in the first KiB, later when the length has doubled', () => {
  const toldAfter = (position: number) => {
    const bytes = bytesOf(`GET / HTTP/1.1\r\nHost: a\r\nX: ${'y'.repeat(8000)}`);
    bytes[position] = 0;
    for (let end = 1, seen = 0; end <= bytes.length; seen = end++) {
      const result = parseRequestHead(bytes, 0, end, head, DEFAULT_HEAD_LIMITS, seen);
      if (result !== 0) return [result, end];
    }
    return [];
  };
  assert.deepEqual(toldAfter(1000), [-400, 1001]);
  assert.deepEqual(toldAfter(1100), [-400, 2048]);
  assert.deepEqual(toldAfter(3000), [-400, 4096]);
});
