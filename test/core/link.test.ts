// Rings, frames, ARP, IPv4 and echo of the stack, against packets that plain TypeScript writes.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ARP, arp, ethernet, get16, IPV4, icmp, internetChecksum, ipv4, pattern } from './packets.js';
import { Host } from './stack-host.js';

const OUR_MAC = '02:00:00:00:00:01';
const PEER_MAC = '02:00:00:00:00:02';
const OUR = '10.0.0.1';
const PEER = '10.0.0.2';
const BROADCAST = 'ff:ff:ff:ff:ff:ff';
const NOBODY = '00:00:00:00:00:00';
/** Whose the frames are when nothing is under way. */
const QUIET = { free: 2048, fill: 2048, stack: 0, application: 0, transmit: 0, waiting: 0 };

function echoPacket(payload: Uint8Array, type = 8): Uint8Array {
  return ethernet(OUR_MAC, PEER_MAC, IPV4, ipv4(PEER, OUR, { protocol: 1 }, icmp(type, 0, 0x1234_0001, payload)));
}

/** A host whose first words (the announcement) were said. */
function quietHost(options: ConstructorParameters<typeof Host>[0] = {}): Host {
  const host = new Host(options);
  host.core.turn(0);
  host.takeSent();
  host.core.turn(0);
  return host;
}

/** Delivers a packet, and returns what is sent because of it. */
function answersTo(host: Host, packet: Uint8Array, nowUs = 0): Uint8Array[] {
  assert.ok(host.deliver(packet));
  host.core.turn(nowUs);
  const sent = host.takeSent();
  host.core.turn(nowUs);
  return sent;
}

/** Answers the question for a peer's link address, so that it is known. */
function introduce(host: Host, nowUs = 0): void {
  const asked = answersTo(host, echoPacket(pattern(8)), nowUs);
  assert.deepEqual(asked, [ethernet(BROADCAST, OUR_MAC, ARP, arp(1, OUR_MAC, OUR, NOBODY, PEER))]);
  const [echo] = answersTo(host, ethernet(OUR_MAC, PEER_MAC, ARP, arp(2, PEER_MAC, PEER, OUR_MAC, OUR)), nowUs);
  assert.equal(echo?.[34], 0, 'the answer that waited');
}

test('at the start the address is announced, and the kernel has frames', () => {
  const host = new Host();
  host.core.turn(0);
  assert.deepEqual(host.takeSent(), [ethernet(BROADCAST, OUR_MAC, ARP, arp(1, OUR_MAC, OUR, NOBODY, OUR))]);
  host.core.turn(0);
  assert.deepEqual(host.owners(), QUIET);
  assert.equal(host.core.nextDeadlineUs() >>> 0, 0xffff_ffff);
});

test('a question for our address is answered, one for another is not', () => {
  const host = quietHost();
  const question = ethernet(BROADCAST, PEER_MAC, ARP, arp(1, PEER_MAC, PEER, NOBODY, OUR));
  const answer = ethernet(PEER_MAC, OUR_MAC, ARP, arp(2, OUR_MAC, OUR, PEER_MAC, PEER));
  assert.deepEqual(answersTo(host, question), [answer]);
  assert.deepEqual(answersTo(host, ethernet(BROADCAST, PEER_MAC, ARP, arp(1, PEER_MAC, PEER, NOBODY, '10.0.0.3'))), []);
  assert.deepEqual(host.owners(), QUIET);
});

test('an echo of every length is answered, once the peer is known', () => {
  const host = quietHost();
  introduce(host);
  for (const length of [0, 1, 2, 3, 17, 18, 19, 56, 999, 1471, 1472]) {
    const payload = pattern(length, length);
    const wanted = ethernet(
      PEER_MAC,
      OUR_MAC,
      IPV4,
      ipv4(OUR, PEER, { protocol: 1, fragment: 0x4000 }, icmp(0, 0, 0x1234_0001, payload)),
    );
    assert.deepEqual(answersTo(host, echoPacket(payload)), [wanted], `${length} bytes`);
  }
  assert.equal(host.figure('icmpEchoes'), 12);
  assert.deepEqual(host.owners(), QUIET);
});

test('what the link pads is cut off', () => {
  const host = quietHost();
  introduce(host);
  const short = echoPacket(pattern(2));
  const [answer] = answersTo(
    host,
    Uint8Array.from({ length: 60 }, (_, index) => short[index] ?? 0xee),
  );
  assert.equal(answer?.length, short.length);
});

test('a neighbour that does not answer is asked three times; what waits for it is dropped', () => {
  const host = quietHost();
  const told: number[] = [];
  let waited = 0;
  for (let us = 0; us < 5_000_000; us += 250_000) {
    for (let packets = 0; us < 1_500_000 && packets < 12; packets++) host.deliver(echoPacket(pattern(8)));
    host.core.turn(us);
    for (const packet of host.takeSent()) {
      assert.equal(get16(packet, 12), ARP);
      told.push(us);
    }
    waited = Math.max(waited, host.owners().waiting);
  }
  assert.deepEqual(told, [0, 1_000_000, 2_000_000]);
  // 64 wait for it at most.
  assert.equal(waited, 64);
  assert.equal(host.figure('neighbourDropped'), 72);
  assert.equal(host.figure('neighbourFailed'), 1);
  host.core.turn(5_000_000);
  assert.deepEqual(host.owners(), QUIET);
});

test('what waits for a neighbour goes out in order when it answers; all together have a sixteenth of the frames', () => {
  const host = quietHost();
  const socket = host.core.udpOpen(host.addressAt('::'), 7);
  const send = (payload: number, to: string): number => {
    const at = host.core.udpFrame();
    host.bytes[at] = payload;
    return host.core.udpSend(socket, at, 1, host.addressAt(to), 9);
  };
  for (let payload = 0; payload < 50; payload++) assert.equal(send(payload, PEER), 0);
  // One after another for hosts that do not answer: 4096 frames, a sixteenth is 256.
  for (let other = 0; other < 250; other++) send(other, `10.0.0.${100 + (other % 10)}`);
  assert.equal(host.owners().waiting, 256);
  host.core.turn(0);
  host.takeSent();
  const sent = answersTo(host, ethernet(OUR_MAC, PEER_MAC, ARP, arp(2, PEER_MAC, PEER, OUR_MAC, OUR)));
  assert.deepEqual(
    sent.map((packet) => packet[42]),
    Array.from({ length: 50 }, (_, payload) => payload),
  );
  for (let us = 1_000_000; us < 6_000_000; us += 1_000_000) {
    host.core.turn(us);
    host.takeSent();
  }
  assert.deepEqual(host.owners(), QUIET);
  assert.equal(host.figure('neighbourDropped'), 250);
});

test('nobody is believed who was not asked, or contradicts what is known', () => {
  const host = quietHost();
  const thief = '02:00:00:00:00:66';
  answersTo(host, ethernet(OUR_MAC, thief, ARP, arp(2, thief, PEER, OUR_MAC, OUR)));
  assert.equal(host.figure('neighbourUnasked'), 1);
  introduce(host);
  // The one that has the address is asked; it answers, and stays.
  const asked = answersTo(host, ethernet(OUR_MAC, thief, ARP, arp(2, thief, PEER, OUR_MAC, OUR)));
  assert.deepEqual(asked, [ethernet(PEER_MAC, OUR_MAC, ARP, arp(1, OUR_MAC, OUR, NOBODY, PEER))]);
  answersTo(host, ethernet(OUR_MAC, PEER_MAC, ARP, arp(2, PEER_MAC, PEER, OUR_MAC, OUR)));
  const [echo] = answersTo(host, echoPacket(pattern(8)));
  assert.deepEqual(echo?.subarray(0, 6), ethernet(PEER_MAC, OUR_MAC, IPV4, pattern(0)).subarray(0, 6));
  // For another card, from outside of the net, as us.
  for (const packet of [
    ethernet(OUR_MAC, thief, ARP, arp(2, PEER_MAC, PEER, OUR_MAC, OUR)),
    ethernet(OUR_MAC, thief, ARP, arp(2, thief, '192.168.1.1', OUR_MAC, OUR)),
    ethernet(OUR_MAC, thief, ARP, arp(3, thief, PEER, OUR_MAC, OUR)),
    ethernet(OUR_MAC, thief, ARP, arp(1, thief, PEER, OUR_MAC, OUR).subarray(0, 27)),
  ]) {
    assert.deepEqual(answersTo(host, packet), []);
  }
  assert.equal(host.figure('arpRefused'), 4);
  assert.deepEqual(answersTo(host, ethernet(OUR_MAC, thief, ARP, arp(1, thief, OUR, OUR_MAC, OUR))), []);
  assert.equal(host.figure('neighbourConflicts'), 1);
  // Somebody who is about to take it hears that it is ours (RFC 5227, section 2.1.1).
  const probe = ethernet(BROADCAST, thief, ARP, arp(1, thief, '0.0.0.0', NOBODY, OUR));
  assert.deepEqual(answersTo(host, probe), [ethernet(thief, OUR_MAC, ARP, arp(2, OUR_MAC, OUR, thief, '0.0.0.0'))]);
  // Our own announcement may come back.
  answersTo(host, ethernet(BROADCAST, OUR_MAC, ARP, arp(1, OUR_MAC, OUR, NOBODY, OUR)));
  assert.equal(host.figure('addressConflicts'), 2);
});

test('a neighbour that has moved is found again', () => {
  const host = quietHost();
  const moved = '02:00:00:00:00:77';
  introduce(host);
  let asked = answersTo(host, ethernet(OUR_MAC, moved, ARP, arp(2, moved, PEER, OUR_MAC, OUR)));
  for (let us = 1_000_000; us <= 3_000_000; us += 1_000_000) {
    host.core.turn(us);
    asked = host.takeSent();
  }
  assert.deepEqual(asked, [ethernet(BROADCAST, OUR_MAC, ARP, arp(1, OUR_MAC, OUR, NOBODY, PEER))]);
  answersTo(host, ethernet(OUR_MAC, moved, ARP, arp(2, moved, PEER, OUR_MAC, OUR)), 3_000_000);
  const [echo] = answersTo(host, echoPacket(pattern(8)), 3_000_000);
  assert.deepEqual(echo?.subarray(0, 6), ethernet(moved, OUR_MAC, IPV4, pattern(0)).subarray(0, 6));
});

test('what is off the link goes to the gateway, and nowhere without one', () => {
  const far = '192.0.2.9';
  const packet = ethernet(OUR_MAC, PEER_MAC, IPV4, ipv4(far, OUR, { protocol: 1 }, icmp(8, 0, 1, pattern(8))));
  const alone = quietHost();
  assert.deepEqual(answersTo(alone, packet), []);
  assert.equal(alone.figure('noRoute'), 1);
  assert.deepEqual(alone.owners(), QUIET);
  const host = quietHost({ ipv4Gateway: '10.0.0.254' });
  const asked = answersTo(host, packet);
  assert.deepEqual(asked, [ethernet(BROADCAST, OUR_MAC, ARP, arp(1, OUR_MAC, OUR, NOBODY, '10.0.0.254'))]);
});

test('each malformed packet is refused with its count, and costs no frame', () => {
  const host = quietHost();
  const body = icmp(8, 0, 1, pattern(8));
  const refusals: readonly (readonly [Parameters<Host['figure']>[0], Uint8Array])[] = [
    ['ethernetShort', pattern(13)],
    ['ethernetForeign', ethernet(PEER_MAC, PEER_MAC, IPV4, ipv4(PEER, OUR, { protocol: 1 }, body))],
    ['ethernetForeign', ethernet(BROADCAST, PEER_MAC, IPV4, ipv4(PEER, OUR, { protocol: 1 }, body))],
    ['ethernetForeign', ethernet(OUR_MAC, BROADCAST, IPV4, ipv4(PEER, OUR, { protocol: 1 }, body))],
    ['ethernetType', ethernet(OUR_MAC, PEER_MAC, 0x8100, ipv4(PEER, OUR, { protocol: 1 }, body))],
    ['ipMalformed', ethernet(OUR_MAC, PEER_MAC, IPV4, ipv4(PEER, OUR, { protocol: 1 }, body).subarray(0, 19))],
    ['ipMalformed', ethernet(OUR_MAC, PEER_MAC, IPV4, ipv4(PEER, OUR, { protocol: 1, totalLength: 100 }, body))],
    ['ipMalformed', ethernet(OUR_MAC, PEER_MAC, IPV4, ipv4(PEER, OUR, { protocol: 1, totalLength: 19 }, body))],
    ['ipMalformed', ethernet(OUR_MAC, PEER_MAC, IPV4, ipv4(PEER, OUR, { protocol: 1 }, pattern(7)))],
    ['ipChecksum', ethernet(OUR_MAC, PEER_MAC, IPV4, ipv4(PEER, OUR, { protocol: 1, checksum: 0x1234 }, body))],
    ['ipForeign', ethernet(OUR_MAC, PEER_MAC, IPV4, ipv4(PEER, '10.0.0.3', { protocol: 1 }, body))],
    ...['0.1.2.3', '127.0.0.1', '224.0.0.1', '255.255.255.255', '10.0.0.255', OUR].map(
      (from) => ['ipSource', ethernet(OUR_MAC, PEER_MAC, IPV4, ipv4(from, OUR, { protocol: 1 }, body))] as const,
    ),
    ...[
      [131, 4, 4, 0],
      [137, 4, 4, 0],
      [7, 1, 0, 0],
      [7, 5, 0, 0],
      [1, 1, 1, 7],
    ].map((options) => {
      const fields = { protocol: 1, options: Uint8Array.from(options) };
      return ['ipOptions', ethernet(OUR_MAC, PEER_MAC, IPV4, ipv4(PEER, OUR, fields, body))] as const;
    }),
    ['ipProtocol', ethernet(OUR_MAC, PEER_MAC, IPV4, ipv4(PEER, OUR, { protocol: 132 }, body))],
    ['transportChecksum', ethernet(OUR_MAC, PEER_MAC, IPV4, ipv4(PEER, OUR, { protocol: 1 }, pattern(16)))],
    ['icmpRefused', echoPacket(pattern(8), 13)],
  ];
  for (const [index, [name, packet]] of refusals.entries()) {
    const before = host.figure(name);
    assert.deepEqual(answersTo(host, packet), [], `${name}, ${index}`);
    assert.equal(host.figure(name), before + 1, `${name}, ${index}`);
  }
  assert.deepEqual(host.owners(), QUIET);
  introduce(host);
});

test('options that say nothing of the way are skipped', () => {
  const host = quietHost();
  introduce(host);
  const options = Uint8Array.from([7, 7, 4, 0, 0, 0, 0, 1]);
  const packet = ipv4(PEER, OUR, { protocol: 1, options }, icmp(8, 0, 1, pattern(8)));
  const [answer] = answersTo(host, ethernet(OUR_MAC, PEER_MAC, IPV4, packet));
  assert.equal(internetChecksum(answer!.subarray(14, 34)), 0);
  assert.deepEqual(answer!.subarray(42), pattern(8));
});
