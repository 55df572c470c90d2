// Header prediction (Van Jacobson, "4BSD Header Prediction", 1990; Linux's tcp_rcv_established): the next bytes in order, on a connection that is at rest but for
// them. Then most of what a segment can mean is out of the question, and what is left is done here without a look at it. The same comes out as by
// arrival.ts, which takes all others; test/core/expected.test.ts holds the two together.

import { be32, before } from '../bytes';
import { SocketEvent } from '../control';
import { postEvent } from '../events';
import { frameOf, releaseFrame } from '../frames';
import { noteNextWindow, noteStamp } from './arrival';
import { Connection, State } from './connection';
import { tcpArrive } from './input';
import { armAck, hasRoom, keepNext, noteQuick } from './receiver';
import { usualStamp } from './segment';
import { acknowledge } from './sender';
import { timerAck, timerRetransmit } from './timers';

/** What becomes of a packet: it goes the long way; it was taken, as others of its connection; it was what TCP expected. */
export const wayLong: u32 = 0;
export const wayTaken: u32 = 1;
export const wayExpected: u32 = 2;

/** Length of the header and flags as they lie in a segment: an acknowledgement, pushed or not, without options, and with timestamps. */
const shapeMask: u32 = 0xf7ff;
const bare: u32 = 0x1050;
const stamped: u32 = 0x1080;
/** Of the last word of those that are 0 at rest: all but the timers for acknowledgements and for life. */
const restMask: u64 = 0xffffffff | ((<u64>timerRetransmit) << 32);

/**
 * Takes in a segment of at least 20 bytes, whose checksum is right, of a connection that stands. @param sequenceWord, ackWord, shape its words from the
 * second to the fourth, as they lie in it. Its frame is kept or free when this returns.
 */
export function takeSegment(
  c: Connection,
  segment: usize,
  bytes: u32,
  sequenceWord: u32,
  ackWord: u32,
  shape: u32,
): u32 {
  const sequence = bswap<u32>(sequenceWord);
  const ack = bswap<u32>(ackWord);
  // Nothing of ours is under way, waits or is being repaired, nothing lies beyond a gap, no side has spoken of its end, no answer is due, and the application has the
  // connection: fields that are to be 0 stand side by side for this (connection.ts). All is asked in one question.
  const block = changetype<usize>(c);
  const strange =
    (sequence ^ c.next) | (ack ^ c.unacknowledged) | <u32>(c.state ^ State.established) | (<u32>c.attached ^ 1);
  const queues = load<u64>(block, offsetof<Connection>('sendHead')) | load<u64>(block, offsetof<Connection>('sawFin'));
  const timers = load<u64>(block, offsetof<Connection>('recovery')) & restMask;
  if ((<u64>strange | queues | timers) !== 0) return other(c, segment, bytes);
  const header: u32 = c.hasTimestamps ? 32 : 20;
  const length = bytes - header;
  // Nothing, or less, is more than any window.
  if (length - 1 >= c.edge - sequence) return other(c, segment, bytes);
  if (header === 20) {
    if ((shape & shapeMask) !== bare) return other(c, segment, bytes);
  } else {
    if ((((shape & shapeMask) ^ stamped) | (load<u32>(segment, 20) ^ usualStamp)) !== 0)
      return other(c, segment, bytes);
    if (before(be32(segment + 24), c.recentStamp)) return other(c, segment, bytes);
  }
  if (!hasRoom(c)) return other(c, segment, bytes);
  if (header !== 20) noteStamp(c, sequence, be32(segment + 24));
  noteNextWindow(c, shape >> 16, sequence, ack);
  keepNext(c, segment + header, length);
  if (!c.toldReadable) {
    c.toldReadable = true;
    postEvent(c.number, SocketEvent.readable);
  }
  if (c.quickAcks !== 0) noteQuick(c);
  else if (c.next - c.acknowledged < c.arrivalMss << 1) {
    if ((c.armed & timerAck) === 0) armAck(c);
    return wayExpected;
  }
  acknowledge(c);
  return wayExpected;
}

/** It is not: it goes the long way from here on. */
function other(c: Connection, segment: usize, bytes: u32): u32 {
  if (!tcpArrive(c, frameOf(segment), segment, bytes)) releaseFrame(frameOf(segment));
  return wayTaken;
}
