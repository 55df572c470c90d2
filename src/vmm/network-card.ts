// NetworkCard: the network device of vhost/net as a card of a guest of ours: what it is joined to there (a tap, AF_XDP, a switch with other guests) it is joined to here. One thread is
// in turn the guest's and the device's, so that nobody kicks: the device looks whenever the guest has run. Not here: packets (vhost/net/).

import type { Domain } from '../memory/domain.js';
import type { Loop } from '../transport/loop.js';
import type { JoinedPeer } from '../vhost/net/joined-peer.js';
import { type NetCounts, NetDevice } from '../vhost/net/net-device.js';
import { NetFeature } from '../vhost/net/net-features.js';
import { bitsOf } from '../vhost/protocol.js';
import { Vring } from '../vhost/vring.js';
import type { Chain } from '../virtio/chain.js';
import type { VirtioDevice } from '../virtio/mmio.js';
import type { DeviceQueue, QueueFault } from '../virtio/queue.js';

/** What a card of one pair does without: the queue by which a driver gives orders, and what needs it. */
const withoutOrders = ~bitsOf(NetFeature.controlQueue, NetFeature.announce, NetFeature.multiQueue);
const queueEntries = 1024;
const configurationBytes = 12;
const most = 65_535;

/** Reasons that lie with whom a packet was for, or on the way there. */
const ofLink: ReadonlySet<string> = new Set([
  'down',
  'full',
  'mtu',
  'buffer too small',
  'address',
  'refused',
  'disabled',
]);

/** A queue whose driver is told by being run: it is asked for no kicks, and `told` hears what would be an interrupt. */
class QuietQueue implements DeviceQueue {
  readonly size: number;
  readonly #queue: DeviceQueue;
  readonly #told: () => void;

  constructor(queue: DeviceQueue, told: () => void) {
    this.size = queue.size;
    this.#queue = queue;
    this.#told = told;
    queue.suppressKicks();
  }

  get fault(): QueueFault | undefined {
    return this.#queue.fault;
  }

  get position(): number {
    return this.#queue.position;
  }

  take(chain: Chain): boolean {
    return this.#queue.take(chain);
  }

  putBack(chains: number, slots: number): void {
    this.#queue.putBack(chains, slots);
  }

  give(id: number, slots: number, written: number): void {
    this.#queue.give(id, slots, written);
  }

  publish(): boolean {
    const isWanted = this.#queue.publish();
    if (isWanted) this.#told();
    return isWanted;
  }

  suppressKicks(): void {}

  /** The guest does not run now: nothing comes before it has. */
  awaitKick(): boolean {
    return false;
  }
}

/** How a card is made. */
export interface NetworkCardOptions {
  /** The guest's address: 6 bytes. */
  readonly mac: Uint8Array;
  /** The longest packet that its link takes, without the Ethernet header; undefined: any. */
  readonly mtu: number | undefined;
  /** The guest wants to hear that something came: it is to be run. */
  readonly told: () => void;
  /** What makes no sense is said here. */
  readonly say: (sentence: string) => void;
}

/** See the file's head. */
export class NetworkCard implements VirtioDevice {
  readonly kind = 1;
  readonly features: bigint;
  readonly configuration: Uint8Array;
  readonly queueSizes: readonly number[] = [queueEntries, queueEntries];
  readonly #device: NetDevice;
  readonly #domain: Domain;
  readonly #told: () => void;
  #vrings: readonly Vring[] = [];

  /** @param peer what it is joined to, which is its owner's to close */
  constructor(loop: Loop, domain: Domain, peer: JoinedPeer, { mac, mtu, told, say }: NetworkCardOptions) {
    this.#domain = domain;
    this.#told = told;
    this.#device = new NetDevice(loop, peer, { pairs: 1, mac, mtu, mostMtu: mtu ?? most });
    this.#device.onSay = say;
    peer.join(this.#device);
    this.features = this.#device.features & withoutOrders;
    this.configuration = this.#device.readConfig(0, configurationBytes)!;
  }

  /** What was counted. */
  get counts(): NetCounts {
    return this.#device.counts;
  }

  /** Packets and descriptors of the guest that made no sense. */
  get faults(): number {
    const { faults, sentDropped } = this.#device.counts;
    let sum = 0;
    for (const [why, count] of [...Object.entries(faults), ...Object.entries(sentDropped)])
      if (!ofLink.has(why)) sum += count ?? 0;
    return sum;
  }

  /** Packets of the guest that its link did not take. */
  get dropped(): number {
    const { sentDropped } = this.#device.counts;
    return Object.entries(sentDropped).reduce((sum, [why, count]) => sum + (ofLink.has(why) ? (count ?? 0) : 0), 0);
  }

  start(queues: readonly (DeviceQueue | undefined)[], features: bigint): void {
    this.#device.negotiated(features);
    this.#vrings = queues.flatMap((queue, index) => {
      if (queue === undefined) return [];
      const vring = new Vring(index);
      vring.size = queue.size;
      vring.isEnabled = true;
      vring.queue = new QuietQueue(queue, this.#told);
      return [vring];
    });
    for (const vring of this.#vrings) this.#device.started(vring, { domain: this.#domain });
  }

  stop(): void {
    for (const vring of this.#vrings) {
      this.#device.stop(vring, () => {});
      vring.queue = undefined;
    }
    this.#vrings = [];
    this.#device.left();
  }

  notified(): void {
    // It looks at every turn.
  }

  /** Looks at what the guest did: packets that it sends, room for more. */
  turn(): void {
    for (const vring of this.#vrings) this.#device.kicked(vring);
  }
}
