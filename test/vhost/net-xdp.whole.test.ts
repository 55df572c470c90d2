// A guest of the tests' own joined to one end of a pair of veth by AF_XDP; the kernel of the other end answers ARP, ICMP, UDP and TCP: each byte both
// ways, checksums on the wire, one copy a packet, packets that wait, several guests and queues.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { inNetworkNamespace } from '../../src/kernel/namespace.js';
import { deviceState } from '../../src/kernel/network-device.js';
import { CopyReason, copiedBytes } from '../../src/memory/copy.js';
import { Region } from '../../src/memory/region.js';
import { randomSource } from '../../src/plan/answers/simulate.js';
import { PacketRings } from '../../src/xdp/packet-rings.js';
import { XdpSocket } from '../../src/xdp/xdp-socket.js';
import { patterned } from '../conformance/serve/servers.js';
import { address, endsTo, macOf, peerMac, ping } from '../support/guest-peer.js';
import { GuestTcp } from '../support/guest-tcp.js';
import { type InProcessNets, startNets } from '../support/in-process-nets.js';
import { guestBits, headerOf, hostBits, NetBit, NetGuest, wholeHeader } from '../support/net-guest.js';
import type { NetNamespace } from '../support/net-namespace.js';
import { arp, icmpEcho, parse, tcp, udp } from '../support/net-packets.js';
import { until } from '../support/until.js';
import { VethPair, vethRefused } from '../support/veth-pair.js';
import { testEntries } from '../support/xdp-echo.js';

const folder = mkdtempSync(join(tmpdir(), 'clearway-xdp-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const skip = vethRefused();
/** Echoes what comes, by TCP and by UDP, and says when it listens. */
const echoServer = `require('net').createServer((s) => s.pipe(s)).listen(7000, '${address.peer}', () => {
  const u = require('dgram').createSocket('udp4'); u.on('message', (m, from) => u.send(m, from.port, from.address));
  u.bind(7001, '${address.peer}', () => console.log('listens')); });`;

/** A pair whose near end devices are joined to. */
function start(
  devices = 1,
  options: { readonly queues?: number; readonly pairs?: number; readonly mtu?: number } = {},
) {
  const { queues = 1, pairs = 1, mtu } = options;
  const pair = new VethPair(`${address.peer}/24`, { queues, ...(mtu === undefined ? {} : { mtu }) });
  const nets = startNets(devices, { xdp: pair.device }, { pairs, space: pair.space });
  return { pair, nets };
}

/** Nothing was lost in the rings, and no hand-over made no sense. */
function nothingLost(nets: InProcessNets): void {
  for (const { kernel, faults, frames } of nets.xdp()!.queues) {
    assert.deepEqual(
      Object.entries(faults).filter(([, count]) => count > 0),
      [],
    );
    const { receiveDropped, receiveInvalid, transmitInvalid, receiveRingFull } = kernel!;
    assert.deepEqual([receiveDropped, receiveInvalid, transmitInvalid, receiveRingFull], [0, 0, 0, 0]);
    assert.equal(frames.receiving, 4096, 'all frames are there');
  }
}

async function ended({ pair, nets }: ReturnType<typeof start>, ...guests: NetGuest[]): Promise<void> {
  for (const guest of guests) guest.close();
  await nets.close();
  assert.doesNotMatch(pair.link, /xdp/);
  pair.remove();
}

let captures = 0;

/** Notes what passes the peer's end. @returns what ends it, and gives the packets */
async function capture(space: NetNamespace, device: string): Promise<() => Promise<Buffer[]>> {
  const file = join(folder, `wire-${captures++}.pcap`);
  const [command, ...rest] = [
    ...space.launcher,
    'tcpdump',
    '-i',
    device,
    '-U',
    '-s',
    '0',
    '-w',
    file,
    '--immediate-mode',
  ];
  const child = spawn(command!, rest, { stdio: ['ignore', 'ignore', 'pipe'] });
  await new Promise((resolve) => child.stderr.once('data', resolve));
  return async () => {
    child.kill('SIGINT');
    await new Promise((resolve) => child.once('exit', resolve));
    const bytes = readFileSync(file);
    const packets: Buffer[] = [];
    for (let at = 24; at < bytes.length; ) {
      const length = bytes.readUInt32LE(at + 8);
      packets.push(bytes.subarray(at + 16, at + 16 + length));
      at += 16 + length;
    }
    return packets;
  };
}

describe('a guest joined to a network device by AF_XDP', { skip, timeout: 240_000 }, () => {
  test('the kernel at the other end answers ARP, pings and UDP; each packet is copied once', async () => {
    const started = start();
    const { nets, pair } = started;
    await pair.peer.node(echoServer);
    const before = copiedBytes[CopyReason.guestPacket]!;
    const guest = new NetGuest(nets.sockets[0]!, { bits: NetBit.mergeable });
    await guest.start();
    const mac = await peerMac(guest);
    for (const length of [0, 1, 56, 1472]) await ping(guest, endsTo(mac), patterned(length), [7, 12, 20, 30]);
    for (let length = 0; length <= 1472; length += 46) {
      const ends = { ...endsTo(mac), toPort: 7001 };
      await guest.send(headerOf(wholeHeader), udp(ends, patterned(length)));
      const parsed = parse((await guest.receive()).packet);
      assert.ok(
        parsed.isRight && parsed.isIpRight && parsed.toPort === ends.fromPort,
        'a guest that takes none half made gets it made',
      );
      assert.ok(parsed.payload.equals(patterned(length)), `${length} bytes`);
    }
    const { sentBytes, receivedBytes, sentDropped } = nets.counts();
    assert.equal(copiedBytes[CopyReason.guestPacket]! - before, sentBytes + receivedBytes);
    assert.deepEqual(sentDropped, {});
    nothingLost(nets);
    await ended(started, guest);
  });

  for (const [name, bits] of [
    ['with offloads', hostBits | guestBits | NetBit.mergeable],
    ['without', NetBit.mergeable],
    ['without, nor mergeable buffers', 0n],
  ] as const) {
    test(`TCP both ways ${name}: all arrives, checksums on the wire are right`, {
      skip: spawnSync('tcpdump', ['--version']).error !== undefined && 'there is no tcpdump',
    }, async () => {
      const started = start();
      const { nets, pair } = started;
      await pair.peer.node(echoServer);
      const stop = await capture(pair.peer, pair.peerDevice);
      const hasOffloads = (bits & hostBits) !== 0n;
      const guest = new NetGuest(nets.sockets[0]!, { bits, buffers: 120, size: 128 });
      await guest.start();
      const connection = new GuestTcp(guest, endsTo(await peerMac(guest)), hasOffloads);
      await connection.open();
      for (let count = 0; count < (hasOffloads ? 30 : 60); count++) {
        const bytes = patterned(hasOffloads ? 45_000 : 1400).map((byte) => byte ^ count);
        await connection.send(bytes);
        assert.ok((await connection.take(bytes.length)).equals(bytes), `round ${count}`);
      }
      assert.ok(connection.longest <= 1514, `${connection.longest} bytes at once`);
      if (hasOffloads)
        assert.ok(connection.undone > 0, 'half-made checksums are the guest’s to make, where it takes that');
      else assert.equal(connection.undone, 0);
      assert.deepEqual(nets.counts().sentDropped, {});
      nothingLost(nets);
      const sent = (await stop()).map(parse).filter(({ fromMac, type }) => fromMac === macOf(0) && type === 0x0800);
      assert.ok(sent.length > 60, `${sent.length} packets`);
      assert.ok(sent.every(({ isRight, isIpRight }) => isRight && isIpRight));
      await ended(started, guest);
    });
  }

  test('IPv6: what the kernel leaves half made is told to a guest that takes it, and made for one that does not', async () => {
    for (const bits of [guestBits | NetBit.mergeable, NetBit.mergeable]) {
      const started = start();
      const { nets, pair } = started;
      const [peer6, guest6] = [`fd77${'0'.repeat(27)}1`, `fd77${'0'.repeat(27)}2`];
      const [command, ...rest] = pair.peer.launcher;
      spawnSync(command!, [...rest, 'sysctl', '-qw', `net.ipv6.conf.${pair.peerDevice}.disable_ipv6=0`]);
      pair.peer.ip('address', 'add', 'fd77::1/64', 'dev', pair.peerDevice, 'nodad');
      pair.peer.ip('neighbour', 'add', 'fd77::2', 'lladdr', macOf(0), 'dev', pair.peerDevice);
      await pair.peer.node(`const u = require('dgram').createSocket('udp6');
        u.on('message', (m, from) => u.send(m, from.port, from.address)); u.bind(7001, 'fd77::1', () => console.log('listens'));`);
      const guest = new NetGuest(nets.sockets[0]!, { bits });
      await guest.start();
      const ends = { ...endsTo(await peerMac(guest)), from: guest6, to: peer6, toPort: 7001 };
      for (const length of [1, 100, 1452]) {
        await guest.send(headerOf(wholeHeader), udp(ends, patterned(length)));
        let received = await guest.receive();
        while (parse(received.packet).protocol !== 17) received = await guest.receive();
        const parsed = parse(received.packet);
        assert.ok(parsed.payload.equals(patterned(length)), `${length} bytes`);
        assert.equal(parsed.isRight, (bits & NetBit.guestChecksum) === 0n);
        const { flags, checksumStart, checksumOffset } = received.header;
        if (!parsed.isRight) assert.deepEqual([flags, checksumStart, checksumOffset], [1, 54, 6]);
      }
      await ended(started, guest);
    }
  });

  test('any bytes that come off the wire reach the guest as they were, in order', async () => {
    const started = start();
    const { nets, pair } = started;
    const guest = new NetGuest(nets.sockets[0]!, { bits: guestBits | NetBit.mergeable, buffers: 60 });
    await guest.start();
    const random = randomSource(11);
    const some = (most: number): number => Math.floor(random() * most);
    const memory = new Region(256 * 2048);
    const socket = inNetworkNamespace(pair.peer.path, () => {
      const { index: ifindex } = deviceState(pair.peerDevice)!;
      const options = { device: pair.peerDevice, ifindex, queue: 0, memory, frameBytes: 2048 } as const;
      return new XdpSocket({ ...options, entries: testEntries });
    });
    const rings = new PacketRings(socket, 128);
    // Beginnings that look like something: behind a tag, IPv4 with options, IPv6 with headers between.
    const beginnings = [
      '0800',
      '81000005080045',
      '86dd60',
      '080045',
      '08004f',
      '88a8000581000005',
      '86dd6000000000200011',
      '',
    ];
    for (let round = 0; round < 100; round++) {
      const sent: Buffer[] = [];
      for (let count = 1 + some(20); count > 0; count--) {
        const frame = Buffer.from(Array.from({ length: 14 + some(round % 2 === 0 ? 60 : 1500) }, () => some(256)));
        const beginning = Buffer.from(beginnings[some(beginnings.length)]!, 'hex');
        beginning.copy(frame, 12);
        frame[6]! &= 0xfe;
        const place = rings.take();
        assert.ok(place >= 0);
        memory.bytes.set(frame, place);
        assert.ok(rings.send(place, frame.length));
        sent.push(frame);
      }
      rings.flush();
      for (const frame of sent) {
        const { packet, header } = await guest.receive();
        assert.ok(packet.equals(frame), `round ${round}: ${frame.toString('hex')} came as ${packet.toString('hex')}`);
        assert.equal(header.gso, 0);
      }
    }
    assert.deepEqual(nets.counts().receivedDropped, {});
    nothingLost(nets);
    socket.close();
    memory.unmap();
    await ended(started, guest);
  });

  test('while there is no guest packets are dropped; a guest that is slow, with 8 buffers, gets all that wait in order', async () => {
    const started = start();
    const { nets, pair } = started;
    const shout = (word: string, count: number): string => `const s = require('dgram').createSocket('udp4'); let n = 0;
      const next = () => n < ${count} ? s.send('${word} ' + n++, 9, '10.77.0.255', next) : console.log('sent');
      s.bind(() => { s.setBroadcast(true); next(); });`;
    await pair.peer.node(shout('old', 5));
    await until('they were dropped', () => (nets.counts().receivedDropped.down ?? 0) >= 5);
    const guest = new NetGuest(nets.sockets[0]!, { bits: 0n, size: 16, buffers: 8 });
    await guest.start();
    await pair.peer.node(shout('new', 400));
    for (let count = 0; count < 400; count++) {
      if (count % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 3));
      assert.equal(parse((await guest.receive()).packet).payload.toString(), `new ${count}`);
    }
    assert.deepEqual(Object.keys(nets.counts().receivedDropped), ['down']);
    // One that goes while packets wait leaves none of them to the next.
    guest.close();
    await until('it has gone', () => nets.said.at(-1)!.includes('has gone'));
    const next = new NetGuest(nets.sockets[0]!, { bits: 0n, buffers: 0 });
    await next.start();
    await pair.peer.node(shout('late', 3));
    next.close();
    await until('it has gone, too', () => nets.said.filter((each) => each.includes('has gone')).length === 2);
    const last = new NetGuest(nets.sockets[0]!, { bits: 0n });
    await last.start();
    await pair.peer.node(shout('last', 1));
    assert.equal(parse((await last.receive()).packet).payload.toString(), 'last 0');
    await ended(started, last);
  });

  test('a guest without room of any use is not waited for', async () => {
    const started = start();
    const { nets, pair } = started;
    const guest = new NetGuest(nets.sockets[0]!, { bits: NetBit.mergeable, buffers: 2, bufferBytes: 64 });
    await guest.start();
    await pair.peer.node(`const s = require('dgram').createSocket('udp4'); s.bind(() => { s.setBroadcast(true);
      for (const bytes of [1000, 10]) s.send(Buffer.alloc(bytes), 9, '10.77.0.255'); console.log('sent'); });`);
    assert.equal(parse((await guest.receive()).packet).payload.length, 10);
    assert.deepEqual(nets.counts().receivedDropped, { 'no buffer': 1 });
    await ended(started, guest);
  });

  test('what is longer than the MTU goes neither way, nor does what is no packet', async () => {
    const started = start();
    const { nets } = started;
    const guest = new NetGuest(nets.sockets[0]!, { bits: hostBits | NetBit.mergeable });
    await guest.start();
    const mac = await peerMac(guest);
    const ends = { ...endsTo(mac), toPort: 9 };
    await guest.send(headerOf(wholeHeader), udp(ends, patterned(1473)));
    await guest.send(headerOf(wholeHeader), udp(ends, patterned(3000)));
    await guest.send(
      headerOf({
        ...wholeHeader,
        flags: 1,
        gso: 1,
        headerLength: 54,
        gsoSize: 3000,
        checksumStart: 34,
        checksumOffset: 16,
      }),
      tcp(ends, { sequence: 1, acknowledge: 1, flags: 16 }, patterned(8000), true),
    );
    assert.deepEqual(nets.counts().sentDropped, { mtu: 3 });
    await ping(guest, endsTo(mac), patterned(1472));
    await ended(started, guest);
  });

  test('a device that is down takes nothing, and goes on when it is up again', async () => {
    const started = start();
    const { nets, pair } = started;
    const guest = new NetGuest(nets.sockets[0]!, { bits: NetBit.mergeable });
    await guest.start();
    const mac = await peerMac(guest);
    pair.space.ip('link', 'set', pair.device, 'down');
    await until('it is known', async () => {
      await guest.send(headerOf(wholeHeader), icmpEcho(endsTo(mac), patterned(56)));
      return (nets.counts().sentDropped.down ?? 0) > 0;
    });
    pair.space.ip('link', 'set', pair.device, 'up');
    const before = nets.counts().sentPackets;
    await until('that is known, too', async () => {
      await guest.send(headerOf(wholeHeader), arp(macOf(0), address.guest, address.peer));
      return nets.counts().sentPackets > before;
    });
    await peerMac(guest);
    await ping(guest, endsTo(mac), patterned(1000));
    await ended(started, guest);
  });

  test('frames of 4 KiB carry packets of 3,400 bytes', async () => {
    const started = start(1, { mtu: 3400 });
    const guest = new NetGuest(started.nets.sockets[0]!, { bits: NetBit.mergeable, bufferBytes: 1024 });
    await guest.start();
    const mac = await peerMac(guest);
    for (const length of [2000, 3372]) await ping(guest, endsTo(mac), patterned(length));
    nothingLost(started.nets);
    await ended(started, guest);
  });

  test('each queue of the device is served, whatever pairs the guest runs', async () => {
    for (const pairs of [1, 2]) {
      const started = start(1, { queues: 3, pairs: 2 });
      const { nets, pair } = started;
      await pair.peer.node(echoServer);
      const guest = new NetGuest(nets.sockets[0]!, { bits: NetBit.mergeable, pairs });
      await guest.start();
      const mac = await peerMac(guest);
      await ping(guest, endsTo(mac), patterned(10));
      for (let port = 20_000; port < 20_040; port++) {
        const ends = { ...endsTo(mac), fromPort: port, toPort: 7001 };
        await guest.send(headerOf(wholeHeader), udp(ends, patterned(20)), [12], port % pairs);
        assert.equal(parse((await guest.receive()).packet).toPort, port);
      }
      nothingLost(nets);
      await ended(started, guest);
    }
  });

  test('two guests on a switch reach each other and the device, isolated ones the device alone', async () => {
    for (const isolate of [false, true]) {
      const pair = new VethPair(`${address.peer}/24`);
      const nets = startNets(2, { xdp: pair.device, isolate }, { space: pair.space });
      const guests = nets.sockets.map((socket) => new NetGuest(socket, { bits: NetBit.mergeable }));
      for (const guest of guests) await guest.start();
      const [first, second] = guests as [NetGuest, NetGuest];
      const mac = await peerMac(first);
      await ping(first, endsTo(mac), patterned(1472));
      assert.equal(await peerMac(second, 1), mac);
      await ping(second, endsTo(mac, 1), patterned(100));
      while (first.takeAny() >= 0);
      first.refill();
      await second.send(headerOf(wholeHeader), udp({ ...endsTo(macOf(0), 1), to: address.guest }, patterned(33)));
      await ping(second, endsTo(mac, 1), patterned(7));
      if (isolate) assert.equal(first.takeAny(), -1);
      else assert.deepEqual(parse((await first.receive()).packet).payload, Buffer.from(patterned(33)));
      assert.deepEqual(nets.uplink()!.sentDropped, {});
      nothingLost(nets);
      await ended({ pair, nets }, ...guests);
    }
  });
});
