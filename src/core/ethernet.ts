// Ethernet inward: a received frame goes on by its type, if it is for us.

import { arpInput } from './arp';
import { be16 } from './bytes';
import { Figure } from './control';
import { count } from './figures';
import { frameOf, releaseFrame } from './frames';
import { ipv4Input } from './ip/ipv4';
import { ipv6Input } from './ip/ipv6';
import { ethernetBytes, ourMacHigh, ourMacLow, typeArp, typeIpv4, typeIpv6 } from './link';

/** A received packet of the stack's: it is kept by whom it is for, sent back as an answer, or free when this returns. */
export function ethernetInput(packet: usize, length: u32): void {
  const frame = frameOf(packet);
  if (!isKept(frame, packet, length)) releaseFrame(frame);
}

function isKept(frame: usize, packet: usize, length: u32): bool {
  if (length < ethernetBytes) return refused(Figure.ethernetShort);
  const isToUs = load<u32>(packet) === ourMacHigh && load<u16>(packet, 4) === ourMacLow;
  const isToMany = (load<u8>(packet) & 1) !== 0;
  // Nor what a group is said to have sent.
  if ((!isToUs && !isToMany) || (load<u8>(packet, 6) & 1) !== 0) return refused(Figure.ethernetForeign);
  const type = be16(packet + 12);
  const inner = packet + ethernetBytes;
  const left = length - ethernetBytes;
  if (type === typeIpv4) return isToUs ? ipv4Input(frame, inner, left) : refused(Figure.ethernetForeign);
  if (type === typeIpv6) return ipv6Input(frame, inner, left, isToUs);
  if (type === typeArp) return arpInput(inner, left, packet + 6);
  return refused(Figure.ethernetType);
}

function refused(why: Figure): bool {
  count(why);
  return false;
}
