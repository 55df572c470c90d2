// PacketHeaders: the headers of a packet that is to be cut (Ethernet with up to two VLAN tags, IPv4 or IPv6, TCP or UDP): taken out of the packet
// once, held to what its virtio-net header says, and made into those of each segment, as the kernel would (net/ipv4/tcp_offload.c). Not here:
// where segments go (delivery.ts).

import { InternetChecksum } from '../../wire/internet-checksum.js';
import type { Frame } from './frame.js';
import { ethernetBytes, Gso } from './net-header.js';

/** Headers are shorter than that: 14 and 8 of Ethernet, 60 of IPv4, or 40 and what may stand between of IPv6, 60 of TCP. */
const mostHeaderBytes = 256;
/** Segments of one packet: 64 KiB in the shortest that a TCP of Linux makes (TCP_MIN_MSS, 88 bytes), and some more. */
const mostSegments = 1024;
const EtherType = { vlan: 0x8100, serviceVlan: 0x88a8, ip4: 0x0800, ip6: 0x86dd } as const;
const Protocol = { tcp: 6, udp: 17 } as const;
const TcpFlag = { fin: 0x01, psh: 0x08, cwr: 0x80 } as const;
/** Where the checksum lies in a header of TCP, and of UDP. */
const ChecksumAt = { tcp: 16, udp: 6 } as const;

/** See the file's head. Used again and again. */
export class PacketHeaders {
  readonly bytes: Uint8Array<ArrayBuffer> = new Uint8Array(mostHeaderBytes);
  /** Bytes of all headers, and of payload behind them. */
  byteLength = 0;
  payloadBytes = 0;
  /** Where TCP or UDP begins, and its checksum, from there. */
  transportAt = 0;
  checksumAt = 0;
  segments = 0;
  readonly #data = new DataView(this.bytes.buffer);
  readonly #sum = new InternetChecksum();
  #networkAt = 0;
  #isIp6 = false;
  #isUdp = false;
  #size = 0;
  #firstId = 0;
  #firstSequence = 0;
  #flags = 0;
  /**
   * The sum of the whole packet's pseudo header, as its sender wrote it, without the length; -1: it is summed here. Headers that stand between may
   * say that the packet goes further than to its address (a list of nodes to visit), which the sum is of then.
   */
  #pseudo = -1;

  /** Takes the headers of a packet that is to be cut. False: they are not what its virtio-net header says. */
  take({ header, spans, byteLength }: Frame): boolean {
    const data = this.#data;
    const start = header.checksumStart;
    this.#isUdp = header.gso === Gso.udp;
    this.checksumAt = this.#isUdp ? ChecksumAt.udp : ChecksumAt.tcp;
    const least = start + (this.#isUdp ? 8 : 20);
    if (header.checksumOffset !== this.checksumAt || least > byteLength || least > mostHeaderBytes) return false;
    for (let at = 0; at < least; at++) this.bytes[at] = spans.byteAt(at);
    const length = this.#isUdp ? least : start + (data.getUint8(start + 12) >> 4) * 4;
    if (length < least || length > byteLength || length > mostHeaderBytes) return false;
    for (let at = least; at < length; at++) this.bytes[at] = spans.byteAt(at);
    this.transportAt = start;
    this.byteLength = length;
    this.payloadBytes = byteLength - length;
    this.#size = header.gsoSize;
    this.segments = Math.max(1, Math.ceil(this.payloadBytes / this.#size));
    if (this.segments > mostSegments || !this.#takeNetwork(header.gso)) return false;
    const isPlain = start - this.#networkAt === (this.#isIp6 ? 40 : 20);
    this.#pseudo = isPlain ? -1 : data.getUint16(start + this.checksumAt) + (~(byteLength - start) & 0xffff);
    if (this.#isUdp) return true;
    this.#firstSequence = data.getUint32(start + 4);
    this.#flags = data.getUint8(start + 13);
    return true;
  }

  /** Finds the network's header, between Ethernet's and the transport's. */
  #takeNetwork(gso: number): boolean {
    const data = this.#data;
    let at = ethernetBytes;
    let type = data.getUint16(at - 2);
    for (let tags = 0; tags < 2 && (type === EtherType.vlan || type === EtherType.serviceVlan); tags++) {
      at += 4;
      type = data.getUint16(at - 2);
    }
    this.#networkAt = at;
    this.#isIp6 = type === EtherType.ip6;
    if (this.#isIp6) return gso !== Gso.tcp4 && this.transportAt >= at + 40 && data.getUint8(at) >> 4 === 6;
    const words = (this.transportAt - at) / 4;
    if (type !== EtherType.ip4 || gso === Gso.tcp6 || words < 5 || words > 15) return false;
    const protocol = this.#isUdp ? Protocol.udp : Protocol.tcp;
    this.#firstId = data.getUint16(at + 4);
    return data.getUint8(at) === 0x40 + words && data.getUint8(at + 9) === protocol;
  }

  /** Bytes of the longest segment, without its Ethernet header. */
  get mostNetworkBytes(): number {
    return this.byteLength - this.#networkAt + this.payloadOf(0);
  }

  /** Bytes of payload of a segment. */
  payloadOf(segment: number): number {
    return Math.min(this.#size, this.payloadBytes - segment * this.#size);
  }

  /** Where the payload of a segment begins in the packet. */
  payloadAt(segment: number): number {
    return this.byteLength + segment * this.#size;
  }

  /**
   * Makes {@link bytes} the headers of a segment; its checksum is the sum of what is no part of the segment itself (the pseudo header), as one
   * that is not finished begins.
   */
  make(segment: number): void {
    const data = this.#data;
    const payload = this.payloadOf(segment);
    const transportBytes = this.byteLength - this.transportAt + payload;
    const network = this.#networkAt;
    if (this.#isIp6) data.setUint16(network + 4, this.transportAt - network - 40 + transportBytes);
    else {
      data.setUint16(network + 2, this.transportAt - network + transportBytes);
      data.setUint16(network + 4, (this.#firstId + segment) & 0xffff);
      data.setUint16(network + 10, 0);
      this.#sum.clear();
      this.#sum.add(this.bytes, network, this.transportAt - network);
      data.setUint16(network + 10, this.#sum.value);
    }
    if (this.#isUdp) data.setUint16(this.transportAt + 4, transportBytes);
    else {
      data.setUint32(this.transportAt + 4, (this.#firstSequence + segment * this.#size) >>> 0);
      let flags = this.#flags;
      if (segment > 0) flags &= ~TcpFlag.cwr;
      if (segment + 1 < this.segments) flags &= ~(TcpFlag.fin | TcpFlag.psh);
      data.setUint8(this.transportAt + 13, flags);
    }
    data.setUint16(this.transportAt + this.checksumAt, this.#pseudoSum(transportBytes));
  }

  #pseudoSum(transportBytes: number): number {
    const [addressesAt, addressesBytes] = this.#isIp6 ? [this.#networkAt + 8, 32] : [this.#networkAt + 12, 8];
    this.#sum.clear();
    if (this.#pseudo >= 0) {
      this.#sum.addWord(this.#pseudo);
      this.#sum.addWord(transportBytes);
      return this.#sum.folded;
    }
    this.#sum.add(this.bytes, addressesAt, addressesBytes);
    this.#sum.addWord(transportBytes);
    this.#sum.addWord(this.#isUdp ? Protocol.udp : Protocol.tcp);
    return this.#sum.folded;
  }
}
