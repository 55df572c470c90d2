// Connections over the fake engine: whatever goes wrong, the peer gets the right bytes in order, or a beginning of them
// and then nothing; everything lent comes back once; nothing stays open.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { type FakePeer, type FakeStep, type FaultScript, noFaults } from '../../src/engine/fake.js';
import { MSG } from '../../src/kernel/constants.js';
import { Errno } from '../../src/kernel/errno.js';
import { platformIsLinux } from '../../src/kernel/ffi.js';
import { defaultSendLimits, type SendLimits } from '../../src/transport/send-modes.js';
import { answerTo, lineOf, mostBytes, type Request, World } from './line-protocol.js';

const skip = platformIsLinux ? false : 'regions need Linux';

/** One fault, for the step it fits; a step it does not fit goes well. */
interface Fault {
  readonly step: FakeStep;
  /** A negative errno, or a number of bytes or turns. */
  readonly outcome: number;
}

const after: Record<'harmless' | 'fatal', fc.Arbitrary<Fault>> = {
  harmless: fc.oneof(
    fault('receive', fc.oneof(fc.integer({ min: 1, max: 4 }), fc.constantFrom(-Errno.ENOBUFS, -Errno.EINTR))),
    fault('receiveMore', fc.constant(0)),
    fault('acceptMore', fc.constant(0)),
    fault('send', fc.oneof(fc.integer({ min: 1, max: 9 }), transient())),
    fault('sendNow', fc.oneof(fc.integer({ min: 1, max: 9 }), transient())),
    fault('sendFile', fc.oneof(fc.integer({ min: 1, max: 999 }), fc.constantFrom(-Errno.EAGAIN, -Errno.EINTR))),
    fault('fillPipe', fc.oneof(fc.integer({ min: 1, max: 99 }), fc.constantFrom(-Errno.EAGAIN, -Errno.EMFILE))),
    fault('sendPipe', fc.oneof(fc.integer({ min: 1, max: 999 }), transient())),
    fault(
      'sendReference',
      fc.oneof(fc.integer({ min: 1, max: 999 }), transient(), fc.constantFrom(-Errno.EOPNOTSUPP, -Errno.ENOMEM)),
    ),
    fault('notice', fc.integer({ min: 2, max: 8 })),
    fault('writable', fc.integer({ min: 1, max: 5 })),
    fault('fetch', fc.oneof(fc.integer({ min: 1, max: 5 }), fc.constant(-Errno.EIO))),
    fault('cancel', fc.integer({ min: 1, max: 4 })),
    fault('accept', fc.constantFrom(-Errno.EMFILE, -Errno.ENFILE, -Errno.EPROTO, -Errno.ENOMEM)),
  ),
  fatal: fc.oneof(
    fault('receive', fc.constantFrom(-Errno.ECONNRESET, -Errno.ETIMEDOUT)),
    fault('send', fc.constantFrom(-Errno.ECONNRESET, -Errno.EPIPE, -Errno.ETIMEDOUT)),
    fault('sendNow', fc.constantFrom(-Errno.ECONNRESET, -Errno.EPIPE)),
    fault('sendFile', fc.constantFrom(-Errno.ECONNRESET, -Errno.EPIPE, -Errno.EIO, 0)),
    fault('sendPipe', fc.constantFrom(-Errno.ECONNRESET, -Errno.EPIPE)),
    fault('sendReference', fc.constantFrom(-Errno.ECONNRESET, -Errno.EPIPE)),
  ),
};

function fault(step: FakeStep, outcome: fc.Arbitrary<number>): fc.Arbitrary<Fault> {
  return outcome.map((value) => ({ step, outcome: value }));
}

function transient(): fc.Arbitrary<number> {
  return fc.constantFrom(-Errno.EAGAIN, -Errno.EINTR, -Errno.ENOBUFS);
}

/** The faults in their order, each at the next step it fits, with so many good steps before each. */
function scriptOf(faults: ReadonlyArray<Fault & { readonly pause: number }>): FaultScript {
  const queue = [...faults];
  let pause = queue[0]?.pause ?? 0;
  return (step, asked) => {
    const next = queue[0];
    if (next === undefined || next.step !== step || pause-- > 0) return asked;
    queue.shift();
    pause = queue[0]?.pause ?? 0;
    return next.outcome;
  };
}

const request: fc.Arbitrary<Request> = fc.record({
  pieces: fc.array(
    fc.record({
      kind: fc.constantFrom('segment' as const, 'extent' as const),
      length: fc.oneof(fc.integer({ min: 0, max: 20 }), fc.integer({ min: 0, max: mostBytes })),
    }),
    { maxLength: 12 },
  ),
  later: fc.constantFrom(0, 0, 1, 3),
  last: fc.constant(false),
});

/** What the peer does: writes so many of its bytes, makes room for so many, or leaves so many turns pass. */
const actions = fc.array(
  fc.record({ write: fc.integer({ min: 0, max: 40 }), room: fc.integer({ min: 0, max: 3000 }), turns: fc.nat(3) }),
  { maxLength: 60 },
);

interface Plan {
  readonly requests: readonly Request[];
  readonly faults: ReadonlyArray<Fault & { readonly pause: number }>;
  readonly actions: ReadonlyArray<{ readonly write: number; readonly room: number; readonly turns: number }>;
  readonly slow: boolean;
  readonly cold: boolean;
  readonly halfClose: boolean;
  readonly backlogLimit: number;
  /** The engine sends at once. */
  readonly atOnce: boolean;
  /** It sends heads and bodies together. */
  readonly paired: boolean;
  readonly limits: SendLimits;
  /** Whether the file is pinned in memory, and whether the kernel copies it all the same. */
  readonly pinned: 'no' | 'referenced' | 'copied';
}

/** Lengths by which the modes are chosen, so that small files are sent in each of them. */
const limits = fc.constantFrom<SendLimits>(
  defaultSendLimits,
  { messageBelow: 400, sendfileFrom: 3000 },
  { messageBelow: 0, sendfileFrom: 100_000 },
  { messageBelow: 100_000, sendfileFrom: 100_000 },
  { messageBelow: 0, sendfileFrom: 0 },
);

function plans(kinds: fc.Arbitrary<Fault>): fc.Arbitrary<Plan> {
  const paused = fc.tuple(kinds, fc.nat(4)).map(([one, pause]) => ({ ...one, pause }));
  return fc.record({
    requests: fc.array(request, { minLength: 1, maxLength: 20 }),
    faults: fc.array(paused, { maxLength: 30 }),
    actions,
    slow: fc.boolean(),
    cold: fc.boolean(),
    halfClose: fc.boolean(),
    backlogLimit: fc.constantFrom(0, 64, 3000),
    atOnce: fc.boolean(),
    paired: fc.boolean(),
    limits,
    pinned: fc.constantFrom('no' as const, 'referenced' as const, 'copied' as const),
  });
}

function setUp(world: World, { limits: sendLimits, pinned }: Plan): void {
  world.loop.sendLimits = sendLimits;
  if (pinned !== 'no') world.pin();
  world.engine.zeroCopy.copies = pinned === 'copied';
}

/** Plays the peer's part, then lets it read and write everything that is left. */
function play(world: World, peer: FakePeer, plan: Plan): void {
  const text = plan.requests.map(lineOf).join('');
  let written = 0;
  if (plan.slow) peer.room = 0;
  for (const { write, room, turns } of plan.actions) {
    peer.write(text.slice(written, written + write));
    written += Math.min(write, text.length - written);
    if (plan.slow) peer.room += room;
    for (let turn = 0; turn < turns; turn++) world.turn();
  }
  peer.write(text.slice(written));
  if (plan.halfClose) peer.end();
  peer.room = Number.POSITIVE_INFINITY;
}

/** Files are cold now and then: at every third look. */
function coldNowAndThen(): () => boolean {
  let looks = 0;
  return () => looks++ % 3 !== 0;
}

describe('connections over a faulty engine', { skip }, () => {
  test('short counts, full sockets, split input, short frames: every answer arrives whole and in order', () => {
    fc.assert(
      fc.property(plans(after.harmless), (plan) => {
        const world = new World(scriptOf(plan.faults), { backlogLimit: plan.backlogLimit }, plan.atOnce, plan.paired);
        if (plan.cold) world.resident = coldNowAndThen();
        setUp(world, plan);
        const peer = world.connect();
        play(world, peer, plan);
        const expected = answerTo(plan.requests);
        world.until(() => peer.got.length >= expected.length, 'the whole answer');
        for (let turns = 0; turns < 10; turns++) world.turn();
        assert.deepEqual(peer.got.bytes, expected);
        assert.ok(!peer.held, 'the kernel waits for no more');
        if (plan.halfClose) world.until(() => peer.sawEnd, 'the end, after the peer ended');
        else assert.ok(!peer.sawEnd && !peer.closed, 'the connection stays open');
        assert.ok(!peer.sawReset, 'no reset');
        world.end();
      }),
      { numRuns: 400 },
    );
  });

  test('resets, I/O errors, files that end: the peer got a beginning of the answer, and everything is given back', () => {
    fc.assert(
      fc.property(plans(fc.oneof(after.fatal, after.harmless)), (plan) => {
        const world = new World(scriptOf(plan.faults), { backlogLimit: plan.backlogLimit }, plan.atOnce, plan.paired);
        if (plan.cold) world.resident = coldNowAndThen();
        setUp(world, plan);
        const peer = world.connect();
        play(world, peer, plan);
        const expected = answerTo(plan.requests);
        world.until(() => peer.closed || peer.got.length >= expected.length, 'the end or the whole answer');
        for (let turns = 0; turns < 10; turns++) world.turn();
        assert.deepEqual(peer.got.bytes, expected.subarray(0, peer.got.length));
        world.end();
      }),
      { numRuns: 400 },
    );
  });

  test('several connections at once, and one after the other in the same objects and numbers', () => {
    const many = fc.array(fc.tuple(plans(fc.oneof(after.fatal, after.harmless)), fc.nat(6)), { maxLength: 8 });
    fc.assert(
      fc.property(many, fc.boolean(), fc.boolean(), fc.boolean(), (all, cold, atOnce, paired) => {
        const world = new World(scriptOf(all.flatMap(([plan]) => plan.faults)), { backlogLimit: 64 }, atOnce, paired);
        if (cold) world.resident = coldNowAndThen();
        if (all.length > 0) setUp(world, all[0]![0]);
        const peers = all.map(([plan, before]) => {
          for (let turns = 0; turns < before; turns++) world.turn();
          const peer = world.connect();
          play(world, peer, plan);
          return { peer, expected: answerTo(plan.requests) };
        });
        const over = (): boolean =>
          peers.every(({ peer, expected }) => peer.closed || peer.got.length >= expected.length);
        world.until(over, 'an end of each');
        for (const { peer, expected } of peers) assert.deepEqual(peer.got.bytes, expected.subarray(0, peer.got.length));
        world.end();
      }),
      { numRuns: 200 },
    );
  });

  test('the last bytes before an end wait for it in the kernel, those of other answers do not', () => {
    for (const atOnce of [false, true]) {
      const world = new World(noFaults, {}, atOnce);
      const { engine } = world;
      const flags: number[] = [];
      const { send, sendNow } = engine;
      engine.send = (...call) => {
        flags.push(call[4]);
        send.apply(engine, call);
      };
      engine.sendNow = (...call) => {
        flags.push(call[3]);
        return sendNow.apply(engine, call);
      };
      const peer = world.connect();
      const pieces: Request['pieces'] = [{ kind: 'segment', length: 10 }];
      peer.write(lineOf({ pieces, later: 0, last: false }));
      peer.write(lineOf({ pieces, later: 0, last: true }));
      world.until(() => peer.sawEnd, 'the end');
      assert.equal(peer.got.length, 20);
      assert.deepEqual(flags, [0, MSG.MORE]);
      peer.end();
      world.end();
    }
  });

  test('of requests that come together a few are answered in a turn, also where a send is over at once', () => {
    const world = new World(noFaults, { backlogLimit: 20 }, true);
    const [many, few] = [world.connect(), world.connect()];
    const line: Request = { pieces: [{ kind: 'segment', length: 10 }], later: 0, last: false };
    many.write(lineOf(line).repeat(500));
    few.write(lineOf(line).repeat(30));
    let before = 0;
    world.until(() => {
      assert.ok(many.got.length - before <= 160, 'eight of what waits, and eight of what came');
      before = many.got.length;
      return few.got.length === 300;
    }, 'the other has its answers');
    assert.ok(many.got.length < 5000, 'before the one who asks without end');
    many.end();
    world.until(() => many.sawEnd, 'the end, after the last answer');
    assert.equal(many.got.length, 5000);
    few.end();
    world.until(() => few.sawEnd, 'the end');
    world.end();
  });

  test('the backlog is bounded by its limit and the frames that were on their way', () => {
    const world = new World((step, asked) => (step === 'cancel' ? 2 : asked), { backlogLimit: 100 });
    const peer = world.connect();
    peer.room = 0;
    const line: Request = { pieces: [{ kind: 'segment', length: 10 }], later: 0, last: false };
    const lines = Array.from({ length: 2000 }, () => line);
    const text = lines.map(lineOf).join('');
    peer.write(text);
    const expected = answerTo(lines);
    let most = 0;
    // A reader who takes an answer now and then: receiving stops and begins again many times.
    for (let turns = 0; peer.got.length < expected.length && turns < 50_000; turns++) {
      if (turns % 8 === 0) peer.room += 10;
      world.turn();
      const answered = Math.floor(peer.got.length / 10) * lineOf(line).length;
      most = Math.max(most, text.length - peer.waiting - answered);
    }
    assert.ok(most <= 100 + 4 * world.engine.receiveFrameBytes, `${most} bytes were held`);
    assert.deepEqual(peer.got.bytes, expected);
    world.end();
  });

  test('a peer that reads a byte at a time gets every byte', () => {
    for (const kind of ['segment', 'extent'] as const) {
      const world = new World((step, asked) =>
        step === 'send' || step.startsWith('send') ? Math.min(asked, 1) : asked,
      );
      const peer = world.connect();
      const requests: Request[] = [
        {
          pieces: [
            { kind, length: 3000 },
            { kind: 'segment', length: 3000 },
          ],
          later: 0,
          last: true,
        },
      ];
      peer.write(lineOf(requests[0]!));
      const expected = answerTo(requests);
      world.until(() => peer.sawEnd, 'the end', 20_000);
      assert.deepEqual(peer.got.bytes, expected);
      world.end();
    }
  });

  test('many answers to bytes that came at once do not nest', () => {
    const world = new World(noFaults, { backlogLimit: 1 << 20 });
    const peer = world.connect();
    const requests: Request[] = Array.from({ length: 20_000 }, () => ({
      pieces: [{ kind: 'extent', length: 3 }],
      later: 0,
      last: false,
    }));
    peer.write(lineOf({ pieces: [{ kind: 'segment', length: 1 }], later: 200, last: false }));
    peer.write(requests.map(lineOf).join(''));
    world.until(() => peer.got.length === 1 + 3 * requests.length, 'all answers', 10_000);
    world.end();
  });

  test('a truncated file ends the connection, and nothing follows on it', () => {
    for (let cut = 0; cut < 12; cut++) {
      let left = cut;
      const world = new World((step, asked) => (step === 'sendFile' && left-- <= 0 ? 0 : Math.min(asked, 100)));
      const peer = world.connect();
      const requests: Request[] = Array.from({ length: 3 }, () => ({
        pieces: [
          { kind: 'segment', length: 10 },
          { kind: 'extent', length: 1000 },
          { kind: 'segment', length: 10 },
        ],
        later: 0,
        last: false,
      }));
      peer.write(requests.map(lineOf).join(''));
      world.until(() => peer.closed, 'the end');
      const { length } = peer.got;
      assert.deepEqual(peer.got.bytes, answerTo(requests).subarray(0, length));
      assert.ok(length <= 10 + 100 * (cut + 2), `${length} bytes with a cut at ${cut}`);
      assert.equal(world.listener.counts.truncated, 1);
      world.end();
    }
  });

  test('a file that shrinks in memory ends the connection where it ends', () => {
    const world = new World((step, asked) => (step === 'sendFile' ? Math.min(asked, 700) : asked));
    const peer = world.connect();
    const line: Request = { pieces: [{ kind: 'extent', length: 6000 }], later: 0, last: false };
    peer.room = 1000;
    peer.write(lineOf(line) + lineOf(line));
    world.until(() => peer.room === 0, 'a first part');
    world.engine.truncate(world.file, 1500);
    peer.room = Number.POSITIVE_INFINITY;
    world.until(() => peer.closed, 'the end');
    assert.deepEqual(peer.got.bytes, answerTo([line]).subarray(0, 1500));
    world.end();
  });
});

/** A conversation in which every kind of step occurs. */
const conversation: readonly Request[] = [
  { pieces: [{ kind: 'segment', length: 300 }], later: 0, last: false },
  {
    pieces: [
      { kind: 'segment', length: 20 },
      { kind: 'extent', length: 5000 },
    ],
    later: 0,
    last: false,
  },
  {
    pieces: [
      { kind: 'extent', length: 700 },
      { kind: 'segment', length: 20 },
      { kind: 'extent', length: 900 },
    ],
    later: 3,
    last: false,
  },
  {
    pieces: [
      { kind: 'segment', length: 4000 },
      { kind: 'segment', length: 5 },
    ],
    later: 0,
    last: false,
  },
  { pieces: [{ kind: 'extent', length: 5000 }], later: 0, last: true },
];

/** Transient faults all along, so that the conversation passes through waiting in every place. */
function bumpy(): FaultScript {
  let step = 0;
  return (kind, asked) => {
    step++;
    if (kind === 'cancel') return 1 + (step % 3);
    if (kind === 'fetch' || kind === 'writable') return 1 + (step % 2);
    if (kind === 'send' || kind === 'sendNow') return [asked, 7, -Errno.EAGAIN, -Errno.ENOBUFS][step % 4]!;
    if (kind === 'sendFile') return [asked, 900, -Errno.EAGAIN, 333][step % 4]!;
    if (kind === 'receive') return step % 5 === 0 ? -Errno.ENOBUFS : Math.min(asked, 9);
    return kind === 'receiveMore' && step % 4 === 0 ? 0 : asked;
  };
}

/** At what something is done: each turn, each call of the protocol, each release of what was lent. */
type Moments = 'turn' | 'callback' | 'release';

/** Runs the conversation and does something to it at moment `at`. Returns how many moments there were. */
function disturb(moments: Moments, at: number, act: (peer: FakePeer, world: World) => void, whole = false): number {
  const world = new World(bumpy(), { backlogLimit: 40 });
  world.resident = coldNowAndThen();
  const peer = world.connect();
  peer.room = 2500;
  peer.write(conversation.map(lineOf).join(''));
  let count = 0;
  const moment = (): void => {
    if (count++ === at) act(peer, world);
  };
  if (moments === 'callback') world.protocol.called = (name) => name !== 'opened' && name !== 'closed' && moment();
  if (moments === 'release') {
    world.protocol.lending.released = moment;
    world.protocol.file.lending.released = moment;
  }
  for (let turns = 0; turns < 400 && !peer.closed; turns++) {
    if (moments === 'turn') moment();
    if (peer.room < 2500) peer.room += 100;
    if (peer.sawEnd) peer.end();
    world.turn();
  }
  assert.ok(peer.closed, `the connection is still open; ${world.engine.leaks().join(', ')}`);
  assert.deepEqual(peer.got.bytes, answerTo(conversation).subarray(0, peer.got.length));
  if (whole) assert.equal(peer.got.length, answerTo(conversation).length);
  // Not opened at all when the listener drained before.
  assert.equal(world.protocol.open.size, 0);
  world.end();
  return count;
}

/** The number of moments of the whole conversation. */
function undisturbed(moments: Moments): number {
  const all = disturb(moments, -1, () => undefined, true);
  assert.ok(all > 5, `${all} moments`);
  return all;
}

describe('a connection that ends at any moment', { skip }, () => {
  const endings: Record<string, (peer: FakePeer, world: World) => void> = {
    'the peer resets it': (peer) => peer.reset(),
    'the peer closes': (peer) => peer.close(),
    'it is aborted': (_peer, world) => world.listener.abortAll(),
    'it is finished': (_peer, world) => {
      for (const connection of world.protocol.open) connection.finish();
    },
    'the listener drains': (peer, world) => {
      world.listener.drain(() => undefined);
      peer.end();
    },
  };
  for (const [name, act] of Object.entries(endings)) {
    for (const moments of ['turn', 'callback', 'release'] as const) {
      test(`${name}, at every ${moments}`, () => {
        const all = undisturbed(moments);
        for (let at = 0; at < all; at++) disturb(moments, at, act);
      });
    }
  }

  test('the peer half-closes, at every turn: every answer still arrives', () => {
    const all = undisturbed('turn');
    for (let at = 0; at < all; at++) disturb('turn', at, (peer) => peer.end(), true);
  });
});
