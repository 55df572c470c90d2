// What arrives on a connection: data in order waits in its frames, data beyond a gap in a list; the window says how much more may come, and is bounded by
// frames: for one connection, and for all together. Small pieces are copied together when they would hold too many frames. Not here: what is answered.

import { before } from '../bytes';
import { Figure, Setting } from '../control';
import { copyBytes } from '../copy';
import { count, setting } from '../figures';
import { lendNumbered, releaseFrame } from '../frames';
import { at, Connection } from './connection';
import {
  frameOfPiece,
  numberOfPiece,
  Piece,
  piece,
  pieceOf,
  roomBehind,
  useNone,
  useRead,
  useReceived,
} from './pieces';
import { bars, writeRow } from './rows';
import { cutSegment, flagFin, segmentData, segmentFlags, segmentLength, segmentSequence, trimSegment } from './segment';
import { arm, timerAck } from './timers';
import { tickAfterUs, tickNow } from './wheel';

/** An acknowledgement waits for so long at most. */
const delayUs: u32 = 40_000;
/** So many segments at the start are acknowledged at once: the peer's window grows with each. */
const quickSegments: u8 = 8;

/** Frames that one connection may hold, and all together; bytes of window that a frame stands for. */
let limit: u32 = 0;
/** So many that one holds are few: each stays in its frame, however small it is. */
let few: u32 = 0;
/** A window that is open by so much is no news, if two segments fit into it. */
let wideOpen: u32 = 0;
let budget: u32 = 0;
/** So many of them go to connections that hold some already; the rest is for those that hold few. */
let common: u32 = 0;
const fewFrames: u32 = 8;
let unit: u32 = 0;
/** Frames that connections hold. */
let heldInAll: u32 = 0;
/** Connections with pieces beyond a gap, the longest first. */
let gapFirst: usize = 0;
let gapLast: usize = 0;

/** Takes the limits from the settings. */
export function configureReceiver(): void {
  limit = setting(Setting.receiveFrames);
  budget = setting(Setting.frameCount) >> 1;
  common = budget - (budget >> 2);
  // Of two neighbours that do not fit into one frame, one is half full: so this much always has room, however small the pieces were.
  unit = setting(Setting.frameSize) >> 1;
  heldInAll = 0;
  gapFirst = 0;
  gapLast = 0;
  few = limit >> 2;
  wideOpen = largestWindow() - (largestWindow() >> 2) + 1;
}

/** Whether frames for received data are short: 1 for those that hold some, 2 for all. */
export function receiveShortage(): u32 {
  return heldInAll < common ? 0 : heldInAll < budget ? 1 : 2;
}

/** The most that a window can ever be. */
export function largestWindow(): u32 {
  return limit * unit;
}

/** The connection begins to receive. @param first the first byte's number */
export function beginReceiver(c: Connection, first: u32): void {
  c.next = first;
  c.acknowledged = first;
  c.edge = first;
  c.toldEdge = first;
  c.arrivalMss = 536;
  c.quickAcks = quickSegments;
  c.lastArrivalTick = tickNow();
}

/** Moves the edge on as far as there is room, in steps that are worth a segment (RFC 9293, section 3.8.6.2.2). Returns the window in bytes. */
export function offerWindow(c: Connection): u32 {
  const edge = possibleEdge(c);
  const step = largestWindow() >> 1 < c.arrivalMss ? largestWindow() >> 1 : c.arrivalMss;
  if (before(c.edge, edge) && edge - c.edge >= step) c.edge = edge;
  return c.edge - c.next;
}

/** A segment of ours tells the peer what we have and what we take. */
export function noteTold(c: Connection): void {
  c.acknowledged = c.next;
  c.toldEdge = c.edge;
  c.ackNow = false;
  c.doubledTo = c.doubledFrom;
  c.armed &= ~timerAck;
}

/** Whether the window is not known to be open so wide that none is news. */
export function mayHearOfRoom(c: Connection): bool {
  const open = c.toldEdge - c.next;
  if (open < wideOpen) return true;
  return open < c.arrivalMss << 1;
}

/** Whether the window has opened by so much that the peer should hear of it. */
export function isWindowNews(c: Connection): bool {
  if (!mayHearOfRoom(c)) return false;
  const open = c.toldEdge - c.next;
  const edge = possibleEdge(c);
  if (!before(c.toldEdge, edge)) return false;
  const opened = edge - c.toldEdge;
  return opened >= c.arrivalMss << 1 && (opened >= largestWindow() >> 2 || open < c.arrivalMss << 1);
}

/** Whether a segment touches the window (RFC 9293, section 3.10.7.4). */
export function isInWindow(c: Connection, sequence: u32, space: u32): bool {
  const window = c.edge - c.next;
  if (space === 0) return window === 0 ? sequence === c.next : sequence - c.next < window;
  if (window === 0) return false;
  return sequence - c.next < window || sequence + space - 1 - c.next < window;
}

/** Takes in the data of the segment that was read, which touches the window. Returns whether its frame was kept. */
export function takeData(c: Connection): bool {
  if (before(segmentSequence, c.next)) {
    const known = c.next - segmentSequence;
    noteDoubled(c, segmentSequence, known < segmentLength ? c.next : segmentSequence + segmentLength);
    c.ackNow = true;
    if (known >= segmentLength) return false;
    trimSegment(known);
  }
  const room = c.edge - segmentSequence;
  if (segmentLength > room) {
    cutSegment(room);
    c.ackNow = true;
  }
  if (c.sawFin && before(c.finAt, segmentSequence + segmentLength)) {
    if (!before(segmentSequence, c.finAt)) return false;
    cutSegment(c.finAt - segmentSequence);
  }
  if (segmentLength === 0) return false;
  if (segmentLength > c.arrivalMss) c.arrivalMss = segmentLength;
  c.lastArrivalTick = tickNow();
  if (segmentSequence !== c.next) {
    c.ackNow = true;
    return takeBeyondGap(c);
  }
  return takeInOrder(c);
}

/** Whether the next piece in order can be kept as it came, while none lies beyond a gap: the limits have room, and there are few enough. */
export function hasRoom(c: Connection): bool {
  // Both differences are negative: numbers of frames have no highest bit.
  return <i32>((c.heldFrames - few) & (heldInAll - common)) < 0;
}

/** The next bytes in order came, for which `hasRoom` was true and the window has room. */
export function noteNext(c: Connection, length: u32): void {
  if (length > c.arrivalMss) c.arrivalMss = length;
  c.lastArrivalTick = tickNow();
  c.next += length;
}

/** They wait in the queue; their frame is kept. */
export function keepNext(c: Connection, data: usize, length: u32, sequence: u32): void {
  pushReadable(c, keep(c, data, length, sequence));
}

/** Takes note of a FIN of the segment that was read, and takes it in when all before it is there. Returns whether it was taken in now. */
export function takeFin(c: Connection): bool {
  if ((segmentFlags & flagFin) !== 0 && !c.sawFin) {
    const place = segmentSequence + segmentLength;
    if (!before(place, c.next)) {
      c.sawFin = true;
      c.finAt = place;
    }
  }
  if (!c.sawFin || c.peerFinished || c.next !== c.finAt) return false;
  c.peerFinished = true;
  c.next++;
  // The FIN has a number of its own, which needs no room.
  if (before(c.edge, c.next)) c.edge = c.next;
  c.ackNow = true;
  return true;
}

/** One of those segments at the start that are acknowledged at once, of which some are left. */
export function noteQuick(c: Connection): void {
  c.quickAcks--;
}

/** What was taken in is acknowledged after a while. */
export function armAck(c: Connection): void {
  arm(c, timerAck, tickAfterUs(delayUs));
}

/** Decides when what was taken in is acknowledged: at once, with every second full segment, or after a while (RFC 9293, section 3.8.6.3). */
export function scheduleAck(c: Connection): void {
  if (c.ackNow || c.next === c.acknowledged) return;
  if (c.quickAcks > 0) {
    noteQuick(c);
    c.ackNow = true;
  } else if (c.next - c.acknowledged >= c.arrivalMss << 1) {
    c.ackNow = true;
  } else if ((c.armed & timerAck) === 0) armAck(c);
}

/** The next piece for the application: its record, lent; 0: none waits. */
export function takeReadable(c: Connection): usize {
  const record = c.readHead;
  if (record === 0) return 0;
  const p = piece(record);
  const next = p.next;
  c.readHead = next;
  if (next === 0) c.readTail = 0;
  p.use = useRead;
  lendNumbered(numberOfPiece(record));
  return record;
}

/** The frame of a piece that was read came back. Returns the connection whose window may open by it, or 0. */
export function noteRecycled(p: Piece): usize {
  p.use = useNone;
  heldInAll--;
  const c = at(p.owner);
  if (c.generation !== p.generation) return 0;
  c.heldFrames--;
  return p.owner;
}

/** A piece that the application took in a row goes into the queue after all, in front of what waits there. */
export function putFirst(c: Connection, data: usize, length: u32): void {
  const record = keep(c, data, length, c.next);
  piece(record).next = c.readHead;
  if (c.readHead === 0) c.readTail = record;
  c.readHead = record;
}

/** A piece that the application took in a row stays with it, and is held by the connection that it was of, unless that is another one by now. */
export function holdLent(c: Connection, data: usize, length: u32, generation: u32): void {
  const p = piece(keep(c, data, length, c.next));
  p.use = useRead;
  p.generation = generation;
  if (c.generation !== generation) c.heldFrames--;
}

/** Gives back all frames that wait: nobody will read them. */
export function dropReceived(c: Connection): void {
  dropBeyondGap(c);
  while (c.readHead !== 0) {
    const record = c.readHead;
    c.readHead = piece(record).next;
    release(c, record);
  }
  c.readTail = 0;
}

function possibleEdge(c: Connection): u32 {
  const free = c.heldFrames < limit ? limit - c.heldFrames : 0;
  const most = budgetOf(c);
  const left = heldInAll < most ? most - heldInAll : 0;
  return c.next + (free < left ? free : left) * unit;
}

/** Up to how many frames that all hold a connection may hold another one. */
function budgetOf(c: Connection): u32 {
  return c.heldFrames < fewFrames ? budget : common;
}

function release(c: Connection, record: usize): void {
  piece(record).use = useNone;
  c.heldFrames--;
  heldInAll--;
  releaseFrame(frameOfPiece(record));
}

/** The frame of a received piece is kept. */
function keep(c: Connection, data: usize, length: u32, sequence: u32): usize {
  const record = pieceOf(data);
  const p = piece(record);
  p.next = 0;
  p.data = data;
  p.length = length;
  p.sequence = sequence;
  p.use = useReceived;
  p.owner = changetype<usize>(c);
  p.generation = c.generation;
  c.heldFrames++;
  heldInAll++;
  return record;
}

/** Copies the segment that was read behind a piece, if it fits there. */
function append(record: usize): bool {
  if (record === 0 || segmentLength > roomBehind(record)) return false;
  const p = piece(record);
  copyBytes(p.data + p.length, segmentData, segmentLength);
  p.length += segmentLength;
  count(Figure.tcpJoined);
  return true;
}

function takeInOrder(c: Connection): bool {
  if (c.outHead === 0 && bars(c) === 0 && hasRoom(c)) {
    writeRow(c, segmentData, segmentLength);
    c.next += segmentLength;
    return true;
  }
  let isKept = true;
  // The more frames wait, the more each must carry.
  if (c.heldFrames >= few && append(c.readTail)) isKept = false;
  else if (!makeRoom(c)) {
    if (!append(c.readTail)) return drop(c);
    isKept = false;
  }
  if (isKept) pushReadable(c, keep(c, segmentData, segmentLength, segmentSequence));
  c.next += segmentLength;
  if (c.outHead !== 0) {
    c.ackNow = true;
    closeGap(c);
  }
  return isKept;
}

/** Nothing can be kept: the peer sends it again. */
function drop(c: Connection): bool {
  count(Figure.tcpDropped);
  c.ackNow = true;
  return false;
}

function takeBeyondGap(c: Connection): bool {
  let prior: usize = 0;
  let following = c.outHead;
  if (c.outTail !== 0 && !before(segmentSequence, piece(c.outTail).sequence)) {
    prior = c.outTail;
    following = 0;
  }
  while (following !== 0 && !before(segmentSequence, piece(following).sequence)) {
    prior = following;
    following = piece(following).next;
  }
  if (prior !== 0 && !trimKnown(c, piece(prior).sequence + piece(prior).length)) return false;
  following = dropCovered(c, prior, following);
  if (following !== 0) {
    const room = piece(following).sequence - segmentSequence;
    if (segmentLength > room) cutSegment(room);
  }
  noteRecent(c, segmentSequence);
  if (prior !== 0 && piece(prior).sequence + piece(prior).length === segmentSequence && append(prior)) return false;
  // Room for what is in order stays, whatever lies beyond gaps.
  if (c.heldFrames >= limit - (limit >> 2) || heldInAll >= common) return drop(c);
  const record = keep(c, segmentData, segmentLength, segmentSequence);
  piece(record).next = following;
  if (prior === 0) c.outHead = record;
  else piece(prior).next = record;
  if (following === 0) c.outTail = record;
  if (c.outCount === 0) linkGap(c);
  c.outCount++;
  return true;
}

/** Trims what lies before `end` off the segment that was read. Returns whether something is left. */
function trimKnown(c: Connection, end: u32): bool {
  if (!before(segmentSequence, end)) return true;
  const known = end - segmentSequence;
  noteDoubled(c, segmentSequence, known < segmentLength ? end : segmentSequence + segmentLength);
  if (known >= segmentLength) return false;
  trimSegment(known);
  return true;
}

/** Drops the pieces behind `prior` all of whose bytes the segment that was read has too. Returns the next one. */
function dropCovered(c: Connection, prior: usize, first: usize): usize {
  const end = segmentSequence + segmentLength;
  let following = first;
  while (following !== 0 && !before(end, piece(following).sequence + piece(following).length)) {
    const after = piece(following).next;
    if (prior === 0) c.outHead = after;
    else piece(prior).next = after;
    if (after === 0) c.outTail = prior;
    release(c, following);
    following = after;
    c.outCount--;
    if (c.outCount === 0) unlinkGap(c);
  }
  return following;
}

/** What follows the last byte in order is in order too. */
function closeGap(c: Connection): void {
  while (c.outHead !== 0) {
    const record = c.outHead;
    const p = piece(record);
    if (before(c.next, p.sequence)) return;
    c.outHead = p.next;
    if (c.outHead === 0) c.outTail = 0;
    c.outCount--;
    if (c.outCount === 0) unlinkGap(c);
    const known = c.next - p.sequence;
    if (known >= p.length) {
      release(c, record);
      continue;
    }
    p.next = 0;
    p.data += known;
    p.length -= known;
    p.sequence += known;
    c.next += p.length;
    pushReadable(c, record);
  }
}

function pushReadable(c: Connection, record: usize): void {
  if (c.readTail === 0) c.readHead = record;
  else piece(c.readTail).next = record;
  c.readTail = record;
}

/** Whether another frame may be held: pieces beyond gaps, which the peer has still, are given up for it, those of the longest gap first. */
function makeRoom(c: Connection): bool {
  if (c.heldFrames >= limit) {
    if (c.outHead === 0) return false;
    dropBeyondGap(c);
    if (c.heldFrames >= limit) return false;
  }
  while (heldInAll >= budgetOf(c)) {
    if (gapFirst === 0) return false;
    dropBeyondGap(at(gapFirst));
  }
  return true;
}

function dropBeyondGap(c: Connection): void {
  if (c.outCount === 0) return;
  while (c.outHead !== 0) {
    const record = c.outHead;
    c.outHead = piece(record).next;
    count(Figure.tcpDropped);
    release(c, record);
  }
  c.outTail = 0;
  c.outCount = 0;
  unlinkGap(c);
}

function linkGap(c: Connection): void {
  const block = changetype<usize>(c);
  c.gapNext = 0;
  c.gapBack = gapLast;
  if (gapLast === 0) gapFirst = block;
  else at(gapLast).gapNext = block;
  gapLast = block;
}

function unlinkGap(c: Connection): void {
  if (c.gapBack === 0) gapFirst = c.gapNext;
  else at(c.gapBack).gapNext = c.gapNext;
  if (c.gapNext === 0) gapLast = c.gapBack;
  else at(c.gapNext).gapBack = c.gapBack;
  c.gapNext = 0;
  c.gapBack = 0;
  c.recentCount = 0;
}

function noteRecent(c: Connection, sequence: u32): void {
  c.recent2 = c.recent1;
  c.recent1 = c.recent0;
  c.recent0 = sequence;
  if (c.recentCount < 3) c.recentCount++;
}

function noteDoubled(c: Connection, from: u32, to: u32): void {
  c.doubledFrom = from;
  c.doubledTo = to;
}
