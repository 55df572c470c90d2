// The wire: how many bytes a frame adds on an Ethernet link, and how many a packet's headers take. It knows sizes only; headers are
// built and parsed in wire/.

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

export interface HeaderChoice {
  protocol: 'tcp' | 'udp' | 'ethernet';
  ip: 4 | 6;
  tunnel?: 'none' | 'vxlan' | 'gre' | 'ipsec' | 'wireguard';
}

/** Bytes a tunnel adds within the MTU, over IPv4: VXLAN over UDP with an inner Ethernet header (RFC 7348), GRE without options (RFC 2784),
 * ESP in tunnel mode with AES-GCM (RFC 4303, RFC 4106; padding 0 to 3 B left out), WireGuard data messages (its paper, section 5.4). */
const tunnelBytes = { none: 0, vxlan: 50, gre: 24, ipsec: 54, wireguard: 60 } as const;

/** IP and transport header bytes of one packet (TCP with the timestamp option, RFC 7323). */
export function headerBytes(choice: HeaderChoice): number {
  if (choice.protocol === 'ethernet') return 0;
  const ip = choice.ip === 6 ? constant('ip6.header').value : constant('ip4.header').value;
  const tunnel = tunnelBytes[choice.tunnel ?? 'none'];
  if (choice.protocol === 'udp') return tunnel + ip + constant('udp.header').value;
  return tunnel + ip + constant('tcp.header').value + constant('tcp.timestamps').value;
}

/** Largest payload of one packet: the MTU less headers. */
export function maximumSegment(mtu: number, choice: HeaderChoice): number {
  return mtu - headerBytes(choice);
}
