// What a server's CPU copies: what its system calls copied, by the meter; what it copied itself, by its own account; and, derived from the bytes of its device, the copies that
// AF_XDP makes of each packet in copy mode, which no meter sees. Not here: the load meanwhile (comparison.ts).

import { addCounters, createMeter, type Meter, summarise } from '../../meter/index.js';
import { coded } from '../../text/coded.js';

/** Bytes that were copied, by who says so. */
export interface Copied {
  /** By system calls of the server's: by the meter. Of our own TCP/IP only between kernel and user space, since what its packets cost within the kernel is `derived`. */
  readonly metered: number;
  /** By the server in user space: `clearway_copied_bytes_total`. */
  readonly own: number;
  /** Between the device and our own TCP/IP: each packet once, where the socket says that the kernel copies (copy mode). Not counted, but derived. */
  readonly derived: number;
}

/** What a server says of itself in its metrics. */
export interface Account {
  readonly copied: number;
  /** Queues whose packets the kernel copies. */
  readonly copyingQueues: number;
}

/** The account in the text of a server's metrics. @throws Error where it is no such text */
export function accountOf(metrics: string): Account {
  const sum = (pattern: RegExp): number | undefined => {
    const found = [...metrics.matchAll(pattern)];
    return found.length === 0 ? undefined : found.reduce((total, [, value]) => total + Number(value), 0);
  };
  const copied = sum(/^clearway_copied_bytes_total\{[^}]*\} (\d\S*)$/gm);
  if (copied === undefined)
    throw coded('CLEARWAY_LAB', new Error('the metrics of a server have no account of its copies'));
  return { copied, copyingQueues: sum(/^clearway_bypass_copy_mode_queues (\d+)$/gm) ?? 0 };
}

/** What was copied while a server answered. @param carried bytes of its device meanwhile, both directions; 0: they are the kernel's to count @param metered see {@link CopyMeter.read} */
export function copiedBetween(before: Account, after: Account, metered: number, carried: number): Copied {
  return { metered, own: after.copied - before.copied, derived: after.copyingQueues > 0 ? carried : 0 };
}

/** The meter of both servers. Close it. */
export class CopyMeter {
  readonly #meter: Meter;

  /** Begins to count. @throws RefusedError, SelfTestError where the host does not allow it */
  constructor() {
    this.#meter = createMeter({ scope: { kind: 'all' } });
  }

  /** Whether it sees what is read of files; without functions of the kernel it does not. */
  get seesFiles(): boolean {
    return this.#meter.tier === 'functions';
  }

  /** Bytes that were copied for a process so far. @param isPastKernel only between kernel and user space */
  read(pid: number, isPastKernel: boolean): number {
    const rows = this.#meter.read().rows.filter(({ processId }) => processId === pid);
    const { userToKernel, kernelToUser, kernelToKernel } = summarise(addCounters(rows.map(({ counters }) => counters)));
    return userToKernel + kernelToUser + (isPastKernel ? 0 : kernelToKernel);
  }

  /** Takes its programs off. */
  close(): void {
    this.#meter.close();
  }
}
