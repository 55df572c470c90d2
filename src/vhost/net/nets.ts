// Network devices of one process, in the thread that they run in: each with its socket, and what it is joined to. Not here: options and signals
// (cli/net.ts).

import type { Loop } from '../../transport/loop.js';
import { DeviceServers } from '../device-servers.js';
import type { Place } from '../door.js';
import type { MemoryPolicy } from '../memory-table.js';
import type { Devices } from '../run-devices.js';
import type { JoinedPeer } from './joined-peer.js';
import { type Link, type LinkOptions, openLink } from './links.js';
import { type NetCounts, NetDevice } from './net-device.js';
import type { NetsCounts } from './net-metrics.js';

/** A device, as it is offered. */
export interface NetOffer {
  /** Where front ends come from. */
  readonly place: Place;
  /** What it is called. */
  readonly name: string;
  /** The guest's address: 6 bytes. */
  readonly mac: Uint8Array;
}

/** How devices are offered. */
export interface NetsOptions {
  readonly offers: readonly NetOffer[];
  /** Pairs of queues of each at most. */
  readonly pairs: number;
  /** The longest packet that guests are told of, without its Ethernet header. */
  readonly mtu: number | undefined;
  /** Which memory of guests is accepted. */
  readonly memory: MemoryPolicy;
  /** What they are joined to. */
  readonly link: Pick<LinkOptions, 'echo' | 'tap' | 'xdp' | 'isolate'>;
}

/** What is said of devices once they are offered. */
export interface OfferedNets {
  /** What they are joined to, in words. */
  readonly to: string;
  /** What the operator has to do still. */
  readonly hint: string | undefined;
}

/** The longest packet that may be spoken of. */
const mostMtu = 65_535;

/** See the file's head. */
export class Nets implements Devices<OfferedNets, NetsCounts> {
  readonly offered: OfferedNets;
  readonly #servers: DeviceServers<NetCounts>;
  readonly #link: Link;

  /** @param end called when no front end will come any more @throws TapError, XdpError, SystemError, Error for a socket that cannot be had; then nothing is offered */
  constructor(loop: Loop, options: NetsOptions, say: (sentence: string) => void, end: () => void) {
    const { offers, pairs, link, mtu, memory } = options;
    this.#servers = new DeviceServers(loop, { memory, say, end });
    this.#link = openLink(loop, { devices: offers.length, pairs, mtu, ...link }, say);
    try {
      for (const [index, offer] of offers.entries()) this.#offer(loop, offer, this.#link.peers[index]!, options);
    } catch (error) {
      this.close(() => {});
      throw error;
    }
    const { to, hint } = this.#link;
    this.offered = { to, hint };
  }

  #offer(loop: Loop, { place, name, mac }: NetOffer, peer: JoinedPeer, { pairs, mtu }: NetsOptions): void {
    const linkMtu = this.#link.mtu;
    const device = new NetDevice(loop, peer, { pairs, mac, mtu: mtu ?? linkMtu, mostMtu: linkMtu ?? mostMtu });
    peer.join(device);
    this.#servers.offer(name, name, device, place);
  }

  counts(): NetsCounts {
    return { ...this.#servers.counts(), uplink: this.#link.uplink, xdp: this.#link.xdp?.counts() };
  }

  changed(): void {}

  close(done: () => void): void {
    this.#servers.close(() => {
      this.#link.close();
      done();
    });
  }
}
