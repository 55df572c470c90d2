// The short way of the segment that is expected (src/core/expected.ts) against the long way: two hosts get the same segments, but for one of them each has a bit set
// that RFC 9293 reserves and tells receivers to ignore, and with it no segment is what the short way expects. Whatever the segments are, and whatever the
// application does, both must say the same, count the same, and end with the same memory.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rowBytes, StackRows } from '../../src/bypass/stack-rows.js';
import { repeated } from '../support/long.js';
import { seededRandom } from '../support/seeded-random.js';
import {
  arp,
  ethernet,
  get16,
  IPV4,
  IPV6,
  icmpv6,
  internetChecksum,
  ipv4,
  ipv6,
  joined,
  ndBody,
  pseudoHeader,
  put16,
} from './packets.js';
import { TcpHost } from './tcp-host.js';

const ourMac = '02:00:00:00:00:01';
const peerMac = '02:00:00:00:00:02';
const us = { 4: '10.0.0.1', 6: 'fd00::1' } as const;
const them = { 4: '10.0.0.2', 6: 'fd00::2' } as const;
const [fin, syn, rst, push, ack] = [1, 2, 4, 8, 16];
const port = 80;
const usualStamp = 0x0101080a;
/** Of a turn: more was received than it takes. */
const moreWaits = 2;

type Random = ReturnType<typeof seededRandom>;

interface Peer {
  readonly version: 4 | 6;
  readonly port: number;
  readonly hasStamps: boolean;
  readonly shift: number;
  next: number;
  /** How far we acknowledged: from there it sends again. */
  acknowledged: number;
  /** What it acknowledges of ours, and what it could. */
  known: number;
  seen: number;
  window: number;
  echo: number;
  socket: number;
}

interface Segment {
  readonly sequence: number;
  readonly ack: number;
  readonly flags: number;
  readonly window: number;
  readonly options: Uint8Array;
  readonly payload: Uint8Array;
  /** 0: right; 1: the sum of the pseudo-header alone; 2: wrong. */
  readonly checksum: number;
}

function packetOf(peer: Peer, segment: Segment, reserved: number): Uint8Array {
  const header = new Uint8Array(20 + segment.options.length);
  const data = new DataView(header.buffer);
  data.setUint16(0, peer.port);
  data.setUint16(2, port);
  data.setUint32(4, segment.sequence >>> 0);
  data.setUint32(8, segment.ack >>> 0);
  data.setUint16(12, (header.length << 10) | (reserved << 8) | segment.flags);
  data.setUint16(14, segment.window);
  header.set(segment.options, 20);
  const [from, to] = [them[peer.version], us[peer.version]];
  const pseudo = pseudoHeader(from, to, 6, header.length + segment.payload.length);
  if (segment.checksum === 1) put16(header, 16, internetChecksum(pseudo) ^ 0xffff);
  else put16(header, 16, internetChecksum(pseudo, header, segment.payload) ^ (segment.checksum === 2 ? 0x0f01 : 0));
  const whole = joined(header, segment.payload);
  if (peer.version === 6) return ethernet(ourMac, peerMac, IPV6, ipv6(from, to, 6, whole));
  return ethernet(ourMac, peerMac, IPV4, ipv4(from, to, { protocol: 6 }, whole));
}

function stampOption(value: number, echo: number): Uint8Array {
  const option = new Uint8Array(12);
  const data = new DataView(option.buffer);
  data.setUint32(0, usualStamp);
  data.setUint32(4, value >>> 0);
  data.setUint32(8, echo >>> 0);
  return option;
}

/** As many turns as it takes. */
function takeAll(host: TcpHost, nowUs: number): void {
  while ((host.core.turn(nowUs) & moreWaits) !== 0) {}
}

/** Two hosts that hear the same, and must say the same. */
class Twins {
  readonly short: TcpHost;
  readonly long: TcpHost;
  readonly listener: number;
  nowUs = 1_000_000;

  /** @param oneByOne the second host takes one packet a turn, in as many turns as there are packets, and both get the same */
  constructor(
    seed: number,
    readonly oneByOne = false,
  ) {
    const make = (batch: number): TcpHost =>
      new TcpHost({
        ipv4: `${us[4]}/24`,
        ipv6: `${us[6]}/64`,
        seed,
        pages: 64,
        settings: { frameCount: 256, connections: 16, receiveFrames: 64, sendFrames: 16, batch },
      });
    this.short = make(256);
    this.long = make(oneByOne ? 1 : 256);
    this.listener = this.both((host) => host.listen(port, 8));
    this.learn();
  }

  both<Result>(act: (host: TcpHost) => Result): Result {
    const [one, other] = [act(this.short), act(this.long)];
    assert.deepEqual(one, other);
    return one;
  }

  deliver(peer: Peer, segment: Segment): void {
    assert.equal(
      this.short.deliver(packetOf(peer, segment, 0)),
      this.long.deliver(packetOf(peer, segment, this.oneByOne ? 0 : 1 + (peer.port & 7))),
    );
  }

  /** What the kernel sends, both times the same. */
  turn(laterUs: number): Uint8Array[] {
    this.nowUs += laterUs;
    this.both((host) => {
      takeAll(host, this.nowUs);
    });
    const sent = this.both((host) => host.takeSent());
    this.both((host) => host.events());
    return sent;
  }

  /** Both know the peer's link address. */
  learn(): void {
    this.both((host) => {
      host.connect(them[4], 9);
      host.core.connect(0, host.addressAt(them[6]), 9);
      host.core.turn(this.nowUs);
      host.takeSent();
      host.deliver(ethernet(ourMac, peerMac, 0x0806, arp(2, peerMac, them[4], ourMac, us[4])));
      const body = ndBody(them[6], 2, peerMac);
      host.deliver(
        ethernet(
          ourMac,
          peerMac,
          IPV6,
          ipv6(them[6], us[6], 58, icmpv6(them[6], us[6], 136, 0, 0x60000000, body), 255),
        ),
      );
      takeAll(host, this.nowUs);
      return host.takeSent().length;
    });
  }

  /** What both counted, but how often they were called and which way a segment went. */
  compareFigures(): void {
    const figures = (host: TcpHost): Record<string, number> => ({ ...host.figures(), tcpExpected: 0, turns: 0 });
    assert.deepEqual(figures(this.short), figures(this.long));
    assert.deepEqual(this.short.owners(), this.long.owners());
  }

  /** All that the two remember, and their figures. */
  compare(): void {
    // One right checksum in 65,536 is what a half-made one would be, and is not with another bit.
    const figures = (host: TcpHost): Record<string, number> => ({
      ...host.figures(),
      tcpExpected: 0,
      transportPartial: 0,
    });
    assert.deepEqual(figures(this.short), figures(this.long));
    assert.equal(this.long.figure('tcpExpected'), 0);
    const [from, to] = [this.short.place('umem'), this.short.place('umem') + this.short.place('umemBytes')];
    for (const [begin, end] of [
      [this.short.core.heapBase(), from],
      [to, this.short.bytes.length],
    ] as const) {
      const [one, other] = [this.short, this.long].map((host) => Buffer.from(host.bytes.buffer, begin, end - begin));
      if (one!.equals(other!)) continue;
      const at = one!.findIndex((byte, index) => byte !== other![index]);
      assert.fail(`the memories differ at ${(begin + at).toString(16)}`);
    }
  }
}

function begin(twins: Twins, peer: Peer, sequence: number): void {
  const scale = Uint8Array.of(1, 3, 3, peer.shift);
  const options = peer.hasStamps
    ? joined(
        Uint8Array.of(2, 4, 5, 0xb4, 4, 2),
        Uint8Array.of(8, 10),
        stampOption(twins.nowUs >> 10, 0).slice(4),
        Uint8Array.of(1, 3, 3, peer.shift),
        Uint8Array.of(0, 0),
      )
    : joined(Uint8Array.of(2, 4, 5, 0xb4), scale);
  twins.deliver(peer, { sequence, ack: 0, flags: syn, window: 8192, options, payload: new Uint8Array(0), checksum: 0 });
  peer.next = sequence + 1;
  const answer = twins.turn(10).find((packet) => portOf(packet) === peer.port)!;
  hear(peer, answer);
  peer.known = peer.seen;
  twins.deliver(peer, plain(twins, peer, ack, 0));
  twins.turn(10);
  peer.socket = twins.both((host) => host.core.accept(twins.listener));
  assert.ok(peer.socket >= 0);
}

function headerAt(packet: Uint8Array): number {
  return get16(packet, 12) === IPV6 ? 54 : 34;
}

function portOf(packet: Uint8Array): number {
  return get16(packet, 12) === 0x0806 ? -1 : get16(packet, headerAt(packet) + 2);
}

/** What the peer learns of a packet of ours. */
function hear(peer: Peer, packet: Uint8Array): void {
  const at = headerAt(packet);
  const data = new DataView(packet.buffer, packet.byteOffset + at, packet.length - at);
  const flags = data.getUint8(13);
  const length = data.byteLength - (data.getUint8(12) >> 4) * 4 + (flags & fin) + ((flags & syn) >> 1);
  const end = (data.getUint32(4) + length) >>> 0;
  if (((end - peer.seen) | 0) > 0 || (flags & syn) !== 0) peer.seen = end;
  peer.acknowledged = data.getUint32(8);
  if (data.getUint8(12) >> 4 >= 8 && data.getUint32(20) === usualStamp) peer.echo = data.getUint32(24);
}

function hearOf(peers: readonly Peer[], packet: Uint8Array): void {
  const peer = peers.find((one) => one.port === portOf(packet));
  if (peer !== undefined) hear(peer, packet);
}

function plain(twins: Twins, peer: Peer, flags: number, length: number): Segment {
  return {
    sequence: peer.next,
    ack: peer.known,
    flags,
    window: peer.window,
    options: peer.hasStamps ? stampOption(twins.nowUs >> 10, peer.echo) : new Uint8Array(0),
    payload: Uint8Array.from({ length }, (_, index) => (peer.next + index) & 0xff),
    checksum: 0,
  };
}

/** Mostly what is expected; now and then anything else. */
function anySegment(twins: Twins, peer: Peer, random: Random): Segment {
  const roll = random() < 0.9 ? random() * 70 : 70 + random() * 30;
  const length = roll < 50 ? 1 + Math.floor(random() * 60) : Math.floor(random() * 600);
  const segment = plain(twins, peer, random() < 0.5 ? ack : ack | push, length);
  if (random() < 0.6) peer.known = peer.seen;
  if (random() < 0.02) peer.window = Math.floor(random() * 0x4000);
  if (roll < 70) {
    peer.next = (peer.next + length) >>> 0;
    return { ...segment, ack: random() < 0.9 ? peer.known : segment.ack, checksum: random() < 0.1 ? 1 : 0 };
  }
  const away = Math.floor((random() - 0.5) * 6000);
  if (roll < 78) return { ...segment, sequence: (peer.next + away) >>> 0 };
  if (roll < 84) return { ...segment, payload: new Uint8Array(0), ack: peer.known };
  if (roll < 87) return { ...segment, ack: (peer.known + away) >>> 0 };
  if (roll < 90) return { ...segment, checksum: 2 };
  if (roll < 93) return { ...segment, options: stampOption((twins.nowUs >> 10) + (away >> 7), peer.echo) };
  if (roll < 96) return { ...segment, options: new Uint8Array(0) };
  if (roll < 98) return { ...segment, flags: Math.floor(random() * 256) & ~rst & ~fin & ~syn };
  if (roll < 99.6) return { ...segment, window: Math.floor(random() * 0x10000) };
  return {
    ...segment,
    flags: random() < 0.5 ? ack | fin : rst,
    sequence: (peer.next + (random() < 0.5 ? 0 : away)) >>> 0,
  };
}

/** The application reads, keeps for a while, gives back, and sends. */
function act(twins: Twins, peers: readonly Peer[], held: number[], random: Random): void {
  for (const peer of peers) {
    if (random() < 0.2) continue;
    for (let count = 0; count < 8; count++) {
      const length = twins.both((host) => host.core.receive(peer.socket));
      if (length <= 0) break;
      held.push(twins.both((host) => host.place('pieceAddress')));
    }
    const length = 1 + Math.floor(random() * 1400);
    if (random() < 0.1) twins.both((host) => host.sendPiece(peer.socket, 1, 0, length));
  }
  while (held.length > 0 && random() < 0.9) {
    const address = held.splice(Math.floor(random() * held.length), 1)[0]!;
    twins.both((host) => host.core.recycle(address));
  }
}

/** What came in rows, the same for both: most of them, of which some are kept. */
function takeRows([one, other]: readonly StackRows[], held: number[], random: Random): void {
  if (one === undefined || other === undefined) return;
  while (random() < 0.95) {
    const isThere = one.next();
    assert.equal(other.next(), isThere);
    if (!isThere) return;
    const said = ({ socket, address, length }: StackRows): number[] => [socket, address, length];
    assert.deepEqual(said(one), said(other));
    if (random() < 0.3) held.push(one.address);
    else for (const rows of [one, other]) rows.giveBack(rows.address);
    for (const rows of [one, other]) rows.keep();
  }
}

/** Gives all of them back: the first host several at a time, the second one by one. */
function giveBackMany(twins: Twins, held: number[]): void {
  while (held.length > 0) {
    // The last one is no address of a frame that is lent.
    const addresses = [...held.splice(0, 15), 1];
    const { short, long } = twins;
    const list = new Uint32Array(short.bytes.buffer, short.scratch, addresses.length);
    const stood = [...list];
    list.set(addresses);
    const many = short.core.recycleMany(list.byteOffset, addresses.length);
    assert.equal(many, addresses.filter((address) => long.core.recycle(address) === 0).length);
    assert.equal(many, addresses.length - 1);
    list.set(stood);
  }
}

function rowsOf({ core, bytes }: TcpHost): StackRows {
  return new StackRows(core, bytes.buffer, bytes.length - rowBytes);
}

function somePeers(many: number): Peer[] {
  return Array.from(
    { length: many },
    (_, index): Peer => ({
      version: index & 1 ? 6 : 4,
      port: 2000 + index,
      hasStamps: (index & 2) !== 0,
      shift: index,
      next: 0,
      acknowledged: 0,
      known: 0,
      seen: 0,
      window: 8192,
      echo: 0,
      socket: -1,
    }),
  );
}

function run(seed: number): number {
  const random = seededRandom(seed);
  const twins = new Twins(seed);
  const peers = somePeers(6);
  for (const peer of peers) begin(twins, peer, (Math.floor(random() * 0x1_0000_0000) - (peer.port & 1) * 2000) >>> 0);
  const held: number[] = [];
  // Half of the applications take what comes in rows.
  const rows = seed % 2 === 0 ? [] : [twins.short, twins.long].map(rowsOf);
  if (rows.length > 0)
    for (const { socket } of peers)
      assert.equal(
        twins.both((host) => host.core.deliver(socket, 1)),
        0,
      );
  for (let step = 0; step < 120; step++) {
    for (let count = Math.floor(random() * 12); count > 0; count--) {
      const peer = peers[Math.floor(random() * peers.length)]!;
      twins.deliver(peer, anySegment(twins, peer, random));
    }
    for (const packet of twins.turn(random() < 0.1 ? 60_000 : Math.floor(random() * 2000))) hearOf(peers, packet);
    takeRows(rows, held, random);
    act(twins, peers, held, random);
    if (random() < 0.2) giveBackMany(twins, held);
    for (const peer of peers) if (random() < 0.1) peer.next = peer.acknowledged;
  }
  twins.compare();
  return twins.short.figure('tcpExpected');
}

test('whatever segments come, the short way and the long way come to the same', () => {
  let expected = 0;
  for (let seed = 1; seed <= repeated(24); seed++) expected += run(seed);
  // It is the way that most segments go that is held to the other.
  assert.ok(expected > repeated(24) * 100, `${expected} segments went the short way`);
});

/** Segments of connections of which some end, and are begun anew, by packets of the same turn. */
function runOneByOne(seed: number): void {
  const random = seededRandom(seed);
  const twins = new Twins(seed, true);
  const peers = somePeers(4);
  for (const peer of peers) begin(twins, peer, Math.floor(random() * 0x1_0000_0000));
  const accept = (): void => {
    while (twins.both((host) => host.core.accept(twins.listener)) >= 0) {}
  };
  for (let step = 0; step < 40; step++) {
    // What is due by the clock is done before: it would be done behind the first packet of several turns.
    for (const packet of twins.turn(Math.floor(random() * 60_000))) hearOf(peers, packet);
    for (let count = 2 + Math.floor(random() * 12); count > 0; count--) {
      const peer = peers[Math.floor(random() * peers.length)]!;
      const roll = random();
      const segment = roll < 0.85 ? anySegment(twins, peer, random) : plain(twins, peer, roll < 0.95 ? rst : syn, 0);
      twins.deliver(peer, (segment.flags & syn) === 0 ? segment : { ...segment, options: new Uint8Array(0) });
      if ((segment.flags & syn) !== 0) peer.next = (peer.next + 1) >>> 0;
    }
    for (const packet of twins.turn(0)) hearOf(peers, packet);
    accept();
    if (random() < 0.5)
      twins.both((host) =>
        [0, 1, 2, 3, 4, 5].map((socket) => (socket === twins.listener ? 0 : host.core.close(socket))),
      );
  }
  twins.compareFigures();
}

test('packets that come in one turn mean the same as one by one, also of connections that end and begin meanwhile', () => {
  for (let seed = 1; seed <= repeated(6); seed++) runOneByOne(seed);
});

test('an acknowledgement that is written at once is the packet that plain TypeScript writes', () => {
  for (const hasStamps of [false, true]) {
    const twins = new Twins(7);
    const peer: Peer = {
      ...{ version: 4, port: 2000, hasStamps, shift: 3, next: 0, acknowledged: 0, known: 0, seen: 0 },
      ...{ window: 8192, echo: 0, socket: -1 },
    };
    // Numbers that wrap, and sums that carry.
    begin(twins, peer, 0xffff_fff0);
    // As many as are acknowledged one by one at the start.
    for (let count = 0; count < 8; count++) {
      twins.deliver(peer, plain(twins, peer, ack, 1 + count * 37));
      const stamp = twins.nowUs >> 10;
      peer.next = (peer.next + 1 + count * 37) >>> 0;
      const answers = twins.turn(3000).filter((packet) => portOf(packet) === peer.port);
      for (const answer of answers) {
        const header = new Uint8Array(hasStamps ? 32 : 20);
        const data = new DataView(header.buffer);
        const said = new DataView(answer.buffer, answer.byteOffset + 34);
        data.setUint16(0, port);
        data.setUint16(2, peer.port);
        data.setUint32(4, peer.seen);
        data.setUint32(8, peer.next);
        data.setUint16(12, (header.length << 10) | ack);
        // How much it takes, and its clock, are its own affair.
        data.setUint16(14, said.getUint16(14));
        if (hasStamps) header.set(stampOption(said.getUint32(24), stamp), 20);
        put16(header, 16, internetChecksum(pseudoHeader(us[4], them[4], 6, header.length), header));
        const wanted = ethernet(peerMac, ourMac, IPV4, ipv4(us[4], them[4], { protocol: 6, fragment: 0x4000 }, header));
        assert.deepEqual([...answer], [...wanted]);
      }
      assert.equal(answers.length, 1, `${count}`);
    }
  }
});
