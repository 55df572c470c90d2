// Latency under load. Every resource is a queue of its own: Poisson arrivals, and either fixed service (M/D/1) or exponential (M/M/1); waiting
// times add up. That the queues are independent is an approximation, and so is Poisson at every one of them.

import type { Journey } from '../stages/journey.js';
import { type Bound, busyNsOf } from './bound.js';

export type QueueLaw = 'M/D/1' | 'M/M/1';

export interface LoadedLatency {
  law: QueueLaw;
  statement: string;
  /** Share of the throughput bound. */
  load: number;
  latencyNs: number;
  waitNs: number;
  curve: { load: number; latencyNs: number }[];
}

/**
 * Mean wait in front of one resource, in the unit of `service`. M/D/1: rho S / 2(1 - rho) (Pollaczek and Khinchine with no variance); M/M/1
 * twice that. Several servers: the wait of one divided by their number, a common approximation that is exact for one.
 */
function meanWait(law: QueueLaw, rho: number, service: number, servers: number): number {
  if (rho >= 1) return Number.POSITIVE_INFINITY;
  const factor = law === 'M/D/1' ? 2 : 1;
  return (rho * service) / (factor * (1 - rho) * servers);
}

/** Loaded latency of a journey whose unloaded latency is `unloadedNs`. */
export function loadedLatency(
  journey: Journey,
  bound: Bound,
  unloadedNs: number,
  load: number,
  law: QueueLaw,
): LoadedLatency {
  const perNs = bound.throughput.messagesPerSecond / 1e9;
  const waitAt = (share: number): number => {
    let wait = 0;
    for (const resource of journey.resources) {
      const service = busyNsOf(journey, resource);
      if (service > 0) wait += meanWait(law, (share * perNs * service) / resource.servers, service, resource.servers);
    }
    return wait;
  };
  const curve = [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99].map((share) => ({
    load: share,
    latencyNs: unloadedNs + waitAt(share),
  }));
  return {
    law,
    statement: `${law} at each resource: Poisson arrivals, ${law === 'M/D/1' ? 'fixed' : 'exponential'} service, independent queues whose waits add`,
    load,
    latencyNs: unloadedNs + waitAt(load),
    waitNs: waitAt(load),
    curve,
  };
}
