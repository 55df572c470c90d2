// What a connection has to send, a frame a piece: handed over, sent, told of by SACK, counted as lost, acknowledged. Bytes under way are counted here alone.
// The bytes stay where the application wrote them until the peer has them.

import { before } from '../bytes';
import { nowUs } from '../clock';
import { Figure, Owner, Setting } from '../control';
import { copyBytes } from '../copy';
import { count, setting } from '../figures';
import { frameForSegment, holdFrame, ownerOf, unholdFrame } from '../frames';
import { Connection } from './connection';
import { frameOfPiece, Piece, payloadOffset, piece, pieceOf, useNone, useSending } from './pieces';
import { msSince, tickNow } from './wheel';

/** Frames that one connection may have for sending, and all together. */
let limit: u32 = 0;
let budget: u32 = 0;
/** So many of them go to connections that have some already; the rest is for those that have few. */
let common: u32 = 0;
/** Frames that a connection gets as long as there are any. */
const fewFrames: u32 = 4;
/** Frames that connections have for sending, the application's included. */
let sendingInAll: u32 = 0;

/** Takes the limits from the settings. */
export function configureQueue(): void {
  limit = setting(Setting.sendFrames);
  budget = (setting(Setting.frameCount) >> 3) * 3;
  common = budget - (budget >> 2);
  sendingInAll = 0;
}

/** Frames that a connection may take now: the less is left for all, the less for one. */
export function sendAllowance(c: Connection): u32 {
  const left = sendingInAll < common ? common - sendingInAll : 0;
  const most = limit < left ? limit : left;
  const has = c.sendFrames + c.lentFrames;
  if (has < most) return most - has;
  const few = limit < fewFrames ? limit : fewFrames;
  return has < few && sendingInAll < budget ? min<u32>(few - has, budget - sendingInAll) : 0;
}

/** Whether frames for sending are short: 1 for those that have some, 2 for all. */
export function sendShortage(): u32 {
  return sendingInAll < common ? 0 : sendingInAll < budget ? 1 : 2;
}

/** For how many milliseconds the peer did not take what waits now, all that waited at the same time with it; 0: nothing waits. */
export function hasWaitedMs(c: Connection): u32 {
  return c.sendHead === 0 ? 0 : msSince(c.waitTick);
}

/** A frame was lent to be filled. */
export function noteLent(c: Connection): void {
  c.lentFrames++;
  sendingInAll++;
}

/** A lent frame came back. `isGone`: its connection is over, and counts no more. */
export function noteReturned(c: Connection, isGone: bool): void {
  sendingInAll--;
  if (!isGone) c.lentFrames--;
}

/** Hands a frame of the stack's over, to be sent behind all others. */
export function appendPiece(c: Connection, data: usize, length: u32): void {
  const record = pieceOf(data);
  fill(c, piece(record), data, length, c.queueEnd);
  if (c.sendTail === 0) {
    c.sendHead = record;
    noteWait(c, c.queueEnd + length);
  }
  if (c.sendTail !== 0) piece(c.sendTail).next = record;
  c.sendTail = record;
  if (c.sendNext === 0) c.sendNext = record;
  c.queueEnd += length;
}

/** Copies a small piece behind the last one, if that was not sent and has room up to `most` bytes. Returns whether it did. */
export function joinPiece(c: Connection, data: usize, length: u32, most: u32): bool {
  if (c.sendTail === 0 || c.sendNext === 0) return false;
  const p = piece(c.sendTail);
  if (p.sends !== 0 || p.length + length > most) return false;
  // All payload begins at the same place in its frame or behind it, and a segment fits there.
  if (p.data - frameOfPiece(c.sendTail) + p.length + length > setting(Setting.frameSize)) return false;
  copyBytes(p.data + p.length, data, length);
  p.length += length;
  c.queueEnd += length;
  count(Figure.tcpJoined);
  return true;
}

/** Cuts a piece in two: what is beyond `length` bytes is copied into a frame of its own. Returns whether there was a frame. */
export function splitPiece(c: Connection, record: usize, length: u32): bool {
  const frame = frameForSegment();
  if (frame === 0) return false;
  const first = piece(record);
  const rest = first.length - length;
  const data = frame + payloadOffset;
  copyBytes(data, first.data + length, rest);
  const second = pieceOf(frame);
  const p = piece(second);
  fill(c, p, data, rest, first.sequence + length);
  p.next = first.next;
  p.sentAt = first.sentAt;
  p.sends = first.sends;
  p.isLost = first.isLost;
  p.isSacked = first.isSacked;
  if (first.isSacked) c.sackedCount++;
  first.length = length;
  first.next = second;
  if (c.sendTail === record) c.sendTail = second;
  return true;
}

/** Whether the kernel has a piece's frame, or it waits for its neighbour. */
export function isBusy(record: usize): bool {
  return ownerOf(frameOfPiece(record)) !== Owner.stack;
}

/** A piece went out. */
export function noteSent(c: Connection, record: usize): void {
  const p = piece(record);
  if (p.sends === 0) {
    c.inFlight += p.length;
    c.sendNext = p.next;
    c.sendSequence = p.sequence + p.length;
  } else if (p.isLost) {
    p.isLost = false;
    c.lostBytes -= p.length;
    c.inFlight += p.length;
  }
  if (p.sends < 255) p.sends++;
  p.sentAt = <u32>nowUs;
}

/** The peer has a piece, beyond a gap. */
export function noteSacked(c: Connection, record: usize): void {
  const p = piece(record);
  uncount(c, p);
  p.isLost = false;
  p.isSacked = true;
  c.sackedCount++;
  c.delivered += p.length;
  noteDelivered(c, p);
}

/** A piece counts as lost. */
export function noteLost(c: Connection, record: usize): void {
  const p = piece(record);
  if (p.isLost || p.isSacked) return;
  p.isLost = true;
  c.inFlight -= p.length;
  c.lostBytes += p.length;
}

/** Everything that was sent and that the peer did not tell of counts as lost; `isReneging`: what it told of too. */
export function noteAllLost(c: Connection, isReneging: bool): void {
  for (let record = c.sendHead; record !== c.sendNext; record = piece(record).next) {
    const p = piece(record);
    if (isReneging && p.isSacked) {
      p.isSacked = false;
      c.sackedCount--;
      c.inFlight += p.length;
    }
    noteLost(c, record);
  }
}

/** Drops what lies before `ack`: the peer has it. Returns how many pieces went. */
export function removeAcknowledged(c: Connection, ack: u32): u32 {
  let many: u32 = 0;
  while (c.sendHead !== 0) {
    const record = c.sendHead;
    const p = piece(record);
    if (!before(p.sequence, ack)) break;
    const known = ack - p.sequence;
    if (known < p.length) {
      if (!p.isSacked) c.delivered += known;
      if (p.isLost) c.lostBytes -= known;
      else if (!p.isSacked) c.inFlight -= known;
      p.data += known;
      p.sequence += known;
      p.length -= known;
      break;
    }
    if (p.isSacked) c.sackedCount--;
    else {
      uncount(c, p);
      c.delivered += p.length;
      noteDelivered(c, p);
    }
    c.sendHead = p.next;
    release(c, record);
    many++;
  }
  if (c.sendHead === 0) c.sendTail = 0;
  if (!before(ack, c.waitEnd)) noteWait(c, c.queueEnd);
  return many;
}

/** Drops all that waits to be sent or acknowledged. */
export function dropQueue(c: Connection): void {
  while (c.sendHead !== 0) {
    const record = c.sendHead;
    c.sendHead = piece(record).next;
    release(c, record);
  }
  c.sendTail = 0;
  c.sendNext = 0;
  c.inFlight = 0;
  c.lostBytes = 0;
  c.sackedCount = 0;
}

/** What was handed over up to `end` waits from now on. */
function noteWait(c: Connection, end: u32): void {
  c.waitEnd = end;
  c.waitTick = tickNow();
}

function fill(c: Connection, p: Piece, data: usize, length: u32, sequence: u32): void {
  p.next = 0;
  p.data = data;
  p.length = length;
  p.sequence = sequence;
  p.sends = 0;
  p.isSacked = false;
  p.isLost = false;
  p.use = useSending;
  p.owner = changetype<usize>(c);
  p.generation = c.generation;
  c.sendFrames++;
  sendingInAll++;
  // It stays with the stack after it was sent, until the peer has it.
  holdFrame(frameOfPiece(pieceOf(data)));
}

function release(c: Connection, record: usize): void {
  piece(record).use = useNone;
  c.sendFrames--;
  sendingInAll--;
  unholdFrame(frameOfPiece(record));
}

/** A piece that was sent is under way no more, or no more counted as lost. */
function uncount(c: Connection, p: Piece): void {
  if (p.isLost) c.lostBytes -= p.length;
  else c.inFlight -= p.length;
}

/** What the newest of the segments that arrived was sent, and how long it took (RFC 8985, section 6.2). */
function noteDelivered(c: Connection, p: Piece): void {
  const took = <u32>nowUs - p.sentAt;
  const end = p.sequence + p.length;
  if (p.sends === 1) {
    if (took < c.sampleUs) c.sampleUs = took;
    // Told of later than what lies beyond it, though it was sent once: the path reorders.
    if (c.hasSack && before(end, c.highSacked)) c.reorderSeen = true;
  } else {
    c.hasRepeated = true;
    // An answer to an earlier sending.
    if (took < c.leastRtt) return;
  }
  if (before(c.highSacked, end)) c.highSacked = end;
  if (c.rackRtt === 0 || before(c.rackSentAt, p.sentAt) || (c.rackSentAt === p.sentAt && before(c.rackEnd, end))) {
    c.rackSentAt = p.sentAt;
    c.rackEnd = end;
    c.rackRtt = took === 0 ? 1 : took;
  }
}
