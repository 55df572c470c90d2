// Packets that come in pieces: put together in any order, within bounds of room and time, and refused as a whole where pieces contradict each other.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '../support/seeded-random.js';
import { ethernet, IPV4, IPV6, ipv4, ipv6, joined, pattern, put16, udp } from './packets.js';
import { Host } from './stack-host.js';

const OUR_MAC = '02:00:00:00:00:01';
const PEER_MAC = '02:00:00:00:00:02';
const QUIET = { free: 2048, fill: 2048, stack: 0, application: 0, transmit: 0, waiting: 0 };

interface Piece {
  readonly from: number;
  readonly to: number;
  /** Instead of what follows from `to`. */
  readonly hasMore?: boolean;
}

type Cut = (whole: Uint8Array, piece: Piece, id: number) => Uint8Array;

const cut4: Cut = (whole, { from, to, hasMore = to < whole.length }, id) => {
  const fields = { protocol: 17, id, fragment: (hasMore ? 0x2000 : 0) | (from >> 3) };
  return ethernet(OUR_MAC, PEER_MAC, IPV4, ipv4('10.0.0.2', '10.0.0.1', fields, whole.subarray(from, to)));
};

const cut6: Cut = (whole, { from, to, hasMore = to < whole.length }, id) => {
  const header = put16(put16(Uint8Array.of(17, 0, 0, 0, 0, 0, 0, 0), 2, from | (hasMore ? 1 : 0)), 6, id);
  return ethernet(OUR_MAC, PEER_MAC, IPV6, ipv6('fd00::2', 'fd00::1', 44, joined(header, whole.subarray(from, to))));
};

class Rig {
  readonly host = new Host({ ipv6: 'fd00::1/64', settings: { reassemblies: 4 } });
  readonly socket = this.host.core.udpOpen(this.host.addressAt('::'), 7);
  nowUs = 0;

  constructor() {
    this.turn();
    this.host.takeSent();
    this.turn();
  }

  turn(): void {
    this.host.core.turn(this.nowUs);
  }

  give(...packets: readonly Uint8Array[]): void {
    for (const packet of packets) {
      assert.ok(this.host.deliver(packet));
      this.turn();
    }
  }

  /** The next datagram; undefined: none. */
  received(): Uint8Array | undefined {
    const length = this.host.core.udpReceive(this.socket);
    if (length < 0) return undefined;
    const at = this.host.place('pieceAddress');
    const payload = this.host.bytes.slice(at, at + length);
    this.host.core.recycle(at);
    return payload;
  }

  assertQuiet(): void {
    this.nowUs += 31_000_000;
    this.turn();
    this.host.takeSent();
    this.turn();
    assert.deepEqual(this.host.owners(), QUIET);
  }
}

for (const [version, cut, from, to] of [
  ['IPv4', cut4, '10.0.0.2', '10.0.0.1'],
  ['IPv6', cut6, 'fd00::2', 'fd00::1'],
] as const) {
  const datagram = (length: number, first = 0): Uint8Array => udp(from, to, [5000, 7], pattern(length, first));

  test(`${version}: pieces in any order, some of them twice, are the datagram that was cut`, () => {
    const rig = new Rig();
    const random = seededRandom(5);
    for (let round = 0; round < 200; round++) {
      const whole = datagram(40 + Math.floor(random() * 1800), round);
      const pieces: Piece[] = [];
      for (let at = 0; at < whole.length; ) {
        const left = at === 0 ? whole.length - 8 : whole.length;
        const most = at === 0 ? left & ~7 : left;
        const next = Math.min(most, at + 8 * (1 + Math.floor(random() * 100)));
        pieces.push({ from: at, to: next });
        if (at > 0 && random() < 0.2) pieces.push({ from: at, to: next });
        at = next;
      }
      for (let index = pieces.length - 1; index > 0; index--) {
        const other = Math.floor(random() * (index + 1));
        [pieces[index], pieces[other]] = [pieces[other]!, pieces[index]!];
      }
      rig.give(...pieces.map((piece) => cut(whole, piece, round)));
      assert.deepEqual(rig.received(), pattern(whole.length - 8, round), `round ${round}`);
    }
    assert.equal(rig.host.figure('piecesOverlap'), 0);
    rig.assertQuiet();
  });

  test(`${version}: pieces that overlap, or do not agree on the end, are the end of their datagram`, () => {
    const whole = datagram(400);
    const other = whole.map((byte) => byte ^ 1);
    const last = whole.length;
    const cases: readonly (readonly Uint8Array[])[] = [
      [cut(whole, { from: 0, to: 200 }, 1), cut(whole, { from: 192, to: last }, 1)],
      [cut(whole, { from: 0, to: 200 }, 2), cut(other, { from: 0, to: 200 }, 2)],
      [cut(whole, { from: 200, to: last }, 3), cut(whole, { from: 0, to: 208 }, 3)],
      [cut(whole, { from: 200, to: last }, 4), cut(whole, { from: 200, to: 300, hasMore: false }, 4)],
      [cut(whole, { from: 200, to: 304 }, 5), cut(whole, { from: 8, to: 200, hasMore: false }, 5)],
      [cut(whole, { from: 200, to: 304, hasMore: false }, 6), cut(whole, { from: 304, to: 312 }, 6)],
    ];
    for (const [index, pieces] of cases.entries()) {
      const rig = new Rig();
      rig.give(...pieces);
      assert.equal(rig.host.figure('piecesOverlap'), 1, `case ${index + 1}`);
      assert.equal(rig.host.owners().stack, 0);
      // What still comes of it is refused, too.
      rig.give(cut(whole, { from: 0, to: 200 }, index + 1), cut(whole, { from: 200, to: last }, index + 1));
      assert.equal(rig.received(), undefined);
      assert.equal(rig.host.figure('piecesRefused'), 2);
      rig.assertQuiet();
      rig.give(cut(whole, { from: 0, to: 200 }, index + 1), cut(whole, { from: 200, to: last }, index + 1));
      assert.deepEqual(rig.received(), pattern(400), 'in its own time, the number may be used again');
    }
  });

  test(`${version}: tiny, odd and oversized pieces are refused`, () => {
    const rig = new Rig();
    const whole = datagram(4000);
    rig.give(
      cut(whole, { from: 0, to: 7, hasMore: true }, 1),
      cut(whole, { from: 8, to: 21, hasMore: true }, 1),
      cut(whole, { from: 8, to: 8, hasMore: true }, 1),
      cut(whole, { from: 1600, to: 2400 }, 1),
    );
    assert.equal(rig.host.figure('piecesRefused'), 4);
    assert.equal(rig.host.figure('pieces'), 4);
    assert.deepEqual(rig.host.owners(), QUIET);
  });

  test(`${version}: so many at a time, and none for longer than half a minute`, () => {
    const rig = new Rig();
    const whole = datagram(400);
    for (let id = 0; id < 1000; id++) rig.give(cut(whole, { from: 0, to: 200 }, id));
    assert.equal(rig.host.owners().stack, 4);
    assert.equal(rig.host.figure('piecesEvicted'), 996);
    rig.give(cut(whole, { from: 200, to: whole.length }, 999));
    assert.deepEqual(rig.received(), pattern(400), 'the youngest stay');
    assert.ok(rig.host.core.nextDeadlineUs() <= 30_000_000);
    rig.nowUs = 30_000_000;
    rig.turn();
    assert.equal(rig.host.figure('piecesTimedOut'), 3);
    rig.assertQuiet();
  });
}

test('IPv6: a header of pieces in front of a whole packet is walked over', () => {
  const rig = new Rig();
  rig.give(cut6(udp('fd00::2', 'fd00::1', [5000, 7], pattern(33)), { from: 0, to: 41 }, 1));
  assert.deepEqual(rig.received(), pattern(33));
  assert.equal(rig.host.figure('pieces'), 0);
});
