// A segment that arrived for a connection: RFC 9293, section 3.10.7, in its order, with what RFC 5961 and 7323 add against strangers and ghosts. The segment
// was read already (segment.ts).

import { before } from '../bytes';
import { Figure, SocketEvent } from '../control';
import { count } from '../figures';
import { challenge } from './challenge';
import { Connection, Fin, State } from './connection';
import { emitBare, emitSyn } from './emit';
import { establish, repeatSyn, takeOffers } from './handshake';
import { isInWindow, scheduleAck, takeData, takeFin } from './receiver';
import { takeAck } from './recovery';
import { announceRoom } from './room';
import { hasRows } from './rows';
import { clearBackoff } from './rtt';
import {
  flagAck,
  flagFin,
  flagRst,
  flagSyn,
  hasStamp,
  sackCount,
  segmentAck,
  segmentFlags,
  segmentLength,
  segmentPorts,
  segmentSequence,
  segmentSpace,
  segmentWindow,
  stampValue,
} from './segment';
import { restartDeadline, transmit } from './sender';
import { end, enter, enterHalfClosed, enterTimeWait, makeReady, tell } from './states';
import { tickNow } from './wheel';

/** A timestamp that was not renewed for 24 days says nothing (RFC 7323, section 5.5). */
const stampTicks: u32 = 2_000_000_000;

/** A segment for a connection in any state but LISTEN. Returns whether its frame was kept. */
export function arrive(c: Connection, frame: usize): bool {
  if (c.state === State.synSent) {
    arriveSynSent(c);
    return false;
  }
  if (!isAcceptable(c)) return false;
  c.lastArrivalTick = tickNow();
  if ((segmentFlags & flagAck) === 0) return false;
  if (c.state === State.synReceived && !arriveSynReceived(c)) return false;
  if (!isAckPossible(c)) return false;
  if (hasStamp && c.hasTimestamps) noteStamp(c, segmentSequence, stampValue);
  if (!acceptAck(c)) return false;
  if (c.state === State.timeWait) {
    if (segmentSpace() > 0) {
      challenge(c);
      enterTimeWait(c);
    }
    return false;
  }
  const isKept = acceptData(c, frame);
  if (c.state !== State.free && c.state !== State.closed) {
    scheduleAck(c);
    transmit(c);
  }
  return isKept;
}

/** SYN-SENT (section 3.10.7.3). */
function arriveSynSent(c: Connection): void {
  const hasAck = (segmentFlags & flagAck) !== 0;
  if (hasAck && segmentAck !== c.initialSend + 1) {
    const block = changetype<usize>(c);
    if ((segmentFlags & flagRst) === 0) emitBare(block, block + 16, segmentPorts, flagRst, segmentAck, 0);
    return;
  }
  if ((segmentFlags & flagRst) !== 0) {
    if (hasAck) end(c, -111);
    return;
  }
  if ((segmentFlags & (flagSyn | flagFin)) !== flagSyn) return;
  takeOffers(c);
  if (!hasAck) {
    // Both spoke first at the same time.
    enter(c, State.synReceived);
    repeatSyn(c);
    return;
  }
  establish(c);
  c.windowAck = segmentAck;
  c.ackNow = true;
  tell(c, SocketEvent.writable);
  transmit(c);
}

/** Whether the segment belongs here: its timestamp, its numbers, RST and SYN. Where it does not, what is to be said was said. */
function isAcceptable(c: Connection): bool {
  const isReset = (segmentFlags & flagRst) !== 0;
  if (c.hasTimestamps && !isReset && !isFreshStamp(c)) {
    count(Figure.tcpOldStamps);
    if (hasStamp) challenge(c);
    return false;
  }
  const isSynAgain = (segmentFlags & (flagSyn | flagAck)) === flagSyn && segmentSequence === c.initialReceive;
  if (c.state === State.synReceived && isSynAgain) {
    // Our answer was lost. Where both spoke first, the peer's answer is no such SYN: it hears where we are, and that makes its connection.
    if (!isReset) emitSyn(c, true);
    return false;
  }
  if (!isInWindow(c, segmentSequence, segmentSpace())) {
    if (!isReset) answerOutside(c);
    return false;
  }
  if (isReset) {
    // Only who knows the very next number is believed (RFC 5961, section 3.2).
    if (segmentSequence !== c.next) challenge(c);
    else if (c.state !== State.timeWait) {
      count(Figure.tcpResetsReceived);
      end(c, c.state === State.synReceived ? -111 : -104);
    }
    return false;
  }
  if ((segmentFlags & flagSyn) !== 0) {
    challenge(c);
    return false;
  }
  return true;
}

/** Remembers the timestamp of a segment that was believed, if it is not beyond what we acknowledged (RFC 7323, section 4.3). */
export function noteStamp(c: Connection, sequence: u32, value: u32): void {
  if (before(c.acknowledged, sequence)) return;
  c.recentStamp = value;
  c.recentStampTick = tickNow();
}

/** PAWS (RFC 7323, section 5): a segment with an older timestamp is of another time. */
function isFreshStamp(c: Connection): bool {
  if (!hasStamp) return false;
  return !before(stampValue, c.recentStamp) || tickNow() - c.recentStampTick > stampTicks;
}

/** What is outside of the window is mostly data that came before: its sender must hear so at once. Anything else is answered seldom. */
function answerOutside(c: Connection): void {
  count(Figure.tcpOutside);
  if (segmentLength === 0 && (segmentFlags & flagFin) === 0) {
    challenge(c);
    return;
  }
  if (c.state === State.timeWait) {
    challenge(c);
    if ((segmentFlags & flagFin) !== 0) enterTimeWait(c);
    return;
  }
  if (before(segmentSequence, c.next) && segmentLength > 0) takeData(c);
  c.ackNow = true;
  transmit(c);
}

/** SYN-RECEIVED: whether the acknowledgement makes it a connection, for which there is room. */
function arriveSynReceived(c: Connection): bool {
  if (segmentAck !== c.initialSend + 1) {
    const block = changetype<usize>(c);
    emitBare(block, block + 16, segmentPorts, flagRst, segmentAck, 0);
    return false;
  }
  if (c.listener !== 0 && !makeReady(c)) {
    count(Figure.tcpBacklogFull);
    return false;
  }
  establish(c);
  c.window = segmentWindow << c.sendShift;
  c.largestWindow = c.window;
  c.windowSequence = segmentSequence;
  c.windowAck = segmentAck;
  tell(c, SocketEvent.writable);
  return true;
}

/** Whether the segment acknowledges what was sent, and not long ago; else somebody guesses (RFC 5961, section 5.2). */
function isAckPossible(c: Connection): bool {
  if (!before(c.sendSequence, segmentAck) && !before(segmentAck, c.unacknowledged - c.largestWindow)) return true;
  count(Figure.tcpAcksRefused);
  challenge(c);
  return false;
}

/** Takes what the segment acknowledges. Returns whether the connection goes on. */
function acceptAck(c: Connection): bool {
  if (before(segmentAck, c.unacknowledged)) {
    // Late, and what it tells of pieces may still be news.
    if (sackCount > 0) takeAck(c, false);
    return true;
  }
  const window = segmentWindow << c.sendShift;
  const isDuplicate =
    segmentAck === c.unacknowledged &&
    segmentLength === 0 &&
    (segmentFlags & flagFin) === 0 &&
    window === c.window &&
    c.sendSequence !== c.unacknowledged;
  noteWindow(c, window, segmentSequence, segmentAck);
  const advanced = segmentAck !== c.unacknowledged;
  takeAck(c, isDuplicate);
  if (advanced) {
    restartDeadline(c);
    announceRoom(c);
  }
  if (c.fin >= Fin.sent && c.unacknowledged === c.queueEnd + 1) return finAcknowledged(c);
  return true;
}

/**
 * Remembers how much the peer takes, if the segment that says so is the newest. One that was lost and sent again is it too, by what it acknowledges (as Linux has it): else
 * the window that was told of before would be counted from there on, and be more than the peer takes.
 */
function noteWindow(c: Connection, window: u32, sequence: u32, ack: u32): void {
  const isLater = before(c.windowSequence, sequence);
  const isNewer =
    before(c.unacknowledged, ack) || isLater || (c.windowSequence === sequence && !before(ack, c.windowAck));
  if (!isNewer) return;
  if (isLater) c.windowSequence = sequence;
  c.windowAck = ack;
  if (window !== c.window) changeWindow(c, window);
}

/** The same for the next segment in order that acknowledges what is acknowledged already. @param window as it lies in the segment */
export function noteNextWindow(c: Connection, window: u32, sequence: u32, ack: u32): void {
  if (before(sequence, c.windowSequence)) return;
  c.windowSequence = sequence;
  c.windowAck = ack;
  const scaled = ((window >> 8) | ((window & 0xff) << 8)) << c.sendShift;
  if (scaled !== c.window) changeWindow(c, scaled);
}

function changeWindow(c: Connection, window: u32): void {
  if (c.window === 0) clearBackoff(c);
  c.window = window;
  if (window > c.largestWindow) c.largestWindow = window;
}

/** The peer has our FIN. Returns whether the connection goes on. */
function finAcknowledged(c: Connection): bool {
  c.fin = Fin.none;
  if (c.state === State.finWait1) enterHalfClosed(c);
  else if (c.state === State.closing) enterTimeWait(c);
  else if (c.state === State.lastAck) {
    end(c, 0);
    return false;
  }
  return true;
}

/** Data and FIN, and what the application hears of them. Returns whether the frame was kept. */
function acceptData(c: Connection, _frame: usize): bool {
  const state = c.state;
  if (state !== State.established && state !== State.finWait1 && state !== State.finWait2) return false;
  const had = c.next;
  if (!c.attached && c.listener === 0 && segmentLength > 0 && before(c.next, segmentSequence + segmentLength)) {
    // Nobody will ever read it: the peer must know (RFC 2525, section 2.17), by the number that it expects next.
    const block = changetype<usize>(c);
    emitBare(block, block + 16, segmentPorts, flagRst, segmentAck, 0);
    end(c, 0);
    return false;
  }
  const isKept = segmentLength > 0 && takeData(c);
  if (takeFin(c)) {
    if (state === State.established) enter(c, State.closeWait);
    else if (state === State.finWait1) enter(c, State.closing);
    else {
      transmit(c);
      enterTimeWait(c);
    }
  }
  if (c.next !== had && !c.toldReadable && (!hasRows() || c.readHead !== 0 || c.peerFinished)) {
    c.toldReadable = true;
    tell(c, SocketEvent.readable);
  }
  return isKept;
}
