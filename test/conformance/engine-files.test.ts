// Operations on files that end later, on every engine that has them: what they did to the file, their ends, more of them than places, and an
// engine that ends while some are under way.

import assert from 'node:assert/strict';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import type { FileOperations } from '../../src/engine/file-operations.js';
import { FALLOC_FL, RWF } from '../../src/kernel/constants.js';
import { Errno } from '../../src/kernel/errno.js';
import { Iovecs } from '../../src/memory/iovecs.js';
import { Region } from '../../src/memory/region.js';
import { Bench, engineNames, type Recorded, skipReason } from './bench.js';

const folder = mkdtempSync(join(tmpdir(), 'clearway-engine-files-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const fileBytes = 1 << 20;
const content = Buffer.from(Uint8Array.from({ length: fileBytes }, (_, index) => (index * 7 + (index >> 8)) & 0xff));

/** Begins something, and waits for its end. */
function ended(bench: Bench, begin: (files: FileOperations, token: number) => void): number {
  return endedAll(bench, [begin])[0]!;
}

function endedAll(bench: Bench, begins: readonly ((files: FileOperations, token: number) => void)[]): number[] {
  const { engine, recorder } = bench;
  const results = new Map<number, number>();
  recorder.on = ({ kind, token, result }: Recorded) => {
    if (kind === 'moved') results.set(token, result);
  };
  for (const [token, begin] of begins.entries()) recorder.file(token, (files) => begin(files, token));
  for (const until = Date.now() + 20_000; results.size < begins.length && Date.now() < until; ) {
    engine.turn(100, recorder);
  }
  assert.equal(results.size, begins.length, 'each ends');
  return begins.map((_, token) => results.get(token)!);
}

// However sockets are read: files of a list's engine are epoll's.
for (const name of engineNames.filter((each) => each !== 'listed' && each !== 'submitted')) {
  const skip = skipReason(name) || (name === 'fake' && 'has no operations on files');

  describe(`files of the ${name} engine`, { skip }, () => {
    test('reads and writes through pieces, holes, stable writes, and errors', () => {
      const path = join(folder, `${name}.raw`);
      writeFileSync(path, content);
      const file = openSync(path, 'r+');
      const bench = new Bench(name);
      const memory = new Region(64 * 1024);
      const iovecs = new Iovecs(8);
      for (const at of [0, 8192, 20_000]) iovecs.add(memory.address + at, 1000);
      const { address, count } = iovecs;
      assert.equal(
        ended(bench, (files, token) => files.read(token, file, address, count, 5000)),
        3000,
      );
      for (const [index, at] of [0, 8192, 20_000].entries()) {
        const expected = content.subarray(5000 + index * 1000, 6000 + index * 1000);
        assert.ok(expected.equals(memory.bytes.subarray(at, at + 1000)));
      }
      assert.equal(
        ended(bench, (files, token) => files.read(token, file, address, count, fileBytes - 10)),
        10,
      );
      assert.equal(
        ended(bench, (files, token) => files.read(token, file, address, count, fileBytes)),
        0,
      );
      memory.bytes.fill(0x5a, 8192, 9192);
      const writing = (flags: number) => (files: FileOperations, token: number) =>
        files.write(token, file, address, count, 300_000, flags);
      assert.equal(ended(bench, writing(0)), 3000);
      assert.equal(ended(bench, writing(RWF.DSYNC)), 3000);
      assert.equal(readFileSync(path)[301_500], 0x5a);
      assert.equal(
        ended(bench, (files, token) => files.sync(token, file)),
        0,
      );
      const { blocks } = statSync(path);
      const mode = FALLOC_FL.PUNCH_HOLE | FALLOC_FL.KEEP_SIZE;
      assert.equal(
        ended(bench, (files, token) => files.allocate(token, file, mode, 512 * 1024, 256 * 1024)),
        0,
      );
      assert.ok(statSync(path).blocks < blocks);
      assert.ok(
        readFileSync(path)
          .subarray(512 * 1024, 768 * 1024)
          .every((byte) => byte === 0),
      );
      assert.equal(
        ended(bench, (files, token) => files.read(token, -1, address, count, 0)),
        -Errno.EBADF,
      );
      assert.equal(
        ended(bench, (files, token) => files.sync(token, -1)),
        -Errno.EBADF,
      );
      const bad = ended(bench, (files, token) => files.read(token, file, 8, 1, 0));
      assert.equal(bad, -Errno.EFAULT);
      closeSync(file);
      bench.end();
      memory.unmap();
      iovecs.unmap();
    });

    test('more at once than there are places: each ends, with its own bytes', () => {
      const path = join(folder, `${name}-many.raw`);
      writeFileSync(path, content);
      const file = openSync(path, 'r');
      const bench = new Bench(name);
      const many = 2500;
      const memory = new Region(many * 256);
      const iovecs = Array.from({ length: many }, (_, index) => {
        const one = new Iovecs(1);
        one.add(memory.address + index * 256, 256);
        return one;
      });
      const offset = (index: number): number => (index * 7919) % (fileBytes - 256);
      const results = endedAll(
        bench,
        iovecs.map(
          ({ address }, index) =>
            (files, token) =>
              files.read(token, file, address, 1, offset(index)),
        ),
      );
      assert.ok(results.every((result) => result === 256));
      for (let index = 0; index < many; index++) {
        const expected = content.subarray(offset(index), offset(index) + 256);
        assert.ok(expected.equals(memory.bytes.subarray(index * 256, index * 256 + 256)), `read ${index}`);
      }
      closeSync(file);
      bench.end();
      for (const one of iovecs) one.unmap();
      memory.unmap();
    });

    test('an engine that ends with some under way: nobody is told, and nothing is left of them', () => {
      const path = join(folder, `${name}-end.raw`);
      writeFileSync(path, content);
      const file = openSync(path, 'r+');
      for (let round = 0; round < 2; round++) {
        const bench = new Bench(name);
        for (let token = 0; token < 20; token++) bench.recorder.file(token, (files) => files.sync(token, file));
        bench.engine.close();
        bench.engine.close();
        assert.equal(bench.recorder.events.length, 0);
      }
      closeSync(file);
    });
  });
}
