// `clearway net --echo` over its real socket, driven by a driver of the tests' own, on both engines: every packet comes back as it was sent, in as
// many buffers as it takes; what a guest does not take unfinished is finished; what makes no sense is dropped and counted, and nothing stalls.

import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { Region } from '../../src/memory/region.js';
import { randomSource } from '../../src/plan/answers/simulate.js';
import { Request } from '../../src/vhost/protocol.js';
import { engineRefused, engines, patterned } from '../conformance/serve/servers.js';
import {
  guestBits,
  headerOf,
  hostBits,
  NetBit,
  NetGuest,
  type NetGuestOptions,
  wholeHeader,
} from '../support/net-guest.js';
import { type Ends, parse, Tcp, tcp, udp } from '../support/net-packets.js';
import { until, untilSaid } from '../support/until.js';
import { FrontEnd } from '../support/vhost-front-end.js';
import { type DeviceProcess, descriptorsOf, startDevices } from '../support/vhost-process.js';
import { layouts } from '../support/virtqueues.js';

const folder = mkdtempSync(join(tmpdir(), 'clearway-net-'));
after(() => rmSync(folder, { recursive: true, force: true }));
let sockets = 0;

interface Net extends DeviceProcess {
  readonly socket: string;
}

async function startEcho(engine: string, ...options: readonly string[]): Promise<Net> {
  const socket = join(folder, `net${++sockets}.sock`);
  const device = await startDevices(['net', '--socket', socket, '--echo', '--engine', engine, ...options], [socket]);
  return { ...device, socket };
}

async function startGuest(net: Net, options: NetGuestOptions): Promise<NetGuest> {
  const guest = new NetGuest(net.socket, options);
  await guest.start();
  return guest;
}

const ends4: Ends = {
  fromMac: '52:54:00:00:00:01',
  toMac: '52:54:00:00:00:02',
  from: '10.0.0.1',
  to: '10.0.0.2',
  fromPort: 40_000,
  toPort: 80,
};
const ends6: Ends = { ...ends4, from: `fd00${'0'.repeat(27)}1`, to: `fd00${'0'.repeat(27)}2` };

/** A packet of TCP that is to be cut, as a guest with the offload sends it. */
function superPacket(ends: Ends, payload: Uint8Array, tags = 0) {
  const fields = { sequence: 0xffff_f000, acknowledge: 7, flags: Tcp.ack | Tcp.psh | Tcp.cwr };
  const packet = tcp(ends, fields, payload, true, tags);
  const transport = packet.length - payload.length - 20;
  const gso = ends.from.includes('.') ? 1 : 4;
  const lengths = { headerLength: transport + 20, gsoSize: 1448 };
  return { packet, header: { flags: 1, gso, ...lengths, checksumStart: transport, checksumOffset: 16 } };
}

for (const engine of engines) {
  describe(`a network device that echoes, ${engine}`, { skip: engineRefused(engine), timeout: 240_000 }, () => {
    test('packets of any length and framing come back, byte for byte, on both kinds of buffers', async () => {
      const net = await startEcho(engine, '--pairs', '2');
      for (const bits of [0n, NetBit.mergeable, NetBit.mergeable | NetBit.inOrder]) {
        for (const [layout, eventIndex] of layouts.flatMap((each) => [[each, false] as const, [each, true] as const])) {
          const rings = { indirect: true, eventIndex };
          const bufferBytes = bits === 0n ? 2048 : 256;
          const guest = await startGuest(net, { bits, rings, layout, pairs: 2, bufferBytes });
          const random = randomSource(3);
          for (let count = 0; count < 60; count++) {
            const packet = patterned(14 + Math.floor(random() * 1500)).map((byte) => byte ^ count);
            const cuts = Array.from({ length: Math.floor(random() * 20) }, () => Math.floor(random() * packet.length));
            const pair = count & 1;
            await guest.send(
              headerOf(wholeHeader),
              packet,
              [...new Set(cuts)].sort((a, b) => a - b),
              pair,
            );
            const back = await guest.receiveOn(pair);
            assert.ok(back.packet.equals(packet), `packet ${count} of ${packet.length} bytes`);
            assert.deepEqual(back.header, wholeHeader);
            assert.equal(back.buffers, bits === 0n ? 1 : Math.ceil((12 + packet.length) / 256));
          }
          assert.equal(guest.front.queues[0]!.driver.fault, undefined);
          guest.close();
        }
      }
      assert.equal(await net.end(), 0);
      assert.ok(!existsSync(net.socket), 'the socket is gone');
    });

    test('a packet of 64 KiB crosses uncut, its checksum undone, and lies in many buffers', async () => {
      const net = await startEcho(engine);
      const bits = hostBits | guestBits | NetBit.mergeable;
      const guest = await startGuest(net, { bits, bufferBytes: 1536, buffers: 60 });
      for (const ends of [ends4, ends6]) {
        const { packet, header } = superPacket(ends, patterned(64_000));
        await guest.send(headerOf(header), packet, [12, 100, 32_000]);
        const back = await guest.receive();
        assert.deepEqual(back.header, header);
        assert.ok(back.packet.equals(packet));
        assert.equal(back.buffers, Math.ceil((12 + packet.length) / 1536));
      }
      guest.close();
      await net.end();
    });

    test('the metrics count packets and bytes, kicks, and the copy that there is', async () => {
      const net = await startEcho(engine, '--metrics', '127.0.0.1:0');
      const guest = await startGuest(net, { bits: 0n, bufferBytes: 2048, buffers: 4 });
      for (let count = 0; count < 3; count++) {
        await guest.send(headerOf(wholeHeader), patterned(1000));
        await guest.receive();
      }
      await guest.send(headerOf(wholeHeader), patterned(5));
      await until('the address is said', () => /http:\S+/.test(net.said()));
      const read = async (): Promise<string> => (await fetch(/http:\S+/.exec(net.said())![0])).text();
      let text = '';
      await until('the short one was seen', async () => {
        text = await read();
        return /dropped_total\S* 1$/m.test(text);
      });
      const device = `device="${net.socket.split('/').at(-1)}"`;
      for (const row of [
        `clearway_net_packets_total{${device},direction="sent"} 3`,
        `clearway_net_packets_total{${device},direction="received"} 3`,
        `clearway_net_bytes_total{${device},direction="sent"} 3000`,
        `clearway_net_bytes_total{${device},direction="received"} 3000`,
        `clearway_vhost_front_ends_total{${device}} 1`,
      ]) {
        assert.ok(text.split('\n').includes(row), `${row}\n${text}`);
      }
      assert.match(text, /^clearway_copied_bytes_total\{reason="\w+"\} 3000$/m);
      guest.close();
      await net.end();
    });

    test('a guest that takes nothing unfinished gets segments, with right checksums, sequence and flags', async () => {
      const net = await startEcho(engine);
      for (const [bits, isPartial] of [
        [hostBits, false],
        [hostBits | NetBit.guestChecksum, true],
      ] as const) {
        const guest = await startGuest(net, { bits, bufferBytes: 2048, buffers: 60 });
        for (const [ends, tags] of [
          [ends4, 0],
          [ends6, 0],
          [ends4, 1],
        ] as const) {
          const payload = patterned(20_001);
          const { packet, header } = superPacket(ends, payload, tags);
          await guest.send(headerOf(header), packet);
          const parts: Buffer[] = [];
          const segments = Math.ceil(payload.length / 1448);
          for (let index = 0; index < segments; index++) {
            const { packet: segment, header: own } = await guest.receive();
            const parsed = parse(segment);
            assert.ok(parsed.isIpRight, 'the checksum of IPv4');
            assert.ok(isPartial ? parsed.isPartial : parsed.isRight, 'the checksum of TCP');
            assert.deepEqual(own, isPartial ? { ...header, gso: 0, headerLength: 0, gsoSize: 0 } : wholeHeader);
            assert.equal(parsed.sequence, (0xffff_f000 + index * 1448) % 2 ** 32);
            const isLast = index === segments - 1;
            assert.equal(parsed.flags, Tcp.ack | (isLast ? Tcp.psh : 0) | (index === 0 ? Tcp.cwr : 0));
            if (ends === ends4) assert.equal(parsed.id, 0x1234 + index);
            assert.equal(parsed.payload.length, isLast ? payload.length % 1448 : 1448);
            parts.push(parsed.payload);
          }
          assert.ok(Buffer.concat(parts).equals(payload));
        }
        guest.close();
      }
      await net.end();
    });

    test('checksums that a guest leaves undone are completed for one that does not take that, in UDP as well', async () => {
      const net = await startEcho(engine);
      const guest = await startGuest(net, { bits: hostBits });
      for (const packet of [
        udp(ends4, patterned(999), true),
        udp(ends6, patterned(1000), true),
        // Whose sum is 0: in UDP that is written as 0xffff.
        udp({ ...ends4, from: '0.0.0.0', to: '0.0.0.0', fromPort: 0, toPort: 0 }, Buffer.from([0xff, 0xe4 - 9]), true),
        tcp(ends6, { sequence: 1, acknowledge: 2, flags: Tcp.ack }, patterned(77), true),
      ]) {
        const start = packet.readUInt16BE(12) === 0x0800 ? 34 : 54;
        const isUdp = packet[start - 1] !== undefined && parse(packet).protocol === 17;
        const offsets = { checksumStart: start, checksumOffset: isUdp ? 6 : 16 };
        await guest.send(headerOf({ ...wholeHeader, flags: 1, ...offsets }), packet);
        const back = await guest.receive();
        assert.deepEqual(back.header, wholeHeader);
        assert.ok(parse(back.packet).isRight);
        if (isUdp) assert.notEqual(back.packet.readUInt16BE(start + 6), 0, 'none says 0');
      }
      const datagram = udp(ends4, patterned(5000), true);
      const cut = { flags: 1, gso: 5, headerLength: 42, gsoSize: 1400, checksumStart: 34, checksumOffset: 6 };
      await guest.send(headerOf(cut), datagram);
      const parts: Buffer[] = [];
      for (let index = 0; index < 4; index++) {
        const parsed = parse((await guest.receive()).packet);
        assert.ok(parsed.isRight && parsed.isIpRight);
        parts.push(parsed.payload);
      }
      assert.ok(Buffer.concat(parts).equals(patterned(5000)));
      guest.close();
      await net.end();
    });

    test('headers and packets that make no sense are dropped, given back, and the next one goes through', async () => {
      const net = await startEcho(engine);
      const guest = await startGuest(net, { bits: hostBits | guestBits | NetBit.mergeable });
      const packet = udp(ends4, patterned(100), true);
      const check = { flags: 1, checksumStart: 34, checksumOffset: 6 };
      const { packet: large, header: gso } = superPacket(ends4, patterned(4000));
      const cases: readonly (readonly [string, Uint8Array, Uint8Array])[] = [
        ['no header', new Uint8Array(0), new Uint8Array(1)],
        ['a header of 1 byte', new Uint8Array(1), new Uint8Array(0)],
        ['a header of 11 bytes', new Uint8Array(11), new Uint8Array(0)],
        ['no packet', headerOf(wholeHeader), new Uint8Array(0)],
        ['a runt', headerOf(wholeHeader), new Uint8Array(13)],
        ['a checksum outside', headerOf({ ...wholeHeader, ...check, checksumOffset: 200 }), packet],
        [
          'a checksum that ends outside',
          headerOf({ ...wholeHeader, ...check, checksumOffset: packet.length - 35 }),
          packet,
        ],
        ['a checksum from 65,535', headerOf({ ...wholeHeader, ...check, checksumStart: 65_535 }), packet],
        ['a checksum of Ethernet', headerOf({ ...wholeHeader, ...check, checksumStart: 0 }), packet],
        ['an unknown gso', headerOf({ ...gso, gso: 2 }), large],
        ['a gso that was not offered', headerOf({ ...gso, gso: 3 }), large],
        ['gso with ECN', headerOf({ ...gso, gso: 0x81 }), large],
        ['a gso of 0 bytes', headerOf({ ...gso, gsoSize: 0 }), large],
        ['gso without a checksum', headerOf({ ...gso, flags: 0 }), large],
        ['headers longer than the packet', headerOf({ ...gso, headerLength: large.length + 1 }), large],
        ['65,535 bytes and more', headerOf(wholeHeader), new Uint8Array(65_550)],
        ['120,000 bytes', headerOf(wholeHeader), new Uint8Array(120_000)],
      ];
      for (const [name, header, bytes] of cases) {
        await guest.send(header, bytes, []);
        const next = patterned(60 + name.length);
        await guest.send(headerOf(wholeHeader), next);
        assert.ok((await guest.receive()).packet.equals(next), `after ${name}`);
      }
      const own = guest.front.guest(guest.front.take(4096));
      await guest.sendPieces([{ address: own, length: 100 }], [{ address: own, length: 100 }]);
      await guest.sendPieces([], [{ address: own, length: 100 }]);
      await guest.sendPieces([{ address: 0x10, length: 100 }]);
      await guest.sendPieces([
        { address: own, length: 12 },
        { address: 2 ** 53, length: 100 },
      ]);
      await guest.send(
        headerOf(wholeHeader),
        patterned(52),
        Array.from({ length: 63 }, (_, index) => index + 1),
      );
      assert.ok((await guest.receive()).packet.equals(patterned(52)), '64 pieces of one byte');
      assert.equal(guest.takeAny(), -1, 'nothing else came');
      // An indirect table that is longer than any view of the guest's memory.
      const { places, driver } = guest.front.queues[1]!;
      const { buffer } = guest.front.memory;
      driver.add([{ address: own, length: 3 * 1024 * 1024 }], []);
      const available = new Uint16Array(buffer, places.available, 66);
      const head = available[2 + ((available[1]! + 64) & 63)]!;
      new Uint32Array(buffer, places.descriptors, 256)[head * 4 + 3] = 4;
      guest.kick(1);
      await guest.front.back(1);
      await guest.send(headerOf(wholeHeader), patterned(99));
      assert.equal((await guest.receive()).packet.length, 99);
      guest.close();
      await net.end();
    });

    test('buffers of no use are given back, nothing is written past one, and packets go on', async () => {
      const net = await startEcho(engine);
      for (const bits of [0n, NetBit.mergeable]) {
        const guest = await startGuest(net, { bits, buffers: 0 });
        const area = guest.front.take(8192);
        guest.front.memory.bytes.fill(0xee, area, area + 8192);
        const at = (offset: number, length: number) => ({ address: guest.front.guest(area + offset), length });
        const useless = [0, 1, 11, ...(bits === 0n ? [12, 13] : [])].map((length, index) =>
          guest.postPieces(0, [at(index * 64, length)]),
        );
        useless.push(guest.postPieces(0, [at(1024, 2048)], -1, [at(4096, 100)]));
        useless.push(guest.postPieces(0, [], -1, [at(1024, 2048)]));
        useless.push(guest.postPieces(0, [{ address: 0x10, length: 2048 }]));
        const good = guest.postPieces(0, [at(4096, 12), at(4108, 1), at(4109, 1999)], area + 4096);
        guest.front.publish(0);
        const packet = patterned(600);
        await guest.send(headerOf(wholeHeader), packet);
        for (const id of useless) {
          assert.equal(await guest.front.back(0), id);
          assert.equal(guest.front.queues[0]!.driver.written, 0);
        }
        assert.equal(await guest.front.back(0), good);
        assert.equal(guest.front.queues[0]!.driver.written, 612);
        const { bytes } = guest.front.memory;
        assert.ok(Buffer.from(bytes.subarray(area + 4108, area + 4708)).equals(packet));
        assert.ok(
          bytes.subarray(area, area + 4096).every((byte) => byte === 0xee),
          'nothing else was written',
        );
        assert.ok(bytes.subarray(area + 4708, area + 8192).every((byte) => byte === 0xee));
        // With buffers of 12 and 13 bytes, where several take a packet.
        if (bits !== 0n) {
          for (const length of [12, 13, 700]) guest.postPieces(0, [at(length, length)]);
          guest.front.publish(0);
          await guest.send(headerOf(wholeHeader), packet);
          const written = [];
          for (let count = 0; count < 3; count++) {
            await guest.front.back(0);
            written.push(guest.front.queues[0]!.driver.written);
          }
          assert.deepEqual(written, [12, 13, 587]);
        }
        guest.close();
      }
      await net.end();
    });

    test('without a buffer packets are dropped, also when there are too few; buffers that were taken are put back', async () => {
      const net = await startEcho(engine);
      for (const layout of layouts) {
        const guest = await startGuest(net, {
          bits: NetBit.mergeable,
          layout,
          size: layout === 'split' ? 8 : 7,
          buffers: 4,
          bufferBytes: 512,
        });
        await guest.send(headerOf(wholeHeader), patterned(4 * 512));
        assert.equal(guest.takeAny(), -1, 'it does not fit');
        for (let count = 0; count < 5; count++) {
          await guest.send(headerOf(wholeHeader), patterned(4 * 512 - 12));
          assert.ok((await guest.receive()).packet.equals(patterned(4 * 512 - 12)));
        }
        // A part of it is taken, and the queue ends.
        await guest.send(headerOf(wholeHeader), patterned(4 * 512));
        guest.front.send(Request.getVringBase, [0n]);
        const base = (await guest.front.answer())!.getUint32(4, true);
        // 24 were posted and 20 came back; of a ring of 7 entries that is 6 in its third turn.
        assert.equal(base, layout === 'split' ? 20 : 0x8006_8006);
        await guest.send(headerOf(wholeHeader), patterned(100));
        guest.close();
      }
      await net.end();
    });
  });
}

describe('a network device and its front end', { timeout: 240_000 }, () => {
  test('features, configuration, the MTU: as they are offered', async () => {
    const net = await startEcho('epoll', '--pairs', '4', '--mac', '52:54:00:aa:bb:cc', '--mtu', '9000');
    const front = new FrontEnd(net.socket);
    const features = await front.ask(Request.getFeatures);
    for (const bit of [0, 1, 3, 5, 7, 8, 11, 12, 15, 16, 17, 22, 28, 29, 30, 32, 35, 54, 55, 56])
      assert.ok((features >> BigInt(bit)) & 1n, `feature ${bit}`);
    for (const bit of [10, 14, 18, 19, 20, 23, 57, 60])
      assert.equal((features >> BigInt(bit)) & 1n, 0n, `feature ${bit}`);
    const protocol = await front.ask(Request.getProtocolFeatures);
    assert.ok((protocol >> 4n) & 1n, 'MTU');
    assert.equal((protocol >> 9n) & 1n, 0n, 'its configuration is the front end\u2019s');
    front.send(Request.setProtocolFeatures, [(1n << 0n) | (1n << 3n) | (1n << 4n)]);
    assert.equal(await front.ask(Request.getQueueNum), 4n);
    for (const [bytes, answer] of [
      [1500n, 0n],
      [68n, 0n],
      [65_535n, 0n],
      [67n, 1n],
      [65_536n, 1n],
      [2n ** 63n, 1n],
    ] as const)
      assert.equal(await front.acknowledged(Request.setMtu, [bytes]), answer, `an MTU of ${bytes}`);
    front.close();
    await untilSaid(net.said, /mac=52:54:00:aa:bb:cc,mq=on,vectors=10/);
    await net.end();
  });

  test('memory that changes while queues run: buffers that were taken are taken again, and nothing is lost', async () => {
    const net = await startEcho('epoll');
    for (const layout of layouts) {
      const guest = await startGuest(net, { bits: NetBit.mergeable, layout, buffers: 12, bufferBytes: 512 });
      const memory = guest.front.memory.fd;
      const other = new Region(65_536, { kind: 'memfd' });
      const away = [0n, 2n ** 40n, 65_536n, 2n ** 41n, 0n];
      for (let round = 0; round < 6; round++) {
        // One for which all buffers are too few: they are taken, and kept.
        await guest.send(headerOf(wholeHeader), patterned(12 * 512));
        if (round % 3 === 0) {
          assert.equal(await guest.front.acknowledged(Request.setMemoryTable, guest.front.table(), [memory]), 0n);
        } else if (round % 3 === 1) {
          assert.equal(await guest.front.acknowledged(Request.addMemoryRegion, away, [other.fd]), 0n);
        } else assert.equal(await guest.front.acknowledged(Request.removeMemoryRegion, away), 0n);
        for (let count = 0; count < 20; count++) {
          const packet = patterned(14 + ((round * 700 + count * 271) % 5000));
          await guest.send(headerOf(wholeHeader), packet);
          assert.ok((await guest.receive()).packet.equals(packet), `${layout}, round ${round}, packet ${count}`);
        }
      }
      other.unmap();
      guest.close();
    }
    await net.end();
  });

  test('what a queue that is not enabled gets is dropped; enabled again it goes on', async () => {
    const net = await startEcho('epoll');
    const guest = await startGuest(net, { bits: 0n });
    const enable = (on: bigint) => guest.front.acknowledged(Request.setVringEnable, [1n | (on << 32n)]);
    assert.equal(await enable(0n), 0n);
    await guest.send(headerOf(wholeHeader), patterned(100));
    assert.equal(await enable(1n), 0n);
    await guest.send(headerOf(wholeHeader), patterned(200));
    assert.equal((await guest.receive()).packet.length, 200);
    guest.close();
    await net.end();
  });

  test('200 front ends that come and go, some of them amid packets, leave nothing; SIGTERM ends it', async () => {
    const net = await startEcho('epoll', '--pairs', '2');
    const first = await startGuest(net, { bits: NetBit.mergeable });
    await first.send(headerOf(wholeHeader), patterned(100));
    await first.receive();
    const open = descriptorsOf(net.pid);
    first.close();
    for (let count = 0; count < 200; count++) {
      const guest = new NetGuest(net.socket, { bits: NetBit.mergeable, pairs: 2, memoryBytes: 1024 * 1024 });
      if (count % 3 === 0) await guest.front.ask(Request.getFeatures);
      if (count % 3 === 1) {
        await guest.start();
        guest.kick(1);
      }
      guest.close();
    }
    const last = new FrontEnd(net.socket);
    assert.equal(await last.ask(Request.getQueueNum), 2n);
    last.close();
    await until(`${descriptorsOf(net.pid)} descriptors`, () => descriptorsOf(net.pid) < open);
    assert.equal(await net.end(), 0);
    assert.ok(!existsSync(net.socket));
  });
});
