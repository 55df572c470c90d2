// What counts as lost, and how many bytes may be under way while it is repaired: by time (RACK, RFC 8985) where the peer tells of pieces (SACK, RFC 2018),
// by duplicates (RFC 5681, 6582) where it does not; the window shrinks in proportion to what arrives (RFC 6937). Not here: the sending itself.

import { before } from '../bytes';
import { nowUs } from '../clock';
import { Figure } from '../control';
import { count } from '../figures';
import { growWindow, setWindow, shrinkThreshold } from './congestion';
import { Connection, Fin, Recovery } from './connection';
import { piece } from './pieces';
import { noteAllLost, noteLost, noteSacked, removeAcknowledged } from './queue';
import { backOff, clearBackoff, sampleRtt } from './rtt';
import { hasStamp, sackCount, sackRanges, segmentAck, stampEcho } from './segment';
import { armRetransmit, kindReorder, noteProgress } from './timers';
import { tickAfterUs, tickNow } from './wheel';

/** So many duplicates mean a loss, and so many pieces beyond it. */
const duplicateThreshold: u32 = 3;
/** An echo of our clock is believed up to so many ticks. */
const mostEcho: u32 = 60_000;

/** A connection begins to send at a number. */
export function beginRecovery(c: Connection, first: u32): void {
  c.recovery = Recovery.open;
  c.recover = first;
  c.highSacked = first;
  c.rackEnd = first;
  c.smallEnd = first;
}

/** Bytes that are still on their way, as far as can be known. */
export function underWay(c: Connection): u32 {
  if (c.hasSack) return c.inFlight;
  const arrived = c.duplicates * c.mss;
  return c.inFlight > arrived ? c.inFlight - arrived : 0;
}

/** What the acknowledgement of the segment that was read, which lies in what was sent, tells. @param isDuplicate it says nothing new and carries nothing */
export function takeAck(c: Connection, isDuplicate: bool): void {
  const isLate = before(segmentAck, c.unacknowledged);
  const advanced: u32 = isLate ? 0 : segmentAck - c.unacknowledged;
  if (advanced === 0 && !isDuplicate && sackCount === 0 && isAtRest(c)) return;
  const flight = underWay(c);
  const known: u32 = c.hasSack ? 0 : c.duplicates * c.mss;
  const lost = c.lostBytes;
  c.delivered = 0;
  c.sampleUs = 0xffffffff;
  c.hasRepeated = false;
  if (advanced > 0) {
    const pieces = removeAcknowledged(c, segmentAck);
    c.unacknowledged = segmentAck;
    forgetDuplicates(c, pieces);
    clearBackoff(c);
    noteProgress(c, tickNow());
  }
  if (sackCount > 0 && c.hasSack) takeSack(c);
  if (c.hasRepeated) sampleByStamp(c, advanced);
  else if (c.sampleUs !== 0xffffffff) sampleRtt(c, c.sampleUs);
  if (c.hasSack) {
    if (c.sackedCount > 0 || c.recovery !== Recovery.open) detectLoss(c);
  } else if (isDuplicate) {
    takeDuplicate(c);
  }
  settleProbe(c);
  // What pieces told of counted when they did.
  const grown: u32 = c.hasSack ? c.delivered : advanced > known ? advanced - known : 0;
  adjust(c, advanced, flight, advanced > 0 ? grown : 0, advanced > 0 && c.lostBytes <= lost);
}

/**
 * An answer to something that was sent again: what else it acknowledges may have waited for that, and tells nothing of the path (Karn). By the peer's echo of our clock it is
 * known which sending is answered (RFC 7323, section 4), in ticks.
 */
function sampleByStamp(c: Connection, advanced: u32): void {
  if (advanced === 0 || !hasStamp || !c.hasTimestamps) return;
  const ticks = tickNow() - (stampEcho - c.stampOffset);
  // Nobody echoes what is yet to come, or a clock of long ago.
  if (ticks <= mostEcho) sampleRtt(c, ticks === 0 ? 512 : ticks << 10);
}

/** Whether an acknowledgement that tells nothing changes nothing. */
function isAtRest(c: Connection): bool {
  return c.recovery === Recovery.open && c.lostBytes === 0 && c.sackedCount === 0 && !c.probeOut;
}

/** Marks what was sent so long before something that arrived that it must be lost; waits for what may be late only (RFC 8985, section 6.2). */
export function detectLoss(c: Connection): void {
  if (c.rackRtt === 0) return;
  const patience = c.rackRtt + reorderWindow(c);
  const now = <u32>nowUs;
  let longest: u32 = 0;
  for (let record = c.sendHead; record !== c.sendNext; record = piece(record).next) {
    const p = piece(record);
    if (p.isSacked || p.isLost) continue;
    const isEarlier =
      before(p.sentAt, c.rackSentAt) || (p.sentAt === c.rackSentAt && before(p.sequence + p.length, c.rackEnd));
    if (!isEarlier) continue;
    const waited = now - p.sentAt;
    if (waited >= patience) noteLost(c, record);
    else if (patience - waited > longest) longest = patience - waited;
  }
  if (longest > 0) armRetransmit(c, kindReorder, tickAfterUs(longest));
}

/** Losses that a timer found are repaired like others. */
export function takeLosses(c: Connection): void {
  if (c.recovery !== Recovery.open || c.lostBytes === 0) return;
  enter(c);
  setWindow(c, underWay(c) + c.mss);
}

/** Nothing was answered for a timeout: all of it counts as lost, and begins slowly anew (RFC 6298, section 5; RFC 5681, section 3.1). */
export function takeTimeout(c: Connection): void {
  // What the peer told of and then did not acknowledge, it has dropped (RFC 2018, section 8).
  const isReneging = c.sendHead !== 0 && piece(c.sendHead).isSacked;
  if (c.recovery !== Recovery.loss) shrinkThreshold(c);
  noteAllLost(c, isReneging);
  if (c.fin === Fin.sent) c.fin = Fin.lost;
  c.recovery = Recovery.loss;
  c.recover = c.sendSequence;
  c.duplicates = 0;
  c.probeOut = false;
  setWindow(c, c.mss);
  backOff(c);
  count(Figure.tcpTimeouts);
}

/** The end of a probe for the tail of a flight: if nothing tells that it was needless, it repaired a loss. */
function settleProbe(c: Connection): void {
  if (!c.probeOut || before(c.unacknowledged, c.probeEnd)) return;
  c.probeOut = false;
  const isNeedless = sackCount > 0 && !before(c.unacknowledged, load<u32>(sackRanges, 4));
  if (!isNeedless && c.recovery === Recovery.open) {
    shrinkThreshold(c);
    setWindow(c, c.threshold);
  }
}

function takeSack(c: Connection): void {
  for (let index: u32 = 0; index < sackCount; index++) {
    const from = load<u32>(sackRanges + (index << 3));
    const to = load<u32>(sackRanges + (index << 3), 4);
    // What was acknowledged is told of again: it came twice (RFC 2883), so it was not lost but late.
    if (index === 0 && !before(segmentAck, to)) {
      if (c.reorderSteps < 8) c.reorderSteps++;
      continue;
    }
    // What was never sent, or runs backwards, is no answer to anything.
    if (!before(from, to) || before(c.sendSequence, to) || before(from, c.unacknowledged)) continue;
    for (let record = c.sendHead; record !== c.sendNext; record = piece(record).next) {
      const p = piece(record);
      if (!before(p.sequence, to)) break;
      if (!p.isSacked && !before(p.sequence, from) && !before(to, p.sequence + p.length)) noteSacked(c, record);
    }
  }
}

/** How late a segment may be beside later ones before it counts as lost. */
function reorderWindow(c: Connection): u32 {
  if (!c.reorderSeen && (c.recovery !== Recovery.open || c.sackedCount >= duplicateThreshold)) return 0;
  const least = c.leastRtt === 0xffffffff ? c.rackRtt : c.leastRtt;
  const window = (least >> 2) * (1 + <u32>c.reorderSteps);
  return window < c.smoothed ? window : c.smoothed;
}

function takeDuplicate(c: Connection): void {
  c.duplicates++;
  c.delivered = c.mss;
  if (c.recovery === Recovery.open && c.duplicates >= duplicateThreshold && c.sendHead !== c.sendNext) {
    // Not for what was repaired by the last timeout (RFC 6582, section 3.2).
    if (before(c.recover, c.unacknowledged) || c.recover === c.unacknowledged) noteLost(c, c.sendHead);
  }
}

/** Of the duplicates, those of pieces that are acknowledged now tell nothing more. */
function forgetDuplicates(c: Connection, pieces: u32): void {
  if (c.duplicates === 0) return;
  const known = pieces > 0 ? pieces - 1 : 0;
  c.duplicates = c.recovery === Recovery.open || known >= c.duplicates ? 0 : c.duplicates - known;
}

function enter(c: Connection): void {
  c.recovery = Recovery.recovering;
  c.recover = c.sendSequence;
  c.prrDelivered = 0;
  c.prrOut = 0;
  c.prrFlight = c.sendSequence - c.unacknowledged;
  shrinkThreshold(c);
  count(Figure.tcpRecoveries);
}

/** The window after an acknowledgement. @param grown bytes by which it may grow. @param isSafe it tells of progress, and of no further loss */
function adjust(c: Connection, advanced: u32, flight: u32, grown: u32, isSafe: bool): void {
  if (c.recovery !== Recovery.open && advanced > 0) {
    if (!before(c.unacknowledged, c.recover)) leave(c);
    // A hole behind the one that was repaired (RFC 6582): without SACK nothing else tells of it.
    else if (!c.hasSack && c.recovery === Recovery.recovering && c.sendHead !== c.sendNext) noteLost(c, c.sendHead);
  }
  takeLosses(c);
  if (c.recovery === Recovery.recovering) proportion(c, isSafe);
  else if (grown > 0 && (c.isLimited || flight + c.mss >= c.congestionWindow)) growWindow(c, grown);
}

function leave(c: Connection): void {
  if (c.recovery === Recovery.recovering) setWindow(c, c.threshold);
  c.recovery = Recovery.open;
  c.duplicates = 0;
}

/** Proportional rate reduction (RFC 6937): beneath the threshold with slow start, while what arrives tells of no further loss (RFC 9937, section 6.2). */
function proportion(c: Connection, isSafe: bool): void {
  const flight = underWay(c);
  c.prrDelivered += c.delivered;
  let more: u32;
  if (flight > c.threshold) {
    const part =
      c.prrFlight === 0 ? 0 : (<u64>c.prrDelivered * <u64>c.threshold + <u64>c.prrFlight - 1) / <u64>c.prrFlight;
    more = <u32>part > c.prrOut ? <u32>part - c.prrOut : 0;
  } else {
    const owed = c.prrDelivered > c.prrOut ? c.prrDelivered - c.prrOut : 0;
    const most = (owed > c.delivered ? owed : c.delivered) + (isSafe ? c.mss : 0);
    const room = c.threshold - flight;
    more = most < room ? most : room;
  }
  // What was lost first is repaired at once.
  if (c.prrOut === 0 && more < c.mss) more = c.mss;
  c.congestionWindow = flight + more;
}

/** Bytes went out while something is repaired. */
export function noteRepairSent(c: Connection, bytes: u32): void {
  if (c.recovery === Recovery.recovering) c.prrOut += bytes;
}
