// IP outward: header and checksums in front of a segment, in the same frame, and on to the neighbour.

import { isIpv4, nextHop } from '../addresses';
import { putBe16, putBe32 } from '../bytes';
import { checksumOf } from '../checksum';
import { Figure, Owner, Setting } from '../control';
import { count, setting } from '../figures';
import { dropUnsent, frameOf, isInFrame, ownerOf } from '../frames';
import { ethernetBytes } from '../link';
import { sendToNeighbour } from '../neighbour';
import { pseudoSum, putChecksum } from './pseudo';

export const ipv4Bytes: u32 = 20;
const ipv6Bytes: u32 = 40;
/** Where a segment begins in its frame at the least: the link's header and that of IPv6 fit in front. */
export const segmentRoom: u32 = ethernetBytes + ipv6Bytes;

const hopLimit: u32 = 64;

/**
 * Sends a segment that lies in a frame of the stack's: writes its checksum at the offset `checksumAt` (65535: it has none), and the headers in front of it.
 * The frame is the kernel's then, or waits for its neighbour; when it could not be sent it is free, or with the stack if it is held.
 * Returns 0, or what kept it: -EBUSY while it is still being sent (and nothing was touched), -EAGAIN ring full, -ENETUNREACH no way, -EMSGSIZE, -EINVAL.
 */
export function ipOutput(
  frame: usize,
  segment: usize,
  length: u32,
  protocol: u32,
  local: usize,
  remote: usize,
  checksumAt: u32,
): i32 {
  const owner = ownerOf(frame);
  if (owner === Owner.transmit || owner === Owner.waiting) return -16;
  if (
    owner !== Owner.stack ||
    frameOf(segment) !== frame ||
    segment - frame < segmentRoom ||
    !isInFrame(frame, segment, length)
  ) {
    count(Figure.faultStack);
    return -22;
  }
  const hop = nextHop(remote);
  if (hop === 0) {
    count(Figure.noRoute);
    dropUnsent(frame);
    return -101;
  }
  const isVersion4 = isIpv4(remote);
  const headerBytes = isVersion4 ? ipv4Bytes : ipv6Bytes;
  if (length + headerBytes > setting(Setting.mtu)) {
    dropUnsent(frame);
    return -90;
  }
  if (checksumAt !== 0xffff) putChecksum(segment, length, checksumAt, pseudoSum(local, remote, protocol, length));
  if (isVersion4) writeIpv4(segment - ipv4Bytes, length, protocol, local, remote);
  else writeIpv6(segment - ipv6Bytes, length, protocol, local, remote);
  return sendToNeighbour(segment - headerBytes, length + headerBytes, hop, isVersion4);
}

/** A packet that is never cut into pieces on its way: its identification says nothing and is 0 (RFC 6864). */
function writeIpv4(header: usize, length: u32, protocol: u32, local: usize, remote: usize): void {
  putBe16(header, 0x4500);
  putBe16(header + 2, length + ipv4Bytes);
  putBe32(header + 4, 0x4000);
  putBe32(header + 8, (hopLimit << 24) | (protocol << 16));
  store<u32>(header, load<u32>(local, 12), 12);
  store<u32>(header, load<u32>(remote, 12), 16);
  store<u16>(header, <u16>checksumOf(header, ipv4Bytes, 0), 10);
}

function writeIpv6(header: usize, length: u32, protocol: u32, local: usize, remote: usize): void {
  putBe32(header, 0x60000000);
  putBe32(header + 4, (length << 16) | (protocol << 8) | hopLimit);
  store<u64>(header, load<u64>(local), 8);
  store<u64>(header, load<u64>(local, 8), 16);
  store<u64>(header, load<u64>(remote), 24);
  store<u64>(header, load<u64>(remote, 8), 32);
}
