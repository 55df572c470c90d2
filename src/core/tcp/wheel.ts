// When each connection wants to be looked at: a wheel of timers with four levels of 64 slots. Setting, moving and taking out cost the same however many there
// are. Time is counted in ticks of 1.024 ms. A connection stands in it once, at the earliest of its deadlines; what is due is timeouts.ts's business.

import { take } from '../arena';
import { before } from '../bytes';
import { nowUs } from '../clock';
import { at } from './connection';

const levels: u32 = 4;
const slotBits: u32 = 6;
const slotMask: u32 = 63;
/** The furthest that the wheel reaches; what is later is looked at then, and put in again. */
const reach: u32 = (1 << 24) - 1;
/** Not in the wheel. */
const nowhere: u32 = 0;
/** In the row of those that are due; slots count from 1 on. */
const dueSlot: u32 = 257;

/** First connection of each slot, and of those that are due. */
let slots: usize = 0;
/** A bit for each slot that is not empty, a level each. */
const occupied = memory.data(32, 8);
/** Everything up to this tick was taken out. */
let wheelTick: u32 = 0;

/** Ticks of the core's clock. */
export function tickNow(): u32 {
  return <u32>(nowUs >> 10);
}

/** The tick at which at least so many microseconds have gone by. */
export function tickAfterUs(us: u32): u32 {
  return <u32>((nowUs + <u64>us + 1023) >> 10);
}

/** The tick at which at least so many milliseconds have gone by. */
export function tickAfterMs(ms: u32): u32 {
  return <u32>((nowUs + <u64>ms * 1000 + 1023) >> 10);
}

/** Whole milliseconds since a tick. */
export function msSince(tick: u32): u32 {
  return <u32>(((<u64>(tickNow() - tick)) << 10) / 1000);
}

/** Lays out the empty wheel. Returns whether there was room. */
export function configureWheel(): bool {
  slots = take((dueSlot + 1) * 4, 64);
  memory.fill(occupied, 0, 32);
  wheelTick = tickNow();
  return slots !== 0;
}

/** Puts a connection in, or moves it, so that it is looked at at a tick. */
export function wheelPut(connection: usize, tick: u32): void {
  const c = at(connection);
  if (c.wheelSlot !== nowhere) {
    if (c.wheelAt === tick) return;
    unlink(connection);
  }
  c.wheelAt = tick;
  link(connection, slotFor(tick));
}

/** Takes a connection out. */
export function wheelRemove(connection: usize): void {
  if (at(connection).wheelSlot !== nowhere) unlink(connection);
}

/** Whether a connection stands in the wheel, so that `wheelAt` says for when. */
export function isInWheel(connection: usize): bool {
  return at(connection).wheelSlot !== nowhere;
}

/** The next connection that is due by now; 0: none is. It stands in the wheel no more. */
export function takeDue(): usize {
  advance(tickNow());
  const connection = load<usize>(slotAt(dueSlot));
  if (connection !== 0) unlink(connection);
  return connection;
}

/** The core's time in microseconds at which the wheel wants to be turned; all ones: never. */
export function wheelDeadline(): u64 {
  if (load<usize>(slotAt(dueSlot)) !== 0) return nowUs;
  const away = ticksToNext();
  if (away === 0xffffffff) return 0xffff_ffff_ffff_ffff;
  // Ticks wrap after 52 days; the clock does not.
  const ticks = <i64>(nowUs >> 10) + <i64>(<i32>(wheelTick + away - tickNow()));
  return (<u64>ticks) << 10;
}

/** Ticks from `wheelTick` to the next one at which a slot must be emptied or spread out. */
function ticksToNext(): u32 {
  let least: u32 = 0xffffffff;
  for (let level: u32 = 0; level < levels; level++) {
    const bits = load<u64>(occupied + (level << 3));
    if (bits === 0) continue;
    const shift = level * slotBits;
    const first = (wheelTick >> shift) + 1;
    const steps = <u32>ctz<u64>(rotr<u64>(bits, <u64>(first & slotMask)));
    const away = ((first + steps) << shift) - wheelTick;
    if (away < least) least = away;
  }
  return least;
}

function advance(target: u32): void {
  while (before(wheelTick, target)) {
    const away = ticksToNext();
    if (away > target - wheelTick) {
      wheelTick = target;
      return;
    }
    wheelTick += away;
    for (let level = levels - 1; level > 0; level--) {
      const shift = level * slotBits;
      if ((wheelTick & ((1 << shift) - 1)) === 0) empty(1 + (level << slotBits) + ((wheelTick >> shift) & slotMask));
    }
    empty(1 + (wheelTick & slotMask));
  }
}

/** Puts all of a slot where they belong now: those that are due into their row. */
function empty(slot: u32): void {
  for (let connection = load<usize>(slotAt(slot)); connection !== 0; connection = load<usize>(slotAt(slot))) {
    unlink(connection);
    link(connection, slotFor(at(connection).wheelAt));
  }
}

function slotFor(tick: u32): u32 {
  if (!before(wheelTick, tick)) return dueSlot;
  let away = tick - wheelTick;
  if (away > reach) away = reach;
  const when = wheelTick + away;
  let level: u32 = 0;
  while (level < levels - 1 && away >> ((level + 1) * slotBits) !== 0) level++;
  return 1 + (level << slotBits) + ((when >> (level * slotBits)) & slotMask);
}

function slotAt(slot: u32): usize {
  return slots + ((<usize>slot) << 2);
}

function link(connection: usize, slot: u32): void {
  const c = at(connection);
  const first = load<usize>(slotAt(slot));
  c.wheelSlot = slot;
  c.wheelNext = first;
  c.wheelBack = 0;
  if (first !== 0) at(first).wheelBack = connection;
  store<usize>(slotAt(slot), connection);
  if (slot !== dueSlot) mark(slot - 1, true);
}

function unlink(connection: usize): void {
  const c = at(connection);
  const slot = c.wheelSlot;
  if (c.wheelBack !== 0) at(c.wheelBack).wheelNext = c.wheelNext;
  else store<usize>(slotAt(slot), c.wheelNext);
  if (c.wheelNext !== 0) at(c.wheelNext).wheelBack = c.wheelBack;
  c.wheelSlot = nowhere;
  if (slot !== dueSlot && load<usize>(slotAt(slot)) === 0) mark(slot - 1, false);
}

function mark(index: u32, isSet: bool): void {
  const word = occupied + ((index >> slotBits) << 3);
  const place: u64 = index & slotMask;
  const bit = (<u64>1) << place;
  store<u64>(word, isSet ? load<u64>(word) | bit : load<u64>(word) & ~bit);
}
