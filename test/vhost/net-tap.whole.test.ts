// A guest of the tests' own on a tap in a network namespace: the kernel there answers ARP, ICMP and TCP; packets of 64 KiB cross uncut both ways,
// checksums are right, no byte is copied in user space; headers that the kernel refuses, and a tap that is taken away, harm nothing.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { CopyReason, copiedBytes } from '../../src/memory/copy.js';
import { randomSource } from '../../src/plan/answers/simulate.js';
import { engineRefused, engines, patterned } from '../conformance/serve/servers.js';
import { address, endsTo, macOf, peerMac, ping } from '../support/guest-peer.js';
import { GuestTcp } from '../support/guest-tcp.js';
import { type InProcessNets, startNets } from '../support/in-process-nets.js';
import { guestBits, headerOf, hostBits, NetBit, NetGuest, wholeHeader } from '../support/net-guest.js';
import { NetNamespace, namespacesRefused } from '../support/net-namespace.js';
import { arp, icmpEcho, parse, udp } from '../support/net-packets.js';
import { program } from '../support/program.js';
import { until, untilSaid } from '../support/until.js';
import { computedMs, startDevices } from '../support/vhost-process.js';
import { layouts } from '../support/virtqueues.js';

const folder = mkdtempSync(join(tmpdir(), 'clearway-tap-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** A device on a tap, with an address on the host's side. */
function startTap(space: NetNamespace, pairs = 1): InProcessNets & { readonly socket: string } {
  const nets = startNets(1, { tap: 'tap0' }, { pairs, space });
  space.bringUp('tap0', `${address.peer}/24`);
  return { ...nets, socket: nets.sockets[0]! };
}

/** Echoes each connection's bytes, and says when it listens. */
const echoServer =
  "require('net').createServer((s) => s.pipe(s)).listen(7000, '10.77.0.1', () => console.log('listens'))";

describe('a guest on a tap', { skip: namespacesRefused(), timeout: 240_000 }, () => {
  test('the kernel answers ARP and pings, on each pair of queues', async () => {
    const space = new NetNamespace();
    const tap = startTap(space, 2);
    const guest = new NetGuest(tap.socket, { bits: NetBit.mergeable, pairs: 2 });
    await guest.start();
    // Its answers come on any pair: the kernel sends a flow where it came from.
    const mac = await peerMac(guest);
    for (const length of [0, 56, 1472]) await ping(guest, endsTo(mac), patterned(length), [7, 12, 20, 30]);
    assert.equal(copiedBytes[CopyReason.guestPacket], 0);
    guest.close();
    await tap.close();
    space.remove();
  });

  for (const [name, bits, least, most] of [
    ['with offloads', hostBits | guestBits | NetBit.mergeable, 30_000, 65_549],
    ['without', NetBit.mergeable, 1000, 1514],
    ['without, nor mergeable buffers', 0n, 1000, 1514],
    ['with offloads and large buffers', hostBits | guestBits, 30_000, 65_549],
  ] as const) {
    test(`TCP both ways ${name}: all arrives, nothing is copied here`, async () => {
      const space = new NetNamespace();
      const tap = startTap(space);
      await space.node(echoServer);
      const before = [...copiedBytes];
      const hasOffloads = (bits & hostBits) !== 0n;
      const isLarge = hasOffloads && (bits & NetBit.mergeable) === 0n;
      const guest = new NetGuest(tap.socket, {
        bits,
        bufferBytes: isLarge ? 65_562 : 2048,
        buffers: isLarge ? 16 : 120,
        size: 128,
      });
      await guest.start();
      const connection = new GuestTcp(guest, endsTo(await peerMac(guest)), hasOffloads);
      await connection.open();
      const rounds = hasOffloads ? 30 : 60;
      for (let count = 0; count < rounds; count++) {
        const bytes = patterned(hasOffloads ? 45_000 : 1400).map((byte) => byte ^ count);
        await connection.send(bytes);
        assert.ok((await connection.take(bytes.length)).equals(bytes), `round ${count}`);
      }
      assert.ok(connection.longest >= least && connection.longest <= most, `${connection.longest} bytes at once`);
      if (hasOffloads)
        assert.ok(connection.undone > 0, 'checksums are the guest\u2019s to finish, where it takes that');
      else assert.equal(connection.undone, 0);
      assert.deepEqual([...copiedBytes], before, 'no byte was copied in user space');
      assert.deepEqual(tap.counts().sentDropped, {});
      guest.close();
      await tap.close();
      space.remove();
    });
  }

  test('a header that the kernel refuses is counted, and packets go on; so is a tap that is down', async () => {
    const space = new NetNamespace();
    const tap = startTap(space);
    const guest = new NetGuest(tap.socket, { bits: hostBits | guestBits | NetBit.mergeable });
    await guest.start();
    const mac = await peerMac(guest);
    const gso = { flags: 1, gso: 4, headerLength: 54, gsoSize: 100, checksumStart: 34, checksumOffset: 16 };
    // A packet of ARP that is to be cut as TCP over IPv6.
    await guest.send(headerOf(gso), arp(macOf(0), address.guest, address.peer, 400));
    assert.deepEqual(tap.counts().sentDropped, { refused: 1 });
    await ping(guest, endsTo(mac), patterned(56));
    space.ip('link', 'set', 'tap0', 'down');
    await guest.send(headerOf(wholeHeader), icmpEcho(endsTo(mac), patterned(56)));
    assert.equal(tap.counts().sentDropped.down, 1);
    space.ip('link', 'set', 'tap0', 'up');
    await ping(guest, endsTo(mac), patterned(56));
    guest.close();
    await tap.close();
    space.remove();
  });

  test('while there is no guest packets are dropped; without buffers they wait in the tap, and come when there are', async () => {
    const space = new NetNamespace();
    const tap = startTap(space);
    const shout = `const s = require('dgram').createSocket('udp4');
      s.bind(() => { s.setBroadcast(true); for (let n = 0; n < 5; n++) s.send('old ' + n, 9, '10.77.0.255'); console.log('sent'); });`;
    await space.node(shout);
    await until('they were read', () => (tap.counts().receivedDropped.down ?? 0) >= 5);
    const guest = new NetGuest(tap.socket, { bits: NetBit.mergeable, buffers: 0, size: 16 });
    await guest.start();
    await space.node(shout.replace('old', 'new'));
    assert.equal(guest.takeAny(), -1, 'there is no buffer');
    for (let count = 0; count < 8; count++) guest.post(0, guest.front.take(2048, 64));
    guest.front.publish(0);
    for (let count = 0; count < 5; count++) {
      const parsed = parse((await guest.receive()).packet);
      assert.equal(parsed.payload.toString(), `new ${count}`);
    }
    assert.deepEqual(Object.keys(tap.counts().receivedDropped), ['down']);
    guest.close();
    await tap.close();
    space.remove();
  });
});

test('a packet of a tap that is longer than the MTU that a guest agreed on is dropped, and its buffers are the next one’s', {
  skip: namespacesRefused(),
  timeout: 240_000,
}, async () => {
  const space = new NetNamespace();
  space.ip('tuntap', 'add', 'dev', 'tap0', 'mode', 'tap');
  space.ip('link', 'set', 'tap0', 'mtu', '9000');
  const tap = startNets(1, { tap: 'tap0' }, { space, mtu: 1500 });
  space.bringUp('tap0', `${address.peer}/24`);
  const guest = new NetGuest(tap.sockets[0]!, { bits: NetBit.mergeable | NetBit.mtu });
  await guest.start();
  await until('it runs', () => tap.counts().interrupts >= 2);
  await space.node(`const s = require('dgram').createSocket('udp4'); s.bind(() => { s.setBroadcast(true);
    for (const bytes of [1473, 8000, 1472]) s.send(Buffer.alloc(bytes), 9, '10.77.0.255'); console.log('sent'); });`);
  assert.equal((await guest.receive()).packet.length, 1514);
  assert.deepEqual(tap.counts().receivedDropped, { mtu: 2 });
  guest.close();
  await tap.close();
  space.remove();
});

describe('packets that wait', { skip: namespacesRefused(), timeout: 240_000 }, () => {
  for (const layout of layouts) {
    for (const eventIndex of [false, true]) {
      test(`${layout}, ${eventIndex ? 'event index' : 'flags'}: all come, in order, to a guest with 8 buffers that is slow`, async () => {
        const space = new NetNamespace();
        const tap = startTap(space);
        const rings = { indirect: true, eventIndex };
        const guest = new NetGuest(tap.socket, { bits: 0n, rings, layout, size: 16, buffers: 8 });
        await guest.start();
        await space.node(`const s = require('dgram').createSocket('udp4'); let n = 0;
          const next = () => n < 400 ? s.send('number ' + n++, 9, '10.77.0.255', next) : console.log('sent');
          s.bind(() => { s.setBroadcast(true); next(); });`);
        const random = randomSource(5);
        for (let count = 0; count < 400; count++) {
          // In its own time: sometimes all buffers are full, sometimes the device waits for one.
          if (random() < 0.02) await new Promise((resolve) => setTimeout(resolve, 3));
          assert.equal(parse((await guest.receive()).packet).payload.toString(), `number ${count}`);
        }
        assert.deepEqual(tap.counts().receivedDropped, {});
        guest.close();
        await tap.close();
        space.remove();
      });
    }
  }

  test('a guest that never has as many buffers as the longest packet needs gets what there is room for', async () => {
    const space = new NetNamespace();
    const tap = startTap(space);
    const guest = new NetGuest(tap.socket, { bits: hostBits | guestBits | NetBit.mergeable, size: 256, buffers: 16 });
    await guest.start();
    const mac = await peerMac(guest);
    const times: number[] = [];
    for (let count = 0; count < 20; count++) {
      const started = performance.now();
      await ping(guest, endsTo(mac), patterned(1400));
      times.push(performance.now() - started);
    }
    // Whoever is waited for is so for 200 ms; without that a ping takes some 5, and more of them on a machine that others use: the quickest count.
    const quick = times.sort((a, b) => a - b)[5]!;
    assert.ok(quick < 150, `it is waited for once, and not for each: ${times} ms`);
    assert.deepEqual(tap.counts().receivedDropped, {});
    guest.close();
    await tap.close();
    space.remove();
  });

  test('a guest that runs fewer pairs than the tap has queues gets the flows of all of them', async () => {
    const space = new NetNamespace();
    const tap = startTap(space, 4);
    await space.node(`const s = require('dgram').createSocket('udp4');
      s.on('message', (m, from) => s.send(m, from.port, from.address)); s.bind(7001, '${address.peer}', () => console.log('listens'));`);
    for (const pairs of [1, 3]) {
      const guest = new NetGuest(tap.socket, { bits: NetBit.mergeable, pairs });
      await guest.start();
      const mac = await peerMac(guest);
      await ping(guest, endsTo(mac), patterned(10));
      for (let port = 20_000; port < 20_040; port++) {
        const ends = { ...endsTo(mac), fromPort: port, toPort: 7001 };
        await guest.send(headerOf(wholeHeader), udp(ends, patterned(20)), [12], port % pairs);
        assert.equal(parse((await guest.receive()).packet).toPort, port);
      }
      assert.equal(tap.counts().receivedDropped.down ?? 0, 0);
      guest.close();
      await until('it has gone', () => tap.said.at(-1)!.includes('has gone'));
    }
    await tap.close();
    space.remove();
  });
});

describe('clearway net --tap', { skip: namespacesRefused(), timeout: 240_000 }, () => {
  for (const engine of engines) {
    test(`${engine}: a guest without buffers costs no time, nor does a tap that is gone, which is said at once`, {
      skip: engineRefused(engine),
    }, async () => {
      const space = new NetNamespace();
      const socket = join(folder, `idle-${engine}.sock`);
      const args = ['net', '--socket', socket, '--tap', 'tap0', '--engine', engine];
      const net = await startDevices(args, [socket], space.launcher);
      space.bringUp('tap0', `${address.peer}/24`);
      const guest = new NetGuest(socket, { bits: NetBit.mergeable, buffers: 0 });
      await guest.start();
      await guest.send(headerOf(wholeHeader), arp(macOf(0), address.guest, address.peer));
      const idle = async (what: string): Promise<void> => {
        const before = computedMs(net.pid);
        await new Promise((resolve) => setTimeout(resolve, 1000));
        const computed = computedMs(net.pid) - before;
        assert.ok(computed < 100, `${what}: ${computed} ms of 1000`);
      };
      await idle('an answer waits for a buffer');
      space.ip('link', 'delete', 'tap0');
      await until('it is said', () => net.said().includes('was taken away'));
      await idle('the tap is gone');
      guest.close();
      assert.equal(await net.end(), 0);
      space.remove();
    });
  }

  test('a tap that is taken away is said once, guests are not held up, and SIGTERM ends it', async () => {
    const space = new NetNamespace();
    const socket = join(folder, 'gone.sock');
    const net = await startDevices(['net', '--socket', socket, '--tap', 'tap0'], [socket], space.launcher);
    await untilSaid(net.said, /joined to tap0 \(MTU 1500\)/);
    await untilSaid(net.said, /tap0 is down.*ip link set tap0 up/);
    space.bringUp('tap0', `${address.peer}/24`);
    const guest = new NetGuest(socket, { bits: NetBit.mergeable });
    await guest.start();
    await peerMac(guest);
    space.ip('link', 'delete', 'tap0');
    await guest.send(headerOf(wholeHeader), arp(macOf(0), address.guest, address.peer));
    await until('it is said', () => net.said().includes('was taken away'));
    for (let count = 0; count < 100; count++) await guest.send(headerOf(wholeHeader), patterned(60));
    assert.equal(net.said().split('was taken away').length, 2, 'once');
    guest.close();
    assert.equal(await net.end(), 0);
    assert.ok(!net.said().includes('Warning'), net.said());
    space.remove();
  });

  test('what keeps a tap from being opened is said with its fix', () => {
    const space = new NetNamespace();
    const start = (name: string, launcher: readonly string[] = [], ...more: readonly string[]) => {
      const socket = join(folder, 'never.sock');
      const args = [
        ...space.launcher,
        ...launcher,
        process.execPath,
        program,
        'net',
        '--socket',
        socket,
        '--tap',
        name,
      ];
      const { status, stderr } = spawnSync(args[0]!, [...args.slice(1), ...more], {
        encoding: 'utf8',
        timeout: 60_000,
      });
      assert.equal(status, 1, stderr);
      assert.equal(stderr.trim().split('\n').length, 1, stderr);
      return stderr;
    };
    assert.match(start('lo'), /lo is .*choose another name/);
    // The kernel would make a name of its own out of the second.
    for (const name of ['a/b', 'tap%d', 'a:b']) assert.match(start(name), /no name of a network device/);
    assert.match(start('tap9', [], '--mtu', '9000'), /more than tap9 takes \(1500\).*ip link set tap9 mtu 9000/);
    assert.match(start('longer-than-15-letters'), /no name of a network device/);
    space.ip('tuntap', 'add', 'dev', 'single', 'mode', 'tap');
    assert.match(start('single', [], '--pairs', '2'), /multi_queue/);
    const nobody = ['setpriv', '--reuid=65534', '--clear-groups'];
    if (spawnSync('setpriv', ['--version']).error === undefined)
      assert.match(start('tap9', nobody), /needs (\/dev\/net\/tun|CAP_NET_ADMIN).*(chmod|ip tuntap add)/);
    space.remove();
  });
});
