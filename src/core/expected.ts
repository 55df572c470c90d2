// The short way of the packet that is expected: TCP's, in one piece and without options of IP, of a connection that stands. What the layers ask one after
// another of any packet is asked at once here, and nothing is changed before all of it is answered: whatever is not so goes the long way, from Ethernet on.

import { isIpv4, ourIpv4 } from './addresses';
import { be16 } from './bytes';
import { fold } from './checksum';
import { frameOf, releaseFrame } from './frames';
import { isChecksumRight, protocolTcp, pseudoSum } from './ip/pseudo';
import { ethernetBytes, ourMacAbove } from './link';
import { at, State } from './tcp/connection';
import { takeExpected } from './tcp/expected';
import { tcpArrive } from './tcp/input';
import { findBlock, findIpv4 } from './tcp/table';

/** What becomes of a packet: it goes the long way; it was taken, as others of its connection; it was what TCP expected. */
export const wayLong: u32 = 0;
const wayTaken: u32 = 1;
export const wayExpected: u32 = 2;

/** As they lie in a packet: its type, and the version of IP with the length of the header. */
const type4: u32 = 0x450008;
const type6: u32 = 0x60dd86;
/** Of IPv4: no piece of a packet, TCP, whatever the hops. */
const whole4: u32 = 0x06000000;
const wholeMask4: u32 = 0xff00ff3f;
const headers4: u32 = 34;
const headers6: u32 = 54;
const leastTcp: u32 = 20;

/** A received packet of the stack's. Unless it goes the long way, its frame is kept or free when this returns. */
export function expectedInput(packet: usize, length: u32): u32 {
  // To us, from a single card: the lowest bit of the sender's first byte is compared with the 6 bytes of ours.
  if (length < headers4 + leastTcp || load<u64>(packet) << 15 !== ourMacAbove) return wayLong;
  const type = load<u32>(packet, 12);
  if ((type & 0xffffff) === type4) return input4(packet, length);
  return (type & 0xf0ffff) === type6 ? input6(packet, length) : wayLong;
}

function input4(packet: usize, length: u32): u32 {
  const ip = packet + ethernetBytes;
  const total = be16(ip + 2);
  if ((load<u32>(ip, 6) & wholeMask4) !== whole4 || total < 20 + leastTcp || total > length - ethernetBytes)
    return wayLong;
  const names = load<u64>(ip, 12);
  if (<u32>(names >> 32) !== ourIpv4) return wayLong;
  // Of a connection that stands it is known that the other side's address is one that may send.
  const block = findIpv4(<u32>names, load<u32>(packet, headers4));
  if (block === 0) return wayLong;
  const addresses = (names & 0xffffffff) + (names >> 32);
  const header = <u64>load<u32>(ip) + <u64>load<u32>(ip, 4) + <u64>load<u32>(ip, 8) + addresses;
  if (fold(header) !== 0xffff) return wayLong;
  const bytes = total - 20;
  return inputTo(block, packet + headers4, bytes, addresses + 0x600 + <u64>bswap<u32>(bytes));
}

function input6(packet: usize, length: u32): u32 {
  const ip = packet + ethernetBytes;
  const bytes = be16(ip + 4);
  if (load<u8>(ip, 6) !== <u8>protocolTcp || length < headers6 + leastTcp) return wayLong;
  if (bytes < leastTcp || bytes > length - headers6 || isIpv4(ip + 8)) return wayLong;
  const block = findBlock(ip + 24, ip + 8, load<u32>(packet, headers6));
  return block === 0
    ? wayLong
    : inputTo(block, packet + headers6, bytes, pseudoSum(ip + 24, ip + 8, protocolTcp, bytes));
}

function inputTo(block: usize, segment: usize, bytes: u32, sum: u64): u32 {
  const state = at(block).state;
  if (state < State.established || state >= State.timeWait) return wayLong;
  if (isChecksumRight(segment, bytes, 16, sum)) {
    if (takeExpected(at(block), segment, bytes)) return wayExpected;
    if (tcpArrive(at(block), frameOf(segment), segment, bytes)) return wayTaken;
  }
  releaseFrame(frameOf(segment));
  return wayTaken;
}
