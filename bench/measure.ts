// One measurement: one peer, one row, one stretch of load, with the CPU time of the server and of the machine around it.

import { setTimeout as sleep } from 'node:timers/promises';
import { type CopyCount, readCopies } from './copies.js';
import type { Placement } from './host/child.js';
import { machineCpu, reapedChildrenCpuNs, treeCpu, treeCpuBetweenNs } from './host/cpu.js';
import { memoryOf } from './host/proc.js';
import { downloadResult, startDownload } from './load/download.js';
import type { LoadResult } from './load/load-result.js';
import { runWrk } from './load/wrk.js';
import { downloaderFromBytes, type Row } from './rows.js';
import type { RunningPeer } from './servers/peer.js';

/** What one measurement found. Per-request values divide by the bytes sent over the bytes of one response, so that responses
 * cut off by the end of the run count for the part that was sent. */
export interface Measurement {
  readonly requestsPerSecond: number;
  readonly cpuUsPerRequest: number;
  readonly systemCpuUsPerRequest: number;
  readonly cpuSecondsPerGib: number;
  readonly systemCpuSecondsPerGib: number;
  readonly rssBytes: number;
  /** User-space copies of body bytes over body bytes; undefined where the peer does not count them. */
  readonly copiedPerBodyByte: number | undefined;
  readonly p99Us: number | undefined;
  /** Share of one processor that the server, the load and everything else used. */
  readonly serverShare: number;
  readonly loadShare: number;
  readonly otherShare: number;
  /** Processors' time that the hypervisor gave to other machines. */
  readonly stolenShare: number;
}

const settleMs = 30;

async function load(peer: RunningPeer, row: Row, seconds: number, placement: Placement): Promise<LoadResult> {
  const url = `${peer.origin}/${row.file.name}`;
  if (row.file.bytes >= downloaderFromBytes) {
    const plan = { urls: [url], connections: row.connections, seconds, repeat: true };
    return downloadResult(startDownload(plan, placement.load), seconds + 15);
  }
  return runWrk({ url, connections: row.connections, seconds, placing: placement.load });
}

/** The copies of a peer with metrics; undefined for the others. */
async function copiesOf(peer: RunningPeer): Promise<CopyCount | undefined> {
  return peer.metricsUrl === undefined ? undefined : readCopies(peer.metricsUrl);
}

/**
 * Loads `peer` for `seconds` and measures.
 * @param headBytes bytes of the head of one response of this peer
 * @throws when the load saw an error: a peer that answers with errors has no numbers.
 */
export async function measure(
  peer: RunningPeer,
  row: Row,
  headBytes: number,
  seconds: number,
  placement: Placement,
): Promise<Measurement> {
  const copiesBefore = await copiesOf(peer);
  const serverBefore = treeCpu(peer.pid);
  const reapedBefore = reapedChildrenCpuNs();
  const machineBefore = machineCpu();
  const startNs = process.hrtime.bigint();
  const result = await load(peer, row, seconds, placement);
  await sleep(settleMs);
  const wallNs = Number(process.hrtime.bigint() - startNs);
  const machineAfter = machineCpu();
  const machineNs = machineAfter.notIdleNs - machineBefore.notIdleNs;
  const loadNs = reapedChildrenCpuNs() - reapedBefore;
  const serverNs = treeCpuBetweenNs(serverBefore, treeCpu(peer.pid));
  if (result.trouble) throw new Error(result.trouble);
  const copies = await copiesOf(peer);

  const bodyBytes = (result.bytes * row.file.bytes) / (row.file.bytes + headBytes);
  const responses = result.bytes / (row.file.bytes + headBytes);
  const gib = bodyBytes / 2 ** 30;
  return {
    requestsPerSecond: result.requests / result.durationSeconds,
    cpuUsPerRequest: serverNs / 1e3 / responses,
    systemCpuUsPerRequest: machineNs / 1e3 / responses,
    cpuSecondsPerGib: serverNs / 1e9 / gib,
    systemCpuSecondsPerGib: machineNs / 1e9 / gib,
    rssBytes: memoryOf(peer.pid).rssBytes,
    copiedPerBodyByte: copies && copiesBefore && (copies.copiedBytes - copiesBefore.copiedBytes) / bodyBytes,
    p99Us: result.p99Us,
    serverShare: serverNs / wallNs,
    loadShare: loadNs / (result.durationSeconds * 1e9),
    otherShare: Math.max(0, machineNs - serverNs - loadNs) / wallNs,
    stolenShare: (machineAfter.stolenNs - machineBefore.stolenNs) / wallNs,
  };
}
