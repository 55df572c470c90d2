// A process that joins two network devices by a bad wire (bad-wire.ts): what one receives, the other sends, each direction with a seed of its own. It takes
// packets by AF_XDP, so that they never meet this side's kernel. Whoever forks it is told when it works, may ask what was counted, and ends it by
// disconnecting. Peers have to make whole checksums (`ethtool -K DEVICE tx off`). For tests and benchmarks alone.

import { EPOLL, EPOLL_CTL } from '../../src/kernel/constants.js';
import { epollControl, epollCreate, epollWait } from '../../src/kernel/epoll.js';
import { inNetworkNamespace } from '../../src/kernel/namespace.js';
import { deviceState } from '../../src/kernel/network-device.js';
import { Region } from '../../src/memory/region.js';
import { PacketRings } from '../../src/xdp/packet-rings.js';
import { XdpAttachment } from '../../src/xdp/xdp-attachment.js';
import { XdpSocket } from '../../src/xdp/xdp-socket.js';
import { type Badness, BadWire } from './bad-wire.js';

/** A device, and the path of its network namespace where that is another one. */
export interface RelayEnd {
  readonly device: string;
  readonly namespace?: string;
}

/** What the process is given as its argument, in JSON. */
export interface RelayPlan {
  readonly ends: readonly [RelayEnd, RelayEnd];
  readonly badness: Badness;
}

/** What it answers: of both directions. */
export type RelayCounts = BadWire['counts'] & {
  /** Packets for which the other end had no room. */
  full: number;
};

const frameBytes = 2048;
const entries = { fill: 2048, completion: 2048, receive: 2048, transmit: 2048 };
const packetsATurn = 64;
/** Turns without a packet before it sleeps. */
const idleTurns = 200;
const sleepMs = 1;

class End {
  readonly socket: XdpSocket;
  readonly rings: PacketRings;
  readonly bytes: Uint8Array;
  full = 0;
  readonly #attachment: XdpAttachment;

  constructor({ device, namespace }: RelayEnd) {
    const open = () => {
      const { index: ifindex } = deviceState(device)!;
      const memory = new Region(8192 * frameBytes);
      const socket = new XdpSocket({ device, ifindex, queue: 0, memory, frameBytes, entries });
      const attachment = new XdpAttachment({ device, ifindex, sockets: [socket], take: 'everything' });
      return { memory, socket, attachment };
    };
    const { memory, socket, attachment } = namespace === undefined ? open() : inNetworkNamespace(namespace, open);
    this.socket = socket;
    this.rings = new PacketRings(socket, 2048);
    this.bytes = new Uint8Array(memory.buffer);
    this.#attachment = attachment;
  }

  /** Sends a copy. */
  send(packet: Uint8Array, flipAt: number, mask: number): void {
    const place = this.rings.take();
    if (place < 0) {
      this.full++;
      return;
    }
    this.bytes.set(packet, place);
    if (flipAt >= 0) this.bytes[place + flipAt]! ^= mask;
    this.rings.send(place, packet.length);
  }

  close(): void {
    this.#attachment.detach();
    this.socket.close();
  }
}

/** Both directions. */
class Relay {
  readonly #ends: readonly [End, End];
  readonly #wires: readonly [BadWire, BadWire];
  readonly #takers;
  readonly #epoll = epollCreate();
  readonly #events = new Region(4096);

  constructor({ ends, badness }: RelayPlan) {
    const [one, other] = ends.map((end) => new End(end)) as [End, End];
    this.#ends = [one, other];
    const wire = (to: End, turn: number) =>
      new BadWire({ ...badness, seed: ((badness.seed ?? 1) + turn) * 0x9e37_79b1 }, (packet, flipAt, mask) =>
        to.send(packet, flipAt, mask),
      );
    this.#wires = [wire(other, 0), wire(one, 1)];
    this.#takers = this.#ends.map((from, index) => ({
      packet: (place: number, length: number): boolean => {
        this.#wires[index]!.pass(from.bytes.subarray(place, place + length), performance.now());
        return true;
      },
    }));
    for (const { socket } of this.#ends) epollControl(this.#epoll, EPOLL_CTL.ADD, socket.fd, EPOLL.IN, socket.fd, 0);
  }

  /** A turn of both. Returns whether anything came. */
  turn(): boolean {
    let came = 0;
    for (const [index, { rings }] of this.#ends.entries()) came += rings.receive(this.#takers[index]!, packetsATurn);
    const nowMs = performance.now();
    for (const wire of this.#wires) wire.release(nowMs);
    for (const { rings } of this.#ends) if (rings.isSending || came > 0) rings.flush();
    return came > 0 || this.#wires.some(({ isHolding }) => isHolding);
  }

  sleep(): void {
    epollWait(this.#epoll, this.#events.address, 2, sleepMs);
  }

  get counts(): RelayCounts {
    const sum = { passed: 0, lost: 0, duplicated: 0, reordered: 0, corrupted: 0, full: 0 };
    for (const { counts } of this.#wires)
      for (const name of Object.keys(counts) as (keyof typeof counts)[]) sum[name] += counts[name];
    for (const { full } of this.#ends) sum.full += full;
    return sum;
  }

  close(): void {
    for (const end of this.#ends) end.close();
  }
}

async function main(text: string): Promise<void> {
  const relay = new Relay(JSON.parse(text) as RelayPlan);
  let isOver = false;
  process.on('message', () => process.send!(relay.counts));
  process.on('disconnect', () => {
    isOver = true;
  });
  process.send!('ready');
  for (let idle = 0; !isOver; ) {
    idle = relay.turn() ? 0 : idle + 1;
    if (idle > idleTurns) relay.sleep();
    // Words of whoever forked it are heard in between.
    if (idle > idleTurns || idle % 16 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  relay.close();
}

await main(process.argv[2]!);
