// What a packet of a guest costs whoever takes it out of its ring and writes it to a tap: by the network device of `clearway net`, on a tap of its own in
// a network namespace that nobody else is in. Not here: what that means for the model (fit.ts).

import { inOwnNetworkNamespace } from '../kernel/namespace.js';
import { setDeviceUp } from '../kernel/network-device.js';
import { threadProcessorNs } from '../kernel/thread-clock.js';
import { coded } from '../text/coded.js';
import { Loop } from '../transport/loop.js';
import { FrontQueue } from '../vhost/front-end/front-queue.js';
import { GuestMemory } from '../vhost/front-end/guest-memory.js';
import { MemoryTable } from '../vhost/memory-table.js';
import { NetDevice } from '../vhost/net/net-device.js';
import { netHeaderBytes } from '../vhost/net/net-header.js';
import { Tap } from '../vhost/net/tap.js';
import { TapPort } from '../vhost/net/tap-port.js';
import { Vring } from '../vhost/vring.js';

const size = 256;
const packetsAtOnce = 64;
const packetBytes = 65_536;
const memoryBytes = 8 * 1024 * 1024;
const features = { indirect: true, eventIndex: true, packed: false };
/** Offered by every device: memory in which nothing is legacy. */
const version1 = 1n << 32n;
/** Processor milliseconds of one measurement. */
const forMs = 25;
/** And those before the first one, for the compiler. */
const warmMs = 100;
/** A protocol of local experiments (IEEE 802), which every kernel drops after it was received. */
const ethernetType = [0x88, 0xb5];

/** A guest with one queue, its device and its tap. */
export class GuestRig {
  readonly #loop = new Loop('epoll');
  readonly #memory = new GuestMemory(memoryBytes);
  readonly #table = new MemoryTable();
  readonly #port: TapPort;
  readonly #device: NetDevice;
  readonly #queue: FrontQueue;
  readonly #vring = new Vring(1);
  readonly #packet: number;
  #isWarm = false;

  private constructor(tap: Tap) {
    const table = this.#table;
    const region = {
      guest: this.#memory.guestAddress(0),
      length: memoryBytes,
      user: this.#memory.userAddress(0),
      offset: 0,
    };
    table.add(region, this.#memory.region.fd);
    this.#port = new TapPort(this.#loop, tap, () => {});
    const options = { pairs: 1, mac: Uint8Array.of(0x52, 0x54, 0, 0, 0, 1), mtu: undefined, mostMtu: 65_535 };
    this.#device = new NetDevice(this.#loop, this.#port, options);
    this.#port.join(this.#device);
    this.#device.negotiated(version1);
    this.#queue = new FrontQueue(1, this.#memory, size, features);
    const { descriptors, used, available } = this.#queue.places;
    const at = (offset: number): number => this.#memory.userAddress(offset);
    const vring = this.#vring;
    vring.size = size;
    vring.addresses = { descriptors: at(descriptors), used: at(used), available: at(available) };
    vring.isEnabled = true;
    vring.start(table, features, undefined, undefined, () => false);
    this.#device.started(vring, table);
    this.#packet = this.#memory.take(packetBytes);
    const { bytes } = this.#memory.region;
    const packet = this.#packet + netHeaderBytes;
    bytes.fill(0xff, packet, packet + 6);
    for (const [index, byte] of ethernetType.entries()) bytes[packet + 12 + index] = byte;
  }

  /** Makes one; undefined where this user may make no network namespace or no tap. */
  static open(): GuestRig | undefined {
    try {
      return inOwnNetworkNamespace(() => {
        const tap = new Tap('clearway0', 1);
        setDeviceUp(tap.name);
        return new GuestRig(tap);
      });
    } catch {
      return undefined;
    }
  }

  /** Processor nanoseconds of the device a packet of so many bytes. @throws Error where packets do not go through */
  measure(bytes: number): number {
    if (!this.#isWarm) this.#send(bytes, warmMs);
    this.#isWarm = true;
    return this.#send(bytes, forMs);
  }

  #send(bytes: number, forMs: number): number {
    const { driver } = this.#queue;
    const piece = [{ address: this.#memory.guestAddress(this.#packet), length: netHeaderBytes + bytes }];
    let usedNs = 0;
    let packets = 0;
    while (usedNs < forMs * 1e6) {
      for (let count = 0; count < packetsAtOnce; count++) driver.add(piece, []);
      driver.publish();
      const before = threadProcessorNs();
      this.#device.kicked(this.#vring);
      for (let turns = 0; driver.free < size && turns < packetsAtOnce; turns++) {
        this.#loop.turn(0);
        while (driver.takeBack() >= 0) packets++;
      }
      usedNs += threadProcessorNs() - before;
      if (driver.free < size)
        throw coded('CLEARWAY_CALIBRATE', new Error('a packet of the calibration did not come back'));
    }
    if (Object.keys(this.#device.counts.sentDropped).length > 0)
      throw coded(
        'CLEARWAY_CALIBRATE',
        new Error(`packets of the calibration were dropped: ${JSON.stringify(this.#device.counts.sentDropped)}`),
      );
    return usedNs / packets;
  }

  /** Lets go of it; the namespace goes with its tap. */
  close(): void {
    this.#device.stop(this.#vring, () => {});
    this.#port.close();
    this.#queue.close();
    this.#table.clear();
    this.#memory.unmap();
    this.#loop.close();
  }
}
