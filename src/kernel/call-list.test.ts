import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { argumentWord, CallList, callWords, linkWord, resultWord } from './call-list.js';
import { MAP, PROT } from './constants.js';
import { Errno } from './errno.js';
import { platformIsLinux, syscall3 } from './ffi.js';
import { mapMemory, unmapMemory } from './memory.js';
import { sys } from './numbers.js';
import { closeDescriptor } from './socket.js';
import { createPipe } from './splice.js';
import { setWord64, word64 } from './words.js';

const skip = platformIsLinux && process.arch === 'x64' ? false : 'needs Linux on x64';

/** Writes a call into a list: its number and its arguments. */
function put({ words }: CallList, index: number, number: number, ...values: readonly number[]): void {
  const at = index * callWords;
  words[at] = number;
  values.forEach((value, argument) => {
    setWord64(words, at + argumentWord(argument), value);
  });
}

const result = ({ words }: CallList, index: number): number => words[index * callWords + resultWord]!;

test('a list of calls is made in order, each whatever those before it gave', { skip }, () => {
  const list = CallList.open(4);
  assert.ok(list !== undefined);
  const memory = mapMemory(4096, PROT.READ | PROT.WRITE, MAP.PRIVATE | MAP.ANONYMOUS);
  const bytes = new Uint8Array(memory.buffer);
  const { readEnd, writeEnd, sink } = createPipe(4096);
  try {
    bytes[0] = 7;
    bytes[1] = 9;
    put(list, 0, sys.write, writeEnd, memory.address, 2);
    put(list, 1, sys.close, -1);
    put(list, 2, sys.read, readEnd, memory.address + 100, 50);
    // Beyond what is asked for.
    put(list, 3, sys.write, writeEnd, memory.address, 2);
    assert.equal(list.run(3), 3);
    assert.deepEqual(
      [0, 1, 2, 3].map((index) => result(list, index)),
      [2, -Errno.EBADF, 2, 0],
    );
    assert.deepEqual([...bytes.subarray(100, 103)], [7, 9, 0]);
    list.run(0);
    assert.equal(result(list, 3), 0);
    list.run(4);
    assert.deepEqual(
      [0, 1, 2, 3].map((index) => result(list, index)),
      [2, -Errno.EBADF, 2, 2],
    );
  } finally {
    list.close();
    unmapMemory(memory);
    for (const fd of [readEnd, writeEnd, sink]) if (fd >= 0) closeDescriptor(fd);
  }
});

test('a list that ends with the first failure makes no call behind it', { skip }, () => {
  const list = CallList.open(4, true);
  assert.ok(list !== undefined);
  const pipe = createPipe(4096);
  put(list, 0, sys.close, pipe.readEnd);
  put(list, 1, sys.close, -1);
  put(list, 2, sys.close, pipe.writeEnd);
  assert.equal(list.run(0), 0);
  assert.equal(list.run(3), 2);
  assert.deepEqual(
    [0, 1, 2].map((index) => result(list, index)),
    [0, -Errno.EBADF, 0],
  );
  assert.equal(closeDescriptor(pipe.writeEnd), 0, 'nobody closed it');
  // Results that are no failures, the greatest among them: a descriptor, and an address beyond 32 bits.
  put(list, 0, sys.mmap, 0, 4096, PROT.READ, MAP.PRIVATE | MAP.ANONYMOUS, -1, 0);
  put(list, 1, sys.mmap, 0, 4096, PROT.READ, MAP.PRIVATE | MAP.ANONYMOUS, -1, 0);
  assert.equal(list.run(2), 2);
  for (const at of [0, callWords]) {
    const address: number = word64(list.words, at + resultWord);
    assert.equal(syscall3(sys.munmap, address, 4096), 0);
  }
  list.close();
  if (pipe.sink >= 0) closeDescriptor(pipe.sink);
});

test('behind a call that is linked the next one is made only if that gave its length', { skip }, () => {
  const list = CallList.open(6);
  assert.ok(list !== undefined);
  const memory = mapMemory(4096, PROT.READ | PROT.WRITE, MAP.PRIVATE | MAP.ANONYMOUS);
  const { readEnd, writeEnd, sink } = createPipe(4096);
  const link = (...linked: readonly number[]): void => {
    for (let index = 0; index < 6; index++) list.words[index * callWords + linkWord] = linked.includes(index) ? 1 : 0;
  };
  try {
    // Four bytes go in; five are asked for and four come, so nothing is read behind that.
    put(list, 0, sys.write, writeEnd, memory.address, 4);
    put(list, 1, sys.write, writeEnd, memory.address, 0);
    put(list, 2, sys.read, readEnd, memory.address, 5);
    put(list, 3, sys.write, writeEnd, memory.address, 3);
    put(list, 4, sys.close, -1);
    put(list, 5, sys.write, writeEnd, memory.address, 2);
    const results = (): number[] => [0, 1, 2, 3, 4, 5].map((index) => result(list, index));
    link(0, 2, 4);
    list.run(6);
    assert.deepEqual(results(), [4, 0, 4, -Errno.ECANCELED, -Errno.EBADF, -Errno.ECANCELED]);
    // Without links all are made.
    link();
    list.run(6);
    assert.deepEqual(results(), [4, 0, 4, 3, -Errno.EBADF, 2]);
    // The list ends with one that is linked: what lies behind it is left as it is.
    link(4);
    list.words.fill(7, 5 * callWords + resultWord, 5 * callWords + resultWord + 1);
    list.run(5);
    assert.deepEqual(results(), [4, 0, 5, 3, -Errno.EBADF, 7]);
  } finally {
    list.close();
    unmapMemory(memory);
    for (const fd of [readEnd, writeEnd, sink]) if (fd >= 0) closeDescriptor(fd);
  }
});

test('all six arguments reach the kernel', { skip }, () => {
  const list = CallList.open(1);
  assert.ok(list !== undefined);
  put(list, 0, sys.mmap, 0, 8192, PROT.READ, MAP.PRIVATE | MAP.ANONYMOUS, -1, 4096);
  list.run(1);
  const address = word64(list.words, resultWord);
  assert.ok(address > 4096, `mmap gave ${address}`);
  assert.equal(syscall3(sys.munmap, address, 8192), 0);
  // An offset that is no multiple of a page is refused: the sixth argument was looked at.
  put(list, 0, sys.mmap, 0, 8192, PROT.READ, MAP.PRIVATE | MAP.ANONYMOUS, -1, 1);
  list.run(1);
  assert.equal(result(list, 0), -Errno.EINVAL);
  list.close();
});

test('what is executed is not to be written', { skip }, () => {
  const writable = (): string[] =>
    readFileSync('/proc/self/maps', 'latin1')
      .split('\n')
      .filter((line) => /^\S+ rwx/.test(line));
  const before = writable().length;
  const list = CallList.open(1);
  assert.ok(list !== undefined);
  assert.equal(writable().length, before);
  list.close();
});
