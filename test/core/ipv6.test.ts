// IPv6, neighbour discovery and ICMPv6 of the stack, against packets that plain TypeScript writes.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ethernet, IPV6, icmpv6, ipv6, joined, ndBody, pattern, udp } from './packets.js';
import { Host, ipv6Of } from './stack-host.js';

const OUR_MAC = '02:00:00:00:00:01';
const PEER_MAC = '02:00:00:00:00:02';
const OUR = 'fd00::a1:b2c3';
const OUR_LINK = 'fe80::1';
const PEER = 'fd00::a2:1';
const GROUP = 'ff02::1:ffa1:b2c3';
const LINK_GROUP = 'ff02::1:ff00:1';
const GROUP_MAC = '33:33:ff:a1:b2:c3';
const ALL = 'ff02::1';
const ALL_MAC = '33:33:00:00:00:01';
const SOLICITED = 0x6000_0000;
const QUIET = { free: 2048, fill: 2048, stack: 0, application: 0, transmit: 0, waiting: 0 };

function quietHost(): Host {
  const host = new Host({ ipv6: `${OUR}/64`, ipv6LinkLocal: OUR_LINK });
  host.core.turn(0);
  host.takeSent();
  host.core.turn(0);
  return host;
}

function answersTo(host: Host, packet: Uint8Array, nowUs = 0): Uint8Array[] {
  assert.ok(host.deliver(packet));
  host.core.turn(nowUs);
  const sent = host.takeSent();
  host.core.turn(nowUs);
  return sent;
}

function solicitation(
  from: string,
  to: string,
  toMac: string,
  target: string,
  fromMac: string,
  mac = fromMac,
): Uint8Array {
  const message = icmpv6(from, to, 135, 0, 0, ndBody(target, 1, mac));
  return ethernet(toMac, fromMac, IPV6, ipv6(from, to, 58, message, 255));
}

function advertisement(
  from: string,
  to: string,
  toMac: string,
  fromMac: string,
  flags: number,
  mac = fromMac,
): Uint8Array {
  const message = icmpv6(from, to, 136, 0, flags, ndBody(from, 2, mac));
  return ethernet(toMac, fromMac, IPV6, ipv6(from, to, 58, message, 255));
}

/** What is said of groups, with the alert that routers look at. */
function ofGroups(to: string, toMac: string, message: Uint8Array): Uint8Array {
  const alert = Uint8Array.of(58, 0, 5, 2, 0, 0, 1, 0);
  return ethernet(toMac, OUR_MAC, IPV6, ipv6(OUR_LINK, to, 0, joined(alert, message), 1));
}

function report(kind: number, ...groups: string[]): Uint8Array {
  const records = groups.map((group) => joined(Uint8Array.of(kind, 0, 0, 0), ipv6Of(group)));
  const to = 'ff02::16';
  return ofGroups(to, '33:33:00:00:00:16', icmpv6(OUR_LINK, to, 143, 0, groups.length, joined(...records)));
}

function oldReport(group: string): Uint8Array {
  const mac = `33:33:${[...ipv6Of(group).subarray(12)].map((byte) => byte.toString(16).padStart(2, '0')).join(':')}`;
  return ofGroups(group, mac, icmpv6(OUR_LINK, group, 131, 0, 0, ipv6Of(group)));
}

function echo(payload: Uint8Array, type = 128): Uint8Array {
  return ethernet(OUR_MAC, PEER_MAC, IPV6, ipv6(PEER, OUR, 58, icmpv6(PEER, OUR, type, 0, 0x1234_0001, payload)));
}

function introduce(host: Host): void {
  const asked = answersTo(host, echo(pattern(8)));
  assert.deepEqual(asked, [solicitation(OUR, 'ff02::1:ffa2:1', '33:33:ff:a2:00:01', PEER, OUR_MAC)]);
  const [answer] = answersTo(host, advertisement(PEER, OUR, OUR_MAC, PEER_MAC, SOLICITED));
  assert.equal(answer?.[54], 129, 'the answer that waited');
}

test('at the start both addresses are announced', () => {
  const host = new Host({ ipv6: `${OUR}/64`, ipv6LinkLocal: OUR_LINK });
  host.core.turn(0);
  assert.deepEqual(host.takeSent().slice(1), [
    advertisement(OUR, ALL, ALL_MAC, OUR_MAC, 0x2000_0000),
    advertisement(OUR_LINK, ALL, ALL_MAC, OUR_MAC, 0x2000_0000),
    report(4, GROUP, LINK_GROUP),
  ]);
});

test('of which groups we are is said twice at the start, when somebody asks, and now and then (RFC 3810, RFC 2710)', () => {
  const host = new Host({ ipv6: `${OUR}/64`, ipv6LinkLocal: OUR_LINK });
  host.core.turn(0);
  host.takeSent();
  const at = (us: number): Uint8Array[] => {
    host.core.turn(us >>> 0);
    const sent = host.takeSent();
    host.core.turn(us >>> 0);
    return sent;
  };
  assert.equal(host.core.nextDeadlineUs(), 1_000_000);
  assert.deepEqual(at(1_000_000), [report(4, GROUP, LINK_GROUP)]);
  assert.equal(host.core.nextDeadlineUs(), 125_000_000);
  const query = (us: number, bytes: number, from = 'fe80::99', hops = 1): void => {
    const message = icmpv6(from, ALL, 130, 0, 2000 << 16, new Uint8Array(bytes - 8));
    const alert = Uint8Array.of(58, 0, 5, 2, 0, 0, 1, 0);
    host.deliver(ethernet(ALL_MAC, PEER_MAC, IPV6, ipv6(from, ALL, 0, joined(alert, message), hops)));
    at(us);
  };
  // From afar, from no neighbour, too short: not answered.
  query(2_000_000, 28, 'fe80::99', 64);
  query(2_000_000, 28, PEER);
  query(2_000_000, 20);
  assert.ok(host.core.nextDeadlineUs() > 100_000_000);
  query(2_000_000, 28);
  const delay = host.core.nextDeadlineUs();
  assert.ok(delay <= 2_000_000, 'at a time of our own within what is asked for');
  assert.deepEqual(at(2_000_000 + delay), [report(2, GROUP, LINK_GROUP)]);
  query(4_000_000, 24);
  assert.deepEqual(at(6_000_000), [oldReport(GROUP), oldReport(LINK_GROUP)]);
  assert.deepEqual(at(132_000_000), [oldReport(GROUP), oldReport(LINK_GROUP)]);
  assert.equal(host.figure('groupReports'), 7);
  assert.deepEqual(host.owners(), QUIET);
});

test('a question for our address is answered, to a group and to us, and to one that has none yet', () => {
  const host = quietHost();
  const answer = advertisement(OUR, PEER, PEER_MAC, OUR_MAC, SOLICITED);
  assert.deepEqual(answersTo(host, solicitation(PEER, GROUP, GROUP_MAC, OUR, PEER_MAC)), [answer]);
  assert.deepEqual(answersTo(host, solicitation(PEER, OUR, OUR_MAC, OUR, PEER_MAC)), [answer]);
  const probe = icmpv6('::', GROUP, 135, 0, 0, ndBody(OUR, 1, PEER_MAC).subarray(0, 16));
  const asked = answersTo(host, ethernet(GROUP_MAC, PEER_MAC, IPV6, ipv6('::', GROUP, 58, probe, 255)));
  assert.deepEqual(asked, [advertisement(OUR, ALL, ALL_MAC, OUR_MAC, 0x2000_0000)]);
  assert.deepEqual(answersTo(host, solicitation(PEER, GROUP, GROUP_MAC, 'fd00::aaa1:b2c3', PEER_MAC)), []);
  assert.deepEqual(host.owners(), QUIET);
});

test('an echo of every length is answered, once the peer is known', () => {
  const host = quietHost();
  introduce(host);
  for (const length of [0, 1, 2, 3, 17, 18, 19, 56, 999, 1451, 1452]) {
    const payload = pattern(length, length);
    const message = icmpv6(OUR, PEER, 129, 0, 0x1234_0001, payload);
    assert.deepEqual(answersTo(host, echo(payload)), [ethernet(PEER_MAC, OUR_MAC, IPV6, ipv6(OUR, PEER, 58, message))]);
  }
  assert.deepEqual(host.owners(), QUIET);
});

test('extension headers are walked over', () => {
  const host = quietHost();
  introduce(host);
  const message = icmpv6(PEER, OUR, 128, 0, 1, pattern(9));
  const padding = (next: number): Uint8Array => Uint8Array.from([next, 0, 1, 4, 0, 0, 0, 0]);
  const routed = (next: number, left: number): Uint8Array => Uint8Array.from([next, 0, 4, left, 0, 0, 0, 0]);
  const answered = (first: number, ...pieces: Uint8Array[]): number =>
    answersTo(host, ethernet(OUR_MAC, PEER_MAC, IPV6, ipv6(PEER, OUR, first, joined(...pieces, message)))).length;
  assert.equal(answered(0, padding(60), padding(43), routed(60, 0), padding(58)), 1);
  assert.equal(answered(60, Uint8Array.from([58, 0, 0, 0, 0, 0, 0, 0])), 1);
  const before = host.figure('ipExtension');
  assert.equal(answered(43, routed(58, 1)), 0, 'a way that is not gone');
  assert.equal(answered(60, padding(0), padding(58)), 0, 'hop by hop, not first');
  assert.equal(answered(60, ...Array.from({ length: 9 }, (_, index) => padding(index === 8 ? 58 : 60))), 0, 'too many');
  assert.equal(answered(60, Uint8Array.from([58, 200, 1, 4, 0, 0, 0, 0])), 0, 'longer than the packet');
  assert.equal(answered(59), 0);
  assert.equal(host.figure('ipExtension'), before + 5);
  assert.equal(answered(60, Uint8Array.from([58, 0, 0x80, 4, 0, 0, 0, 0])), 0, 'an option that may not be skipped');
  assert.equal(answered(60, Uint8Array.from([58, 0, 1, 5, 0, 0, 0, 0])), 0, 'an option longer than its header');
  assert.equal(host.figure('ipOptions'), 2);
  assert.deepEqual(host.owners(), QUIET);
});

test('each malformed packet is refused with its count, and costs no frame', () => {
  const host = quietHost();
  const body = icmpv6(PEER, OUR, 128, 0, 1, pattern(8));
  const good = ipv6(PEER, OUR, 58, body);
  const changed = (at: number, value: number): Uint8Array => {
    const packet = good.slice();
    packet[at] = value;
    return ethernet(OUR_MAC, PEER_MAC, IPV6, packet);
  };
  const nd = (type: number, hops: number, payload: Uint8Array): Uint8Array =>
    ethernet(OUR_MAC, PEER_MAC, IPV6, ipv6(PEER, OUR, 58, icmpv6(PEER, OUR, type, 0, 0, payload), hops));
  const question = ndBody(OUR, 1, PEER_MAC);
  const refusals: readonly (readonly [Parameters<Host['figure']>[0], Uint8Array])[] = [
    ['ipMalformed', ethernet(OUR_MAC, PEER_MAC, IPV6, good.subarray(0, 39))],
    ['ipMalformed', changed(0, 0x40)],
    ['ipMalformed', changed(5, 200)],
    ['ipMalformed', ethernet(OUR_MAC, PEER_MAC, IPV6, ipv6(PEER, OUR, 58, pattern(7)))],
    ['ipSource', ethernet(OUR_MAC, PEER_MAC, IPV6, ipv6('ff02::5', OUR, 58, body))],
    ['ipSource', ethernet(OUR_MAC, PEER_MAC, IPV6, ipv6(OUR, OUR, 58, body))],
    ['ipSource', ethernet(OUR_MAC, PEER_MAC, IPV6, ipv6('::1', OUR, 58, body))],
    ['ipSource', ethernet(OUR_MAC, PEER_MAC, IPV6, ipv6('::ffff:a00:2', OUR, 58, body))],
    ['ipSource', ethernet(OUR_MAC, PEER_MAC, IPV6, ipv6('::', OUR, 6, body))],
    ['ipForeign', ethernet(OUR_MAC, PEER_MAC, IPV6, ipv6(PEER, 'fd00::9', 58, body))],
    ['ipForeign', ethernet(ALL_MAC, PEER_MAC, IPV6, good)],
    ['transportChecksum', changed(50, 9)],
    ['ipProtocol', ethernet(OUR_MAC, PEER_MAC, IPV6, ipv6(PEER, OUR, 132, body))],
    ['icmpRefused', nd(135, 254, question)],
    ['icmpRefused', nd(135, 255, question.subarray(0, 15))],
    ['icmpRefused', nd(135, 255, joined(question.subarray(0, 16), Uint8Array.from([1, 0, 0, 0, 0, 0, 0, 0])))],
    ['icmpRefused', nd(135, 255, joined(question, Uint8Array.from([1, 2, 0, 0, 0, 0, 0, 0])))],
    ['icmpRefused', nd(135, 255, ndBody(OUR, 1, '02:00:00:00:00:66'))],
    ['icmpRefused', nd(135, 255, ndBody(ALL, 1, PEER_MAC))],
    ['icmpRefused', nd(136, 255, ndBody(PEER, 2, '02:00:00:00:00:66'))],
    ['icmpRefused', nd(134, 255, pattern(16))],
    ['neighbourUnasked', nd(136, 255, ndBody(PEER, 2, PEER_MAC))],
    ['addressConflicts', nd(136, 255, ndBody(OUR, 2, PEER_MAC))],
  ];
  for (const [index, [name, packet]] of refusals.entries()) {
    const before = host.figure(name);
    assert.deepEqual(answersTo(host, packet), [], `${name}, ${index}`);
    assert.equal(host.figure(name), before + 1, `${name}, ${index}`);
  }
  assert.deepEqual(host.owners(), QUIET);
  introduce(host);
});

test('a neighbour on the link alone is answered from the address of the link', () => {
  const host = quietHost();
  const peer = 'fe80::2';
  const packet = ipv6(peer, OUR_LINK, 58, icmpv6(peer, OUR_LINK, 128, 0, 1, pattern(8)));
  const asked = answersTo(host, ethernet(OUR_MAC, PEER_MAC, IPV6, packet));
  assert.deepEqual(asked, [solicitation(OUR_LINK, 'ff02::1:ff00:2', '33:33:ff:00:00:02', peer, OUR_MAC)]);
});

test('a narrow way is learned, and less than every link carries is not believed', () => {
  const host = quietHost();
  introduce(host);
  const socket = host.core.udpOpen(host.addressAt('::'), 7);
  const fits = (length: number): boolean => {
    const at = host.core.udpFrame();
    const sent = host.core.udpSend(socket, at, length, host.addressAt(PEER), 9);
    if (sent !== 0) host.core.recycle(at);
    host.core.turn(0);
    host.takeSent();
    return sent === 0;
  };
  const narrow = (mtu: number, from = OUR): Uint8Array => {
    const quoted = ipv6(from, PEER, 17, udp(from, PEER, [7, 9], pattern(64)));
    return ethernet(OUR_MAC, PEER_MAC, IPV6, ipv6(PEER, OUR, 58, icmpv6(PEER, OUR, 2, 0, mtu, quoted)));
  };
  const asIs = 1500 - 48;
  answersTo(host, narrow(1279));
  answersTo(host, narrow(1400, 'fd00::77'));
  assert.ok(fits(asIs));
  answersTo(host, narrow(1400));
  assert.ok(fits(1400 - 48) && !fits(1401 - 48));
  answersTo(host, narrow(1280));
  assert.ok(fits(1280 - 48) && !fits(1281 - 48));
  assert.equal(host.figure('pathNarrowed'), 2);
  assert.equal(host.figure('pathRefused'), 1);
});

test('a closed port is told to the sender', () => {
  const host = quietHost();
  introduce(host);
  const packet = ipv6(PEER, OUR, 17, udp(PEER, OUR, [5000, 9], pattern(1300)));
  const message = icmpv6(OUR, PEER, 1, 4, 0, packet.subarray(0, 1232));
  const wanted = ethernet(PEER_MAC, OUR_MAC, IPV6, ipv6(OUR, PEER, 58, message));
  assert.deepEqual(answersTo(host, ethernet(OUR_MAC, PEER_MAC, IPV6, packet)), [wanted]);
});
