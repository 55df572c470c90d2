// The wire: how many bytes a frame occupies on an Ethernet link, and how many packets and payload bytes a second fit. It knows sizes and
// rates only; headers are built and parsed in wire/.

import { constant } from './constants.js';

/** Bytes a frame occupies on the link beyond its layer 3 packet: header, FCS, preamble and gap (38, with a VLAN tag 42). */
export function frameOverhead(vlan = false): number {
  return (
    constant('eth.header').value +
    (vlan ? constant('eth.vlan').value : 0) +
    constant('eth.fcs').value +
    constant('eth.preamble').value +
    constant('eth.gap').value
  );
}

/** Bytes on the wire for one layer 3 packet of `layer3` bytes, padded to the minimum payload. */
export function wireBytes(layer3: number, vlan = false): number {
  const minimum = constant('eth.minimum').value - (vlan ? constant('eth.vlan').value : 0);
  return Math.max(layer3, minimum) + frameOverhead(vlan);
}

/** Packets a second on a link of `bitsPerSecond` for layer 3 packets of `layer3` bytes. */
export function packetsPerSecond(bitsPerSecond: number, layer3: number, vlan = false): number {
  return bitsPerSecond / (8 * wireBytes(layer3, vlan));
}

export interface HeaderChoice {
  protocol: 'tcp' | 'udp' | 'ethernet';
  ip: 4 | 6;
}

/** IP and transport header bytes of one packet (TCP with the timestamp option, RFC 7323). */
export function headerBytes(choice: HeaderChoice): number {
  if (choice.protocol === 'ethernet') return 0;
  const ip = choice.ip === 6 ? constant('ip6.header').value : constant('ip4.header').value;
  if (choice.protocol === 'udp') return ip + constant('udp.header').value;
  return ip + constant('tcp.header').value + constant('tcp.timestamps').value;
}

/** Largest payload of one packet: the MTU less headers. */
export function maximumSegment(mtu: number, choice: HeaderChoice): number {
  return mtu - headerBytes(choice);
}

/** Goodput in bits a second of full-sized packets. */
export function goodput(bitsPerSecond: number, mtu: number, choice: HeaderChoice): number {
  return packetsPerSecond(bitsPerSecond, mtu) * maximumSegment(mtu, choice) * 8;
}
