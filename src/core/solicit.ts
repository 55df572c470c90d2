// Questions who has an address: ARP requests (RFC 826) to everybody, or to the one who had it; and announcements of our own.

import { ourIpv4 } from './addresses';
import { putBe16, putBe32 } from './bytes';
import { Figure } from './control';
import { count } from './figures';
import { frameForStack } from './frames';
import { putOurMac, sendEthernet, typeArp } from './link';

/** Where a packet of the stack's own begins in its frame: room for the header of the link in front. */
const ownPacketAt: usize = 64;
export const arpBytes: u32 = 28;

const everybody = memory.data<u8>([0xff, 0xff, 0xff, 0xff, 0xff, 0xff], 8);

/** Asks who has a neighbour's address: everybody, or the one at `mac` (0: everybody). */
export function solicit(address: usize, mac: usize): void {
  sendArp(1, load<u32>(address, 12), 0, mac === 0 ? everybody : mac);
}

/** Tells everybody that our address is ours: a request for it (RFC 5227 section 3). */
export function announceIpv4(): void {
  if (ourIpv4 !== 0) sendArp(1, ourIpv4, 0, everybody);
}

/** Sends an ARP packet about an IPv4 address. @param targetMac of whom it speaks; 0: not known. */
function sendArp(operation: u32, address: u32, targetMac: usize, to: usize): void {
  const frame = frameForStack();
  if (frame === 0) return;
  const packet = frame + ownPacketAt;
  writeArp(packet, operation, address, targetMac);
  count(Figure.arpRequests);
  sendEthernet(packet, arpBytes, to, typeArp);
}

/** Writes an ARP packet from us about an IPv4 address as it lies in packets. @param targetMac of whom it speaks; 0: not known. */
export function writeArp(packet: usize, operation: u32, address: u32, targetMac: usize): void {
  // Ethernet, IPv4, 6 and 4 bytes.
  putBe32(packet, 0x00010800);
  putBe16(packet + 4, 0x0604);
  putBe16(packet + 6, operation);
  putOurMac(packet + 8);
  store<u32>(packet, ourIpv4, 14);
  store<u32>(packet, targetMac === 0 ? 0 : load<u32>(targetMac), 18);
  store<u16>(packet, targetMac === 0 ? 0 : load<u16>(targetMac, 4), 22);
  store<u32>(packet, address, 24);
}
