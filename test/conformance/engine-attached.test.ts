// Every engine inside someone else's loop, which polls its descriptor as libuv does.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { EpollEngine } from '../../src/epoll/engine.js';
import { Bench, pattern, patternRegion, Recorder, skipReason } from './bench.js';

for (const name of ['uring', 'epoll'] as const) {
  describe(`the ${name} engine in someone else's loop`, { skip: skipReason(name) }, () => {
    /** Another loop: an epoll that polls the engine's descriptor as libuv does. */
    function outer(bench: Bench): { readable(): boolean; end(): void } {
      const engine = new EpollEngine({ frames: 1 });
      const recorder = new Recorder(engine);
      recorder.watch(1, bench.engine.descriptor);
      return {
        readable: () => {
          recorder.events.length = 0;
          engine.turn(200, recorder);
          return recorder.events.length > 0;
        },
        end: () => engine.close(),
      };
    }

    test('its descriptor becomes readable when a turn is due, each time, and only then', () => {
      const bench = new Bench(name);
      const { fd, peer } = bench.pair();
      const { recorder, engine } = bench;
      engine.onBegun = () => undefined;
      const loop = outer(bench);
      recorder.receive(1, fd);
      recorder.settle();
      assert.equal(loop.readable(), false, 'nothing to do');
      for (let round = 1; round <= 20; round++) {
        peer.write(pattern(10));
        assert.ok(loop.readable(), `bytes came (${round})`);
        engine.turn(0, recorder);
        assert.equal(recorder.length(1), round * 10);
      }
      assert.equal(loop.readable(), false, 'its own completions do not ring');
      loop.end();
      bench.end();
    });

    test('what is begun outside of a turn, or within one by a handler, asks for the next', () => {
      const bench = new Bench(name);
      const { fd, peer } = bench.pair();
      const { recorder, engine } = bench;
      assert.ok(engine.descriptor >= 0);
      const payload = patternRegion(4096);
      let asked = 0;
      engine.onBegun = () => asked++;
      recorder.receive(1, fd);
      // epoll knows of it at once; io_uring must be told.
      if (name === 'uring') assert.ok(asked > 0);
      recorder.settle();
      recorder.on = ({ kind }) => {
        if (kind === 'receive') recorder.send(1, fd, payload.address, 10);
      };
      peer.write(pattern(10));
      asked = 0;
      recorder.until(() => recorder.length(1) === 10, 'the bytes');
      recorder.on = undefined;
      assert.ok(asked > 0, 'the send of the handler wants a turn');
      for (let turns = 0; turns < 3; turns++) engine.turn(0, recorder);
      assert.equal(recorder.of('send', 1).length, 1);
      assert.equal(peer.read().length, 10);
      bench.end();
      payload.unmap();
    });
  });
}
