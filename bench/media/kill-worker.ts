// Loaded before the server (`node --import`): on SIGUSR2 the engine of one of its workers is taken from under it, as a fault of the host
// would, and the worker dies. Not here: what becomes of its viewers (trouble.ts).

import { isMainThread } from 'node:worker_threads';
import { engineDescriptors, spoil } from '../../test/support/engine-descriptors.js';

if (isMainThread) {
  process.on('SIGUSR2', () => {
    const [engine] = engineDescriptors();
    if (engine !== undefined) spoil(engine);
  });
}
