// What each feature of TCP does on the wire, script by script (tcp-script.ts).

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Script } from './tcp-script.js';

const second = 1_000_000;

test('a connection that the peer makes: options, data, both ends', () => {
  const script = new Script({ timeWaitMs: 1000 });
  const listener = script.host.listen(80);
  script.send('S 0:0(0) win 65535 <mss 1460,sackOK,wscale 7>');
  script.expect('S. 0:0(0) ack 1 win 65535 <mss 1460,sackOK,wscale 2>');
  script.send('. 1:1(0) ack 1');
  script.expect();
  const socket = script.host.core.accept(listener);
  script.send('P. 1:101(100) ack 1');
  script.expect('. 1:1(0) ack 101');
  assert.equal(script.host.core.receive(socket), 100);
  assert.equal(script.host.core.recycle(script.host.place('pieceAddress')), 0);
  assert.equal(script.host.sendPiece(socket, 0, 0, 50), 50);
  script.turn();
  script.expect('P. 1:51(50) ack 101');
  script.send('F. 101:101(0) ack 51');
  script.expect('. 51:51(0) ack 102');
  assert.equal(script.host.core.receive(socket), 0);
  assert.equal(script.host.core.close(socket), 0);
  script.turn();
  script.expect('F. 51:51(0) ack 102');
  script.send('. 102:102(0) ack 52');
  script.expect();
  script.assertNoLeak();
});

test('a connection of ours: SYN again and again, then given up', () => {
  const script = new Script({ synTries: 2 });
  script.ourPort = 0;
  const socket = script.host.connect('10.0.0.2', 40_000);
  script.turn();
  script.expect('S 0:0(0) win 65535 <mss 1460,sackOK,wscale 2>');
  script.pass(1.1 * second);
  script.expect('S 0:0(0)');
  script.pass(2 * second);
  script.expect('S 0:0(0)');
  script.pass(4 * second);
  script.expect();
  assert.equal(script.host.core.receive(socket), -110);
});

test('a connection of ours is refused, and made; both speak first at once', () => {
  const script = new Script();
  const refused = script.host.connect('10.0.0.2', 40_000);
  script.turn();
  script.expect('S 0:0(0)');
  script.send('R. 0:0(0) ack 1');
  assert.equal(script.host.core.receive(refused), -111);
  const made = script.host.connect('10.0.0.2', 40_000);
  script.turn();
  script.expect('S 0:0(0)');
  script.send('S. 0:0(0) ack 9');
  script.expect('R 9:9(0)');
  script.send('S. 0:0(0) ack 1 <mss 1000>');
  script.expect('. 1:1(0) ack 1');
  assert.equal(script.host.core.sendBytes(made), 1000);
  const both = script.host.connect('10.0.0.2', 40_000);
  script.turn();
  script.expect('S 0:0(0)');
  script.send('S 0:0(0) <mss 1000>');
  script.expect('S. 0:0(0) ack 1');
  script.send('. 1:1(0) ack 1');
  assert.ok(script.host.core.sendRoom(both) > 0);
});

test('what is lost is sent again after a timeout, later each time', () => {
  const script = new Script();
  const socket = script.accepted('mss 1460');
  script.host.sendPiece(socket, 0, 0, 100);
  script.turn();
  script.expect('P. 1:101(100)');
  script.pass(0.19 * second);
  script.expect();
  script.pass(0.05 * second);
  script.expect('P. 1:101(100)');
  script.pass(0.3 * second);
  script.expect();
  script.pass(0.15 * second);
  script.expect('P. 1:101(100)');
  script.send('. 1:1(0) ack 101');
  assert.equal(script.host.core.unacknowledged(socket), 0);
});

test('SACK: a hole is repaired at once, and only the hole', () => {
  const script = new Script();
  const socket = script.accepted();
  for (let piece = 0; piece < 6; piece++) script.host.sendPiece(socket, 0, piece * 1000, 1000, 0);
  script.host.core.setOption(socket, 1, 1);
  script.turn();
  const sent = script.takeSent();
  const end = sent.at(-1)!.from + sent.at(-1)!.length;
  assert.equal(end, 6001);
  const second_ = sent[1]!;
  script.pass(1000);
  script.send(`. 1:1(0) ack ${second_.from} <sack ${sent[2]!.from}:${end}>`);
  const again = script.takeSent();
  assert.deepEqual(
    again.map(({ from }) => from),
    [second_.from],
  );
  script.send(`. 1:1(0) ack ${end}`);
  assert.equal(script.host.core.unacknowledged(socket), 0);
});

test('three duplicates without SACK mean a loss; a partial answer means the next', () => {
  const script = new Script();
  const socket = script.accepted('mss 1000');
  for (let piece = 0; piece < 8; piece++) script.host.sendPiece(socket, 0, piece * 1000, 1000);
  script.turn();
  assert.equal(script.takeSent().length, 8);
  script.pass(1000);
  for (let duplicate = 0; duplicate < 2; duplicate++) script.send('. 1:1(0) ack 1');
  script.expect();
  script.send('. 1:1(0) ack 1');
  script.expect('. 1:1001(1000)');
  script.send('. 1:1(0) ack 3001');
  script.expect('. 3001:4001(1000)');
  script.send('. 1:1(0) ack 8001');
  assert.equal(script.host.core.unacknowledged(socket), 0);
});

test('data beyond a gap is told of, the newest first; what came twice, too', () => {
  const script = new Script();
  script.accepted();
  script.send('. 101:201(100) ack 1');
  script.expect('. 1:1(0) ack 1 <sack 101:201>');
  script.send('. 301:401(100) ack 1');
  script.expect('. 1:1(0) ack 1 <sack 301:401 101:201>');
  script.send('. 201:301(100) ack 1');
  script.expect('. 1:1(0) ack 1 <sack 101:401>');
  script.send('. 101:201(100) ack 1');
  script.expect('. 1:1(0) ack 1 <sack 101:201 101:401>');
  script.send('. 1:101(100) ack 1');
  script.expect('. 1:1(0) ack 401');
  script.send('. 1:101(100) ack 1');
  script.expect('. 1:1(0) ack 401 <sack 1:101>');
});

test('timestamps are echoed; a segment of another time is refused (PAWS)', () => {
  const script = new Script();
  const listener = script.host.listen(80);
  script.send('S 0:0(0) win 65535 <mss 1460,sackOK,stamp 1000 0>');
  const [answer] = script.takeSent();
  assert.equal(answer!.stamp![1], 1000);
  script.send('. 1:1(0) ack 1 <stamp 1001 0>');
  const socket = script.host.core.accept(listener);
  script.send('P. 1:11(10) ack 1 <stamp 1002 0>');
  assert.equal(script.takeSent()[0]!.stamp![1], 1002);
  script.send('P. 11:21(10) ack 1 <stamp 900 0>');
  assert.equal(script.takeSent()[0]!.ack, 11);
  assert.equal(script.host.core.receive(socket), 10);
  assert.equal(script.host.core.receive(socket), -11);
  assert.equal(script.host.figure('tcpOldStamps'), 1);
});

test('acknowledgements wait: for a second segment, and for 40 ms at most', () => {
  const script = new Script();
  script.accepted();
  let from = 1;
  for (let quick = 0; quick < 8; quick++) {
    script.send(`. ${from}:${from + 1000}(1000) ack 1`);
    from += 1000;
  }
  assert.equal(script.takeSent().length, 8);
  script.send(`. ${from}:${from + 1000}(1000) ack 1`);
  script.expect();
  script.send(`. ${from + 1000}:${from + 2000}(1000) ack 1`);
  script.expect(`. 1:1(0) ack ${from + 2000}`);
  script.send(`. ${from + 2000}:${from + 2100}(100) ack 1`);
  script.pass(39_000);
  script.expect();
  script.pass(3_000);
  script.expect(`. 1:1(0) ack ${from + 2100}`);
});

test('Nagle: a small segment waits for the last small one, unless it may not', () => {
  const script = new Script();
  const socket = script.accepted();
  script.host.sendPiece(socket, 0, 0, 10);
  script.host.sendPiece(socket, 0, 10, 10);
  script.host.sendPiece(socket, 0, 20, 10);
  script.turn();
  script.expect('P. 1:11(10)');
  script.send('. 1:1(0) ack 11');
  script.expect('P. 11:31(20)');
  assert.equal(script.host.core.setOption(socket, 1, 1), 0);
  script.host.sendPiece(socket, 0, 30, 10);
  script.turn();
  script.expect('P. 31:41(10)');
  script.host.sendPiece(socket, 0, 40, 10, 1);
  script.turn();
  script.expect();
  assert.equal(script.host.core.pushSocket(socket), 0);
  script.turn();
  script.expect('P. 41:51(10)');
});

test('a window that is shut is probed, less and less often, as long as the peer answers (RFC 9293, section 3.8.6.1)', () => {
  const script = new Script({ userTimeoutMs: 5_000 });
  const socket = script.accepted('mss 1460');
  script.send('. 1:1(0) ack 1 win 0');
  script.host.sendPiece(socket, 0, 0, 100);
  script.turn();
  script.expect();
  script.pass(0.3 * second);
  script.expect('. 0:0(0) ack 1');
  script.send('. 1:1(0) ack 1 win 0');
  script.pass(0.3 * second);
  script.expect();
  script.pass(0.2 * second);
  script.expect('. 0:0(0) ack 1');
  script.send('. 1:1(0) ack 1 win 1000');
  script.expect('P. 1:101(100)');
  script.send('. 1:1(0) ack 101 win 0');
  script.host.sendPiece(socket, 0, 100, 100);
  // Each probe is answered, for an hour: the wait doubles up to a minute, and the connection stands.
  let probes = 0;
  for (let seconds = 0; seconds < 3600; seconds++) {
    script.pass(second);
    const sent = script.takeSent().length;
    probes += sent;
    if (sent > 0) script.send('. 1:1(0) ack 101 win 0');
  }
  assert.ok(probes > 60 && probes < 80, `${probes} probes`);
  assert.equal(script.host.core.receive(socket), -11);
  script.send('. 1:1(0) ack 101 win 1000');
  script.expect('P. 101:201(100)');
  script.send('. 1:1(0) ack 201 win 0');
  // Nobody answers any more.
  script.host.sendPiece(socket, 0, 200, 100);
  script.pass(120 * second);
  assert.equal(script.host.core.receive(socket), -110);
  script.host.core.close(socket);
  script.assertNoLeak();
});

test('keepalive asks a peer that says nothing, and gives it up', () => {
  const script = new Script({ keepIdleMs: 10_000, keepIntervalMs: 1_000, keepProbes: 2 });
  const socket = script.accepted();
  assert.equal(script.host.core.setOption(socket, 2, 1), 0);
  script.pass(10.1 * second);
  script.expect('. 0:0(0) ack 1');
  script.send('. 1:1(0) ack 1');
  script.pass(9 * second);
  script.expect();
  script.pass(1.2 * second);
  script.expect('. 0:0(0) ack 1');
  script.pass(1.1 * second);
  script.expect('. 0:0(0) ack 1');
  script.pass(1.1 * second);
  script.expect('R. 1:1(0) ack 1');
  assert.equal(script.host.core.receive(socket), -110);
});

test('half close, FIN_WAIT_2, TIME_WAIT and its end', () => {
  const script = new Script({ timeWaitMs: 2_000 });
  const socket = script.accepted();
  assert.equal(script.host.core.shutdown(socket), 0);
  script.turn();
  script.expect('F. 1:1(0) ack 1');
  script.send('. 1:1(0) ack 2');
  script.send('P. 1:11(10) ack 2');
  script.expect('. 2:2(0) ack 11');
  assert.equal(script.host.core.receive(socket), 10);
  assert.equal(script.host.core.recycle(script.host.place('pieceAddress')), 0);
  script.send('F. 11:11(0) ack 2');
  script.expect('. 2:2(0) ack 12');
  script.send('F. 11:11(0) ack 2');
  script.expect('. 2:2(0) ack 12');
  script.host.core.close(socket);
  script.pass(2.1 * second);
  script.send('. 12:12(0) ack 2');
  script.expect('R 2:2(0)');
});

test('an end that nobody has acknowledged is counted until somebody has', () => {
  const script = new Script();
  const socket = script.accepted();
  assert.equal(script.host.core.endsUnheard(), 0);
  script.host.core.close(socket);
  script.turn();
  script.expect('F. 1:1(0) ack 1');
  assert.equal(script.host.core.endsUnheard(), 1);
  script.pass(0.5 * second);
  assert.ok(script.takeSent().length > 0);
  assert.equal(script.host.core.endsUnheard(), 1);
  script.send('. 1:1(0) ack 2');
  assert.equal(script.host.core.endsUnheard(), 0);
  script.send('F. 1:1(0) ack 2');
  script.expect('. 2:2(0) ack 2');
  assert.equal(script.host.core.endsUnheard(), 0);
});

test('both close at once', () => {
  const script = new Script({ timeWaitMs: 1_000 });
  const socket = script.accepted();
  script.host.core.close(socket);
  script.turn();
  script.expect('F. 1:1(0) ack 1');
  script.send('F. 1:1(0) ack 1');
  script.expect('. 2:2(0) ack 2');
  script.send('. 2:2(0) ack 2');
  script.expect();
  script.pass(1.1 * second);
  script.assertNoLeak();
});

test('ten segments at the start; a window that grows by what is acknowledged', () => {
  for (const congestion of [0, 1]) {
    const script = new Script({ congestion });
    const socket = script.accepted();
    for (let piece = 0; piece < 40; piece++) script.host.sendPiece(socket, 0, piece * 1460, 1460);
    script.turn();
    assert.equal(script.takeSent().length, 10);
    script.pass(1000);
    script.send('. 1:1(0) ack 2921');
    assert.equal(script.takeSent().length, 4);
  }
});

test('a window narrower than a segment is filled after a while; long segments that vanish become short', () => {
  const script = new Script();
  const socket = script.accepted('mss 1460');
  script.send('. 1:1(0) ack 1 win 400');
  script.host.sendPiece(socket, 0, 0, 1460);
  script.turn();
  script.expect();
  script.pass(0.3 * second);
  script.expect('. 1:401(400) ack 1');
  script.send('. 1:1(0) ack 401 win 20000');
  script.expect('P. 401:1461(1060) ack 1');
  script.send('. 1:1(0) ack 1461');
  script.host.sendPiece(socket, 0, 1460, 1460);
  script.turn();
  script.expect('P. 1461:2921(1460)');
  script.pass(4 * second);
  assert.ok(script.takeSent().some(({ length }) => length > 0 && length <= 984));
  assert.equal(script.host.figure('tcpHumbled'), 1);
});

test('a narrow window that fills a gap tells of counts, though later segments told of a wide one before', () => {
  const script = new Script();
  const socket = script.accepted('mss 1460');
  script.send('. 1:1(0) ack 1 win 3000');
  script.host.sendPiece(socket, 0, 0, 1460);
  script.turn();
  script.expect('P. 1:1461(1460) ack 1');
  script.send('P. 201:301(100) ack 1 win 3000');
  script.expect('. 1461:1461(0) ack 1');
  script.send('. 1:201(200) ack 1461 win 100');
  script.expect('. 1461:1461(0) ack 301');
  script.host.sendPiece(socket, 0, 1460, 1460);
  script.turn();
  script.expect();
  script.pass(0.3 * second);
  script.expect('. 1461:1561(100) ack 301');
});

test('TIME_WAIT gives way to a new connection with later numbers', () => {
  const script = new Script();
  const listener = script.host.listen(80);
  script.send('S 0:0(0) <mss 1460>');
  script.send('. 1:1(0) ack 1');
  const socket = script.host.core.accept(listener);
  script.host.core.close(socket);
  script.turn();
  script.send('F. 1:1(0) ack 2');
  script.takeSent();
  script.send('S 1:1(0) <mss 1460>');
  assert.equal(script.takeSent()[0]?.flags, '.');
  script.send('S 100:100(0) <mss 1460>');
  script.expect('S. 0:0(0) ack 101');
});

test('a path that is narrower than was thought: what is under way goes again in parts', () => {
  const script = new Script();
  const socket = script.accepted();
  script.host.sendPiece(socket, 0, 0, 1460);
  script.turn();
  script.expect('P. 1:1461(1460)');
  script.tooBig(1000);
  assert.deepEqual(
    script.takeSent().map(({ from, length }) => [from, length]),
    [
      [1, 960],
      [961, 500],
    ],
  );
});

test('the answer to a probe for the end of a flight, however late it comes, says nothing of how long the path takes (RFC 6298, section 3)', () => {
  const script = new Script();
  const socket = script.accepted();
  const flight = (from: number): void => {
    for (const piece of [0, 1, 2]) script.host.sendPiece(socket, 0, from + piece * 1460, 1460);
    script.turn();
    assert.equal(script.takeSent().length, 3);
  };
  let sent = 0;
  for (; sent < 10 * 4380; sent += 4380) {
    flight(sent);
    script.pass(1000);
    script.send(`. 1:1(0) ack ${1 + sent + 4380}`);
    assert.deepEqual(script.takeSent(), []);
  }
  // The one acknowledgement of this flight is lost. What answers the probe is lost for a while, too.
  flight(sent);
  script.pass(100_000);
  script.expect(`P. ${1 + sent + 2920}:${1 + sent + 4380}(1460)`);
  sent += 4380;
  script.send(`. 1:1(0) ack ${1 + sent}`);
  flight(sent);
  script.pass(8_000);
  script.expect(`P. ${1 + sent + 2920}:${1 + sent + 4380}(1460)`);
});
