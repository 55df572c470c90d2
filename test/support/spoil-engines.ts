// Loaded before the program (`node --import`): with each byte on stdin the engines of all workers are taken from under
// them, as a fault of the host would. The main thread's clock stands, so that deaths are as close together as a test says,
// however slow it is.

import { isMainThread } from 'node:worker_threads';
import { engineDescriptors, spoil } from './engine-descriptors.js';

if (isMainThread) {
  const started = Date.now();
  Date.now = () => started;
  process.stdin.on('data', () => {
    for (const fd of engineDescriptors()) spoil(fd);
  });
  process.stdin.unref();
}
