// The package's front door: what `import ... from 'clearway'` gives.

export { SystemError, UnsupportedError } from './kernel/system-error.js';
export { OptionError, type ServeOptions } from './serve/options.js';
export type { Server } from './serve/server.js';

import { workerEntry } from './media/serving/entry.js';
import type { ServeOptions } from './serve/options.js';
import { createServer as create, type Server } from './serve/server.js';

/**
 * Makes a server for a directory; `await server.listen()` starts it.
 * @throws OptionError for a bad option, UnsupportedError where there is no Linux.
 */
export function createServer(options: ServeOptions = {}): Server {
  return create(options, workerEntry(options));
}
