// How long a server is loaded before it counts, and what it costs until then. V8 compiles what a row runs once that has run often, on the
// server's own processor: that is a matter of requests, so where a busy host lets few through it takes longer. What it costs is told beside
// the rest. Pure: who loads is measure.ts.

import type { Measurement } from './measure.js';
import { haveSettled } from './statistics.js';

/** How long a server is loaded before it counts: so many requests, or seconds where each takes long, and no longer than the most. */
export interface WarmingLimits {
  readonly requests: number;
  readonly seconds: number;
  readonly mostSeconds: number;
}

/** The same for all servers. */
export const usualWarming: WarmingLimits = { requests: 100_000, seconds: 30, mostSeconds: 40 };
/** For a quick look, which may find a server that is not warm. */
export const quickWarming: WarmingLimits = { requests: 10_000, seconds: 3, mostSeconds: 11 };

/** What the requests before the first round cost: the first of {@link WarmingLimits}. */
export interface WarmingCost {
  readonly firstUs: number;
  readonly usPerRequest: number;
  readonly requests: number;
  readonly seconds: number;
}

/** The warming of one server in one row. */
export class Warming {
  readonly #limits: WarmingLimits;
  readonly #costs: number[] = [];
  #seconds = 0;
  #requests = 0;
  #cpuUs = 0;
  #told: WarmingCost | undefined;

  constructor(limits: WarmingLimits) {
    this.#limits = limits;
  }

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
    return this.#requests >= this.#limits.requests || this.#seconds >= this.#limits.seconds;
  }

  get #soFar(): WarmingCost {
    const usPerRequest = this.#cpuUs / this.#requests;
    return { firstUs: this.#costs[0]!, usPerRequest, requests: this.#requests, seconds: this.#seconds };
  }

  /** Whether it is warm: it was asked often enough, and its requests have stopped costing less; or it has had its time. */
  get isOver(): boolean {
    return this.#seconds >= this.#limits.mostSeconds || (this.#isEnough && haveSettled(this.#costs));
  }

  /** What it cost. */
  get cost(): WarmingCost {
    return this.#told ?? this.#soFar;
  }
}
