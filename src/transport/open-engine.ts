// Which engine a loop gets: io_uring where the host allows it, epoll otherwise. Probed, never assumed.

import type { Engine } from '../engine/engine.js';
import { EpollEngine } from '../epoll/engine.js';
import { SystemError } from '../kernel/system-error.js';
import { wrongArgument } from '../text/coded.js';
import { shown } from '../text/shown.js';
import { UringEngine } from '../uring/engine.js';

/** `auto` takes io_uring where it works. */
export type EngineChoice = 'auto' | 'uring' | 'epoll';

/**
 * @throws SystemError when `uring` was asked for and is refused, UnsupportedError where there is no Linux, RangeError for an engine that there is
 * not.
 */
export function openEngine(choice: EngineChoice): Engine {
  if (choice !== 'auto' && choice !== 'uring' && choice !== 'epoll')
    throw wrongArgument(`an engine is auto, uring or epoll, not ${shown(choice)}`);
  if (choice === 'epoll') return new EpollEngine();
  try {
    return new UringEngine();
  } catch (error) {
    if (choice === 'uring' || !(error instanceof SystemError)) throw error;
    return new EpollEngine();
  }
}
