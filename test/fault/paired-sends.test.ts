// Heads and small bodies that are sent together at the end of a turn, over the fake engine: what goes wrong at each call, who goes while his
// pair waits, more pairs than there is room for. Random faults are in connection.test.ts.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type FakePeer, type FaultScript, noFaults } from '../../src/engine/fake.js';
import { Errno } from '../../src/kernel/errno.js';
import { platformIsLinux } from '../../src/kernel/ffi.js';
import { Region } from '../../src/memory/region.js';
import type { FileSource } from '../../src/transport/output.js';
import { SendMode } from '../../src/transport/send-modes.js';
import { answerTo, lineOf, mostBytes, type Request, World } from './line-protocol.js';

const skip = platformIsLinux ? false : 'regions need Linux';

const headBytes = 120;
const bodyBytes = 5000;
/** A head and a body. */
const request: Request = {
  pieces: [
    { kind: 'segment', length: headBytes },
    { kind: 'extent', length: bodyBytes },
  ],
  later: 0,
  last: false,
};
const expected = answerTo([request]);

/** Connects so many, each of which has asked for an answer when the next turn begins. */
function askers(world: World, count: number): FakePeer[] {
  const peers = Array.from({ length: count }, () => world.connect());
  world.until(() => world.listener.connections === count, 'all connections');
  for (const peer of peers) peer.write(lineOf(request));
  return peers;
}

/** Has one ask, and read until the end of the answer or of the connection. */
function ask(script: FaultScript, isWhole: boolean): void {
  const world = new World(script);
  const [peer] = askers(world, 1);
  world.until(() => peer!.closed || peer!.got.length >= expected.length, 'the end');
  for (let turns = 0; turns < 5; turns++) world.turn();
  assert.deepEqual(peer!.got.bytes, expected.subarray(0, peer!.got.length));
  assert.equal(peer!.got.length === expected.length, isWhole);
  assert.ok(!peer!.held || !isWhole, 'nothing is held back when the answer is over');
  world.end();
}

/** Goes through all calls that send, and has each of them give something once; the others take at most `most`. */
function atEachCall(outcome: number, most: number, isWhole: boolean): void {
  let all = 0;
  const usual: FaultScript = (called, asked) => {
    if (!called.startsWith('send')) return asked;
    all++;
    return Math.min(asked, most);
  };
  ask(usual, true);
  const calls = all;
  assert.ok(calls > 1, `${calls} calls`);
  for (let at = 1; at <= calls; at++) {
    all = 0;
    ask((called, asked, fd) => {
      const taken = usual(called, asked, fd);
      return called.startsWith('send') && all === at ? Math.min(asked, outcome) : taken;
    }, isWhole);
    assert.ok(all >= at);
  }
}

describe('heads and bodies that are sent together', { skip }, () => {
  test('what is asked for in a turn is answered at its end, one answer after the other, by two calls each', () => {
    const calls: string[] = [];
    const world = new World((called, asked) => {
      calls.push(called);
      return asked;
    });
    const peers = askers(world, 3);
    calls.length = 0;
    world.turn();
    assert.deepEqual(
      calls.filter((called) => called !== 'receiveMore'),
      ['receive', 'receive', 'receive', 'sendNow', 'sendFile', 'sendNow', 'sendFile', 'sendNow', 'sendFile'],
    );
    for (const peer of peers) assert.deepEqual(peer.got.bytes, expected);
    assert.deepEqual(world.engine.pairs!.runs, [3]);
    const { modeBytes } = world.listener.counts;
    assert.equal(modeBytes[SendMode.message], 3 * headBytes);
    assert.equal(modeBytes[SendMode.sendfile], 3 * bodyBytes);
    world.end();
  });

  test('more than there is room for: those that are there are sent, and the others together as well', () => {
    const world = new World();
    const peers = askers(world, 11);
    world.until(() => peers.every(({ got }) => got.length === expected.length), 'all answers');
    for (const peer of peers) assert.deepEqual(peer.got.bytes, expected);
    assert.deepEqual(world.engine.pairs!.runs, [4, 4, 3]);
    world.end();
  });

  test('short counts at each call, of any number of bytes', () => {
    for (const most of [1, 2, headBytes - 1, headBytes, headBytes + 1, 1000, bodyBytes - 1]) {
      ask((called, asked) => (called.startsWith('send') ? Math.min(asked, most) : asked), true);
      atEachCall(most, Number.POSITIVE_INFINITY, true);
    }
  });

  test('a full socket, an interruption, no memory for the moment: at each call', () => {
    for (const errno of [Errno.EAGAIN, Errno.EINTR, Errno.ENOBUFS])
      for (const most of [Number.POSITIVE_INFINITY, 1500]) atEachCall(-errno, most, true);
  });

  test('the peer goes, or the file cannot be read: at each call', () => {
    for (const errno of [Errno.EPIPE, Errno.ECONNRESET]) atEachCall(-errno, 1500, false);
    for (const outcome of [0, -Errno.EIO]) {
      // What ends it is found by a call of its own: the pair's says no more than that not all was taken.
      ask((called, asked) => (called === 'sendFile' ? outcome : asked), false);
    }
  });

  test('a peer whose socket has no room: the rest leaves when there is some', () => {
    for (const room of [0, 1, headBytes - 1, headBytes, headBytes + 1, expected.length - 1]) {
      const world = new World();
      const [peer] = askers(world, 1);
      peer!.room = room;
      for (let turns = 0; turns < 5; turns++) world.turn();
      assert.equal(peer!.got.length, room);
      peer!.room = Number.POSITIVE_INFINITY;
      world.until(() => peer!.got.length >= expected.length, 'the whole answer');
      assert.deepEqual(peer!.got.bytes, expected);
      world.end();
    }
  });

  test('a file that became shorter: what is left of it, and the end', () => {
    for (let cut = 0; cut < mostBytes; cut += 237) {
      const world = new World();
      const [peer] = askers(world, 1);
      world.engine.truncate(world.file, cut);
      world.until(() => peer!.closed || peer!.got.length === expected.length, 'the end');
      assert.deepEqual(peer!.got.bytes, expected.subarray(0, peer!.got.length), `cut at ${cut}`);
      if (cut < bodyBytes) assert.equal(world.listener.counts.truncated, 1, `cut at ${cut}`);
      world.end();
    }
  });

  test('pages that are not there are fetched, and the head does not wait for them', () => {
    let fetches = 0;
    const world = new World((called, asked) => {
      if (called === 'fetch') fetches++;
      return called === 'fetch' ? 3 : asked;
    });
    world.resident = () => false;
    const [peer] = askers(world, 1);
    world.turn();
    assert.equal(peer!.got.length, headBytes);
    world.until(() => peer!.got.length >= expected.length, 'the whole answer');
    assert.deepEqual(peer!.got.bytes, expected);
    assert.equal(fetches, 1);
    assert.deepEqual(world.engine.pairs!.runs, []);
    world.end();
  });

  test('who is cut off while his pair waits is sent nothing, and the others are sent theirs', () => {
    for (const gone of [0, 1, 2]) {
      const world = new World();
      const peers = askers(world, 3);
      let asked = 0;
      world.protocol.called = (name) => {
        // All have asked when the last one has; the answers to the first two wait by then.
        if (name !== 'received' || ++asked < 3) return;
        world.protocol.called = undefined;
        world.loop.nextTurn(() => [...world.protocol.open][gone]!.abort());
      };
      world.turn();
      world.until(() => peers.filter(({ got }) => got.length > 0).length === 2, 'two answers');
      for (const [index, peer] of peers.entries()) {
        assert.deepEqual(peer.got.bytes, index === gone ? new Uint8Array(0) : expected);
        assert.equal(peer.closed, index === gone);
      }
      world.end();
    }
  });

  test('a pair that was sent is told of though its connection was cut off by what another one was told', () => {
    const world = new World();
    const peers = askers(world, 3);
    world.protocol.called = (name) => {
      if (name !== 'drained') return;
      world.protocol.called = undefined;
      for (const connection of [...world.protocol.open].slice(1)) connection.abort();
    };
    world.until(() => world.listener.connections === 1, 'the end of the others');
    for (const peer of peers) assert.deepEqual(peer.got.bytes, expected);
    world.end();
  });

  test('where an owner throws, the others are told in the next turn', () => {
    const world = new World();
    const peers = askers(world, 3);
    world.protocol.called = (name) => {
      if (name !== 'drained') return;
      world.protocol.called = undefined;
      throw new Error('of a handler');
    };
    assert.throws(() => world.turn(), /of a handler/);
    for (const peer of peers) {
      assert.deepEqual(peer.got.bytes, expected);
      peer.write(lineOf(request));
    }
    const again = answerTo([request, request]);
    world.until(() => peers.slice(1).every(({ got }) => got.length === again.length), 'the second answers');
    for (const peer of peers.slice(1)) assert.deepEqual(peer.got.bytes, again);
    world.listener.abortAll();
    world.end();
  });

  test('who asks for many at once has one of them a turn', () => {
    const world = new World(noFaults, { backlogLimit: 1 << 20 });
    const [peer] = askers(world, 1);
    const more = Array.from({ length: 50 }, () => request);
    peer!.write(more.map(lineOf).join(''));
    const all = answerTo([request, ...more]);
    let before = 0;
    world.until(() => {
      assert.ok(peer!.got.length - before <= expected.length, `${peer!.got.length - before} bytes in a turn`);
      before = peer!.got.length;
      return before === all.length;
    }, 'all answers');
    assert.deepEqual(peer!.got.bytes, all);
    world.end();
  });

  test('a body of more than 64 KiB goes by itself', () => {
    const memory = new Region(4096);
    for (const length of [65_536, 65_537]) {
      const world = new World();
      const fd = world.engine.openFile(new Uint8Array(length));
      const file = Object.assign(Object.create(world.protocol.file) as FileSource, { fd, release: () => undefined });
      world.protocol.called = (name, connection) => {
        if (name !== 'opened') return;
        world.loop.nextTurn(() => {
          connection.sendSegment(memory.address, headBytes, undefined, 0);
          connection.sendExtent(file, 0, length, 0);
          connection.flush();
        });
      };
      const peer = world.connect();
      world.until(() => peer.got.length === headBytes + length, 'the answer');
      assert.equal(world.engine.pairs!.runs.length, length === 65_536 ? 1 : 0);
      world.engine.closeFile(fd);
      world.end();
    }
    memory.unmap();
  });

  test('what has other pieces, or is held to a rate, goes by itself', () => {
    const pieces: Array<Request['pieces']> = [
      [...request.pieces, { kind: 'segment', length: 5 }],
      [...request.pieces, { kind: 'extent', length: 5 }],
      [{ kind: 'segment', length: 7 }, ...request.pieces],
      [{ kind: 'extent', length: 100 }],
    ];
    for (const each of pieces) {
      const world = new World();
      const peer = world.connect();
      const asked: Request = { pieces: each, later: 0, last: false };
      peer.write(lineOf(asked));
      const answer = answerTo([asked]);
      world.until(() => peer.got.length >= answer.length, 'the answer');
      assert.deepEqual(peer.got.bytes, answer);
      assert.deepEqual(world.engine.pairs!.runs, []);
      world.end();
    }
    const world = new World();
    world.protocol.called = (name, connection) => {
      if (name === 'opened') connection.rate = 1000;
    };
    const [peer] = askers(world, 1);
    world.until(() => peer!.got.length >= expected.length, 'the answer', 10_000);
    assert.deepEqual(world.engine.pairs!.runs, []);
    world.end();
  });
});
