import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { BodyReader, DEFAULT_BODY_LIMITS } from './body.js';

const reader = new BodyReader();

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

function chunked(text: string, limits = DEFAULT_BODY_LIMITS): number {
  reader.begin(-1, true, limits);
  const bytes = bytesOf(text);
  return reader.consume(bytes, 0, bytes.length);
}

describe('a body of known length', () => {
  test('is skipped up to its last byte and no further', () => {
    reader.begin(5, false);
    assert.equal(reader.done, false);
    const bytes = bytesOf('xxhelloGET');
    assert.equal(reader.consume(bytes, 2, 4), 2);
    assert.equal(reader.done, false);
    assert.equal(reader.consume(bytes, 4, bytes.length), 3);
    assert.equal(reader.done, true);
    assert.equal(reader.bodyBytes, 5);
    assert.equal(reader.consume(bytes, 7, bytes.length), 0);
  });

  test('none is done at once', () => {
    for (const length of [0, -1]) {
      reader.begin(length, false);
      assert.equal(reader.done, true);
    }
  });

  test('as long as the bound is skipped', () => {
    reader.begin(10, false, { ...DEFAULT_BODY_LIMITS, maxBodyBytes: 10 });
    assert.equal(reader.consume(bytesOf('0123456789'), 0, 10), 10);
    assert.equal(reader.done, true);
  });

  test('beyond the bound it is 413 before any byte', () => {
    reader.begin(11, false, { ...DEFAULT_BODY_LIMITS, maxBodyBytes: 10 });
    assert.equal(reader.done, false);
    assert.equal(reader.consume(bytesOf('a'), 0, 1), -413);
    assert.equal(reader.consume(bytesOf('a'), 0, 1), -413, 'and stays so');
  });
});

describe('a body in chunks', () => {
  test('is skipped with extensions and trailers, and what follows is left', () => {
    const bodies: Array<[string, number]> = [
      ['0\r\n\r\n', 0],
      ['000\r\n\r\n', 0],
      ['5\r\nhello\r\n0\r\n\r\n', 5],
      ['A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n', 20],
      ['2\r\n\r\n\r\n0\r\n\r\n', 2],
      ['1;a\r\nx\r\n0;b=c\r\n\r\n', 1],
      ['1 ;\ta = "q;\\"\r" ; d=e\r\nx\r\n0\r\n\r\n'.replace('\r"', '"'), 1],
      ['1;a ;b\r\nx\r\n0\r\n\r\n', 1],
      ['1;a="";b\r\nx\r\n0\r\n\r\n', 1],
      ['0\r\nX: y\r\nDigest: \xff a=b\r\n\r\n', 0],
    ];
    for (const [body, length] of bodies) {
      assert.equal(chunked(`${body}GET /`), body.length, JSON.stringify(body));
      assert.equal(reader.done, true);
      assert.equal(reader.bodyBytes, length);
    }
  });

  test('anything else is 400', () => {
    for (const body of [
      '\r\n',
      'g\r\n',
      '-1\r\n',
      '+1\r\n',
      '0x1\r\n',
      ' 1\r\n',
      '1\n',
      '1\r\r',
      '1 \r\n',
      '1 x\r\n',
      '1;\r\n',
      '1;=a\r\n',
      '1;a=\r\n',
      '1;a=b c\r\n',
      '1;a="b\r\n',
      '1;a="\x00"',
      '1;a="\\\x00',
      '1;a="b"c\r\n',
      '1;a\n',
      '1;a b\r\n',
      '1;a bc=d;e\r\n',
      '1;(\r\n',
      '1\r\nxy',
      '1\r\nx\n',
      '1\r\nx\rx',
      '10000000000000\r\n',
      '00000000000001\r\n',
      '0\r\n X: y\r\n',
      '0\r\nX : y\r\n',
      '0\r\n: y\r\n',
      '0\r\nX\r\n',
      '0\r\nX: y\n',
      '0\r\nX: y\rz',
      '0\r\nX: \x00',
      '0\r\n\n',
      '0\r\n\rx',
    ]) {
      assert.equal(chunked(body), -400, JSON.stringify(body));
      assert.equal(reader.done, false);
    }
  });

  test('a length given beside is none of its business', () => {
    reader.begin(5, true);
    const bytes = bytesOf('1\r\nx\r\n0\r\n\r\n');
    assert.equal(reader.consume(bytes, 0, bytes.length), bytes.length);
    assert.equal(reader.done, true);
    assert.equal(reader.bodyBytes, 1);
  });

  test('sizes, extensions and trailers are bounded', () => {
    const limits = { maxBodyBytes: 10, maxExtensionBytes: 4, maxTrailerBytes: 8 };
    assert.equal(chunked('a\r\n0123456789\r\n0\r\n\r\n', limits), 20);
    assert.equal(chunked('b\r\n', limits), -413);
    assert.equal(chunked('6\r\n012345\r\n5\r\n', limits), -413);
    assert.equal(chunked('1;a\r\nx\r\n0;b\r\n\r\n', limits), 15);
    assert.equal(chunked('1;aaaaa', limits), -400);
    assert.equal(chunked('1;aa\r\nx\r\n1;bb\r\n', limits), -400, 'of all chunks together');
    assert.equal(chunked('0\r\nabc: d\r\n\r\n', limits), 13);
    assert.equal(chunked('0\r\nabc: de\r\n\r\n', limits), -431);
    assert.equal(chunked('fffffffffffff\r\n'), -413);
  });
});

/** A chunked body of these pieces, and what each piece is wrapped in. */
const anyBody = fc
  .tuple(
    fc.array(
      fc.tuple(fc.string({ minLength: 1, maxLength: 40 }), fc.constantFrom('', ';a', ' ; a="b\\"" ;c=d'), fc.boolean()),
    ),
    fc.constantFrom('', 'X: y\r\n', 'X: y\r\nZ:\r\n'),
  )
  .map(([pieces, trailer]) => {
    const text = pieces.map(([piece, extension, upper]) => {
      const data = piece.replace(/[^\x20-\x7e]/g, '\r');
      const size = data.length.toString(16);
      return `${upper ? size.toUpperCase() : size}${extension}\r\n${data}\r\n`;
    });
    return `${text.join('')}0\r\n${trailer}\r\n`;
  });

test('pieces of any size give the answer of the whole, also of broken bodies', () => {
  const changed = fc.tuple(anyBody, fc.option(fc.tuple(fc.nat(200), fc.nat(255)))).map(([body, change]) => {
    if (change === null) return body;
    const at = change[0] % body.length;
    return body.slice(0, at) + String.fromCharCode(change[1]) + body.slice(at + 1);
  });
  fc.assert(
    fc.property(changed, fc.infiniteStream(fc.integer({ min: 1, max: 7 })), (body, steps) => {
      const bytes = bytesOf(`${body}GET`);
      const whole = chunked(`${body}GET`);
      const { bodyBytes, done } = reader;
      reader.begin(-1, true);
      let used = 0;
      let refused = 0;
      while (used < bytes.length && !reader.done && refused === 0) {
        const end = Math.min(used + steps.next().value!, bytes.length);
        const result = reader.consume(bytes, used, end);
        if (result < 0) refused = result;
        else used += result;
      }
      assert.equal(refused === 0 ? used : refused, whole);
      assert.equal(reader.done, done);
      if (refused === 0) assert.equal(reader.bodyBytes, bodyBytes);
    }),
    { numRuns: 2000 },
  );
});

test('a generated body ends exactly where it ends', () => {
  fc.assert(
    fc.property(anyBody, (body) => {
      assert.equal(chunked(`${body}GET / HTTP/1.1\r\n`), body.length);
      assert.equal(reader.done, true);
    }),
  );
});
