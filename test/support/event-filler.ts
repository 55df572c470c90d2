// A thread that fills an eventfd as soon as it is not full, by calls that wait: what a front end may do while its device signals it. For
// kernel/event.test.ts alone.

import { parentPort, workerData } from 'node:worker_threads';
import { syscall3 } from '../../src/kernel/ffi.js';
import { sys } from '../../src/kernel/numbers.js';
import { Region } from '../../src/memory/region.js';

const fd = workerData as number;
const memory = new Region(4096);
memory.data.setBigUint64(0, (1n << 64n) - 2n, true);
let isOver = false;
parentPort!.once('message', () => {
  isOver = true;
});
parentPort!.postMessage('begun');
function fill(): void {
  // Whoever waits with it waits until the test's thread takes the count away.
  for (let count = 0; count < 100; count++) syscall3(sys.write, fd, memory.address, 8);
  if (!isOver) setImmediate(fill);
}
fill();
