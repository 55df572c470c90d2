import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { highWord, lowWord } from '../kernel/words.js';
import { Access, Domain, type DomainMemory, Pieces } from './domain.js';

function memoryAt(address: number): DomainMemory {
  const bytes = new Uint8Array(0);
  return { address, window: (offset) => ({ bytes, data: new DataView(bytes.buffer), at: offset }) };
}

test('a range over two that touch is two pieces, or one where our memory goes on; a hole is outside', () => {
  const domain = new Domain();
  const far = memoryAt(0x9000_0000);
  domain.grant(0x1000, 0x1000, memoryAt(0x5000_0000), 0, Access.both);
  domain.grant(0x2000, 0x1000, far, 0x100, Access.both);
  domain.grant(0x3000, 0x1000, far, 0x1100, Access.both);
  domain.grant(0x8000, 0x1000, far, 0x9000, Access.both);
  const pieces = new Pieces(4);
  assert.ok(domain.translate(0, 0x1ff0, 0x1020, Access.read, pieces));
  assert.deepEqual([...pieces.addresses.subarray(0, pieces.count)], [0x5000_0ff0, 0x9000_0100]);
  assert.deepEqual([...pieces.lengths.subarray(0, pieces.count)], [0x10, 0x1010]);
  pieces.clear();
  // Exactly to the end of memory.
  assert.ok(domain.translate(0, 0x8fff, 1, Access.write, pieces));
  for (const [address, length] of [
    [0x3ff0, 0x20],
    [0x7fff, 2],
    [0x8fff, 2],
    [0x9000, 1],
    [0, 1],
    [0xfff, 2],
  ] as const)
    assert.equal(domain.translate(0, address, length, Access.read, pieces), false, `${length} at ${address}`);
  assert.equal(domain.faults.outside, 6);
});

test('addresses of 2^53 and more, ways that are not allowed, more pieces than there is room for', () => {
  const domain = new Domain();
  domain.grant(0, 0x1000, memoryAt(0x1000), 0, Access.read);
  domain.grant(0x1000, 0x1000, memoryAt(0x9000), 0, Access.both);
  const pieces = new Pieces(1);
  assert.equal(domain.translate(0x20_0000, 0, 1, Access.read, pieces), false);
  assert.equal(domain.translate(0xffff_ffff, 0xffff_ffff, 2, Access.read, pieces), false);
  assert.equal(domain.translate(0, 0, 1, Access.write, pieces), false);
  assert.equal(domain.translate(0, 0xfff, 2, Access.read, pieces), false);
  assert.equal(domain.window(0, 0, 4, Access.write), undefined);
  assert.equal(domain.window(0, 0xffe, 4, Access.write), undefined, 'not all of it may be written');
  assert.equal(domain.window(0, 0x1ffe, 4, Access.read), undefined);
  assert.deepEqual(domain.faults, { wraps: 2, access: 3, pieces: 1, outside: 1 });
});

test('a window over ranges that touch is a copy, to be read; one that is written lies in one range', () => {
  const domain = new Domain();
  const data = new DataView(Uint8Array.from({ length: 64 }, (_, index) => index).buffer);
  const memory: DomainMemory = { address: 0, window: (at) => ({ bytes: new Uint8Array(data.buffer), data, at }) };
  for (const [start, offset] of [
    [2 ** 32 - 8, 40],
    [2 ** 32, 0],
    [2 ** 32 + 8, 16],
  ] as const) {
    domain.grant(start, 8, memory, offset, Access.both);
  }
  const window = domain.window(0, 2 ** 32 - 3, 14, Access.read)!;
  const read = Array.from({ length: 14 }, (_, index) => window.data.getUint8(window.at + index));
  assert.deepEqual(read, [45, 46, 47, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18]);
  assert.equal(domain.window(0, 2 ** 32 - 3, 14, Access.write), undefined);
  assert.equal(domain.window(0, 2 ** 32 - 3, 20, Access.read), undefined, 'beyond the last');
  assert.equal(domain.faults.outside, 2);
});

test('ranges that are none, or overlap, are refused; what is revoked is outside', () => {
  const domain = new Domain();
  const memory = memoryAt(0);
  domain.grant(0x1000, 0x1000, memory, 0, Access.both);
  for (const [start, length] of [
    [0x1000, 1],
    [0xfff, 2],
    [0x1fff, 10],
    [0, 0x10_000],
    [5, 0],
    [-1, 5],
    [2 ** 53, 1],
    [2 ** 53 - 2, 10],
    [1.5, 1],
  ] as const)
    assert.throws(() => domain.grant(start, length, memory, 0, Access.both), RangeError, `${length} at ${start}`);
  assert.equal(domain.byteLength, 0x1000);
  assert.equal(domain.revoke(0x1800, 1), 1);
  assert.equal(domain.translate(0, 0x1000, 1, Access.read, new Pieces(1)), false);
});

test('every byte is where a plain search says', () => {
  const ranges = fc.uniqueArray(fc.integer({ min: 0, max: 60 }), { minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(
      ranges,
      fc.integer({ min: 0, max: 62 * 16 }),
      fc.integer({ min: 1, max: 200 }),
      (starts, address, length) => {
        const domain = new Domain();
        const base = 2 ** 32 - 300;
        for (const start of starts) domain.grant(base + start * 16, 16, memoryAt(1e6 * (start + 1)), 0, Access.both);
        const pieces = new Pieces(100);
        const has = domain.translate(highWord(base + address), lowWord(base + address), length, Access.read, pieces);
        const wanted = Array.from({ length }, (_, index) => address + index);
        assert.equal(
          has,
          wanted.every((byte) => starts.includes(Math.floor(byte / 16))),
        );
        if (!has) return;
        const found: number[] = [];
        for (let index = 0; index < pieces.count; index++)
          for (let byte = 0; byte < pieces.lengths[index]!; byte++) found.push(pieces.addresses[index]! + byte);
        assert.deepEqual(
          found,
          wanted.map((byte) => 1e6 * (Math.floor(byte / 16) + 1) + (byte % 16)),
        );
      },
    ),
  );
});
