// How long a server is loaded before it counts, and what it costs until then. V8 compiles what a row runs once that has run often, on the
// server's own processor: that is a matter of requests, so where a busy host lets few through it takes longer. What it costs is told beside
// the rest. Pure: who loads is measure.ts.

import type { Measurement } from './measure.js';
import { haveSettled } from './statistics.js';

/** So many requests a server is asked at least before it counts, or for so many seconds, where each takes long; the same for all. */
export const leastWarming = { requests: 100_000, seconds: 30 } as const;
/** And no longer, whether its requests still get cheaper or not. */
const mostSeconds = 40;

/** What the requests before the first round cost: the first {@link leastWarming} of them. */
export interface WarmingCost {
  readonly firstUs: number;
  readonly usPerRequest: number;
  readonly requests: number;
  readonly seconds: number;
}

/** The warming of one server in one row. */
export class Warming {
  readonly #costs: number[] = [];
  #seconds = 0;
  #requests = 0;
  #cpuUs = 0;
  #told: WarmingCost | undefined;

  /** Notes a stretch of load: what it answered, and what a request cost. */
  add({ requests, cpuUsPerRequest }: Pick<Measurement, 'requests' | 'cpuUsPerRequest'>, seconds: number): void {
    this.#costs.push(cpuUsPerRequest);
    this.#seconds += seconds;
    this.#requests += requests;
    this.#cpuUs += requests * cpuUsPerRequest;
    // What comes once it was asked enough is not what it costs before.
    if (this.#told === undefined && this.#isEnough) this.#told = this.#soFar;
  }

  get #isEnough(): boolean {
    return this.#requests >= leastWarming.requests || this.#seconds >= leastWarming.seconds;
  }

  get #soFar(): WarmingCost {
    const usPerRequest = this.#cpuUs / this.#requests;
    return { firstUs: this.#costs[0]!, usPerRequest, requests: this.#requests, seconds: this.#seconds };
  }

  /** Whether it is warm: it was asked often enough, and its requests have stopped costing less; or it has had its time. */
  get isOver(): boolean {
    return this.#seconds >= mostSeconds || (this.#isEnough && haveSettled(this.#costs));
  }

  /** What it cost. */
  get cost(): WarmingCost {
    return this.#told ?? this.#soFar;
  }
}
