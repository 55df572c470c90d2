// ICMPv6 (RFC 4443): echo, messages about packets of ours, and the way to neighbour discovery.

import { isOurs } from './addresses';
import { be16, be32 } from './bytes';
import { checksumOf } from './checksum';
import { Figure } from './control';
import { neighbourAdvertised, neighbourSolicited } from './discovery';
import { count } from './figures';
import { groupsAsked } from './groups';
import { ipv6Bytes, linkHops } from './ip/headers';
import { ipOutput } from './ip/output';
import { protocolIcmpv6, pseudoSum } from './ip/pseudo';
import { heardTooBig, heardUnreachable } from './unreachable';

const headerBytes: u32 = 8;
const unreachable: u8 = 1;
const tooBig: u8 = 2;
const timeExceeded: u8 = 3;
const echo: u8 = 128;
const groupQuery: u8 = 130;
const echoReply: u8 = 129;
const solicitation: u8 = 135;
const advertisement: u8 = 136;
/** Codes of `unreachable`. */
const codeAddress: u8 = 3;
const codePort: u8 = 4;
const codeLast: u8 = 6;

/** A message to us, or to a group of which we are. Returns whether its frame was kept. */
export function icmpv6Input(
  frame: usize,
  ip: usize,
  message: usize,
  length: u32,
  local: usize,
  remote: usize,
  isGroup: bool,
): bool {
  if (length < headerBytes) {
    count(Figure.ipMalformed);
    return false;
  }
  // To a group, the sum is over the group's address.
  if (checksumOf(message, length, pseudoSum(ip + 24, remote, protocolIcmpv6, length)) !== 0) {
    count(Figure.transportChecksum);
    return false;
  }
  count(Figure.icmpReceived);
  const type = load<u8>(message);
  const code = load<u8>(message, 1);
  if (type === echo && code === 0 && !isGroup) return answerEcho(frame, message, length, local, remote);
  // What never left the link still has all of its hops.
  const isOfLink = load<u8>(ip, 7) === <u8>linkHops && code === 0;
  // Nor does a query for groups, which had one from the start.
  if (type === groupQuery && load<u8>(ip, 7) === 1 && code === 0 && groupsAsked(ip, message, length)) return false;
  if (type === solicitation && isOfLink) return neighbourSolicited(ip, message, length, isGroup);
  if (type === advertisement && isOfLink && neighbourAdvertised(ip, message, length)) return false;
  const isTold =
    !isGroup &&
    ((type === unreachable && code <= codeLast) ||
      (type === tooBig && code === 0) ||
      (type === timeExceeded && code === 0));
  if (!isTold || !readQuoted(message, length)) count(Figure.icmpRefused);
  return false;
}

function answerEcho(frame: usize, message: usize, length: u32, local: usize, remote: usize): bool {
  count(Figure.icmpEchoes);
  store<u8>(message, echoReply);
  return ipOutput(frame, message, length, protocolIcmpv6, local, remote, 2) !== -22;
}

/** Looks at the packet that a message quotes: one of ours, without extension headers, as we send them. Returns whether it is. */
function readQuoted(message: usize, length: u32): bool {
  const ip = message + headerBytes;
  if (length < headerBytes + ipv6Bytes + 8 || load<u8>(ip) >> 4 !== 6 || !isOurs(ip + 8)) return false;
  const protocol = <u32>load<u8>(ip, 6);
  const quoted = ip + ipv6Bytes;
  const type = load<u8>(message);
  if (type === tooBig) heardTooBig(protocol, ip + 8, ip + 24, quoted, be16(ip + 4) + ipv6Bytes, be32(message + 4));
  else heardUnreachable(protocol, ip + 8, ip + 24, quoted, errorOf(type, load<u8>(message, 1)));
  return true;
}

function errorOf(type: u8, code: u8): i32 {
  if (type === timeExceeded || code === codeAddress) return -113;
  return code === codePort ? -111 : -101;
}
