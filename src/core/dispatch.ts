// What an IP packet carries goes to whom it is for, after its checksum was looked at.

import { isIpv4 } from './addresses';
import { Figure } from './control';
import { count } from './figures';
import { icmpInput } from './icmp';
import { icmpv6Input } from './icmpv6';
import { isChecksumRight, protocolIcmp, protocolIcmpv6, protocolTcp, protocolUdp, pseudoSum } from './ip/pseudo';
import { tcpInput } from './tcp/input';
import { udpInput } from './udp';

/**
 * What a whole packet for us carries. @param ip its header. @param segment what follows. @param local, remote 16 bytes each.
 * @param isGroup it is for a group of which we are. Returns whether the frame was kept.
 */
export function deliver(
  frame: usize,
  ip: usize,
  segment: usize,
  length: u32,
  protocol: u32,
  local: usize,
  remote: usize,
  isGroup: bool,
): bool {
  if (protocol === protocolTcp && !isGroup) return deliverTcp(frame, ip, segment, length, local, remote);
  if (protocol === protocolUdp && !isGroup) return udpInput(frame, ip, segment, length, local, remote);
  const isVersion4 = isIpv4(remote);
  if (protocol === protocolIcmp && isVersion4) return icmpInput(frame, segment, length, local, remote);
  if (protocol === protocolIcmpv6 && !isVersion4)
    return icmpv6Input(frame, ip, segment, length, local, remote, isGroup);
  count(Figure.ipProtocol);
  return false;
}

function deliverTcp(frame: usize, ip: usize, segment: usize, length: u32, local: usize, remote: usize): bool {
  if (length < 20) {
    count(Figure.ipMalformed);
    return false;
  }
  if (!isChecksumRight(segment, length, 16, pseudoSum(local, remote, protocolTcp, length))) return false;
  return tcpInput(frame, ip, segment, length, local, remote);
}
