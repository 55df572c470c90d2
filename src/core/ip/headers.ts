// Headers of IP as we write them.

import { putBe16, putBe32 } from '../bytes';
import { checksumOf } from '../checksum';

export const ipv4Bytes: u32 = 20;
export const ipv6Bytes: u32 = 40;
/** How far a packet may go, and what says that one never left the link (RFC 4861 section 6.1). */
export const farHops: u32 = 64;
export const linkHops: u32 = 255;

/** A packet that is never cut into pieces on its way: its identification says nothing and is 0 (RFC 6864). The addresses are 16 bytes each. */
export function writeIpv4(header: usize, length: u32, protocol: u32, local: usize, remote: usize): void {
  putBe16(header, 0x4500);
  putBe16(header + 2, length + ipv4Bytes);
  putBe32(header + 4, 0x4000);
  putBe32(header + 8, (farHops << 24) | (protocol << 16));
  store<u32>(header, load<u32>(local, 12), 12);
  store<u32>(header, load<u32>(remote, 12), 16);
  store<u16>(header, <u16>checksumOf(header, ipv4Bytes, 0), 10);
}

/** A header of IPv6 (RFC 8200), no flow label. */
export function writeIpv6(header: usize, length: u32, protocol: u32, hops: u32, local: usize, remote: usize): void {
  putBe32(header, 0x60000000);
  putBe32(header + 4, (length << 16) | (protocol << 8) | hops);
  store<u64>(header, load<u64>(local), 8);
  store<u64>(header, load<u64>(local, 8), 16);
  store<u64>(header, load<u64>(remote), 24);
  store<u64>(header, load<u64>(remote, 8), 32);
}
