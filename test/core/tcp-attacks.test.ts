// What strangers and peers try against TCP: floods, guesses, lies, and segments that cost more than they carry.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ethernet, IPV4, ipv4 } from './packets.js';
import { Script } from './tcp-script.js';

const second = 1_000_000;

test('a flood of SYNs holds no more than the backlog; service goes on by cookies', () => {
  const script = new Script({ connections: 64 });
  const listener = script.host.listen(80, 16);
  for (let port = 1024; port < 6024; port++) {
    script.peerPort = port;
    script.send('S 0:0(0) <mss 1460,sackOK,stamp 1 0,wscale 7>');
  }
  assert.equal(script.host.figure('tcpCookiesSent'), 5000 - 16);
  script.takeSent();
  script.peerPort = 7000;
  script.send('S 0:0(0) <mss 1452,sackOK,stamp 1 0,wscale 7>');
  const [answer] = script.takeSent();
  script.send('P. 1:11(10) ack 1', { stamp: [2, answer!.stamp![0]] });
  const socket = script.host.core.accept(listener);
  assert.ok(socket >= 0);
  assert.equal(script.host.core.receive(socket), 10);
  assert.equal(script.host.core.recycle(script.host.place('pieceAddress')), 0);
  assert.equal(script.host.core.sendBytes(socket), 1440);
  assert.equal(script.host.figure('tcpCookiesTaken'), 1);
  script.peerPort = 7001;
  script.takeSent();
  script.send('. 1:1(0) ack 77');
  assert.equal(script.takeSent()[0]!.flags, 'R');
  assert.equal(script.host.core.accept(listener), -11);
  script.host.core.close(socket);
  script.pass(200 * second);
  script.assertNoLeak();
});

test('resets that guess: only the very next number is believed (RFC 5961)', () => {
  const script = new Script();
  const socket = script.accepted();
  script.send('R 20:20(0)');
  script.expect('. 1:1(0) ack 1');
  for (let guess = 0; guess < 1000; guess++) script.send(`R ${1 + 30 * guess + 7}:${1 + 30 * guess + 7}(0)`);
  script.send('R 900000:900000(0)');
  script.expect();
  assert.equal(script.host.core.receive(socket), -11);
  script.send('R 1:1(0)');
  assert.equal(script.host.core.receive(socket), -104);
  script.host.core.close(socket);
  script.assertNoLeak();
});

test('a SYN, and data with an acknowledgement that cannot be, are challenged and taken for nothing', () => {
  const script = new Script();
  const socket = script.accepted();
  script.send('S 1:1(0)');
  script.expect('. 1:1(0) ack 1');
  script.pass(second);
  script.send('P. 1:11(10) ack 5000');
  script.expect('. 1:1(0) ack 1');
  script.pass(second);
  script.send('P. 1:11(10)', { ack: -50_000_000 });
  script.expect('. 1:1(0) ack 1');
  assert.equal(script.host.core.receive(socket), -11);
});

test('acknowledgements of what was not sent, and SACK that lies, free and mark nothing', () => {
  const script = new Script();
  const socket = script.accepted();
  script.host.sendPiece(socket, 0, 0, 1000);
  script.turn();
  script.expect('P. 1:1001(1000)');
  script.send('. 1:1(0) ack 2000');
  assert.equal(script.host.core.unacknowledged(socket), 1000);
  script.takeSent();
  script.send('. 1:1(0) ack 1 <sack 5000:6000 900:800 1:1001>');
  script.send('. 1:1(0) ack 1 <sack 4294900000:1001>');
  assert.equal(script.host.core.unacknowledged(socket), 1000);
  script.takeSent();
  // It was told of all and acknowledges nothing: after timeouts all is sent again.
  script.pass(3 * second);
  assert.ok(script.takeSent().some(({ from, length }) => from === 1 && length === 1000));
  script.send('. 1:1(0) ack 1001');
  assert.equal(script.host.core.unacknowledged(socket), 0);
});

test('segments of a byte, in order and beyond gaps, hold few frames, and no byte is lost', () => {
  const script = new Script({ receiveFrames: 32 });
  const socket = script.accepted();
  let place = 1;
  for (; place < 4001; place++) script.send(`. ${place}:${place + 1}(1) ack 1`);
  for (let gap = place + 2; gap < place + 800; gap += 2) script.send(`. ${gap}:${gap + 1}(1) ack 1`);
  const { stack } = script.host.owners();
  assert.ok(stack <= 33, `${stack} frames`);
  let got = 0;
  for (let length = script.host.core.receive(socket); length > 0; length = script.host.core.receive(socket)) {
    const at = script.host.place('pieceAddress');
    for (let index = 0; index < length; index++) assert.equal(script.host.bytes[at + index], (got + index + 1) & 0xff);
    got += length;
    script.host.core.recycle(at);
  }
  assert.equal(got, 4000);
  script.send(`R ${place}:${place}(0)`);
  script.host.core.close(socket);
  script.assertNoLeak();
});

test('many connections with gaps leave frames to others', () => {
  const script = new Script({ connections: 64, receiveFrames: 64 });
  const listener = script.host.listen(80, 60);
  for (let port = 1; port <= 40; port++) {
    script.peerPort = 1000 + port;
    script.send('S 0:0(0) <mss 1460,sackOK,wscale 7>');
    script.send('. 1:1(0) ack 1');
    for (let gap = 0; gap < 30; gap++) script.send(`. ${1002 + gap * 1100}:${2002 + gap * 1100}(1000) ack 1`);
  }
  const { stack, free, fill } = script.host.owners();
  assert.ok(stack <= 256 && free + fill >= 128, `${stack} with the stack, ${free} free, ${fill} to receive`);
  script.peerPort = 3000;
  script.send('S 0:0(0) <mss 1460>');
  script.send('. 1:1(0) ack 1');
  script.send('P. 1:1001(1000) ack 1');
  let last = -1;
  for (let socket = script.host.core.accept(listener); socket >= 0; socket = script.host.core.accept(listener))
    last = socket;
  assert.equal(script.host.core.receive(last), 1000);
});

test('overlapping data: what came first counts', () => {
  const script = new Script();
  const socket = script.accepted();
  script.send('. 11:21(10) ack 1');
  script.send('. 16:31(15) ack 1');
  script.send('. 6:36(30) ack 1');
  script.send('. 1:13(12) ack 1');
  assert.equal(script.takeSent().at(-1)!.ack, 36);
  let place = 1;
  for (let length = script.host.core.receive(socket); length > 0; length = script.host.core.receive(socket)) {
    script.host.core.recycle(script.host.place('pieceAddress'));
    place += length;
  }
  assert.equal(place, 36);
  script.host.core.abort(socket);
  script.turn();
  script.assertNoLeak();
});

test('options of a bad length end the reading; a shift above 14 counts as 14', () => {
  const script = new Script();
  script.host.listen(80);
  script.send('S 0:0(0)', { raw: Uint8Array.of(3, 3, 200, 2, 0, 1, 1, 1) });
  assert.equal(script.takeSent()[0]!.wscale, 2);
  for (const raw of [
    [2, 4, 5],
    [8, 40, 1, 1],
    [5, 3, 1, 1],
    [255, 255, 255, 255],
    [2, 1, 2, 2],
  ]) {
    script.peerPort++;
    script.send('S 0:0(0)', { raw: Uint8Array.from([...raw, 0, 0, 0].slice(0, 4)) });
    assert.equal(script.takeSent()[0]!.flags, 'S.');
  }
});

test('urgent data is data like other; a FIN beyond a gap is not forgotten', () => {
  const script = new Script();
  const socket = script.accepted();
  script.send('PU. 1:11(10) ack 1');
  assert.equal(script.host.core.receive(socket), 10);
  script.takeSent();
  script.send('F. 21:31(10) ack 1');
  script.expect('. 1:1(0) ack 11 <sack 21:31>');
  script.send('. 11:21(10) ack 1');
  script.expect('. 1:1(0) ack 32');
});

test('a storm of FIN, RST and data from everywhere: no more is said than was heard, nothing is kept, and who was there stays', () => {
  const script = new Script({ connections: 64 });
  const listener = script.host.listen(80, 16);
  script.peerPort = 40_000;
  const socket = script.acceptedBy(listener);
  const before = script.host.owners();
  const sent = script.host.figure('sentPackets');
  for (let storm = 0; storm < 30_000; storm++) {
    script.peerPort = 1024 + (storm % 30_000);
    script.send(`${['F.', 'R', 'R.', 'P.', 'F', '.'][storm % 6]!} ${storm}:${storm}(0) ack ${storm}`);
  }
  script.takeSent();
  assert.ok(script.host.figure('sentPackets') - sent <= 20_000, 'a reset is not answered');
  assert.deepEqual(script.host.owners(), before);
  script.peerPort = 40_000;
  script.send('P. 1:11(10) ack 1');
  script.expect('. 1:1(0) ack 11');
  assert.equal(script.host.core.receive(socket), 10);
});

test('fragments that are tiny, overlap or never become whole do not keep TCP from its connections', () => {
  const script = new Script({ frameCount: 256, reassemblies: 16 });
  const socket = script.accepted();
  const piece = (id: number, fragment: number, bytes: number): void => {
    const packet = ipv4('10.0.0.2', '10.0.0.1', { protocol: 6, id, fragment }, new Uint8Array(bytes));
    script.host.deliver(ethernet('02:00:00:00:00:01', '02:00:00:00:00:02', IPV4, packet));
  };
  for (let id = 1; id <= 20_000; id++) {
    const kind = id % 4;
    // Of 8 bytes; two that overlap; one that is followed by none; the end before the beginning.
    if (kind === 0) piece(id, 0x2000, 8);
    else if (kind === 1) {
      piece(id, 0x2000, 64);
      piece(id, 0x2000 | 4, 64);
    } else if (kind === 2) piece(id, 0x2000, 1400);
    else piece(id, 100, 32);
    if (id % 8 === 0) script.turn();
  }
  assert.ok(script.host.owners().stack <= 16, `${script.host.owners().stack} frames`);
  script.takeSent();
  script.send('P. 1:11(10) ack 1');
  script.expect('. 1:1(0) ack 11');
  assert.equal(script.host.core.receive(socket), 10);
  script.host.core.recycle(script.host.place('pieceAddress'));
  script.host.core.abort(socket);
  script.pass(31 * second);
  script.assertNoLeak();
});

test('first numbers: of each connection its own, keyed; the same again only later (RFC 6528)', () => {
  const firsts = (seed: number): number[] => {
    const script = new Script({}, seed);
    script.host.listen(80, 64);
    return [1001, 1002, 1003].map((port) => {
      script.peerPort = port;
      script.send('S 0:0(0) <mss 1460>');
      return script.ourFirst!;
    });
  };
  assert.deepEqual(firsts(1), firsts(1));
  const numbers = [...firsts(1), ...firsts(2)];
  // 1 in 4 microseconds would put them within a few thousand of each other.
  for (const [index, one] of numbers.entries()) {
    for (const other of numbers.slice(index + 1)) assert.ok(((one - other) >>> 0) % 0xffff_0000 > 0xffff, `${numbers}`);
  }
});
