// HalfMadeChecksum: tells by a packet's bytes whether its checksum is still to be made. Devices of software (veth) hand packets over whose field holds the
// sum of the pseudo header alone (CHECKSUM_PARTIAL), and AF_XDP does not say so. A packet that crossed a wire cannot be one: its device is not asked.
// One whose finished checksum is that very sum by chance is taken for one too, which harms nothing: making it gives the same. Not here: making it
// (delivery.ts).

import { InternetChecksum } from '../../wire/internet-checksum.js';
import { ethernetBytes } from './net-header.js';

/** Types of Ethernet: tags of 4 bytes, and what they are before. */
const EtherType = { vlan: 0x8100, serviceVlan: 0x88a8, ip4: 0x0800, ip6: 0x86dd } as const;
const tagBytes = 4;
const mostTags = 2;
const Protocol = { hopByHop: 0, tcp: 6, udp: 17, destination: 60 } as const;
const [ip4Bytes, ip6Bytes] = [20, 40];
/** Headers of IPv6 between its own and the transport's that are looked through, at most. */
const mostExtensions = 4;
const fragmentBits = 0x3fff;
/** Where the checksum lies in a header of TCP, and of UDP. */
const ChecksumAt = { tcp: 16, udp: 6 } as const;

/** See the file's head. Used again and again. */
export class HalfMadeChecksum {
  /** Of the packet that was found to have one: where what is summed begins, and where the sum is put, from there. */
  start = 0;
  offset = 0;
  readonly #sum = new InternetChecksum();
  /** Of the packet's bytes: where addresses are and how many, where the transport begins, its protocol and bytes. */
  #addressesAt = 0;
  #addressesBytes = 0;
  #transportAt = 0;
  #protocol = 0;
  #transportBytes = 0;

  /** Looks at a packet of so many bytes, which begins at a place of `bytes`. */
  find(bytes: Uint8Array, at: number, length: number): boolean {
    let network = at + ethernetBytes;
    const end = at + length;
    if (network > end) return false;
    let type = wordAt(bytes, network - 2);
    for (let tag = 0; tag < mostTags && (type === EtherType.vlan || type === EtherType.serviceVlan); tag++) {
      network += tagBytes;
      if (network > end) return false;
      type = wordAt(bytes, network - 2);
    }
    const hasTransport =
      type === EtherType.ip4
        ? this.#findIp4(bytes, network, end)
        : type === EtherType.ip6 && this.#findIp6(bytes, network, end);
    if (!hasTransport) return false;
    this.offset =
      this.#protocol === Protocol.tcp ? ChecksumAt.tcp : this.#protocol === Protocol.udp ? ChecksumAt.udp : 0;
    if (this.offset === 0 || this.#transportBytes < this.offset + 2) return false;
    if (this.#transportAt + this.#transportBytes > end) return false;
    const sum = this.#sum;
    sum.clear();
    sum.add(bytes, this.#addressesAt, this.#addressesBytes);
    sum.addWord(this.#protocol);
    sum.addWord(this.#transportBytes);
    this.start = this.#transportAt - at;
    return wordAt(bytes, this.#transportAt + this.offset) === sum.folded;
  }

  #findIp4(bytes: Uint8Array, network: number, end: number): boolean {
    if (network + ip4Bytes > end) return false;
    const headerBytes = (bytes[network]! & 15) * 4;
    // A fragment's checksum is of all fragments: it is made before.
    if (headerBytes < ip4Bytes || (wordAt(bytes, network + 6) & fragmentBits) !== 0) return false;
    this.#addressesAt = network + 12;
    this.#addressesBytes = 8;
    this.#transportAt = network + headerBytes;
    this.#transportBytes = wordAt(bytes, network + 2) - headerBytes;
    this.#protocol = bytes[network + 9]!;
    return true;
  }

  #findIp6(bytes: Uint8Array, network: number, end: number): boolean {
    if (network + ip6Bytes > end) return false;
    let next = bytes[network + 6]!;
    let transport = network + ip6Bytes;
    const networkEnd = transport + wordAt(bytes, network + 4);
    for (
      let count = 0;
      count < mostExtensions && (next === Protocol.hopByHop || next === Protocol.destination);
      count++
    ) {
      if (transport + 8 > end) return false;
      next = bytes[transport]!;
      transport += (bytes[transport + 1]! + 1) * 8;
    }
    this.#addressesAt = network + 8;
    this.#addressesBytes = 32;
    this.#transportAt = transport;
    this.#transportBytes = networkEnd - transport;
    this.#protocol = next;
    return true;
  }
}

const wordAt = (bytes: Uint8Array, at: number): number => bytes[at]! * 256 + bytes[at + 1]!;
