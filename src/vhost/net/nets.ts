// Network devices of one process, in the thread that they run in: each with its socket, and what it is joined to. Not here: options and signals
// (cli/net.ts).

import type { Loop } from '../../transport/loop.js';
import type { Place } from '../door.js';
import type { Devices } from '../run-devices.js';
import { VhostServer } from '../vhost-server.js';
import { Echo } from './echo.js';
import { type NetCounts, NetDevice } from './net-device.js';

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
}

/** See the file's head. */
export class Nets implements Devices<undefined, readonly NetCounts[]> {
  readonly offered = undefined;
  readonly #nets: { readonly device: NetDevice; readonly server: VhostServer }[] = [];

  /** Devices for which front ends may come. */
  #open: number;
  readonly #end: () => void;

  /** @param end called when no front end will come any more @throws SystemError, Error for a socket that cannot be had; then nothing is offered */
  constructor(loop: Loop, options: NetsOptions, say: (sentence: string) => void, end: () => void) {
    this.#open = options.offers.length;
    this.#end = end;
    try {
      for (const offer of options.offers) this.#offer(loop, offer, options, say);
    } catch (error) {
      for (const { server } of this.#nets) server.close(() => {});
      throw error;
    }
  }

  readonly #over = (): void => {
    if (--this.#open === 0) this.#end();
  };

  #offer(loop: Loop, { place, name, mac }: NetOffer, options: NetsOptions, say: (sentence: string) => void): void {
    const { pairs, mtu, anyMemory } = options;
    const told = (sentence: string): void => say(`${name}: ${sentence}`);
    const echo = new Echo();
    const device = new NetDevice(loop, echo, { pairs, mac, mtu });
    device.onSay = told;
    echo.join(device);
    const server = new VhostServer(loop, device, { place, memory: { any: anyMemory }, say: told, over: this.#over });
    this.#nets.push({ device, server });
  }

  counts(): readonly NetCounts[] {
    return this.#nets.map(({ device }) => device.counts);
  }

  changed(): void {}

  close(done: () => void): void {
    let left = this.#nets.length;
    for (const { server } of this.#nets) {
      server.close(() => {
        if (--left === 0) done();
      });
    }
  }
}
