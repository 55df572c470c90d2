// The deadlines of one connection: to repeat what was not answered, to acknowledge what waits, and to end what lasts too long. They may move as often as they
// like: the wheel is touched only when the earliest moves forward.

import { before } from '../bytes';
import { Connection } from './connection';
import { isInWheel, wheelPut, wheelRemove } from './wheel';

/** Which deadline: bits of `armed`. */
export const timerRetransmit: u32 = 1;
export const timerAck: u32 = 2;
export const timerLife: u32 = 4;

/** What the first one is for: a timeout, a probe for the tail, an order that may be wrong, a window that is shut. */
export const kindTimeout: u32 = 1;
export const kindProbe: u32 = 2;
export const kindReorder: u32 = 3;
export const kindPersist: u32 = 4;

/** Sets a deadline. */
export function arm(c: Connection, which: u32, tick: u32): void {
  if (which === timerRetransmit) c.retransmitAt = tick;
  else if (which === timerAck) c.ackAt = tick;
  else c.lifeAt = tick;
  c.armed |= which;
  const block = changetype<usize>(c);
  if (!isInWheel(block) || before(tick, c.wheelAt)) wheelPut(block, tick);
}

/** Sets the first deadline, and what for. */
export function armRetransmit(c: Connection, kind: u32, tick: u32): void {
  c.retransmitKind = kind;
  arm(c, timerRetransmit, tick);
}

/** Takes a deadline back. The wheel finds out when it comes to the connection. */
export function disarm(c: Connection, which: u32): void {
  c.armed &= ~which;
}

/** The connection needs no timers any more. */
export function disarmAll(c: Connection): void {
  c.armed = 0;
  wheelRemove(changetype<usize>(c));
}

/** Whether a deadline has come. */
export function isDue(c: Connection, which: u32, tick: u32): bool {
  if ((c.armed & which) === 0) return false;
  return !before(tick, which === timerRetransmit ? c.retransmitAt : which === timerAck ? c.ackAt : c.lifeAt);
}

/** Puts a connection into the wheel again, at the earliest of its deadlines. */
export function rearm(c: Connection): void {
  const armed = c.armed;
  if (armed === 0) return;
  let tick: u32 = 0;
  let isFirst = true;
  for (let which: u32 = timerRetransmit; which <= timerLife; which <<= 1) {
    if ((armed & which) === 0) continue;
    const own = which === timerRetransmit ? c.retransmitAt : which === timerAck ? c.ackAt : c.lifeAt;
    if (isFirst || before(own, tick)) tick = own;
    isFirst = false;
  }
  wheelPut(changetype<usize>(c), tick);
}

/** It goes on: the peer answered, or there is something new to wait for. */
export function noteProgress(c: Connection, tick: u32): void {
  c.progressTick = tick;
  c.probes = 0;
}
