// The seam of TCP toward the layers below it: segments come in here, with what else they tell of a path, and find their connection, a listener, or nobody.

import { before } from '../bytes';
import { Figure } from '../control';
import { count } from '../figures';
import { arrive } from './arrival';
import { configureChallenges } from './challenge';
import { configureCongestion } from './congestion';
import { at, Connection, State } from './connection';
import { emitBare } from './emit';
import { beginBehind, configureHandshake, isCookie, takeCookie, takeSyn } from './handshake';
import { configurePending } from './pending';
import { configurePieces, piece } from './pieces';
import { configureQueue, noteLost } from './queue';
import { configureReceiver } from './receiver';
import { configureRows } from './rows';
import {
  flagAck,
  flagFin,
  flagRst,
  flagSyn,
  hasStamp,
  readSegment,
  segmentAck,
  segmentFlags,
  segmentPorts,
  segmentSequence,
  segmentSpace,
  stampValue,
} from './segment';
import { canSend, transmit, updateMss } from './sender';
import { configureStalled } from './stalled';
import { configureStates, end } from './states';
import { blockAt, blocks, configureTable, findBlock, findListener } from './table';
import { configureWheel } from './wheel';

export { tcpNextDeadline, tcpTimers } from './timeouts';

/** Lays out what TCP needs in the arena, by the settings. Returns whether there was room. */
export function configureTcp(): bool {
  if (!configureTable() || !configurePieces() || !configureWheel() || !configurePending(blocks())) return false;
  configureReceiver();
  configureRows();
  configureQueue();
  configureCongestion();
  configureStates();
  configureChallenges();
  configureHandshake();
  configureStalled();
  return true;
}

/**
 * A segment of at least 20 bytes, whose checksum is right, from a host to one of our addresses (16 bytes each).
 * Returns whether its frame is kept: then TCP releases it (`releaseFrame`), or lends it.
 */
export function tcpInput(frame: usize, _ip: usize, segment: usize, length: u32, local: usize, remote: usize): bool {
  count(Figure.tcpSegmentsReceived);
  if (!readSegment(segment, length)) {
    count(Figure.tcpMalformed);
    return false;
  }
  const block = findBlock(local, remote, segmentPorts);
  if (block !== 0 && !isReborn(at(block), local)) return arrive(at(block), frame);
  if (block !== 0) {
    beginBehind(at(block).sendSequence);
    end(at(block), 0);
  }
  return arriveFresh(frame, local, remote);
}

/** The same for a connection that stands, of which it is known already that the segment is its. */
export function tcpArrive(c: Connection, frame: usize, segment: usize, length: u32): bool {
  count(Figure.tcpSegmentsReceived);
  if (readSegment(segment, length)) return arrive(c, frame);
  count(Figure.tcpMalformed);
  return false;
}

/**
 * Whether the 8 bytes at `quoted` (ports of ours and of the other side, sequence number) are of a segment of ours that is under way: sent and not acknowledged.
 */
export function tcpOwnsQuoted(local: usize, remote: usize, quoted: usize): bool {
  const c = at(findBlock(local, remote, rotl<u32>(load<u32>(quoted), 16)));
  if (changetype<usize>(c) === 0) return false;
  const sequence = bswap<u32>(load<u32>(quoted, 4));
  return !before(sequence, c.unacknowledged) && before(sequence, c.sendSequence);
}

/** The way to an address carries packets of at most `mtu` bytes from now on. It may also be more than before. */
export function tcpPathChanged(remote: usize, _mtu: u32): void {
  for (let number: u32 = 0; number < blocks(); number++) {
    const c = at(blockAt(number));
    if (c.state < State.established || c.state >= State.timeWait) continue;
    if (c.remote0 !== load<u64>(remote) || c.remote1 !== load<u64>(remote, 8)) continue;
    const mss = c.mss;
    updateMss(c);
    if (c.mss < mss && canSend(c)) repeatShorter(c);
  }
}

/** A segment, of which `tcpOwnsQuoted` was true, did not arrive: -ECONNREFUSED, -EHOSTUNREACH or -ENETUNREACH. A connection that stands outlives it. */
export function tcpUnreachable(local: usize, remote: usize, quoted: usize, error: i32): void {
  const block = findBlock(local, remote, rotl<u32>(load<u32>(quoted), 16));
  if (block !== 0 && (at(block).state === State.synSent || at(block).state === State.synReceived))
    end(at(block), error);
}

/** What was too long for its way is lost, and is sent again in parts. */
function repeatShorter(c: Connection): void {
  for (let record = c.sendHead; record !== c.sendNext; record = piece(record).next) {
    if (piece(record).length > c.mss) noteLost(c, record);
  }
  transmit(c);
}

/** Whether the segment begins a new connection in the place of one in TIME_WAIT (RFC 9293, section 3.10.7.4; RFC 6191). */
function isReborn(c: Connection, local: usize): bool {
  if (c.state !== State.timeWait || (segmentFlags & (flagSyn | flagAck | flagRst)) !== flagSyn) return false;
  const isNewer = before(c.next, segmentSequence) || (hasStamp && c.hasTimestamps && before(c.recentStamp, stampValue));
  return isNewer && findListener(local, <u16>(segmentPorts >> 16)) !== 0;
}

/** A segment of nobody whom we know. Returns whether its frame was kept. */
function arriveFresh(frame: usize, local: usize, remote: usize): bool {
  if ((segmentFlags & flagRst) !== 0) return false;
  const listener = findListener(local, <u16>(segmentPorts >> 16));
  const kind = segmentFlags & (flagSyn | flagAck | flagFin);
  if (listener !== 0 && kind === flagSyn && <u16>segmentPorts !== 0) {
    takeSyn(at(listener), local, remote);
    return false;
  }
  if (listener !== 0 && (segmentFlags & (flagSyn | flagAck)) === flagAck) {
    if (isCookie(local, remote)) {
      const block = takeCookie(at(listener), local, remote);
      // Without room nothing is said: the peer tries again, and may find some.
      return block !== 0 && arrive(at(block), frame);
    }
  }
  if ((segmentFlags & flagAck) !== 0) emitBare(local, remote, segmentPorts, flagRst, segmentAck, 0);
  else emitBare(local, remote, segmentPorts, flagRst | flagAck, 0, segmentSequence + segmentSpace());
  return false;
}
