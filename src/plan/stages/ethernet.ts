// The wire: how many bytes a frame adds on an Ethernet link, and how many a packet's headers take. It knows sizes only; headers are
// built and parsed in wire/.

import { type ConstantId, constant } from '../facts/constants.js';

/** Constants that a scenario replaces. */
type Replaced = Partial<Record<ConstantId, number>>;

/** Bytes a frame occupies on the link beyond its layer 3 packet: header, FCS, preamble and gap (38, with a VLAN tag 42). */
export function frameOverhead(vlan = false, replaced: Replaced = {}): number {
  const bytes = (id: ConstantId): number => replaced[id] ?? constant(id).value;
  const tag = vlan ? bytes('eth.vlan') : 0;
  return bytes('eth.header') + tag + bytes('eth.fcs') + bytes('eth.preamble') + bytes('eth.gap');
}

/** Bytes of a frame's 802.1Q tag, where its scenario has one. */
export function tagBytes({ vlan }: { vlan: boolean }): number {
  return vlan ? constant('eth.vlan').value : 0;
}

export interface HeaderChoice {
  protocol: 'tcp' | 'udp' | 'ethernet';
  ip: 4 | 6;
  tunnel?: 'none' | 'vxlan' | 'gre' | 'ipsec' | 'wireguard';
  /** Header sizes that a scenario replaces (tcp.timestamps 0: no time stamps). */
  constants?: Replaced;
}

/** Bytes a tunnel adds within the MTU, over IPv4: VXLAN over UDP with an inner Ethernet header (RFC 7348), GRE without options (RFC 2784),
 * ESP in tunnel mode with AES-GCM (RFC 4303, RFC 4106; padding 0 to 3 B left out), WireGuard data messages (its paper, section 5.4). */
const tunnelBytes = { none: 0, vxlan: 50, gre: 24, ipsec: 54, wireguard: 60 } as const;

/** IP and transport header bytes of one packet (TCP with the timestamp option, RFC 7323). */
export function headerBytes(choice: HeaderChoice): number {
  if (choice.protocol === 'ethernet') return 0;
  const bytes = (id: ConstantId): number => choice.constants?.[id] ?? constant(id).value;
  const ip = bytes(choice.ip === 6 ? 'ip6.header' : 'ip4.header');
  const tunnel = tunnelBytes[choice.tunnel ?? 'none'];
  if (choice.protocol === 'udp') return tunnel + ip + bytes('udp.header');
  return tunnel + ip + bytes('tcp.header') + bytes('tcp.timestamps');
}

/** Largest payload of one packet: the MTU less headers. */
export function maximumSegment(mtu: number, choice: HeaderChoice): number {
  return mtu - headerBytes(choice);
}
