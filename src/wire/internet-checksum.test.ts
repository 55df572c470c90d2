import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { InternetChecksum } from './internet-checksum.js';

test('the example of RFC 1071, and a header of IPv4', () => {
  const sum = new InternetChecksum();
  const bytes = Uint8Array.from([0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]);
  sum.add(bytes, 0, bytes.length);
  assert.equal(sum.folded, 0xddf2);
  assert.equal(sum.value, 0x220d);
  sum.clear();
  const head = Uint8Array.from(Buffer.from('450000730000400040110000c0a80001c0a800c7', 'hex'));
  sum.add(head, 0, 20);
  assert.equal(sum.value, 0xb861);
});

test('bytes in any pieces sum to the same; a packet with its own checksum sums to 0xffff', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 3000 }), fc.array(fc.nat(), { maxLength: 8 }), (all, cuts) => {
      const sum = new InternetChecksum();
      sum.add(all, 0, all.length);
      const { folded, value } = sum;
      const places = [0, ...cuts.map((cut) => cut % (all.length + 1)).sort((a, b) => a - b), all.length];
      const pieces = new InternetChecksum();
      for (let index = 1; index < places.length; index++)
        pieces.add(all, places[index - 1]!, places[index]! - places[index - 1]!);
      assert.equal(pieces.folded, folded);
      if (all.length % 2 === 0) sum.addWord(value);
      if (all.length % 2 === 0) assert.equal(sum.folded, 0xffff);
    }),
  );
});
