import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import * as copy from './copy.js';

const { CopyReason, copyBytes, copyReasonNames, countCopy, encodeText } = copy;

function counted(reason: number, work: () => void): number {
  const before = copy.copiedBytes[reason]!;
  work();
  return copy.copiedBytes[reason]! - before;
}

test('copyBytes copies the range and nothing else, and counts it', () => {
  const cases = fc.tuple(fc.nat(300), fc.nat(300), fc.nat(200));
  fc.assert(
    fc.property(cases, ([to, from, length]) => {
      const source = Uint8Array.from({ length: 600 }, (_, index) => index & 0xff);
      const target = new Uint8Array(600).fill(255);
      const expected = Array.from(target);
      for (let index = 0; index < length; index++) expected[to + index] = source[from + index]!;
      assert.equal(
        counted(CopyReason.coalesce, () => copyBytes(CopyReason.coalesce, target, to, source, from, length)),
        length,
      );
      assert.deepEqual(Array.from(target), expected);
    }),
  );
});

test('within one array the ranges may overlap, at every length', () => {
  for (const length of [1, 10, 63, 64, 100]) {
    for (const shift of [-30, -1, 0, 1, 30]) {
      const bytes = Uint8Array.from({ length: 300 }, (_, index) => index & 0xff);
      const expected = Array.from(bytes);
      for (let index = 0; index < length; index++) expected[100 + shift + index] = bytes[100 + index]!;
      copyBytes(CopyReason.coalesce, bytes, 100 + shift, bytes, 100, length);
      assert.deepEqual(Array.from(bytes), expected, `${length} bytes by ${shift}`);
    }
  }
});

test('a range outside is refused, copies nothing and counts nothing', () => {
  const target = new Uint8Array(100);
  const source = new Uint8Array(100).fill(1);
  const outside = [
    [1, 0, 100],
    [0, 1, 100],
    [-1, 0, 10],
    [0, -1, 10],
    [0, 0, -1],
    [101, 0, 0],
  ] as const;
  for (const [to, from, length] of outside) {
    const count = counted(CopyReason.coalesce, () =>
      assert.throws(() => copyBytes(CopyReason.coalesce, target, to, source, from, length), RangeError),
    );
    assert.equal(count, 0);
  }
  assert.ok(target.every((byte) => byte === 0));
});

test('encodeText writes UTF-8 in place, counts bytes, and refuses what does not fit whole', () => {
  const target = new Uint8Array(10);
  assert.equal(
    counted(CopyReason.encode, () => assert.equal(encodeText(CopyReason.encode, target, 2, 'aé€'), 6)),
    6,
  );
  assert.deepEqual([...target], [0, 0, 0x61, 0xc3, 0xa9, 0xe2, 0x82, 0xac, 0, 0]);
  assert.throws(() => encodeText(CopyReason.encode, target, 8, 'abc'), RangeError);
  assert.throws(() => encodeText(CopyReason.encode, target, 8, '€'), RangeError);
});

test('copies made on our behalf are counted, and every reason has a name', () => {
  assert.equal(
    counted(CopyReason.frameFill, () => countCopy(CopyReason.frameFill, 12345)),
    12345,
  );
  for (const [name, reason] of Object.entries(CopyReason)) assert.equal(copyReasonNames[reason], name);
});

test('an account moved to shared memory keeps what was counted and goes on there', () => {
  countCopy(CopyReason.accessLog, 5);
  const before = copy.copiedBytes[CopyReason.accessLog]!;
  const account = new Float64Array(new SharedArrayBuffer(copyReasonNames.length * 8));
  copy.keepCopyAccount(account);
  countCopy(CopyReason.accessLog, 7);
  assert.equal(account[CopyReason.accessLog], before + 7);
  assert.equal(copy.copiedBytes, account);
});
