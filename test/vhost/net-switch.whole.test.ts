// Guests of the tests' own on a switch: who gets which packet, what a guest that takes nothing unfinished gets, that each guest costs one copy and no
// more, and that a guest that takes nothing holds nobody up; with a tap as the way out, where the kernel answers, and without each other.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, test } from 'node:test';
import { CopyReason, copiedBytes } from '../../src/memory/copy.js';
import { Request } from '../../src/vhost/protocol.js';
import { engineRefused, engines, patterned } from '../conformance/serve/servers.js';
import { GuestTcp } from '../support/guest-tcp.js';
import { startNets } from '../support/in-process-nets.js';
import {
  guestBits,
  headerOf,
  hostBits,
  NetBit,
  NetGuest,
  type NetGuestOptions,
  wholeHeader,
} from '../support/net-guest.js';
import { NetNamespace, namespacesRefused } from '../support/net-namespace.js';
import { arp, arpAnswer, type Ends, icmpEcho, macBytes, parse, Tcp, tcp } from '../support/net-packets.js';
import { program } from '../support/program.js';
import { until } from '../support/until.js';

const macs = ['52:54:00:00:00:01', '52:54:00:00:00:02', '52:54:00:00:00:03'] as const;
const everyone = 'ff:ff:ff:ff:ff:ff';
const whole = headerOf(wholeHeader);

/** A packet whose content says what it is. */
function packetOf(from: string, to: string, text: string): Buffer {
  return Buffer.concat([macBytes(to), macBytes(from), Buffer.from([0x88, 0xb5]), Buffer.from(text.padEnd(46))]);
}

async function startGuests(sockets: readonly string[], options: readonly NetGuestOptions[]): Promise<NetGuest[]> {
  const guests = sockets.map((socket, index) => new NetGuest(socket, options[index % options.length]!));
  for (const guest of guests) await guest.start();
  return guests;
}

async function hears(guest: NetGuest, text: string): Promise<void> {
  assert.equal((await guest.receive()).packet.subarray(14).toString().trim(), text);
}

describe('guests on a switch', { timeout: 240_000 }, () => {
  test('a packet goes where its address was heard, to all others where nobody knows, and never back', async () => {
    const nets = startNets(3, {});
    const guests = await startGuests(nets.sockets, [{ bits: NetBit.mergeable }, { bits: 0n }]);
    const [one, two, three] = guests as [NetGuest, NetGuest, NetGuest];
    await one.send(whole, packetOf(macs[0], macs[1], 'unknown'));
    for (const guest of [two, three]) await hears(guest, 'unknown');
    await two.send(whole, packetOf(macs[1], macs[0], 'known'));
    await hears(one, 'known');
    await one.send(whole, packetOf(macs[0], macs[1], 'known as well'));
    await hears(two, 'known as well');
    await three.send(whole, packetOf(macs[2], everyone, 'to all'));
    for (const guest of [one, two]) await hears(guest, 'to all');
    await three.send(whole, packetOf(macs[2], '01:00:5e:00:00:01', 'to many'));
    for (const guest of [one, two]) await hears(guest, 'to many');
    for (const [from, to] of [
      [macs[2], '01:80:c2:00:00:0e'],
      ['03:00:00:00:00:01', macs[0]],
      [macs[2], macs[2]],
    ] as const)
      await three.send(whole, packetOf(from, to, 'nowhere'));
    assert.equal(nets.counts(2).sentDropped.address, 3);
    // Who moved is where it was heard last.
    await three.send(whole, packetOf(macs[1], macs[0], 'moved'));
    await hears(one, 'moved');
    await one.send(whole, packetOf(macs[0], macs[1], 'to the new place'));
    await hears(three, 'to the new place');
    // Who has gone is forgotten.
    three.close();
    await until('it has gone', () => nets.said.includes('guest 2: the front end has gone'));
    await one.send(whole, packetOf(macs[0], macs[1], 'to whoever'));
    await hears(two, 'to whoever');
    for (const guest of [one, two]) assert.equal(guest.takeAny(), -1, 'nothing else came');
    for (const guest of [one, two]) guest.close();
    await nets.close();
  });

  test('64 KiB cross uncut by one copy; a guest without offloads gets segments with right checksums, by one copy', async () => {
    const nets = startNets(3, {});
    const guests = await startGuests(nets.sockets, [
      { bits: hostBits | guestBits | NetBit.mergeable, bufferBytes: 4096, layout: 'packed' },
      { bits: hostBits | guestBits | NetBit.mergeable, bufferBytes: 1536, buffers: 60 },
      { bits: 0n, bufferBytes: 2048, buffers: 60 },
    ]);
    const [one, two, three] = guests as [NetGuest, NetGuest, NetGuest];
    for (const [index, guest] of guests.entries()) {
      await guest.send(whole, packetOf(macs[index]!, everyone, 'here'));
      for (const other of guests) if (other !== guest) await hears(other, 'here');
    }
    const ends: Ends = {
      ...{ fromMac: macs[0], from: '10.0.0.1', fromPort: 1, toPort: 2 },
      toMac: macs[1],
      to: '10.0.0.2',
    };
    const fields = { sequence: 1, acknowledge: 2, flags: Tcp.ack };
    const header = { flags: 1, gso: 1, headerLength: 54, gsoSize: 1448, checksumStart: 34, checksumOffset: 16 };
    const payload = patterned(65_000);
    const large = tcp(ends, fields, payload, true);
    let before = copiedBytes[CopyReason.guestPacket]!;
    await one.send(headerOf(header), large);
    const uncut = await two.receive();
    assert.deepEqual(uncut.header, header);
    assert.ok(uncut.packet.equals(large));
    assert.equal(copiedBytes[CopyReason.guestPacket]! - before, large.length, 'each byte once');
    before = copiedBytes[CopyReason.guestPacket]!;
    await one.send(headerOf(header), tcp({ ...ends, toMac: macs[2] }, fields, payload, true));
    const parts: Buffer[] = [];
    let received = 0;
    for (let index = 0; index < Math.ceil(payload.length / 1448); index++) {
      const { packet, header: own } = await three.receive();
      assert.deepEqual(own, wholeHeader);
      const parsed = parse(packet);
      assert.ok(parsed.isRight && parsed.isIpRight);
      parts.push(parsed.payload);
      received += packet.length;
    }
    assert.ok(Buffer.concat(parts).equals(payload));
    assert.equal(copiedBytes[CopyReason.guestPacket]! - before, received, 'each byte once');
    for (const guest of guests) guest.close();
    await nets.close();
  });

  for (const engine of engines)
    test(`a guest that posts no buffers, or is away, holds nobody up, and is counted (${engine})`, {
      skip: engineRefused(engine),
    }, async () => {
      const nets = startNets(3, {}, { pairs: 2, engine });
      const [one, two] = (await startGuests(nets.sockets.slice(0, 2), [
        { bits: NetBit.mergeable, pairs: 2 },
        { bits: NetBit.mergeable, buffers: 0, pairs: 2 },
      ])) as [NetGuest, NetGuest];
      for (let count = 0; count < 500; count++)
        await one.send(whole, packetOf(macs[0], everyone, 'to all'), [12], count & 1);
      assert.deepEqual(nets.counts(1).receivedDropped, { 'no buffer': 500 });
      assert.deepEqual(nets.counts(2).receivedDropped, { down: 500 });
      two.close();
      await until('it has gone', () => nets.said.includes('guest 1: the front end has gone'));
      // One with fewer pairs than its sender.
      const late = new NetGuest(nets.sockets[2]!, { bits: 0n });
      await late.start();
      await one.send(whole, packetOf(macs[0], everyone, 'again'), [12], 1);
      await hears(late, 'again');
      one.close();
      late.close();
      await nets.close();
    });

  test('a guest that has moved here is announced; a status is kept, and 0 is a reset', async () => {
    const nets = startNets(2, {});
    const [one, two] = (await startGuests(nets.sockets, [{ bits: NetBit.mergeable }])) as [NetGuest, NetGuest];
    const mac = '52:54:00:00:00:09';
    const word = macBytes(mac).reduceRight((sum, byte) => sum * 256n + BigInt(byte), 0n);
    assert.equal(await one.front.acknowledged(Request.announce, [word]), 0n);
    const { packet } = await two.receive();
    const parsed = parse(packet);
    assert.deepEqual([parsed.toMac, parsed.fromMac, parsed.type, packet.length], [everyone, mac, 0x8035, 60]);
    assert.equal(
      packet.subarray(14).toString('hex').slice(0, 56),
      `00010800060400035254000000090000000052540000000900000000`,
    );
    await two.send(whole, packetOf(macs[1], mac, 'to the one that moved'));
    await hears(one, 'to the one that moved');
    assert.equal(await one.front.ask(Request.getStatus), 0n);
    for (const [status, answer] of [
      [15n, 0n],
      [256n, 1n],
      [2n ** 63n, 1n],
    ] as const)
      assert.equal(await one.front.acknowledged(Request.setStatus, [status]), answer);
    assert.equal(await one.front.ask(Request.getStatus), 15n);
    assert.equal(await one.front.acknowledged(Request.setStatus, [0n]), 0n);
    await two.send(whole, packetOf(macs[1], mac, 'to nobody'));
    assert.equal(nets.counts(0).receivedDropped.down, 1, 'its queues have ended');
    for (const guest of [one, two]) guest.close();
    await nets.close();
  });

  test('what cannot be joined so is refused with what can', () => {
    const sockets = ['--socket', '/tmp/a.sock', '--socket', '/tmp/b.sock'];
    for (const [args, words] of [
      [[], /needs a socket/],
      [sockets.slice(0, 2), /add --tap tap0, --xdp eth1, or a second --socket/],
      [[...sockets, '--tap', 'tap0', '--xdp', 'eth1'], /one way out/],
      [[...sockets, '--echo', '--xdp', 'eth1'], /leave --tap, --xdp/],
      [[...sockets, '--isolate'], /it needs --tap/],
      [[...sockets, '--mac', macs[0]], /each has one of its own/],
      [[...sockets, '--echo', '--tap', 'tap0'], /leave --tap/],
      [[...sockets.slice(0, 2), '--echo', '--mac', '01:00:00:00:00:00'], /address of one device/],
      [[...sockets.slice(0, 2), '--echo', '--mac', '00:00:00:00:00:00'], /address of one device/],
      [[...sockets.slice(0, 2), '--echo', '--mtu', '67'], /from 68 to 65535/],
      [[...sockets.slice(0, 2), '--echo', '--pairs', '17'], /from 1 to 16/],
    ] as const) {
      const { status, stderr } = spawnSync(process.execPath, [program, 'net', ...args], { encoding: 'utf8' });
      assert.equal(status, 2, stderr);
      assert.match(stderr, words);
    }
  });
});

describe('guests on a switch with a tap', { skip: namespacesRefused(), timeout: 240_000 }, () => {
  const host = '10.78.0.1';
  const echoServer = `require('net').createServer((s) => s.pipe(s)).listen(7000, '${host}', () => console.log('listens'))`;

  /** Answers questions for a guest's address until a packet comes that `isIt` takes. */
  async function wait(guest: NetGuest, index: number, isIt: (packet: ReturnType<typeof parse>) => boolean) {
    for (let count = 0; count < 30; count++) {
      const { packet } = await guest.receive();
      const parsed = parse(packet);
      if (isIt(parsed)) return parsed;
      if (parsed.type === 0x0806 && packet[21] === 1 && packet[41] === index + 2)
        await guest.send(whole, arpAnswer(macs[index]!, `10.78.0.${index + 2}`, parsed.fromMac, host));
    }
    throw new Error('it did not come');
  }

  for (const isolate of [false, true]) {
    test(`the kernel answers each; ${isolate ? 'guests do not hear each other' : 'and they hear each other'}`, async () => {
      const space = new NetNamespace();
      const nets = startNets(2, { tap: 'tap0', isolate }, { space });
      space.bringUp('tap0', `${host}/24`);
      const guests = await startGuests(nets.sockets, [
        { bits: hostBits | guestBits | NetBit.mergeable, buffers: 60 },
        { bits: NetBit.mergeable },
      ]);
      const ask = async (guest: NetGuest, index: number): Promise<string> => {
        await guest.send(whole, arp(macs[index]!, `10.78.0.${index + 2}`, host));
        return (await wait(guest, index, ({ type, toMac }) => type === 0x0806 && toMac === macs[index])).fromMac;
      };
      const ping = async (guest: NetGuest, index: number, toMac: string): Promise<void> => {
        const own = `10.78.0.${index + 2}`;
        const ends = { fromMac: macs[index]!, toMac, from: own, to: host, fromPort: 0, toPort: 0 };
        await guest.send(whole, icmpEcho(ends, patterned(500)));
        const pong = await wait(guest, index, ({ protocol }) => protocol === 1);
        assert.ok(pong.isRight && pong.payload.equals(patterned(500)));
      };
      for (const [index, guest] of guests.entries()) await ping(guest, index, await ask(guest, index));
      const [one, two] = guests as [NetGuest, NetGuest];
      await one.send(whole, packetOf(macs[0], macs[1], 'to you'));
      await one.send(whole, packetOf(macs[0], everyone, 'to all'));
      if (isolate) {
        // One that claims to be the host takes nothing from the other: what guests send goes to the tap.
        const mac = await ask(one, 0);
        await two.send(whole, packetOf(mac, everyone, 'the host'));
        await ping(one, 0, mac);
        assert.deepEqual(nets.counts(0).sentDropped, {});
      } else {
        const texts: string[] = [];
        while (texts.length < 2) {
          const { packet } = await two.receive();
          if (packet.readUInt16BE(12) === 0x88b5) texts.push(packet.subarray(14).toString().trim());
        }
        assert.deepEqual(texts, ['to you', 'to all']);
      }
      for (let index = 0; isolate && two.takeAny() >= 0; index++) assert.fail('it heard of the other');
      for (const guest of guests) guest.close();
      await nets.close();
      space.remove();
    });
  }

  test('what the tap does not take, and what of it reaches no guest, is counted by reason', async () => {
    const space = new NetNamespace();
    const nets = startNets(2, { tap: 'tap0' }, { space });
    space.bringUp('tap0', `${host}/24`);
    assert.deepEqual(nets.uplink(), { sentDropped: {}, receivedDropped: {} });
    // The kernel asks for an address, and there is no guest.
    await space.node("require('dgram').createSocket('udp4').send('x', 7, '10.78.0.9', () => console.log('sent'))");
    await until('it is counted', () => (nets.uplink()!.receivedDropped.down ?? 0) > 0);
    const guests = await startGuests(nets.sockets, [{ bits: 0n }]);
    space.ip('link', 'set', 'tap0', 'down');
    await guests[0]!.send(whole, packetOf(macs[0], everyone, 'to all'));
    await until('it is counted', () => (nets.uplink()!.sentDropped.down ?? 0) > 0);
    assert.deepEqual(nets.counts(0).sentDropped, {}, 'the other guest has it');
    for (const guest of guests) guest.close();
    await nets.close();
    space.remove();
  });

  test('TCP through the tap, with offloads and without: what comes is copied once, what goes not at all', async () => {
    const space = new NetNamespace();
    const nets = startNets(2, { tap: 'tap0' }, { space });
    space.bringUp('tap0', `${host}/24`);
    await space.node(echoServer);
    const guests = await startGuests(nets.sockets, [
      { bits: hostBits | guestBits | NetBit.mergeable, buffers: 100, size: 128 },
      { bits: NetBit.mergeable, buffers: 100, size: 128 },
    ]);
    for (const [index, guest] of guests.entries()) {
      const hasOffloads = index === 0;
      const own = `10.78.0.${index + 2}`;
      await guest.send(whole, arp(macs[index]!, own, host));
      const { fromMac } = await wait(guest, index, ({ type, toMac }) => type === 0x0806 && toMac === macs[index]);
      const ends = { fromMac: macs[index]!, toMac: fromMac, from: own, to: host, fromPort: 45_000, toPort: 7000 };
      const connection = new GuestTcp(guest, ends, hasOffloads);
      await connection.open();
      const before = copiedBytes[CopyReason.guestPacket]!;
      const received = nets.counts(index).receivedBytes;
      for (let count = 0; count < 25; count++) {
        const bytes = patterned(hasOffloads ? 45_000 : 1400).map((byte) => byte ^ count);
        await connection.send(bytes);
        assert.ok((await connection.take(bytes.length)).equals(bytes), `round ${count}`);
      }
      if (hasOffloads) assert.ok(connection.longest > 20_000, `${connection.longest} bytes at once`);
      else assert.ok(connection.longest <= 1514 && connection.undone === 0);
      const came = nets.counts(index).receivedBytes - received;
      assert.ok(came >= 25 * 1400);
      assert.equal(copiedBytes[CopyReason.guestPacket]! - before, came, 'once, to the guest that it is for');
    }
    for (const guest of guests) guest.close();
    await nets.close();
    space.remove();
  });
});
