// ICMP (RFC 792): an echo is answered in the frame in which it came; what tells of a packet of ours is believed if the packet was ours.

import { ourIpv4, putIpv4 } from './addresses';
import { be16 } from './bytes';
import { checksumOf } from './checksum';
import { Figure } from './control';
import { count } from './figures';
import { ipv4Bytes } from './ip/headers';
import { ipOutput } from './ip/output';
import { heardTooBig, heardUnreachable } from './unreachable';

const headerBytes: u32 = 8;
const echoReply: u8 = 0;
const unreachable: u8 = 3;
const echo: u8 = 8;
const timeExceeded: u8 = 11;
/** Codes of `unreachable`. */
const codeHost: u8 = 1;
const codeProtocol: u8 = 2;
const codePort: u8 = 3;
const codeTooBig: u8 = 4;
const codeLast: u8 = 15;

/** Where the packet that a message quotes was going to. */
const quotedRemote = memory.data(16, 8);

/** A message to us. Returns whether its frame was kept. */
export function icmpInput(frame: usize, message: usize, length: u32, local: usize, remote: usize): bool {
  if (length < headerBytes) {
    count(Figure.ipMalformed);
    return false;
  }
  if (checksumOf(message, length, 0) !== 0) {
    count(Figure.transportChecksum);
    return false;
  }
  count(Figure.icmpReceived);
  const type = load<u8>(message);
  if (type === echo && load<u8>(message, 1) === 0) return answerEcho(frame, message, length, local, remote);
  const isTold =
    (type === unreachable && load<u8>(message, 1) <= codeLast) || (type === timeExceeded && load<u8>(message, 1) === 0);
  if (!isTold || !readQuoted(message, length, local)) count(Figure.icmpRefused);
  return false;
}

function answerEcho(frame: usize, message: usize, length: u32, local: usize, remote: usize): bool {
  count(Figure.icmpEchoes);
  store<u8>(message, echoReply);
  store<u16>(message, 0, 2);
  store<u16>(message, <u16>checksumOf(message, length, 0), 2);
  return ipOutput(frame, message, length, 1, local, remote, 0xffff) !== -22;
}

/** Looks at the packet that a message quotes: it must be one of ours, and with 8 bytes of what it carried. Returns whether it is. */
function readQuoted(message: usize, length: u32, local: usize): bool {
  const ip = message + headerBytes;
  const left = length - headerBytes;
  if (left < ipv4Bytes + 8) return false;
  const first = load<u8>(ip);
  const quotedHeader: u32 = <u32>(first & 15) * 4;
  if (first >> 4 !== 4 || quotedHeader < ipv4Bytes || left < quotedHeader + 8) return false;
  // Of a packet in pieces, only the first one has ports.
  if (load<u32>(ip, 12) !== ourIpv4 || (be16(ip + 6) & 0x1fff) !== 0) return false;
  putIpv4(quotedRemote, load<u32>(ip, 16));
  const protocol = <u32>load<u8>(ip, 9);
  const quoted = ip + quotedHeader;
  const code = load<u8>(message, 1);
  if (load<u8>(message) === unreachable && code === codeTooBig) {
    heardTooBig(protocol, local, quotedRemote, quoted, be16(ip + 2), be16(message + 6));
  } else {
    heardUnreachable(protocol, local, quotedRemote, quoted, errorOf(load<u8>(message), code));
  }
  return true;
}

/** What the application is told: -ECONNREFUSED, -EHOSTUNREACH or -ENETUNREACH. */
function errorOf(type: u8, code: u8): i32 {
  if (type === timeExceeded || code === codeHost) return -113;
  return code === codePort || code === codeProtocol ? -111 : -101;
}
