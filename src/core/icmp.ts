// ICMP (RFC 792): an echo is answered in the frame in which it came.

import { checksumOf } from './checksum';
import { Figure } from './control';
import { count } from './figures';
import { ipOutput } from './ip/output';

const echoReply: u8 = 0;
const echo: u8 = 8;

/** A message to us. Returns whether its frame was kept. */
export function icmpInput(frame: usize, message: usize, length: u32, local: usize, remote: usize): bool {
  if (length < 8) {
    count(Figure.ipMalformed);
    return false;
  }
  if (checksumOf(message, length, 0) !== 0) {
    count(Figure.transportChecksum);
    return false;
  }
  count(Figure.icmpReceived);
  if (load<u8>(message) !== echo || load<u8>(message, 1) !== 0) {
    count(Figure.icmpRefused);
    return false;
  }
  count(Figure.icmpEchoes);
  store<u8>(message, echoReply);
  store<u16>(message, 0, 2);
  store<u16>(message, <u16>checksumOf(message, length, 0), 2);
  // Sent, waiting, or dropped: the frame is no more ours to give back; where nothing was touched, it is.
  const sent = ipOutput(frame, message, length, 1, local, remote, 0xffff);
  return sent !== -22 && sent !== -16;
}
