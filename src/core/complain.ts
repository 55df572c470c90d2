// Messages of ours that a packet cannot be delivered (RFC 1122 section 3.2.2, RFC 4443 section 2.4): written in front of the packet that they quote, in the
// frame in which it came, and so many a second at most.

import { isIpv4 } from './addresses';
import { be16, putBe16, putBe32 } from './bytes';
import { checksumOf } from './checksum';
import { nowUs } from './clock';
import { Figure, Setting } from './control';
import { count, setting } from './figures';
import { ipv6Bytes } from './ip/headers';
import { ipOutput, segmentRoom } from './ip/output';
import { protocolIcmp, protocolIcmpv6 } from './ip/pseudo';

const headerBytes: u32 = 8;
/** A message is never larger than what every link carries. */
const quotedMost4: u32 = 548;
const quotedMost6: u32 = 1232;
const second: u64 = 1_000_000;

/** Messages that may still be sent in the second that began then. */
let left: u32 = 0;
let began: u64 = 0;
let hasBegun: bool = false;

/** Nobody listens at the port of a packet for us. Returns whether the frame was kept. */
export function sayPortUnreachable(frame: usize, ip: usize, segment: usize, local: usize, remote: usize): bool {
  const message = ip - headerBytes;
  if (message - frame < segmentRoom || !mayComplain()) {
    count(Figure.icmpErrorsHeld);
    return false;
  }
  count(Figure.icmpErrorsSent);
  putBe32(message + 4, 0);
  if (isIpv4(remote)) {
    putBe32(message, 0x03030000);
    const length = headerBytes + min<u32>(be16(ip + 2), quotedMost4);
    putBe16(message + 2, 0);
    store<u16>(message, <u16>checksumOf(message, length, 0), 2);
    return ipOutput(frame, message, length, protocolIcmp, local, remote, 0xffff) !== -22;
  }
  putBe32(message, 0x01040000);
  const packet = <u32>(segment - ip) + be16(segment + 4);
  const length = headerBytes + min<u32>(max<u32>(packet, ipv6Bytes), quotedMost6);
  return ipOutput(frame, message, length, protocolIcmpv6, local, remote, 2) !== -22;
}

function mayComplain(): bool {
  if (!hasBegun || nowUs - began >= second) {
    hasBegun = true;
    began = nowUs;
    left = setting(Setting.icmpErrorsPerSecond);
  }
  if (left === 0) return false;
  left--;
  return true;
}
