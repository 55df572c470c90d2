// The listener's limits over the fake engine: deadlines, the minimum rate, the cap on connections, shortages at accept,
// the linger of a connection on its way out, the drain. The clock is the test's.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type FakePeer, noFaults } from '../../src/engine/fake.js';
import { Errno } from '../../src/kernel/errno.js';
import { platformIsLinux } from '../../src/kernel/ffi.js';
import { tickMs } from '../../src/transport/loop.js';
import { answerTo, lineOf, type Request, World } from './line-protocol.js';

const skip = platformIsLinux ? false : 'regions need Linux';

function line(pieces: Request['pieces'], rest: Partial<Request> = {}): Request {
  return { pieces, later: 0, last: false, ...rest };
}

const short = line([{ kind: 'segment', length: 10 }]);
const long = line([
  { kind: 'segment', length: 20 },
  { kind: 'extent', length: 8000 },
]);

function textOf(peer: FakePeer): string {
  return Buffer.from(peer.got.bytes).toString('latin1');
}

describe('deadlines', { skip }, () => {
  test('a deadline is called once, within a tick', () => {
    const world = new World();
    const peer = world.connect();
    world.turn();
    const [connection] = world.protocol.open;
    let calls = 0;
    world.protocol.expire = () => calls++;
    connection!.deadlineMs = world.nowMs + 1000;
    while (world.nowMs < 1000 + 999) world.turn(20);
    assert.equal(calls, 0);
    for (let turns = 0; turns < 10; turns++) world.turn(tickMs);
    assert.equal(calls, 1);
    assert.ok(!peer.closed);
    world.end();
  });

  test('no deadline is called after abort(), while the last operations end', () => {
    const world = new World((step, asked) => (step === 'cancel' ? 10 : asked));
    world.connect();
    world.turn();
    const [connection] = world.protocol.open;
    world.protocol.expire = () => assert.fail('expired after abort');
    connection!.abort();
    connection!.deadlineMs = world.nowMs;
    for (let turns = 0; turns < 5; turns++) world.turn(tickMs);
    assert.equal(world.listener.connections, 1, 'still ending');
    for (let turns = 0; turns < 10; turns++) world.turn(tickMs);
    assert.equal(world.listener.connections, 0);
    world.end();
  });
});

describe('the minimum rate of a reader', { skip }, () => {
  const limits = { minRate: 1000, rateWindowMs: 2000 };

  function stalled(): { world: World; peer: FakePeer } {
    const world = new World(noFaults, limits);
    const peer = world.connect();
    peer.room = 100;
    peer.write(lineOf(long));
    for (let turns = 0; turns < 10; turns++) world.turn();
    return { world, peer };
  }

  test('who takes nothing is ended in the second window', () => {
    const { world, peer } = stalled();
    peer.unacknowledged = 100;
    let sinceMs = 0;
    while (!peer.closed && sinceMs < 10_000) {
      world.turn(100);
      sinceMs += 100;
    }
    assert.ok(sinceMs > 2000 && sinceMs < 5000, `ended after ${sinceMs} ms`);
    assert.equal(world.listener.counts.slowReaders, 1);
    world.end();
  });

  test('who takes enough is not, whether or not the socket ever runs empty', () => {
    const { world, peer } = stalled();
    peer.unacknowledged = 100;
    for (let ms = 0; ms < 60_000 && peer.got.length < 8020; ms += 100) {
      peer.room += 130;
      world.turn(100);
    }
    assert.deepEqual(peer.got.bytes, answerTo([long]));
    assert.equal(world.listener.counts.slowReaders, 0);
    world.end();
  });

  test('what counts is what the peer acknowledged, not what the kernel took', () => {
    const { world, peer } = stalled();
    for (let ms = 0; ms < 6000 && !peer.closed; ms += 100) {
      peer.room += 130;
      peer.unacknowledged += 129;
      world.turn(100);
    }
    assert.ok(peer.closed);
    assert.equal(world.listener.counts.slowReaders, 1);
    world.end();
  });

  test('a reader who took everything is not blamed for a slow disk', () => {
    const world = new World((step, asked) => (step === 'fetch' ? 10_000 : asked), limits);
    world.resident = () => false;
    const peer = world.connect();
    peer.write(lineOf(long));
    for (let ms = 0; ms < 20_000; ms += 100) world.turn(100);
    assert.ok(!peer.closed);
    assert.equal(world.listener.counts.slowReaders, 0);
    peer.reset();
    world.listener.abortAll();
    for (let turns = 0; turns < 10_000; turns++) world.turn();
    world.end();
  });
});

describe('accepting', { skip }, () => {
  test('a connection over the cap is told so and closed; a place that is free is given again', () => {
    const world = new World(noFaults, { maxConnections: 2 });
    const peers = [world.connect(), world.connect(), world.connect()];
    for (let turns = 0; turns < 5; turns++) world.turn();
    assert.equal(world.listener.connections, 2);
    assert.equal(world.listener.counts.refused, 1);
    assert.equal(textOf(peers[2]!), 'full\n');
    assert.ok(peers[2]!.sawEnd);
    peers[2]!.close();
    world.turn(tickMs);
    assert.ok(peers[2]!.closed);
    peers[0]!.reset();
    for (let turns = 0; turns < 5; turns++) world.turn();
    const next = world.connect();
    next.write(lineOf(short));
    for (let turns = 0; turns < 5; turns++) world.turn();
    assert.deepEqual(next.got.bytes, answerTo([short]));
    world.end();
  });

  test('no reset takes away what a connection over the cap is told, whatever it still sends, within bounds', () => {
    const world = new World(noFaults, { maxConnections: 1 });
    const [, patient, endless, silent] = [world.connect(), world.connect(), world.connect(), world.connect()];
    for (const peer of [patient, endless, silent]) peer.write(lineOf(short));
    world.until(() => world.listener.counts.refused === 3, 'the refusals');
    for (let ticks = 0; ticks < 4; ticks++) {
      patient.write(lineOf(short));
      endless.write('x'.repeat(100_000));
      world.turn(tickMs);
    }
    assert.ok(endless.closed, 'it sent more than is read');
    assert.ok(!patient.closed && !silent.closed);
    patient.write(lineOf(short));
    patient.close();
    world.turn(tickMs);
    assert.ok(patient.closed && !patient.sawReset);
    assert.equal(textOf(patient), 'full\n');
    for (let ticks = 0; ticks < 8; ticks++) world.turn(tickMs);
    assert.ok(silent.closed && !silent.sawReset, 'its time is over');
    world.end();
  });

  test('of many that are turned away at once only so many sockets wait', () => {
    const world = new World(noFaults, { maxConnections: 1 });
    const peers = Array.from({ length: 500 }, () => world.connect());
    for (const peer of peers) peer.write(lineOf(short));
    world.until(() => world.listener.counts.refused === 499, 'every refusal');
    const open = peers.filter(({ closed }) => !closed).length;
    assert.ok(open <= 65, `${open} sockets open`);
    assert.ok(peers.slice(1).every(({ sawEnd }) => sawEnd));
    world.end();
  });

  test('where there is no place, who has been idle longest gives its own to the next, and who is asked or is young does not', () => {
    const world = new World(noFaults, { maxConnections: 3, yieldAfterMs: 1000 });
    const [eldest, asking, idle] = [world.connect(), world.connect(), world.connect()];
    for (let turns = 0; turns < 5; turns++) world.turn();
    world.nowMs += 300;
    for (const peer of [asking, idle]) peer.write(lineOf(short));
    for (let turns = 0; turns < 5; turns++) world.turn();
    asking.write('s10 0');
    for (let ticks = 0; ticks < 8; ticks++) world.turn(tickMs);
    assert.ok(!eldest.sawEnd && !idle.sawEnd, 'nobody wants their places');
    const refused = world.connect();
    for (let ticks = 0; ticks < 2; ticks++) world.turn(tickMs);
    assert.equal(textOf(refused), 'full\n');
    assert.ok(eldest.sawEnd && !idle.sawEnd && !asking.sawEnd, 'one place is wanted');
    eldest.close();
    refused.close();
    world.turn(tickMs);
    const next = world.connect();
    next.write(lineOf(short));
    for (let turns = 0; turns < 5; turns++) world.turn();
    assert.deepEqual(next.got.bytes, answerTo([short]));
    assert.deepEqual(idle.got.bytes, answerTo([short]));
    world.connect().close();
    world.turn(tickMs);
    world.turn(tickMs);
    assert.ok(idle.sawEnd && !next.sawEnd, 'that of the one that is idle for a second');
    world.end();
  });

  test('one that asks for a place again and again costs one place, though its owner is slow to leave', () => {
    const world = new World(noFaults, { maxConnections: 5, yieldAfterMs: 1000 });
    const idle = Array.from({ length: 5 }, () => world.connect());
    for (let ticks = 0; ticks < 6; ticks++) world.turn(tickMs);
    for (let ticks = 0; ticks < 4; ticks++) {
      world.connect().close();
      world.turn(tickMs);
      world.turn();
    }
    assert.equal(world.listener.counts.refused, 4);
    assert.equal(idle.filter((peer) => peer.sawEnd).length, 1);
    world.end();
  });

  test('a descriptor of a high number is turned away, and takes no place among those on their way out', () => {
    const world = new World(noFaults, { maxConnections: 100, mostParting: 2, descriptorLimit: 0 });
    const peers = Array.from({ length: 5 }, () => world.connect());
    for (let turns = 0; turns < 20; turns++) world.turn();
    assert.equal(world.listener.counts.refused, 5);
    assert.ok(peers.every((peer) => peer.closed && textOf(peer) === 'full\n'));
    world.end();
  });

  test('a limit on descriptors that was changed since is asked for, once a tick', () => {
    let asked = 0;
    let limit = 0;
    const world = new World(noFaults, { descriptorLimit: 0, askDescriptorLimit: () => (asked++, limit) });
    const refused = [world.connect(), world.connect()];
    for (let turns = 0; turns < 5; turns++) world.turn();
    assert.deepEqual(refused.map(textOf), ['full\n', 'full\n']);
    assert.equal(asked, 1);
    limit = 1e9;
    world.turn(tickMs);
    const peer = world.connect();
    peer.write(lineOf(short));
    for (let turns = 0; turns < 5; turns++) world.turn();
    assert.deepEqual(peer.got.bytes, answerTo([short]));
    assert.equal(asked, 2);
    world.end();
  });

  test('who is idle keeps its place where accepting fails for another reason than want of one', () => {
    let errno = 0;
    const world = new World((step, value) => (step === 'accept' && errno > 0 ? -errno : value), { yieldAfterMs: 1000 });
    const idle = world.connect();
    for (let ticks = 0; ticks < 8; ticks++) world.turn(tickMs);
    errno = Errno.EINVAL;
    world.connect();
    for (let ticks = 0; ticks < 4; ticks++) world.turn(tickMs);
    assert.ok(world.listener.counts.acceptErrors > 0 && !idle.sawEnd);
    errno = Errno.EMFILE;
    for (let ticks = 0; ticks < 4; ticks++) world.turn(tickMs);
    assert.ok(idle.sawEnd);
    errno = 0;
    world.end();
  });

  test('out of descriptors, those of who was turned away are taken back at once', () => {
    let isShort = false;
    const world = new World((step, value) => (step === 'accept' && isShort ? -Errno.EMFILE : value), {
      maxConnections: 1,
    });
    world.connect();
    const parting = [world.connect(), world.connect()];
    world.until(() => world.listener.counts.refused === 2, 'the refusals');
    assert.ok(parting.every((peer) => !peer.closed));
    isShort = true;
    world.connect();
    for (let turns = 0; turns < 3; turns++) world.turn();
    assert.ok(parting.every((peer) => peer.closed));
    isShort = false;
    world.end();
  });

  test('an error of one connection does not keep the next ones waiting for a tick', () => {
    for (const errno of [Errno.ECONNABORTED, Errno.EPROTO, Errno.EINTR, Errno.ENETDOWN]) {
      let failures = 1;
      const world = new World((step, asked) => (step === 'accept' && failures-- > 0 ? -errno : asked));
      world.connect();
      world.connect();
      for (let turns = 0; turns < 6; turns++) world.turn();
      assert.ok(world.listener.connections >= 1, `after ${errno}`);
      assert.equal(world.listener.counts.acceptErrors, 1);
      world.end();
    }
  });

  test('out of descriptors, it waits for the tick and does not spin; a connection that closes helps at once', () => {
    let short = true;
    let asked = 0;
    const world = new World((step, value) => {
      if (step !== 'accept') return value;
      asked++;
      return short ? -Errno.EMFILE : value;
    });
    short = false;
    const first = world.connect();
    world.turn();
    short = true;
    asked = 0;
    world.connect();
    for (let turns = 0; turns < 100; turns++) world.turn();
    assert.equal(asked, 1, 'one attempt in 100 turns');
    for (let ticks = 0; ticks < 4; ticks++) world.turn(tickMs);
    assert.ok(asked >= 3 && asked <= 5, `${asked} attempts after four ticks`);
    short = false;
    first.reset();
    for (let turns = 0; turns < 5; turns++) world.turn();
    assert.equal(world.listener.connections, 1, 'accepted without waiting for a tick');
    world.end();
  });
});

describe('the end of a connection', { skip }, () => {
  const last = line([{ kind: 'segment', length: 10 }], { last: true });

  test('what the peer still sends is read, within a bound, so that no reset takes the answer away', () => {
    const world = new World();
    const peer = world.connect();
    peer.write(lineOf(last));
    world.until(() => peer.sawEnd, 'the end');
    peer.write('x'.repeat(10_000));
    world.until(() => peer.waiting === 0, 'reading on');
    peer.end();
    world.until(() => peer.closed, 'the close');
    assert.ok(!peer.sawReset);
    world.end();
  });

  test('a peer that never stops sending is closed', () => {
    const world = new World();
    const peer = world.connect();
    peer.write(lineOf(last));
    world.until(() => peer.sawEnd, 'the end');
    peer.write('x'.repeat(1_000_000));
    const sinceMs = world.nowMs;
    world.until(() => peer.closed, 'the close');
    assert.ok(peer.waiting > 0, 'not everything was read');
    assert.ok(world.nowMs - sinceMs < 2000, 'for its bytes, not for its time');
    world.end();
  });

  test('a peer that does nothing is closed after two seconds', () => {
    const world = new World();
    const peer = world.connect();
    peer.write(lineOf(last));
    world.until(() => peer.sawEnd, 'the end');
    const sinceMs = world.nowMs;
    world.until(() => peer.closed, 'the close');
    assert.ok(world.nowMs - sinceMs >= 2000 && world.nowMs - sinceMs <= 2000 + 2 * tickMs);
    world.end();
  });

  test('receiving that was stopped is taken up again to read what the peer sends', () => {
    const world = new World(noFaults, { backlogLimit: 10 });
    const peer = world.connect();
    peer.room = 0;
    peer.write(lineOf(line([{ kind: 'segment', length: 5000 }], { last: true })) + 'x'.repeat(5000));
    for (let turns = 0; turns < 20; turns++) world.turn();
    assert.ok(peer.waiting > 0, 'receiving stopped');
    peer.room = 5000;
    world.until(() => peer.sawEnd && peer.waiting === 0, 'all of it read');
    peer.end();
    world.until(() => peer.closed, 'the close');
    assert.ok(!peer.sawReset);
    world.end();
  });
});

describe('draining', { skip }, () => {
  test('busy connections finish, idle ones go a moment later, new ones are refused, and it is reported once', () => {
    const world = new World();
    const idle = world.connect();
    const busy = world.connect();
    busy.room = 50;
    busy.write(lineOf(long));
    for (let turns = 0; turns < 5; turns++) world.turn();
    const reports: string[] = [];
    world.listener.drain(() => reports.push('first'));
    world.listener.drain(() => reports.push('second'));
    for (let turns = 0; turns < 5; turns++) world.turn();
    assert.ok(world.connect().sawReset, 'nobody listens any more');
    assert.ok(!idle.sawEnd, 'its request may be on the way');
    for (let turns = 0; turns < 3; turns++) world.turn(tickMs);
    assert.ok(idle.sawEnd);
    assert.ok(!busy.sawEnd && !busy.closed);
    assert.ok(world.listener.draining);
    assert.equal(reports.length, 0);
    idle.end();
    busy.room = Number.POSITIVE_INFINITY;
    world.until(() => busy.got.length === 8020, 'the answer');
    for (const connection of world.protocol.open) connection.finish();
    busy.end();
    world.until(() => reports.length > 0, 'the report');
    for (let turns = 0; turns < 5; turns++) world.turn(tickMs);
    assert.deepEqual(reports, ['first', 'second']);
    world.listener.drain(() => reports.push('third'));
    assert.deepEqual(reports, ['first', 'second', 'third']);
    world.end();
  });

  test('requests that came, or were on the way, are answered: of those who wait to be accepted too', () => {
    const world = new World();
    const here = world.connect();
    const onTheWay = world.connect();
    for (let turns = 0; turns < 5; turns++) world.turn();
    const waiting = world.connect();
    for (const peer of [here, waiting]) peer.write(lineOf(short));
    world.listener.drain(() => undefined);
    for (let turns = 0; turns < 5; turns++) world.turn();
    onTheWay.write(lineOf(short));
    for (let turns = 0; turns < 5; turns++) world.turn();
    for (const peer of [here, waiting, onTheWay]) assert.deepEqual(peer.got.bytes, answerTo([short]));
    world.end();
  });

  test('however late a turn comes, requests that wait are looked at before their connection is closed', () => {
    const world = new World();
    const peer = world.connect();
    for (let turns = 0; turns < 5; turns++) world.turn();
    world.listener.drain(() => undefined);
    peer.write(lineOf(short));
    world.turn(10_000);
    world.turn(10_000);
    assert.deepEqual(peer.got.bytes, answerTo([short]));
    world.end();
  });

  test('a request that is half there is still answered', () => {
    const world = new World();
    const peer = world.connect();
    const text = lineOf(short);
    peer.write(text.slice(0, 4));
    for (let turns = 0; turns < 5; turns++) world.turn();
    world.listener.drain(() => undefined);
    peer.write(text.slice(4));
    world.until(() => peer.got.length === 10, 'the answer');
    world.end();
  });

  test('without connections, and out of descriptors, it ends as well', () => {
    const world = new World((step, asked) => (step === 'accept' ? -Errno.EMFILE : asked));
    world.connect();
    for (let turns = 0; turns < 5; turns++) world.turn();
    let drained = false;
    world.listener.drain(() => {
      drained = true;
    });
    assert.ok(drained);
    world.end();
  });

  test('a connection accepted while the cancel was on its way is served', () => {
    const world = new World((step, asked) => (step === 'cancel' ? 4 : asked));
    world.turn();
    let drained = false;
    world.listener.drain(() => {
      drained = true;
    });
    const peer = world.connect();
    peer.write(lineOf(line([{ kind: 'segment', length: 10 }], { last: true })));
    peer.end();
    world.until(() => drained, 'the drain');
    assert.equal(peer.got.length, 10);
    assert.ok(peer.closed);
    assert.equal(world.protocol.open.size, 0);
    world.end();
  });

  test('a drain that is cut short takes nobody in', () => {
    const world = new World((step, asked) => (step === 'cancel' ? 4 : asked));
    world.turn();
    let drained = false;
    world.listener.drain(() => {
      drained = true;
    });
    const early = world.connect();
    for (let turns = 0; turns < 2; turns++) world.turn();
    world.listener.abortAll();
    const late = world.connect();
    world.until(() => drained, 'the drain');
    assert.ok(early.closed);
    assert.ok(late.closed || late.sawReset);
    assert.equal(world.protocol.open.size, 0);
    world.end();
  });
});
