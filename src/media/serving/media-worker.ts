// The entry of a serving thread that answers for films too: `clearway serve --media`.

import { workerData } from 'node:worker_threads';
import { runWorker, type WorkerBoot } from '../../serve/worker.js';
import { mediaExtension } from './extension.js';

/** Seconds that segments last, or as long as the film's key frames let them. */
const targetSeconds = 4;

void runWorker(workerData as WorkerBoot, ({ paceMedia, mediaStretches }) =>
  mediaExtension({ targetSeconds, isPaced: paceMedia, withStretches: mediaStretches }),
);
