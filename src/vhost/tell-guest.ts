// How a device tells a guest of a queue: that something ended, where the guest wants to hear of it, and that the queue makes no sense. Counted in one
// place, whatever the device is. Not here: when (block/block-queue.ts, net/net-device.ts).

import { signalOther } from '../kernel/event.js';
import type { DeviceQueue } from '../virtio/queue.js';
import { countOne, type QueueCounts } from './queue-counts.js';
import type { Vring } from './vring.js';

/** Interrupts the guest, if it can be. */
export function interrupt({ call }: Vring, counts: QueueCounts): void {
  if (call < 0) return;
  counts.interrupts++;
  signalOther(call);
}

/** Shows the guest what was given back, and interrupts it where it asked for that. */
export function show(queue: DeviceQueue, vring: Vring, counts: QueueCounts): void {
  if (queue.publish()) interrupt(vring, counts);
  else counts.interruptsSaved++;
}

/** Says that a queue is broken: to the operator, and to its front end. */
export function tellFault(fault: string, vring: Vring, counts: QueueCounts, say: (sentence: string) => void): void {
  countOne(counts.faults, fault);
  say(`the guest's queue ${vring.index} makes no sense (${fault}): it is stopped until it is reset`);
  if (vring.error >= 0) signalOther(vring.error);
}
