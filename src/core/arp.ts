// ARP inward (RFC 826): questions for our address are answered in the frame in which they came; answers go to the table of neighbours.

import { isBroadcastIpv4, isHostIpv4, isOnLinkIpv4, ourIpv4, putIpv4 } from './addresses';
import { be16, be32 } from './bytes';
import { Figure } from './control';
import { count } from './figures';
import { hearOnLink } from './heard';
import { sendEthernet, typeArp } from './link';
import { noteConflict } from './neighbour';
import { arpBytes, askingIpv4, writeArp } from './solicit';

/** The sender's address and link address, read before the packet is written over. */
const sender = memory.data(16, 8);
const senderMac = memory.data(8, 8);

/** An ARP packet. @param source the link address that sent the frame. Returns whether its frame was kept. */
export function arpInput(packet: usize, length: u32, source: usize): bool {
  if (length < arpBytes || be32(packet) !== 0x00010800 || be16(packet + 4) !== 0x0604) return refused();
  const operation = be16(packet + 6);
  store<u32>(senderMac, load<u32>(packet, 8));
  store<u16>(senderMac, load<u16>(packet, 12), 4);
  const address = load<u32>(packet, 14);
  const target = load<u32>(packet, 24);
  // Who speaks for another card, for everybody, for us, or from outside of our net is not heard.
  const speaksForItself =
    load<u32>(source) === load<u32>(senderMac) && load<u16>(source, 4) === load<u16>(senderMac, 4);
  if (operation - 1 > 1 || !speaksForItself || (load<u8>(senderMac) & 1) !== 0 || ourIpv4 === 0) return refused();
  // RFC 5227: a probe, of one that has no address yet.
  const isProbe = address === 0 && operation === 1;
  // One that shares its address with its kernel asks so as well, and names itself as the target (solicit.ts).
  const isTaking = isProbe && (load<u32>(packet, 18) | load<u16>(packet, 22)) === 0;
  if (isTaking && target === ourIpv4) noteConflict(senderMac);
  if (!isProbe) {
    if (!isHostIpv4(address) || isBroadcastIpv4(address) || !isOnLinkIpv4(address)) return refused();
    if (address === ourIpv4) {
      noteConflict(senderMac);
      return false;
    }
    putIpv4(sender, address);
    hearOnLink(sender, senderMac, operation === 2 && target === askingIpv4());
  }
  if (operation !== 1 || target !== ourIpv4) return false;
  count(Figure.arpReplies);
  writeArp(packet, 2, ourIpv4, address, senderMac);
  sendEthernet(packet, arpBytes, senderMac, typeArp);
  return true;
}

function refused(): bool {
  count(Figure.arpRefused);
  return false;
}
