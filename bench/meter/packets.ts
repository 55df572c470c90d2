// Are events lost at a high rate of packets? Several processes send small UDP packets as fast as the kernel takes them, and what
// they counted must be what the meter counted, packet by packet and byte by byte.

import { addCounters, createMeter, type Tier } from '../../src/meter/index.js';
import { allowedCpus } from '../host/proc.js';
import { Worker } from './worker.js';

/** What was sent and what was counted of it. */
export interface PacketRun {
  readonly tier: Tier;
  readonly processes: number;
  readonly packetsPerSecond: number;
  readonly packets: number;
  /** Each packet has the same few bytes, so a packet that was missed would be missing here. */
  readonly bytes: number;
  readonly countedBytes: number;
  readonly receivedBytes: number;
  readonly countedReceivedBytes: number;
  /** What the meter itself says it lost: transfers without an account, events missed. */
  readonly lostEvents: number;
  readonly missedEvents: number;
}

/** Floods for `timeMs`, one process for each processor. With `read` half of the work is reading. */
export async function floodPackets(timeMs: number, read: boolean): Promise<PacketRun> {
  const cpus = allowedCpus();
  const workers = await Promise.all(cpus.map((cpu) => Worker.start(read ? 'read' : 'flood', String(cpu))));
  const meter = createMeter({ scope: { kind: 'all' } });
  try {
    const rounds = await Promise.all(workers.map((worker) => worker.round(timeMs)));
    const { rows, shortfall } = meter.read();
    const ids = new Set(workers.map((worker) => worker.processId));
    const { udpSent, udpReceived } = addCounters(
      rows.filter((row) => ids.has(row.processId)).map((row) => row.counters),
    );
    const sum = (of: (index: number) => number) => rounds.reduce((total, _, index) => total + of(index), 0);
    return {
      tier: meter.tier,
      processes: cpus.length,
      packetsPerSecond: sum((index) => (rounds[index]!.messages * 1e9) / rounds[index]!.wallNs),
      packets: sum((index) => rounds[index]!.messages),
      bytes: sum((index) => rounds[index]!.sentBytes),
      countedBytes: udpSent ?? 0,
      receivedBytes: sum((index) => rounds[index]!.receivedBytes),
      countedReceivedBytes: udpReceived ?? 0,
      lostEvents: shortfall.lostEvents,
      missedEvents: shortfall.missedEvents,
    };
  } finally {
    meter.close();
    await Promise.all(workers.map((worker) => worker.stop()));
  }
}
