// One suite for every engine that sends heads and bodies together: what arrives is what is said to be taken, whoever is full, gone or left out among
// many.

import assert from 'node:assert/strict';
import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { FakeEngine } from '../../src/engine/fake.js';
import { SO, SOL } from '../../src/kernel/constants.js';
import { Errno } from '../../src/kernel/errno.js';
import { setSocketOption } from '../../src/kernel/socket.js';
import type { Region } from '../../src/memory/region.js';
import { Bench, engineNames, Gathered, type Peer, pattern, patternRegion, skipReason } from './bench.js';

const fileBytes = 300_000;
const headBytes = 200;
const content = pattern(fileBytes);

/** A bench with sockets that are for direct calls, memory for heads, and a file. */
class Pairs {
  readonly bench: Bench;
  readonly lines: ReadonlyArray<{ readonly fd: number; readonly peer: Peer }>;
  readonly memory: Region = patternRegion(1 << 16);
  readonly file: number;
  readonly #folder = mkdtempSync(join(tmpdir(), 'clearway-pairs-'));
  readonly #disk: number;

  constructor(bench: Bench, count: number) {
    this.bench = bench;
    this.#disk = openSync(join(this.#folder, 'file'), 'w+');
    writeSync(this.#disk, content);
    this.file = bench.engine instanceof FakeEngine ? bench.engine.openFile(content) : this.#disk;
    this.lines = bench.connect(count);
    for (const { fd } of this.lines) bench.engine.directCalls(fd, true);
  }

  cut(length: number): void {
    const { engine } = this.bench;
    if (engine instanceof FakeEngine) engine.truncate(this.file, length);
    else ftruncateSync(this.#disk, length);
  }

  set(pair: number, line: number, offset: number, length: number): void {
    const { fd } = this.lines[line]!;
    this.bench.engine.pairs!.set(pair, fd, this.memory.address + line, headBytes, this.file, offset, length);
  }

  /** The bytes of a line's head, and of the body behind it. */
  expected(line: number, offset: number, length: number): Buffer {
    return Buffer.concat([
      this.memory.bytes.subarray(line, line + headBytes),
      content.subarray(offset, offset + length),
    ]);
  }

  /** What a peer reads until it has so much. */
  read(line: number, bytes: number): Buffer {
    const got = new Gathered();
    this.bench.recorder.until(() => {
      got.add(this.lines[line]!.peer.read());
      return got.length >= bytes;
    }, `${bytes} bytes`);
    return got.bytes;
  }

  end(): void {
    const { engine } = this.bench;
    for (const { fd } of this.lines) engine.directCalls(fd, false);
    this.bench.end();
    this.memory.unmap();
    closeSync(this.#disk);
    rmSync(this.#folder, { recursive: true });
  }
}

/** Sends until the socket stays full, whatever the peer acknowledges with what it says. Returns the bytes. */
function fill({ bench, lines, memory }: Pairs, line: number): number {
  const { fd, peer } = lines[line]!;
  if (bench.name !== 'fake') assert.equal(setSocketOption(fd, SOL.SOCKET, SO.SNDBUF, 16 * 1024), 0);
  let sent = 0;
  for (let refused = 0; refused < 3; ) {
    const result = bench.engine.sendNow(fd, memory.address, 50_000, 0);
    if (result > 0) {
      sent += result;
      refused = 0;
      continue;
    }
    refused++;
    assert.equal(peer.write(Buffer.from('.')), 1);
    bench.recorder.settle();
  }
  return sent;
}

for (const name of engineNames) {
  if (name === 'bypass') continue;
  const hasLists = name === 'fake' || process.arch === 'x64';
  const skip = skipReason(name) || (!hasLists && 'needs lists of calls');

  describe(`heads and bodies together, on the ${name} engine`, { skip }, () => {
    test('each peer gets its head and its range, again and again', () => {
      const bench = new Bench(name);
      const pairs = bench.engine.pairs!;
      const all = new Pairs(bench, pairs.most);
      for (let round = 0; round < 3; round++) {
        const length = 20_000 - round * 7001;
        const offset = (line: number): number => line * 5000 + round * 333;
        for (let line = 0; line < pairs.most; line++) all.set(line, line, offset(line), length);
        pairs.run(pairs.most);
        for (let line = 0; line < pairs.most; line++) {
          assert.equal(pairs.taken(line), headBytes + length);
          const expected = all.expected(line, offset(line), length);
          assert.ok(all.read(line, expected.length).equals(expected), `line ${line}`);
        }
      }
      all.end();
    });

    /** Makes three pairs of which the middle one is in some trouble; the others are to be whole. */
    function beside(trouble: (all: Pairs) => void, check: (all: Pairs, taken: number) => void): void {
      const bench = new Bench(name);
      const pairs = bench.engine.pairs!;
      const all = new Pairs(bench, 3);
      for (let line = 0; line < 3; line++) all.set(line, line, 1000, 30_000);
      trouble(all);
      pairs.run(3);
      for (const line of [0, 2]) {
        const expected = all.expected(line, 1000, 30_000);
        assert.equal(pairs.taken(line), expected.length);
        assert.ok(all.read(line, expected.length).equals(expected));
      }
      check(all, pairs.taken(1));
      all.end();
    }

    test('one that is left out sends nothing, and holds up no other', () => {
      beside(
        ({ bench }) => bench.engine.pairs!.drop(1),
        ({ bench, lines }, taken) => {
          assert.ok(taken < 0, `${taken}`);
          bench.recorder.settle();
          assert.equal(lines[1]!.peer.read().length, 0);
        },
      );
    });

    test('one whose file ends sends what there is, and holds up no other', () => {
      beside(
        (all) => all.set(1, 1, fileBytes - 500, 30_000),
        (all, taken) => {
          const expected = all.expected(1, fileBytes - 500, 500);
          assert.equal(taken, expected.length);
          assert.ok(all.read(1, expected.length).equals(expected));
        },
      );
    });

    test('one whose peer has gone fails, and holds up no other', () => {
      beside(
        ({ bench, lines }) => {
          lines[1]!.peer.reset();
          bench.recorder.settle();
        },
        (_all, taken) => assert.ok(taken < 0, `${taken}`),
      );
    });

    test('one that is full sends no body without its head, and holds up no other', () => {
      let before = 0;
      beside(
        (all) => {
          before = fill(all, 1);
        },
        (all, taken) => {
          assert.equal(taken, -Errno.EAGAIN);
          const got = all.read(1, before);
          all.bench.recorder.settle();
          assert.equal(got.length + all.lines[1]!.peer.read().length, before);
        },
      );
    });

    test('a head that is taken in part has no body behind it', { skip: name !== 'fake' && 'needs a script' }, () => {
      const bench = new Bench(name);
      const { engine } = bench;
      assert.ok(engine instanceof FakeEngine);
      const all = new Pairs(bench, 1);
      engine.script = (step, asked) => (step === 'sendNow' ? Math.min(asked, headBytes - 1) : asked);
      all.set(0, 0, 0, 100);
      engine.pairs!.run(1);
      assert.equal(engine.pairs!.taken(0), headBytes - 1);
      assert.equal(all.lines[0]!.peer.read().length, headBytes - 1);
      all.end();
    });

    test('a file that was cut since: the head, and what there is', () => {
      const bench = new Bench(name);
      const pairs = bench.engine.pairs!;
      const all = new Pairs(bench, 1);
      for (const length of [1000, 400, 0]) {
        all.cut(length);
        all.set(0, 0, 400, 5000);
        pairs.run(1);
        const rest = Math.max(0, length - 400);
        assert.equal(pairs.taken(0), headBytes + rest);
        const expected = all.expected(0, 400, rest);
        if (rest > 0) assert.ok(all.read(0, expected.length).equals(expected));
      }
      all.end();
    });
  });
}
