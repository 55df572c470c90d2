// NetDevice: virtio-net (VIRTIO 1.x section 5.1) for whoever it is joined to: a tap, a switch, itself. It has pairs of queues: of each, one with
// buffers for packets (receive-queue.ts), one with packets that the guest sends (transmit-queue.ts). What cannot be delivered is dropped and
// counted, and nothing waits. The control queue is the front end's. Not here: where packets go (NetPeer), the session.

import type { Loop } from '../../transport/loop.js';
import type { MemoryTable } from '../memory-table.js';
import { bitsOf, ProtocolFeature } from '../protocol.js';
import { countOne, emptyQueueCounts, type QueueCounts } from '../queue-counts.js';
import type { VhostDevice } from '../session.js';
import { interrupt, show, tellFault } from '../tell-guest.js';
import type { Vring } from '../vring.js';
import { Announcement } from './announcement.js';
import { Delivery } from './delivery.js';
import type { DropReason, Frame, NetPeer, Outcome } from './frame.js';
import {
  guestOffloads,
  hasMtu,
  hostOffloads,
  isMergeable,
  offeredFeatures,
  takesAddressesBack,
} from './net-features.js';
import { mostPacketBytes, noOffloads, type Offloads } from './net-header.js';
import { ReceiveQueue } from './receive-queue.js';
import { type TransmitFault, TransmitQueue, type TransmitTarget } from './transmit-queue.js';

/** Bytes of the configuration space (section 5.1.4): address, status, pairs, MTU. */
const configBytes = 12;
const linkIsUp = 1;
/** The shortest packets that IPv4 allows. */
const leastMtu = 68;

/** What is counted of a device. */
export interface NetCounts extends QueueCounts {
  /** Packets and bytes of the guest, which were handed on; and for it. */
  sentPackets: number;
  sentBytes: number;
  receivedPackets: number;
  receivedBytes: number;
  /** Packets of the guest that went nowhere, and packets for it, by reason. */
  readonly sentDropped: Partial<Record<TransmitFault | DropReason, number>>;
  readonly receivedDropped: Partial<Record<DropReason, number>>;
}

/** How a device is offered. */
export interface NetOptions {
  /** Pairs of queues at most. */
  readonly pairs: number;
  /** The guest's address: 6 bytes. */
  readonly mac: Uint8Array;
  /** The longest packet without its Ethernet header that the guest is told of; undefined: it is told of none. */
  readonly mtu: number | undefined;
  /** The longest that the other side takes. */
  readonly mostMtu: number;
}

/** A pair of queues. */
class Pair implements TransmitTarget {
  receive: ReceiveQueue | undefined;
  transmit: TransmitQueue | undefined;
  receiveRing: Vring | undefined;
  transmitRing: Vring | undefined;
  /** It was said that the queue with buffers makes no sense. */
  isBroken = false;
  /** Kicks for what the guest sends that were heard since it was looked at. */
  kicks = 0;
  readonly #device: NetDevice;
  readonly #index: number;

  constructor(device: NetDevice, index: number) {
    this.#device = device;
    this.#index = index;
  }

  get offloads(): Offloads {
    return this.#device.hostOffloads;
  }

  get isDisabled(): boolean {
    return this.transmitRing?.isEnabled !== true;
  }

  take(frame: Frame): Outcome {
    return this.#device.send(frame, this.#index);
  }

  flush(): void {
    this.#device.handOn();
  }

  dropped(reason: TransmitFault | DropReason): void {
    countOne(this.#device.counts.sentDropped, reason);
  }
}

/** See the file's head. */
export class NetDevice implements VhostDevice {
  readonly features: bigint;
  readonly protocolFeatures: bigint = bitsOf(ProtocolFeature.mtu, ProtocolFeature.announce, ProtocolFeature.status);
  readonly queues: number;
  readonly queueNumber: number;
  readonly counts: NetCounts = {
    sentPackets: 0,
    sentBytes: 0,
    receivedPackets: 0,
    receivedBytes: 0,
    sentDropped: {},
    receivedDropped: {},
    ...emptyQueueCounts(),
  };
  /** What packets of the guest may leave unfinished, and packets for it. */
  hostOffloads: Offloads = noOffloads;
  guestOffloads: Offloads = noOffloads;
  /** The longest packet that the guest agreed to, without its Ethernet header. */
  agreedMtu: number = mostPacketBytes;
  readonly #loop: Loop;
  readonly #peer: NetPeer;
  readonly #config = new Uint8Array(configBytes);
  readonly #pairs: readonly Pair[];
  readonly #delivery = new Delivery();
  /** Queues that are looked at in a later turn anyway. */
  readonly #waiting = new Set<Vring>();
  readonly #mostMtu: number;
  readonly #mtu: number | undefined;
  /** What the front end told its guest in our place. */
  #toldMtu: number | undefined;
  #isMtuAgreed = false;
  #isMergeable = false;
  /** Buffers for packets stay taken between turns. */
  #keepsBuffers = true;
  #say: (sentence: string) => void = () => {};

  constructor(loop: Loop, peer: NetPeer, options: NetOptions) {
    this.#loop = loop;
    this.#peer = peer;
    this.queues = options.pairs * 2;
    this.queueNumber = options.pairs;
    this.#mostMtu = options.mostMtu;
    this.#mtu = options.mtu;
    this.#pairs = Array.from({ length: options.pairs }, (_, index) => new Pair(this, index));
    this.features = offeredFeatures(peer.accepts, options.pairs > 1, options.mtu !== undefined);
    const config = new DataView(this.#config.buffer);
    for (const [index, byte] of options.mac.entries()) config.setUint8(index, byte);
    config.setUint16(6, linkIsUp, true);
    config.setUint16(8, options.pairs, true);
    config.setUint16(10, options.mtu ?? 0, true);
  }

  /** Who hears of what a guest does wrong. */
  set onSay(say: (sentence: string) => void) {
    this.#say = say;
  }

  readConfig(offset: number, length: number): Uint8Array | undefined {
    if (offset + length > 256) return undefined;
    return Uint8Array.from({ length }, (_, index) => this.#config[offset + index] ?? 0);
  }

  /** Nothing in it may be written. */
  writeConfig(): boolean {
    return false;
  }

  setMtu(bytes: number): boolean {
    const isTaken = bytes >= leastMtu && bytes <= this.#mostMtu;
    if (isTaken) this.#toldMtu = bytes;
    this.#agreeMtu();
    return isTaken;
  }

  announce(mac: Uint8Array): void {
    const announcement = new Announcement(mac);
    this.#peer.transmit(announcement.frame, 0);
    this.#peer.flush();
    announcement.close();
  }

  #agreeMtu(): void {
    this.agreedMtu = this.#isMtuAgreed ? (this.#toldMtu ?? this.#mtu ?? mostPacketBytes) : mostPacketBytes;
  }

  negotiated(features: bigint): void {
    this.hostOffloads = hostOffloads(features);
    this.guestOffloads = guestOffloads(features);
    this.#isMergeable = isMergeable(features);
    this.#isMtuAgreed = hasMtu(features);
    this.#keepsBuffers = !takesAddressesBack(features);
    this.#agreeMtu();
    this.#peer.negotiated(this.guestOffloads);
  }

  queueName(index: number): string {
    return `pair ${index >> 1}, ${(index & 1) === 1 ? 'what it sends' : 'room for packets'}`;
  }

  get agreedWords(): readonly string[] {
    const words = ({ checksum, tso4, tso6, uso }: Offloads): string =>
      [
        ...(checksum ? ['checksums'] : []),
        ...(tso4 || tso6 ? ['TCP segmentation'] : []),
        ...(uso ? ['UDP segmentation'] : []),
      ].join(' and ');
    const [sent, received] = [words(this.hostOffloads), words(this.guestOffloads)];
    return [
      ...(this.#isMergeable ? ['mergeable buffers'] : []),
      ...(sent === '' ? [] : [`${sent} undone in what it sends`]),
      ...(received === '' ? [] : [`${received} undone in what it receives`]),
      ...(this.#isMtuAgreed ? [`MTU ${this.agreedMtu}`] : []),
    ];
  }

  left(): void {
    this.#toldMtu = undefined;
    this.#peer.left();
  }

  started(vring: Vring, memory: Pick<MemoryTable, 'domain'>): void {
    const pair = this.#pairs[vring.index >> 1]!;
    const { queue } = vring;
    if (queue === undefined) return;
    if ((vring.index & 1) === 1) {
      pair.transmitRing = vring;
      if (pair.transmit?.queue !== queue) pair.transmit = new TransmitQueue(queue, memory.domain, pair);
    } else {
      pair.receiveRing = vring;
      if (pair.receive?.queue !== queue) {
        pair.receive = this.#receiveQueue(queue, memory);
        pair.isBroken = false;
      }
      queue.suppressKicks();
    }
    // What was asked for before nobody listened is looked for once.
    interrupt(vring, this.counts);
    this.#runSoon(vring);
  }

  #receiveQueue(queue: NonNullable<Vring['queue']>, { domain }: Pick<MemoryTable, 'domain'>): ReceiveQueue {
    return new ReceiveQueue(queue, domain, {
      mergeable: this.#isMergeable,
      fault: (why) => countOne(this.counts.faults, why),
    });
  }

  stop(vring: Vring, done: () => void): void {
    // Packets are handed on within the call that takes them.
    this.#waiting.delete(vring);
    const pair = this.#pairs[vring.index >> 1]!;
    if ((vring.index & 1) === 1) {
      pair.transmit = pair.transmitRing = undefined;
    } else if (pair.receive !== undefined) {
      this.#publish(pair);
      pair.receive.putBack();
      pair.receive = pair.receiveRing = undefined;
    }
    done();
  }

  /** The guest has kicked a queue. */
  kicked(vring: Vring): void {
    this.counts.kicks++;
    if ((vring.index & 1) === 1) this.#pairs[vring.index >> 1]!.kicks++;
    if (!this.#waiting.has(vring)) this.#run(vring);
  }

  #runSoon(vring: Vring): void {
    if (this.#waiting.has(vring)) return;
    this.#waiting.add(vring);
    this.#loop.nextTurn(() => {
      if (this.#waiting.delete(vring)) this.#run(vring);
    });
  }

  #run(vring: Vring): void {
    const pair = this.#pairs[vring.index >> 1]!;
    if (vring.queue === undefined || vring.queue.fault !== undefined) return;
    if ((vring.index & 1) === 1) this.#runTransmit(vring, pair);
    else if (vring.isEnabled) this.#peer.roomAgain(vring.index >> 1);
  }

  /** Hands on what the guest sends, as much as has a turn; then asks for a kick. */
  #runTransmit(vring: Vring, pair: Pair): void {
    const { transmit } = pair;
    if (transmit === undefined) return;
    const { queue } = transmit;
    queue.suppressKicks();
    const count = transmit.run();
    this.counts.kicksSaved += Math.max(0, count - pair.kicks);
    pair.kicks = 0;
    if (count > 0) show(queue, vring, this.counts);
    if (queue.fault !== undefined) tellFault(queue.fault, vring, this.counts, this.#say);
    else if (!transmit.isEmpty || queue.awaitKick()) this.#runSoon(vring);
  }

  /** Hands a packet of the guest on. */
  send(frame: Frame, pair: number): Outcome {
    const { byteLength } = frame;
    const outcome = this.#peer.transmit(frame, pair);
    if (outcome === undefined) this.sent(byteLength);
    return outcome;
  }

  /** What was handed on goes. */
  handOn(): void {
    this.#peer.flush();
  }

  /** Counts a packet of the guest that was handed on. */
  sent(bytes: number): void {
    this.counts.sentPackets++;
    this.counts.sentBytes += bytes;
  }

  /** Counts a packet of the guest that was dropped after it was taken. */
  sentDropped(why: DropReason): void {
    countOne(this.counts.sentDropped, why);
  }

  /** Pairs that take packets for the guest. */
  get runningPairs(): number {
    let count = 0;
    while (count < this.#pairs.length && this.receiving(count) !== undefined) count++;
    return count;
  }

  /** The queue with buffers of a pair, where it takes packets. */
  receiving(pair: number): ReceiveQueue | undefined {
    const { receive, receiveRing } = this.#pairs[pair]!;
    return receiveRing?.isEnabled === true && receive!.queue.fault === undefined ? receive : undefined;
  }

  /** Copies a packet to the guest, which sees it after {@link flush}. @returns why it was dropped */
  deliver(frame: Frame, pair: number): DropReason | undefined {
    const queue = this.receiving(pair);
    const why =
      queue === undefined
        ? 'down'
        : frame.isLongerThan(this.agreedMtu)
          ? 'mtu'
          : this.#delivery.deliver(frame, queue, this.guestOffloads, this.agreedMtu);
    if (why !== undefined) this.dropped(why);
    else this.received(frame.byteLength);
    return why;
  }

  /** Counts a packet that was given to the guest. */
  received(bytes: number): void {
    this.counts.receivedPackets++;
    this.counts.receivedBytes += bytes;
  }

  /** Counts a packet for the guest that was dropped. */
  dropped(why: DropReason): void {
    countOne(this.counts.receivedDropped, why);
  }

  /** Shows the guest what was given, on all pairs. */
  flush(): void {
    for (const pair of this.#pairs) this.#publish(pair);
  }

  #publish(pair: Pair): void {
    const { receive, receiveRing } = pair;
    if (receive?.queue.fault !== undefined && !pair.isBroken) {
      pair.isBroken = true;
      tellFault(receive.queue.fault, receiveRing!, this.counts, this.#say);
    }
    if (receive === undefined) return;
    if (receive.isDirty) {
      receive.isDirty = false;
      show(receive.queue, receiveRing!, this.counts);
    }
    if (!this.#keepsBuffers) receive.putBack();
  }
}
