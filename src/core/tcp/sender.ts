// What is sent now: what was lost, then what is new, as far as the peer's window, the network's, Nagle's rule and the ring allow; then the FIN. And the
// deadline by which something must be answered.

import { before } from '../bytes';
import { Figure } from '../control';
import { count } from '../figures';
import { pathMtu } from '../ip/paths';
import { restartWindow } from './congestion';
import { Connection, Fin, Recovery, State } from './connection';
import { emit, emitEmpty, emitPlainAck, ipBytes, stampBytes } from './emit';
import { putPending } from './pending';
import { frameOfPiece, piece } from './pieces';
import { isBusy, noteLost, noteSent, splitPiece } from './queue';
import { noteRepairSent, underWay } from './recovery';
import { probeUs, timeoutUs } from './rtt';
import { flagAck, flagFin, flagPsh } from './segment';
import {
  armRetransmit,
  disarm,
  kindPersist,
  kindProbe,
  kindReorder,
  kindTimeout,
  noteProgress,
  timerRetransmit,
} from './timers';
import { tickAfterUs, tickNow } from './wheel';

/** Bytes of a packet that goes through everywhere, nearly: what is tried when long ones vanish (RFC 4821 begins with it too). */
const humbleMtu: u32 = 1_024;

/** Takes the path's width into account: bytes of payload in a segment. */
export function updateMss(c: Connection): void {
  const block = changetype<usize>(c);
  let mtu = pathMtu(block + 16);
  if (c.isHumble && mtu > humbleMtu) mtu = humbleMtu;
  let mss = mtu - ipBytes(block + 16) - 20;
  if (c.peerMss < mss) mss = c.peerMss;
  if (c.hasTimestamps) mss -= stampBytes;
  c.mss = mss;
}

/** Whether a connection in this state may send data. */
export function canSend(c: Connection): bool {
  const state = c.state;
  return state >= State.established && state <= State.lastAck && state !== State.finWait2;
}

/** Sends what may be sent, then an acknowledgement if one is due that went with nothing else. */
export function transmit(c: Connection): void {
  if (canSend(c)) {
    const last = c.sendSequence;
    if (c.sendNext !== 0 || c.lostBytes > 0 || c.fin === Fin.wanted || c.fin === Fin.lost) transmitData(c);
    setDeadline(c, c.sendSequence !== last);
  }
  if (c.ackNow) acknowledge(c);
}

/** Acknowledges at once. */
export function acknowledge(c: Connection): void {
  if (emitPlainAck(c)) return;
  const sent = emitEmpty(c, 0, c.sendSequence);
  if (sent !== 0) {
    c.ackNow = true;
    if (isPassing(sent)) putPending(c);
  }
}

/** Probes for the tail of a flight, whatever the network's window says: by what is new if the peer takes that, else by the last piece. Returns whether it went. */
export function transmitProbe(c: Connection): bool {
  let record = c.sendNext;
  if (
    record !== 0 &&
    piece(record).length <= c.mss &&
    <i32>piece(record).length <= windowLeft(c, piece(record).sequence)
  )
    return sendPiece(c, record) === 0;
  record = c.sendHead;
  if (record === 0 || record === c.sendNext) return false;
  while (piece(record).next !== c.sendNext) record = piece(record).next;
  return !isBusy(record) && !piece(record).isSacked && sendPiece(c, record) === 0;
}

/** Sends what fits into a window that is smaller than a segment, after it was so for long. Returns whether something went. */
export function transmitNarrow(c: Connection): bool {
  const record = c.sendNext;
  if (record === 0) return false;
  const room = windowLeft(c, piece(record).sequence);
  if (room <= 0) return false;
  if (piece(record).length > <u32>room && !splitPiece(c, record, <u32>room)) return false;
  return sendPiece(c, record) === 0;
}

/** The FIN again, when all before it is acknowledged. Returns as `emitEmpty`. */
export function transmitFin(c: Connection): i32 {
  const sent = emitEmpty(c, flagFin, c.queueEnd);
  if (sent === 0) {
    c.fin = Fin.sent;
    c.sendSequence = c.queueEnd + 1;
  }
  return sent;
}

/** Bytes of the peer's window from a number on; negative: beyond it. */
function windowLeft(c: Connection, sequence: u32): i32 {
  return <i32>(c.unacknowledged + c.window - sequence);
}

function transmitData(c: Connection): void {
  if (c.lostBytes > 0 && !repair(c)) return;
  c.isLimited = false;
  while (c.sendNext !== 0) {
    const record = c.sendNext;
    const p = piece(record);
    if (p.length > c.mss && !splitPiece(c, record, c.mss)) {
      putPending(c);
      return;
    }
    const flight = underWay(c);
    if (flight + p.length > c.congestionWindow && flight > 0) {
      c.isLimited = true;
      return;
    }
    const room = windowLeft(c, p.sequence);
    if (<i32>p.length > room) {
      if (room <= 0 || c.sendSequence !== c.unacknowledged || <u32>room < c.largestWindow >> 1) return;
      if (!splitPiece(c, record, <u32>room)) {
        putPending(c);
        return;
      }
    } else if (p.next === 0 && p.length < c.mss && mustWait(c)) return;
    const sent = sendPiece(c, record);
    if (sent !== 0) return;
  }
  if (c.fin === Fin.wanted || (c.fin === Fin.lost && c.sendHead === 0)) {
    if (isPassing(transmitFin(c))) putPending(c);
  }
}

/** Nothing waits or is under way, and something is about to. */
export function beginFlight(c: Connection): void {
  const now = tickNow();
  // Idle for longer than a timeout.
  if (c.sendSequence !== c.initialSend + 1 && now - c.lastSendTick > timeoutUs(c) >> 10) restartWindow(c);
  noteProgress(c, now);
}

/** Whether a small last segment waits: for more (`more`), or for the last small one's acknowledgement (Nagle, as Minshall has it). */
function mustWait(c: Connection): bool {
  if (c.fin !== Fin.none) return false;
  if (c.corked) return true;
  return !c.noDelay && before(c.unacknowledged, c.smallEnd);
}

/** Sends what was lost, as far as the window allows. Returns whether new data may follow. */
function repair(c: Connection): bool {
  for (let record = c.sendHead; record !== c.sendNext && c.lostBytes > 0; record = piece(record).next) {
    const p = piece(record);
    if (!p.isLost) continue;
    if (p.length > c.mss && !splitPiece(c, record, c.mss)) {
      putPending(c);
      return false;
    }
    const flight = underWay(c);
    if (flight + p.length > c.congestionWindow && flight > 0) return false;
    // What waits for the kernel or for its neighbour is not lost, but on its way.
    if (isBusy(record)) noteSent(c, record);
    else if (sendPiece(c, record) !== 0) return false;
    else count(Figure.tcpRetransmitted);
  }
  return c.lostBytes === 0;
}

/** Sends a piece as it is. Returns 0 when it went, or counts as if it had. */
function sendPiece(c: Connection, record: usize): i32 {
  const p = piece(record);
  const end = p.sequence + p.length;
  let flags = p.next === 0 ? flagAck | flagPsh : flagAck;
  const withFin = p.next === 0 && c.fin !== Fin.none;
  if (withFin) flags |= flagFin;
  const sent = emit(c, frameOfPiece(record), p.data, p.length, flags, p.sequence);
  if (isPassing(sent)) {
    putPending(c);
    return sent;
  }
  // The path became narrower: the piece is cut with the next look at it.
  if (sent === -90) {
    updateMss(c);
    if (p.length > c.mss) {
      if (p.sends > 0) noteLost(c, record);
      putPending(c);
      return sent;
    }
  }
  // Where there is no way to the peer the packet is lost, as it would be further on.
  noteRepairSent(c, p.length);
  noteSent(c, record);
  if (p.length < c.mss) c.smallEnd = end;
  if (withFin) {
    c.fin = Fin.sent;
    c.sendSequence = end + 1;
  }
  c.lastSendTick = tickNow();
  return 0;
}

/** Whether the reason why something was not sent goes away by itself: the ring is full, or no frame is free. */
function isPassing(sent: i32): bool {
  return sent === -11 || sent === -105;
}

/** By when something must be answered. @param hasSent something new went out: the tail of the flight is another one */
function setDeadline(c: Connection, hasSent: bool): void {
  if (c.sendSequence !== c.unacknowledged) {
    const isArmed = (c.armed & timerRetransmit) !== 0 && c.retransmitKind !== kindPersist;
    if (isArmed && (c.retransmitKind !== kindProbe || !hasSent)) return;
    const mayProbe =
      c.hasSack && c.recovery === Recovery.open && !c.probeOut && c.smoothed !== 0 && c.sackedCount === 0;
    if (mayProbe) {
      const isAlone = c.sendHead === c.sendNext || piece(c.sendHead).next === c.sendNext;
      armRetransmit(c, kindProbe, tickAfterUs(probeUs(c, isAlone)));
    } else if (!isArmed) {
      armRetransmit(c, kindTimeout, tickAfterUs(timeoutUs(c)));
    }
  } else if (c.sendNext !== 0) {
    // Something waits and nothing is under way: the peer's window is shut, or the application holds it back, for as long as a timeout (as with Linux).
    if ((c.armed & timerRetransmit) === 0 || c.retransmitKind !== kindPersist) {
      armRetransmit(c, kindPersist, tickAfterUs(timeoutUs(c)));
    }
  } else disarm(c, timerRetransmit);
}

/** The peer answered: what is left gets its whole time anew. A wait for what may be late only goes on. */
export function restartDeadline(c: Connection): void {
  if ((c.armed & timerRetransmit) !== 0 && c.retransmitKind === kindReorder) return;
  disarm(c, timerRetransmit);
}

/** Tries shorter segments from now on, if the first one that waits is long. */
export function hasNarrowed(c: Connection): void {
  if (c.isHumble || c.sendHead === 0 || piece(c.sendHead).length + 60 <= humbleMtu) return;
  c.isHumble = true;
  count(Figure.tcpHumbled);
  updateMss(c);
}
