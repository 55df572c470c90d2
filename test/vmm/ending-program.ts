// A program that runs a guest which never rests again, and ends itself in one of the ways that programs end. For life.test.ts.

import { runVm } from '../../src/cli/kit/run-vm.js';
import { imageOf } from './support.js';

const [way = ''] = process.argv.slice(2);

const announce = (): string => {
  // The guest has rested once, and is told to go on for ever.
  setTimeout(() => {
    if (way === 'exit') process.exit(3);
    if (way === 'throw') throw new Error('on purpose');
    if (way === 'reject') void Promise.reject(new Error('on purpose'));
  }, 100);
  return 'ready\n';
};

await runVm({
  ...{ name: 'vm', image: imageOf('probe'), memoryBytes: 16 * 1024 ** 2, commandLine: 'do=2 late=1', door: undefined },
  ...{ tap: undefined, engine: 'auto', metrics: undefined, live: false, announce },
});
