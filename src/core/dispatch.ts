// What an IP packet carries goes to whom it is for, after its checksum was looked at.

import { Figure } from './control';
import { count } from './figures';
import { icmpInput } from './icmp';
import { isChecksumRight, pseudoSum } from './ip/pseudo';
import { tcpInput } from './tcp/input';

const protocolIcmp: u32 = 1;
const protocolTcp: u32 = 6;

/**
 * What a whole IPv4 packet for us carries. @param ip its header. @param segment what follows. @param local, remote 16 bytes each.
 * Returns whether the frame was kept.
 */
export function deliverIpv4(
  frame: usize,
  ip: usize,
  segment: usize,
  length: u32,
  protocol: u32,
  local: usize,
  remote: usize,
): bool {
  if (protocol === protocolTcp) return deliverTcp(frame, ip, segment, length, local, remote);
  if (protocol === protocolIcmp) return icmpInput(frame, segment, length, local, remote);
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
