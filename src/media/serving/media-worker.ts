// The entry of a serving thread that answers for films too: `clearway serve --media`.

import { workerData } from 'node:worker_threads';
import { runWorker, type WorkerBoot } from '../../serve/worker.js';
import { mediaExtension } from './extension.js';

runWorker(workerData as WorkerBoot, mediaExtension({ targetSeconds: 4 }));
