// A program that runs a guest which never rests again (`lost`: one that rests), and ends itself in one of the ways that programs end, or loses the guest's thread. For
// life.test.ts.

import type { Worker } from 'node:worker_threads';
import { runVm } from '../../src/cli/kit/run-vm.js';
import { imageOf } from './support.js';

const [way = ''] = process.argv.slice(2);
let thread: Worker | undefined;
process.on('worker', (begun: Worker) => {
  thread = begun;
});

const announce = (): string => {
  // The guest has rested once, and is told to go on for ever.
  setTimeout(() => {
    if (way === 'exit') process.exit(3);
    if (way.startsWith('lost')) void thread!.terminate();
    if (way === 'throw') throw new Error('on purpose');
    if (way === 'reject') void Promise.reject(new Error('on purpose'));
  }, 100);
  return 'ready\n';
};

const status = await runVm({
  ...{
    name: 'vm',
    guests: [
      {
        image: imageOf('probe'),
        memoryBytes: 16 * 1024 ** 2,
        commandLine: way === 'lost' ? 'do=0' : 'do=2 late=1',
      },
    ],
    door: undefined,
  },
  ...{ link: undefined, engine: 'auto', metrics: undefined, live: false, announce },
});
process.exitCode = status;
