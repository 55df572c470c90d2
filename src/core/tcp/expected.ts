// Header prediction (Van Jacobson, "4BSD Header Prediction", 1990; Linux's tcp_rcv_established): the next bytes in order, on a connection that is at rest but for
// them. Then most of what a segment can mean is out of the question, and what is left is done here without a look at it. The same comes out as by
// arrival.ts, which takes all others; test/core/expected.test.ts holds the two together.

import { be16, be32, before } from '../bytes';
import { SocketEvent } from '../control';
import { postEvent } from '../events';
import { noteStamp, noteWindow } from './arrival';
import { Connection, State } from './connection';
import { hasRoomFor, keepNext, scheduleAck } from './receiver';
import { usualStamp } from './segment';
import { acknowledge } from './sender';
import { timerRetransmit } from './timers';

/** Length of the header and flags as they lie in a segment: an acknowledgement, pushed or not, without options, and with timestamps. */
const shapeMask: u32 = 0xf7ff;
const bare: u32 = 0x1050;
const stamped: u32 = 0x1080;

/** Takes in a segment of at least 20 bytes, whose checksum is right, if it is what its connection expects. Returns whether it is: then its frame is kept. */
export function takeExpected(c: Connection, segment: usize, bytes: u32): bool {
  const sequence = be32(segment + 4);
  const ack = be32(segment + 8);
  if (sequence !== c.next || ack !== c.unacknowledged || !isAtRest(c)) return false;
  const shape = <u32>load<u16>(segment, 12) & shapeMask;
  let header: u32 = 20;
  if (c.hasTimestamps) {
    if (shape !== stamped || load<u32>(segment, 20) !== usualStamp) return false;
    if (before(be32(segment + 24), c.recentStamp)) return false;
    header = 32;
  } else if (shape !== bare) return false;
  const length = bytes - header;
  if (bytes <= header || !hasRoomFor(c, length)) return false;
  if (c.hasTimestamps) noteStamp(c, sequence, be32(segment + 24));
  noteWindow(c, be16(segment + 14) << c.sendShift, sequence, ack);
  keepNext(c, segment + header, length);
  if (!c.toldReadable) {
    c.toldReadable = true;
    postEvent(c.number, SocketEvent.readable);
  }
  scheduleAck(c);
  if (c.ackNow) acknowledge(c);
  return true;
}

/**
 * Whether nothing of ours is under way, waits or is being repaired, nothing lies beyond a gap, no side has spoken of its end, no answer is due, and the
 * application has the connection: fields that are to be 0 stand side by side for this (connection.ts).
 */
function isAtRest(c: Connection): bool {
  const fields = changetype<usize>(c) + offsetof<Connection>('sendHead');
  const timers = load<u64>(fields, 16) & (0xffffffff | ((<u64>timerRetransmit) << 32));
  return (load<u64>(fields) | load<u64>(fields, 8) | timers) === 0 && c.state === State.established && c.attached;
}
