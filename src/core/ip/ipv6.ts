// IPv6 inward (RFC 8200): a packet is for us and whole, its extension headers are walked over within bounds, or it is refused with a count.

import { isIpv4, isNone, isOurGroup, isOurs, putAddress, sourceFor } from '../addresses';
import { be16, be32 } from '../bytes';
import { Figure } from '../control';
import { deliver } from '../dispatch';
import { count } from '../figures';
import { releaseFrame } from '../frames';
import { ipv6Bytes } from './headers';
import { protocolIcmpv6 } from './pseudo';
import { addPiece, wholeLength, wholePayload, wholeProtocol } from './reassembly';

const hopByHop: u32 = 0;
const routing: u32 = 43;
const fragment: u32 = 44;
const noNext: u32 = 59;
const destinationOptions: u32 = 60;
/** Extension headers that are walked over at most. */
const headersMost: u32 = 8;

/** The addresses of the packet at hand: an answer is written over them where they lie. */
const local = memory.data(16, 8);
const remote = memory.data(16, 8);

/** A packet of at most `length` bytes (the link pads short ones). @param isToUs not to a group on the link. Returns whether its frame was kept. */
export function ipv6Input(frame: usize, ip: usize, length: u32, isToUs: bool): bool {
  if (length < ipv6Bytes || load<u8>(ip) >> 4 !== 6) return refused(Figure.ipMalformed);
  const payload = be16(ip + 4);
  if (payload > length - ipv6Bytes) return refused(Figure.ipMalformed);
  const source = ip + 8;
  const destination = ip + 24;
  if (load<u8>(source) === 0xff || isOurs(source) || isIpv4(source) || isLoopback(source))
    return refused(Figure.ipSource);
  const isGroup = isOurGroup(destination);
  if (!isGroup && !isOurs(destination)) return refused(Figure.ipForeign);
  // A single host's packet in a frame for many: none that we may answer.
  if (!isToUs && !isGroup) return refused(Figure.ipForeign);
  const protocol = load<u8>(ip, 6);
  // Only neighbour discovery is asked by somebody without an address.
  if (isNone(source) && protocol !== <u8>protocolIcmpv6) return refused(Figure.ipSource);
  const ours = isGroup ? sourceFor(source) : destination;
  if (ours === 0) return refused(Figure.ipForeign);
  putAddress(local, ours);
  putAddress(remote, source);
  return walk(frame, ip, ip + ipv6Bytes, payload, protocol, isGroup, false);
}

/** Walks over extension headers to what a packet carries. @param isWhole it came in pieces. */
function walk(frame: usize, ip: usize, from: usize, length: u32, first: u32, isGroup: bool, isWhole: bool): bool {
  let at = from;
  let left = length;
  let next = first;
  for (let index: u32 = 0; index <= headersMost; index++) {
    if (!isExtension(next)) return deliver(frame, ip, at, left, next, local, remote, isGroup);
    // Hop by hop stands first or nowhere.
    if (next === noNext || (next === hopByHop && index > 0) || left < 8) break;
    if (next === fragment) {
      // One of a whole packet is walked over (RFC 6946); a group's packet comes in one piece.
      if ((be16(at + 2) & 0xfff9) === 0 && !isWhole) {
        next = load<u8>(at);
        at += 8;
        left -= 8;
        continue;
      }
      if (isWhole || isGroup) break;
      addToWhole(at, left);
      return false;
    }
    const size: u32 = (<u32>load<u8>(at, 1) + 1) * 8;
    if (size > left) break;
    // A way that is still to be gone: not through us (RFC 5095).
    if (next === routing && load<u8>(at, 3) !== 0) break;
    if (next !== routing && !areOptionsFit(at + 2, size - 2)) return refused(Figure.ipOptions);
    next = load<u8>(at);
    at += size;
    left -= size;
  }
  return refused(Figure.ipExtension);
}

/** A piece: when the packet is whole, it goes on in a frame of its own, without another header of pieces. */
function addToWhole(header: usize, length: u32): void {
  const word = be16(header + 2);
  const next = <u32>load<u8>(header);
  const hasMore = (word & 1) !== 0;
  const frame = addPiece(header + 8, length - 8, word & 0xfff8, hasMore, be32(header + 4), next, local, remote);
  if (frame === 0) return;
  const ip = wholePayload - ipv6Bytes;
  if (!walk(frame, ip, wholePayload, wholeLength, wholeProtocol, false, true)) releaseFrame(frame);
}

function isExtension(next: u32): bool {
  return next === hopByHop || next === routing || next === fragment || next === noNext || next === destinationOptions;
}

/** Whether options are well-formed, and unknown ones say that they may be skipped (RFC 8200 section 4.2). */
function areOptionsFit(options: usize, length: u32): bool {
  for (let at: u32 = 0; at < length; ) {
    const kind = load<u8>(options + at);
    if (kind === 0) {
      at++;
      continue;
    }
    if ((kind & 0xc0) !== 0 || at + 2 > length) return false;
    const size = <u32>load<u8>(options + at, 1) + 2;
    if (size > length - at) return false;
    at += size;
  }
  return true;
}

function isLoopback(address: usize): bool {
  return load<u64>(address) === 0 && load<u64>(address, 8) === 0x0100000000000000;
}

function refused(why: Figure): bool {
  count(why);
  return false;
}
