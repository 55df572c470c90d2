// How much memory data may use, and what makes room when it is more.

import { MAX_MEMORY, PEAK_MEMORY, USED_MEMORY } from './control';
import { setSetting64, setting64 } from './settings';
import { slabsTaken, slabsTotal, slabsUsed } from './slabs';

/** The most that data may use at all: a sixteenth stays for output and incomplete commands. */
export function memoryLimit(): u64 {
  return slabsTotal() - (slabsTotal() >> 4);
}

/** Whether data uses more than it may, or lies scattered over so many pages that little is left of them. */
export function isOverLimit(): bool {
  if (slabsTaken() > memoryLimit()) return true;
  const limit = setting64(MAX_MEMORY);
  return slabsUsed() > (limit === 0 ? memoryLimit() : limit);
}

/** Writes the figures of memory. */
export function tellMemory(): void {
  const used = slabsUsed();
  setSetting64(USED_MEMORY, used);
  if (used > setting64(PEAK_MEMORY)) setSetting64(PEAK_MEMORY, used);
}
