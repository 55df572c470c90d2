// The soak: a driver and a device that both ask to be told as late as they can, for as long as is wanted, with bursts and pauses of random length. Nobody
// may wait for what is done: a kick or an interrupt that is lost shows as a request that waits, and which of the two it was is found out.
// Not here: throughput (block-load.ts).

import { setTimeout as sleep } from 'node:timers/promises';
import { BlockRequest, BlockStatus } from '../../src/vhost/block/numbers.js';
import { BlockDriver } from '../../src/vhost/front-end/block-driver.js';
import { FrontEnd } from '../../src/vhost/front-end/front-end.js';
import type { FrontQueue } from '../../src/vhost/front-end/front-queue.js';
import { bitsOf, Feature, hasBit } from '../../src/vhost/protocol.js';

/** What was seen. */
export interface SoakResult {
  readonly requests: number;
  readonly kicks: number;
  readonly interrupts: number;
  /** The longest that a request took, in milliseconds. */
  readonly longestMs: number;
}

/** How to soak. */
export interface SoakOptions {
  /** Bits of the rings: see {@link soakKinds}. */
  readonly bits: bigint;
  readonly seconds: number;
  /** How long a request may take, in milliseconds. */
  readonly limitMs: number;
  readonly random: () => number;
}

/** Rings in all their kinds. */
export const soakKinds: readonly { readonly name: string; readonly bits: bigint }[] = [
  { name: 'split, flags', bits: 0n },
  { name: 'split, event index', bits: bitsOf(Feature.eventIndex) },
  { name: 'packed, flags', bits: bitsOf(Feature.packed) },
  { name: 'packed, event index', bits: bitsOf(Feature.packed, Feature.eventIndex) },
];

/** What a pause looks at. */
const pause = new Int32Array(1);
const depth = 8;
/** What its drivers have. */
export const soakDriver = { depth, bytes: 512 } as const;
const queues = 2;

/** Says whose notice was lost: the driver looks by itself, then kicks once more. */
async function diagnose(queue: FrontQueue, disk: BlockDriver, limitMs: number): Promise<never> {
  const after = `queue ${queue.index}: a request waited for ${limitMs} ms`;
  if (disk.takeBack() >= 0) throw new Error(`${after}: it was done, and the device sent no interrupt`);
  queue.kickNow();
  await queue.wait(limitMs);
  const isLate = disk.takeBack() >= 0;
  throw new Error(
    `${after}: ${isLate ? 'a second kick woke the device' : 'a second kick does not wake the device either'}`,
  );
}

/** Soaks one queue. Returns its requests, and the longest that one took in milliseconds. @throws where one waited longer than it may */
export async function soakQueue(queue: FrontQueue, disk: BlockDriver, options: SoakOptions): Promise<[number, number]> {
  const { random, limitMs } = options;
  const asked = new Float64Array(depth);
  const end = performance.now() + options.seconds * 1000;
  let [requests, longestMs, out] = [0, 0, 0];
  while (performance.now() < end || out > 0) {
    for (let burst = Math.floor(random() * (depth + 1)); burst > 0 && performance.now() < end; burst--) {
      const slot = disk.take();
      if (slot < 0) break;
      asked[slot] = performance.now();
      const isId = random() < 0.5;
      disk.ask(slot, isId ? BlockRequest.id : BlockRequest.read, isId ? 0 : Math.floor(random() * 64), isId ? 20 : 512);
      out++;
      if (random() < 0.3) disk.publish();
    }
    disk.publish();
    queue.driver.suppressInterrupts();
    // It does something else for a while, long or short, or asks at once.
    for (let spin = Math.floor(random() * 5000); spin > 0; spin--) Atomics.load(pause, 0);
    if (random() < 0.01) await sleep(random() * 3);
    let back = 0;
    for (let slot = disk.takeBack(); slot >= 0; slot = disk.takeBack()) {
      if (disk.status !== BlockStatus.ok) throw new Error(`a request ended with status ${disk.status}`);
      longestMs = Math.max(longestMs, performance.now() - asked[slot]!);
      disk.release(slot);
      back++;
    }
    requests += back;
    out -= back;
    if (out === 0 || back > 0 || queue.driver.awaitInterrupt()) continue;
    if (!(await queue.wait(limitMs))) await diagnose(queue, disk, limitMs);
  }
  if (longestMs > limitMs) throw new Error(`queue ${queue.index}: a request took ${longestMs.toFixed(0)} ms`);
  return [requests, longestMs];
}

/** Soaks the device at a socket with one kind of rings. @throws where a request waited longer than it may; undefined where they are not offered */
export async function soak(socket: string, options: SoakOptions): Promise<SoakResult | undefined> {
  const frontEnd = await FrontEnd.connect(socket);
  try {
    if (hasBit(options.bits, Feature.packed) && !hasBit(frontEnd.offered, Feature.packed)) return undefined;
    await frontEnd.start({ features: options.bits, queues, size: 32 });
    const found = await Promise.all(
      frontEnd.queues.map((queue) => soakQueue(queue, new BlockDriver(queue, frontEnd.memory, soakDriver), options)),
    );
    const sum = (of: (queue: FrontQueue) => number): number => frontEnd.queues.reduce((all, each) => all + of(each), 0);
    return {
      requests: found.reduce((all, [requests]) => all + requests, 0),
      longestMs: Math.max(...found.map(([, longest]) => longest)),
      kicks: sum(({ kicks }) => kicks),
      interrupts: sum(({ interrupts }) => interrupts),
    };
  } finally {
    frontEnd.close();
  }
}
