// One suite for every engine: files and direct calls, watching, shortages, time.

import assert from 'node:assert/strict';
import { closeSync, fsyncSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { FakeEngine } from '../../src/engine/fake.js';
import { Errno } from '../../src/kernel/errno.js';
import { clearEvent, createEventDescriptor, signalEvent } from '../../src/kernel/event.js';
import { dropCached, readCached } from '../../src/kernel/file.js';
import { closeDescriptor } from '../../src/kernel/socket.js';
import { Region } from '../../src/memory/region.js';
import { Bench, engineNames, Gathered, pattern, patternRegion, skipReason } from './bench.js';

/** A file on the disk of the temporary directory, written out. */
class DiskFile {
  readonly #directory = mkdtempSync(join(tmpdir(), 'clearway-engine-'));
  readonly fd: number;
  readonly content: Uint8Array;

  constructor(length: number) {
    this.content = pattern(length);
    this.fd = openSync(join(this.#directory, 'file'), 'w+');
    writeSync(this.fd, this.content);
    fsyncSync(this.fd);
  }

  end(): void {
    closeSync(this.fd);
    rmSync(this.#directory, { recursive: true });
  }
}

/** The file's number for an engine: the fake one wants to know it. */
function fileFor(bench: Bench, file: DiskFile): number {
  return bench.engine instanceof FakeEngine ? bench.engine.openFile(file.content) : file.fd;
}

function signal(bench: Bench, fd: number): void {
  if (bench.engine instanceof FakeEngine) bench.engine.signal(fd);
  else signalEvent(fd);
}

for (const name of engineNames) {
  const skip = skipReason(name);
  const realSkip = skip || (name === 'fake' && 'needs a kernel');

  describe(`the ${name} engine's files`, { skip }, () => {
    test('sendFile sends ranges until the socket is full, and 0 where the file ends', () => {
      const bench = new Bench(name);
      const { fd, peer } = bench.pair();
      const { recorder, engine } = bench;
      const disk = new DiskFile(8_000_000);
      const file = fileFor(bench, disk);
      engine.directCalls(fd, true);
      const parts = new Gathered();
      let offset = 12_345;
      let waits = 0;
      recorder.until(() => {
        while (recorder.underWay === 0) {
          const result = engine.sendFile(fd, file, offset, 1 << 20);
          if (result === 0) return true;
          if (result === -Errno.EAGAIN) {
            waits++;
            recorder.awaitWritable(1, fd);
          } else {
            assert.ok(result > 0, `sendfile: ${result}`);
            offset += result;
          }
        }
        parts.add(peer.read());
        return false;
      }, 'the end of the file');
      assert.ok(waits > 0, 'the socket was full at times');
      engine.finish(fd);
      recorder.until(() => {
        parts.add(peer.read());
        return peer.ended;
      }, 'the end of the stream');
      assert.ok(parts.bytes.equals(disk.content.subarray(12_345)));
      engine.directCalls(fd, false);
      bench.end();
      disk.end();
    });

    test('what was begun before goes on during direct calls: bytes come in, both ways whole', () => {
      const bench = new Bench(name);
      const { fd, peer } = bench.pair();
      const { recorder, engine } = bench;
      const disk = new DiskFile(1_000_000);
      const file = fileFor(bench, disk);
      recorder.receive(1, fd);
      recorder.settle();
      engine.directCalls(fd, true);
      const input = pattern(50_000);
      let written = 0;
      let offset = 0;
      const parts = new Gathered();
      recorder.until(() => {
        if (offset < 1_000_000) offset += Math.max(0, engine.sendFile(fd, file, offset, 30_000));
        written += peer.write(input.subarray(written, written + 1000));
        parts.add(peer.read());
        return offset === 1_000_000 && recorder.length(1) === input.length;
      }, 'both directions');
      assert.equal(recorder.underWay, 1, 'still receiving');
      assert.ok(recorder.bytes(1).equals(input));
      engine.directCalls(fd, false);
      bench.end();
      disk.end();
    });

    test('a receive begun just before direct calls ends at most once, and loses nothing', () => {
      const bench = new Bench(name);
      const { fd, peer } = bench.pair();
      const { recorder, engine } = bench;
      const input = pattern(2000);
      for (let round = 0; round < 20; round++) {
        if (recorder.underWay === 0) recorder.receive(1, fd);
        engine.directCalls(fd, true);
        if (round % 2 === 0) peer.write(input.subarray(round * 100, round * 100 + 100));
        recorder.settle();
        if (round % 2 === 1) peer.write(input.subarray(round * 100, round * 100 + 100));
        recorder.settle();
        engine.directCalls(fd, false);
        for (const { result, more } of recorder.of('receive', 1)) {
          if (!more) assert.equal(result, -Errno.EAGAIN);
        }
      }
      if (recorder.underWay === 0) recorder.receive(1, fd);
      recorder.until(() => recorder.length(1) === input.length, 'every byte');
      assert.ok(recorder.bytes(1).equals(input));
      bench.end();
    });

    test('a send during direct calls ends in bytes or in -EAGAIN, and can be gone on with', () => {
      const bench = new Bench(name);
      const { fd, peer } = bench.pair();
      const { recorder, engine } = bench;
      const payload = patternRegion(5 << 20);
      engine.directCalls(fd, true);
      let sent = 0;
      const parts = new Gathered();
      recorder.on = ({ kind, result }) => {
        if (kind === 'send' && result > 0) sent += result;
        else if (kind === 'send') assert.equal(result, -Errno.EAGAIN);
      };
      recorder.until(() => {
        if (recorder.underWay === 0 && sent < payload.byteLength) {
          if (recorder.last('send', 1)?.result === -Errno.EAGAIN && recorder.events.at(-1)?.kind === 'send') {
            recorder.awaitWritable(1, fd);
          } else {
            recorder.send(1, fd, payload.address + sent, payload.byteLength - sent);
          }
        }
        parts.add(peer.read(100_000));
        return parts.length === payload.byteLength;
      }, 'all of it');
      assert.ok(parts.bytes.equals(payload.bytes));
      engine.directCalls(fd, false);
      bench.end();
      payload.unmap();
    });

    test('fetch of a hot range, of one past the end, and of what is no file', () => {
      const bench = new Bench(name);
      const { recorder } = bench;
      const disk = new DiskFile(1_000_000);
      const file = fileFor(bench, disk);
      recorder.fetch(1, file, 0, 1_000_000);
      recorder.until(() => recorder.underWay === 0, 'a hot range');
      assert.ok(recorder.last('fetch', 1)!.result >= 0);
      recorder.fetch(2, file, 2_000_000, 4096);
      recorder.fetch(3, file, 500_000, 400_000);
      recorder.until(() => recorder.underWay === 0, 'two ranges');
      assert.ok(recorder.last('fetch', 2)!.result >= 0);
      assert.ok(recorder.last('fetch', 3)!.result >= 0);
      if (name !== 'fake') {
        recorder.fetch(4, bench.listening, 0, 4096);
        recorder.until(() => recorder.underWay === 0, 'a socket');
        assert.ok(recorder.last('fetch', 4)!.result < 0);
      }
      bench.end();
      disk.end();
    });

    test('fetch of a cold range brings it into memory', { skip: realSkip }, (t) => {
      const bench = new Bench(name);
      const { recorder } = bench;
      const disk = new DiskFile(16 << 20);
      const memory = new Region(4096);
      dropCached(disk.fd);
      const offset = 8 << 20;
      if (readCached(disk.fd, memory.address, 1, offset) !== -Errno.EAGAIN)
        t.diagnostic('pages cannot be dropped here');
      recorder.fetch(1, disk.fd, offset, 1 << 20);
      recorder.until(() => recorder.underWay === 0, 'the fetch');
      assert.ok(recorder.last('fetch', 1)!.result >= 0);
      assert.equal(readCached(disk.fd, memory.address, 1, offset + (1 << 20) - 1), 1, 'its last byte is there');
      bench.end();
      disk.end();
      memory.unmap();
    });

    test('offsets over 4 GiB are exact, in sendFile and in fetch', { skip: realSkip }, () => {
      const bench = new Bench(name);
      const { fd, peer } = bench.pair();
      const { recorder, engine } = bench;
      const disk = new DiskFile(100);
      const offset = 3 * 2 ** 32 + 2 ** 31 + 77;
      writeSync(disk.fd, disk.content, 0, 100, offset);
      fsyncSync(disk.fd);
      dropCached(disk.fd);
      recorder.fetch(1, disk.fd, offset - 5000, 5100);
      recorder.until(() => recorder.underWay === 0, 'the fetch');
      const memory = new Region(4096);
      assert.equal(readCached(disk.fd, memory.address, 100, offset), 100);
      engine.directCalls(fd, true);
      assert.equal(engine.sendFile(fd, disk.fd, offset, 200), 100);
      assert.equal(engine.sendFile(fd, disk.fd, offset + 100, 200), 0);
      const got = new Gathered();
      recorder.until(() => {
        got.add(peer.read());
        return got.length === 100;
      }, 'the bytes');
      assert.ok(got.bytes.equals(disk.content));
      engine.directCalls(fd, false);
      bench.end();
      disk.end();
      memory.unmap();
    });

    test('a file that is cut while it is fetched ends the fetch', { skip: realSkip }, () => {
      const bench = new Bench(name);
      const { recorder } = bench;
      const disk = new DiskFile(4 << 20);
      dropCached(disk.fd);
      recorder.fetch(1, disk.fd, 0, 4 << 20);
      ftruncateSync(disk.fd, 100);
      recorder.until(() => recorder.underWay === 0, 'the fetch');
      bench.end();
      disk.end();
    });
  });

  describe(`the ${name} engine's shortages`, { skip }, () => {
    // Frames of our own TCP/IP are not the engine's to be short of: their shortage is the peer's window.
    const noFrames = name === 'bypass' && 'borrows what came';
    test('out of frames, receiving ends with -ENOBUFS, and recovers when frames are given back', {
      skip: noFrames,
    }, () => {
      const bench = new Bench(name, { frames: 4, frameBytes: 256 });
      const { fd, peer } = bench.pair();
      const { recorder, engine } = bench;
      recorder.holdFrames = true;
      const input = pattern(256 * 64);
      peer.write(input);
      let ends = 0;
      recorder.receive(1, fd);
      recorder.until(() => {
        if (recorder.last('receive', 1)?.more === false && recorder.underWay === 0) {
          assert.equal(recorder.last('receive', 1)?.result, -Errno.ENOBUFS);
          assert.equal(engine.framesLent, recorder.held.length);
          assert.equal(engine.framesLent, 4);
          ends++;
          recorder.recycleHeld();
          assert.equal(engine.framesLent, 0);
          recorder.receive(1, fd);
        }
        return recorder.length(1) === input.length;
      }, 'every byte');
      assert.ok(ends > 5, `frames were short ${ends} times`);
      assert.ok(recorder.bytes(1).equals(input));
      bench.end();
    });

    test('what the kernel does not wait for ends with an error, and nothing is thrown', { skip: realSkip }, () => {
      const bench = new Bench(name);
      const { recorder } = bench;
      const disk = new DiskFile(16);
      recorder.receive(1, disk.fd);
      recorder.accept(2, disk.fd);
      recorder.until(() => recorder.underWay === 0, 'both ends');
      for (const kind of ['receive', 'accept'] as const) {
        const event = recorder.last(kind, kind === 'receive' ? 1 : 2);
        assert.equal(event?.more, false);
        assert.ok(event.result < 0, `${kind}: ${event.result}`);
      }
      bench.end();
      disk.end();
    });

    test('thousands of operations begun in one turn: each ends once, though the rings are far too small', () => {
      const bench = new Bench(name, { entries: 16, frames: 32, frameBytes: 256 });
      const { recorder, engine } = bench;
      const count = 400;
      const connections = bench.connect(count);
      const payload = patternRegion(4096);
      const receiveAgain = (): void => {
        recorder.on = ({ kind, token, result, more }) => {
          if (kind === 'receive' && !more && result !== 0 && result !== -Errno.ECANCELED) {
            recorder.receive(token, connections[token]!.fd);
          }
        };
      };
      receiveAgain();
      for (const [token, { fd, peer }] of connections.entries()) {
        recorder.receive(token, fd);
        recorder.send(token, fd, payload.address, 100);
        peer.write(pattern(300));
      }
      const event = createEventDescriptor();
      recorder.watch(5000, event);
      recorder.until(
        () =>
          connections.every((_, token) => recorder.length(token) === 300 && recorder.of('send', token).length === 1),
        'every connection',
      );
      for (const { peer } of connections) assert.equal(peer.read().length, 100);
      for (let round = 0; round < 3; round++) {
        for (const [token, { fd }] of connections.entries()) recorder.awaitWritable(token, fd);
        recorder.until(
          () => connections.every((_, token) => recorder.of('writable', token).length === round + 1),
          'room',
        );
      }
      recorder.on = undefined;
      for (const [token, { fd }] of connections.entries()) {
        recorder.awaitWritable(token, fd);
        engine.cancel(token, fd);
      }
      engine.cancel(5000, event);
      recorder.until(() => recorder.underWay === 0, 'every end');
      for (let token = 0; token < count; token++) {
        const finals = recorder.of('receive', token).filter(({ more }) => !more);
        assert.equal(finals.at(-1)?.result, -Errno.ECANCELED);
      }
      closeDescriptor(event);
      bench.end();
      payload.unmap();
    });
  });

  describe(`the ${name} engine's watching`, { skip }, () => {
    test('there is an event for input, until it is cancelled', () => {
      const bench = new Bench(name);
      const { recorder, engine } = bench;
      const fd = createEventDescriptor();
      recorder.watch(1, fd);
      recorder.settle();
      assert.equal(recorder.events.length, 0);
      for (let round = 1; round <= 5; round++) {
        signal(bench, fd);
        recorder.until(() => recorder.events.length >= round, 'an event');
        clearEvent(fd);
        recorder.settle();
        assert.equal(recorder.events.length, round);
        assert.ok(recorder.events.every(({ more, result }) => more && result > 0));
      }
      engine.cancel(1, fd);
      recorder.until(() => recorder.underWay === 0, 'the end');
      signal(bench, fd);
      recorder.settle();
      assert.deepEqual(recorder.events.at(-1), { kind: 'watch', token: 1, result: -Errno.ECANCELED, more: false });
      closeDescriptor(fd);
      bench.end();
    });

    test('it is told of before bytes that came later, also where receiving began after both', () => {
      const bench = new Bench(name);
      const { recorder, engine } = bench;
      const event = createEventDescriptor();
      recorder.watch(1, event);
      recorder.settle();
      for (let round = 0; round < 20; round++) {
        const { fd, peer } = bench.pair();
        recorder.events.length = 0;
        signal(bench, event);
        peer.write(pattern(10));
        recorder.receive(2, fd);
        recorder.until(() => recorder.length(2) === 10, 'the bytes');
        assert.equal(recorder.events[0]?.kind, 'watch', `round ${round}`);
        clearEvent(event);
        peer.end();
        recorder.until(() => !recorder.isUnderWay('receive', 2), 'the end of the bytes');
        bench.closeSocket(fd);
        peer.close();
        recorder.parts.clear();
      }
      engine.cancel(1, event);
      bench.end();
      closeDescriptor(event);
    });

    test('input that was there before is reported', () => {
      const bench = new Bench(name);
      const { recorder } = bench;
      const fd = createEventDescriptor();
      signal(bench, fd);
      recorder.watch(1, fd);
      recorder.until(() => recorder.events.length > 0, 'an event');
      clearEvent(fd);
      bench.engine.cancel(1, fd);
      bench.end();
      closeDescriptor(fd);
    });
  });

  describe(`the ${name} engine's time`, {
    skip: realSkip || (name === 'bypass' && 'TCP has deadlines of its own'),
  }, () => {
    test('turn(0) does not wait, turn(ms) waits that long, fractions included', () => {
      const bench = new Bench(name);
      const { recorder, engine } = bench;
      const took = (waitMs: number): number => {
        const since = performance.now();
        engine.turn(waitMs, recorder);
        return performance.now() - since;
      };
      took(0);
      assert.ok(Math.min(took(0), took(0), took(0)) < 5);
      for (const waitMs of [20, 35.5, 1100]) {
        const times = Array.from({ length: waitMs < 1000 ? 5 : 1 }, () => took(waitMs));
        const ms = Math.min(...times);
        // A busy machine adds to it.
        assert.ok(ms >= Math.floor(waitMs) - 1 && ms < waitMs + 1000, `turn(${waitMs}) took ${times} ms`);
      }
      bench.end();
    });

    test('an event ends the wait, also one from another thread, also a wait without end', async () => {
      const bench = new Bench(name);
      const { recorder, engine } = bench;
      const fd = createEventDescriptor();
      recorder.watch(1, fd);
      recorder.settle();
      for (const waitMs of [30_000, -1]) {
        const worker = wakeLater(fd, 50);
        const since = performance.now();
        while (recorder.events.length === 0) engine.turn(waitMs, recorder);
        assert.ok(performance.now() - since < 20_000);
        recorder.events.length = 0;
        clearEvent(fd);
        await new Promise((resolve) => worker.once('exit', resolve));
      }
      engine.cancel(1, fd);
      bench.end();
      closeDescriptor(fd);
    });

    test('what was begun is reported within the turn that submits it, if it can be', () => {
      const bench = new Bench(name);
      const { fd } = bench.pair();
      bench.recorder.awaitWritable(1, fd);
      let turns = 0;
      for (; turns < 3 && bench.recorder.underWay > 0; turns++) bench.engine.turn(0, bench.recorder);
      assert.equal(bench.recorder.underWay, 0);
      bench.end();
    });
  });
}

/** Signals a descriptor from another thread. */
function wakeLater(fd: number, delayMs: number): Worker {
  const event = new URL('../../src/kernel/event.js', import.meta.url);
  return new Worker(
    `const { workerData } = require('node:worker_threads');
     import(workerData.event).then(({ signalEvent }) => setTimeout(() => signalEvent(workerData.fd), workerData.delayMs));`,
    { eval: true, workerData: { event: event.href, fd, delayMs } },
  );
}
