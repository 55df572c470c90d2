// In a guest, part of `npm run test:vm`: a socket of AF_XDP on a card of QEMU's (virtio-net), whose driver works in the process's memory itself on newer
// kernels: questions go out and answers come in, frames go round, and what the driver says that it can do is what the socket does. And a guest of a guest on that card.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { Region } from '../../src/memory/region.js';
import { PacketRings } from '../../src/xdp/packet-rings.js';
import { XdpAttachment } from '../../src/xdp/xdp-attachment.js';
import { xdpDevice } from '../../src/xdp/xdp-device.js';
import { XdpSocket } from '../../src/xdp/xdp-socket.js';
import { startNets } from '../support/in-process-nets.js';
import { headerOf, NetBit, NetGuest, wholeHeader } from '../support/net-guest.js';
import { arp, type Ends, icmpEcho, type Parsed, parse } from '../support/net-packets.js';
import { testEntries } from '../support/xdp-echo.js';

const own = { mac: '52:54:00:12:34:56', address: '10.0.2.15' } as const;
/** QEMU's own end of the wire. */
const gateway = '10.0.2.2';
const device = 'eth0';

test('a card: questions and answers, more of them than there are frames', async (t) => {
  assert.equal(spawnSync('ip', ['link', 'set', device, 'up']).status, 0);
  const facts = xdpDevice(device);
  assert.equal(facts.driver.name, 'virtio_net');
  assert.equal(facts.driver.isSoftware, false);
  const memory = new Region(512 * 2048);
  const { ifindex } = facts;
  const socket = new XdpSocket({ device, ifindex, queue: 0, memory, frameBytes: 2048, entries: testEntries });
  const rings = new PacketRings(socket, 128);
  const attachment = new XdpAttachment({ device, ifindex, sockets: [socket], take: 'everything' });
  t.diagnostic(`${attachment.mode}, ${socket.isZeroCopy ? 'without a copy' : 'with a copy'}, ${attachment.whyGeneric}`);
  assert.equal(attachment.mode, 'native');
  if (facts.features !== undefined) assert.equal(socket.isZeroCopy, facts.features.isZeroCopy);

  const send = (packet: Buffer): void => {
    const place = rings.take();
    assert.ok(place >= 0, 'there is a frame');
    memory.bytes.set(packet, place);
    assert.ok(rings.send(place, packet.length));
    rings.flush();
  };
  const receive = async (isIt: (packet: Buffer) => boolean): Promise<Buffer | undefined> => {
    let found: Buffer | undefined;
    const packet = (place: number, length: number): boolean => {
      const came = Buffer.from(memory.bytes.subarray(place, place + length));
      if (isIt(came)) found = came;
      return true;
    };
    for (let tries = 0; tries < 400 && found === undefined; tries++) {
      rings.receive({ packet }, 1);
      rings.flush();
      if (found === undefined) await new Promise((resolve) => setTimeout(resolve, 5));
    }
    return found;
  };

  send(arp(own.mac, own.address, gateway));
  const answer = await receive((packet) => packet.readUInt16BE(12) === 0x0806 && packet.readUInt16BE(20) === 2);
  assert.ok(answer !== undefined, 'ARP is answered');
  const ends: Ends = {
    fromMac: own.mac,
    toMac: parse(answer).fromMac,
    from: own.address,
    to: gateway,
    fromPort: 0,
    toPort: 0,
  };
  for (let count = 0; count < 600; count++) {
    const payload = Buffer.alloc(count % 1400, count);
    send(icmpEcho(ends, payload));
    const echo = await receive((packet) => packet.readUInt16BE(12) === 0x0800 && parse(packet).protocol === 1);
    assert.ok(echo !== undefined && parse(echo).payload.equals(payload) && parse(echo).isRight, `echo ${count}`);
  }
  assert.deepEqual(
    Object.entries(rings.guard.faults).filter(([, faults]) => faults > 0),
    [],
  );
  const { receiveDropped, receiveInvalid, transmitInvalid } = socket.statistics()!;
  assert.deepEqual([receiveDropped, receiveInvalid, transmitInvalid], [0, 0, 0]);
  assert.equal(rings.guard.receiving + rings.guard.unused + rings.guard.sending, rings.guard.frames);
  attachment.detach();
  socket.close();
  memory.unmap();
});

test('a guest of `clearway net --xdp` on the card, under an address of its own: each byte both ways', async () => {
  const nets = startNets(1, { xdp: device });
  const guest = new NetGuest(nets.sockets[0]!, { bits: NetBit.mergeable });
  await guest.start();
  const [fromMac, from] = ['52:54:00:00:00:01', '10.0.2.16'];
  const wanted = async (isIt: (packet: Buffer) => boolean): Promise<Parsed> => {
    for (let count = 0; count < 20; count++) {
      const { packet } = await guest.receive();
      if (isIt(packet)) return parse(packet);
    }
    throw new Error('no answer came');
  };
  await guest.send(headerOf(wholeHeader), arp(fromMac, from, gateway));
  const { fromMac: toMac } = await wanted((packet) => packet.readUInt16BE(12) === 0x0806);
  const ends: Ends = { fromMac, toMac, from, to: gateway, fromPort: 0, toPort: 0 };
  for (let count = 0; count < 200; count++) {
    const payload = Buffer.alloc((count * 7) % 1400, count);
    await guest.send(headerOf(wholeHeader), icmpEcho(ends, payload));
    const echo = await wanted((packet) => packet.readUInt16BE(12) === 0x0800);
    assert.ok(echo.isRight && echo.payload.equals(payload), `echo ${count}`);
  }
  assert.deepEqual(nets.counts().sentDropped, {});
  guest.close();
  await nets.close();
});
