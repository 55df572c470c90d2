// XdpInterface: a network device of the host whose packets are taken by AF_XDP, all of them, on each of its queues. What keeps it from being opened is
// said with its fix. Not here: its packets (xdp-queue.ts), whom it is joined to (xdp-port.ts, xdp-uplink.ts).

import { defaultGateways } from '../../kernel/device-addresses.js';
import { deviceLinkAddress, takeAllAddresses } from '../../kernel/network-device.js';
import { closeDescriptor } from '../../kernel/socket.js';
import type { XdpStatistics } from '../../kernel/xdp.js';
import { Region } from '../../memory/region.js';
import type { FrameBytes, FrameFault } from '../../xdp/frame-guard.js';
import { PacketRings } from '../../xdp/packet-rings.js';
import { XdpAttachment } from '../../xdp/xdp-attachment.js';
import { frameBytesFor, mtuOfFrame, type XdpDevice, xdpDevice } from '../../xdp/xdp-device.js';
import { XdpError } from '../../xdp/xdp-error.js';
import { type XdpRingEntries, XdpSocket } from '../../xdp/xdp-socket.js';

/** Queues of one device, at most. */
const mostQueues = 64;
/** Memory for packets of all queues: each has less where there are many. */
const memoryBudget = 128 * 1024 * 1024;
/** Entries of a queue's rings, where there is memory for them: those to receive twice as many, since a ring that runs dry loses packets. */
const entries = { toReceive: 4096, toSend: 2048, leastToReceive: 512 } as const;

/** A queue's part of it. */
export interface XdpWay {
  readonly socket: XdpSocket;
  readonly rings: PacketRings;
  readonly memory: Region;
}

/** What was counted of a device: by queue, what the kernel lost, hand-overs that made no sense, and where frames are. */
export interface XdpCounts {
  readonly name: string;
  readonly queues: readonly {
    readonly kernel: XdpStatistics | undefined;
    readonly faults: Readonly<Record<FrameFault, number>>;
    readonly frames: { readonly unused: number; readonly receiving: number; readonly sending: number };
  }[];
}

/** See the file's head. */
export class XdpInterface {
  readonly name: string;
  readonly device: XdpDevice;
  /** The longest packet that goes either way, without its Ethernet header. */
  readonly mtu: number;
  /** By queue. */
  readonly ways: readonly XdpWay[];
  readonly #ways: XdpWay[] = [];
  #attachment: XdpAttachment | undefined;
  #everyAddress = -1;

  /** Opens it: what arrives on the device comes here from now on. @throws XdpError */
  constructor(name: string) {
    this.name = name;
    this.device = xdpDevice(name);
    const { queues, mtu, ifindex } = this.device;
    if (queues > mostQueues)
      throw new XdpError(
        'no-queue',
        `${name} has ${queues} queues, and each needs memory: ethtool -L ${name} combined ${mostQueues} makes them ${mostQueues}`,
      );
    const own = deviceLinkAddress(name);
    if (own === undefined || own.every((byte) => byte === 0))
      throw new XdpError('other', `${name} is no Ethernet device: choose one, such as an end of a veth pair`);
    if (defaultGateways(name).length > 0)
      throw new XdpError(
        'other',
        `${name} leads this host to the rest of the world, and would hear nothing any more, you perhaps among it: choose another device, or take its default route away first (ip route del default dev ${name})`,
      );
    this.mtu = Math.min(mtu, mtuOfFrame(4096));
    this.ways = this.#ways;
    try {
      this.#open();
      this.#attachment = new XdpAttachment({
        device: name,
        ifindex,
        sockets: this.#ways.map(({ socket }) => socket),
        take: 'everything',
      });
      // A card takes packets for its own address alone, and guests have others.
      this.#everyAddress = takeAllAddresses(ifindex);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  #open(): void {
    const { name: device, ifindex, queues, mtu } = this.device;
    const frameBytes = frameBytesFor(mtu);
    const sizes = ringEntries(queues, frameBytes);
    for (let queue = 0; queue < queues; queue++) {
      const memory = new Region((sizes.fill + sizes.transmit) * frameBytes);
      try {
        const socket = new XdpSocket({ device, ifindex, queue, memory, frameBytes, entries: sizes });
        this.#ways.push({ socket, memory, rings: new PacketRings(socket, sizes.transmit) });
      } catch (error) {
        memory.unmap();
        throw error;
      }
    }
  }

  /** What was counted of it. */
  counts(): XdpCounts {
    const queues = this.#ways.map(({ socket, rings: { guard } }) => ({
      kernel: socket.statistics(),
      faults: { ...guard.faults },
      frames: { unused: guard.unused, receiving: guard.receiving, sending: guard.sending },
    }));
    return { name: this.name, queues };
  }

  /** How packets come, in words. */
  get how(): string {
    const { driver, queues, features } = this.device;
    const name = driver.name === '' ? 'its driver' : driver.name;
    const why =
      features?.isZeroCopy === true ? `${name} can do without, and refused it here` : `${name} cannot do without`;
    const mode = this.#attachment!.mode === 'native' ? 'in its driver' : 'in the generic path';
    const copies = this.#ways.every(({ socket }) => socket.isZeroCopy)
      ? 'without a copy by the kernel'
      : `with a copy by the kernel (${why})`;
    return `${mode}, ${copies}, ${queues === 1 ? '1 queue' : `${queues} queues`}`;
  }

  /** What the operator should know, or do. */
  get hint(): string | undefined {
    const { name, device, mtu } = this;
    const { whyGeneric } = this.#attachment!;
    const hints = [
      device.isUp ? '' : `${name} is down, and takes no packets: ip link set ${name} up`,
      device.hasHostAddress
        ? `the host hears nothing on ${name} as long as this runs, and it has an address there: all that arrives goes to the guests`
        : '',
      device.mtu > mtu
        ? `packets of ${name} may have ${device.mtu} bytes, and those of more than ${mtu} are lost: ip link set ${name} mtu ${mtu}`
        : '',
      whyGeneric === undefined ? '' : `packets of ${name} take the slower, generic path: ${whyGeneric}`,
    ];
    const said = hints.filter((each) => each !== '');
    return said.length === 0 ? undefined : said.join('\n');
  }

  /** Lets go of it: the device is as it was. */
  close(): void {
    this.#attachment?.detach();
    if (this.#everyAddress >= 0) closeDescriptor(this.#everyAddress);
    this.#everyAddress = -1;
    for (const { socket, memory } of this.#ways.splice(0)) {
      socket.close();
      memory.unmap();
    }
  }
}

/** Entries of each queue's rings: fewer where many queues share the memory. */
function ringEntries(queues: number, frameBytes: FrameBytes): XdpRingEntries {
  let toReceive: number = entries.toReceive;
  let toSend: number = entries.toSend;
  while (queues * (toReceive + toSend) * frameBytes > memoryBudget && toReceive > entries.leastToReceive) {
    toReceive /= 2;
    toSend /= 2;
  }
  return { fill: toReceive, receive: toReceive, transmit: toSend, completion: toSend };
}
