// Responses of many pieces of a file over the fake engine, in each mode of sending: files that shrink, peers that go, sockets that are
// full and short counts at every step, cold pages; and that what is held back leaves at the end. Random faults are in connection.test.ts.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { FakePeer, FakeStep, FaultScript } from '../../src/engine/fake.js';
import { Errno } from '../../src/kernel/errno.js';
import { platformIsLinux } from '../../src/kernel/ffi.js';
import { type SendLimits, SendMode } from '../../src/transport/send-modes.js';
import { answerTo, lineOf, mostBytes, type Request, World } from './line-protocol.js';

const skip = platformIsLinux ? false : 'regions need Linux';

/** A head, and so many pieces of 300 bytes or so. */
function segmentOf(pieces: number): Request {
  const lengths = Array.from({ length: pieces }, (_, index) => 280 + ((index * 13) % 40));
  const extents = lengths.map((length) => ({ kind: 'extent' as const, length }));
  return { pieces: [{ kind: 'segment', length: 120 }, ...extents], later: 0, last: false };
}

const modes: Readonly<Record<string, { readonly limits: SendLimits; readonly mode: number; readonly step: FakeStep }>> =
  {
    'one message': { limits: { messageBelow: 8192, sendfileFrom: 65_536 }, mode: SendMode.message, step: 'sendNow' },
    'the pipe': { limits: { messageBelow: 0, sendfileFrom: 65_536 }, mode: SendMode.pipe, step: 'sendPipe' },
    sendfile: { limits: { messageBelow: 0, sendfileFrom: 0 }, mode: SendMode.sendfile, step: 'sendFile' },
    reference: { limits: { messageBelow: 0, sendfileFrom: 0 }, mode: SendMode.reference, step: 'sendReference' },
  };

for (const [name, { limits, mode, step }] of Object.entries(modes)) {
  describe(`many pieces by ${name}`, { skip }, () => {
    function worldOf(script?: FaultScript): World {
      const world = new World(script);
      world.loop.sendLimits = limits;
      if (mode === SendMode.reference) world.pin();
      return world;
    }

    /** Has the peer ask for a segment, and read all of it. */
    function ask(world: World, request: Request): void {
      const peer = world.connect();
      const expected = answerTo([request]);
      peer.write(lineOf(request));
      world.until(() => peer.got.length >= expected.length, 'the whole answer');
      world.turn();
      assert.deepEqual(peer.got.bytes, expected);
      assert.ok(!peer.held, 'nothing is held back when the answer is over');
    }

    test('few calls, in that mode, and a last one that holds nothing back', () => {
      const calls = new Map<FakeStep, number>();
      const world = worldOf((called, asked) => {
        calls.set(called, (calls.get(called) ?? 0) + 1);
        return asked;
      });
      ask(world, segmentOf(100));
      const { modeBytes } = world.listener.counts;
      const ofFile = answerTo([segmentOf(100)]).length - 120;
      assert.ok(modeBytes[mode]! >= ofFile, `${modeBytes}`);
      const most = mode === SendMode.sendfile ? 100 : mode === SendMode.reference ? 140 : 2;
      assert.ok((calls.get(step) ?? 0) <= most, `${step}: ${calls.get(step)}`);
      world.end();
    });

    test('short counts: of one byte each time, and of each number of bytes', () => {
      for (const most of [1, 7, 279, 280, 281, 500, 1001]) {
        const world = worldOf((called, asked) => (called.startsWith('send') ? Math.min(asked, most) : asked));
        ask(world, segmentOf(6));
        world.end();
      }
    });

    test('a full socket, an interruption, no memory for the moment: at every call', () => {
      const request = segmentOf(9);
      for (const trouble of [-Errno.EAGAIN, -Errno.EINTR, -Errno.ENOBUFS]) {
        let all = 1;
        for (let at = 0; at < all; at++) {
          let count = 0;
          const world = worldOf((called, asked) => {
            if (!called.startsWith('send')) return asked;
            return count++ === at ? trouble : Math.min(asked, 450);
          });
          ask(world, request);
          all = count;
          world.end();
        }
        assert.ok(all > 5, `${all} calls`);
      }
    });

    test('the peer goes at every call: what it got is a beginning, and all is given back', () => {
      const request = segmentOf(9);
      const expected = answerTo([request]);
      for (const errno of [Errno.EPIPE, Errno.ECONNRESET]) {
        let all = Number.POSITIVE_INFINITY;
        for (let at = 0; at < all; at++) {
          let count = 0;
          const world = worldOf((called, asked) => {
            if (!called.startsWith('send')) return asked;
            return count++ === at ? -errno : Math.min(asked, 450);
          });
          const peer = world.connect();
          peer.write(lineOf(request));
          world.until(() => peer.closed || peer.got.length === expected.length, 'the end');
          assert.deepEqual(peer.got.bytes, expected.subarray(0, peer.got.length));
          if (count <= at) all = at;
          world.end();
        }
        assert.ok(all > 5, `${all} calls`);
      }
    });

    test('a file that shrinks while the peer is slow: no byte that was not in it, and the end', () => {
      // Nobody makes pinned memory shorter.
      if (mode === SendMode.reference) return;
      const request = segmentOf(20);
      const expected = answerTo([request]);
      for (let cut = 0; cut < mostBytes; cut += 237) {
        const world = worldOf();
        const peer = world.connect();
        peer.room = 700;
        peer.write(lineOf(request));
        world.until(() => peer.room <= 0, 'a first part');
        world.engine.truncate(world.file, cut);
        peer.room = Number.POSITIVE_INFINITY;
        world.until(() => peer.closed || peer.got.length === expected.length, 'the end');
        assert.deepEqual(peer.got.bytes, expected.subarray(0, peer.got.length), `cut at ${cut}`);
        if (cut < 400) assert.equal(world.listener.counts.truncated, 1);
        world.end();
      }
    });

    test('a file that becomes another while the peer is slow: nothing more of it, and the end', () => {
      // Nobody writes to pinned memory.
      if (mode === SendMode.reference) return;
      const request = segmentOf(20);
      const expected = answerTo([request]);
      const world = worldOf();
      const peer = world.connect();
      peer.room = 700;
      peer.write(lineOf(request));
      world.until(() => peer.room <= 0, 'a first part');
      const before = peer.got.length;
      world.protocol.file.isChanged = true;
      peer.room = Number.POSITIVE_INFINITY;
      world.until(() => peer.closed, 'the end');
      assert.deepEqual(peer.got.bytes, expected.subarray(0, before));
      assert.equal(world.listener.counts.truncated, 1);
      world.end();
    });

    test('cold pages are waited for once, and asked about once where they are there', () => {
      if (mode === SendMode.reference) return;
      for (const cold of [true, false]) {
        let fetches = 0;
        const world = worldOf((called, asked) => {
          if (called === 'fetch') fetches++;
          return called === 'fetch' ? 3 : asked;
        });
        let looks = 0;
        world.resident = () => {
          looks++;
          return !cold;
        };
        const forwards: Request = { pieces: [...segmentOf(0).pieces, ...forward(20)], later: 0, last: false };
        ask(world, forwards);
        assert.equal(fetches, cold ? 1 : 0);
        assert.ok(looks <= (cold ? 2 : 1), `${looks} looks`);
        assert.equal(world.listener.counts.coldFetches, cold ? 1 : 0);
        world.end();
      }
    });

    test('who is cancelled while pages are fetched, or a turn is waited for, is let go', () => {
      for (let turns = 0; turns < 6; turns++) {
        const world = worldOf((called, asked) => (called === 'fetch' ? 4 : asked));
        world.resident = () => false;
        const peer = world.connect();
        peer.write(lineOf(segmentOf(20)));
        for (let turn = 0; turn < turns; turn++) world.turn();
        world.listener.abortAll();
        world.until(() => peer.closed || world.listener.connections === 0, 'the end');
        world.end();
      }
    });
  });
}

/** Pieces that go forward in the file. The line protocol begins piece N of a first answer at 17 N. */
function forward(count: number): Request['pieces'] {
  return Array.from({ length: count }, () => ({ kind: 'extent', length: 17 }));
}

test('what is sent by reference is of the turn in which it begins, whenever it ends', { skip }, () => {
  let begun = 0;
  const world = new World(undefined, { maxConnections: 300 });
  world.loop.sendLimits = modes['reference']!.limits;
  world.pin();
  const { zeroCopy } = world.engine;
  const { sendByReference } = zeroCopy;
  zeroCopy.sendByReference = (token, fd, send) => {
    begun += send.length;
    sendByReference.call(zeroCopy, token, fd, send);
  };
  const pieces = Array.from({ length: 20 }, () => ({ kind: 'extent', length: 8000 }) as const);
  const peers = Array.from({ length: 200 }, () => world.connect());
  world.until(() => world.listener.connections === peers.length, 'all connections');
  for (const peer of peers) peer.write(lineOf({ pieces, later: 0, last: false }));
  // A send is of a thousand bytes here: so many senders would begin more than a turn beside small answers has.
  for (let turn = 0; turn < 20; turn++) {
    world.loop.bulk.noteSmall(world.nowMs);
    const before = begun;
    world.turn();
    assert.ok(begun - before < 128 * 1024 + 1000, `${begun - before} bytes in a turn`);
  }
  assert.ok(begun > 200 * 2000, `${begun} bytes`);
  world.listener.abortAll();
  world.end();
});

describe('a response that is held to a rate', { skip }, () => {
  const rate = 10_000;
  const request = segmentOf(100);
  const expected = answerTo([request]);
  /** Equal shares, each second one, of a second of the rate at most. */
  const shares = Math.ceil(expected.length / rate);
  const share = expected.length / shares;
  const endMs = (shares - 1) * 1000;
  /** More than the pieces' longest. */
  const slack = 320;

  function worldOf(limits: SendLimits, pinned: boolean, script?: FaultScript): World {
    const world = new World(script);
    world.loop.sendLimits = limits;
    if (pinned) world.pin();
    world.protocol.called = (name, connection) => {
      if (name === 'opened') connection.rate = rate;
    };
    return world;
  }

  for (const [name, { limits, mode }] of Object.entries(modes)) {
    for (const atMost of [Number.POSITIVE_INFINITY, 450]) {
      test(`by ${name}, at most ${atMost} bytes a call: never ahead of its rate, and no later`, () => {
        const world = worldOf(limits, mode === SendMode.reference, (called, asked) =>
          called.startsWith('send') ? Math.min(asked, atMost) : asked,
        );
        const peer = world.connect();
        peer.write(lineOf(request));
        const beganMs = world.nowMs;
        let steps = 0;
        for (let got = 0; got < expected.length; got = peer.got.length) {
          world.turn();
          const ms = world.nowMs - beganMs;
          assert.ok(ms < endMs + 100, `${got} of ${expected.length} bytes after ${ms} ms`);
          const most = share * (1 + Math.floor(ms / 1000)) + slack;
          assert.ok(peer.got.length <= most, `${peer.got.length} bytes after ${ms} ms`);
          if (peer.got.length > got && atMost > share) steps++;
          // By sendfile what is less than a packet is left, corked, to a timer of the kernel (200 ms).
          const mayHold = mode === SendMode.sendfile && peer.got.length < expected.length;
          assert.ok(mayHold || !peer.held || peer.got.length > got, 'nothing is held back');
        }
        assert.equal(peer.held, false);
        assert.ok(world.nowMs - beganMs >= endMs, `${world.nowMs - beganMs} ms`);
        // A send by reference is awaited before the next one, a piece each.
        if (mode !== SendMode.reference) assert.ok(steps <= 3 * shares, `${steps} steps`);
        assert.deepEqual(peer.got.bytes, expected);
        world.end();
      });
    }
  }

  for (const [name, { limits, mode }] of Object.entries(modes)) {
    test(`by ${name}: what is queued behind a list of pieces leaves behind all of them`, () => {
      const { pieces } = request;
      // A segment of no bytes is none: the second list follows the first one at once.
      const second = [{ kind: 'segment', length: 0 } as const, ...pieces.slice(1)];
      for (const behind of [[], second]) {
        const trailer = { kind: 'segment', length: 8000 } as const;
        const asked: Request = { pieces: [...pieces, ...behind, trailer], later: 0, last: false };
        const answer = answerTo([asked]);
        const world = worldOf(limits, mode === SendMode.reference);
        const peer = world.connect();
        peer.write(lineOf(asked));
        world.until(() => peer.got.length >= answer.length, 'the whole answer', 10_000);
        assert.deepEqual(peer.got.bytes, answer);
        world.end();
      }
    });
  }

  test('a peer that goes while a share is waited for: all is given back at once', () => {
    const { limits } = modes['one message']!;
    const world = worldOf(limits, false);
    const peer = world.connect();
    peer.write(lineOf(request));
    world.until(() => peer.got.length >= share, 'a first share');
    peer.reset();
    for (let turns = 0; turns < 5; turns++) world.turn();
    assert.equal(world.listener.connections, 0);
    assert.deepEqual([...world.protocol.file.lending.out], []);
    // The time that was waited for comes, and is nobody's.
    world.turn(1000);
    world.end();
  });

  test('a loop that was late: what the rate has come to by then leaves at once', () => {
    const { limits } = modes['one message']!;
    const world = worldOf(limits, false);
    const peer = world.connect();
    peer.write(lineOf(request));
    world.until(() => peer.got.length >= share, 'a first share');
    world.turn(3000);
    world.turn();
    assert.equal(peer.got.length, expected.length);
    world.end();
  });
});

test('a long stretch by sendfile that is held to a rate is corked until it is over; a short one, and one that is not held, are not', {
  skip,
}, () => {
  for (const [length, rate, isCorked] of [
    [60_000, 200_000, false],
    [180_000, 200_000, true],
    [180_000, 0, false],
  ] as const) {
    const request: Request = {
      pieces: [
        { kind: 'segment', length: 120 },
        { kind: 'extent', length },
      ],
      later: 0,
      last: false,
    };
    const held: boolean[] = [];
    let peer: FakePeer | undefined;
    const world = new World((called, asked) => {
      if (called !== 'sendFile') return asked;
      held.push(peer!.held);
      return Math.min(asked, 25_000);
    });
    world.protocol.called = (name, connection) => {
      if (name === 'opened') connection.rate = rate;
    };
    peer = world.connect();
    const expected = answerTo([request]);
    peer.write(lineOf(request));
    world.until(() => peer!.got.length >= expected.length, 'the whole answer');
    assert.deepEqual(peer.got.bytes, expected);
    // What was sent before the first call is the head, which more follows.
    assert.deepEqual(held.slice(1), Array(Math.ceil(length / 25_000) - 1).fill(isCorked), `${length}`);
    assert.equal(peer.held, false);
    world.end();
  }
});
