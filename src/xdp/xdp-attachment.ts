// XdpAttachment: an XDP program on a network device, with the sockets that it brings packets to. It is held by a link, a descriptor: a process that dies
// leaves nothing attached. It runs in the driver where that can, and in the kernel's generic path where not. Not here: what the programs do
// (xdp-program.ts).

import { attachXdp, type Link } from '../bpf/link.js';
import { BpfMap, type MapSpec } from '../bpf/map.js';
import { BpfProgram } from '../bpf/program.js';
import { RefusedError } from '../bpf/refusals.js';
import { IPPROTO } from '../kernel/constants.js';
import { addressBytes } from '../kernel/socket.js';
import { wrongArgument } from '../text/coded.js';
import { shown } from '../text/shown.js';
import { programRefused } from './xdp-error.js';
import { chosenKeyBytes, chosenMap, socketsMap, takeChosen, takeEverything } from './xdp-program.js';
import type { XdpSocket } from './xdp-socket.js';

/** What is taken: all of an address, which nobody else on the host has, or one port of it, whose other ports stay the kernel's. */
export interface XdpChoice {
  /** IPv4 or IPv6, whole. */
  readonly address: string;
  readonly port?: { readonly protocol: 'tcp' | 'udp'; readonly number: number };
}

/** How packets are taken. */
export interface XdpAttachmentOptions {
  readonly device: string;
  readonly ifindex: number;
  /** Sockets, each on a queue of its own. */
  readonly sockets: readonly Pick<XdpSocket, 'queue' | 'fd'>[];
  /** Everything, or what is chosen: {@link XdpAttachment.choose}. */
  readonly take: 'everything' | 'chosen';
}

const protocols = { tcp: IPPROTO.TCP, udp: IPPROTO.UDP } as const;

/** The key of a choice. @throws SystemError for what is no address or port, TypeError for a protocol that there is not */
function keyOf({ address, port }: XdpChoice): Uint8Array {
  if (port !== undefined && (port === null || !Object.hasOwn(protocols, port.protocol)))
    throw wrongArgument(`a port is of tcp or udp, and has a number: not ${shown(port)}`, TypeError);
  const key = new Uint8Array(chosenKeyBytes);
  for (const [index, byte] of addressBytes({ host: address, port: port?.number ?? 0 }).entries()) key[index] = byte;
  if (port !== undefined) {
    key[16] = port.number >> 8;
    key[17] = port.number & 0xff;
    key[18] = protocols[port.protocol];
  }
  return key;
}

/** See the file's head. */
export class XdpAttachment {
  /** Where the program runs: in the driver, or in the generic path, where packets cost more and may be longer than a frame. */
  readonly mode: 'native' | 'generic';
  /** Why it is not in the driver, in words. */
  readonly whyGeneric: string | undefined;
  readonly #maps: BpfMap[] = [];
  readonly #bySocket: BpfMap;
  readonly #chosen: BpfMap | undefined;
  #program: BpfProgram | undefined;
  #link: Link | undefined;

  /** Attaches it: packets come from now on. @throws XdpError with the fix, TypeError for another `take` */
  constructor({ device, ifindex, sockets, take }: XdpAttachmentOptions) {
    // What takes all packets of a device is never done by a slip of the keyboard.
    if (take !== 'chosen' && take !== 'everything')
      throw wrongArgument(`take is 'chosen' or 'everything', not ${shown(take)}`, TypeError);
    try {
      this.#bySocket = this.#make(socketsMap(Math.max(0, ...sockets.map(({ queue }) => queue)) + 1));
      for (const socket of sockets) this.bring(socket);
      this.#chosen = take === 'chosen' ? this.#make(chosenMap) : undefined;
      const code = take === 'chosen' ? takeChosen() : takeEverything();
      const maps = Object.fromEntries(this.#maps.map((map) => [map.spec.name, map]));
      this.#program = BpfProgram.load({ name: 'clearway_xdp', type: 'xdp', code }, maps);
      const { link, why } = attachAnyhow(this.#program, ifindex);
      this.#link = link;
      this.mode = why === undefined ? 'native' : 'generic';
      this.whyGeneric = why;
    } catch (error) {
      this.detach();
      throw programRefused(error, device);
    }
  }

  #make(spec: MapSpec): BpfMap {
    const map = BpfMap.create(spec);
    this.#maps.push(map);
    return map;
  }

  get #choices(): BpfMap {
    if (this.#chosen === undefined) throw wrongArgument('everything is taken: there is nothing to choose', TypeError);
    return this.#chosen;
  }

  /** Brings packets of a queue to a socket, in the place of one that has gone. @throws SystemError for a queue beyond those it began with */
  bring({ queue, fd }: Pick<XdpSocket, 'queue' | 'fd'>): void {
    this.#bySocket.update(queue, (value) => value.setUint32(0, fd, true));
  }

  /** Takes packets of an address, or of a port of it, from now on. @throws SystemError for what is no address or port, or for too many */
  choose(choice: XdpChoice): void {
    this.#choices.update(keyOf(choice), (value) => value.setUint32(0, 1, true));
  }

  /** Leaves them to the kernel again. False: they were not chosen. @throws SystemError for what is no address or port */
  leave(choice: XdpChoice): boolean {
    return this.#choices.delete(keyOf(choice));
  }

  /** Takes the program off: what arrives goes to the kernel's own stack. A second call does nothing. */
  detach(): void {
    this.#link?.detach();
    this.#program?.close();
    for (const map of this.#maps) map.close();
    this.#link = this.#program = undefined;
  }
}

/** In the driver, or, where that cannot, in the generic path. @throws RefusedError */
function attachAnyhow(program: BpfProgram, ifindex: number): { link: Link; why: string | undefined } {
  try {
    return { link: attachXdp(program, ifindex, 'driver'), why: undefined };
  } catch (error) {
    if (!(error instanceof RefusedError) || error.reason !== 'device') throw error;
    return { link: attachXdp(program, ifindex, 'generic'), why: `${error.says} (${error.errnoCode})` };
  }
}
