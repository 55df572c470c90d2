// The short way of the packet that is expected: TCP's, in one piece and without options of IP, of a connection that stands. What the layers ask one after
// another of any packet is asked at once here, and nothing is changed before all of it is answered: whatever is not so goes the long way, from Ethernet on.
// Each question is a branch of its own, and each function is called at one place: so no answer is made a number first, and no call is left.

import { isIpv4, ourIpv4 } from './addresses';
import { be16 } from './bytes';
import { fold, isWhole, manyBytes, sumOf, sumShort } from './checksum';
import { Figure, Setting } from './control';
import { count, setting } from './figures';
import { frameOf, releaseFrame } from './frames';
import { protocolTcp, pseudoSum } from './ip/pseudo';
import { ourMacAbove } from './link';
import { at, Connection, lineAt, State } from './tcp/connection';
import { takeSegment, wayLong, wayTaken } from './tcp/expected';
import { findBlock, findGuessed, guessIpv4 } from './tcp/table';

/** As they lie in a packet: its type, and the version of IP with the length of the header. */
const type4: u32 = 0x450008;
const type6: u32 = 0x60dd86;
/** Of IPv4: no piece of a packet, TCP, whatever the hops. */
const whole4: u32 = 0x06000000;
const wholeMask4: u32 = 0xff00ff3f;
const headers4: u32 = 34;
const headers6: u32 = 54;
const leastTcp: u32 = 20;
const looked = memory.data(4, 4);

/**
 * The connection of which a packet may be, as if it were what is expected; 0: it is not. What is touched of it with each segment is looked at, so that it comes
 * out of memory before the packet's turn.
 */
export function guessOf(packet: usize, length: u32): usize {
  if (length < headers4 + leastTcp) return 0;
  const block = guessIpv4(load<u32>(packet, 26), load<u32>(packet, headers4));
  if (block !== 0) store<u32>(looked, load<u32>(block, lineAt) ^ load<u32>(block, lineAt + 64));
  return block;
}

/**
 * A received packet of the stack's. Unless it goes the long way, its frame is kept or free when this returns. @param guess its connection, if it has that packet's names
 * and stands: it may have ended since it was guessed
 */
export function expectedInput(packet: usize, length: u32, guess: usize): u32 {
  // To us, from a single card: the lowest bit of the sender's first byte is compared with the 6 bytes of ours.
  if (length < headers4 + leastTcp) return wayLong;
  if (load<u64>(packet) << 15 !== ourMacAbove) return wayLong;
  const type = load<u32>(packet, 12);
  let block: usize;
  let segment: usize;
  let bytes: u32;
  let sum: u64;
  if ((type & 0xffffff) === type4) {
    const sizes = load<u32>(packet, 16);
    const kind = load<u32>(packet, 20);
    if ((kind & wholeMask4) !== whole4) return wayLong;
    bytes = (((<u32>load<u8>(packet, 16)) << 8) | <u32>load<u8>(packet, 17)) - 20;
    // Less than a header is more than any length.
    if (bytes - leastTcp > length - (headers4 + leastTcp)) return wayLong;
    const names = load<u64>(packet, 26);
    if (<u32>(names >> 32) !== ourIpv4) return wayLong;
    // Of a connection that stands it is known that the other side's address is one that may send.
    block = findGuessed(guess, <u32>names, load<u32>(packet, headers4));
    if (block === 0) return wayLong;
    sum = (names & 0xffffffff) + (names >> 32);
    if (!isWhole(sum + <u64>(type >> 16) + <u64>sizes + <u64>kind + <u64>load<u16>(packet, 24))) return wayLong;
    segment = packet + headers4;
    // A word times 256 is the word with its bytes swapped, where 65,536 counts as 1.
    sum += <u64>((bytes << 8) + 0x600);
  } else {
    if ((type & 0xf0ffff) !== type6) return wayLong;
    bytes = be16(packet + 18);
    block = find6(packet, length, bytes);
    if (block === 0) return wayLong;
    segment = packet + headers6;
    sum = pseudoSum(packet + 38, packet + 22, protocolTcp, bytes);
  }
  if (at(block).state !== State.established) return wayLong;
  return inputTo(at(block), segment, bytes, sum);
}

/** The connection of a packet of IPv6 that carries so many bytes; 0: it goes the long way. */
function find6(packet: usize, length: u32, bytes: u32): usize {
  if (load<u8>(packet, 20) !== <u8>protocolTcp || length < headers6 + leastTcp) return 0;
  if (bytes < leastTcp || bytes > length - headers6 || isIpv4(packet + 22)) return 0;
  return findBlock(packet + 38, packet + 22, load<u32>(packet, headers6));
}

function inputTo(c: Connection, segment: usize, bytes: u32, pseudo: u64): u32 {
  const sequence = load<u32>(segment, 4);
  const ack = load<u32>(segment, 8);
  const shape = load<u32>(segment, 12);
  const last = load<u32>(segment, 16);
  const header = <u64>load<u32>(segment) + <u64>sequence + <u64>ack + <u64>shape + <u64>last;
  if (!isWhole(sumOfSegment(segment + leastTcp, bytes - leastTcp, pseudo, header, last & 0xffff))) {
    count(Figure.transportChecksum);
    releaseFrame(frameOf(segment));
    return wayTaken;
  }
  return takeSegment(c, segment, bytes, sequence, ack, shape);
}

/** The sum of a segment, of which that of its first 20 bytes is known; of a half-made checksum that is believed, one that is right. */
function sumOfSegment(rest: usize, left: u32, pseudo: u64, header: u64, checksum: u32): u64 {
  // The cheaper question first, as in `isChecksumRight`.
  if (setting(Setting.trustPartial) === 1) {
    if (checksum === fold(pseudo)) {
      count(Figure.transportPartial);
      return 0xffff;
    }
  }
  // Images, which have no vectors, are to be small: one way is enough for them.
  if (!ASC_FEATURE_SIMD || left >= manyBytes) return sumOf(rest, left, pseudo + header);
  return sumShort(rest, left, pseudo + header);
}
