// XdpQueue: one queue of a network device behind AF_XDP: packets that came are shown where they lie, in memory of ours; a packet to send is copied there
// once, its checksum made and cut to the MTU on the way where its sender left that. Not here: whose packets they are (xdp-port.ts, xdp-uplink.ts).

import type { DomainMemory } from '../../memory/domain.js';
import { Spans } from '../../memory/spans.js';
import { Endpoint } from '../../transport/endpoint.js';
import type { Loop } from '../../transport/loop.js';
import type { PacketRings, PacketTaker } from '../../xdp/packet-rings.js';
import { Delivery, type DeliveryTarget } from './delivery.js';
import { type DropReason, Frame } from './frame.js';
import { HalfMadeChecksum } from './half-made.js';
import { ethernetBytes, type NetHeader, netHeaderBytes, noOffloads } from './net-header.js';
import type { XdpInterface, XdpWay } from './xdp-interface.js';

/** Where in a frame a packet to send begins: what is before it is room for the header that is not sent. */
const sendAt = 64;

/** What an {@link XdpQueue} tells. */
export interface XdpOwner {
  /** Packets wait, perhaps. */
  readable(queue: XdpQueue): void;
  /** Takes a packet, which is valid during the call. False: there is no room for it now. */
  arrived(frame: Frame, queue: XdpQueue): boolean;
  /** A packet came that is none. */
  malformed(): void;
}

/** See the file's head. */
export class XdpQueue extends Endpoint implements PacketTaker, DeliveryTarget {
  readonly index: number;
  readonly spans: Spans = new Spans(1);
  /** The device is up: else it takes nothing. */
  isUp: boolean;
  /** A packet waits that nobody has room for. */
  isWaiting = false;
  readonly #loop: Loop;
  readonly #owner: XdpOwner;
  readonly #way: XdpWay;
  readonly #rings: PacketRings;
  readonly #memory: DomainMemory;
  readonly #mtu: number;
  /** Packets may come whose checksum is half made; undefined: they crossed a wire. */
  readonly #halfMade: HalfMadeChecksum | undefined;
  readonly #frame = new Frame();
  readonly #delivery = new Delivery();
  /** The frame that a packet is being written to; -1: none. */
  #place = -1;
  #stopRetrying: (() => void) | undefined;
  #isOver = false;

  constructor(loop: Loop, of: XdpInterface, index: number, owner: XdpOwner) {
    super();
    this.#loop = loop;
    this.#owner = owner;
    this.index = index;
    this.#way = of.ways[index]!;
    this.#rings = this.#way.rings;
    this.#mtu = of.mtu;
    this.isUp = of.device.isUp;
    this.#halfMade = of.device.driver.isSoftware ? new HalfMadeChecksum() : undefined;
    const { address, data, bytes } = this.#way.memory;
    // One window is enough: it is looked at before the next is asked for.
    const window = { data, bytes: bytes as Uint8Array<ArrayBuffer>, at: 0 };
    this.#memory = {
      address,
      window: (offset) => {
        window.at = offset;
        return window;
      },
    };
    loop.register(this);
    loop.engine.watch(this.token, this.#way.socket.fd);
  }

  override readable(result: number, more: boolean): void {
    if (this.#isOver) return;
    if (!more && result >= 0) this.#loop.engine.watch(this.token, this.#way.socket.fd);
    this.#owner.readable(this);
  }

  /** Shows up to `most` packets to the owner. True: more wait, for which there is room. */
  pump(most: number): boolean {
    if (this.#isOver) return false;
    this.isWaiting = false;
    this.#rings.receive(this, most);
    return !this.isWaiting && this.#rings.hasReceived;
  }

  /** Takes a packet of the rings. */
  packet(place: number, length: number): boolean {
    if (length < ethernetBytes) {
      this.#owner.malformed();
      return true;
    }
    const { spans, header } = this.#frame;
    const { address, bytes } = this.#way.memory;
    spans.clear();
    spans.add(address + place, length, this.#memory, place);
    header.clear();
    const halfMade = this.#halfMade;
    if (halfMade?.find(bytes, place, length) === true) {
      header.needsChecksum = true;
      header.checksumStart = halfMade.start;
      header.checksumOffset = halfMade.offset;
    }
    this.isWaiting = !this.#owner.arrived(this.#frame, this);
    return !this.isWaiting;
  }

  /** Copies a packet to be sent, which leaves with {@link flush}. @returns why it was dropped */
  write(frame: Frame): DropReason | undefined {
    if (this.#isOver || !this.isUp) return 'down';
    if (frame.isLongerThan(this.#mtu)) return 'mtu';
    const why = this.#delivery.deliver(frame, this, noOffloads, this.#mtu);
    if (this.#place >= 0) this.#rings.guard.giveBack(this.#place);
    this.#place = -1;
    return why;
  }

  reserve(packetBytes: number): DropReason | undefined {
    const { socket, memory } = this.#way;
    if (sendAt + packetBytes > socket.frameBytes) return 'mtu';
    if (this.#place < 0) this.#place = this.#rings.take();
    if (this.#place < 0) return 'full';
    const at = this.#place + sendAt - netHeaderBytes;
    this.spans.clear();
    this.spans.add(memory.address + at, netHeaderBytes + packetBytes, this.#memory, at);
    return undefined;
  }

  commit(_header: NetHeader, packetBytes: number): void {
    if (this.#rings.send(this.#place + sendAt, packetBytes)) this.#place = -1;
  }

  /** Sends what was written. */
  flush(): void {
    if (this.#isOver || !this.#rings.isSending) return;
    this.#rings.flush();
    if (!this.#rings.isSending || this.#stopRetrying !== undefined) return;
    // The device takes no more just now: nobody says when it does again.
    const stop = this.#loop.everyTick(() => {
      if (this.#isOver) return;
      this.#rings.flush();
      if (this.#rings.isSending) return;
      stop();
      this.#stopRetrying = undefined;
    });
    this.#stopRetrying = stop;
  }

  /** Watches it no more. */
  rest(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#stopRetrying?.();
    this.#loop.engine.cancel(this.token, this.#way.socket.fd);
    this.#loop.engine.flush();
  }
}
