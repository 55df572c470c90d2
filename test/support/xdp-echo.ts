// A socket of AF_XDP of a test's own: it answers ARP for its address and sends each datagram of UDP back; what came is kept to be looked at. And a peer:
// a process that sends datagrams from the kernel at the other end, and says how many came back as they were. For tests alone.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { inNetworkNamespace } from '../../src/kernel/namespace.js';
import { deviceState } from '../../src/kernel/network-device.js';
import { Region } from '../../src/memory/region.js';
import { PacketRings } from '../../src/xdp/packet-rings.js';
import { XdpAttachment } from '../../src/xdp/xdp-attachment.js';
import type { XdpMemory } from '../../src/xdp/xdp-memory.js';
import { type XdpRingEntries, XdpSocket, type XdpSocketOptions } from '../../src/xdp/xdp-socket.js';
import type { NetNamespace } from './net-namespace.js';
import { arpAnswer, type Parsed, parse, udp } from './net-packets.js';

/** Entries that are enough for a test. */
export const testEntries: XdpRingEntries = { fill: 256, completion: 256, receive: 256, transmit: 256 };
const testMac = '02:00:00:00:00:0a';

/** How an {@link XdpEcho} is opened. */
export interface XdpEchoOptions {
  readonly space: NetNamespace;
  readonly device: string;
  readonly address: string;
  readonly take: 'everything' | 'chosen';
  readonly queues?: number;
  readonly memory?: XdpMemory;
  readonly ringMemory?: NonNullable<XdpSocketOptions['ringMemory']>;
}

/** See the file's head. */
export class XdpEcho {
  readonly sockets: XdpSocket[] = [];
  readonly rings: PacketRings[] = [];
  readonly attachment: XdpAttachment;
  /** Packets of IPv4 that came, by queue. */
  readonly came: Parsed[][] = [];
  readonly #address: string;
  readonly #memories: XdpMemory[] = [];
  readonly #regions: Region[] = [];
  readonly #timer: NodeJS.Timeout;

  constructor({ space, device, address, take, queues = 1, memory, ringMemory }: XdpEchoOptions) {
    this.#address = address;
    this.attachment = inNetworkNamespace(space.path, () => {
      const { index: ifindex } = deviceState(device)!;
      for (let queue = 0; queue < queues; queue++) {
        const memoryOfQueue = memory ?? this.#region();
        const options = {
          device,
          ifindex,
          queue,
          memory: memoryOfQueue,
          frameBytes: 2048,
          entries: testEntries,
        } as const;
        const socket = new XdpSocket(ringMemory === undefined ? options : { ...options, ringMemory });
        this.sockets.push(socket);
        this.#memories.push(memoryOfQueue);
        this.rings.push(new PacketRings(socket, 128));
        this.came.push([]);
      }
      return new XdpAttachment({ device, ifindex, sockets: this.sockets, take });
    });
    this.#timer = setInterval(() => {
      for (let queue = 0; queue < queues; queue++) this.#turn(queue);
    }, 1);
  }

  #region(): Region {
    const region = new Region(512 * 2048);
    this.#regions.push(region);
    return region;
  }

  #turn(queue: number): void {
    const rings = this.rings[queue]!;
    const packet = (place: number, length: number): boolean => {
      const { buffer, byteOffset = 0 } = this.#memories[queue]!;
      const answer = this.#answer(queue, Buffer.from(Buffer.from(buffer as ArrayBuffer, byteOffset + place, length)));
      if (answer !== undefined) {
        const to = rings.take();
        assert.ok(to >= 0, 'there is a frame to send from');
        new Uint8Array(buffer, byteOffset + to, answer.length).set(answer);
        assert.ok(rings.send(to, answer.length));
      }
      return true;
    };
    if (rings.receive({ packet }, 64) > 0) rings.flush();
  }

  #answer(queue: number, packet: Buffer): Buffer | undefined {
    const parsed = parse(packet);
    if (parsed.type === 0x0806 && packet.readUInt16BE(20) === 1 && packet.subarray(38, 42).join('.') === this.#address)
      return arpAnswer(testMac, this.#address, parsed.fromMac, packet.subarray(28, 32).join('.'));
    if (parsed.type !== 0x0800 || parsed.protocol !== 17 || parsed.to !== this.#address) return undefined;
    this.came[queue]!.push(parsed);
    const { fromMac, toMac, from, to, fromPort, toPort, payload } = parsed;
    const ends = { fromMac: toMac, toMac: fromMac, from: to, to: from, fromPort: toPort, toPort: fromPort };
    return udp(ends, payload);
  }

  /** Ends it, in order. */
  close(): void {
    clearInterval(this.#timer);
    this.attachment.detach();
    for (const socket of this.sockets) socket.close();
    for (const region of this.#regions) region.unmap();
  }
}

/**
 * Sends datagrams of many lengths to an address from a namespace, one after the other, on so many sockets; each is sent again where no echo comes within
 * half a second. Gives how many came back byte for byte, or what went wrong.
 */
export async function exchange(
  space: NetNamespace,
  host: string,
  port: number,
  count: number,
  sockets = 1,
): Promise<number> {
  const script = `
    const dgram = require('dgram');
    const one = (socket, number) => new Promise((resolve, reject) => {
      const length = number % 7 === 0 ? 1472 : (number * 131) % 1473;
      const bytes = Buffer.from(Array.from({ length }, (_, at) => (at * 7 + number) & 255));
      let tries = 0;
      const send = () => { if (tries++ > 20) reject(new Error('no echo of ' + number)); else socket.send(bytes, ${port}, '${host}'); };
      const again = setInterval(send, 500);
      socket.once('message', (echo) => {
        clearInterval(again);
        if (echo.equals(bytes)) resolve(); else reject(new Error('another echo of ' + number));
      });
      send();
    });
    const run = async () => {
      let came = 0;
      const each = async (index) => {
        const socket = dgram.createSocket('udp4');
        await new Promise((resolve) => socket.bind(0, resolve));
        for (let number = index; number < ${count}; number += ${sockets}) { await one(socket, number); came++; }
        socket.close();
      };
      await Promise.all(Array.from({ length: ${sockets} }, (_, index) => each(index)));
      console.log(came);
    };
    run().catch((error) => { console.log(error.message); process.exit(1); });`;
  const [command, ...rest] = [...space.launcher, process.execPath, '-e', script];
  const child = spawn(command!, rest, { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  child.stdout.on('data', (text) => (said += text));
  const status = await new Promise((resolve) => child.once('exit', resolve));
  assert.equal(status, 0, said);
  return Number(said);
}
