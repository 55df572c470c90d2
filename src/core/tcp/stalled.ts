// When frames or sockets are short: who is reset, so that a few peers that take nothing cannot keep them from all others. RFC 9293 (section 3.8.6.1) keeps a
// connection whose peer's window is shut for as long as the peer answers; RFC 6429 allows to end it when its resources are needed. Nobody is reset while
// there is enough.

import { Figure, Setting } from '../control';
import { count, setting } from '../figures';
import { at, State } from './connection';
import { hasWaitedMs, sendShortage } from './queue';
import { receiveShortage } from './receiver';
import { blockForNew, reset } from './states';
import { blockAt, blocks } from './table';
import { tickNow } from './wheel';

const timedOut: i32 = -110;
/** Looking at all connections costs: where nobody was found, it is done again after so many ticks. */
const restTicks: u32 = 64;

let lookedTick: u32 = 0;
let hasLooked: bool = false;

/** Nobody was looked for yet. */
export function configureStalled(): void {
  hasLooked = false;
}

/** Resets the worst of those that stand still, if frames are short. */
export function relieve(): void {
  const sending = sendShortage();
  const receiving = receiveShortage();
  const shortage = sending > receiving ? sending : receiving;
  if (shortage > 0) resetWorst(shortage > 1 ? setting(Setting.stallMs) / 10 : setting(Setting.stallMs));
}

/** A block for a new connection; where none is free, that of one in TIME_WAIT, or of one that stands still. 0: none. */
export function roomForNew(): usize {
  const block = blockForNew();
  if (block !== 0 || !resetWorst(setting(Setting.stallMs))) return block;
  // One that the application has still is free when that was told; the peer tries again.
  return blockForNew();
}

/** Resets the connection that holds most frames, of those whose peers did not take for so long what waited then. Returns whether there was one. */
function resetWorst(patienceMs: u32): bool {
  if (hasLooked && tickNow() - lookedTick < restTicks) return false;
  let worst: usize = 0;
  let most: u32 = 0;
  for (let number: u32 = 0; number < blocks(); number++) {
    const block = blockAt(number);
    const c = at(block);
    if (c.state < State.established || c.state > State.lastAck) continue;
    const frames = c.sendFrames + c.heldFrames;
    if (frames <= most || hasWaitedMs(c) < patienceMs) continue;
    worst = block;
    most = frames;
  }
  hasLooked = worst === 0;
  lookedTick = tickNow();
  if (worst === 0) return false;
  count(Figure.tcpStalled);
  reset(at(worst), timedOut);
  return true;
}
