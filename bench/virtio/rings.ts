// The program that measures what rings alone can do: a driver in this thread and a null device in another, over memory that both map. It is given its
// plan as JSON in its first argument, and writes what it found as JSON. Not here: the device (ring-device.ts), who is compared (dpdk.ts).

import { Worker } from 'node:worker_threads';
import { FrontQueue } from '../../src/vhost/front-end/front-queue.js';
import { GuestMemory } from '../../src/vhost/front-end/guest-memory.js';
import type { DriverPiece } from '../../src/virtio/queue.js';
import type { Layout } from './back-ends.js';
import type { NullDevice } from './ring-device.js';

/** What is to be done: `operations` a second with both sides polling, or the time of a round trip of one, polling or by eventfds. */
export interface RingPlan {
  readonly layout: Layout;
  readonly kind: 'operations' | 'trip';
  readonly isPolling: boolean;
  readonly seconds: number;
}

/** What was found: operations a second, or the median round trip in microseconds. */
export interface RingResult {
  readonly value: number;
}

const size = 256;
const batch = 64;
const startMs = 10_000;
const patienceMs = 5000;
const nothing: readonly DriverPiece[] = [];

/** Operations a second, as many at once as there is room for. */
function countOperations(queue: FrontQueue, piece: readonly DriverPiece[], seconds: number): number {
  const { driver } = queue;
  let done = 0;
  const run = (ms: number): number => {
    done = 0;
    const start = performance.now();
    let elapsed = 0;
    for (let turn = 0; elapsed < ms; turn++) {
      let added = 0;
      while (added < batch && driver.add(piece, nothing) >= 0) added++;
      if (added > 0) driver.publish();
      while (driver.takeBack() >= 0) done++;
      if ((turn & 63) === 0) elapsed = performance.now() - start;
    }
    return (done / elapsed) * 1000;
  };
  run(Math.min(200, seconds * 200));
  return run(seconds * 1000);
}

/** The median time of one operation after the other, in microseconds. */
function timeTrips(queue: FrontQueue, piece: readonly DriverPiece[], isPolling: boolean, seconds: number): number {
  const { driver } = queue;
  const times = new Float64Array(1_000_000);
  let count = 0;
  const end = performance.now() + seconds * 1000;
  for (let start = performance.now(); start < end && count < times.length; ) {
    driver.add(piece, nothing);
    if (driver.publish() && !isPolling) queue.kickNow();
    for (let looks = 0; driver.takeBack() < 0; looks++) {
      if (isPolling) {
        if ((looks & 0xffff) === 0xffff && performance.now() > end + patienceMs) throw new Error('nothing came back');
      } else if (!driver.awaitInterrupt() && !queue.waitNow(patienceMs)) throw new Error('nothing came back');
    }
    const now = performance.now();
    times[count++] = now - start;
    start = now;
  }
  return times.subarray(0, count).sort()[count >> 1]! * 1000;
}

function measure({ layout, kind, isPolling, seconds }: RingPlan): RingResult {
  const memory = new GuestMemory(1024 * 1024);
  const features = { packed: layout === 'packed', indirect: false, eventIndex: !isPolling };
  const queue = new FrontQueue(0, memory, size, features);
  const { descriptors, used, available } = queue.places;
  const [user, guest, fd] = [memory.userAddress(0), memory.guestAddress(0), memory.region.fd];
  const control = new Int32Array(new SharedArrayBuffer(8));
  const device: NullDevice = {
    ...{ size, features, isPolling, control, fd, kick: queue.kick, call: queue.call },
    region: { guest, length: memory.region.byteLength, user, offset: 0 },
    addresses: { descriptors: user + descriptors, used: user + used, available: user + available },
  };
  const worker = new Worker(new URL('./ring-device.js', import.meta.url), { workerData: device });
  try {
    if (Atomics.wait(control, 0, 0, startMs) === 'timed-out') throw new Error('the device did not start');
    if (isPolling) queue.driver.suppressInterrupts();
    const piece = [{ address: memory.guestAddress(memory.take(64)), length: 64 }];
    const value =
      kind === 'operations' ? countOperations(queue, piece, seconds) : timeTrips(queue, piece, isPolling, seconds);
    if (queue.driver.fault !== undefined) throw new Error(queue.driver.fault);
    return { value };
  } finally {
    Atomics.store(control, 1, 1);
    worker.unref();
  }
}

process.stdout.write(JSON.stringify(measure(JSON.parse(process.argv[2]!) as RingPlan)));
