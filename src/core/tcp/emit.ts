// Segments that go out: header and options in front of the payload, in the same frame. What is sent and when is decided by others.

import { isIpv4 } from '../addresses';
import { putBe32 } from '../bytes';
import { fold } from '../checksum';
import { Figure, Setting } from '../control';
import { count, setting } from '../figures';
import { frameForStack, framesFree } from '../frames';
import { ipv4Bytes, writeIpv4 } from '../ip/headers';
import { ipOutput, ipOutputFresh } from '../ip/output';
import { protocolTcp, pseudoSum } from '../ip/pseudo';
import { putEthernet, typeIpv4 } from '../link';
import { linkAddressOf } from '../neighbour';
import { canTransmit } from '../rings';
import { Connection } from './connection';
import { payloadOffset } from './pieces';
import { noteTold, offerWindow } from './receiver';
import { hasSackNews, putSackRanges } from './sack';
import { flagAck, flagRst, flagSyn, usualStamp } from './segment';
import { tickNow } from './wheel';

const checksumAt: u32 = 16;
const headerBytes: u32 = 20;
/** Bytes of the option of timestamps, with what fills it up to a multiple of 4. */
export const stampBytes: u32 = 12;
/** Two no-operations, in front of SACK, and in a SYN. */
const twoNops: u32 = 0x0101;

const sackScratch = memory.data(32, 8);

/** The value of our clock in timestamps of a connection. */
function stampNow(c: Connection): u32 {
  return tickNow() + c.stampOffset;
}

/** Bytes of an IP header towards an address. */
export function ipBytes(remote: usize): u32 {
  return isIpv4(remote) ? 20 : 40;
}

/**
 * Sends a segment of a connection that lies in `frame`, its payload at `data`; without payload the frame was just taken. Returns as `ipOutput`.
 * What it acknowledges and offers counts as told when it was sent.
 */
export function emit(c: Connection, frame: usize, data: usize, length: u32, flags: u32, sequence: u32): i32 {
  const block = changetype<usize>(c);
  let optionBytes: u32 = c.hasTimestamps ? stampBytes : 0;
  let ranges: u32 = 0;
  if ((flags & flagRst) === 0 && hasSackNews(c)) {
    const room = setting(Setting.mtu) - ipBytes(block + 16) - headerBytes - optionBytes - length;
    // A segment with payload that fills its packet has no room for them.
    if (<i32>room >= 12) ranges = putSackRanges(c, sackScratch, mostRanges(c, room));
    if (ranges > 0) optionBytes += 4 + (ranges << 3);
  }
  const segment = data - optionBytes - headerBytes;
  const window = offerWindow(c) >> c.receiveShift;
  putHeader(segment, c.ports, sequence, c.next, headerBytes + optionBytes, flags | flagAck, window);
  let option = segment + headerBytes;
  if (c.hasTimestamps) {
    putStamp(option, stampNow(c), c.recentStamp);
    option += stampBytes;
  }
  if (ranges > 0) {
    store<u16>(option, <u16>twoNops);
    store<u8>(option, 5, 2);
    store<u8>(option, <u8>(2 + (ranges << 3)), 3);
    for (let at: u32 = 0; at < ranges << 3; at += 8) store<u64>(option + 4 + at, load<u64>(sackScratch + at));
  }
  const bytes = headerBytes + optionBytes + length;
  const sent =
    length === 0
      ? ipOutputFresh(segment, bytes, protocolTcp, block, block + 16, checksumAt)
      : ipOutput(frame, segment, bytes, protocolTcp, block, block + 16, checksumAt);
  if (sent === 0) {
    noteTold(c);
    count(Figure.tcpSegmentsSent);
    if ((flags & flagRst) !== 0) count(Figure.tcpResetsSent);
  }
  return sent;
}

/**
 * Sends an acknowledgement that has nothing else to say, over IPv4, to a neighbour who is known: what nearly each one is. The same packet as by `emitEmpty`, whose questions
 * are all answered at once. Returns false where it is not so: then nothing was done.
 */
export function emitPlainAck(c: Connection): bool {
  const block = changetype<usize>(c);
  if (!isIpv4(block + 16) || hasSackNews(c) || !canTransmit() || framesFree() === 0) return false;
  const mac = linkAddressOf(block + 16);
  if (mac === 0) return false;
  const bytes = headerBytes + (c.hasTimestamps ? stampBytes : 0);
  const segment = frameForStack() + payloadOffset - bytes;
  const window = offerWindow(c) >> c.receiveShift;
  let sum = putHeader(segment, c.ports, c.sendSequence, c.next, bytes, flagAck, window);
  if (c.hasTimestamps) sum += putStamp(segment + headerBytes, stampNow(c), c.recentStamp);
  store<u16>(segment, <u16>(fold(sum + pseudoSum(block, block + 16, protocolTcp, bytes)) ^ 0xffff), checksumAt);
  writeIpv4(segment - ipv4Bytes, bytes, protocolTcp, block, block + 16);
  putEthernet(segment - ipv4Bytes, ipv4Bytes + bytes, mac, typeIpv4);
  noteTold(c);
  count(Figure.tcpSegmentsSent);
  return true;
}

/** Sends a segment without payload. Returns as `ipOutput`, -ENOBUFS where there is no frame. */
export function emitEmpty(c: Connection, flags: u32, sequence: u32): i32 {
  const frame = frameForStack();
  if (frame === 0) return -105;
  return emit(c, frame, frame + payloadOffset, 0, flags, sequence);
}

/** Sends a SYN, or the answer to one: what is offered stands in the connection, the window is not scaled. Returns as `emitEmpty`. */
export function emitSyn(c: Connection, isAnswer: bool): i32 {
  const block = changetype<usize>(c);
  const offers = c.hasTimestamps ? (c.hasSack ? 3 : 1) : c.hasSack ? 2 : 0;
  const window = c.edge - c.next;
  const sent = emitSynOf(
    block,
    c.ports,
    c.initialSend,
    isAnswer ? c.next : 0,
    isAnswer,
    window > 0xffff ? 0xffff : window,
    offers,
    c.offersShift ? <i32>c.receiveShift : -1,
    stampNow(c),
    c.recentStamp,
  );
  if (sent === 0 && isAnswer) noteTold(c);
  return sent;
}

/**
 * Sends a SYN between the addresses at `names` (ours, then the peer's). @param offers bits: 1 timestamps, 2 SACK. @param shift of our window; -1: not scaled.
 * Returns as `emitEmpty`.
 */
export function emitSynOf(
  names: usize,
  ports: u32,
  sequence: u32,
  ack: u32,
  isAnswer: bool,
  window: u32,
  offers: u32,
  shift: i32,
  stamp: u32,
  echo: u32,
): i32 {
  const frame = frameForStack();
  if (frame === 0) return -105;
  const segment = frame + payloadOffset;
  let option = segment + headerBytes;
  putBe32(option, 0x02040000 | (setting(Setting.mtu) - ipBytes(names + 16) - headerBytes));
  option += 4;
  if ((offers & 1) !== 0) {
    putStamp(option, stamp, isAnswer ? echo : 0);
    if ((offers & 2) !== 0) store<u16>(option, 0x0204);
    option += stampBytes;
  } else if ((offers & 2) !== 0) {
    putBe32(option, 0x01010402);
    option += 4;
  }
  if (shift >= 0) {
    putBe32(option, 0x01030300 | <u32>shift);
    option += 4;
  }
  const length = <u32>(option - segment);
  putHeader(segment, ports, sequence, ack, length, isAnswer ? flagSyn | flagAck : flagSyn, window);
  count(Figure.tcpSegmentsSent);
  return ipOutputFresh(segment, length, protocolTcp, names, names + 16, checksumAt);
}

/** Sends a segment without payload, options and connection: a reset mostly. `names` as for `emitSynOf`. */
export function emitBare(local: usize, remote: usize, ports: u32, flags: u32, sequence: u32, ack: u32): i32 {
  const frame = frameForStack();
  if (frame === 0) return -105;
  const segment = frame + payloadOffset;
  putHeader(segment, ports, sequence, ack, headerBytes, flags, 0);
  if ((flags & flagRst) !== 0) count(Figure.tcpResetsSent);
  count(Figure.tcpSegmentsSent);
  return ipOutputFresh(segment, headerBytes, protocolTcp, local, remote, checksumAt);
}

function mostRanges(c: Connection, room: u32): u32 {
  const most: u32 = c.hasTimestamps ? 3 : 4;
  const fit = (room - 4) >> 3;
  return fit < most ? fit : most;
}

/** `ports` are the peer's first, as they are received: they are sent the other way round. Returns the sum of the words that are written. */
function putHeader(at: usize, ports: u32, sequence: u32, ack: u32, length: u32, flags: u32, window: u32): u64 {
  // Whole words, as they are loaded again: a word that was stored in parts is not forwarded, and waited for.
  const own = rotl<u32>(ports, 16);
  const shape = (length << 2) | (flags << 8) | ((<u32>bswap<u16>(<u16>(window > 0xffff ? 0xffff : window))) << 16);
  store<u32>(at, own);
  putBe32(at + 4, sequence);
  putBe32(at + 8, ack);
  store<u32>(at, shape, 12);
  store<u32>(at, 0, 16);
  return <u64>own + <u64>bswap<u32>(sequence) + <u64>bswap<u32>(ack) + <u64>shape;
}

/** Returns as `putHeader`. */
function putStamp(option: usize, value: u32, echo: u32): u64 {
  store<u32>(option, usualStamp);
  putBe32(option + 4, value);
  putBe32(option + 8, echo);
  return <u64>usualStamp + <u64>bswap<u32>(value) + <u64>bswap<u32>(echo);
}
