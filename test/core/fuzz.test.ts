// A million packets with something wrong in them: nothing traps, no frame is lost, what is beside the frames stays as it was, and service goes on.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { repeated } from '../support/long.js';
import { seededRandom } from '../support/seeded-random.js';
import {
  ARP,
  arp,
  ethernet,
  IPV4,
  IPV6,
  icmp,
  icmpv6,
  internetChecksum,
  ipv4,
  ipv6,
  joined,
  ndBody,
  pattern,
  pseudoHeader,
  put16,
  udp,
} from './packets.js';
import { Host, type StackExports } from './stack-host.js';

const OUR_MAC = '02:00:00:00:00:01';
const PEER_MAC = '02:00:00:00:00:02';
const OUR = '10.0.0.1';
const PEER = '10.0.0.2';
const OUR6 = 'fd00::1';
const PEER6 = 'fd00::2';

function corpus(): Uint8Array[] {
  const four = (protocol: number, payload: Uint8Array, more = {}): Uint8Array =>
    ethernet(OUR_MAC, PEER_MAC, IPV4, ipv4(PEER, OUR, { protocol, ...more }, payload));
  const six = (next: number, payload: Uint8Array, hops = 64): Uint8Array =>
    ethernet(OUR_MAC, PEER_MAC, IPV6, ipv6(PEER6, OUR6, next, payload, hops));
  // The sum of the pseudo-header alone is taken whatever the segment is turned into.
  const tcp = (from: string, to: string, flags: number): Uint8Array => {
    const segment = joined(put16(put16(pattern(20), 0, 5000), 2, 80), pattern(100));
    segment[12] = 0x80;
    segment[13] = flags;
    return put16(segment, 16, internetChecksum(pseudoHeader(from, to, 6, segment.length)) ^ 0xffff);
  };
  const quoted4 = ipv4(OUR, PEER, { protocol: 17 }, udp(OUR, PEER, [7, 9], pattern(8)));
  const quoted6 = ipv6(OUR6, PEER6, 17, udp(OUR6, PEER6, [7, 9], pattern(8)));
  const fragment6 = (at: number): Uint8Array => put16(Uint8Array.of(17, 0, 0, 0, 0, 0, 0, 7), 2, at);
  return [
    ethernet('ff:ff:ff:ff:ff:ff', PEER_MAC, ARP, arp(1, PEER_MAC, PEER, '00:00:00:00:00:00', OUR)),
    ethernet(OUR_MAC, PEER_MAC, ARP, arp(2, PEER_MAC, PEER, OUR_MAC, OUR)),
    four(1, icmp(8, 0, 1, pattern(64))),
    four(1, icmp(3, 4, 1300, quoted4)),
    four(1, icmp(3, 3, 0, quoted4)),
    four(17, udp(PEER, OUR, [9, 7], pattern(64))),
    four(17, udp(PEER, OUR, [9, 8], pattern(64))),
    four(17, udp(PEER, OUR, [9, 7], pattern(64)), { fragment: 0x2000, id: 5 }),
    four(17, pattern(24), { fragment: 9, id: 5 }),
    ...[0x02, 0x10, 0x18, 0x11, 0x04].map((flags) => four(6, tcp(PEER, OUR, flags))),
    four(1, icmp(8, 0, 1, pattern(8)), { options: Uint8Array.of(7, 7, 4, 0, 0, 0, 0, 1) }),
    six(58, icmpv6(PEER6, OUR6, 128, 0, 1, pattern(64))),
    six(58, icmpv6(PEER6, OUR6, 135, 0, 0, ndBody(OUR6, 1, PEER_MAC)), 255),
    six(58, icmpv6(PEER6, OUR6, 136, 0, 0x6000_0000, ndBody(PEER6, 2, PEER_MAC)), 255),
    six(58, icmpv6(PEER6, OUR6, 2, 0, 1300, quoted6)),
    six(58, icmpv6(PEER6, OUR6, 1, 4, 0, quoted6)),
    six(17, udp(PEER6, OUR6, [9, 7], pattern(64))),
    ...[0x02, 0x10, 0x18, 0x11, 0x04].map((flags) => six(6, tcp(PEER6, OUR6, flags))),
    six(
      0,
      joined(
        Uint8Array.of(60, 0, 1, 4, 0, 0, 0, 0),
        Uint8Array.of(58, 0, 1, 4, 0, 0, 0, 0),
        icmpv6(PEER6, OUR6, 128, 0, 1, pattern(9)),
      ),
    ),
    six(44, joined(fragment6(1), udp(PEER6, OUR6, [9, 7], pattern(64)))),
    six(44, joined(fragment6(72), pattern(16))),
  ];
}

/** The header of IPv4 is made right again, so that what is behind it is reached. */
function mendIpv4(packet: Uint8Array): void {
  const header = (packet[14]! & 15) * 4;
  if (packet.length < 34 || header < 20 || 14 + header > packet.length) return;
  put16(packet, 24, 0);
  put16(packet, 24, internetChecksum(packet.subarray(14, 14 + header)));
}

const mutated = repeated(1_000_000);

test(`${mutated} mutated packets`, () => {
  const host = new Host<StackExports>({
    ipv6: `${OUR6}/64`,
    settings: {
      frameCount: 1024,
      fillEntries: 512,
      rxEntries: 512,
      txEntries: 512,
      completionEntries: 512,
      neighbours: 16,
      paths: 16,
    },
  });
  const umem = host.place('umem');
  const end = umem + host.place('umemBytes');
  const sides = [host.bytes.subarray(umem - 4096, umem), host.bytes.subarray(end, end + 4096)];
  for (const side of sides) side.fill(0xa5);
  const random = seededRandom(2026);
  const seeds = corpus();
  const scratch = new Uint8Array(2048);
  const sockets = [host.core.udpOpen(host.addressAt('::'), 7)];
  assert.ok(host.core.listen(0, 80, 64) >= 0);
  let nowUs = 0;
  const drain = (): void => {
    host.core.nextEvent();
    for (const socket of sockets) {
      for (let length = host.core.udpReceive(socket); length !== -11; length = host.core.udpReceive(socket)) {
        if (length >= 0) host.core.recycle(host.place('pieceAddress'));
      }
    }
  };
  for (let batch = 0; batch < mutated / 250; batch++) {
    for (let index = 0; index < 250; index++) {
      const seed = seeds[Math.floor(random() * seeds.length)]!;
      scratch.set(seed);
      let packet = scratch.subarray(0, seed.length);
      for (let changes = Math.floor(random() * 4); changes > 0; changes--) {
        const at = Math.floor(random() * packet.length);
        packet[at] = random() < 0.5 ? packet[at]! ^ (1 << Math.floor(random() * 8)) : Math.floor(random() * 256);
      }
      if (random() < 0.1) packet = packet.subarray(0, Math.floor(random() * packet.length));
      else if (random() < 0.5 && packet[12] === 8) mendIpv4(packet);
      host.deliver(packet);
    }
    nowUs += 5000;
    host.core.turn(nowUs >>> 0);
    drain();
    while (host.tx.waiting > 0) host.completion.produce(host.tx.consume(), 0);
  }
  assert.equal(host.dropped, 0);
  assert.equal(host.figure('receivedPackets'), mutated);
  // Whatever waits for neighbours or other pieces is given up in time.
  for (let index = 0; index < 100; index++) {
    nowUs += 1_000_000;
    host.core.turn(nowUs >>> 0);
    host.takeSent();
  }
  host.core.turn(nowUs >>> 0);
  assert.deepEqual(host.owners(), { free: 512, fill: 512, stack: 0, application: 0, transmit: 0, waiting: 0 });
  for (const name of ['faultOutside', 'faultOwner', 'faultLength', 'faultRing', 'faultStack'] as const) {
    assert.equal(host.figure(name), 0, name);
  }
  for (const side of sides) assert.ok(side.every((byte) => byte === 0xa5));
  // Every way in was gone: it is not that all of them died at the first check.
  for (const name of [
    'icmpEchoes',
    'arpReplies',
    'neighbourAnswers',
    'udpReceived',
    'udpClosed',
    'piecesJoined',
    'transportPartial',
    'icmpReceived',
    'ipExtension',
  ] as const) {
    assert.ok(host.figure(name) > 100, `${name}: ${host.figure(name)}`);
  }
  const peer = ethernet(OUR_MAC, PEER_MAC, ARP, arp(2, PEER_MAC, PEER, OUR_MAC, OUR));
  const echo = ethernet(OUR_MAC, PEER_MAC, IPV4, ipv4(PEER, OUR, { protocol: 1 }, icmp(8, 0, 1, pattern(8))));
  const sent: Uint8Array[] = [];
  for (const packet of [echo, peer]) {
    host.deliver(packet);
    host.core.turn(nowUs >>> 0);
    sent.push(...host.takeSent());
  }
  assert.ok(sent.some((packet) => packet[12] === 8 && packet[13] === 0 && packet[34] === 0));
});
