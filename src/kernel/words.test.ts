import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fromWords, highWord, little64, lowWord, setLittle64, setWord64, word64 } from './words.js';

test('a number of up to 53 bits is the same in words, signed or not, and in bytes, as the kernel reads them', () => {
  const data = new DataView(new ArrayBuffer(16));
  const edges = [0, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 52 + 2 ** 31, Number.MAX_SAFE_INTEGER];
  fc.assert(
    fc.property(fc.oneof(fc.constantFrom(...edges), fc.maxSafeNat()), (value) => {
      assert.equal(fromWords(highWord(value), lowWord(value)), value);
      for (const words of [new Int32Array(data.buffer), new Uint32Array(data.buffer)]) {
        setWord64(words, 2, value);
        assert.equal(data.getBigUint64(8, true), BigInt(value));
        assert.equal(word64(words, 2), value);
      }
      setLittle64(data, 4, value);
      assert.equal(data.getBigUint64(4, true), BigInt(value));
      assert.equal(little64(data, 4), value);
    }),
  );
});
