// The one copy between memory that is known by its addresses alone. It is counted as those of copy.ts are, whose part this is; it stands by itself because that file is
// used by what never reaches the kernel.

import { copyMemory } from '../kernel/memory.js';
import { countCopy } from './copy.js';

/** Copies and counts. The caller answers for both ranges, which do not overlap: what is not mapped is the end of the process. */
export function copyAddresses(reason: number, target: number, source: number, length: number): void {
  countCopy(reason, length);
  copyMemory(target, source, length);
}
