// Reads from Clearway's metrics how many bytes of bodies were copied in user space, and how many frames are held.

import { readMetrics, sumOf } from './load/http-client.js';

/** Reasons of the copy ledger (src/memory/copy.ts) whose bytes are bytes of a body; the others are heads and requests. */
export const bodyCopyReasons = ['frameFill', 'frameRefresh', 'coalesce', 'application'] as const;

/** The ledger's account at one moment. */
export interface CopyCount {
  readonly copiedBytes: number;
}

/** @throws when the page has no ledger: a missing metric must not pass for zero copies. */
export async function readCopies(metricsUrl: string): Promise<CopyCount> {
  const samples = await readMetrics(metricsUrl);
  const name = 'clearway_copied_bytes_total';
  if (sumOf(samples, name) === undefined) throw new Error(`${metricsUrl} has no ${name}`);
  let copiedBytes = 0;
  for (const reason of bodyCopyReasons) copiedBytes += sumOf(samples, name, { reason }) ?? 0;
  return { copiedBytes };
}

/** The gauges that together are all frames of a worker: responses kept, requests being read, heads being sent. */
const frameGauges = ['clearway_frames', 'clearway_receive_frames', 'clearway_head_frames'] as const;

/** Frames in use at this moment. @throws when the page lacks a gauge: a missing one must not pass for zero. */
export async function readFramesInUse(metricsUrl: string): Promise<number> {
  const samples = await readMetrics(metricsUrl);
  let inUse = 0;
  for (const name of frameGauges) {
    const value = sumOf(samples, name);
    if (value === undefined) throw new Error(`${metricsUrl} has no ${name}`);
    inUse += value;
  }
  return inUse;
}
