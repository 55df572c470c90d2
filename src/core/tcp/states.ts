// How a connection goes from state to state (RFC 9293, section 3.3.2), and how it ends: what the application is told, who keeps the block, and when it is
// free again. Ends that nobody waits for are bounded: in number (orphans) and in time.

import { Figure, Setting, SocketEvent } from '../control';
import { postEvent } from '../events';
import { count, setting } from '../figures';
import { at, Connection, State } from './connection';
import { emitEmpty } from './emit';
import { dropQueue } from './queue';
import { dropReceived } from './receiver';
import { flagRst } from './segment';
import { blockAt, blocks, giveBlock, removeListener, takeBlock, unindexBlock } from './table';
import { arm, disarmAll, timerLife } from './timers';
import { tickAfterMs } from './wheel';

/** Those in TIME_WAIT that no application has, the one that ends first in front. */
let waitFirst: usize = 0;
let waitLast: usize = 0;
/** Connections that say goodbye without an application. */
let orphans: u32 = 0;
let mostOrphans: u32 = 0;

/** Nothing ends yet. Takes the limit from the settings. */
export function configureStates(): void {
  mostOrphans = setting(Setting.orphans);
  if (mostOrphans === 0) mostOrphans = (setting(Setting.connections) >> 2) + 1;
  waitFirst = 0;
  waitLast = 0;
  orphans = 0;
}

/** The connection is in a state now. */
export function enter(c: Connection, state: State): void {
  c.state = state;
}

/** The application, if it has the number, is told what happened. */
export function tell(c: Connection, what: u32): void {
  if (c.attached) postEvent(c.number, what);
}

/** The application has the number from now on. */
export function attach(c: Connection): void {
  c.attached = true;
  c.listener = 0;
}

/** A block for a new connection; where none is free, that of one in TIME_WAIT. 0: none. */
export function blockForNew(): usize {
  let block = takeBlock();
  // The block of one that an application has still is not free by its end.
  while (block === 0 && waitFirst !== 0) {
    count(Figure.tcpWaitsCut);
    end(at(waitFirst), 0);
    block = takeBlock();
  }
  return block;
}

/** Both directions are done: TIME_WAIT, for as long as the settings say. Called again, the time begins anew. */
export function enterTimeWait(c: Connection): void {
  const block = changetype<usize>(c);
  if (c.state === State.timeWait) unlinkWait(block);
  else {
    c.state = State.timeWait;
    dropQueue(c);
    disarmAll(c);
    if (!c.attached) orphans--;
    tell(c, SocketEvent.closed);
  }
  arm(c, timerLife, tickAfterMs(setting(Setting.timeWaitMs)));
  linkWait(block);
}

/** The connection is over. @param error -errno that the application is told once; 0: it ended well */
export function end(c: Connection, error: i32): void {
  const block = changetype<usize>(c);
  const state = c.state;
  if (state === State.timeWait) unlinkWait(block);
  else if (!c.attached && c.listener === 0 && state !== State.listen) orphans--;
  leaveListener(c);
  disarmAll(c);
  dropQueue(c);
  if (state === State.listen) removeListener(block);
  else if (state !== State.closed) unindexBlock(block);
  if (c.attached && state !== State.listen) {
    c.state = State.closed;
    c.error = error;
    c.shutWrite = true;
    if (state !== State.timeWait) tell(c, SocketEvent.closed | SocketEvent.readable);
    return;
  }
  dropReceived(c);
  giveBlock(block);
}

/** Ends a connection by a reset, which the peer is told. */
export function reset(c: Connection, error: i32): void {
  if (c.state >= State.synReceived && c.state < State.timeWait) {
    // With a timestamp, where there are any (RFC 7323, section 3.2).
    emitEmpty(c, flagRst, c.sendSequence);
  }
  end(c, error);
}

/** The application gives the number back; what is still to be said is said without it. Returns whether that is not too much for the stack. */
export function orphan(c: Connection): bool {
  c.attached = false;
  if (c.state === State.timeWait) return true;
  orphans++;
  return orphans <= mostOrphans;
}

/** Connections whose end was said and is not acknowledged: for whoever is about to leave. */
export function endsUnheard(): u32 {
  let many: u32 = 0;
  for (let index: u32 = 0; index < blocks(); index++) {
    const state = at(blockAt(index)).state;
    if (state === State.finWait1 || state === State.closing || state === State.lastAck) many++;
  }
  return many;
}

/** An application's number of something that is over. */
export function forget(c: Connection): void {
  c.attached = false;
  dropReceived(c);
  giveBlock(changetype<usize>(c));
}

/** A connection that its listener made stands in the listener's row of those to accept. Returns whether there was room. */
export function makeReady(c: Connection): bool {
  const listener = at(c.listener);
  if (listener.readyCount >= listener.backlog) return false;
  listener.halfOpen--;
  listener.readyCount++;
  c.link = 0;
  if (listener.readyTail === 0) listener.readyHead = changetype<usize>(c);
  else at(listener.readyTail).link = changetype<usize>(c);
  listener.readyTail = changetype<usize>(c);
  c.isReady = true;
  tell(listener, SocketEvent.accepted);
  return true;
}

/** The next connection that a listener made; 0: none. */
export function takeReady(listener: Connection): usize {
  const block = listener.readyHead;
  if (block === 0) return 0;
  listener.readyHead = at(block).link;
  if (listener.readyHead === 0) listener.readyTail = 0;
  listener.readyCount--;
  at(block).isReady = false;
  attach(at(block));
  return block;
}

/** A new connection belongs to a listener until it was accepted. */
export function beginFor(c: Connection, listener: Connection): void {
  c.listener = changetype<usize>(listener);
  listener.halfOpen++;
}

function leaveListener(c: Connection): void {
  if (c.listener === 0) return;
  const listener = at(c.listener);
  c.listener = 0;
  if (!c.isReady) {
    listener.halfOpen--;
    return;
  }
  listener.readyCount--;
  let before: usize = 0;
  for (let block = listener.readyHead; block !== 0; block = at(block).link) {
    if (block === changetype<usize>(c)) break;
    before = block;
  }
  if (before === 0) listener.readyHead = c.link;
  else at(before).link = c.link;
  if (c.link === 0) listener.readyTail = before;
}

function linkWait(block: usize): void {
  at(block).link = 0;
  at(block).linkBack = waitLast;
  if (waitLast === 0) waitFirst = block;
  else at(waitLast).link = block;
  waitLast = block;
}

function unlinkWait(block: usize): void {
  const c = at(block);
  if (c.linkBack === 0) waitFirst = c.link;
  else at(c.linkBack).link = c.link;
  if (c.link === 0) waitLast = c.linkBack;
  else at(c.link).linkBack = c.linkBack;
}

/** The peer has our FIN, and its own is to come: without an application, only for so long. */
export function enterHalfClosed(c: Connection): void {
  c.state = State.finWait2;
  if (!c.attached) arm(c, timerLife, tickAfterMs(setting(Setting.finWaitMs)));
}
