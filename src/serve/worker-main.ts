// The entry of a serving thread. Not here: what it does (worker.ts). A server with an extension has another entry, above this layer.

import { workerData } from 'node:worker_threads';
import { runWorker, type WorkerBoot } from './worker.js';

void runWorker(workerData as WorkerBoot);
