// The program that measures what rings alone can do: a driver in this thread and a null device in another, over memory that both map; for comparison
// either side, or both, is a program in C over the same memory. It is given its plan as JSON in its first argument, and writes what it found as JSON.
// Not here: the device (ring-device.ts), both sides in C (rings.c), who is compared (dpdk.ts).

import { type ChildProcess, spawn } from 'node:child_process';
import { Worker } from 'node:worker_threads';
import { FrontQueue } from '../../src/vhost/front-end/front-queue.js';
import { GuestMemory } from '../../src/vhost/front-end/guest-memory.js';
import type { DriverPiece } from '../../src/virtio/queue.js';
import { onPath } from '../host/child.js';
import { pinThread } from '../host/pin-thread.js';
import { allowedCpus } from '../host/proc.js';
import type { Layout } from './back-ends.js';
import type { NullDevice } from './ring-device.js';

/** In which language a side is. */
export type Side = 'TypeScript' | 'C';

/** What is to be done: `operations` a second with both sides polling, or the time of a round trip of one, polling or by eventfds. */
export interface RingPlan {
  readonly layout: Layout;
  readonly kind: 'operations' | 'trip';
  readonly isPolling: boolean;
  readonly driver: Side;
  readonly device: Side;
  readonly seconds: number;
  /** Where both sides in C are, compiled. */
  readonly program: string;
}

/** What was found: operations a second, or the median round trip in microseconds, and what 99 of 100 took at most. */
export interface RingResult {
  readonly value: number;
  readonly p99?: number;
}

const size = 256;
const batch = 64;
const startMs = 10_000;
const patienceMs = 5000;
const nothing: readonly DriverPiece[] = [];
/** Each side has a processor of its own, where there are two: else the scheduler puts both on one now and then, and nobody looks but one. */
const [deviceCpu, driverCpu] = onPath('taskset') ? allowedCpus() : [];

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

/** The time of one operation after the other, in microseconds. */
function timeTrips(queue: FrontQueue, piece: readonly DriverPiece[], isPolling: boolean, seconds: number): RingResult {
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
  const sorted = times.subarray(0, count).sort();
  return { value: sorted[count >> 1]! * 1000, p99: sorted[Math.floor(count * 0.99)]! * 1000 };
}

/** A side in C, over the same memory and by the same eventfds. */
function startInC(
  role: 'driver' | 'device',
  { layout, isPolling, seconds, program }: RingPlan,
  queue: FrontQueue,
  memory: GuestMemory,
  data: number,
): ChildProcess {
  const { descriptors, used, available } = queue.places;
  const places = [size, descriptors, used, available, data, memory.guestAddress(0)].map(String);
  const cpu = role === 'device' ? deviceCpu : driverCpu;
  const line = cpu === undefined ? [program] : ['taskset', '-c', `${cpu}`, program];
  const words = [...line, role, layout, isPolling ? 'poll' : 'events', `${seconds}`, ...places];
  return spawn(words[0]!, words.slice(1), {
    stdio: ['ignore', 'pipe', 'inherit', memory.region.fd, queue.kick, queue.call],
  });
}

/** What a driver in C has found. */
async function resultOf(driver: ChildProcess): Promise<RingResult> {
  let text = '';
  driver.stdout!.setEncoding('utf8').on('data', (part: string) => (text += part));
  const status = await new Promise((resolve) => driver.once('close', resolve));
  if (status !== 0) throw new Error(`the driver in C ended with ${status}`);
  return JSON.parse(text) as RingResult;
}

/** Starts the null device in a thread. Returns what ends it. */
function startDevice(queue: FrontQueue, memory: GuestMemory, features: NullDevice['features'], isPolling: boolean) {
  const { descriptors, used, available } = queue.places;
  const [user, guest, fd] = [memory.userAddress(0), memory.guestAddress(0), memory.region.fd];
  const control = new Int32Array(new SharedArrayBuffer(8));
  const device: NullDevice = {
    ...{ size, features, isPolling, control, fd, kick: queue.kick, call: queue.call, cpu: deviceCpu },
    region: { guest, length: memory.region.byteLength, user, offset: 0 },
    addresses: { descriptors: user + descriptors, used: user + used, available: user + available },
  };
  const worker = new Worker(new URL('./ring-device.js', import.meta.url), { workerData: device });
  if (Atomics.wait(control, 0, 0, startMs) === 'timed-out') throw new Error('the device did not start');
  return () => {
    Atomics.store(control, 1, 1);
    worker.unref();
  };
}

async function measure(plan: RingPlan): Promise<RingResult> {
  const { layout, kind, isPolling, seconds } = plan;
  const memory = new GuestMemory(1024 * 1024);
  const features = { packed: layout === 'packed', indirect: false, eventIndex: !isPolling };
  const queue = new FrontQueue(0, memory, size, features);
  const data = memory.take(64);
  let stop = () => {};
  if (plan.device === 'C') {
    const device = startInC('device', plan, queue, memory, data);
    stop = () => device.kill('SIGKILL');
  } else stop = startDevice(queue, memory, features, isPolling);
  try {
    if (plan.driver === 'C') return await resultOf(startInC('driver', plan, queue, memory, data));
    if (driverCpu !== undefined) pinThread(driverCpu);
    if (isPolling) queue.driver.suppressInterrupts();
    const piece = [{ address: memory.guestAddress(data), length: 64 }];
    const found =
      kind === 'operations'
        ? { value: countOperations(queue, piece, seconds) }
        : timeTrips(queue, piece, isPolling, seconds);
    if (queue.driver.fault !== undefined) throw new Error(queue.driver.fault);
    return found;
  } finally {
    stop();
  }
}

process.stdout.write(JSON.stringify(await measure(JSON.parse(process.argv[2]!) as RingPlan)));
