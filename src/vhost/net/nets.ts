// Network devices of one process, in the thread that they run in: each with its socket, and what it is joined to. Not here: options and signals
// (cli/net.ts).

import { basename } from 'node:path';
import type { Loop } from '../../transport/loop.js';
import type { Devices } from '../run-devices.js';
import { VhostServer } from '../vhost-server.js';
import { Echo } from './echo.js';
import { type NetCounts, NetDevice } from './net-device.js';

/** A device, as it is offered. */
export interface NetOffer {
  readonly socket: string;
  /** The guest's address: 6 bytes. */
  readonly mac: Uint8Array;
}

/** How devices are offered. */
export interface NetsOptions {
  readonly offers: readonly NetOffer[];
  /** Permissions of the sockets. */
  readonly mode: number;
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

  /** @throws SystemError, Error for a socket that cannot be had; then nothing is offered */
  constructor(loop: Loop, options: NetsOptions, say: (sentence: string) => void) {
    try {
      for (const offer of options.offers) this.#offer(loop, offer, options, say);
    } catch (error) {
      for (const { server } of this.#nets) server.close(() => {});
      throw error;
    }
  }

  #offer(loop: Loop, { socket, mac }: NetOffer, options: NetsOptions, say: (sentence: string) => void): void {
    const { pairs, mtu, mode, anyMemory } = options;
    const name = basename(socket);
    const told = (sentence: string): void => say(`${name}: ${sentence}`);
    const echo = new Echo();
    const device = new NetDevice(loop, echo, { pairs, mac, mtu });
    device.onSay = told;
    echo.join(device);
    const server = new VhostServer(loop, device, { path: socket, mode, memory: { any: anyMemory }, say: told });
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
