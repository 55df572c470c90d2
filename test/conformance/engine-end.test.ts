// The ends of an engine that has a kernel: its own, of what is under way and of what nobody was told of, and listening's.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { EngineEvents } from '../../src/engine/engine.js';
import { Errno } from '../../src/kernel/errno.js';
import {
  closeDescriptor,
  connectTcp,
  isNonBlocking,
  listenTcp,
  localAddress,
  receive,
  setNonBlocking,
} from '../../src/kernel/socket.js';
import { Region } from '../../src/memory/region.js';
import { Bench, engineNames, patternRegion, type Recorder, skipReason } from './bench.js';

for (const name of engineNames) {
  const realSkip = skipReason(name) || ((name === 'fake' || name === 'bypass') && 'needs sockets of a kernel');

  describe(`the ${name} engine's end`, { skip: realSkip }, () => {
    test('close frees the sockets at once: the port can be listened on again', () => {
      for (let round = 0; round < 10; round++) {
        const bench = new Bench(name);
        const { recorder, engine } = bench;
        const { fd, peer } = bench.pair();
        const payload = patternRegion(4 << 20);
        const { host, port } = localAddress(bench.listening);
        recorder.accept(1, bench.listening);
        recorder.receive(2, fd);
        recorder.send(2, fd, payload.address, payload.byteLength);
        recorder.settle();
        engine.close();
        engine.close();
        closeDescriptor(bench.listening);
        closeDescriptor(fd);
        closeDescriptor(listenTcp({ host, port }));
        // Nothing of the payload is read any more: its memory may go.
        payload.unmap();
        peer.close();
      }
    });

    test('close with connections that were accepted and not handed out: their peers see the end', () => {
      const bench = new Bench(name);
      const { engine, listening, recorder } = bench;
      const peers = [1, 2, 3].map(() => connectTcp(localAddress(listening)));
      const sink: EngineEvents = Object.assign(Object.create(recorder) as Recorder, {
        accepted: (_token: number, fd: number) => {
          closeDescriptor(fd);
          throw new Error('a defect of the handler');
        },
      });
      engine.accept(1, listening);
      assert.throws(() => {
        for (let turns = 0; turns < 100; turns++) engine.turn(100, sink);
      }, /a defect/);
      engine.close();
      // What still waited to be accepted goes with the listening socket.
      closeDescriptor(listening);
      const memory = new Region(64);
      for (const fd of peers) {
        setNonBlocking(fd, true);
        assert.ok([0, -Errno.ECONNRESET].includes(receive(fd, memory.address, 1)));
        closeDescriptor(fd);
      }
      memory.unmap();
    });

    test('connections that wait are taken without waiting, and after the end of listening none can be made', () => {
      const bench = new Bench(name);
      const { engine, listening } = bench;
      const address = localAddress(listening);
      const peers = [1, 2].map(() => connectTcp(address));
      const taken = peers.map(() => engine.acceptNow(listening));
      assert.ok(taken.every((fd) => fd >= 0));
      assert.ok(taken.every((fd) => isNonBlocking(fd) === engine.nonBlockingSockets));
      assert.equal(engine.acceptNow(listening), -Errno.EAGAIN);
      engine.stopListening(listening);
      assert.throws(() => connectTcp(address), /ECONNREFUSED|refused/);
      assert.ok(engine.acceptNow(listening) < 0);
      for (const fd of [...peers, ...taken]) closeDescriptor(fd);
      bench.end();
    });

    test('close with operations that were never submitted', () => {
      const bench = new Bench(name);
      const { fd, peer } = bench.pair();
      bench.recorder.receive(1, fd);
      bench.recorder.awaitWritable(1, fd);
      bench.engine.close();
      closeDescriptor(bench.listening);
      closeDescriptor(fd);
      peer.close();
    });
  });
}
