// Header prediction (Van Jacobson, "4BSD Header Prediction", 1990; Linux's tcp_rcv_established): the next bytes in order, on a connection that is at rest but for
// them. Then most of what a segment can mean is out of the question, and what is left is done here without a look at it. The same comes out as by
// arrival.ts, which takes all others; test/core/expected.test.ts holds the two together.

import { be32, before } from '../bytes';
import { SocketEvent } from '../control';
import { postEvent } from '../events';
import { frameOf, releaseFrame } from '../frames';
import { noteNextWindow, noteStamp } from './arrival';
import { Connection } from './connection';
import { tcpArrive } from './input';
import { armAck, hasRoom, keepNext, noteNext, noteQuick } from './receiver';
import { bars, writeRow } from './rows';
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
  const block = changetype<usize>(c);
  const header: u32 = c.hasTimestamps ? 32 : 20;
  const length = bytes - header;
  do {
    if (sequence !== c.next) break;
    if (ack !== c.unacknowledged) break;
    // Nothing of ours is under way, waits or is being repaired, nothing lies beyond a gap, no side has spoken of its end, no answer is due, and the application has the
    // connection: fields that are to be 0 stand side by side for this (connection.ts).
    if (load<u64>(block, offsetof<Connection>('sendHead')) !== 0) break;
    if (load<u64>(block, offsetof<Connection>('sawFin')) !== 0) break;
    if ((load<u64>(block, offsetof<Connection>('recovery')) & restMask) !== 0) break;
    if (!c.attached) break;
    // Nothing, or less, is more than any window.
    if (length - 1 >= c.edge - sequence) break;
    if (header === 20) {
      if ((shape & shapeMask) !== bare) break;
    } else {
      if ((((shape & shapeMask) ^ stamped) | (load<u32>(segment, 20) ^ usualStamp)) !== 0) break;
      if (before(be32(segment + 24), c.recentStamp)) break;
    }
    if (!hasRoom(c)) break;
    takeNext(c, segment, header, length, sequence, ack, shape);
    return wayExpected;
    // biome-ignore lint/correctness/noUnreachable: a block with one way out: this compiler knows no labels.
    // biome-ignore lint/correctness/noConstantCondition: the same.
  } while (false);
  // It is not: it goes the long way from here on.
  if (!tcpArrive(c, frameOf(segment), segment, bytes)) releaseFrame(frameOf(segment));
  return wayTaken;
}

/** Takes it in, of which all is known. */
function takeNext(c: Connection, segment: usize, header: u32, length: u32, sequence: u32, ack: u32, shape: u32): void {
  if (header !== 20) noteStamp(c, sequence, be32(segment + 24));
  noteNextWindow(c, shape >> 16, sequence, ack);
  noteNext(c, length);
  if (bars(c) === 0) {
    writeRow(c, segment + header, length);
  } else {
    keepNext(c, segment + header, length, sequence);
    if (!c.toldReadable) {
      c.toldReadable = true;
      postEvent(c.number, SocketEvent.readable);
    }
  }
  if (c.quickAcks !== 0) noteQuick(c);
  else if (c.next - c.acknowledged < c.arrivalMss << 1) {
    if ((c.armed & timerAck) === 0) armAck(c);
    return;
  }
  acknowledge(c);
}
