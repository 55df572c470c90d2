// One measurement: one peer, one stretch of load, with the CPU time of the server and of the machine around it, and its
// repetition while others use the machine. What is asked for is the caller's.

import { setTimeout as sleep } from 'node:timers/promises';
import { type CopyCount, readCopies } from './copies.js';
import { kernelThreadsCpu, machineCpu, reapedChildrenCpuNs, treeCpu, treeCpuBetweenNs } from './host/cpu.js';
import { memoryOf } from './host/proc.js';
import type { LoadResult } from './load/load-result.js';
import type { RunningPeer } from './servers/peer.js';
import { countTrouble, type ResponseSize } from './verify.js';
import { Warming, type WarmingCost, type WarmingLimits } from './warming.js';

/** What is measured. */
export interface Trial {
  readonly peer: RunningPeer;
  /** Of one verified response. */
  readonly size: ResponseSize;
  readonly connections: number;
  readonly load: (seconds: number) => Promise<LoadResult>;
}

/** What one measurement found. */
export interface Measurement {
  /** Responses that arrived to their end. */
  readonly requests: number;
  readonly requestsPerSecond: number;
  readonly cpuUsPerRequest: number;
  readonly systemCpuUsPerRequest: number;
  readonly cpuSecondsPerGib: number;
  readonly systemCpuSecondsPerGib: number;
  readonly rssBytes: number;
  readonly pssBytes: number;
  /** User-space copies of body bytes over body bytes; undefined where the peer does not count them. */
  readonly copiedPerBodyByte: number | undefined;
  readonly p50Us: number | undefined;
  readonly p99Us: number | undefined;
  /** Share of one processor that the server, the load, and programs that are neither used. */
  readonly serverShare: number;
  readonly loadShare: number;
  readonly otherShare: number;
  /** Processors' time that the hypervisor gave to other machines. */
  readonly stolenShare: number;
}

const settleMs = 30;

/** The copies of a peer with metrics; undefined for the others. */
async function copiesOf(peer: RunningPeer): Promise<CopyCount | undefined> {
  return peer.metricsUrl === undefined ? undefined : readCopies(peer.metricsUrl);
}

/** CPU time at one moment, of everything that is told apart. */
function takeCpu(peer: RunningPeer) {
  const { user, system } = process.cpuUsage();
  return {
    server: treeCpu(peer.pid),
    kernel: kernelThreadsCpu(),
    machine: machineCpu(),
    reapedNs: reapedChildrenCpuNs(),
    ownNs: (user + system) * 1e3,
    atNs: Number(process.hrtime.bigint()),
  };
}

/** CPU nanoseconds between two moments. */
function cpuBetween(before: ReturnType<typeof takeCpu>, after: ReturnType<typeof takeCpu>) {
  const serverNs = treeCpuBetweenNs(before.server, after.server);
  const machineNs = after.machine.notIdleNs - before.machine.notIdleNs;
  const loadNs = after.reapedNs - before.reapedNs;
  // Kernel threads work for whoever is measured (ksoftirqd delivers its packets): they are nobody else.
  const known = serverNs + loadNs + (after.ownNs - before.ownNs) + treeCpuBetweenNs(before.kernel, after.kernel);
  return {
    serverNs,
    machineNs,
    loadNs,
    otherNs: Math.max(0, machineNs - known),
    stolenNs: after.machine.stolenNs - before.machine.stolenNs,
    wallNs: after.atNs - before.atNs,
  };
}

/** Responses of a load; where they have one size, those that the end of the run cut off count for the part that was sent. */
export function responsesOf(result: LoadResult, size: ResponseSize): number {
  return size.uniform ? result.bytes / (size.bodyBytes + size.headBytes) : result.requests;
}

/**
 * Loads a peer for `seconds` and measures.
 * @throws when the load saw an error, or when its counts are not those of the verified responses: such a peer has no numbers.
 */
export async function measure(trial: Trial, seconds: number): Promise<Measurement> {
  const { peer, size } = trial;
  const copiesBefore = await copiesOf(peer);
  const before = takeCpu(peer);
  const result = await trial.load(seconds);
  await sleep(settleMs);
  const { serverNs, machineNs, loadNs, otherNs, stolenNs, wallNs } = cpuBetween(before, takeCpu(peer));
  const trouble = result.trouble ?? countTrouble(result, size, trial.connections);
  if (trouble) throw new Error(trouble);
  const copies = await copiesOf(peer);

  const responses = responsesOf(result, size);
  const bodyBytes = responses * size.bodyBytes;
  const gib = bodyBytes / 2 ** 30;
  return {
    requests: result.requests,
    requestsPerSecond: result.requests / result.durationSeconds,
    cpuUsPerRequest: serverNs / 1e3 / responses,
    systemCpuUsPerRequest: machineNs / 1e3 / responses,
    cpuSecondsPerGib: serverNs / 1e9 / gib,
    systemCpuSecondsPerGib: machineNs / 1e9 / gib,
    ...memoryOf(peer.pid),
    copiedPerBodyByte: copies && copiesBefore && (copies.copiedBytes - copiesBefore.copiedBytes) / bodyBytes,
    p50Us: result.p50Us,
    p99Us: result.p99Us,
    serverShare: serverNs / wallNs,
    loadShare: loadNs / (result.durationSeconds * 1e9),
    otherShare: otherNs / wallNs,
    stolenShare: stolenNs / wallNs,
  };
}

/**
 * Loads a peer for `seconds`, and then as long as {@link Warming} says. @returns what that cost
 * @throws as {@link measure}
 */
export async function warmUp(trial: Trial, seconds: number, limits: WarmingLimits): Promise<WarmingCost> {
  const warming = new Warming(limits);
  for (let next = seconds; !warming.isOver; next = 1) warming.add(await measure(trial, next), next);
  return warming.cost;
}

/** From these shares of a processor on a measurement is noisy: other programs ran, or the hypervisor took time away. */
export const noiseLimits = { otherShare: 0.1, stolenShare: 0.05 } as const;

/** How often a noisy measurement is repeated at most. */
const mostRepeats = 2;

const isNoisy = (round: Measurement): boolean =>
  round.otherShare > noiseLimits.otherShare || round.stolenShare > noiseLimits.stolenShare;
const noise = (round: Measurement): number => round.otherShare + round.stolenShare;

/** As {@link measure}, again while others use the machine, a bounded number of times. @returns the quietest, and the repeats */
export async function measureQuietly(
  trial: Trial,
  seconds: number,
): Promise<{ measurement: Measurement; repeats: number }> {
  let measurement = await measure(trial, seconds);
  let repeats = 0;
  while (isNoisy(measurement) && repeats < mostRepeats) {
    const again = await measure(trial, seconds);
    repeats++;
    if (noise(again) < noise(measurement)) measurement = again;
  }
  return { measurement, repeats };
}
