// One suite for every engine: streams. Accept, receive, send, and what ends them.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MSG } from '../../src/kernel/constants.js';
import { Errno } from '../../src/kernel/errno.js';
import { isNonBlocking } from '../../src/kernel/socket.js';
import { Region } from '../../src/memory/region.js';
import { Bench, engineNames, Gathered, type Peer, pattern, patternRegion, skipReason } from './bench.js';

/** Writes all of it, turning the engine while the peer's socket is full. */
function writeAll(bench: Bench, peer: Peer, bytes: Uint8Array): void {
  let written = 0;
  bench.recorder.until(() => {
    written += peer.write(bytes.subarray(written));
    return written === bytes.length;
  }, 'the peer writes everything');
}

/** Reads until so many bytes were read, turning the engine. */
function readAll(bench: Bench, peer: Peer, length: number, atOnce?: number): Buffer {
  const parts = new Gathered();
  bench.recorder.until(() => {
    parts.add(peer.read(atOnce));
    return parts.length >= length;
  }, 'the peer reads everything');
  return parts.bytes;
}

/** Sends until nothing more is taken, of which the peer reads nothing. Returns the bytes. Our own TCP/IP hands bytes to the peer in turns alone, the first by and by. */
function fillSocket({ engine, recorder }: Bench, fd: number, payload: Region): number {
  let filled = 0;
  for (let idle = 0; idle < 3; ) {
    const taken = engine.sendNow(fd, payload.address, payload.byteLength, 0);
    assert.ok(taken > 0 || taken === -Errno.EAGAIN, `${taken}`);
    filled += Math.max(taken, 0);
    idle = taken > 0 ? 0 : idle + 1;
    if (taken <= 0) recorder.settle();
  }
  return filled;
}

/** As {@link fillSocket}, also of the room that an acknowledgement makes once more that was held back (40 ms). */
function fillWhole(bench: Bench, fd: number, payload: Region): number {
  let filled = fillSocket(bench, fd, payload);
  for (let more = 1; more > 0; filled += more) {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60);
    bench.recorder.settle();
    more = fillSocket(bench, fd, payload);
  }
  return filled;
}

/** A struct msghdr of so many pieces of a region, in mapped memory. Returns its address. */
function messageOf(memory: Region, payload: Region, pieces: ReadonlyArray<readonly [number, number]>): number {
  const { data, address } = memory;
  for (const [index, [offset, length]] of pieces.entries()) {
    data.setBigUint64(64 + index * 16, BigInt(payload.address + offset), true);
    data.setBigUint64(64 + index * 16 + 8, BigInt(length), true);
  }
  data.setBigUint64(16, BigInt(address + 64), true);
  data.setBigUint64(24, BigInt(pieces.length), true);
  return address;
}

for (const name of engineNames) {
  describe(`the ${name} engine's streams`, { skip: skipReason(name) }, () => {
    test('accept hands out connections until it is cancelled', () => {
      const bench = new Bench(name);
      const connections = bench.connect(5);
      assert.equal(new Set(connections.map(({ fd }) => fd)).size, 5);
      const events = bench.recorder.of('accept', 1000);
      assert.deepEqual(events.at(-1), { kind: 'accept', token: 1000, result: -Errno.ECANCELED, more: false });
      if (name !== 'bypass' && name !== 'fake') {
        for (const { fd } of connections) assert.equal(isNonBlocking(fd), bench.engine.nonBlockingSockets);
      }
      bench.end();
    });

    test('bytes come intact, in frames that are given back, and then the end', () => {
      const bench = new Bench(name, { frames: 8, frameBytes: 512 });
      const { fd, peer } = bench.pair();
      const { recorder } = bench;
      // With few frames receiving ends for want of them now and then; then it is begun again.
      recorder.on = ({ kind, result, more }) => {
        if (kind === 'receive' && !more && result !== 0) recorder.receive(1, fd);
      };
      recorder.receive(1, fd);
      const bytes = pattern(300_000);
      writeAll(bench, peer, bytes);
      peer.end();
      recorder.until(() => recorder.last('receive', 1)?.result === 0, 'the end');
      assert.ok(bench.recorder.bytes(1).equals(bytes));
      assert.equal(recorder.last('receive', 1)?.more, false);
      assert.equal(bench.engine.framesLent, 0);
      bench.end();
    });

    test('a reset ends receiving with an error', () => {
      const bench = new Bench(name);
      const { fd, peer } = bench.pair();
      bench.recorder.receive(1, fd);
      bench.recorder.settle();
      peer.reset();
      bench.recorder.until(() => bench.recorder.underWay === 0, 'the end');
      assert.deepEqual(bench.recorder.of('receive', 1), [
        { kind: 'receive', token: 1, result: -Errno.ECONNRESET, more: false },
      ]);
      bench.end();
    });

    test('stopReceive ends receiving; what came meanwhile is there when it is begun again', () => {
      const bench = new Bench(name);
      const { fd, peer } = bench.pair();
      const { recorder, engine } = bench;
      const bytes = pattern(200 * 40);
      for (let round = 0; round < 200; round++) {
        recorder.receive(1, fd);
        if (round % 3 === 0) recorder.settle();
        // Bytes before, and bytes behind the request to stop.
        peer.write(bytes.subarray(round * 40, round * 40 + 20));
        if (round % 2 === 0) engine.turn(0, recorder);
        engine.stopReceive(1, fd);
        peer.write(bytes.subarray(round * 40 + 20, round * 40 + 40));
        recorder.until(() => recorder.underWay === 0, 'the end of receiving');
        assert.equal(recorder.last('receive', 1)?.result, -Errno.ECANCELED);
      }
      recorder.receive(1, fd);
      recorder.until(() => recorder.length(1) === bytes.length, 'every byte');
      assert.ok(recorder.bytes(1).equals(bytes));
      bench.end();
    });

    test('what is received once ends with the first bytes, whenever they come, and nothing is lost behind them', () => {
      const bench = new Bench(name, { frames: 8, frameBytes: 512 });
      const { recorder } = bench;
      for (const [early, late, isEnded] of [
        [100, 0, false],
        [0, 100, false],
        [700, 0, true],
        [0, 700, true],
        [512, 512, true],
      ] as const) {
        const { fd, peer } = bench.pair();
        const token = fd + 1;
        const bytes = pattern(2 * (early + late) + 10);
        peer.write(bytes.subarray(0, early));
        recorder.receive(token, fd, true);
        if (early === 0) recorder.settle();
        peer.write(bytes.subarray(early, early + late));
        recorder.until(() => recorder.of('receive', token).length === 1, 'the first bytes');
        assert.equal(recorder.last('receive', token)?.more, false);
        // More, and the end, while nothing is received.
        peer.write(bytes.subarray(early + late));
        if (isEnded) peer.end();
        recorder.settle();
        assert.equal(recorder.of('receive', token).length, 1);
        recorder.receive(token, fd);
        recorder.until(() => recorder.length(token) === bytes.length, 'all bytes');
        assert.ok(recorder.bytes(token).equals(bytes));
        if (isEnded) recorder.until(() => recorder.last('receive', token)?.result === 0, 'the end');
        else bench.engine.stopReceive(token, fd);
        recorder.until(() => recorder.underWay === 0, 'the end of receiving');
      }
      bench.end();
    });

    test('stopReceive of what has ended, or was never begun, does nothing', () => {
      const bench = new Bench(name);
      const { fd, peer } = bench.pair();
      const { recorder, engine } = bench;
      engine.stopReceive(1, fd);
      recorder.settle();
      recorder.receive(1, fd);
      peer.end();
      recorder.until(() => recorder.underWay === 0, 'the end of the stream');
      engine.stopReceive(1, fd);
      recorder.settle();
      assert.equal(recorder.of('receive', 1).length, 1);
      // In the same turn as the end: the request to stop finds nothing, and hits nothing that comes later.
      const other = bench.pair();
      recorder.receive(2, other.fd);
      recorder.settle();
      other.peer.end();
      recorder.on = ({ kind, token }) => {
        if (kind === 'receive' && token === 2) engine.stopReceive(2, other.fd);
      };
      recorder.until(() => recorder.of('receive', 2).length === 1, 'the end of the other');
      recorder.on = undefined;
      const third = bench.pair();
      recorder.receive(2, third.fd);
      recorder.settle();
      assert.equal(recorder.underWay, 1, 'the next receive of the token goes on');
      bench.end();
    });

    test('stopReceive leaves a send of the same token alone', () => {
      const bench = new Bench(name);
      const { fd, peer } = bench.pair();
      const { recorder, engine } = bench;
      const payload = patternRegion(8 * 1024 * 1024);
      recorder.receive(1, fd);
      recorder.send(1, fd, payload.address, payload.byteLength);
      recorder.settle();
      engine.stopReceive(1, fd);
      recorder.until(() => recorder.last('receive', 1) !== undefined, 'the end of receiving');
      recorder.settle();
      assert.equal(recorder.of('send', 1).length, 0, 'the send goes on');
      const first = recorder.of('send', 1).length;
      const got = readAll(bench, peer, payload.byteLength);
      assert.equal(first, 0);
      recorder.until(() => recorder.of('send', 1).length === 1, 'the end of the send');
      assert.ok(got.equals(payload.bytes));
      bench.end();
      payload.unmap();
    });

    test('a large send to a slow reader ends when all of it was taken', () => {
      const bench = new Bench(name);
      const { fd, peer } = bench.pair();
      const payload = patternRegion(6 * 1024 * 1024);
      bench.recorder.send(1, fd, payload.address, payload.byteLength);
      bench.recorder.settle();
      assert.equal(bench.recorder.of('send', 1).length, 0, 'the socket is full');
      const got = readAll(bench, peer, payload.byteLength, 50_000);
      bench.recorder.until(() => bench.recorder.underWay === 0, 'the end of the send');
      assert.deepEqual(bench.recorder.last('send', 1)?.result, payload.byteLength);
      assert.ok(got.equals(payload.bytes));
      bench.end();
      payload.unmap();
    });

    test('MSG_MORE keeps bytes for the ones that follow', () => {
      const bench = new Bench(name);
      const { fd, peer } = bench.pair();
      const payload = patternRegion(4096);
      bench.recorder.send(1, fd, payload.address, 100, MSG.MORE);
      bench.recorder.until(() => bench.recorder.of('send', 1).length === 1, 'the first send');
      if (name !== 'fake') assert.equal(peer.read().length, 0, 'nothing has left');
      assert.equal(bench.engine.sendNow(fd, payload.address + 100, 200, MSG.MORE), 200);
      bench.recorder.send(1, fd, payload.address + 300, 100);
      assert.ok(readAll(bench, peer, 400).equals(payload.bytes.subarray(0, 400)));
      bench.end();
      payload.unmap();
    });

    test('sendMessage gathers pieces, and a message larger than the socket may be taken in part', () => {
      const bench = new Bench(name);
      const { fd, peer } = bench.pair();
      const { recorder } = bench;
      const payload = patternRegion(4 * 1024 * 1024);
      const memory = new Region(4096);
      const small = [
        [10, 3],
        [1000, 500],
        [0, 1],
      ] as const;
      recorder.sendMessage(1, fd, messageOf(memory, payload, small));
      recorder.until(() => recorder.of('send', 1).length === 1, 'the send');
      assert.equal(recorder.last('send', 1)?.result, 504);
      const expected = Buffer.concat(small.map(([offset, length]) => payload.bytes.subarray(offset, offset + length)));
      assert.ok(readAll(bench, peer, 504).equals(expected));
      recorder.sendMessage(
        1,
        fd,
        messageOf(memory, payload, [
          [0, 2 << 20],
          [2 << 20, 2 << 20],
        ]),
      );
      const parts = new Gathered();
      recorder.until(() => {
        parts.add(peer.read());
        return recorder.underWay === 0;
      }, 'the end of the message');
      const { result } = recorder.last('send', 1)!;
      assert.ok(result > 0 && result <= 4 << 20);
      recorder.until(() => {
        parts.add(peer.read());
        return parts.length >= result;
      }, 'what was taken');
      assert.ok(parts.bytes.equals(payload.bytes.subarray(0, result)));
      bench.end();
      payload.unmap();
      memory.unmap();
    });

    test('a message that is cancelled claims no bytes of an earlier send', () => {
      const bench = new Bench(name);
      const { fd, peer } = bench.pair();
      const { recorder, engine } = bench;
      const payload = patternRegion(4096);
      const memory = new Region(4096);
      recorder.send(1, fd, payload.address, 100);
      recorder.until(() => recorder.underWay === 0, 'a send');
      const filled = 100 + fillWhole(bench, fd, payload);
      recorder.sendMessage(1, fd, messageOf(memory, payload, [[0, 100]]));
      recorder.settle();
      engine.cancel(1, fd);
      recorder.until(() => recorder.underWay === 0, 'the end');
      assert.equal(recorder.last('send', 1)?.result, -Errno.ECANCELED);
      assert.equal(readAll(bench, peer, filled).length, filled);
      recorder.settle();
      assert.equal(peer.read().length, 0, 'and none of it was sent');
      bench.end();
      payload.unmap();
      memory.unmap();
    });

    test('sends to a peer that is gone end in an error, without a signal', () => {
      const bench = new Bench(name);
      const { fd, peer } = bench.pair();
      const { recorder, engine } = bench;
      const payload = patternRegion(4096);
      peer.reset();
      recorder.settle();
      for (let round = 0; round < 3; round++) {
        recorder.send(1, fd, payload.address, 4096);
        recorder.until(() => recorder.underWay === 0, 'the end of a send');
      }
      const results = recorder.of('send', 1).map(({ result }) => result);
      assert.ok([-Errno.ECONNRESET, -Errno.EPIPE].includes(results[0]!), `${results}`);
      assert.deepEqual(results.slice(1), [-Errno.EPIPE, -Errno.EPIPE]);
      assert.equal(engine.sendNow(fd, payload.address, 10, 0), -Errno.EPIPE);
      bench.end();
      payload.unmap();
    });

    test('awaitWritable waits while the socket is full, and only then', () => {
      const bench = new Bench(name);
      const { fd, peer } = bench.pair();
      const { recorder, engine } = bench;
      const payload = patternRegion(65536);
      recorder.awaitWritable(1, fd);
      recorder.until(() => recorder.underWay === 0, 'an empty socket');
      assert.ok(recorder.last('writable', 1)!.result >= 0);
      const filled = fillWhole(bench, fd, payload);
      recorder.awaitWritable(1, fd);
      recorder.settle();
      assert.equal(recorder.underWay, 1, 'a full socket');
      assert.equal(readAll(bench, peer, filled).length, filled);
      recorder.until(() => recorder.underWay === 0, 'room again');
      assert.ok(recorder.last('writable', 1)!.result >= 0);
      assert.ok(engine.sendNow(fd, payload.address, 100, 0) > 0);
      fillWhole(bench, fd, payload);
      recorder.awaitWritable(1, fd);
      recorder.settle();
      engine.cancel(1, fd);
      recorder.until(() => recorder.underWay === 0, 'the cancelled wait');
      assert.equal(recorder.last('writable', 1)?.result, -Errno.ECANCELED);
      bench.end();
      payload.unmap();
    });

    test('finish ends the sending direction alone', () => {
      const bench = new Bench(name);
      const { fd, peer } = bench.pair();
      const { recorder, engine } = bench;
      recorder.receive(1, fd);
      engine.finish(fd);
      recorder.until(() => {
        peer.read();
        return peer.ended;
      }, 'the end at the peer');
      peer.write(pattern(100));
      recorder.until(() => recorder.length(1) === 100, 'bytes the other way');
      bench.end();
    });

    test('cancel ends every operation on a descriptor, once, and none on another', () => {
      const bench = new Bench(name);
      const [one, two] = bench.connect(2);
      const { recorder, engine } = bench;
      const payload = patternRegion(8 << 20);
      for (const [token, { fd }] of [one!, two!].entries()) {
        recorder.receive(token, fd);
        recorder.send(token, fd, payload.address, payload.byteLength);
      }
      recorder.settle();
      engine.cancel(0, one!.fd);
      recorder.until(() => recorder.underWay === 2, 'the end of two');
      recorder.settle();
      assert.equal(recorder.last('receive', 0)?.result, -Errno.ECANCELED);
      const { result } = recorder.last('send', 0)!;
      assert.ok(result > 0 && result < payload.byteLength, `part of it was sent: ${result}`);
      assert.equal(readAll(bench, one!.peer, result).length, result);
      assert.equal(recorder.of('send', 1).length + recorder.of('receive', 1).length, 0);
      // Nothing is left to cancel, and a second cancel has no event.
      engine.cancel(0, one!.fd);
      recorder.settle();
      assert.equal(recorder.of('receive', 0).length, 1);
      bench.end();
      payload.unmap();
    });

    test('cancel of what was begun in the same turn, and before the kernel saw it', () => {
      const bench = new Bench(name);
      const { recorder, engine } = bench;
      for (const [token, { fd }] of bench.connect(20).entries()) {
        recorder.receive(token, fd);
        if (token % 2 === 0) recorder.awaitWritable(token, fd);
        engine.cancel(token, fd);
        if (token % 4 === 0) engine.cancel(token, fd);
      }
      recorder.until(() => recorder.underWay === 0, 'every end');
      recorder.settle();
      bench.end();
    });

    test('a token may be used again as soon as its operations ended, also on the same number', () => {
      const bench = new Bench(name);
      const { recorder } = bench;
      const numbers = new Set<number>();
      for (let round = 0; round < 50; round++) {
        const { fd, peer } = bench.pair();
        numbers.add(fd);
        recorder.parts.delete(1);
        recorder.receive(1, fd);
        peer.write(pattern(round + 1));
        peer.end();
        recorder.until(() => recorder.last('receive', 1)?.result === 0 && recorder.underWay === 0, 'the end');
        assert.equal(recorder.length(1), round + 1);
        bench.closeSocket(fd);
        peer.close();
      }
      assert.ok(numbers.size < 10, 'numbers were used again');
      bench.end();
    });

    test('a number that is closed and accepted again within a turn has only its own events', () => {
      const bench = new Bench(name);
      const { recorder } = bench;
      for (let round = 0; round < 20; round++) {
        const old = bench.connect(4);
        for (const [index, { fd }] of old.entries()) recorder.receive(index, fd);
        recorder.settle();
        recorder.parts.clear();
        recorder.accept(500, bench.listening);
        const fresh = new Map<number, number>();
        recorder.on = ({ kind, token, result, more }) => {
          if (kind === 'receive' && !more && token < 4) bench.closeSocket(old[token]!.fd);
          if (kind === 'accept' && result >= 0) {
            const own = 10 + fresh.size;
            fresh.set(own, result);
            recorder.receive(own, result);
          }
        };
        // Ends of the old and openings of the new ones meet in one turn.
        const peers = old.map(({ peer }) => {
          peer.end();
          const next = bench.dial();
          next.write(Uint8Array.of(round, 1, 2, 3));
          return next;
        });
        recorder.until(() => fresh.size === 4 && [...fresh.keys()].every((own) => recorder.length(own) === 4), 'bytes');
        recorder.on = undefined;
        for (const own of fresh.keys()) assert.deepEqual([...recorder.bytes(own)], [round, 1, 2, 3]);
        for (let index = 0; index < 4; index++) assert.equal(recorder.length(index), 0);
        for (const fd of fresh.values()) bench.engine.cancel(0, fd);
        bench.engine.cancel(500, bench.listening);
        recorder.until(() => recorder.underWay === 0, 'every end');
        for (const fd of fresh.values()) bench.closeSocket(fd);
        assert.equal(peers.length, 4);
      }
      bench.end();
    });

    test('a handler that throws loses no other event, and none comes twice', () => {
      const bench = new Bench(name);
      const { recorder, engine } = bench;
      const connections = bench.connect(6);
      for (const [token, { fd }] of connections.entries()) recorder.receive(token, fd);
      recorder.settle();
      for (const { fd } of connections) engine.cancel(0, fd);
      let thrown = 0;
      recorder.on = () => {
        if (thrown++ % 2 === 0) throw new Error('a defect of the handler');
      };
      const limit = performance.now() + 5000;
      while (recorder.underWay > 0 && performance.now() < limit) {
        try {
          engine.turn(1, recorder);
        } catch (error) {
          assert.equal((error as Error).message, 'a defect of the handler');
        }
      }
      assert.equal(recorder.underWay, 0);
      for (let token = 0; token < 6; token++) assert.equal(recorder.of('receive', token).length, 1);
      bench.end();
    });
  });
}
