import assert from 'node:assert/strict';
import { closeSync, constants, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { MAP, PROT } from './constants.js';
import { Errno } from './errno.js';
import { platformIsLinux } from './ffi.js';
import { IoCall, IoList } from './io-list.js';
import { mapMemory, unmapMemory } from './memory.js';
import { closeDescriptor } from './socket.js';
import { unixStreamPair } from './socket-pair.js';
import { createPipe } from './splice.js';

const trial = platformIsLinux ? IoList.open(1, IoCall.read) : undefined;
const skip = trial === undefined ? 'needs Linux with io_submit' : false;
trial?.close();
const page = 4096;
const memory = !skip ? mapMemory(4 * page, PROT.READ | PROT.WRITE, MAP.PRIVATE | MAP.ANONYMOUS) : undefined;
const address = memory?.address ?? 0;
const bytes = new Uint8Array(memory?.buffer ?? new ArrayBuffer(0));

after(() => {
  if (memory !== undefined) unmapMemory(memory);
});

function open(calls: number, kind: number): IoList {
  const list = IoList.open(calls, kind);
  assert.ok(list !== undefined);
  return list;
}

test('a list of calls is made in order, each whatever those before it gave', { skip }, () => {
  const writes = open(4, IoCall.write);
  const reads = open(2, IoCall.read);
  const { readEnd, writeEnd, sink } = createPipe(page);
  try {
    bytes[0] = 7;
    bytes[1] = 9;
    writes.set(0, writeEnd, address, 1);
    writes.set(1, -1, address, 1);
    writes.set(2, writeEnd, address + 1, 1);
    // Beyond what is asked for.
    writes.set(3, writeEnd, address, 1);
    writes.run(3);
    assert.deepEqual([...writes.results], [1, -Errno.EBADF, 1, 0]);
    writes.run(0);
    assert.equal(writes.results[3], 0);
    reads.set(0, readEnd, address + 100, 50);
    reads.set(1, readEnd, address + 100, 50);
    reads.run(1);
    assert.equal(reads.results[0], 2);
    assert.deepEqual([...bytes.subarray(100, 103)], [7, 9, 0]);
    // All of them are refused.
    for (let index = 0; index < 4; index++) writes.set(index, readEnd, address, 1);
    writes.run(4);
    assert.deepEqual([...writes.results], Array(4).fill(-Errno.EBADF));
  } finally {
    writes.close();
    reads.close();
    for (const fd of [readEnd, writeEnd, sink]) if (fd >= 0) closeDescriptor(fd);
  }
});

test('sockets that are empty, full, at their end, and without a peer say so; the ring goes round', { skip }, () => {
  const writes = open(8, IoCall.write);
  const reads = open(8, IoCall.read);
  const pairs = Array.from({ length: 8 }, () => unixStreamPair());
  try {
    // Many times the events of a ring, whatever its size.
    for (let round = 0; round < 2000; round++) {
      for (const [index, [one, other]] of pairs.entries()) {
        writes.set(index, one, address + index, 1 + (index % 3));
        reads.set(index, other, address + page, page);
      }
      writes.run(8);
      reads.run(8);
      for (let index = 0; index < 8; index++) {
        assert.equal(writes.results[index], 1 + (index % 3));
        assert.equal(reads.results[index], 1 + (index % 3));
      }
    }
    closeDescriptor(pairs[1]![0]);
    reads.run(2);
    assert.deepEqual([...reads.results.subarray(0, 2)], [-Errno.EAGAIN, 0]);
    // A write without a peer is an error and no signal that ends the process.
    writes.set(0, pairs[1]![1], address, 1);
    for (let index = 1; index < 8; index++) writes.set(index, pairs[0]![0], address, 4 * page);
    let full = 0;
    for (let round = 0; round < 100 && full === 0; round++) {
      writes.run(8);
      assert.equal(writes.results[0], -Errno.EPIPE);
      full = writes.results.findIndex((result) => result === -Errno.EAGAIN) + 1;
    }
    assert.ok(full > 0, 'the socket was never full');
  } finally {
    writes.close();
    reads.close();
    for (const [index, pair] of pairs.entries()) for (const fd of index === 1 ? [pair[1]] : pair) closeDescriptor(fd);
  }
});

test('what ends later is waited for', { skip }, (context) => {
  const directory = mkdtempSync(join(tmpdir(), 'io-list-'));
  try {
    const path = join(directory, 'file');
    writeFileSync(
      path,
      Uint8Array.from({ length: 2 * page }, (_, index) => index >> 8),
    );
    let fd: number;
    try {
      fd = openSync(path, constants.O_RDONLY | constants.O_DIRECT);
    } catch {
      context.skip('the file system has no direct reads');
      return;
    }
    const reads = open(2, IoCall.read);
    try {
      bytes.fill(0xff);
      reads.set(0, fd, address, page);
      reads.set(1, fd, address + page, 2 * page);
      reads.run(2);
      assert.deepEqual([...reads.results], [page, 2 * page]);
      assert.equal(bytes[257], 1);
      assert.equal(bytes[page + 257], 1);
    } finally {
      reads.close();
      closeSync(fd);
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('what is closed is used again, for the other kind as well', { skip }, () => {
  const { readEnd, writeEnd, sink } = createPipe(page);
  try {
    const list = open(3, IoCall.write);
    list.set(0, writeEnd, address, 1);
    list.run(1);
    list.close();
    const again = open(3, IoCall.read);
    assert.equal(again, list);
    again.set(0, readEnd, address, page);
    again.run(1);
    assert.equal(again.results[0], 1);
    const other = open(3, IoCall.read);
    assert.notEqual(other, list);
    other.close();
    again.close();
  } finally {
    for (const fd of [readEnd, writeEnd, sink]) if (fd >= 0) closeDescriptor(fd);
  }
});

test('where there is no room for a list there is none, and nothing is left of it', { skip }, () => {
  // More events than the kernel gives to one context.
  assert.equal(IoList.open(1 << 23, IoCall.read), undefined);
});
