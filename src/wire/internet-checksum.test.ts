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

test('wherever the bytes begin in their buffer, and however many, the sum is that of its words one by one', () => {
  const all = Uint8Array.from({ length: 70_001 }, (_, at) => (at * 131 + (at >> 7)) & 0xff);
  const sum = new InternetChecksum();
  for (const length of [63, 64, 65, 66, 67, 1448, 1449, 65_535, 65_536]) {
    for (let at = 0; at < 6; at++) {
      for (const before of [0, 1]) {
        let expected = before << 8;
        for (let index = 0; index < length; index++)
          expected += all[at + index]! << ((index + before) % 2 === 0 ? 8 : 0);
        while (expected > 0xffff) expected = (expected & 0xffff) + Math.floor(expected / 0x1_0000);
        sum.clear();
        if (before === 1) sum.add(Uint8Array.of(1), 0, 1);
        sum.add(all.subarray(at), 0, length);
        assert.equal(sum.folded, expected, `${length} bytes from ${at} on, ${before} before`);
      }
    }
  }
  sum.clear();
  sum.add(new Uint8Array(1000), 3, 900);
  assert.equal(sum.folded, 0);
});
