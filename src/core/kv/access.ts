// When, or how often, a key was used: what eviction goes by, and OBJECT IDLETIME and FREQ. As Redis has it: a time where the policy is one of
// use, else a counter that grows by its own logarithm and shrinks with the minutes.

import { random64 } from '../random';
import { LFU_DECAY_MINUTES, LFU_LOG_FACTOR, POLICY, POLICY_ALLKEYS_LFU, POLICY_VOLATILE_LFU } from './control';
import { entryAccess, entrySetAccess } from './entry';
import { setting } from './settings';
import { upMs } from './time';

/** What a new key's counter begins with, so that it is not evicted before it had a chance. */
const FIRST_COUNT: u32 = 5;

/** Whether the policy counts uses. */
export function countsUses(): bool {
  const policy = setting(POLICY);
  return policy === POLICY_ALLKEYS_LFU || policy === POLICY_VOLATILE_LFU;
}

function minutes(): u32 {
  return (upMs / 60_000) & 0xffff;
}

/** What a new key has. */
export function firstAccess(): u32 {
  return countsUses() ? (minutes() << 8) | FIRST_COUNT : upMs;
}

/** Notes a use. */
export function nextAccess(entry: usize): void {
  if (!countsUses()) {
    entrySetAccess(entry, upMs);
    return;
  }
  let uses = usesOf(entry);
  if (uses < 255) {
    const above = uses > FIRST_COUNT ? uses - FIRST_COUNT : 0;
    if (random64() % (<u64>above * <u64>setting(LFU_LOG_FACTOR) + 1) === 0) uses += 1;
  }
  entrySetAccess(entry, (minutes() << 8) | uses);
}

/** The counter of uses, less what the minutes since have taken. */
export function usesOf(entry: usize): u32 {
  const access = entryAccess(entry);
  const uses = access & 255;
  const decay = setting(LFU_DECAY_MINUTES);
  if (decay === 0) return uses;
  const passed = ((minutes() - (access >> 8)) & 0xffff) / decay;
  return passed >= uses ? 0 : uses - passed;
}

/** Milliseconds since the key was used. */
export function idleMs(entry: usize): u32 {
  return upMs - entryAccess(entry);
}
