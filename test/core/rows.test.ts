// Rows of what came (src/core/tcp/rows.ts): pieces in order reach an application that takes all of them without a call; each frame comes back once, and what is not taken that way is
// received as ever, in order.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rowBytes, StackRows } from '../../src/bypass/stack-rows.js';
import { Place } from '../../src/core/control.js';
import { Script } from './tcp-script.js';

const EINVAL = -22;
const EBADF = -9;
const EAGAIN = -11;
const ECONNRESET = -104;
/** Of 512 frames an eighth is in rows at most. */
const mostRows = 64;
const readable = 1;
/** Of a turn: the application is told of something. */
const events = 4;

class Rig {
  readonly script: Script;
  readonly rows: StackRows;
  readonly socket: number;
  /** Bytes of the stream that the peer has sent. */
  sent = 0;

  constructor(settings = {}) {
    this.script = new Script(settings);
    const { core, bytes } = this.script.host;
    this.rows = new StackRows(core, bytes.buffer, bytes.length - rowBytes);
    this.socket = this.script.accepted();
    assert.equal(core.deliver(this.socket, 1), 0);
  }

  get core() {
    return this.script.host.core;
  }

  figure(name: Parameters<Script['host']['figure']>[0]): number {
    return this.script.host.figure(name);
  }

  /** The peer sends its next bytes. */
  send(length = 10, flags = '.'): void {
    const from = 1 + this.sent;
    this.sent += length;
    this.script.send(`${flags} ${from}:${from + length}(${length}) ack 1`);
  }

  /** Bytes at an address are those of the stream from a place on. */
  check(address: number, length: number, from: number): void {
    const bytes = [...this.script.host.bytes.subarray(address, address + length)];
    assert.deepEqual(
      bytes,
      bytes.map((_, index) => (1 + from + index) & 0xff),
    );
  }

  /** The next row holds so many bytes of the stream. */
  takeRow(from: number, length = 10): void {
    assert.ok(this.rows.next());
    assert.deepEqual([this.rows.socket, this.rows.length], [this.socket, length]);
    this.check(this.rows.address, length, from);
  }

  /** The next piece is received as ever. */
  receive(from: number, length = 10): void {
    assert.equal(this.core.receive(this.socket), length);
    const at = this.script.host.place('pieceAddress');
    this.check(at, length, from);
    assert.equal(this.core.recycle(at), 0);
  }
}

test('what comes in order is a row each, and no event; its frame is back with the turn behind the one that took it', () => {
  const rig = new Rig();
  for (let at = 0; at < 3; at++) rig.send();
  assert.deepEqual(rig.script.host.events(), []);
  assert.notEqual(rig.core.turn(rig.script.nowUs) & events, 0);
  assert.equal(rig.script.host.owners().application, 3);
  rig.takeRow(0);
  rig.takeRow(10);
  rig.script.turn();
  assert.equal(rig.script.host.owners().application, 1);
  rig.takeRow(20);
  assert.ok(!rig.rows.next());
  assert.equal(rig.core.turn(rig.script.nowUs) & events, 0);
  // The end is told of as ever.
  rig.script.send('F. 31:31(0) ack 1');
  assert.deepEqual(rig.script.host.events(), [{ socket: rig.socket, what: readable }]);
  assert.equal(rig.core.receive(rig.socket), 0);
  rig.core.close(rig.socket);
  rig.script.turn();
  rig.script.assertNoLeak();
});

test('many more segments than rows: none is lost, and windows stay open for an application that takes all', () => {
  const rig = new Rig();
  let got = 0;
  for (let round = 0; round < 300; round++) {
    for (let at = 0; at < 5; at++) rig.send(100);
    for (; rig.rows.next(); got += 100) {
      rig.check(rig.rows.address, 100, got);
      assert.ok(rig.rows.giveBack(rig.rows.address));
    }
    // Whatever it sends, the peer hears that there is as much room as at first.
    for (const { win } of rig.script.takeSent()) assert.ok(win === undefined || win >= 1000, `a window of ${win}`);
  }
  assert.equal(got, 300 * 500);
  assert.equal(rig.figure('tcpDropped'), 0);
  assert.equal(rig.figure('tcpExpected'), 1500);
});

test('a piece that is kept stays where it is, counts against the window, and is recycled once', () => {
  const rig = new Rig({ receiveFrames: 16 });
  const kept: number[] = [];
  for (let at = 0; at < 4; at++) {
    rig.send();
    rig.takeRow(at * 10);
    kept.push(rig.rows.address);
    rig.rows.keep();
  }
  rig.script.turn();
  assert.equal(rig.script.host.owners().application, 4);
  // A quarter of what it may hold is held: what comes waits in the queue.
  rig.send();
  assert.ok(!rig.rows.next());
  assert.deepEqual(rig.script.host.events(), [{ socket: rig.socket, what: readable }]);
  rig.receive(40);
  for (const [index, address] of kept.entries()) {
    rig.check(address, 10, index * 10);
    assert.equal(rig.core.recycle(address), 0);
    assert.equal(rig.core.recycle(address), EINVAL);
  }
  rig.send();
  rig.takeRow(50);
  rig.script.turn();
  rig.script.assertNoLeak();
});

test('rows that are not taken are an eighth of all frames; what comes then is received behind them', () => {
  const rig = new Rig();
  for (let at = 0; at < mostRows + 3; at++) rig.send();
  assert.deepEqual(rig.script.host.events(), [{ socket: rig.socket, what: readable }]);
  for (let at = 0; at < mostRows; at++) rig.takeRow(at * 10);
  assert.ok(!rig.rows.next());
  // While something waits in the queue, nothing comes in a row in front of it.
  rig.send();
  assert.ok(!rig.rows.next());
  for (let at = mostRows; at < mostRows + 4; at++) rig.receive(at * 10);
  assert.equal(rig.core.receive(rig.socket), EAGAIN);
  rig.send();
  rig.takeRow((mostRows + 4) * 10);
  rig.script.turn();
  rig.script.assertNoLeak();
});

test('what is received, or not delivered to any more, has in its queue what was in rows and was not taken, in order', () => {
  const rig = new Rig();
  for (let at = 0; at < 3; at++) rig.send();
  rig.takeRow(0);
  rig.receive(10);
  assert.ok(!rig.rows.next());
  rig.receive(20);
  for (let at = 0; at < 2; at++) rig.send();
  assert.equal(rig.core.deliver(rig.socket, 0), 0);
  rig.send();
  assert.ok(!rig.rows.next());
  for (let at = 3; at < 6; at++) rig.receive(at * 10);
  assert.equal(rig.core.receive(rig.socket), EAGAIN);
  rig.script.turn();
  rig.script.assertNoLeak();
});

test('beyond a gap nothing is a row, and what closes it is received', () => {
  const rig = new Rig();
  rig.send();
  rig.script.send('. 21:31(10) ack 1');
  rig.takeRow(0);
  assert.ok(!rig.rows.next());
  rig.send();
  rig.receive(10);
  rig.receive(20);
  rig.sent += 10;
  rig.send();
  rig.takeRow(30);
  rig.script.turn();
  rig.script.assertNoLeak();
});

test('a reset is told behind the rows in front of it', () => {
  const rig = new Rig();
  rig.send();
  rig.script.send('R 11:11(0)');
  rig.takeRow(0);
  assert.equal(rig.core.receive(rig.socket), ECONNRESET);
  rig.core.close(rig.socket);
  rig.script.turn();
  rig.script.assertNoLeak();
});

test('a socket that is closed with rows that were not taken was not read: its peer hears a reset, and no row is told of', () => {
  for (const end of ['close', 'abort'] as const) {
    const rig = new Rig();
    rig.send();
    rig.send();
    rig.takeRow(0);
    rig.script.takeSent();
    rig.core[end](rig.socket);
    rig.script.turn();
    assert.ok(rig.script.takeSent().some(({ flags }) => flags.includes('R')));
    assert.ok(!rig.rows.next());
    rig.script.assertNoLeak();
  }
});

test('a piece that is kept beyond its connection is of no other one that has the number then', () => {
  const rig = new Rig();
  rig.send();
  rig.takeRow(0);
  const address = rig.rows.address;
  rig.core.abort(rig.socket);
  const next = rig.script.host.connect('10.0.0.2', 40_001);
  assert.equal(next, rig.socket);
  rig.rows.keep();
  rig.script.turn();
  rig.check(address, 10, 0);
  assert.equal(rig.core.recycle(address), 0);
  rig.core.abort(next);
  rig.script.turn();
  rig.script.assertNoLeak();
});

test('what cannot be is refused and counted, and no frame comes back twice', () => {
  const rig = new Rig();
  const { data, control, bytes } = rig.script.host;
  const at = bytes.length - rowBytes;
  assert.equal(rig.core.deliver(999, 1), EBADF);
  assert.equal(rig.core.deliverInto(at, 256), EINVAL, 'there are rows already');
  assert.equal(rig.core.keepRow(0), EINVAL, 'there is none yet');
  rig.send();
  const faults = rig.figure('faultRecycleOwner');
  assert.equal(rig.core.keepRow(0), EINVAL, 'it was not taken');
  // In a row, a frame goes back with that row alone.
  const address = data.getUint32(at + 8, true);
  assert.equal(rig.core.recycle(address), EINVAL);
  assert.ok(rig.core.sendFrame(rig.socket, address, 10, 0) < 0);
  assert.equal(rig.figure('faultRecycleOwner'), faults + 3);
  // More taken than written: nothing comes back, and the stack goes on.
  data.setUint32(control + Place.rowsTaken, 77, true);
  const ringFaults = rig.figure('faultRing');
  rig.core.turn(rig.script.nowUs);
  assert.equal(rig.figure('faultRing'), ringFaults + 1);
  assert.equal(rig.script.host.owners().application, 1);
  data.setUint32(control + Place.rowsTaken, 0, true);
  rig.takeRow(0);
  // Rows that were written over: places outside, frames that somebody else has, sockets that are none.
  data.setUint32(at + 8, 3, true);
  const outside = rig.figure('faultRecycleOutside');
  rig.core.turn(rig.script.nowUs);
  assert.equal(rig.figure('faultRecycleOutside'), outside + 1);
  rig.send();
  rig.takeRow(10);
  data.setUint32(at + 16 + 8, rig.script.host.place('umem'), true);
  const owners = rig.figure('faultRecycleOwner');
  rig.core.turn(rig.script.nowUs);
  assert.equal(rig.figure('faultRecycleOwner'), owners + 1);
  rig.send();
  rig.takeRow(20);
  data.setUint32(at + 32, 0xffff_ffff, true);
  assert.equal(rig.core.keepRow(2), EINVAL);
  rig.core.turn(rig.script.nowUs);
  assert.equal(rig.figure('faultStack'), 0);
});

test('rows have a place of their own in the memory', () => {
  const { core, bytes } = new Script().host;
  for (const [address, many] of [
    [bytes.length - 16, 2],
    [bytes.length - 4092, 16],
    [0, 16],
    [bytes.length - 4096, 0],
    [bytes.length - 4096, 12],
  ] as const)
    assert.equal(core.deliverInto(address, many), EINVAL, `${many} rows at ${address}`);
  const socket = core.listen(0, 80, 1);
  assert.equal(core.deliver(socket, 1), EINVAL, 'there are no rows');
});
