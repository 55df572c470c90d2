// Network devices of one process, in the thread that they run in: each with its socket, and what it is joined to. Not here: options and signals
// (cli/net.ts).

import type { Loop } from '../../transport/loop.js';
import type { Place } from '../door.js';
import type { Devices } from '../run-devices.js';
import { VhostServer } from '../vhost-server.js';
import { Echo } from './echo.js';
import type { NetPeer } from './frame.js';
import { type NetCounts, NetDevice } from './net-device.js';
import { Tap } from './tap.js';
import { TapPort } from './tap-port.js';

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
  /** Memory of guests may become shorter. */
  readonly anyMemory: boolean;
  /** A tap that the guest is joined to; undefined: to itself, each packet comes back. */
  readonly tap: string | undefined;
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

/** What a device is joined to. */
interface Joined extends NetPeer {
  join(device: NetDevice): void;
  close(): void;
}

/** See the file's head. */
export class Nets implements Devices<OfferedNets, readonly NetCounts[]> {
  readonly offered: OfferedNets;
  readonly #nets: { readonly device: NetDevice; readonly server: VhostServer }[] = [];
  readonly #peer: Joined;
  /** Devices for which front ends may come. */
  #open: number;
  readonly #end: () => void;

  /** @param end called when no front end will come any more @throws TapError, SystemError, Error for a socket that cannot be had; then nothing is offered */
  constructor(loop: Loop, options: NetsOptions, say: (sentence: string) => void, end: () => void) {
    this.#open = options.offers.length;
    this.#end = end;
    const tap = options.tap === undefined ? undefined : new Tap(options.tap, options.pairs);
    this.#peer = tap === undefined ? new Echo() : new TapPort(loop, tap, say);
    try {
      for (const offer of options.offers) this.#peer.join(this.#offer(loop, offer, tap?.mtu, options, say));
    } catch (error) {
      for (const { server } of this.#nets) server.close(() => {});
      this.#peer.close();
      throw error;
    }
    this.offered = {
      to: tap === undefined ? 'every packet goes back' : `joined to ${tap.name} (MTU ${tap.mtu})`,
      hint: tap?.isUp === false ? `${tap.name} is down, and takes no packets: ip link set ${tap.name} up` : undefined,
    };
  }

  readonly #over = (): void => {
    if (--this.#open === 0) this.#end();
  };

  /** @param linkMtu the longest packet of what the device is joined to */
  #offer(
    loop: Loop,
    { place, name, mac }: NetOffer,
    linkMtu: number | undefined,
    options: NetsOptions,
    say: (sentence: string) => void,
  ): NetDevice {
    const { pairs, anyMemory } = options;
    const told = (sentence: string): void => say(`${name}: ${sentence}`);
    const mtu = options.mtu ?? linkMtu;
    const device = new NetDevice(loop, this.#peer, { pairs, mac, mtu, mostMtu: linkMtu ?? mostMtu });
    device.onSay = told;
    const server = new VhostServer(loop, device, { place, memory: { any: anyMemory }, say: told, over: this.#over });
    this.#nets.push({ device, server });
    return device;
  }

  counts(): readonly NetCounts[] {
    return this.#nets.map(({ device }) => device.counts);
  }

  changed(): void {}

  close(done: () => void): void {
    let left = this.#nets.length;
    for (const { server } of this.#nets) {
      server.close(() => {
        if (--left > 0) return;
        this.#peer.close();
        done();
      });
    }
  }
}
