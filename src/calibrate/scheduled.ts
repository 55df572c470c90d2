// What the kernel's scheduler says of a process, as calibration uses it. Not here: what is made of the figures.

import { readdirSync, readFileSync } from 'node:fs';

/** Nanoseconds that all threads of a process have run, and have waited for a processor although they could have run. */
export interface Scheduled {
  ran: number;
  waited: number;
}

/** Reads it for a process. While a thread runs, its figure is up to a tick of the scheduler (some milliseconds) old. */
export function scheduled(pid: number): Scheduled {
  const sum = { ran: 0, waited: 0 };
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    try {
      const [ran, waited] = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ').map(Number);
      sum.ran += ran!;
      sum.waited += waited!;
    } catch {
      // The thread ended while the list was read.
    }
  }
  return sum;
}
