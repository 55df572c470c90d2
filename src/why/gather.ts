// Gathers the evidence for `why` around an interval of metering: the host before it, samples meanwhile, the host after it.

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { inNetworkNamespace } from '../kernel/namespace.js';
import type { Blame } from '../meter/functions/stacks.js';
import type { Reading } from '../meter/meter.js';
import { byProcess } from '../meter/report.js';
import { processTree } from '../meter/scope.js';
import { readCaptures, readDevices, readTraffic, type Traffic } from './devices.js';
import type { Evidence, UnreadNotices } from './evidence.js';

/** Documentation/networking/msg_zerocopy.rst: "generally only effective at writes over around 10 KB". */
const documentedBreakEven = { bytes: 10 * 1024, source: 'the kernel documentation’s break-even' } as const;

/** An interval being watched. */
export class Watch {
  private readonly before: Traffic;
  private readonly readBefore: ReadonlyMap<number, number>;
  private readonly readNow = new Map<number, number>();
  private readonly captures = new Set<string>();
  private readonly notices = new Map<string, UnreadNotices>();
  private readonly unasked = new Set<string>();

  /**
   * Begins. `namespace` is the path of the network namespace of what is watched, `root` the process whose descendants are
   * sampled (undefined: none). @throws SystemError where the namespace cannot be entered.
   */
  constructor(
    private readonly namespace: string,
    private readonly root: number | undefined,
  ) {
    this.before = this.within(readTraffic);
    this.readBefore = new Map(this.members().map((processId) => [processId, readBytesOf(processId) ?? 0]));
  }

  private within<T>(use: () => T): T {
    return inNetworkNamespace(this.namespace, use);
  }

  private members(): number[] {
    return this.root === undefined ? [] : processTree(this.root).filter((processId) => processId !== process.pid);
  }

  /** Looks at what may be gone at the end: captures, what processes have read. Some milliseconds; do it now and then. */
  sample(): void {
    for (const processId of this.members()) {
      const bytes = readBytesOf(processId);
      if (bytes !== undefined) this.readNow.set(processId, bytes);
    }
    for (const capture of this.within(readCaptures)) this.captures.add(capture);
  }

  /** Asks which sockets hold notices that nobody takes. Runs `ss`: dearer than {@link sample}. */
  sampleSockets(): void {
    const { status, stdout } = this.within(() => spawnSync('ss', ['-tmpnHO'], { encoding: 'utf8' }));
    if (status !== 0) this.unasked.add('ss');
    else for (const each of unreadNotices(stdout)) this.notices.set(`${each.processId} ${each.ends}`, each);
  }

  /** Ends: the evidence for what was read of the meter, with the kernel stacks that it kept, if any. */
  end(reading: Reading, stacks: readonly Blame[] = []): Evidence {
    this.sample();
    this.sampleSockets();
    const devices = this.within(() => readDevices(this.before));
    if (devices === undefined) this.unasked.add('ip');
    return {
      tier: reading.tier,
      counters: reading.counters,
      processes: byProcess(reading.rows)
        .filter(({ processId }) => processId !== process.pid)
        .map(({ processId, command, counters }) => {
          const read = this.readNow.get(processId);
          const readBytes = read === undefined ? {} : { readBytes: read - (this.readBefore.get(processId) ?? 0) };
          return { processId, command, counters, ...readBytes };
        }),
      devices: devices ?? [],
      captures: [...this.captures],
      unreadNotices: [...this.notices.values()],
      breakEven: documentedBreakEven,
      stacks,
      unasked: [...this.unasked],
    };
  }
}

/** rchar of /proc/PID/io; undefined where the process is gone or not ours to look into. */
function readBytesOf(processId: number): number | undefined {
  try {
    return Number(/^rchar: (\d+)$/m.exec(readFileSync(`/proc/${processId}/io`, 'latin1'))?.[1] ?? 0);
  } catch {
    return undefined;
  }
}

/**
 * Sockets in the output of `ss -tmpnHO` whose option memory (o) is held although nothing is queued for sending (w):
 * what is held are notices that wait in the error queue.
 */
export function unreadNotices(listing: string): UnreadNotices[] {
  return listing.split('\n').flatMap((line) => {
    const memory = /skmem:\([^)]*\bw(\d+),o(\d+)/.exec(line);
    const processId = Number(/pid=(\d+)/.exec(line)?.[1] ?? 0);
    if (memory === null || processId === 0 || Number(memory[2]) === 0 || Number(memory[1]) !== 0) return [];
    const [local = '', remote = ''] = line.trim().split(/\s+/).slice(3, 5);
    return [{ processId, ends: `${local} - ${remote}`, heldBytes: Number(memory[2]) }];
  });
}
