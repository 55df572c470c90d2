// What every Prometheus dashboard asks of a process, under the names that client libraries agreed on: start, CPU, memory,
// descriptors. Not here: what the server counts (metrics-text.ts).

import { readdirSync } from 'node:fs';
import { residentBytes } from '../kernel/proc.js';

/** A figure of this process. */
export interface ProcessFamily {
  readonly name: string;
  readonly type: 'counter' | 'gauge';
  readonly help: string;
  readonly value: number;
}

const startSeconds = Date.now() / 1000 - process.uptime();

/** The figures now; descriptors are left out where /proc does not say them. */
export function processFamilies(): ProcessFamily[] {
  const { user, system } = process.cpuUsage();
  const families: ProcessFamily[] = [
    {
      name: 'process_start_time_seconds',
      type: 'gauge',
      help: 'Start of the process, in seconds since 1970.',
      value: Number(startSeconds.toFixed(3)),
    },
    {
      name: 'process_cpu_seconds_total',
      type: 'counter',
      help: 'Processor time of all threads, user and system.',
      value: (user + system) / 1e6,
    },
    {
      name: 'process_resident_memory_bytes',
      type: 'gauge',
      help: 'Memory that is resident.',
      value: residentBytes(),
    },
  ];
  const descriptors = openDescriptors();
  if (descriptors !== undefined) {
    families.push({ name: 'process_open_fds', type: 'gauge', help: 'Open descriptors.', value: descriptors });
  }
  return families;
}

function openDescriptors(): number | undefined {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch {
    return undefined;
  }
}
