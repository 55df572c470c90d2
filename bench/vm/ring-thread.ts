// The thread in which the guest of ring-guest.ts runs: it never rests, and what its driver writes to its device's registers is passed on, so that the device can be in another thread.

import { readFileSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { Layout } from '../../src/vmm/boot.js';
import { Guest } from '../../src/vmm/guest.js';
import { readImage } from '../../src/vmm/image-file.js';
import { pinThread } from '../host/pin-thread.js';
import { Recording, unowned } from './recording.js';

/** What the thread is given. */
export interface RingThread {
  readonly image: string;
  readonly memoryBytes: number;
  readonly commandLine: string;
  readonly shared: SharedArrayBuffer;
  /** The processor that is its own; anywhere where there is none. */
  readonly cpu?: number | undefined;
}

/** What it says once its driver is ready: where its linear memory is, and what was written, as offsets and values. */
export interface RingReady {
  readonly address: number;
  readonly writes: readonly number[];
}

const { image, memoryBytes, commandLine, shared, cpu } = workerData as RingThread;
if (cpu !== undefined) pinThread(cpu);
const options = { memoryBytes, commandLine, devices: 1 };
const guest = new Guest(readImage(readFileSync(image)), options, shared, () => {});
const address = guest.machine.memory.address + Layout.linearPhysical;
const told = (writes: readonly number[]): void => parentPort?.postMessage({ address, writes } satisfies RingReady);
guest.add(new Recording(unowned(guest.domain), guest.domain, told));
for (let pause = guest.run(); pause === 'busy' || pause === 'rest'; pause = guest.run());
