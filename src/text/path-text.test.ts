import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodePathText, encodePathText } from './path-text.js';

function roundTrip(bytes: Uint8Array): Buffer {
  const text = decodePathText(bytes, 0, bytes.length);
  const target = new Uint8Array(text.length * 3);
  return Buffer.from(target.buffer, 0, encodePathText(text, target));
}

const piece = fc.oneof(
  fc.uint8Array({ maxLength: 6 }),
  fc.string({ unit: 'binary', maxLength: 4 }).map((text) => new TextEncoder().encode(text.toWellFormed())),
  // What nearly is UTF-8: cut off, overlong, surrogates, beyond U+10FFFF, a mark of byte order.
  fc
    .constantFrom(
      'e2 82',
      'c0 af',
      'e0 80 af',
      'ed a0 80',
      'ed b0 80',
      'f4 90 80 80',
      'f0 82 82 ac',
      'ef bb bf',
      'ff',
      '80',
    )
    .map((hex) => Uint8Array.from(hex.split(' '), (byte) => Number.parseInt(byte, 16))),
);

test('any bytes come back from their text', () => {
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 6 }), (pieces) => {
      const bytes = Buffer.concat(pieces);
      assert.deepEqual(roundTrip(bytes), bytes);
    }),
    { numRuns: 3000 },
  );
});

test('different bytes have different texts, and UTF-8 has its own', () => {
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 3 }), fc.array(piece, { maxLength: 3 }), (left, right) => {
      const [one, other] = [Buffer.concat(left), Buffer.concat(right)];
      const same = decodePathText(one, 0, one.length) === decodePathText(other, 0, other.length);
      assert.equal(same, one.equals(other));
    }),
  );
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      const bytes = new TextEncoder().encode(text.toWellFormed());
      assert.equal(decodePathText(bytes, 0, bytes.length), text.toWellFormed());
    }),
  );
  assert.equal(decodePathText(Buffer.from('a\xe9b', 'latin1'), 0, 3), 'a\udce9b');
});
