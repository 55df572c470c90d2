// How connections begin: what both sides offer, sequence numbers that strangers cannot guess (RFC 6528), and cookies (RFC 4987) in place of memory when a
// listener has too many that are half open.

import { putAddress } from '../addresses';
import { before } from '../bytes';
import { nowUs } from '../clock';
import { Figure } from '../control';
import { count } from '../figures';
import { pathMtu } from '../ip/paths';
import { beginWindow } from './congestion';
import { at, Connection, State } from './connection';
import { emitSyn, emitSynOf } from './emit';
import { beginReceiver, largestWindow } from './receiver';
import { beginRecovery } from './recovery';
import { resetRtt, sampleRtt, timeoutUs, waitLonger } from './rtt';
import {
  hasStamp,
  optionMss,
  optionSack,
  optionShift,
  segmentAck,
  segmentPorts,
  segmentSequence,
  segmentWindow,
  stampEcho,
  stampValue,
} from './segment';
import { updateMss } from './sender';
import { roomForNew } from './stalled';
import { beginFor, enter } from './states';
import { hashNames, indexBlock, nameBlock } from './table';
import { armRetransmit, kindTimeout, noteProgress } from './timers';
import { tickAfterUs, tickNow } from './wheel';

/** What names are hashed for. */
const purposeSequence: u32 = 1;
const purposeStamp: u32 = 2;
const purposeCookie: u32 = 3;
/** A cookie is taken for so many of the clock's periods of 2^26 microseconds (67 s). */
const cookiePeriods: u32 = 2;
const cookieClock: u64 = 26;
const defaultMss: u32 = 536;
/** As Linux has it: more than a window that is not scaled. */
const behindBytes: u32 = 65_537;
/** Segment sizes that a cookie can remember. */
const cookieSizes = memory.data<u16>([536, 1024, 1220, 1300, 1400, 1440, 1452, 1460]);
/** When a cookie was sent last: who brings one later has guessed it. */
let cookieSentUs: u64 = 0;
let hasSentCookie: bool = false;
/** Where a new connection takes the place of one in TIME_WAIT: its numbers begin behind that one's (RFC 9293, section 3.4.1). */
let followsAfter: u32 = 0;
let isFollowing: bool = false;
/** Names for cookies: ours, then the peer's. */
const names = memory.data(32, 8);

/** The shift that our largest window needs. */
function ownShift(): u32 {
  let shift: u32 = 0;
  while (largestWindow() >> shift > 0xffff && shift < 14) shift++;
  return shift;
}

/** No cookie was sent, and nothing follows after anything yet. */
export function configureHandshake(): void {
  hasSentCookie = false;
  isFollowing = false;
}

/** The connection that the segment at hand begins takes the place of one that sent up to here. */
export function beginBehind(sequence: u32): void {
  followsAfter = sequence + behindBytes;
  isFollowing = true;
}

/** Begins a connection of ours: a block that is named. Sends the SYN. */
export function beginConnect(c: Connection): void {
  begin(c);
  c.hasTimestamps = true;
  c.hasSack = true;
  c.offersShift = true;
  c.receiveShift = <u8>ownShift();
  beginReceiver(c, 0);
  c.edge = firstWindow();
  enter(c, State.synSent);
  repeatSyn(c);
}

/** Sends the SYN, or the answer to one, and waits for what comes. */
export function repeatSyn(c: Connection): void {
  emitSyn(c, c.state === State.synReceived);
  c.sentSynAt = <u32>nowUs;
  if (c.tries < 255) c.tries++;
  armRetransmit(c, kindTimeout, tickAfterUs(timeoutUs(c)));
}

/** The SYN that was read asks a listener: a connection begins, or a cookie is sent. */
export function takeSyn(listener: Connection, local: usize, remote: usize): void {
  if (listener.halfOpen + listener.readyCount >= listener.backlog) {
    sendCookie(local, remote);
    return;
  }
  const block = roomForNew();
  if (block === 0) {
    sendCookie(local, remote);
    return;
  }
  const c = at(block);
  nameBlock(block, local, remote, segmentPorts);
  indexBlock(block);
  beginFor(c, listener);
  begin(c);
  takeOffers(c);
  enter(c, State.synReceived);
  repeatSyn(c);
}

/** The SYN that was read, from whom we speak to already: what was offered holds as far as both offer it. */
export function takeOffers(c: Connection): void {
  c.hasTimestamps = hasStamp && (c.state !== State.synSent || c.hasTimestamps);
  c.hasSack = optionSack && (c.state !== State.synSent || c.hasSack);
  c.offersShift = optionShift >= 0;
  c.sendShift = optionShift >= 0 ? <u8>optionShift : 0;
  c.receiveShift = optionShift >= 0 ? <u8>ownShift() : 0;
  c.peerMss = clampMss(optionMss);
  if (hasStamp) {
    c.recentStamp = stampValue;
    c.recentStampTick = tickNow();
  }
  c.initialReceive = segmentSequence;
  beginReceiver(c, segmentSequence + 1);
  c.edge = c.next + firstWindow();
  // The window of a SYN is not scaled (RFC 7323, section 2.2).
  c.window = segmentWindow;
  c.largestWindow = segmentWindow;
  c.windowSequence = segmentSequence;
  c.windowAck = c.unacknowledged;
}

/** Both have agreed: data may flow. */
export function establish(c: Connection): void {
  c.unacknowledged = c.initialSend + 1;
  updateMss(c);
  if (c.tries === 1) sampleRtt(c, <u32>nowUs - c.sentSynAt);
  else waitLonger(c);
  c.backoff = 0;
  beginRecovery(c, c.unacknowledged);
  beginWindow(c, c.tries > 1);
  noteProgress(c, tickNow());
  enter(c, State.established);
  count(Figure.tcpOpened);
}

/** Whether the acknowledgement that was read, of nobody we know, brings back a cookie of ours. */
export function isCookie(local: usize, remote: usize): bool {
  const cookie = segmentAck - 1;
  const age = (cookiePeriod() - (cookie >> 27)) & 31;
  if (age >= cookiePeriods || !hasSentCookie || (nowUs - cookieSentUs) >> cookieClock > <u64>cookiePeriods)
    return false;
  if (cookieOf(local, remote, segmentSequence - 1, cookie >> 27, (cookie >> 24) & 7) === cookie) return true;
  count(Figure.tcpCookiesRefused);
  return false;
}

/** The cookie that was read (`isCookie`) makes a connection: its block. 0: the listener or the table has no room, and the peer is to try again. */
export function takeCookie(listener: Connection, local: usize, remote: usize): usize {
  const cookie = segmentAck - 1;
  const peer = segmentSequence - 1;
  const block: usize = listener.readyCount >= listener.backlog ? 0 : roomForNew();
  if (block === 0) {
    count(Figure.tcpBacklogFull);
    return 0;
  }
  const c = at(block);
  nameBlock(block, local, remote, segmentPorts);
  indexBlock(block);
  beginFor(c, listener);
  begin(c);
  c.initialSend = cookie;
  c.sendSequence = cookie + 1;
  c.queueEnd = cookie + 1;
  c.initialReceive = peer;
  c.peerMss = clampMss(<u32>load<u16>(cookieSizes + (((cookie >> 24) & 7) << 1)));
  if (hasStamp) {
    // What was offered, in the lowest bits of the clock that the peer echoes.
    const said = stampEcho - c.stampOffset;
    c.hasTimestamps = true;
    c.hasSack = (said & 16) !== 0;
    c.offersShift = (said & 15) !== 15;
    c.sendShift = c.offersShift ? <u8>(said & 15) : 0;
    c.receiveShift = c.offersShift ? <u8>ownShift() : 0;
    c.recentStamp = stampValue;
    c.recentStampTick = tickNow();
  }
  beginReceiver(c, segmentSequence);
  c.edge = c.next + firstWindow();
  c.tries = 2;
  c.state = State.synReceived;
  count(Figure.tcpCookiesTaken);
  return block;
}

/** What a connection begins with, whoever spoke first. */
function begin(c: Connection): void {
  const block = changetype<usize>(c);
  c.stampOffset = <u32>hashNames(block, block + 16, c.ports, purposeStamp, 0);
  // One in 4 microseconds, and a part that only we can know.
  c.initialSend = <u32>(nowUs >> 2) + <u32>hashNames(block, block + 16, c.ports, purposeSequence, 0);
  if (isFollowing && before(c.initialSend, followsAfter)) c.initialSend = followsAfter;
  isFollowing = false;
  c.unacknowledged = c.initialSend;
  c.sendSequence = c.initialSend + 1;
  c.queueEnd = c.sendSequence;
  c.peerMss = <u16>defaultMss;
  c.lastSendTick = tickNow();
  c.lastArrivalTick = tickNow();
  resetRtt(c);
  noteProgress(c, tickNow());
}

function firstWindow(): u32 {
  return largestWindow() < 0xffff ? largestWindow() : 0xffff;
}

/** Segments of nearly nothing would cost more than they carry. */
function clampMss(said: u32): u16 {
  const mss = said === 0 ? defaultMss : said < 88 ? 88 : said;
  return <u16>mss;
}

/** The clock in periods, 5 bits. */
function cookiePeriod(): u32 {
  return <u32>(nowUs >> cookieClock) & 31;
}

function cookieOf(local: usize, remote: usize, peer: u32, period: u32, size: u32): u32 {
  const extra = ((<u64>peer) << 32) | <u64>((period << 3) | size);
  return (
    (period << 27) | (size << 24) | (<u32>hashNames(local, remote, segmentPorts, purposeCookie, extra) & 0xff_ffff)
  );
}

function sendCookie(local: usize, remote: usize): void {
  const most = pathMtu(remote) - 40;
  let said: u32 = <u32>clampMss(optionMss);
  if (said > most) said = most;
  let size: u32 = 7;
  while (size > 0 && <u32>load<u16>(cookieSizes + (size << 1)) > said) size--;
  putAddress(names, local);
  putAddress(names + 16, remote);
  const offset = <u32>hashNames(local, remote, segmentPorts, purposeStamp, 0);
  // The clock with what was offered in its 5 lowest bits, but never later than the clock itself.
  const shift: u32 = optionShift >= 0 ? <u32>optionShift : 15;
  let clock = (tickNow() & ~31) | (optionSack ? 16 : 0) | shift;
  if (before(tickNow(), clock)) clock -= 32;
  count(Figure.tcpCookiesSent);
  cookieSentUs = nowUs;
  hasSentCookie = true;
  emitSynOf(
    names,
    segmentPorts,
    cookieOf(local, remote, segmentSequence, cookiePeriod(), size),
    segmentSequence + 1,
    true,
    firstWindow(),
    hasStamp ? (optionSack ? 3 : 1) : 0,
    hasStamp && optionShift >= 0 ? <i32>ownShift() : -1,
    clock + offset,
    stampValue,
  );
}
