// The program that sends packets to network devices with a tap behind them: 64 bytes each, as many as go, to every device in turn, a round after the
// other. It runs on a processor of its own, is given its plan as JSON in its first argument, and writes what it found as JSON.

import { FrontEnd } from '../../src/vhost/front-end/front-end.js';
import type { FrontQueue } from '../../src/vhost/front-end/front-queue.js';
import { NetDriver } from '../../src/vhost/front-end/net-driver.js';
import { netHeaderBytes } from '../../src/vhost/net/net-header.js';
import { bitsOf, Feature } from '../../src/vhost/protocol.js';
import { treeCpu, treeCpuBetweenNs } from '../host/cpu.js';
import { say } from '../session.js';
import { packetsOf, type RunningTap } from './taps.js';

/** What is to be done. */
export interface TapPlan {
  readonly subjects: readonly RunningTap[];
  readonly rounds: number;
  readonly seconds: number;
}

/** What one measurement found. CPU is the back end's, all threads. */
export interface TapMeasurement {
  readonly packetsPerSecond: number;
  readonly cpuUsPerPacket: number;
  readonly kicksPerPacket: number;
}

/** By subject, a value each round. */
export type TapResult = Readonly<Record<string, readonly TapMeasurement[]>>;

const size = 256;
/** Packets that are sent before the device is told. */
const batch = 32;
const frameBytes = 64;
/** To somebody else, of a type that nobody takes (IEEE's for experiments): the host lets go of it at once. */
const frameHead = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x88, 0xb5];

interface Target extends RunningTap {
  readonly driver: NetDriver;
  readonly transmit: FrontQueue;
  readonly frontEnd: FrontEnd;
}

async function connect(subject: RunningTap): Promise<Target> {
  const frontEnd = await FrontEnd.connect(subject.socket);
  await frontEnd.start({ features: bitsOf(Feature.eventIndex), queues: 2, size });
  const [receive, transmit] = frontEnd.queues as [FrontQueue, FrontQueue];
  const options = { depth: size, bytes: netHeaderBytes + frameBytes, mergeable: false };
  const driver = new NetDriver(receive, transmit, frontEnd.memory, options);
  transmit.driver.suppressInterrupts();
  return { ...subject, driver, transmit, frontEnd };
}

/** Sends for so long, by looking without end. */
function send({ driver }: Target, ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end) {
    for (let count = 0; count < batch; count++) {
      const slot = driver.take();
      if (slot < 0) break;
      driver.bytesOf(slot).set(frameHead, netHeaderBytes);
      if (!driver.send(slot, frameBytes)) break;
    }
    driver.publish();
  }
}

function measure(target: Target, seconds: number): TapMeasurement {
  send(target, Math.min(100, seconds * 200));
  const kicks = target.transmit.kicks;
  const before = packetsOf(target.namespace);
  const cpu = treeCpu(target.pid);
  const start = performance.now();
  send(target, seconds * 1000);
  const elapsedSeconds = (performance.now() - start) / 1000;
  const cpuNs = treeCpuBetweenNs(cpu, treeCpu(target.pid));
  const packets = packetsOf(target.namespace) - before;
  if (packets === 0) throw new Error(`no packet of ${target.name} came out of its tap`);
  return {
    packetsPerSecond: packets / elapsedSeconds,
    cpuUsPerPacket: cpuNs / 1e3 / packets,
    kicksPerPacket: (target.transmit.kicks - kicks) / packets,
  };
}

async function main(plan: TapPlan): Promise<void> {
  const targets: Target[] = [];
  try {
    for (const subject of plan.subjects) {
      targets.push(await connect(subject));
      // One that looks without end would take the processor of the one that is measured.
      process.kill(subject.pid, 'SIGSTOP');
    }
    const found: Record<string, TapMeasurement[]> = {};
    for (let round = 0; round < plan.rounds; round++) {
      say(`tap: round ${round + 1} of ${plan.rounds}`);
      for (const target of targets) {
        found[target.name] ??= [];
        process.kill(target.pid, 'SIGCONT');
        found[target.name]!.push(measure(target, plan.seconds));
        process.kill(target.pid, 'SIGSTOP');
      }
    }
    process.stdout.write(JSON.stringify(found));
  } finally {
    for (const { pid, frontEnd } of targets) {
      process.kill(pid, 'SIGCONT');
      frontEnd.close();
    }
  }
}

await main(JSON.parse(process.argv[2]!) as TapPlan);
