// What a reader must know about the machine to read its numbers.

import { readFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { choosePlacement } from './child.js';
import { allowedCpus } from './proc.js';

/** The machine and how servers and load share it. */
export interface HostFacts {
  readonly kernel: string;
  readonly processor: string;
  readonly processors: number;
  readonly memoryGib: number;
  readonly node: string;
  readonly placement: string;
  readonly loadAverage: string;
  /** TCP's congestion control: BBR keeps fewer packets under way than CUBIC and paces them by timers. */
  readonly congestionControl: string;
}

/** Gathers the facts; none of them identifies the machine. */
export function hostFacts(): HostFacts {
  const { server, load } = choosePlacement();
  return {
    kernel: release(),
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    processors: allowedCpus().length,
    memoryGib: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    placement: server.cpus === undefined ? 'not pinned' : `servers on processor ${server.cpus}, load on ${load.cpus}`,
    loadAverage: readFileSync('/proc/loadavg', 'latin1').split(' ').slice(0, 3).join(' '),
    congestionControl: readFileSync('/proc/sys/net/ipv4/tcp_congestion_control', 'latin1').trim(),
  };
}

/** The facts in one line. */
export function describeHost(facts: HostFacts): string {
  return (
    `Linux ${facts.kernel}, ${facts.processors} x ${facts.processor}, ${facts.memoryGib} GiB, Node ${facts.node}, TCP ${facts.congestionControl}; ` +
    `${facts.placement}; load average at the start ${facts.loadAverage}.`
  );
}
