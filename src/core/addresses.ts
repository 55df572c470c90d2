// Addresses of hosts: 16 bytes, IPv6 or IPv4 as ::ffff:a.b.c.d; which of them are ours, what is on the link, and to whom a packet is handed next.

import { be32 } from './bytes';
import { Setting } from './control';
import { refuse, setting, settingAt } from './figures';

/** Of `::ffff:a.b.c.d`, behind 64 bits that are 0, what lies in front of the address of 32 bits. */
export const mappedMiddle: u32 = 0xffff0000;

/** Our addresses, 16 bytes each: IPv4, IPv6, link-local, and the gateways; all 0: none. */
const own4 = memory.data(16, 8);
const gateway4 = memory.data(16, 8);
const own6 = memory.data(16, 8);
const local6 = memory.data(16, 8);
const gateway6 = memory.data(16, 8);

/** Our IPv4 address as it lies in a packet, its mask, and the broadcast address of its net; 0: none. */
export let ourIpv4: u32 = 0;
let mask4: u32 = 0;
let broadcast4: u32 = 0;
let prefix6: u32 = 0;
/** Bits: which of our addresses the host's kernel has too. */
const sharedIpv4: u32 = 1;
const sharedIpv6: u32 = 2;
let shared: u32 = 0;

/** Takes our addresses from the settings. Returns 0 or -EINVAL. */
export function configureAddresses(): i32 {
  ourIpv4 = load<u32>(settingAt(Setting.ipv4));
  const length4 = setting(Setting.ipv4PrefixLength);
  if (length4 > 32) return refuse(<i32>Setting.ipv4PrefixLength);
  if (ourIpv4 !== 0 && !isHostIpv4(ourIpv4)) return refuse(<i32>Setting.ipv4);
  mask4 = length4 === 0 ? 0 : bswap<u32>((<u32>0xffffffff) << (32 - length4));
  broadcast4 = length4 < 31 && ourIpv4 !== 0 ? ourIpv4 | ~mask4 : 0;
  memory.fill(own4, 0, 16);
  memory.fill(gateway4, 0, 16);
  if (ourIpv4 !== 0) putIpv4(own4, ourIpv4);
  const gateway = load<u32>(settingAt(Setting.ipv4Gateway));
  if (gateway !== 0) {
    if (!isHostIpv4(gateway) || gateway === ourIpv4) return refuse(<i32>Setting.ipv4Gateway);
    putIpv4(gateway4, gateway);
  }
  prefix6 = setting(Setting.ipv6PrefixLength);
  if (prefix6 > 128) return refuse(<i32>Setting.ipv6PrefixLength);
  putAddress(own6, settingAt(Setting.ipv6));
  putAddress(local6, settingAt(Setting.ipv6LinkLocal));
  putAddress(gateway6, settingAt(Setting.ipv6Gateway));
  if (load<u8>(own6) === 0xff || isIpv4(own6)) return refuse(<i32>Setting.ipv6);
  if (!isNone(local6) && !isLinkLocal(local6)) return refuse(<i32>Setting.ipv6LinkLocal);
  if (load<u8>(gateway6) === 0xff) return refuse(<i32>Setting.ipv6Gateway);
  shared = setting(Setting.shared);
  // Who shares the one asks from the other.
  if (shared > 3 || ((shared & sharedIpv6) !== 0 && isNone(local6))) return refuse(<i32>Setting.shared);
  return 0;
}

/** Whether an address is IPv4's. */
export function isIpv4(address: usize): bool {
  return load<u64>(address) === 0 && load<u32>(address, 8) === mappedMiddle;
}

/** Writes an IPv4 address, given as it lies in a packet, as 16 bytes. */
export function putIpv4(into: usize, address: u32): void {
  store<u64>(into, 0);
  store<u32>(into, mappedMiddle, 8);
  store<u32>(into, address, 12);
}

/** Writes an address: the 16 bytes of another. */
export function putAddress(into: usize, from: usize): void {
  store<u64>(into, load<u64>(from));
  store<u64>(into, load<u64>(from, 8), 8);
}

/** Whether two addresses are the same. */
export function isSame(one: usize, other: usize): bool {
  return load<u64>(one) === load<u64>(other) && load<u64>(one, 8) === load<u64>(other, 8);
}

/** Mixes an address with a key, so that nobody off the link can choose which entries of a table meet. */
export function mixAddress(address: usize, key: u64): u32 {
  const low = (load<u64>(address) ^ key) * 0x9e3779b97f4a7c15;
  const high = (load<u64>(address, 8) ^ rotl<u64>(key, 32)) * 0xc2b2ae3d27d4eb4f;
  const mixed = (low ^ rotl<u64>(high, 29)) * 0x9e3779b97f4a7c15;
  return <u32>(mixed >> 32);
}

/** Whether an address is `::`. */
export function isNone(address: usize): bool {
  return (load<u64>(address) | load<u64>(address, 8)) === 0;
}

/** Whether an address is fe80::/10. */
export function isLinkLocal(address: usize): bool {
  return load<u8>(address) === 0xfe && (load<u8>(address, 1) & 0xc0) === 0x80;
}

/** Whether the host's kernel has our address of IPv4 too. */
export function isIpv4Shared(): bool {
  return (shared & sharedIpv4) !== 0;
}

/** Whether an address of IPv6 of ours is the host's kernel's too. */
export function isIpv6Shared(address: usize): bool {
  return (shared & sharedIpv6) !== 0 && isSame(address, own6);
}

/** Whether an address, of either kind, is one of ours. */
export function isOurs(address: usize): bool {
  if (isIpv4(address)) return ourIpv4 !== 0 && load<u32>(address, 12) === ourIpv4;
  return !isNone(address) && (isSame(address, own6) || isSame(address, local6));
}

/** Our IPv6 addresses: 0 the one that is reached from afar, 1 that of the link; each may be `::`. */
export function ourIpv6(which: u32): usize {
  return which === 0 ? own6 : local6;
}

/** Whether an address is a group on the link of which we are: all nodes, or those whose address ends as one of ours (RFC 4291 section 2.7.1). */
export function isOurGroup(address: usize): bool {
  if (load<u64>(address) !== 0x02ff) return false;
  const high = load<u32>(address, 8);
  const low = load<u32>(address, 12);
  if (high === 0) return low === 0x01000000;
  if (high !== 0x01000000 || (low & 0xff) !== 0xff) return false;
  return isGroupOf(own6, low) || isGroupOf(local6, low);
}

function isGroupOf(own: usize, low: u32): bool {
  return !isNone(own) && (load<u32>(own, 12) | 0xff) === low;
}

/** Whether an IPv4 address, as it lies in a packet, is that of a single host: not 0.x, not loopback, not multicast or above. */
export function isHostIpv4(address: u32): bool {
  const first = address & 0xff;
  return first !== 0 && first !== 127 && first < 224;
}

/** Whether an IPv4 address, as it lies in a packet, means everybody on our net. */
export function isBroadcastIpv4(address: u32): bool {
  return address === 0xffffffff || (broadcast4 !== 0 && address === broadcast4);
}

/** Whether an IPv4 address, as it lies in a packet, is on our link. */
export function isOnLinkIpv4(address: u32): bool {
  return ourIpv4 !== 0 && ((address ^ ourIpv4) & mask4) === 0;
}

/** Whether an IPv6 address is on our link. */
function isOnLinkIpv6(address: usize): bool {
  if (isLinkLocal(address)) return true;
  if (isNone(own6)) return false;
  let left = prefix6;
  for (let at: usize = 0; left > 0; at += 4) {
    const word = be32(address + at) ^ be32(own6 + at);
    if (left < 32) return word >> (32 - left) === 0;
    if (word !== 0) return false;
    left -= 32;
  }
  return prefix6 > 0;
}

/** To whom a packet for an address is handed on the link: an address of 16 bytes; 0: there is no way to it. */
export function nextHop(remote: usize): usize {
  if (isIpv4(remote)) {
    const address = load<u32>(remote, 12);
    if (ourIpv4 === 0 || address === ourIpv4 || !isHostIpv4(address) || isBroadcastIpv4(address)) return 0;
    if (isOnLinkIpv4(address)) return remote;
    return isNone(gateway4) ? 0 : gateway4;
  }
  if (load<u8>(remote) === 0xff || isNone(remote) || isOurs(remote)) return 0;
  if (isOnLinkIpv6(remote)) return remote;
  return isNone(gateway6) ? 0 : gateway6;
}

/** The one of our addresses from which an address is spoken to; 0: none of that kind. */
export function sourceFor(remote: usize): usize {
  if (isIpv4(remote)) return ourIpv4 === 0 ? 0 : own4;
  if (isLinkLocal(remote)) return isNone(local6) ? 0 : local6;
  if (!isNone(own6)) return own6;
  return isNone(local6) ? 0 : local6;
}
