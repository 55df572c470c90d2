// Scripts of what is seldom and must be right all the same (tcp-script.ts): openings that cross, tables that are full, windows that stay shut, and
// what is sent after a loss.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { internetChecksum, pattern, pseudoHeader, put16 } from './packets.js';
import { Script } from './tcp-script.js';
import { writeSegment } from './tcp-segment.js';

const second = 1_000_000;

test('both speak first, and both answers cross: each is acknowledged, and the connection stands (RFC 9293, figure 7)', () => {
  const script = new Script();
  const socket = script.host.connect('10.0.0.2', 40_000);
  script.turn();
  script.expect('S 0:0(0)');
  script.send('S 0:0(0) <mss 1000>');
  script.expect('S. 0:0(0) ack 1');
  script.send('S. 0:0(0) ack 1 <mss 1000>');
  script.expect('. 1:1(0) ack 1');
  script.send('. 1:11(10) ack 1');
  assert.equal(script.host.core.receive(socket), 10);
});

test('without an application a window that stays shut is not waited for', () => {
  const script = new Script({ finWaitMs: 10_000 });
  const socket = script.accepted('mss 1000');
  script.host.sendPiece(socket, 0, 0, 500);
  script.turn();
  script.send('. 1:1(0) ack 501 win 0');
  script.host.sendPiece(socket, 0, 500, 500);
  script.host.core.close(socket);
  for (let at = 0; at < 120; at++) {
    script.pass(second);
    if (script.takeSent().length > 0) script.send('. 1:1(0) ack 501 win 0');
  }
  script.assertNoLeak();
});

test('a full table gives up TIME_WAIT that nobody has, behind one that an application has still', () => {
  const script = new Script({ connections: 3 });
  const listener = script.host.listen(80);
  const sockets = [1, 2].map((peer) => {
    script.peerPort = 1000 + peer;
    script.send('S 0:0(0) win 65535 <mss 1000>');
    script.send('. 1:1(0) ack 1');
    const socket = script.host.core.accept(listener);
    assert.equal(script.host.core.shutdown(socket), 0);
    script.turn();
    script.send('F. 1:1(0) ack 2');
    assert.equal(script.host.core.receive(socket), 0);
    return socket;
  });
  // The first one's number stays with the application; both are in TIME_WAIT, and the table is full.
  assert.equal(script.host.core.close(sockets[1]!), 0);
  assert.ok(script.host.connect('10.0.0.2', 443) >= 0);
  assert.equal(script.host.core.receive(sockets[0]!), 0);
});

test('a handshake that was repeated measured nothing: what follows waits for 3 s (RFC 6298, section 5.7)', () => {
  const script = new Script();
  const listener = script.host.listen(80);
  script.send('S 0:0(0) win 65535 <mss 1000>');
  script.pass(1.1 * second);
  script.send('. 1:1(0) ack 1');
  const socket = script.host.core.accept(listener);
  script.takeSent();
  script.host.sendPiece(socket, 0, 0, 100);
  script.turn();
  script.expect('P. 1:101(100)');
  script.pass(2.9 * second);
  script.expect();
  script.pass(0.2 * second);
  script.expect('P. 1:101(100)');
});

test('after a timeout the window begins with one segment', () => {
  const script = new Script();
  const socket = script.accepted('mss 1000');
  for (let piece = 0; piece < 20; piece++) script.host.sendPiece(socket, 0, piece * 1000, 1000);
  script.turn();
  assert.equal(script.takeSent().length, 10);
  script.pass(0.25 * second);
  script.expect('. 1:1001(1000)');
  script.send('. 1:1(0) ack 1001');
  script.expect('. 1001:2001(1000)', '. 2001:3001(1000)');
});

test('what is late and not lost is not sent again (RFC 8985)', () => {
  const script = new Script();
  const listener = script.host.listen(80);
  script.send('S 0:0(0) win 65535 <mss 1000,sackOK>');
  script.pass(20_000);
  script.send('. 1:1(0) ack 1');
  const socket = script.host.core.accept(listener);
  script.takeSent();
  for (let piece = 0; piece < 3; piece++) script.host.sendPiece(socket, 0, piece * 1000, 1000);
  script.turn();
  assert.equal(script.takeSent().length, 3);
  script.pass(20_000);
  script.send('. 1:1(0) ack 1 <sack 1001:2001>');
  script.send('. 1:1(0) ack 2001');
  script.send('. 1:1(0) ack 3001');
  script.pass(second);
  script.expect();
});

test('a FIN that is lost comes again; data after `close` is answered with a reset', () => {
  const script = new Script();
  const socket = script.accepted('mss 1000');
  script.host.core.close(socket);
  script.turn();
  script.expect('F. 1:1(0) ack 1');
  script.pass(0.25 * second);
  script.expect('F. 1:1(0) ack 1');
  script.send('. 1:101(100) ack 2');
  // By the number that the peer expects next.
  script.expect('R 2:2(0)');
  script.assertNoLeak();
});

test('after `close` a peer that never ends is not waited for without end', () => {
  const script = new Script({ finWaitMs: 3000 });
  const socket = script.accepted('mss 1000');
  script.host.core.close(socket);
  script.turn();
  script.send('. 1:1(0) ack 2');
  script.pass(3.1 * second);
  script.takeSent();
  script.send('F. 1:1(0) ack 2');
  script.expect('R 2:2(0)');
});

test('a connection in the place of one in TIME_WAIT begins behind its numbers (RFC 9293, section 3.4.1)', () => {
  const script = new Script();
  const listener = script.host.listen(80);
  script.send('S 0:0(0) win 65535 <mss 1000,wscale 7>');
  script.send('. 1:1(0) ack 1');
  const socket = script.host.core.accept(listener);
  const first = script.ourFirst!;
  // Faster than the clock of first numbers, which has one for 4 microseconds.
  script.takeSent();
  let handed = 0;
  for (let rounds = 0; rounds < 1000; rounds++) {
    while (handed < 400_000 && script.host.sendPiece(socket, 0, handed, 1000) > 0) handed += 1000;
    script.turn();
    const last = script.takeSent().at(-1);
    if (last === undefined) break;
    script.send(`. 1:1(0) ack ${last.from + last.length}`);
  }
  assert.equal(handed, 400_000);
  script.host.core.close(socket);
  script.turn();
  script.send('F. 1:1(0) ack 400002');
  script.takeSent();
  script.send('S 100:100(0) <mss 1000>');
  script.expect('S. 0:0(0) ack 101');
  const behind = (script.ourFirst! - first) >>> 0;
  assert.ok(behind > 400_002 && behind < 600_000, `${behind}`);
});

test('a half-made checksum, as a veth hands it over, is taken where it is trusted; a wrong one never', () => {
  for (const trustPartial of [0, 1]) {
    const script = new Script({ trustPartial });
    const socket = script.accepted();
    const frame = writeSegment(
      { fromMac: '02:00:00:00:00:02', toMac: '02:00:00:00:00:01', from: '10.0.0.2', to: '10.0.0.1' },
      {
        ports: [script.peerPort, 80],
        sequence: script.peerFirst + 1,
        acknowledgement: script.ourFirst! + 1,
        flags: '.',
        window: 1000,
        options: new Uint8Array(0),
        payload: pattern(99),
      },
    );
    const partial = internetChecksum(pseudoHeader('10.0.0.2', '10.0.0.1', 6, frame.length - 34)) ^ 0xffff;
    for (const sum of [partial ^ 1, partial ^ 0xffff, partial]) script.host.deliver(put16(frame.slice(), 50, sum));
    script.turn();
    assert.equal(script.host.core.receive(socket), trustPartial === 1 ? 99 : -11);
    assert.equal(script.host.figure('transportChecksum'), 3 - trustPartial);
  }
});
