// Peers that take nothing, or give nothing to be taken, while frames, sockets and queues are short: others are served, and who stands still goes first.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Script } from './tcp-script.js';

const second = 1_000_000;
const ETIMEDOUT = -110;
const EAGAIN = -11;

/** A peer on a port of its own, to whom as much is handed over as can be: its socket. */
function greedy(script: Script, listener: number, port: number): number {
  script.peerPort = port;
  const socket = script.acceptedBy(listener, 'mss 1000');
  script.send('. 1:1(0) ack 1 win 0');
  fill(script, socket);
  return socket;
}

function fill(script: Script, socket: number): number {
  let pieces = 0;
  while (script.host.sendPiece(socket, 0, pieces * 1000, 1000) > 0) pieces++;
  script.turn();
  return pieces;
}

/** The peers answer every probe with a window that is shut, for so many seconds. */
function keepShut(script: Script, ports: readonly number[], seconds: number): void {
  for (let at = 0; at < seconds; at++) {
    script.pass(second);
    script.takeSent();
    for (const port of ports) {
      script.peerPort = port;
      script.send('. 1:1(0) ack 1 win 0');
    }
  }
  script.takeSent();
}

test('peers whose windows stay shut leave frames to others, and give theirs back when those are short', () => {
  const script = new Script({ frameCount: 512, sendFrames: 64, stallMs: 30_000 });
  const listener = script.host.listen(80, 64);
  const ports = Array.from({ length: 8 }, (_, index) => 1001 + index);
  const sockets = ports.map((port) => greedy(script, listener, port));
  // All they can have is three quarters of what there is to send with; a new one is served at once.
  assert.ok(script.host.core.framesOwnedBy(2) <= 192, `${script.host.core.framesOwnedBy(2)} frames`);
  script.peerPort = 2000;
  const served = script.acceptedBy(listener, 'mss 1000');
  assert.ok(fill(script, served) >= 4);
  assert.ok(script.takeSent().length >= 4);
  script.send('. 1:1(0) ack 4001');
  assert.equal(script.host.core.unacknowledged(served), 0);
  // Nobody is ended before the time, and then those who hold most, until there is enough.
  keepShut(script, ports, 28);
  assert.equal(script.host.figure('tcpStalled'), 0);
  keepShut(script, ports, 4);
  const stalled = script.host.figure('tcpStalled');
  assert.ok(stalled > 0 && stalled < 8, `${stalled} were ended`);
  assert.equal(sockets.filter((socket) => script.host.core.receive(socket) === ETIMEDOUT).length, stalled);
  assert.ok(script.host.core.receive(served) === EAGAIN);
  assert.ok(fill(script, served) > 16);
});

test('a peer that takes all within its time is slow and is kept; one that takes a segment now and then is not', () => {
  const script = new Script({ frameCount: 256, sendFrames: 64, stallMs: 30_000, connections: 128 });
  const listener = script.host.listen(80, 100);
  const send = (port: number, text: string): void => {
    script.peerPort = port;
    script.send(text);
  };
  script.peerPort = 1001;
  const trickle = script.acceptedBy(listener, 'mss 1000');
  fill(script, trickle);
  script.peerPort = 1002;
  const slow = script.acceptedBy(listener, 'mss 1000');
  let handed = fill(script, slow);
  // The rest is short, so that somebody has to go.
  for (let port = 1003; port < 1020; port++) greedy(script, listener, port);
  let taken = 0;
  for (let at = 1; at <= 60; at++) {
    script.pass(second);
    script.takeSent();
    // More and more come, so that it stays short.
    greedy(script, listener, 3000 + at);
    if (at % 10 === 0) send(1001, `. 1:1(0) ack ${1 + at * 100} win 1000`);
    taken = Math.min(taken + 1, handed);
    send(1002, `. 1:1(0) ack ${1 + taken * 1000} win 2000`);
    if (script.host.sendPiece(slow, 0, handed * 1000, 1000) > 0) handed++;
  }
  assert.equal(script.host.core.receive(trickle), ETIMEDOUT);
  assert.equal(script.host.core.receive(slow), EAGAIN);
});

test('nobody is ended while there is enough, however long a window stays shut', () => {
  const script = new Script({ frameCount: 1024, sendFrames: 64, stallMs: 1000 });
  const listener = script.host.listen(80, 64);
  const ports = [1001, 1002, 1003];
  const sockets = ports.map((port) => greedy(script, listener, port));
  keepShut(script, ports, 300);
  for (const socket of sockets) assert.equal(script.host.core.receive(socket), EAGAIN);
  assert.equal(script.host.figure('tcpStalled'), 0);
});

test('a table that is full of peers that take nothing has room for a new one', () => {
  const script = new Script({ connections: 9, stallMs: 5000, sendFrames: 8 });
  const listener = script.host.listen(80, 64);
  const ports = Array.from({ length: 8 }, (_, index) => 1001 + index);
  for (const port of ports) greedy(script, listener, port);
  keepShut(script, ports, 6);
  script.peerPort = 2000;
  script.send('S 0:0(0) win 65535 <mss 1460>');
  // The application has the number of the one that was ended until it heard of it; a cookie bridges that.
  assert.equal(script.takeSent().at(-1)!.flags, 'S.');
  assert.equal(script.host.figure('tcpStalled'), 1);
  for (const { socket, what } of script.host.events()) if ((what & 8) !== 0) script.host.core.close(socket);
  script.send('. 1:1(0) ack 1');
  assert.ok(script.host.core.accept(listener) >= 0);
});

test('an application that reads nothing does not keep others from receiving', () => {
  const script = new Script({ frameCount: 512, receiveFrames: 64 });
  const listener = script.host.listen(80, 64);
  for (let port = 1001; port < 1009; port++) {
    script.peerPort = port;
    script.acceptedBy(listener, 'mss 1000');
    for (let piece = 0; piece < 64; piece++) {
      script.send(`. ${1 + piece * 1000}:${1001 + piece * 1000}(1000) ack 1`);
    }
  }
  script.takeSent();
  script.peerPort = 2000;
  const socket = script.acceptedBy(listener, 'mss 1000');
  for (let piece = 0; piece < 4; piece++) script.send(`. ${1 + piece * 1000}:${1001 + piece * 1000}(1000) ack 1`);
  assert.equal(script.takeSent().at(-1)!.ack, 4001);
  assert.equal(script.host.core.receive(socket), 1000);
  // And there is something left to answer with.
  assert.ok(fill(script, socket) >= 16);
});

test('a full accept queue: the acknowledgement of a cookie is not answered, and makes the connection when there is room', () => {
  const script = new Script();
  const listener = script.host.listen(80, 2);
  for (const port of [1001, 1002]) {
    script.peerPort = port;
    script.send('S 0:0(0) <mss 1460>');
    script.send('. 1:1(0) ack 1');
  }
  script.peerPort = 1003;
  script.send('S 0:0(0) <mss 1460>');
  script.takeSent();
  assert.equal(script.host.figure('tcpCookiesSent'), 1);
  script.send('. 1:1(0) ack 1');
  script.send('P. 1:11(10) ack 1');
  script.expect();
  assert.equal(script.host.figure('tcpBacklogFull'), 2);
  assert.ok(script.host.core.accept(listener) >= 0);
  script.send('P. 1:11(10) ack 1');
  script.expect('. 1:1(0) ack 11');
  assert.ok(script.host.core.accept(listener) >= 0);
  const socket = script.host.core.accept(listener);
  assert.equal(script.host.core.receive(socket), 10);
});

test('cookies are believed only while some were sent', () => {
  const script = new Script();
  script.host.listen(80, 1);
  script.peerPort = 1001;
  script.send('S 0:0(0) <mss 1460>');
  script.peerPort = 1002;
  script.send('S 0:0(0) <mss 1460>');
  assert.equal(script.host.figure('tcpCookiesSent'), 1);
  script.takeSent();
  // Whoever guesses is refused; after a while nobody even needs to be looked at.
  script.send('. 1:1(0) ack 2');
  assert.equal(script.takeSent()[0]!.flags, 'R');
  assert.equal(script.host.figure('tcpCookiesRefused'), 1);
  script.pass(300 * second);
  script.takeSent();
  script.send('. 1:1(0) ack 1');
  assert.equal(script.takeSent()[0]!.flags, 'R');
  assert.equal(script.host.figure('tcpCookiesRefused'), 1);
});
