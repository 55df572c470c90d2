// Questions who has an address, to everybody or to the one who had it: ARP requests (RFC 826) and neighbour solicitations (RFC 4861); and announcements of
// our own.

import { isIpv4, isIpv4Shared, isIpv6Shared, isNone, ourIpv4, ourIpv6, sourceFor } from './addresses';
import { putBe16, putBe32 } from './bytes';
import { Figure } from './control';
import { count } from './figures';
import { frameForStack } from './frames';
import { ipv6Bytes, linkHops, writeIpv6 } from './ip/headers';
import { protocolIcmpv6, pseudoSum, putChecksum } from './ip/pseudo';
import { putOurMac, sendEthernet, typeArp, typeIpv6 } from './link';

/** Where a packet of the stack's own begins in its frame: room for the header of the link in front. */
const ownPacketAt: usize = 64;
export const arpBytes: u32 = 28;

/** A message of neighbour discovery with the one option that we use. */
export const ndBytes: u32 = 32;
const solicitationHead: u32 = 0x87000000;
const advertisementHead: u32 = 0x88000000;
const optionSource: u32 = 0x0101;
const optionTarget: u32 = 0x0201;
/** Flags of an advertisement: it answers a question; it replaces what was known. */
export const advertisedFlag: u32 = 0x40000000;
export const advertisedOverride: u32 = 0x20000000;

/** ff02::1 and its link address. */
export const allNodes = memory.data<u8>([0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], 8);
export const allNodesMac = memory.data<u8>([0x33, 0x33, 0, 0, 0, 1], 8);
/** ff02::1:ff00:0 and the link address of such a group, whose last 3 bytes are the address's. */
const group = memory.data<u8>([0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0, 0, 0], 8);
const groupMac = memory.data<u8>([0x33, 0x33, 0xff, 0, 0, 0], 8);
const everybody = memory.data<u8>([0xff, 0xff, 0xff, 0xff, 0xff, 0xff], 8);

/** Asks who has a neighbour's address: everybody, or the one at `mac` (0: everybody). */
export function solicit(address: usize, mac: usize): void {
  if (isIpv4(address)) sendArp(askingIpv4(), load<u32>(address, 12), mac === 0 ? everybody : mac);
  else sendSolicitation(address, mac);
}

/**
 * The address of IPv4 from which we ask: ours; none where the kernel has it too, as a host asks that is about to take an address (a probe, RFC 5227 section
 * 2.1.1): the answer is for nobody's address then, and so it is for us.
 */
export function askingIpv4(): u32 {
  return isIpv4Shared() ? 0 : ourIpv4;
}

/** Tells everybody that our addresses are ours (RFC 5227 section 3, RFC 4861 section 7.2.6); of those that the kernel has, it has told. */
export function announce(): void {
  if (ourIpv4 !== 0 && !isIpv4Shared()) sendArp(ourIpv4, ourIpv4, everybody);
  for (let index: u32 = 0; index < 2; index++) {
    const address = ourIpv6(index);
    if (isNone(address) || isIpv6Shared(address)) continue;
    const frame = frameForStack();
    if (frame === 0) return;
    const message = frame + ownPacketAt + ipv6Bytes;
    writeAdvertisement(message, address, allNodes, advertisedOverride);
    sendEthernet(message - ipv6Bytes, ipv6Bytes + ndBytes, allNodesMac, typeIpv6);
  }
}

/** Sends a question of ARP about an IPv4 address. @param from the address that asks. */
function sendArp(from: u32, address: u32, to: usize): void {
  const frame = frameForStack();
  if (frame === 0) return;
  const packet = frame + ownPacketAt;
  writeArp(packet, 1, from, address, 0);
  // Nobody reads the link address of a target; by this one it can be told that the address is not about to be taken.
  if (from === 0) putOurMac(packet + 18);
  count(Figure.arpRequests);
  sendEthernet(packet, arpBytes, to, typeArp);
}

/** Writes an ARP packet from us, from and about IPv4 addresses as they lie in packets. @param targetMac of whom it speaks; 0: not known. */
export function writeArp(packet: usize, operation: u32, from: u32, address: u32, targetMac: usize): void {
  // Ethernet, IPv4, 6 and 4 bytes.
  putBe32(packet, 0x00010800);
  putBe16(packet + 4, 0x0604);
  putBe16(packet + 6, operation);
  putOurMac(packet + 8);
  store<u32>(packet, from, 14);
  store<u32>(packet, targetMac === 0 ? 0 : load<u32>(targetMac), 18);
  store<u16>(packet, targetMac === 0 ? 0 : load<u16>(targetMac, 4), 22);
  store<u32>(packet, address, 24);
}

function sendSolicitation(address: usize, mac: usize): void {
  let source = sourceFor(address);
  if (source === 0) return;
  // The answer to an address that the kernel has too would go to the kernel.
  if (isIpv6Shared(source)) source = ourIpv6(1);
  const frame = frameForStack();
  if (frame === 0) return;
  let to = address;
  if (mac === 0) {
    for (let index: usize = 0; index < 3; index++) {
      const byte = load<u8>(address + 13 + index);
      store<u8>(group + 13 + index, byte);
      store<u8>(groupMac + 3 + index, byte);
    }
    to = group;
  }
  const message = frame + ownPacketAt + ipv6Bytes;
  count(Figure.neighbourRequests);
  writeNd(message, solicitationHead, 0, address, optionSource, source, to);
  sendEthernet(message - ipv6Bytes, ipv6Bytes + ndBytes, mac === 0 ? groupMac : mac, typeIpv6);
}

/** Writes that `address` is ours, with the header in front of it. */
export function writeAdvertisement(message: usize, address: usize, to: usize, flags: u32): void {
  writeNd(message, advertisementHead, flags, address, optionTarget, address, to);
}

function writeNd(message: usize, head: u32, flags: u32, target: usize, option: u32, from: usize, to: usize): void {
  putBe32(message, head);
  putBe32(message + 4, flags);
  store<u64>(message, load<u64>(target), 8);
  store<u64>(message, load<u64>(target, 8), 16);
  putBe16(message + 24, option);
  putOurMac(message + 26);
  putChecksum(message, ndBytes, 2, pseudoSum(from, to, protocolIcmpv6, ndBytes));
  writeIpv6(message - ipv6Bytes, ndBytes, protocolIcmpv6, linkHops, from, to);
}
