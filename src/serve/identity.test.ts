import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { emptyFileStatus, type FileStatus } from '../kernel/file.js';
import {
  formatTag,
  identityOf,
  isRacy,
  isTimeSet,
  saidSeconds,
  TAG_BYTES,
  tagOfContent,
  tagOfIdentity,
  words,
  writeTag,
} from './identity.js';

const tagOf = (bytes: Uint8Array, start = 0, length = bytes.length, coding = 0): string => {
  tagOfContent(bytes, start, length, coding);
  return formatTag(words.high, words.low);
};

test('the same bytes have one tag wherever they lie; a byte that changed, came or went has another', () => {
  const seen = fc.tuple(fc.uint8Array({ maxLength: 300 }), fc.nat(20), fc.nat(), fc.integer({ min: 1, max: 255 }));
  fc.assert(
    fc.property(seen, ([bytes, offset, place, difference]) => {
      const tag = tagOf(bytes);
      const moved = new Uint8Array(bytes.length + offset + 3).fill(0xaa);
      moved.set(bytes, offset);
      assert.equal(tagOf(moved, offset, bytes.length), tag);
      assert.notEqual(tagOf(moved, offset, bytes.length, 1), tag);
      assert.notEqual(tagOf(Buffer.concat([bytes, Buffer.alloc(1)])), tag);
      if (bytes.length === 0) return;
      assert.notEqual(tagOf(bytes, 0, bytes.length - 1), tag);
      const changed = Uint8Array.from(bytes);
      changed[place % bytes.length]! ^= difference;
      assert.notEqual(tagOf(changed), tag);
    }),
    { numRuns: 2000 },
  );
});

test('many short contents have as many tags', () => {
  const tags = new Set<string>();
  for (let number = 0; number < 200_000; number++) tags.add(tagOf(Buffer.from(String(number))));
  assert.equal(tags.size, 200_000);
});

test('each fact of a file is part of its identity, and each part of that of its tag', () => {
  const status: FileStatus = emptyFileStatus();
  const identity = (): string => {
    identityOf(status);
    return formatTag(words.high, words.low);
  };
  const first = identity();
  for (const name of Object.keys(status).filter((each) => each !== 'mode') as Array<keyof FileStatus>) {
    status[name] = 1;
    assert.notEqual(identity(), first, name);
    // Beyond 32 bits too, where there are so many.
    status[name] = 2 ** 40;
    if (!name.endsWith('Nanoseconds')) assert.notEqual(identity(), first, `${name} beyond 32 bits`);
    status[name] = 0;
  }
  assert.equal(identity(), first);
  const tags = new Set<string>();
  for (const [high, low, coding, salt] of [
    [1, 2, 0, 0],
    [2, 1, 0, 0],
    [1, 2, 1, 0],
    [1, 2, 0, 1],
    [1, 2, 0, 2 ** 41],
  ] as const) {
    tagOfIdentity(high, low, coding, salt);
    tags.add(formatTag(words.high, words.low));
  }
  assert.equal(tags.size, 5);
});

test('a tag is written as it is formatted', () => {
  const word = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
  fc.assert(
    fc.property(word, word, (high, low) => {
      const bytes = new Uint8Array(TAG_BYTES + 2);
      assert.equal(writeTag(bytes, 1, high, low), TAG_BYTES + 1);
      const text = Buffer.from(bytes).toString('latin1', 1, TAG_BYTES + 1);
      assert.equal(text, formatTag(high, low));
      assert.match(text, /^"[0-9a-f]{16}"$/);
    }),
  );
});

test('a modification time behind that of the last change is said as the latter, whenever it is asked for, and never later than now', () => {
  const times = (mtimeSeconds: number, ctimeSeconds: number, nowMs = 100_999): number =>
    saidSeconds({ ...emptyFileStatus(), mtimeSeconds, ctimeSeconds }, nowMs);
  assert.deepEqual([times(5, 50), times(100, 50), times(101, 50), times(101, 101)], [5, 50, 50, 100]);
  assert.equal(times(105, 100, 200_000), times(105, 100));
});

test('a time that was set, even back within a second, is told from one that a write left', () => {
  const written = {
    ...emptyFileStatus(),
    mtimeSeconds: 100,
    mtimeNanoseconds: 5,
    ctimeSeconds: 100,
    ctimeNanoseconds: 5,
  };
  assert.ok(!isTimeSet(written));
  assert.ok(isTimeSet({ ...written, ctimeNanoseconds: 6 }));
  assert.ok(isTimeSet({ ...written, mtimeSeconds: 1 }));
  assert.ok(isRacy(written, 100_010, false) && !isRacy(written, 100_200, false) && isRacy(written, 100_200, true));
});
