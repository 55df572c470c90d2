// The load on a block device: as many requests under way as are wanted, at random places of its image, by a driver that sleeps until it is
// interrupted, as a guest's does; and one request after the other for the time of a round trip. Not here: who is asked, what is made of it.

import { BlockRequest, BlockStatus } from '../../src/vhost/block/numbers.js';
import type { BlockDriver } from '../../src/vhost/front-end/block-driver.js';
import type { FrontQueue } from '../../src/vhost/front-end/front-queue.js';
import { treeCpu, treeCpuBetweenNs } from '../host/cpu.js';

/** A kind of work. */
export interface BlockRow {
  readonly name: string;
  readonly type: number;
  readonly bytes: number;
  readonly depth: number;
  /** CPU per request over that of the reference, at most. */
  readonly atMost: number | undefined;
}

/** The rows. */
export const blockRows: readonly BlockRow[] = [
  { name: 'read 4 KiB', type: BlockRequest.read, bytes: 4096, depth: 32, atMost: 1.2 },
  { name: 'read 64 KiB', type: BlockRequest.read, bytes: 65_536, depth: 32, atMost: 1 },
  { name: 'write 4 KiB', type: BlockRequest.write, bytes: 4096, depth: 32, atMost: undefined },
  { name: 'write 64 KiB', type: BlockRequest.write, bytes: 65_536, depth: 32, atMost: undefined },
];

/** Most requests under way, and most bytes of one: what a driver has to have. */
export const mostDepth = 32;
export const mostBytes = 65_536;

/** A device that is asked, and its process. */
export interface Target {
  readonly queue: FrontQueue;
  readonly disk: BlockDriver;
  readonly pid: number;
  readonly imageBytes: number;
}

/** What one measurement found. CPU is the back end's, all threads. */
export interface BlockMeasurement {
  readonly requestsPerSecond: number;
  readonly cpuUsPerRequest: number;
  readonly kicksPerRequest: number;
  readonly interruptsPerRequest: number;
}

/** How long one that is asked may do nothing. */
const patienceMs = 5000;

/** Waits for what comes back next: its slot. @throws when nothing does, or it failed */
function nextBack({ queue, disk }: Target): number {
  for (;;) {
    const slot = disk.takeBack();
    if (slot >= 0) {
      if (disk.status !== BlockStatus.ok) throw new Error(`a request ended with status ${disk.status}`);
      return slot;
    }
    if (!queue.driver.awaitInterrupt() && !queue.waitNow(patienceMs)) throw new Error('nothing came back');
  }
}

/** Asks for `seconds`, and waits for all of it. Returns the requests. */
function drive(target: Target, { type, bytes, depth }: BlockRow, seconds: number): number {
  const { disk, queue, imageBytes } = target;
  const blocks = imageBytes / bytes;
  const sectors = bytes / 512;
  let place = 12_345;
  const ask = (slot: number): void => {
    place = (Math.imul(place, 1_664_525) + 1_013_904_223) >>> 0;
    if (!disk.ask(slot, type, (place % blocks) * sectors, bytes)) throw new Error('the queue has no room');
  };
  const end = performance.now() + seconds * 1000;
  for (let count = 0; count < depth; count++) ask(disk.take());
  disk.publish();
  let requests = 0;
  for (let out = depth, isOver = false; out > 0; ) {
    let slot = nextBack(target);
    queue.driver.suppressInterrupts();
    for (; slot >= 0; slot = out > 0 ? disk.takeBack() : -1) {
      requests++;
      if (!isOver) ask(slot);
      else {
        disk.release(slot);
        out--;
      }
    }
    disk.publish();
    isOver = performance.now() >= end;
  }
  return requests;
}

/** Measures a row for `seconds`. @throws when a request fails, or none comes back */
export function measureBlock(target: Target, row: BlockRow, seconds: number): BlockMeasurement {
  const { queue, pid } = target;
  drive(target, row, Math.min(0.1, seconds / 5));
  const [kicks, interrupts] = [queue.kicks, queue.interrupts];
  const before = treeCpu(pid);
  const start = performance.now();
  const requests = drive(target, row, seconds);
  const elapsedSeconds = (performance.now() - start) / 1000;
  const cpuNs = treeCpuBetweenNs(before, treeCpu(pid));
  return {
    requestsPerSecond: requests / elapsedSeconds,
    cpuUsPerRequest: cpuNs / 1e3 / requests,
    kicksPerRequest: (queue.kicks - kicks) / requests,
    interruptsPerRequest: (queue.interrupts - interrupts) / requests,
  };
}

/** The median time in microseconds from a request that moves nothing (its id) to its answer, one after the other, by eventfds. */
export function measureTrip(target: Target, seconds: number): number {
  const { disk } = target;
  const times = new Float64Array(100_000);
  let count = 0;
  const slot = disk.take();
  const end = performance.now() + seconds * 1000;
  for (let start = performance.now(); start < end && count < times.length; ) {
    if (!disk.ask(slot, BlockRequest.id, 0, 20)) throw new Error('the queue has no room');
    disk.publish();
    nextBack(target);
    const now = performance.now();
    times[count++] = now - start;
    start = now;
  }
  disk.release(slot);
  return times.subarray(0, count).sort()[count >> 1]! * 1000;
}
