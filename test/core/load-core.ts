// A module of the core in a memory of its own, for tests: no kernel is needed.

import { CoreModule } from '../../src/memory/core-module.js';

/** Loads dist/core/NAME.wasm. @param pages of 64 KiB. */
export function loadCore<Exports>(name: string, pages: number): CoreModule<Exports> {
  return new CoreModule<Exports>(name, pages * 65_536);
}
