import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { platformIsLinux, viewMemory } from '../kernel/ffi.js';
import { Iovecs } from './iovecs.js';

const skip = platformIsLinux ? false : 'needs Linux';

/** The pieces as the kernel reads them. */
function piecesOf(iovecs: Iovecs): [address: number, length: number][] {
  if (iovecs.count === 0) return [];
  const data = new DataView(viewMemory(iovecs.address, iovecs.count * 16));
  return Array.from({ length: iovecs.count }, (_, index) => [
    Number(data.getBigUint64(index * 16, true)),
    Number(data.getBigUint64(index * 16 + 8, true)),
  ]);
}

/** The address of each byte, in order. */
function bytesOf(pieces: readonly (readonly [number, number])[]): number[] {
  return pieces.flatMap(([address, length]) => Array.from({ length }, (_, index) => address + index));
}

test('pieces lead to the bytes that were added, to those that are left, and to the first of them', { skip }, () => {
  const piece = fc.tuple(
    fc.constantFrom(0x1000, 0x1010, 0x7fff_ffff_0000, 0xffff_fff8),
    fc.integer({ min: 1, max: 40 }),
  );
  const iovecs = new Iovecs(16);
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 16 }), fc.array(fc.nat(50)), (pieces, skips) => {
      iovecs.clear();
      for (const [address, length] of pieces) assert.ok(iovecs.add(address, length));
      let left = bytesOf(pieces);
      for (const wanted of [0, ...skips]) {
        const skipped = Math.min(wanted, left.length);
        iovecs.skip(skipped);
        left = left.slice(skipped);
        assert.equal(iovecs.byteLength, left.length);
        assert.deepEqual(bytesOf(piecesOf(iovecs)), left);
        const cut = 1 + (wanted % 45);
        const count = iovecs.cutTo(cut);
        assert.deepEqual(bytesOf(piecesOf(iovecs).slice(0, count)), left.slice(0, cut));
        iovecs.mend();
        assert.deepEqual(bytesOf(piecesOf(iovecs)), left);
      }
    }),
  );
  iovecs.unmap();
});

test('pieces that touch are one, up to what a piece can hold; more than fit are refused', { skip }, () => {
  const iovecs = new Iovecs(2);
  assert.ok(iovecs.add(0x1000, 16) && iovecs.add(0x1010, 16));
  assert.deepEqual(piecesOf(iovecs), [[0x1000, 32]]);
  assert.ok(iovecs.add(0x1020, 0xffff_fff0));
  assert.equal(iovecs.count, 2, 'a length of 2^32 has no room in a word');
  assert.equal(iovecs.add(0x1000, 1), false);
  iovecs.unmap();
});
