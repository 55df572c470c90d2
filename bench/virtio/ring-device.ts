// The thread of the null device: it takes what is there and gives it back, with nothing done in between: by looking without end, or by kicks. Not here:
// its driver (rings.ts).

import { workerData } from 'node:worker_threads';
import { awaitInput, signalOther, takeEventCount } from '../../src/kernel/event.js';
import { MemoryTable } from '../../src/vhost/memory-table.js';
import type { RegionMessage } from '../../src/vhost/protocol.js';
import { Vring, type VringFeatures } from '../../src/vhost/vring.js';
import { Chain } from '../../src/virtio/chain.js';
import type { DeviceQueue } from '../../src/virtio/queue.js';
import { pinThread } from '../host/pin-thread.js';

/** What it begins with. Descriptors are the driver's. */
export interface NullDevice {
  readonly region: RegionMessage;
  readonly fd: number;
  readonly size: number;
  readonly addresses: { readonly descriptors: number; readonly used: number; readonly available: number };
  readonly features: VringFeatures;
  readonly isPolling: boolean;
  readonly kick: number;
  readonly call: number;
  /** The processor that its thread has for itself, if it has one. */
  readonly cpu: number | undefined;
  /** Word 0: 1 when it is ready; word 1: 1 when it is to end. */
  readonly control: Int32Array;
}

const mostATurn = 64;

/** Gives back what is there. Returns how many. */
function serve(queue: DeviceQueue, chain: Chain): number {
  let count = 0;
  for (; count < mostATurn && queue.take(chain); count++) queue.give(chain.id, chain.slots, 0);
  return count;
}

function poll(queue: DeviceQueue, control: Int32Array): void {
  const chain = new Chain(queue.size);
  queue.suppressKicks();
  for (let turn = 0; ; turn++) {
    if (serve(queue, chain) > 0) queue.publish();
    if ((turn & 0xff) === 0 && Atomics.load(control, 1) === 1) return;
  }
}

function sleepAndServe(queue: DeviceQueue, { kick, call, control }: NullDevice): void {
  const chain = new Chain(queue.size);
  while (Atomics.load(control, 1) === 0) {
    queue.suppressKicks();
    const count = serve(queue, chain);
    if (queue.publish()) signalOther(call);
    if (count === mostATurn || queue.awaitKick()) continue;
    if (awaitInput(kick, 50)) takeEventCount(kick);
  }
}

function run(device: NullDevice): void {
  const { region, fd, size, addresses, features, isPolling, control, cpu } = device;
  if (cpu !== undefined) pinThread(cpu);
  const memory = new MemoryTable();
  memory.add(region, fd);
  const vring = new Vring(0);
  Object.assign(vring, { size, addresses, base: features.packed ? 0x8000_8000 : 0 });
  const started = vring.start(memory, features, undefined, undefined, () => false);
  if (vring.queue === undefined) throw new Error(`the queue does not start: ${started}`);
  Atomics.store(control, 0, 1);
  Atomics.notify(control, 0);
  if (isPolling) poll(vring.queue!, control);
  else sleepAndServe(vring.queue!, device);
}

run(workerData as NullDevice);
