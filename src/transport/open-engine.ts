// Which engine a loop gets: io_uring where the host allows it, epoll otherwise. Probed, never assumed.

import type { Engine } from '../engine/engine.js';
import { EpollEngine } from '../epoll/engine.js';
import { SystemError } from '../kernel/system-error.js';
import { UringEngine } from '../uring/engine.js';

/** `auto` takes io_uring where it works. */
export type EngineChoice = 'auto' | 'uring' | 'epoll';

/** @throws SystemError when `uring` was asked for and is refused, UnsupportedError where there is no Linux. */
export function openEngine(choice: EngineChoice): Engine {
  if (choice === 'epoll') return new EpollEngine();
  try {
    return new UringEngine();
  } catch (error) {
    if (choice === 'uring' || !(error instanceof SystemError)) throw error;
    return new EpollEngine();
  }
}
