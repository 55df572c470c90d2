// Which file the serving threads of a server run: the server's own, or the one that answers for films too. Not here: what it runs
// (media-worker.ts); whoever starts a server loads nothing of it.

import type { ServeOptions } from '../../serve/options.js';

/** The entry of serving threads; undefined: the server's own. */
export function workerEntry(options: ServeOptions): URL | undefined {
  // Whoever reads the options says what is wrong with them.
  return options?.media === true ? new URL('./media-worker.js', import.meta.url) : undefined;
}
