// Headers of IP as we write them.

import { putBe32 } from '../bytes';
import { fold } from '../checksum';

export const ipv4Bytes: u32 = 20;
export const ipv6Bytes: u32 = 40;
/** How far a packet may go, and what says that one never left the link (RFC 4861 section 6.1). */
export const farHops: u32 = 64;
export const linkHops: u32 = 255;

/** No identification, and not to be cut into pieces. */
const wholeWord: u32 = 0x0040_0000;

/** A packet that is never cut into pieces on its way: its identification says nothing and is 0 (RFC 6864). The addresses are 16 bytes each. */
export function writeIpv4(header: usize, length: u32, protocol: u32, local: usize, remote: usize): void {
  // Five words, as they lie in the packet; the sum is complete before the checksum stands in the third.
  const first: u32 = <u32>0x45 | ((<u32>bswap<u16>(<u16>(length + ipv4Bytes))) << 16);
  const hops = farHops | (protocol << 8);
  const source = load<u32>(local, 12);
  const destination = load<u32>(remote, 12);
  const sum = <u64>first + <u64>wholeWord + <u64>hops + <u64>source + <u64>destination;
  store<u32>(header, first);
  store<u32>(header, wholeWord, 4);
  store<u32>(header, hops | ((fold(sum) ^ 0xffff) << 16), 8);
  store<u32>(header, source, 12);
  store<u32>(header, destination, 16);
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
