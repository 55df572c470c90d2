// The entry of a serving thread that answers for films too: `clearway serve --media`.

import { workerData } from 'node:worker_threads';
import { runWorker, type WorkerStart } from '../../serve/worker.js';
import { mediaExtension } from './extension.js';

runWorker(workerData as WorkerStart, mediaExtension({ targetSeconds: 4 }));
