// UDP sockets of the stack, over IPv4 and IPv6: between two stacks, and against packets that plain TypeScript writes.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '../support/seeded-random.js';
import { ARP, arp, ethernet, IPV4, icmp, internetChecksum, ipv4, pattern, pseudoHeader, udp } from './packets.js';
import { Host } from './stack-host.js';
import { endOf, Wire } from './wire.js';

const OUR_MAC = '02:00:00:00:00:01';
const PEER_MAC = '02:00:00:00:00:02';
const OUR = '10.0.0.1';
const PEER = '10.0.0.2';
const QUIET = { free: 2048, fill: 2048, stack: 0, application: 0, transmit: 0, waiting: 0 };

function introduced(options: ConstructorParameters<typeof Host>[0] = {}): Host {
  const host = new Host(options);
  host.core.turn(0);
  host.takeSent();
  exchange(host, ethernet(OUR_MAC, PEER_MAC, IPV4, ipv4(PEER, OUR, { protocol: 1 }, icmp(8, 0, 1, pattern(8)))));
  exchange(host, ethernet(OUR_MAC, PEER_MAC, ARP, arp(2, PEER_MAC, PEER, OUR_MAC, OUR)));
  return host;
}

function exchange(host: Host, packet: Uint8Array, nowUs = 0): Uint8Array[] {
  assert.ok(host.deliver(packet));
  host.core.turn(nowUs);
  const sent = host.takeSent();
  host.core.turn(nowUs);
  return sent;
}

function datagram(port: number, payload: Uint8Array, checksum?: number): Uint8Array {
  return ethernet(
    OUR_MAC,
    PEER_MAC,
    IPV4,
    ipv4(PEER, OUR, { protocol: 17 }, udp(PEER, OUR, [5000, port], payload, checksum)),
  );
}

/** The next datagram of a socket, whose frame is given back. */
function received(host: Host, socket: number): Uint8Array | number {
  const length = host.core.udpReceive(socket);
  if (length < 0) return length;
  const at = host.place('pieceAddress');
  const payload = host.bytes.slice(at, at + length);
  assert.equal(host.core.recycle(at), 0);
  return payload;
}

function send(host: Host, socket: number, payload: Uint8Array, to: string, port: number): number {
  const at = host.core.udpFrame();
  assert.notEqual(at, 0);
  host.bytes.set(payload, at);
  return host.core.udpSend(socket, at, payload.length, host.addressAt(to), port);
}

test('a datagram is received where it lies, and told of once', () => {
  const host = introduced();
  const socket = host.core.udpOpen(host.addressAt('::'), 7);
  assert.ok(socket >= host.setting('connections'));
  for (const length of [0, 1, 2, 999, 1472]) {
    exchange(host, datagram(7, pattern(length)));
    assert.equal(host.core.nextEvent(), (1n << 32n) | BigInt(socket));
    assert.equal(host.core.nextEvent(), 0n);
    assert.deepEqual(received(host, socket), pattern(length));
    assert.deepEqual(
      host.bytes.slice(host.control + 0x180, host.control + 0x190).subarray(10),
      Uint8Array.of(255, 255, 10, 0, 0, 2),
    );
    assert.equal(host.place('senderPort'), 5000);
    assert.equal(host.core.udpReceive(socket), -11);
  }
  assert.equal(host.core.udpClose(socket), 0);
  assert.equal(host.core.udpClose(socket), -9);
  host.core.turn(0);
  assert.deepEqual(host.owners(), QUIET);
});

test('a received datagram is sent back in its own frame', () => {
  const host = introduced();
  const socket = host.core.udpOpen(host.addressAt(OUR), 7);
  exchange(host, datagram(7, pattern(33)));
  const length = host.core.udpReceive(socket);
  const at = host.place('pieceAddress');
  assert.equal(host.core.udpSend(socket, at, length, host.control + 0x180, host.place('senderPort')), 0);
  assert.equal(host.core.recycle(at), -22, 'it is no more lent');
  host.core.turn(0);
  const answer = ipv4(OUR, PEER, { protocol: 17, fragment: 0x4000 }, udp(OUR, PEER, [7, 5000], pattern(33)));
  assert.deepEqual(host.takeSent(), [ethernet(PEER_MAC, OUR_MAC, IPV4, answer)]);
  host.core.turn(0);
  assert.deepEqual(host.owners(), { ...QUIET });
});

test('checksums: right, none, half-made, wrong', () => {
  const partial = internetChecksum(pseudoHeader(PEER, OUR, 17, 8 + 20)) ^ 0xffff;
  for (const trustPartial of [0, 1]) {
    const host = introduced({ settings: { trustPartial } });
    const socket = host.core.udpOpen(host.addressAt('::'), 7);
    exchange(host, datagram(7, pattern(20), 0));
    assert.deepEqual(received(host, socket), pattern(20), 'none');
    exchange(host, datagram(7, pattern(20), partial));
    assert.deepEqual(received(host, socket), trustPartial === 1 ? pattern(20) : -11, 'half-made');
    exchange(host, datagram(7, pattern(20), partial ^ 1));
    assert.equal(received(host, socket), -11, 'wrong');
    assert.equal(host.figure('transportPartial'), trustPartial);
    assert.equal(host.figure('transportChecksum'), 2 - trustPartial);
  }
});

test('a closed port is told to the sender, so many times a second', () => {
  const host = introduced({ settings: { icmpErrorsPerSecond: 3 } });
  const packet = datagram(9, pattern(600));
  const message = icmp(3, 3, 0, packet.subarray(14, 14 + 548));
  const wanted = ethernet(PEER_MAC, OUR_MAC, IPV4, ipv4(OUR, PEER, { protocol: 1, fragment: 0x4000 }, message));
  for (let index = 0; index < 5; index++) assert.deepEqual(exchange(host, packet), index < 3 ? [wanted] : []);
  assert.deepEqual(exchange(host, packet, 1_000_000), [wanted]);
  assert.equal(host.figure('icmpErrorsHeld'), 2);
  assert.deepEqual(host.owners(), QUIET);
});

test('what was said of a datagram of ours is told once', () => {
  const host = introduced();
  const socket = host.core.udpOpen(host.addressAt('::'), 0);
  assert.ok(host.core.udpPort(socket) >= 49152);
  assert.equal(send(host, socket, pattern(10), PEER, 9), 0);
  host.core.turn(0);
  const [sent] = host.takeSent();
  const complaint = (quoted: Uint8Array): Uint8Array =>
    ethernet(OUR_MAC, PEER_MAC, IPV4, ipv4(PEER, OUR, { protocol: 1 }, icmp(3, 3, 0, quoted)));
  exchange(host, complaint(sent!.subarray(14)));
  assert.equal(host.core.udpReceive(socket), -111);
  assert.equal(host.core.udpReceive(socket), -11);
  const foreign = sent!.slice(14);
  foreign[21]! ^= 1;
  exchange(host, complaint(foreign));
  exchange(host, complaint(sent!.subarray(14, 14 + 27)));
  assert.equal(host.core.udpReceive(socket), -11);
  assert.equal(host.figure('icmpUnbelieved'), 1);
  assert.equal(host.figure('icmpRefused'), 1);
});

test('a narrow way is learned, kept for ten minutes, and not narrower than makes sense', () => {
  const host = introduced();
  const socket = host.core.udpOpen(host.addressAt('::'), 0);
  assert.equal(send(host, socket, pattern(1472), PEER, 9), 0);
  host.core.turn(0);
  const [sent] = host.takeSent();
  const narrow = (mtu: number): Uint8Array =>
    ethernet(OUR_MAC, PEER_MAC, IPV4, ipv4(PEER, OUR, { protocol: 1 }, icmp(3, 4, mtu, sent!.subarray(14, 14 + 28))));
  const fits = (length: number): boolean => {
    const at = host.core.udpFrame();
    const answer = host.core.udpSend(socket, at, length, host.addressAt(PEER), 9);
    if (answer !== 0) host.core.recycle(at);
    return answer === 0;
  };
  exchange(host, narrow(1500));
  assert.ok(fits(1472));
  exchange(host, narrow(1400));
  assert.ok(fits(1372) && !fits(1373));
  exchange(host, narrow(1450));
  assert.ok(fits(1372) && !fits(1373), 'wider again is not believed');
  exchange(host, narrow(0));
  assert.ok(fits(1372), 'the plateau below 1500 is wider than what is known');
  exchange(host, narrow(100));
  assert.ok(fits(552 - 28) && !fits(553 - 28));
  host.core.turn(599_000_000);
  assert.ok(!fits(553 - 28));
  host.takeSent();
  assert.equal(host.core.nextDeadlineUs(), 1_000_000);
  host.core.turn(600_000_000);
  assert.ok(fits(1472));
});

test('ports, addresses and sockets run out with an error', () => {
  const host = introduced({ settings: { udpSockets: 2 } });
  assert.equal(host.core.udpOpen(host.addressAt('10.0.0.9'), 7), -99);
  assert.equal(host.core.udpOpen(host.addressAt('::'), 65536), -22);
  const first = host.core.udpOpen(host.addressAt('0.0.0.0'), 7);
  assert.equal(host.core.udpOpen(host.addressAt(OUR), 7), -98);
  assert.ok(host.core.udpOpen(host.addressAt('::'), 0) > 0);
  assert.equal(host.core.udpOpen(host.addressAt('::'), 0), -24);
  const at = host.core.udpFrame();
  assert.equal(host.core.udpSend(first, at, 1473, host.addressAt(PEER), 9), -90);
  assert.equal(host.core.udpSend(first, at, 10, host.addressAt(PEER), 0), -22);
  assert.equal(host.core.udpSend(first, at - 3, 10, host.addressAt(PEER), 9), -22);
  assert.equal(host.core.udpSend(first, at, 10, host.addressAt('fd00::1'), 9), -101);
  assert.equal(host.core.udpSend(7, at, 10, host.addressAt(PEER), 9), -9);
  assert.equal(host.core.udpSend(first, 0x2_0040, 10, host.addressAt(PEER), 9), -14);
  assert.equal(host.core.udpSend(first, at, 10, host.addressAt(PEER), 9), 0);
});

test('a socket that does not read holds so many datagrams, and no more', () => {
  const host = introduced();
  const socket = host.core.udpOpen(host.addressAt('::'), 7);
  for (let index = 0; index < 262; index++) exchange(host, datagram(7, pattern(9, index)));
  assert.equal(host.figure('udpDropped'), 6);
  for (let index = 0; index < 256; index++) assert.deepEqual(received(host, socket), pattern(9, index));
  assert.equal(host.core.udpClose(socket), 0);
  host.core.turn(0);
  assert.deepEqual(host.owners(), QUIET);
});

for (const [version, addresses] of [
  ['IPv4', ['10.0.0.1', '10.0.0.2']],
  ['IPv6', ['fd00::1', 'fd00::2']],
] as const) {
  test(`${version}: two stacks over a bad wire: what arrives is right, and no frame is lost`, () => {
    const hosts = [1, 2].map(
      (index) =>
        new Host({
          mac: `02:00:00:00:00:0${index}`,
          ipv4: `10.0.0.${index}/24`,
          ipv6: `fd00::${index}/64`,
          seed: index,
        }),
    ) as [Host, Host];
    const [client, server] = hosts;
    const sockets = hosts.map((host) => host.core.udpOpen(host.addressAt('::'), 7)) as [number, number];
    const random = seededRandom(7);
    let echoed = 0;
    let began = 0;
    const answer = (): void => {
      for (let length = server.core.udpReceive(sockets[1]); length >= 0; length = server.core.udpReceive(sockets[1])) {
        const at = server.place('pieceAddress');
        const sent = server.core.udpSend(sockets[1], at, length, server.control + 0x180, server.place('senderPort'));
        assert.ok(sent === 0 || sent === -11);
      }
    };
    const check = (): void => {
      for (let got = received(client, sockets[0]); typeof got !== 'number'; got = received(client, sockets[0])) {
        assert.deepEqual(got, pattern(got.length, got[0]));
        echoed++;
      }
    };
    const badWire = { seed: 3, loss: 0.05, duplication: 0.05, corruption: 0.05, reordering: 0.2 };
    const wire = new Wire(endOf(client, check), endOf(server, answer), badWire);
    for (; began < 300; began++) {
      assert.equal(send(client, sockets[0], pattern(1 + Math.floor(random() * 1400), began), addresses[1], 7), 0);
      wire.run(wire.nowUs + 100_000);
    }
    wire.run(wire.nowUs + 10_000_000);
    // At 5 % of four dangers twice, and with doubles.
    assert.ok(
      echoed > 200 && echoed < 400,
      `${echoed} of ${began}, ${JSON.stringify([wire.counts, ...hosts.map((host) => host.figures())])}`,
    );
    for (const host of hosts) assert.deepEqual(host.owners(), QUIET);
  });
}
