// The entry of a serving thread that answers for films too: `clearway serve --media`.

import { workerData } from 'node:worker_threads';
import { runWorker, type WorkerBoot } from '../../serve/worker.js';
import { mediaExtension } from './extension.js';
import { sentWords } from './sent-bytes.js';

/** Seconds that segments last, or as long as the film's key frames let them. */
const targetSeconds = 4;

void runWorker(workerData as WorkerBoot, ({ paceMedia, mediaStretches }, shared) =>
  mediaExtension({
    ...{ targetSeconds, isPaced: paceMedia, withStretches: mediaStretches },
    counts: new Int32Array(shared, 0, sentWords),
  }),
);
