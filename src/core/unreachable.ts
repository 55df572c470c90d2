// Messages that a packet could not be delivered, in both versions of ICMP. Heard ones are believed when the packet that they quote is one of ours:
// for TCP, when its sequence number is of what is under way (RFC 5927); a stranger cannot guess it.
// For UDP, when its socket is open: there is no more to go by.

import { Figure } from './control';
import { count } from './figures';
import { kindTooBig, kindUnreachable, noteOfPacket } from './heard';
import { narrowPath } from './ip/paths';
import { protocolTcp, protocolUdp } from './ip/pseudo';
import { tcpOwnsQuoted, tcpPathChanged, tcpUnreachable } from './tcp/input';
import { udpOwnsQuoted, udpUnreachable } from './udp';

/**
 * A packet of ours was too big for its way. @param quoted the first 8 bytes of what it carried. @param length of the packet. @param mtu what is not too big; 0: not said.
 */
export function heardTooBig(protocol: u32, local: usize, remote: usize, quoted: usize, length: u32, mtu: u32): void {
  if (takeTooBig(protocol, local, remote, quoted, length, mtu)) return;
  count(Figure.icmpUnbelieved);
  noteOfPacket(kindTooBig, protocol, local, remote, quoted, length, mtu);
}

/** A packet of ours did not reach whom it was for. @param error -errno. */
export function heardUnreachable(protocol: u32, local: usize, remote: usize, quoted: usize, error: i32): void {
  if (takeUnreachable(protocol, local, remote, quoted, error)) return;
  count(Figure.icmpUnbelieved);
  noteOfPacket(kindUnreachable, protocol, local, remote, quoted, 0, <u32>error);
}

/** As `heardTooBig`. Returns whether the packet was one of ours. */
export function takeTooBig(protocol: u32, local: usize, remote: usize, quoted: usize, length: u32, mtu: u32): bool {
  if (!isQuotedOurs(protocol, local, remote, quoted)) return false;
  const narrowed = narrowPath(remote, length, mtu);
  if (narrowed !== 0) tcpPathChanged(remote, narrowed);
  return true;
}

/** As `heardUnreachable`. Returns whether the packet was one of ours. */
export function takeUnreachable(protocol: u32, local: usize, remote: usize, quoted: usize, error: i32): bool {
  if (!isQuotedOurs(protocol, local, remote, quoted)) return false;
  if (protocol === protocolTcp) tcpUnreachable(local, remote, quoted, error);
  else udpUnreachable(local, quoted, error);
  return true;
}

function isQuotedOurs(protocol: u32, local: usize, remote: usize, quoted: usize): bool {
  return (
    (protocol === protocolTcp && tcpOwnsQuoted(local, remote, quoted)) ||
    (protocol === protocolUdp && udpOwnsQuoted(local, quoted))
  );
}
