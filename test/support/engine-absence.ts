// Whether an engine can be had on this host, for tests that need a real one. Not here: engines of the conformance tests (test/conformance/bench.ts).

import { platformIsLinux } from '../../src/kernel/ffi.js';
import { openEngine } from '../../src/transport/open-engine.js';

/** Why there is no such engine here; false: there is. */
export function engineAbsence(engine: 'uring' | 'epoll'): string | false {
  if (!platformIsLinux) return 'needs Linux';
  try {
    openEngine(engine).close();
    return false;
  } catch (error) {
    return (error as Error).message;
  }
}
