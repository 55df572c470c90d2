// The programs on packets of our own: which are brought to the socket, and which go on to the kernel. A socket on loopback in a namespace of the
// test's own stands for the queue; nothing is attached.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { arp, arpAnswer, type Ends, icmpEcho, internet, tcp, udp } from '../../test/support/net-packets.js';
import type { Assembly } from '../bpf/assembler.js';
import { hostFacts } from '../bpf/host-facts.js';
import { BpfMap } from '../bpf/map.js';
import { BpfProgram } from '../bpf/program.js';
import { inOwnNetworkNamespace } from '../kernel/namespace.js';
import { setDeviceUp } from '../kernel/network-device.js';
import { Region } from '../memory/region.js';
import { PacketRings } from './packet-rings.js';
import { XdpAttachment } from './xdp-attachment.js';
import { chosenMap, socketsMap, takeChosen, takeEverything } from './xdp-program.js';
import { XdpSocket } from './xdp-socket.js';

const rights = process.platform === 'linux' ? hostFacts().capabilities : new Set<string>();
const skip = !rights.has('CAP_SYS_ADMIN') && 'needs root: opens a network namespace and loads BPF programs';

const isState = { code: 'CLEARWAY_STATE' };
const isArgument = { code: 'CLEARWAY_ARGUMENT' };
const [pass, redirect] = [2, 4];
const own4 = '10.0.0.1';
const shared4 = '10.0.0.2';
const own6 = 'fd000000000000000000000000000001';
const shared6 = 'fd000000000000000000000000000002';
const group6 = 'ff0200000000000000000001ff000001';
const peer4 = '10.0.0.9';
const peer6 = 'fd000000000000000000000000000009';
const macs = { fromMac: '02:00:00:00:00:09', toMac: '02:00:00:00:00:01' };
const to = (address: string, toPort = 80, fromPort = 5000): Ends => ({
  ...macs,
  from: address.includes('.') ? peer4 : peer6,
  to: address,
  fromPort,
  toPort,
});
const none = new Uint8Array(0);
const segment = { sequence: 1, acknowledge: 2, flags: 16 };

/** A change of a packet's bytes. */
function changed(packet: Buffer, at: number, ...bytes: number[]): Buffer {
  packet.set(bytes, at);
  return packet;
}

/** An error of ICMP of the peer's about a packet that came from `inner`. */
function error(isIp4: boolean, type: number, inner: Buffer, address: string): Buffer {
  return internet(
    to(address),
    isIp4 ? 1 : 58,
    Buffer.concat([Buffer.from([type, 4, 0, 0, 0, 0, 5, 0]), inner.subarray(14)]),
  );
}

const sentBy = (address: string, port: number): Ends => ({
  ...to(address),
  from: address,
  to: address.includes('.') ? peer4 : peer6,
  fromPort: port,
});

/** A packet of IPv4 with options. */
function withOptions(packet: Buffer): Buffer {
  const longer = Buffer.concat([packet.subarray(0, 34), Buffer.alloc(8, 1), packet.subarray(34)]);
  return changed(longer, 14, 0x47);
}

/** A packet of IPv6 with an extension header: what it carries begins with one. */
const extended = (address: string, kind: number): Buffer =>
  internet(
    to(address),
    kind,
    Buffer.concat([Buffer.from([17, 0, 0, 0, 0, 0, 0, 0]), udp(to(address), none).subarray(54)]),
  );

const question = (target: string): Buffer =>
  internet({ ...to(group6) }, 58, Buffer.concat([Buffer.from([135, 0, 0, 0, 0, 0, 0, 0]), Buffer.from(target, 'hex')]));

/** What it is, the packet, and whether it is taken. */
const cases: readonly [string, Buffer, boolean][] = [
  ['UDP to the chosen port', udp(to(shared4), none), true],
  ['UDP to another', udp(to(shared4, 81), none), false],
  ['TCP to the chosen port of TCP', tcp(to(shared4, 443), segment, none), true],
  ['TCP to a port that was chosen for UDP', tcp(to(shared4, 80), segment, none), false],
  ['UDP to the chosen port of another address', udp(to('10.0.0.3'), none), false],
  ['UDP to the chosen port behind options', withOptions(udp(to(shared4), none)), true],
  ['the first fragment', changed(udp(to(shared4), none), 20, 0x20, 0), false],
  ['a later fragment', changed(udp(to(shared4), none), 20, 0x00, 0x10), false],
  ['a packet that must not be cut', changed(udp(to(shared4), none), 20, 0x40, 0), true],
  ['a ping', icmpEcho(to(shared4), none), false],
  ['an error about a packet from the chosen port', error(true, 3, udp(sentBy(shared4, 80), none), shared4), true],
  ['its first fragment', error(true, 3, changed(udp(sentBy(shared4, 80), none), 20, 0x20, 0), shared4), true],
  ['a later one', error(true, 3, changed(udp(sentBy(shared4, 80), none), 20, 0, 9), shared4), false],
  ['one about another port', error(true, 3, udp(sentBy(shared4, 81), none), shared4), false],
  ['another protocol', error(true, 11, tcp(sentBy(shared4, 443), segment, none), shared4), true],
  ['a message that is no error', error(true, 5, udp(sentBy(shared4, 80), none), shared4), false],
  ['an error that ends too early', error(true, 3, udp(sentBy(shared4, 80), none), shared4).subarray(0, 60), false],
  ['a packet that ends before its port', udp(to(shared4), none).subarray(0, 36), false],
  ['a frame of 14 bytes', udp(to(shared4), none).subarray(0, 14), false],
  ['a tag of a VLAN', tcp(to(shared4, 443), segment, none, false, 1), false],
  ['two of them', tcp(to(own4, 443), segment, none, false, 2), false],
  ['anything to an address of its own', udp(to(own4, 9), none), true],
  ['a fragment', changed(udp(to(own4), none), 20, 0, 9), true],
  ['a ping to it', icmpEcho(to(own4), none), true],
  ['a question of ARP for it', arp(macs.fromMac, peer4, own4), true],
  ['an answer to it', arpAnswer(macs.fromMac, peer4, macs.toMac, own4), true],
  ['a question for an address that the kernel has too', arp(macs.fromMac, peer4, shared4), false],
  ['a question of ARP for addresses of another kind', changed(arp(macs.fromMac, peer4, own4), 16, 8, 6), false],
  ['a question of ARP that ends too early', arp(macs.fromMac, peer4, own4).subarray(0, 41), false],
  ['IPv6: UDP to the chosen port', udp(to(shared6), none), true],
  ['IPv6: UDP to another', udp(to(shared6, 81), none), false],
  ['IPv6: TCP to the chosen port', tcp(to(shared6, 443), segment, none), true],
  ['IPv6: an extension header', extended(shared6, 60), false],
  ['IPv6: a fragment', extended(shared6, 44), false],
  [
    'IPv6: an error about a packet from the chosen port',
    error(false, 2, udp(sentBy(shared6, 80), none), shared6),
    true,
  ],
  ['IPv6: one about another', error(false, 2, udp(sentBy(shared6, 81), none), shared6), false],
  ['IPv6: a ping', error(false, 128, udp(sentBy(shared6, 80), none), shared6), false],
  ['IPv6: anything to an address of its own', extended(own6, 44), true],
  ['IPv6: a question for its own', question(own6), true],
  ['IPv6: one for another', question(shared6), false],
  ['IPv6: one that ends too early', question(own6).subarray(0, 77), false],
  ['another type of Ethernet', changed(udp(to(own4), none), 12, 0x88, 0xcc), false],
];

describe('programs for AF_XDP', { skip }, () => {
  const entries = { fill: 64, completion: 64, receive: 64, transmit: 64 };
  let memory: Region;
  let socket: XdpSocket;
  const maps: Record<string, BpfMap> = {};

  before(() => {
    memory = new Region(64 * 2048);
    inOwnNetworkNamespace(() => {
      setDeviceUp('lo');
      socket = new XdpSocket({ device: 'lo', ifindex: 1, queue: 0, memory, frameBytes: 2048, entries });
    });
    for (const spec of [socketsMap(4), chosenMap]) maps[spec.name] = BpfMap.create(spec);
    const address = (text: string): Buffer =>
      text.includes('.')
        ? Buffer.from([...Buffer.alloc(10), 255, 255, ...text.split('.').map(Number)])
        : Buffer.from(text, 'hex');
    const key = (text: string, port = 0, protocol = 0): Buffer =>
      Buffer.concat([address(text), Buffer.from([port >> 8, port & 255, protocol, 0])]);
    const chosen = [
      key(own4),
      key(own6),
      ...[shared4, shared6].flatMap((each) => [key(each, 80, 17), key(each, 443, 6)]),
    ];
    for (const each of chosen) maps.chosen!.update(each, (value) => value.setUint32(0, 1, true));
  });

  after(() => {
    for (const map of Object.values(maps)) map.close();
    socket.close();
    memory.unmap();
  });

  const run = (code: Assembly, use: (verdict: (packet: Uint8Array) => number) => void): void => {
    const program = BpfProgram.load({ name: 'test', type: 'xdp', code }, maps);
    try {
      use((packet) => program.testRun(packet).returned);
    } finally {
      program.close();
    }
  };

  test('a queue without a socket leaves everything to the kernel; one with a socket takes everything', () => {
    run(takeEverything(), (verdict) => {
      assert.equal(verdict(cases[0]![1]), pass);
      maps.sockets!.update(0, (value) => value.setUint32(0, socket.fd, true));
      for (const [what, packet] of cases) assert.equal(verdict(packet), redirect, what);
    });
  });

  test('what is chosen is taken, and all else goes on', () => {
    run(takeChosen(), (verdict) => {
      for (const [what, packet, isTaken] of cases) assert.equal(verdict(packet), isTaken ? redirect : pass, what);
      maps.sockets!.delete(0);
      for (const [what, packet] of cases) assert.equal(verdict(packet), pass, what);
    });
  });

  test('bytes that make no sense, cut anywhere, end in a verdict', () => {
    run(takeChosen(), (verdict) => {
      for (const [, packet] of cases.slice(0, 12))
        for (let length = 14; length < packet.length; length++)
          assert.ok([pass, redirect].includes(verdict(packet.subarray(0, length))));
    });
  });

  test('what is closed says so: its rings are not touched, and nothing is taken any more', () => {
    inOwnNetworkNamespace(() => {
      setDeviceUp('lo');
      const place = new Region(64 * 2048);
      const closed = new XdpSocket({ device: 'lo', ifindex: 1, queue: 0, memory: place, frameBytes: 2048, entries });
      const rings = new PacketRings(closed, 16);
      const right = { device: 'lo', ifindex: 1, sockets: [closed], take: 'chosen' } as const;
      for (const take of [undefined, 'all', true])
        assert.throws(() => new XdpAttachment({ ...right, take } as unknown as typeof right), isArgument);
      const attachment = new XdpAttachment(right);
      for (const port of [null, 'udp', { number: 7 }, { protocol: 'sctp', number: 7 }])
        assert.throws(
          () => attachment.choose({ address: '10.0.0.1', port } as Parameters<typeof attachment.choose>[0]),
          isArgument,
        );
      attachment.detach();
      attachment.detach();
      const choice = { address: '10.0.0.1' };
      for (const use of [
        () => attachment.choose(choice),
        () => attachment.leave(choice),
        () => attachment.bring(closed),
      ])
        assert.throws(use, isState);
      closed.close();
      closed.close();
      place.unmap();
      for (const use of [
        () => closed.wakeReceive(),
        () => closed.wakeTransmit(),
        () => rings.refill(),
        () => rings.hasReceived,
        () => rings.receive({ packet: () => true }, 1),
        () => rings.take(),
        () => rings.send(0, 64),
        () => rings.flush(),
        () => rings.isSending,
        () => new PacketRings(closed, 16),
      ])
        assert.throws(use, isState);
      assert.equal(closed.statistics(), undefined);
    });
  });
});
