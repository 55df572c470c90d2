// What is due: repetitions, acknowledgements that waited long enough, probes, and ends of what lasts too long. And those that could not send before.

import { before } from '../bytes';
import { nowUs } from '../clock';
import { Setting } from '../control';
import { setting } from '../figures';
import { at, Connection, Fin, State } from './connection';
import { emitEmpty } from './emit';
import { repeatSyn } from './handshake';
import { pendingMany, putPending, takePending } from './pending';
import { piece } from './pieces';
import { detectLoss, takeLosses, takeTimeout } from './recovery';
import { announceRoom } from './room';
import { backOff, timeoutUs } from './rtt';
import { acknowledge, hasNarrowed, transmit, transmitFin, transmitNarrow, transmitProbe } from './sender';
import { relieve } from './stalled';
import { end, reset } from './states';
import {
  arm,
  armRetransmit,
  disarm,
  isDue,
  kindPersist,
  kindProbe,
  kindReorder,
  kindTimeout,
  noteProgress,
  rearm,
  timerAck,
  timerLife,
  timerRetransmit,
} from './timers';
import { msSince, takeDue, tickAfterMs, tickAfterUs, tickNow, wheelDeadline } from './wheel';

const timedOut: i32 = -110;
/** Those that found no room look again after so long at the latest; the more they are, the later. */
const pendingUs: u64 = 256;

/** Does what is due at the time of this turn. */
export function tcpTimers(): void {
  for (let many = pendingMany(); many > 0; many--) {
    const c = at(takePending());
    if (c.state <= State.listen || c.state === State.closed) continue;
    announceRoom(c);
    // Nothing of its own comes back by which it would hear.
    if (c.wantsRoom && c.sendFrames + c.lentFrames === 0) putPending(c);
    if (c.state > State.synReceived) transmit(c);
  }
  for (let block = takeDue(); block !== 0; block = takeDue()) {
    const c = at(block);
    const generation = c.generation;
    expire(c);
    if (c.generation === generation) rearm(c);
  }
  relieve();
}

/** When something is due (`nowUs` of clock.ts); all ones: never. */
export function tcpNextDeadline(): u64 {
  const due = wheelDeadline();
  if (pendingMany() === 0) return due;
  const again = nowUs + pendingUs * <u64>(1 + (pendingMany() >> 6));
  return due < again ? due : again;
}

function expire(c: Connection): void {
  const now = tickNow();
  const generation = c.generation;
  if (isDue(c, timerAck, now)) {
    disarm(c, timerAck);
    if (c.next !== c.acknowledged) acknowledge(c);
  }
  if (isDue(c, timerLife, now)) {
    disarm(c, timerLife);
    endOfLife(c);
    if (c.generation !== generation) return;
  }
  if (!isDue(c, timerRetransmit, now)) return;
  disarm(c, timerRetransmit);
  if (c.state === State.synSent || c.state === State.synReceived) repeatHandshake(c);
  else if (hasLastedTooLong(c, now)) end(c, timedOut);
  else if (c.retransmitKind === kindTimeout) repeat(c);
  else if (c.retransmitKind === kindProbe) probeTail(c);
  else if (c.retransmitKind === kindReorder) {
    detectLoss(c);
    takeLosses(c);
    transmit(c);
  } else if (c.retransmitKind === kindPersist) persist(c);
}

/** Without progress for as long as a user waits; who has no user any more waits less. */
function hasLastedTooLong(c: Connection, now: u32): bool {
  const ms = setting(c.attached || c.listener !== 0 ? Setting.userTimeoutMs : Setting.finWaitMs);
  // While the window is shut, an answer to the last probe is progress enough (RFC 9293, section 3.8.6.1), if somebody is there for whom it may open.
  const mayWait = c.attached && (c.window === 0 || c.retransmitKind === kindPersist);
  if (mayWait && !before(c.lastArrivalTick, c.progressTick)) noteProgress(c, now);
  return msSince(c.progressTick) > ms;
}

function repeatHandshake(c: Connection): void {
  const most = setting(c.state === State.synSent ? Setting.synTries : Setting.synAnswerTries);
  if (<u32>c.tries > most) {
    end(c, timedOut);
    return;
  }
  backOff(c);
  repeatSyn(c);
}

function repeat(c: Connection): void {
  // Long segments vanish again and again: perhaps somebody on the way drops them and does not say so (RFC 2923).
  if (c.backoff === 2) hasNarrowed(c);
  takeTimeout(c);
  transmit(c);
}

/** The end of a flight may be lost, and nothing behind it tells so: it is sent once more, well before the timeout (RFC 8985, section 7). */
function probeTail(c: Connection): void {
  const isFinAlone = c.sendHead === c.sendNext;
  if (isFinAlone) {
    if (c.fin === Fin.sent) transmitFin(c);
  } else {
    const last = c.sendSequence;
    // What was sent again tells of a loss when it is acknowledged; what is new does not.
    c.probeOut = transmitProbe(c) && c.sendSequence === last;
    c.probeEnd = last;
  }
  armRetransmit(c, kindTimeout, tickAfterUs(timeoutUs(c)));
}

/** The peer's window is shut: what it says now is asked for, less and less often. */
function persist(c: Connection): void {
  if (c.sendNext === 0) {
    transmit(c);
    return;
  }
  const waits = <i32>(c.unacknowledged + c.window - piece(c.sendNext).sequence);
  if (waits >= <i32>piece(c.sendNext).length) {
    // It could go: the application held it back for more, which did not come.
    c.corked = false;
    transmit(c);
    return;
  }
  if (waits <= 0 || !transmitNarrow(c)) emitEmpty(c, 0, c.unacknowledged - 1);
  backOff(c);
  const isOut = c.sendSequence !== c.unacknowledged;
  armRetransmit(c, isOut ? kindTimeout : kindPersist, tickAfterUs(timeoutUs(c)));
}

function endOfLife(c: Connection): void {
  if (c.state === State.timeWait) {
    end(c, 0);
    return;
  }
  if (c.state === State.finWait2 && !c.attached) {
    end(c, 0);
    return;
  }
  if (c.keepAlive && (c.state === State.established || c.state === State.closeWait)) keepAlive(c);
}

/** Nothing came for long: is the peer still there (RFC 9293, section 3.8.4)? */
function keepAlive(c: Connection): void {
  const idle = msSince(c.lastArrivalTick);
  const patience = setting(Setting.keepIdleMs);
  if (idle + 2 < patience) {
    c.probes = 0;
    arm(c, timerLife, tickAfterMs(patience - idle));
    return;
  }
  if (c.probes >= setting(Setting.keepProbes)) {
    reset(c, timedOut);
    return;
  }
  // What is under way is repeated anyhow.
  if (c.sendSequence === c.unacknowledged) {
    emitEmpty(c, 0, c.unacknowledged - 1);
    c.probes++;
  }
  arm(c, timerLife, tickAfterMs(setting(Setting.keepIntervalMs)));
}
