// What the specification says that a network device MUST do (VIRTIO 1.4, section 5.1), one test a statement, against devices on a switch or an echo.
// The control queue is the front end's, with hashes, filters and announcements; they are not offered. Not here: queues (test/virtio/normative.test.ts).

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Request } from '../../src/vhost/protocol.js';
import { patterned } from '../conformance/serve/servers.js';
import { startNets } from '../support/in-process-nets.js';
import {
  guestBits,
  headerOf,
  hostBits,
  NetBit,
  NetGuest,
  type NetGuestOptions,
  type Received,
  wholeHeader,
} from '../support/net-guest.js';
import { type Ends, onesSum, parse, Tcp, tcp, udp } from '../support/net-packets.js';
import { FrontEnd } from '../support/vhost-front-end.js';

const ends: Ends = {
  fromMac: '52:54:00:00:00:01',
  toMac: '52:54:00:00:00:02',
  from: '10.0.0.1',
  to: '10.0.0.2',
  fromPort: 1000,
  toPort: 2000,
};
const ends6: Ends = { ...ends, from: `fd00${'0'.repeat(27)}1`, to: `fd00${'0'.repeat(27)}2` };
const all = hostBits | guestBits | NetBit.mergeable;
const plain = headerOf(wholeHeader);
const fields = { sequence: 5, acknowledge: 6, flags: Tcp.ack };

/** A packet that is to be cut, and its header. */
function large(of: Ends, bytes: number) {
  const isIp4 = of === ends;
  const packet = tcp(of, fields, patterned(bytes), true);
  const start = isIp4 ? 34 : 54;
  const header = {
    flags: 1,
    gso: isIp4 ? 1 : 4,
    headerLength: start + 20,
    gsoSize: 1000,
    checksumStart: start,
    checksumOffset: 16,
  };
  return { packet, header };
}

/** Runs two guests on a switch: what the first sends comes to the second. */
async function between(
  sender: NetGuestOptions,
  receiver: NetGuestOptions,
  run: (from: NetGuest, to: NetGuest, counts: ReturnType<typeof startNets>['counts']) => Promise<void>,
  mtu?: number,
): Promise<void> {
  const nets = startNets(2, {}, { pairs: 2, ...(mtu !== undefined && { mtu }) });
  const [from, to] = [new NetGuest(nets.sockets[0]!, sender), new NetGuest(nets.sockets[1]!, receiver)];
  try {
    for (const guest of [from, to]) await guest.start();
    await run(from, to, nets.counts);
  } finally {
    for (const guest of [from, to]) guest.close();
    await nets.close();
  }
}

async function crosses(from: NetGuest, to: NetGuest, header: Uint8Array, packet: Uint8Array): Promise<Received> {
  await from.send(header, packet);
  return to.receive();
}

async function offered(mtu?: number): Promise<{ features: bigint; config: DataView }> {
  const nets = startNets(1, { echo: true }, { pairs: 2, ...(mtu !== undefined && { mtu }) });
  const front = new FrontEnd(nets.sockets[0]!);
  const features = await front.ask(Request.getFeatures);
  const payload = new Uint8Array(12 + 12);
  new DataView(payload.buffer).setUint32(4, 12, true);
  front.raw(Request.getConfig, 1, payload);
  const answer = (await front.answer())!;
  front.close();
  await nets.close();
  return { features, config: new DataView(answer.buffer, answer.byteOffset + 12, 12) };
}

describe('virtio-net', { timeout: 240_000 }, () => {
  test('5.1.3.1 features are offered with those that they need', async () => {
    const { features } = await offered();
    const has = (bit: number): boolean => ((features >> BigInt(bit)) & 1n) === 1n;
    for (const [bit, needs] of [
      ...[7, 8, 10, 54, 55].map((each) => [each, 1] as const),
      ...[11, 12, 14, 56].map((each) => [each, 0] as const),
      ...[18, 19, 20, 21, 22, 23, 60].map((each) => [each, 17] as const),
    ])
      if (has(bit)) assert.ok(has(needs), `${bit} needs ${needs}`);
    assert.ok(has(32), 'VERSION_1');
  });

  test('5.1.4.1 MUST set max_virtqueue_pairs to 1 to 0x8000, and mtu to 68 to 65535 where it offers MTU; the address is its own', async () => {
    const { config, features } = await offered(1400);
    assert.equal(config.getUint16(8, true), 2);
    assert.equal(config.getUint16(10, true), 1400);
    assert.equal((features >> 3n) & 1n, 1n);
    assert.equal(config.getUint8(0) & 1, 0, 'an address of one device');
    assert.equal(config.getUint16(6, true), 1, 'the link is up');
  });

  test('5.1.4.1 MUST NOT pass received packets longer than the MTU where it was agreed on, and MUST forward those up to it', async () => {
    await between(
      { bits: all },
      { bits: all | NetBit.mtu },
      async (from, to, counts) => {
        const packet = (bytes: number, tags = 0) => tcp(ends, fields, patterned(bytes - 40), false, tags);
        assert.equal((await crosses(from, to, plain, packet(1400))).packet.length, 1414);
        assert.equal((await crosses(from, to, plain, packet(1400, 2))).packet.length, 1422, 'tags are of the header');
        await from.send(plain, packet(1401));
        await from.send(plain, packet(1401, 1));
        assert.equal(counts(1).receivedDropped.mtu, 2);
        const { packet: cut, header } = large(ends, 5000);
        assert.equal((await crosses(from, to, headerOf(header), cut)).packet.length, cut.length, 'to be cut: it may');
        // Nor are segments of one that is cut for it.
        const uncut = { bits: NetBit.mergeable | NetBit.mtu };
        await between(
          { bits: all },
          uncut,
          async (other, whole, counted) => {
            await other.send(headerOf({ ...header, gsoSize: 1361 }), cut);
            assert.deepEqual(counted(1).receivedDropped, { mtu: 1 });
            const first = await crosses(other, whole, headerOf({ ...header, gsoSize: 1360 }), cut);
            assert.equal(first.packet.length, 1414);
          },
          1400,
        );
        // The front end told its guest of another.
        assert.equal(await to.front.acknowledged(Request.setMtu, [1300n]), 0n);
        await from.send(plain, packet(1400));
        assert.equal(counts(1).receivedDropped.mtu, 3);
      },
      1400,
    );
  });

  test('5.1.6.2.2 MUST ignore flags that it does not know', async () => {
    await between({ bits: all }, { bits: all }, async (from, to) => {
      const { header } = await crosses(from, to, headerOf({ ...wholeHeader, flags: 0xfe }), udp(ends, patterned(50)));
      assert.equal(header.flags, 0);
    });
  });

  test('5.1.6.2.2 without NEEDS_CSUM MUST NOT use csum_start and csum_offset; without a gso, hdr_len and gso_size', async () => {
    await between({ bits: all }, { bits: NetBit.mergeable }, async (from, to) => {
      const packet = udp(ends, patterned(50));
      const odd = {
        flags: 0,
        gso: 0,
        headerLength: 65_535,
        gsoSize: 65_535,
        checksumStart: 65_535,
        checksumOffset: 65_535,
      };
      const back = await crosses(from, to, headerOf(odd, 65_535), packet);
      assert.deepEqual(back.header, wholeHeader);
      assert.ok(back.packet.equals(packet));
    });
  });

  test('5.1.6.2.2 MUST NOT rely on hdr_len: segments are cut where the headers end', async () => {
    await between({ bits: all }, { bits: NetBit.mergeable }, async (from, to) => {
      for (const headerLength of [0, 20, 1000]) {
        const { packet, header } = large(ends, 2500);
        await from.send(headerOf({ ...header, headerLength }), packet);
        const parts: Buffer[] = [];
        while (Buffer.concat(parts).length < 2500) {
          const parsed = parse((await to.receive()).packet);
          assert.ok(parsed.isRight && parsed.isIpRight);
          parts.push(parsed.payload);
        }
        assert.ok(Buffer.concat(parts).equals(patterned(2500)));
      }
    });
  });

  test('5.1.6.2.2 MUST NOT rely on a checksum being right where NEEDS_CSUM is not set: it passes as it is', async () => {
    await between({ bits: all }, { bits: all }, async (from, to) => {
      const packet = udp(ends, patterned(50));
      packet[40] = packet[40]! ^ 0xff;
      const back = await crosses(from, to, plain, packet);
      assert.ok(back.packet.equals(packet));
      assert.equal(back.header.flags, 0, 'and is not said to be valid');
    });
  });

  test('5.1.6.2.2 a packet that visits other nodes first (RFC 8200, 4.4) is cut with the checksums of where it ends', async () => {
    await between({ bits: all }, { bits: NetBit.mergeable }, async (from, to) => {
      const { packet, header } = large(ends6, 2500);
      // Its address is that of the first node; where it ends stands in a routing header, and in the pseudo header.
      const first = Buffer.from(ends6.to, 'hex');
      first[15] = 99;
      const route = Buffer.concat([Buffer.from([6, 2, 0, 1, 0, 0, 0, 0]), Buffer.from(ends6.to, 'hex')]);
      const routed = Buffer.concat([packet.subarray(0, 38), first, route, packet.subarray(54)]);
      routed[14 + 6] = 43;
      routed.writeUInt16BE(routed.length - 54, 14 + 4);
      const at = header.checksumStart + route.length;
      const [segment] = [await crosses(from, to, headerOf({ ...header, checksumStart: at }), routed)];
      // As it arrives.
      const arrived = Buffer.concat([segment.packet.subarray(0, 38), route.subarray(8), segment.packet.subarray(at)]);
      arrived[14 + 6] = 6;
      arrived.writeUInt16BE(arrived.length - 54, 14 + 4);
      assert.ok(parse(arrived).isRight && parse(arrived).payload.length === 1000);
    });
  });

  test('5.1.6.3.2 without MRG_RXBUF MUST use one buffer, and set num_buffers to 1', async () => {
    await between({ bits: all }, { bits: 0n, bufferBytes: 1600 }, async (from, to, counts) => {
      assert.equal((await crosses(from, to, plain, udp(ends, patterned(1400)))).buffers, 1);
      await from.send(plain, udp(ends, patterned(1700)));
      assert.equal(counts(1).receivedDropped['buffer too small'], 1, 'and never a part of a packet');
      assert.equal(to.takeAny(), -1);
    });
  });

  test('5.1.6.4.1 with MRG_RXBUF MUST set num_buffers, fill all but the last, and show them together', async () => {
    for (const layout of ['split', 'packed'] as const) {
      await between({ bits: all }, { bits: all, layout, buffers: 0 }, async (from, to) => {
        const lengths = [100, 12, 300, 1, 700, 2000];
        const at = lengths.map(() => to.front.take(2048, 64));
        const { driver } = to.front.queues[0]!;
        for (const [index, length] of lengths.entries())
          to.postPieces(0, [{ address: to.front.guest(at[index]!), length }]);
        // One of a single byte takes no header, and is none.
        to.front.publish(0);
        const packet = udp(ends, patterned(1000));
        await from.send(plain, packet);
        const written: number[] = [];
        for (let id = driver.takeBack(); id >= 0; id = driver.takeBack()) written.push(driver.written);
        const used = written.filter((bytes) => bytes > 0);
        const total = 12 + packet.length;
        assert.equal(
          used.reduce((sum, bytes) => sum + bytes, 0),
          total,
        );
        const { data } = to.front.memory;
        const first = at[written.findIndex((bytes) => bytes > 0)]!;
        assert.equal(data.getUint16(first + 10, true), used.length);
        for (const [index, bytes] of written.entries()) {
          const isLast = index === written.length - 1;
          if (bytes > 0 && !isLast) assert.equal(bytes, lengths[index], `${layout}: buffer ${index} is full`);
        }
      });
    }
  });

  test('5.1.6.4.1 without GUEST_CSUM MUST set flags to 0, and SHOULD give a whole checksum', async () => {
    await between({ bits: all }, { bits: NetBit.mergeable }, async (from, to) => {
      for (const [of, start] of [
        [ends, 34],
        [ends6, 54],
      ] as const) {
        const packet = udp(of, patterned(77), true);
        const header = headerOf({ ...wholeHeader, flags: 1, checksumStart: start, checksumOffset: 6 });
        const back = await crosses(from, to, header, packet);
        assert.equal(back.header.flags, 0);
        assert.ok(parse(back.packet).isRight);
      }
    });
  });

  test('5.1.6.4.1 without GUEST_TSO4, GUEST_TSO6, GUEST_USO MUST NOT set their gso_type; without all of them it MUST be NONE', async () => {
    for (const [bits, takes4, takes6] of [
      [NetBit.guestChecksum | NetBit.guestTso4, true, false],
      [NetBit.guestChecksum | NetBit.guestTso6, false, true],
      [NetBit.guestChecksum, false, false],
      // USO is of both, or of none.
      [NetBit.guestChecksum | NetBit.guestUso4, false, false],
    ] as const) {
      await between({ bits: all }, { bits: bits | NetBit.mergeable }, async (from, to) => {
        for (const [of, takes, gso] of [
          [ends, takes4, 1],
          [ends6, takes6, 4],
        ] as const) {
          const { packet, header } = large(of, 2000);
          await from.send(headerOf(header), packet);
          const first = await to.receive();
          assert.equal(first.header.gso, takes ? gso : 0);
          if (!takes) assert.equal((await to.receive()).header.gso, 0);
        }
        const datagram = udp(ends, patterned(2000), true);
        const cut = { flags: 1, gso: 5, headerLength: 42, gsoSize: 1000, checksumStart: 34, checksumOffset: 6 };
        await from.send(headerOf(cut), datagram);
        for (let count = 0; count < 2; count++) assert.equal((await to.receive()).header.gso, 0);
      });
    }
  });

  test('5.1.6.4.1 with NEEDS_CSUM MUST have the pseudo header\u2019s sum in place, and a start and offset that fit', async () => {
    await between({ bits: all }, { bits: NetBit.guestChecksum | NetBit.mergeable }, async (from, to) => {
      const { packet, header } = large(ends6, 3000);
      await from.send(headerOf(header), packet);
      for (let count = 0; count < 3; count++) {
        const { header: own, packet: segment } = await to.receive();
        assert.equal(own.flags, 1);
        assert.ok(parse(segment).isPartial);
        // Finished as a driver would, it is right.
        const place = own.checksumStart + own.checksumOffset;
        segment.writeUInt16BE(~onesSum(segment.subarray(own.checksumStart)) & 0xffff, place);
        assert.ok(parse(segment).isRight);
      }
    });
  });

  test('5.1.6.4.1 a gso_type other than NONE MUST come with NEEDS_CSUM, a gso_size, and no ECN that was not agreed on', async () => {
    await between({ bits: all }, { bits: all }, async (from, to, counts) => {
      const { packet, header } = large(ends, 3000);
      for (const wrong of [
        { ...header, flags: 0 },
        { ...header, gsoSize: 0 },
        { ...header, gso: 0x81 },
      ])
        await from.send(headerOf(wrong), packet);
      assert.deepEqual(counts(0).sentDropped, { gso: 2, 'gso not negotiated': 1 });
      const back = await crosses(from, to, headerOf(header), packet);
      assert.deepEqual(back.header, header);
      assert.ok(back.header.headerLength >= 54, 'hdr_len SHOULD not be less than the headers');
    });
  });

  test('5.1.6.2.1 what the driver may not do is refused: unfinished packets that were not agreed on', async () => {
    await between({ bits: NetBit.mergeable }, { bits: all }, async (from, _to, counts) => {
      const partial = headerOf({ ...wholeHeader, flags: 1, checksumStart: 34, checksumOffset: 6 });
      await from.send(partial, udp(ends, patterned(50), true));
      const { packet, header } = large(ends, 3000);
      await from.send(headerOf({ ...header, flags: 0 }), packet);
      assert.deepEqual(counts(0).sentDropped, { 'checksum not negotiated': 1, 'gso not negotiated': 1 });
    });
  });

  test('5.1.6.5.6.1 MUST NOT queue packets on receive queues that are not enabled', async () => {
    await between({ bits: all, pairs: 2 }, { bits: all, pairs: 2 }, async (from, to) => {
      assert.equal(await to.front.acknowledged(Request.setVringEnable, [2n]), 0n);
      for (let count = 0; count < 10; count++) {
        await from.send(plain, udp(ends, patterned(50 + count)), [12], count & 1);
        assert.equal((await to.receiveOn(0)).packet.length, 92 + count);
      }
      assert.equal(to.takeAny(1), -1);
    });
  });
});
