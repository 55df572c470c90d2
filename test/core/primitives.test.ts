// The core's primitives against plain TypeScript and published vectors.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadCore } from './load-core.js';

interface Primitives {
  beginArena(from: number, to: number): void;
  take(bytes: number, alignment: number): number;
  arenaLeft(): number;
  be16(address: number): number;
  be32(address: number): number;
  putBe16(address: number, value: number): void;
  putBe32(address: number, value: number): void;
  before(one: number, other: number): number;
  checksumOf(address: number, length: number, initial: bigint): number;
  sumVectors(address: number, end: number): bigint;
  sumShort(address: number, length: number, initial: bigint): bigint;
  isWhole(sum: bigint): number;
  readonly nowUs: WebAssembly.Global;
  setClock(us: number): void;
  random64(): bigint;
  seedRandom(seed: number): void;
  siphash(key: number, address: number, length: number): bigint;
}

const at = 0x2_0000;
const { core, bytes, data } = loadCore<Primitives>('primitives', 16);

function slowChecksum(from: number, length: number): number {
  let sum = 0;
  for (let index = 0; index < length; index++) sum += bytes[from + index]! << (index % 2 === 0 ? 8 : 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return sum ^ 0xffff;
}

test('checksums of every length and alignment, of zeros, of ones, and of noise', () => {
  for (const fill of [() => 0, () => 0xff, (index: number) => (index * 167 + 13) & 0xff]) {
    for (let index = 0; index < 2048; index++) bytes[at + index] = fill(index);
    for (let start = 0; start < 9; start++) {
      for (let length = 0; length < 1600; length += length < 80 ? 1 : 37) {
        const word = core.checksumOf(at + start, length, 0n);
        const swapped = ((word & 0xff) << 8) | (word >>> 8);
        assert.equal(swapped, slowChecksum(at + start, length), `${length} bytes from ${start} on`);
        if (length >= 128) continue;
        // Words are summed two by two: the same number, where 65,536 counts as 1.
        const short = core.sumShort(at + start, length, 7n) - 7n;
        assert.equal(
          short % 65_535n,
          BigInt(word ^ 0xffff) % 65_535n,
          `${length} bytes from ${start} on, as a short range`,
        );
      }
    }
  }
});

test('a sum by vectors is the sum of the words', () => {
  for (const fill of [() => 0, () => 0xff, (index: number) => (index * 167 + 13) & 0xff]) {
    for (let index = 0; index < 4096; index++) bytes[at + index] = fill(index);
    for (let length = 0; length <= 4064; length += 32) {
      let sum = 0n;
      for (let index = 0; index < length; index += 4) sum += BigInt(data.getUint32(at + 1 + index, true));
      assert.equal(core.sumVectors(at + 1, at + 1 + length), sum, `${length} bytes by vectors`);
    }
  }
});

test('a sum is that of a right checksum if it folds to ones', () => {
  const folds = (sum: bigint): boolean => {
    let rest = sum;
    while (rest > 0xffffn) rest = (rest & 0xffffn) + (rest >> 16n);
    return rest === 0xffffn;
  };
  const near = [1n, 0xffffn, 0x1_0000n, 0x1_fffen, 0xffff_ffffn, 0x10_0000_0000n, 0x7fff_ffff_0000_ffffn];
  for (const middle of [...near, ...near.map((sum) => sum * 0xffffn)]) {
    for (let sum = middle - 3n; sum <= middle + 3n; sum++) {
      if (sum > 0n && sum < 1n << 64n) assert.equal(core.isWhole(sum), folds(sum) ? 1 : 0, `${sum}`);
    }
  }
});

test('SipHash-2-4: vectors of its authors', () => {
  for (let index = 0; index < 64; index++) bytes[at + index] = index;
  // vectors.h of the reference implementation: key 00..0f, messages 00..(n-1).
  const wanted: Readonly<Record<number, bigint>> = {
    0: 0x726f_db47_dd0e_0e31n,
    1: 0x74f8_39c5_93dc_67fdn,
    7: 0xab02_00f5_8b01_d137n,
    8: 0x93f5_f579_9a93_2462n,
    15: 0xa129_ca61_49be_45e5n,
    63: 0x958a_324c_eb06_4572n,
  };
  for (const [length, hash] of Object.entries(wanted)) {
    assert.equal(BigInt.asUintN(64, core.siphash(at, at, Number(length))), hash, `${length} bytes`);
  }
});

test('numbers that wrap are before one another by half of their circle', () => {
  assert.equal(core.before(1, 2), 1);
  assert.equal(core.before(2, 2), 0);
  assert.equal(core.before(0xffff_fff0, 5), 1);
  assert.equal(core.before(5, 0xffff_fff0), 0);
});

test('numbers in the order of networks, at any alignment', () => {
  for (let start = at; start < at + 8; start++) {
    core.putBe16(start, 0xfabcd);
    assert.equal(data.getUint16(start), 0xabcd);
    assert.equal(core.be16(start), 0xabcd);
    core.putBe32(start, 0x89ab_cdef);
    assert.equal(data.getUint32(start), 0x89ab_cdef);
    assert.equal(core.be32(start) >>> 0, 0x89ab_cdef);
  }
});

test('the clock goes on over the end of 32 bits', () => {
  core.setClock(0xffff_ff00);
  const began = core.nowUs.value as bigint;
  core.setClock(0x100);
  core.setClock(0x8000_0100);
  assert.equal((core.nowUs.value as bigint) - began, 0x8000_0200n);
});

test('the arena gives aligned room that is 0, and 0 where there is none', () => {
  core.beginArena(at + 1, at + 1000);
  bytes.fill(7, at, at + 1000);
  const first = core.take(10, 64);
  assert.equal(first % 64, 0);
  assert.ok(bytes.subarray(first, first + 10).every((byte) => byte === 0));
  const left = core.arenaLeft();
  assert.equal(core.take(left + 1, 1), 0);
  assert.equal(core.take(0xffff_ffff, 1), 0);
  assert.notEqual(core.take(left, 1), 0);
  assert.equal(core.take(1, 1), 0);
});

test('a seed gives one row of numbers, another seed another', () => {
  const row = (seed: number): bigint[] => {
    data.setUint32(at, seed, true);
    core.seedRandom(at);
    return Array.from({ length: 8 }, () => core.random64());
  };
  assert.deepEqual(row(1), row(1));
  assert.notDeepEqual(row(1), row(2));
  assert.equal(new Set(row(3)).size, 8);
});
