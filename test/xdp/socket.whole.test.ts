// Sockets of AF_XDP on a pair of veth, the kernel at the other end: every byte both ways, half-made checksums as they come, memory of a region and of
// WebAssembly with the rings mapped into it, several queues, what is chosen and what goes on, and that nothing stays.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { describe, test } from 'node:test';
import { pageBytes } from '../../src/kernel/memory.js';
import { inNetworkNamespace } from '../../src/kernel/namespace.js';
import { deviceState } from '../../src/kernel/network-device.js';
import { Region } from '../../src/memory/region.js';
import { PacketRings } from '../../src/xdp/packet-rings.js';
import { XdpAttachment } from '../../src/xdp/xdp-attachment.js';
import { XdpError } from '../../src/xdp/xdp-error.js';
import { wasmMemory, type XdpMemory } from '../../src/xdp/xdp-memory.js';
import { XdpSocket, type XdpSocketOptions, xdpRingBytes } from '../../src/xdp/xdp-socket.js';
import { until } from '../support/until.js';
import { VethPair, vethRefused } from '../support/veth-pair.js';
import { exchange, testEntries, XdpEcho } from '../support/xdp-echo.js';

const skip = vethRefused();
const address = '10.78.0.2';
const peerAddress = '10.78.0.1/24';

const noFaults = (rings: PacketRings): void =>
  assert.deepEqual(
    Object.entries(rings.guard.faults).filter(([, count]) => count > 0),
    [],
  );

describe('AF_XDP on veth', { skip, timeout: 240_000 }, () => {
  test('everything is taken: the kernel at the other end hears each byte again, and no frame is lost', async () => {
    const pair = new VethPair(peerAddress);
    const echo = new XdpEcho({ space: pair.space, device: pair.device, address, take: 'everything' });
    assert.deepEqual([echo.attachment.mode, echo.attachment.whyGeneric], ['native', undefined]);
    assert.equal(echo.sockets[0]!.isZeroCopy, false, 'veth cannot');
    // More packets than there are frames, so that each has gone round.
    assert.equal(await exchange(pair.peer, address, 7000, 1500, 4), 1500);
    const [rings] = echo.rings as [PacketRings];
    assert.ok(echo.came[0]!.every(({ isIpRight }) => isIpRight));
    assert.ok(
      echo.came[0]!.some(({ isPartial, isRight }) => isPartial && !isRight),
      'a veth leaves checksums half made',
    );
    noFaults(rings);
    rings.flush();
    await until('all was sent', () => {
      rings.receive({ packet: () => true }, 1);
      return rings.guard.sending === 0;
    });
    assert.equal(rings.guard.receiving + rings.guard.unused, rings.guard.frames);
    const { transmitRingEmpty: _, ...lost } = echo.sockets[0]!.statistics()!;
    assert.deepEqual(
      Object.entries(lost).filter(([, count]) => count > 0),
      [],
    );
    assert.match(pair.link, /xdp/);
    echo.close();
    assert.doesNotMatch(pair.link, /xdp/);
    pair.remove();
  });

  test('memory and rings in a part of WebAssembly’s memory: the same, and zeros are left where the rings were', async () => {
    const pair = new VethPair(peerAddress);
    const memory = new WebAssembly.Memory({ initial: 64, maximum: 64 });
    const ringsAt = 64 * 1024;
    const packetsAt = 1024 * 1024;
    const bytes = xdpRingBytes('receive', testEntries.receive);
    const room = (index: number): XdpMemory => wasmMemory(memory, ringsAt + index * bytes, bytes);
    const ringMemory = { fill: room(0), completion: room(1), receive: room(2), transmit: room(3) };
    const packets = wasmMemory(memory, packetsAt, 512 * 2048);
    const echo = new XdpEcho({
      space: pair.space,
      device: pair.device,
      address,
      take: 'everything',
      memory: packets,
      ringMemory,
    });
    const words = new Int32Array(memory.buffer);
    assert.equal(await exchange(pair.peer, address, 7000, 300), 300);
    const { rings } = echo.sockets[0]!;
    assert.ok(Object.values(rings).every((ring) => ring.buffer === memory.buffer));
    assert.ok(words[rings.receive.producer / 4]! >= 300, 'whoever has the memory sees the kernel’s count');
    assert.equal(rings.receive.producer % pageBytes(), 0);
    noFaults(echo.rings[0]!);
    echo.close();
    assert.ok(new Uint8Array(memory.buffer, ringsAt, 4 * bytes).every((byte) => byte === 0));
    pair.remove();
  });

  test('each queue has a socket, and flows are spread over them', async () => {
    const pair = new VethPair(peerAddress, { queues: 4 });
    const echo = new XdpEcho({ space: pair.space, device: pair.device, address, take: 'everything', queues: 4 });
    assert.equal(await exchange(pair.peer, address, 7000, 400, 16), 400);
    assert.equal(echo.came.reduce((sum, { length }) => sum + length, 0) >= 400, true);
    for (const rings of echo.rings) noFaults(rings);
    echo.close();
    pair.remove();
  });

  test('chosen ports are taken; what was not chosen, or is no more, reaches the kernel of this end', async () => {
    const pair = new VethPair(peerAddress);
    pair.bringUpNear(`${address}/24`);
    await pair.space.node(`for (const port of [7000, 7001]) { const s = require('dgram').createSocket('udp4');
      s.on('message', (m, from) => s.send(m, from.port, from.address)); s.bind(port, () => console.log('listens')); }`);
    const echo = new XdpEcho({ space: pair.space, device: pair.device, address, take: 'chosen' });
    const choice = { address, port: { protocol: 'udp', number: 7000 } } as const;
    echo.attachment.choose(choice);
    assert.equal(await exchange(pair.peer, address, 7001, 20), 20);
    assert.equal(echo.came[0]!.length, 0);
    assert.equal(await exchange(pair.peer, address, 7000, 20), 20);
    assert.equal(echo.came[0]!.length, 20);
    assert.equal(echo.attachment.leave(choice), true);
    assert.equal(echo.attachment.leave(choice), false);
    assert.equal(await exchange(pair.peer, address, 7000, 20), 20);
    assert.equal(echo.came[0]!.length, 20);
    assert.throws(() => echo.attachment.choose({ address: 'localhost' }), /whole IPv4 or IPv6 address/);
    echo.close();
    pair.remove();
  });

  test('a frame to receive into that is not there costs a packet, which is counted', async () => {
    const pair = new VethPair(peerAddress);
    const memory = new Region(64 * 2048);
    inNetworkNamespace(pair.space.path, () => {
      const { index: ifindex } = deviceState(pair.device)!;
      const entries = { ...testEntries, fill: 64 };
      const socket = new XdpSocket({ device: pair.device, ifindex, queue: 0, memory, frameBytes: 2048, entries });
      const rings = new PacketRings(socket, 0);
      const attachment = new XdpAttachment({ device: pair.device, ifindex, sockets: [socket], take: 'everything' });
      assert.equal(rings.guard.receiving, 64);
      const flood = `const s = require('dgram').createSocket('udp4'); let n = 0;
        s.bind(() => { s.setBroadcast(true); const next = () => n++ < 100 ? s.send('x', 9, '10.78.0.255', next) : s.close(); next(); });`;
      spawnSync(pair.peer.launcher[0]!, [...pair.peer.launcher.slice(1), process.execPath, '-e', flood]);
      const { fillRingEmpty, receiveDropped } = socket.statistics()!;
      assert.ok(fillRingEmpty >= 36 && receiveDropped >= 36, `${fillRingEmpty}, ${receiveDropped}`);
      // A taker without room is shown the same packet again.
      const seen: number[] = [];
      assert.equal(rings.receive({ packet: (place) => seen.push(place) > 2 }, 8), 0);
      assert.equal(rings.receive({ packet: (place) => seen.push(place) > 2 }, 8), 0);
      assert.equal(rings.receive({ packet: (place) => seen.push(place) > 2 }, 62), 62);
      assert.equal(new Set(seen.slice(0, 3)).size, 1);
      assert.ok(rings.hasReceived);
      assert.equal(rings.receive({ packet: () => true }, 64), 2);
      assert.equal(rings.hasReceived, false);
      assert.equal(rings.guard.receiving, 64, 'all frames are the kernel’s again');
      attachment.detach();
      socket.close();
    });
    memory.unmap();
    pair.remove();
  });

  test('a process that is killed leaves nothing attached, and the queue is free', async () => {
    const pair = new VethPair(peerAddress);
    const modules = (name: string): string => JSON.stringify(new URL(`../../src/${name}.js`, import.meta.url).href);
    const script = `
      const { XdpSocket } = await import(${modules('xdp/xdp-socket')});
      const { XdpAttachment } = await import(${modules('xdp/xdp-attachment')});
      const { Region } = await import(${modules('memory/region')});
      const { deviceState } = await import(${modules('kernel/network-device')});
      const device = 'near', ifindex = deviceState(device).index, entries = ${JSON.stringify(testEntries)};
      const socket = new XdpSocket({ device, ifindex, queue: 0, memory: new Region(512 * 2048), frameBytes: 2048, entries });
      new XdpAttachment({ device, ifindex, sockets: [socket], take: 'everything' });
      console.log('attached');
      setInterval(() => {}, 1000);`;
    const [command, ...rest] = [...pair.space.launcher, process.execPath, '--input-type=module', '-e', script];
    const child = spawn(command!, rest, { stdio: ['ignore', 'pipe', 'inherit'] });
    await new Promise((resolve) => child.stdout.once('data', resolve));
    assert.match(pair.link, /xdp/);
    assert.throws(() => new XdpEcho({ space: pair.space, device: pair.device, address, take: 'everything' }), {
      name: 'XdpError',
      reason: 'busy-queue',
      message: /another AF_XDP socket has queue 0 of near/,
    });
    child.kill('SIGKILL');
    await new Promise((resolve) => child.once('exit', resolve));
    await until('it is detached', () => !pair.link.includes('xdp'));
    const echo = new XdpEcho({ space: pair.space, device: pair.device, address, take: 'everything' });
    assert.equal(await exchange(pair.peer, address, 7000, 10), 10);
    echo.close();
    pair.remove();
  });

  test('what is in the way is said with its fix', () => {
    const pair = new VethPair(peerAddress, { mtu: 9000 });
    const memory = new Region(512 * 2048);
    const whole = { device: pair.device, queue: 0, memory, frameBytes: 2048, entries: testEntries } as const;
    inNetworkNamespace(pair.space.path, () => {
      const ifindex = deviceState(pair.device)!.index;
      const open = (change: Partial<XdpSocketOptions>) => new XdpSocket({ ...whole, ifindex, ...change });
      assert.throws(() => open({ queue: 7 }), { reason: 'no-queue', message: /no queue 7.*ethtool -l near/ });
      assert.throws(() => open({ ifindex: 99_999 }), { reason: 'no-device', message: /no network device.*ip link/ });
      assert.throws(() => open({ entries: { ...testEntries, fill: 100 } }), RangeError);
      assert.throws(() => open({ entries: { ...testEntries, fill: 1 << 17 } }), RangeError);
      assert.throws(() => open({ memory: { ...wholeMemory(memory), address: memory.address + 1 } }), RangeError);
      const short = wholeMemory(memory, pageBytes());
      const ringMemory = { fill: short, completion: short, receive: short, transmit: short };
      assert.throws(() => open({ ringMemory }), /memory for the fill ring is whole pages/);
      assert.throws(() => open({ headroom: 1500 }), RangeError);
      const socket = open({});
      const attach = () => new XdpAttachment({ device: pair.device, ifindex, sockets: [socket], take: 'chosen' });
      // Packets of 9,000 bytes do not fit a page: veth takes no program in the driver then.
      const attachment = attach();
      assert.equal(attachment.mode, 'generic');
      assert.match(attachment.whyGeneric!, /does not support.*\(E/);
      assert.throws(
        attach,
        (error: unknown) =>
          error instanceof XdpError && error.reason === 'other-program' && /bpftool net/.test(error.message),
      );
      attachment.detach();
      attachment.detach();
      attach().detach();
      socket.close();
      socket.close();
      open({}).close();
    });
    memory.unmap();
    pair.remove();
  });

  test('without rights, and without room for locked memory, it is said what is missing', () => {
    const pair = new VethPair(peerAddress);
    const url = JSON.stringify(new URL('../../src/xdp/xdp-socket.js', import.meta.url).href);
    const region = JSON.stringify(new URL('../../src/memory/region.js', import.meta.url).href);
    const script = `const { XdpSocket } = await import(${url}); const { Region } = await import(${region});
      try { new XdpSocket({ device: 'near', ifindex: 2, queue: 0, memory: new Region(4096 * 2048), frameBytes: 2048, entries: ${JSON.stringify(testEntries)} }); }
      catch (error) { console.log(error.reason + ' ' + error.message); }`;
    const run = (...launcher: readonly string[]): string => {
      const words = [...pair.space.launcher, ...launcher, process.execPath, '--input-type=module', '-e', script];
      const { stdout, stderr } = spawnSync(words[0]!, words.slice(1), { encoding: 'utf8' });
      assert.equal(stderr, '');
      return stdout;
    };
    assert.match(run('setpriv', '--reuid=65534', '--clear-groups'), /^missing-capability .*CAP_NET_RAW.*CAP_BPF/);
    const without = ['setpriv', '--bounding-set=-ipc_lock', '--inh-caps=-ipc_lock'];
    assert.match(run('prlimit', '--memlock=65536', ...without), /^memory-limit .*ulimit -l.*CAP_IPC_LOCK/);
    pair.remove();
  });
});

/** A region as memory that can be changed. */
const wholeMemory = ({ address: at, buffer, byteLength }: Region, length = byteLength): XdpMemory => ({
  address: at,
  buffer,
  byteLength: length,
});
