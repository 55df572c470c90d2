// What one worker counts, in memory that the main thread can read while the worker is blocked in the kernel.
// Only the worker writes. Text for Prometheus is made elsewhere (metrics-text.ts), from any number of workers.

import { bypassFigureNames } from '../bypass/figures.js';
import { copyReasonNames } from '../memory/copy.js';
import { sendModeNames } from '../transport/send-modes.js';

/** How a response's body left. */
export const Way = { none: 0, inline: 1, sendfile: 2, gather: 3 } as const;

/** Names of the ways by their number, as metrics and logs say them. */
export const wayNames = ['none', 'inline', 'sendfile', 'gather'] as const;

/** Upper bounds of the latency histogram, in milliseconds. */
export const latencyBoundsMs = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000] as const;

/** Upper bounds of the histogram of turns, in milliseconds. */
export const turnBoundsMs = [0.1, 0.25, 0.5, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024] as const;

const layout = {
  /** Requests by hundreds of their status: index 1 to 5. */
  requests: 6,
  /** Body bytes, and responses, by way. */
  wayBytes: wayNames.length,
  wayResponses: wayNames.length,
  /** Latencies at most each bound, then beyond the last; and their sum in milliseconds. */
  latency: latencyBoundsMs.length + 1,
  latencySumMs: 1,
  /** Turns of the loop at most each bound, then beyond the last; and their sum in milliseconds. */
  turns: turnBoundsMs.length + 1,
  turnsSumMs: 1,
  connectionsOpen: 1,
  connectionsAccepted: 1,
  connectionsRefused: 1,
  acceptErrors: 1,
  slowReaders: 1,
  timeouts: 1,
  parseErrors: 1,
  failures: 1,
  coldFetches: 1,
  openFiles: 1,
  framesLeased: 1,
  frameBytes: 1,
  knownPaths: 1,
  knownBytes: 1,
  filmsKept: 1,
  filmBytes: 1,
  receiveFramesLent: 1,
  headFramesLeased: 1,
  cachedResponses: 1,
  truncated: 1,
  fileErrors: 1,
  logRecords: 1,
  logDropped: 1,
  logWaitingBytes: 1,
  /** Bytes of responses with files by SendMode; sends by reference that the kernel used in place, and that it copied. */
  modeBytes: sendModeNames.length,
  references: 2,
  copied: copyReasonNames.length,
  /** Of our own TCP/IP and the socket below it; zeros where the kernel's serves. */
  bypass: bypassFigureNames.length,
} as const;

/** A name of the layout. */
export type MetricName = keyof typeof layout;

const offsets = {} as Record<MetricName, number>;
let total = 0;
for (const [name, count] of Object.entries(layout)) {
  offsets[name as MetricName] = total;
  total += count;
}

/** Those of a turn and of a response. Filled by names, {@link offsets} is a dictionary to V8; these are objects whose values are known to compiled code. */
const ofTurn = { turns: offsets.turns, sumMs: offsets.turnsSumMs } as const;
const ofResponse = {
  requests: offsets.requests,
  wayBytes: offsets.wayBytes,
  wayResponses: offsets.wayResponses,
  latency: offsets.latency,
  latencySumMs: offsets.latencySumMs,
} as const;

/** Bytes of one worker's account. */
export const metricsBytes: number = total * Float64Array.BYTES_PER_ELEMENT;

/** One worker's account over shared memory. */
export class Metrics {
  readonly values: Float64Array;
  /** The part that memory/copy.ts counts into. */
  readonly copied: Float64Array;
  /** The part that a worker past the kernel writes its figures into. */
  readonly bypass: Float64Array;

  /** @param memory {@link metricsBytes} bytes from `offset` on. */
  constructor(memory: SharedArrayBuffer, offset: number) {
    this.values = new Float64Array(memory, offset, total);
    this.copied = this.values.subarray(offsets.copied, offsets.copied + layout.copied);
    this.bypass = this.values.subarray(offsets.bypass, offsets.bypass + layout.bypass);
  }

  /** Adds to a counter. */
  add(name: MetricName, amount = 1, index = 0): void {
    this.values[offsets[name] + index]! += amount;
  }

  /** Sets a gauge. */
  gauge(name: MetricName, value: number, index = 0): void {
    this.values[offsets[name] + index] = value;
  }

  /** Reads a value. */
  get(name: MetricName, index = 0): number {
    return this.values[offsets[name] + index]!;
  }

  /** Responses so far, of any status. */
  get responses(): number {
    let sum = 0;
    for (let kind = 0; kind < layout.requests; kind++) sum += this.values[offsets.requests + kind]!;
    return sum;
  }

  /** Counts a turn of the loop: how long it was busy. */
  countTurn(busyMs: number): void {
    const values = this.values;
    let bound = 0;
    while (bound < turnBoundsMs.length && busyMs > turnBoundsMs[bound]!) bound++;
    values[ofTurn.turns + bound]! += 1;
    values[ofTurn.sumMs]! += busyMs;
  }

  /** Counts a response: status, body bytes by way, and the time from its request to its last byte in the kernel. */
  countResponse(status: number, way: number, bodyBytes: number, latencyMs: number): void {
    const values = this.values;
    values[ofResponse.requests + Math.floor(status / 100)]! += 1;
    values[ofResponse.wayBytes + way]! += bodyBytes;
    values[ofResponse.wayResponses + way]! += 1;
    let bound = 0;
    while (bound < latencyBoundsMs.length && latencyMs > latencyBoundsMs[bound]!) bound++;
    values[ofResponse.latency + bound]! += 1;
    values[ofResponse.latencySumMs]! += latencyMs;
  }
}
