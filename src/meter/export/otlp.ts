// Metric families sent to an OpenTelemetry collector: OTLP over HTTP as JSON (opentelemetry-proto, metrics/v1), with
// plain fetch. A collector that is away is said once and tried again at the next interval; nothing is kept meanwhile,
// because counters are cumulative: the next export holds what this one would have.

import type { Family } from './families.js';

/** Who sends. */
export interface OtlpOrigin {
  readonly version: string;
  /** What is metered, in words. */
  readonly subject: string;
  readonly startMs: number;
}

const cumulative = 2;

/** The body of one export at a time, in ms since 1970. */
export function otlpBody(families: readonly Family[], origin: OtlpOrigin, nowMs: number): object {
  const attributes = (labels: Readonly<Record<string, string>>) =>
    Object.entries(labels).map(([key, stringValue]) => ({ key, value: { stringValue } }));
  const metrics = families
    .filter(({ points }) => points.length > 0)
    .map(({ name, unit, kind, help, points }) => {
      const dataPoints = points.map(({ labels, value }) => ({
        attributes: attributes(labels),
        startTimeUnixNano: nanoseconds(origin.startMs),
        timeUnixNano: nanoseconds(nowMs),
        // 64-bit integers are strings in the JSON of protocol buffers.
        ...(kind === 'counter' ? { asInt: String(Math.round(value)) } : { asDouble: value }),
      }));
      const data =
        kind === 'counter'
          ? { sum: { aggregationTemporality: cumulative, isMonotonic: true, dataPoints } }
          : { gauge: { dataPoints } };
      return { name, unit, description: help, ...data };
    });
  const resource = {
    attributes: attributes({ 'service.name': 'clearway', 'clearway.subject': origin.subject }),
  };
  return {
    resourceMetrics: [
      { resource, scopeMetrics: [{ scope: { name: 'clearway.meter', version: origin.version }, metrics }] },
    ],
  };
}

function nanoseconds(timeMs: number): string {
  return String(BigInt(Math.round(timeMs)) * 1_000_000n);
}

/** The endpoint as given, with the path of metrics where it names none. @throws TypeError for no http(s) URL. */
export function otlpUrl(text: string): URL {
  const url = new URL(text);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw new TypeError('only http: and https:');
  if (url.pathname === '/') url.pathname = '/v1/metrics';
  return url;
}

const timeoutMs = 5000;

/** Sends exports to one collector, one at a time. */
export class OtlpExporter {
  private failing = false;
  private busy: Promise<void> | undefined;

  /** @param warn is told once when exports begin to fail, and once when they succeed again. */
  constructor(
    private readonly url: URL,
    private readonly origin: OtlpOrigin,
    private readonly warn: (sentence: string) => void,
  ) {}

  /** Sends the families as they are now; left out where the export before is still under way. Never rejects. */
  export(families: readonly Family[]): Promise<void> {
    this.busy ??= this.send(families).finally(() => {
      this.busy = undefined;
    });
    return this.busy;
  }

  /** Waits for the export under way, then sends the last figures. */
  async finish(families: readonly Family[]): Promise<void> {
    await this.busy;
    await this.export(families);
  }

  private async send(families: readonly Family[]): Promise<void> {
    const why = await this.post(JSON.stringify(otlpBody(families, this.origin, Date.now())));
    if (why !== undefined && !this.failing) this.warn(`the collector at ${this.url.origin} ${why}; it is tried again`);
    if (why === undefined && this.failing) this.warn(`the collector at ${this.url.origin} takes metrics again`);
    this.failing = why !== undefined;
  }

  private async post(body: string): Promise<string | undefined> {
    try {
      const headers = { 'Content-Type': 'application/json' };
      const signal = AbortSignal.timeout(timeoutMs);
      const response = await fetch(this.url, { method: 'POST', headers, body, signal, redirect: 'error' });
      await response.body?.cancel();
      return response.ok ? undefined : `answered with status ${response.status}`;
    } catch (error) {
      const { name, cause } = error as Error & { cause?: { code?: string } };
      if (name === 'TimeoutError') return `did not answer within ${timeoutMs / 1000} s`;
      return `cannot be reached (${cause?.code ?? (error as Error).message})`;
    }
  }
}
