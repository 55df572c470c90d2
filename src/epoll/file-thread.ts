// The entry of a file thread of the epoll engine: it does jobs until it is told to end. Not here: what jobs are (file-jobs.ts).

import { workerData } from 'node:worker_threads';
import { FileJobs, type FileJobsMemory } from './file-jobs.js';

new FileJobs(workerData as FileJobsMemory).work();
