// A module of the core in a memory of its own, for tests: no kernel is needed.

import { MADV } from '../../src/kernel/constants.js';
import { tryAdviseMemory } from '../../src/kernel/memory.js';
import { CoreModule } from '../../src/memory/core-module.js';

/**
 * Loads dist/core/NAME.wasm. A stack writes all of its memory when it is configured, and tests make hundreds of them: where the kernel gives pages of
 * 2 MiB, that takes a third of the time. @param pages of 64 KiB.
 */
export function loadCore<Exports>(name: string, pages: number): CoreModule<Exports> {
  const module = new CoreModule<Exports>(name, pages * 65_536);
  if (module.address !== 0) tryAdviseMemory(module.address, module.bytes.length, MADV.HUGEPAGE);
  return module;
}
