// IP outward: header and checksums in front of a segment, in the same frame, and on to the neighbour.

import { isIpv4, nextHop } from '../addresses';
import { Figure, Owner } from '../control';
import { count } from '../figures';
import { dropUnsent, frameOf, isInFrame, ownerOf } from '../frames';
import { ethernetBytes } from '../link';
import { sendToNeighbour } from '../neighbour';
import { farHops, ipv4Bytes, ipv6Bytes, writeIpv4, writeIpv6 } from './headers';
import { pathMtu } from './paths';
import { pseudoSum, putChecksum } from './pseudo';

/** Where a segment begins in its frame at the least: the link's header and that of IPv6 fit in front. */
export const segmentRoom: u32 = ethernetBytes + ipv6Bytes;

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
  if (hop !== 0 && length + (isIpv4(remote) ? ipv4Bytes : ipv6Bytes) > pathMtu(remote)) {
    dropUnsent(frame);
    return -90;
  }
  return sendBy(hop, segment, length, protocol, local, remote, checksumAt);
}

/** The same for a segment whose frame was just taken for it, with room in front of it, and which is so short that every way carries it. */
export function ipOutputFresh(
  segment: usize,
  length: u32,
  protocol: u32,
  local: usize,
  remote: usize,
  checksumAt: u32,
): i32 {
  return sendBy(nextHop(remote), segment, length, protocol, local, remote, checksumAt);
}

function sendBy(
  hop: usize,
  segment: usize,
  length: u32,
  protocol: u32,
  local: usize,
  remote: usize,
  checksumAt: u32,
): i32 {
  if (hop === 0) {
    count(Figure.noRoute);
    dropUnsent(frameOf(segment));
    return -101;
  }
  const isVersion4 = isIpv4(remote);
  const headerBytes = isVersion4 ? ipv4Bytes : ipv6Bytes;
  if (checksumAt !== 0xffff) putChecksum(segment, length, checksumAt, pseudoSum(local, remote, protocol, length));
  if (isVersion4) writeIpv4(segment - ipv4Bytes, length, protocol, local, remote);
  else writeIpv6(segment - ipv6Bytes, length, protocol, farHops, local, remote);
  return sendToNeighbour(segment - headerBytes, length + headerBytes, hop, isVersion4);
}
