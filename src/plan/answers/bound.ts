// The asymptotic bound: how fast messages can follow each other, how busy that keeps every resource, which one is the bottleneck, and what
// relieving it would give. Bottleneck law: X <= min over resources of servers / busy time.

import { wrongArgument } from '../../text/coded.js';
import type { Journey, Resource } from '../stages/journey.js';

export interface Utilisation {
  resource: string;
  label: string;
  /** Nanoseconds one message keeps one server busy. */
  busyNs: number;
  servers: number;
  /** Share of the resource's capacity used at the bound, 0 to 1. */
  share: number;
  /** Messages a second this resource alone would allow. */
  limitPerSecond: number;
}

export interface Throughput {
  messagesPerSecond: number;
  packetsPerSecond: number;
  /** Send calls; calls of the reader when only the receiver is asked for. */
  callsPerSecond: number;
  bytesPerSecond: number;
  mibPerSecond: number;
  gbps: number;
  mpps: number;
}

export interface Bound {
  throughput: Throughput;
  utilisation: Utilisation[];
  bottleneck: string;
  /** The resource that binds once the bottleneck is gone, and how much faster that is (1.3: 30 % more). */
  next: { resource: string; gain: number } | null;
}

/** Nanoseconds of one server that a message needs on a resource, work after its departure included. */
export function busyNsOf(journey: Journey, resource: Resource): number {
  let sum = 0;
  for (const stage of journey.stages) if (stage.resourceId === resource.id) sum += stage.serviceNs;
  for (const stage of journey.afterwards) if (stage.resourceId === resource.id) sum += stage.serviceNs;
  return sum;
}

/** Rates of a journey at `messagesPerSecond`. Bytes are payload for sockets and whole frames (with FCS) for packet paths. */
function ratesAt(journey: Journey, messagesPerSecond: number): Throughput {
  const bytesPerSecond = messagesPerSecond * journey.scenario.message;
  return {
    messagesPerSecond,
    packetsPerSecond: messagesPerSecond * journey.counts.packets,
    callsPerSecond:
      messagesPerSecond * (journey.scenario.direction === 'receive' ? journey.counts.reads : journey.counts.calls),
    bytesPerSecond,
    mibPerSecond: bytesPerSecond / 2 ** 20,
    gbps: (bytesPerSecond * 8) / 1e9,
    mpps: (messagesPerSecond * journey.counts.packets) / 1e6,
  };
}

/** The bound of a journey. */
export function boundOf(journey: Journey): Bound {
  const used = journey.resources
    .map((resource) => {
      const busyNs = busyNsOf(journey, resource);
      return { resource, busyNs, limit: busyNs > 0 ? (resource.servers * 1e9) / busyNs : Number.POSITIVE_INFINITY };
    })
    .filter((one) => one.busyNs > 0)
    .sort((a, b) => a.limit - b.limit);
  const first = used[0];
  if (!first) throw wrongArgument('the scenario has no stage that takes time');
  const second = used[1];
  return {
    throughput: ratesAt(journey, first.limit),
    utilisation: used.map(({ resource, busyNs, limit }) => ({
      resource: resource.id,
      label: resource.label,
      busyNs,
      servers: resource.servers,
      share: first.limit / limit,
      limitPerSecond: limit,
    })),
    bottleneck: first.resource.id,
    next: second ? { resource: second.resource.id, gain: second.limit / first.limit } : null,
  };
}

/** Processor time of one message in nanoseconds, by side and together: what "CPU seconds per GiB" is made of. */
export function processorNs(journey: Journey): { sender: number; receiver: number; total: number } {
  const cost = { sender: 0, receiver: 0, total: 0 };
  for (const stage of [...journey.stages, ...journey.afterwards]) {
    if (stage.resource !== 'core' && stage.resource !== 'softirq core' && stage.resource !== 'vhost core') continue;
    if (stage.side === 'sender') cost.sender += stage.serviceNs;
    else cost.receiver += stage.serviceNs;
    cost.total += stage.serviceNs;
  }
  return cost;
}
