import assert from 'node:assert/strict';
import { test } from 'node:test';
import { platformIsLinux } from './ffi.js';
import { addressOfFunction, pointerAt, textAt } from './foreign.js';
import { cString, MAP, mapMemory, PROT, pageBytes, protectMemory, scratch, unmapMemory } from './memory.js';

const skip = platformIsLinux ? false : 'needs Linux on x64 or arm64';

test('a function of the process has an address, one that is not there has none', { skip }, () => {
  assert.notEqual(addressOfFunction('strlen'), 0);
  assert.equal(addressOfFunction('clearway_is_not_there'), 0);
});

test('a pointer at an address', { skip }, () => {
  const place = scratch(8);
  place.data.setBigUint64(place.offset, 0x1234_5678_9abcn, true);
  assert.equal(pointerAt(place.address), 0x1234_5678_9abc);
});

test('text ends at its NUL or at the most that is wanted', { skip }, () => {
  assert.equal(textAt(0), '');
  assert.equal(textAt(cString('')), '');
  assert.equal(textAt(cString('\ufeffhörbar')), '\ufeffhörbar');
  assert.equal(textAt(cString('0123456789'), 4), '0123');
});

test('text over pages, behind which there is nothing', { skip }, () => {
  const page = pageBytes();
  const memory = mapMemory(3 * page, PROT.READ | PROT.WRITE, MAP.PRIVATE | MAP.ANONYMOUS);
  try {
    const bytes = new Uint8Array(memory.buffer);
    bytes.fill(0x61, 0, 2 * page - 1);
    protectMemory(memory.address + 2 * page, page, PROT.NONE);
    assert.equal(textAt(memory.address + 100), 'a'.repeat(2 * page - 101));
    assert.equal(textAt(memory.address + 100, page), 'a'.repeat(page));
  } finally {
    unmapMemory(memory);
  }
});
