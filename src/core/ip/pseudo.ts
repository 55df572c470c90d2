// The sum over addresses, protocol and length that checksums of TCP, UDP and ICMPv6 include (RFC 9293 section 3.1, RFC 8200 section 8.1), and what is
// taken for a right checksum.

import { isIpv4 } from '../addresses';
import { checksumOf, fold, sumOf } from '../checksum';
import { Figure, Setting } from '../control';
import { count, setting } from '../figures';

export const protocolIcmp: u32 = 1;
export const protocolTcp: u32 = 6;
export const protocolUdp: u32 = 17;
export const protocolIcmpv6: u32 = 58;

/** What a checksum can be. */
const checksumWrong: u32 = 0;
const checksumRight: u32 = 1;
const checksumPartial: u32 = 2;

/** The sum of the pseudo-header, as `checksumOf` takes it. The addresses are 16 bytes each, of one kind. */
export function pseudoSum(one: usize, other: usize, protocol: u32, length: u32): u64 {
  const rest = <u64>bswap<u16>(<u16>protocol) + <u64>bswap<u32>(length);
  if (isIpv4(other)) return rest + <u64>load<u32>(one, 12) + <u64>load<u32>(other, 12);
  return rest + sumOfAddress(one) + sumOfAddress(other);
}

/** Writes the checksum of a segment. @param at its offset in the segment. */
export function putChecksum(segment: usize, length: u32, at: u32, sum: u64): void {
  // What stands there is taken off again. Where it was written over before, the words around it would be waited for (they are not forwarded out of parts).
  const there = <u64>load<u16>(segment + at);
  store<u16>(segment + at, <u16>checksumOf(segment, length, sum + (there ^ 0xffff)));
}

/**
 * Whether the checksum of a received segment is right; counted where it is not. A half-made one is the sum of the pseudo-header alone, folded and not
 * inverted: what a sender leaves to its card, and what a veth hands over, where no wire was in between.
 */
export function isChecksumRight(segment: usize, length: u32, at: u32, sum: u64): bool {
  const kind = checksumKind(segment, length, at, sum);
  if (kind === checksumPartial) count(Figure.transportPartial);
  else if (kind === checksumWrong) count(Figure.transportChecksum);
  return kind !== checksumWrong;
}

/** What the checksum of a received segment is, as for `isChecksumRight`; nothing is counted. */
function checksumKind(segment: usize, length: u32, at: u32, sum: u64): u32 {
  // The cheaper question first: a half-made one covers no byte of the segment. (One right checksum in 65,536 is the same, and counted so.)
  if (setting(Setting.trustPartial) === 1 && <u32>load<u16>(segment + at) === fold(sum)) return checksumPartial;
  return fold(sumOf(segment, length, sum)) === 0xffff ? checksumRight : checksumWrong;
}

function sumOfAddress(address: usize): u64 {
  return (
    <u64>load<u32>(address) + <u64>load<u32>(address, 4) + <u64>load<u32>(address, 8) + <u64>load<u32>(address, 12)
  );
}
