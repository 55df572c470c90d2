import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CopyReason, copiedBytes } from './copy.js';
import { Access, Domain, type DomainMemory } from './domain.js';
import { Spans } from './spans.js';

function memoryOf(bytes: Uint8Array<ArrayBuffer>): DomainMemory {
  return { address: 0x7000_0000, window: (offset) => ({ bytes, data: new DataView(bytes.buffer), at: offset }) };
}

test('bytes of any pieces are read, written, visited and copied as if they lay together', () => {
  const cuts = fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 12 });
  fc.assert(
    fc.property(cuts, cuts, fc.nat(), fc.nat(), fc.nat(), (ours, theirs, one, two, three) => {
      const make = (lengths: readonly number[], factor: number) => {
        const bytes = Uint8Array.from({ length: 8192 }, (_, index) => index * factor);
        const memory = memoryOf(bytes);
        const spans = new Spans(12);
        const flat: number[] = [];
        for (const [index, length] of lengths.entries()) {
          // Pieces lie apart, the last first.
          const offset = (lengths.length - index) * 512;
          assert.ok(spans.add(memory.address + offset, length, memory, offset));
          for (let at = 0; at < length; at++) flat.push(offset + at);
        }
        assert.equal(spans.byteLength, flat.length);
        return { bytes, spans, flat };
      };
      const target = make(ours, 3);
      const source = make(theirs, 7);
      const place = one % target.flat.length;
      const from = two % source.flat.length;
      const length = three % (Math.min(target.flat.length - place, source.flat.length - from) + 1);
      const expected = Uint8Array.from(target.bytes);
      for (let at = 0; at < length; at++) expected[target.flat[place + at]!] = source.bytes[source.flat[from + at]!]!;
      const before = copiedBytes[CopyReason.guestPacket]!;
      target.spans.copyFrom(CopyReason.guestPacket, place, source.spans, from, length);
      assert.equal(copiedBytes[CopyReason.guestPacket]! - before, length);
      assert.deepEqual(target.bytes, expected);
      assert.equal(target.spans.byteAt(place), expected[target.flat[place]!]);
      target.spans.setByteAt(place, 99);
      assert.equal(target.bytes[target.flat[place]!], 99);
      target.spans.setBytesAt(place, expected.subarray(100), Math.min(12, target.flat.length - place));
      for (let at = 0; at < Math.min(12, target.flat.length - place); at++)
        assert.equal(target.spans.byteAt(place + at), expected[100 + at]);
      const visited: number[] = [];
      source.spans.stretches(from, length, (bytes, at, count) => visited.push(...bytes.subarray(at, at + count)));
      assert.deepEqual(
        visited,
        source.flat.slice(from, from + length).map((at) => source.bytes[at]!),
      );
      const described: number[] = [];
      const add = (address: number, count: number): boolean => {
        for (let at = 0; at < count; at++) described.push(address - 0x7000_0000 + at);
        return true;
      };
      assert.ok(source.spans.describe(from, length, { add }));
      assert.deepEqual(described, source.flat.slice(from, from + length));
      const rest = source.flat.length - from;
      source.spans.skip(from);
      assert.equal(source.spans.byteLength, rest);
      const left: number[] = [];
      source.spans.stretches(0, rest, (bytes, at, count) => left.push(...bytes.subarray(at, at + count)));
      assert.deepEqual(
        left,
        source.flat.slice(from).map((at) => source.bytes[at]!),
      );
      source.spans.skip(rest);
      assert.equal(source.spans.count, 0);
      assert.throws(() => source.spans.skip(1), RangeError);
      const dropped = ours.length >> 1;
      const skip = ours.slice(0, dropped).reduce((sum, each) => sum + each, 0);
      target.spans.dropFirst(dropped);
      assert.equal(target.spans.byteLength, target.flat.length - skip);
      assert.equal(target.spans.byteAt(0), target.bytes[target.flat[skip]!]);
      target.spans.keepFirst(1);
      assert.equal(target.spans.byteLength, ours[dropped]!);
    }),
  );
});

test('a buffer over two ranges that touch is two pieces; nothing outside is reached', () => {
  const domain = new Domain();
  const [low, high] = [new Uint8Array(4096), new Uint8Array(4096)];
  domain.grant(0x1000, 4096, memoryOf(low), 0, Access.both);
  domain.grant(0x2000, 4096, memoryOf(high), 0, Access.both);
  const spans = new Spans(4);
  assert.ok(domain.translate(0, 0x1ffe, 4, Access.write, spans));
  for (let at = 0; at < 4; at++) spans.setByteAt(at, at + 1);
  assert.deepEqual([low[4094], low[4095], high[0], high[1]], [1, 2, 3, 4]);
  for (const at of [-1, 4]) {
    assert.throws(() => spans.byteAt(at), RangeError);
    assert.throws(() => spans.setByteAt(at, 0), RangeError);
  }
  assert.throws(() => spans.setBytesAt(2, new Uint8Array(3), 3), RangeError);
  assert.throws(() => spans.stretches(2, 3, () => {}), RangeError);
  assert.throws(() => spans.describe(2, 3, { add: () => true }), RangeError);
  assert.throws(() => spans.copyFrom(CopyReason.guestPacket, 0, spans, 3, 2), RangeError);
  assert.throws(() => spans.copyFrom(CopyReason.guestPacket, 3, spans, 0, 2), RangeError);
  spans.clear();
  assert.throws(() => spans.byteAt(0), RangeError);
});
