// IPv4 inward (RFC 791, RFC 1122 section 3.2): a packet is for us and whole, or refused with a count.

import { isBroadcastIpv4, isHostIpv4, ourIpv4, putIpv4 } from '../addresses';
import { be16 } from '../bytes';
import { checksumOf } from '../checksum';
import { Figure } from '../control';
import { deliver } from '../dispatch';
import { count } from '../figures';
import { releaseFrame } from '../frames';
import { ipv4Bytes } from './headers';
import { addPiece, wholeLength, wholePayload, wholeProtocol } from './reassembly';

/** The addresses of the packet at hand. */
const local = memory.data(16, 8);
const remote = memory.data(16, 8);

/** A packet of at most `length` bytes (the link pads short ones). Returns whether its frame was kept. */
export function ipv4Input(frame: usize, ip: usize, length: u32): bool {
  if (length < ipv4Bytes) return refused(Figure.ipMalformed);
  const first = load<u8>(ip);
  const headerBytes: u32 = <u32>(first & 15) * 4;
  const total = be16(ip + 2);
  if (first >> 4 !== 4 || headerBytes < ipv4Bytes || total < headerBytes || total > length)
    return refused(Figure.ipMalformed);
  if (checksumOf(ip, headerBytes, 0) !== 0) return refused(Figure.ipChecksum);
  const source = load<u32>(ip, 12);
  const destination = load<u32>(ip, 16);
  if (!isHostIpv4(source) || isBroadcastIpv4(source) || source === ourIpv4) return refused(Figure.ipSource);
  if (ourIpv4 === 0 || destination !== ourIpv4) return refused(Figure.ipForeign);
  if (headerBytes > ipv4Bytes && !areOptionsFit(ip + ipv4Bytes, headerBytes - ipv4Bytes))
    return refused(Figure.ipOptions);
  putIpv4(local, destination);
  putIpv4(remote, source);
  // A piece of a packet: more follow, or it is not the first.
  if ((be16(ip + 6) & 0x3fff) !== 0) {
    addToWhole(ip, ip + headerBytes, total - headerBytes);
    return false;
  }
  return deliver(frame, ip, ip + headerBytes, total - headerBytes, load<u8>(ip, 9), local, remote, false);
}

/** A piece: when the packet is whole, it goes on in a frame of its own. */
function addToWhole(ip: usize, piece: usize, length: u32): void {
  const word = be16(ip + 6);
  const protocol = <u32>load<u8>(ip, 9);
  const frame = addPiece(
    piece,
    length,
    (word & 0x1fff) << 3,
    (word & 0x2000) !== 0,
    be16(ip + 4),
    protocol,
    local,
    remote,
  );
  if (frame === 0) return;
  const isKept = deliver(
    frame,
    wholePayload - ipv4Bytes,
    wholePayload,
    wholeLength,
    wholeProtocol,
    local,
    remote,
    false,
  );
  if (!isKept) releaseFrame(frame);
}

/** Whether options are well-formed, and none says on which way the packet is to be sent (RFC 7126 section 4.3). */
function areOptionsFit(options: usize, length: u32): bool {
  for (let at: u32 = 0; at < length; ) {
    const kind = load<u8>(options + at);
    if (kind === 0) return true;
    if (kind === 1) {
      at++;
      continue;
    }
    if (kind === 131 || kind === 137 || at + 2 > length) return false;
    const size = <u32>load<u8>(options + at, 1);
    if (size < 2 || size > length - at) return false;
    at += size;
  }
  return true;
}

function refused(why: Figure): bool {
  count(why);
  return false;
}
