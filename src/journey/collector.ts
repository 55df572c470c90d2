// Puts stamps together by message, and messages into figures: stages with their quantiles, the slowest journeys, those
// kept for export. Pure but for the clock of the stamps themselves.

import { Durations } from './durations.js';
import { type Journey, journeyOf } from './path.js';
import { type PointName, pointNames } from './points.js';
import type { Stamp } from './record.js';

/** One stage over all journeys: from a point to the next that was seen. Durations in ns. */
export interface StageSummary {
  readonly from: PointName;
  readonly to: PointName;
  readonly count: number;
  readonly p50Ns: number;
  readonly p99Ns: number;
  readonly maxNs: number;
  readonly sumNs: number;
}

/** How a collector keeps journeys. */
export interface CollectorOptions {
  /** Journeys kept whole, for export; later ones only count. */
  readonly keep: number;
  /** How many of the slowest are kept whole. */
  readonly slowest: number;
  /** Whether a journey is wanted. */
  readonly wanted: (journey: Journey) => boolean;
}

/** A message without news for so long is taken as it is. */
const patienceNs = 3_000_000_000;

/** Takes stamps in the order of the ring. */
export class Collector {
  private readonly options: CollectorOptions;
  private readonly open = new Map<number, Stamp[]>();
  /** Which messages a thread has copied from in its present call. */
  private readonly reading = new Map<number, Set<number>>();
  private readonly ripe = new Set<number>();
  private readonly stages = new Map<string, { from: PointName; to: PointName; durations: Durations }>();
  private readonly totals = new Durations();
  private slow: Journey[] = [];
  readonly kept: Journey[] = [];
  readonly outcomes = { read: 0, acknowledged: 0, unfinished: 0 };
  /** Messages whose beginning was lost or before our time; and finished ones beyond what is kept. */
  headless = 0;
  notKept = 0;

  constructor(options: CollectorOptions) {
    this.options = options;
  }

  /** Takes one stamp. */
  take(stamp: Stamp): void {
    const { point, thread, journey } = stamp;
    if (point === 'received' || point === 'returned') {
      // The record names the message that was read last; one call may read the end of one and the beginning of another.
      const messages = this.reading.get(thread) ?? new Set([journey]);
      for (const each of messages) this.open.get(each)?.push(stamp);
      if (point !== 'returned') return;
      for (const each of messages) this.ripe.add(each);
      this.reading.delete(thread);
      return;
    }
    let stamps = this.open.get(journey);
    if (stamps === undefined) {
      // What comes after a message was taken (its buffer given back, say) is not worth a second one.
      const begins = point === 'queued' || ((point === 'arrived' || point === 'receive') && stamp.value === 1n);
      if (!begins) {
        if (point === 'copy') this.headless++;
        return;
      }
      stamps = [];
      this.open.set(journey, stamps);
    }
    stamps.push(stamp);
    if (point === 'copy') {
      const messages = this.reading.get(thread);
      if (messages === undefined) this.reading.set(thread, new Set([journey]));
      else messages.add(journey);
    } else if (point === 'acknowledged') this.ripe.add(journey);
  }

  /**
   * Takes the messages that have ended into the figures. To be called a while after their last stamps came, so that those
   * beside the way are there too.
   */
  harvest(ready: ReadonlySet<number>, nowNs: number): void {
    for (const id of ready) this.finish(id, false);
    for (const [id, stamps] of this.open) if (nowNs - stamps.at(-1)!.timeNs > patienceNs) this.finish(id, true);
  }

  /** Those that may have ended since the last time this was asked. */
  ripened(): ReadonlySet<number> {
    const ready = new Set(this.ripe);
    this.ripe.clear();
    return ready;
  }

  /** Takes everything as it is. */
  finishAll(): void {
    for (const id of [...this.open.keys()]) this.finish(id, true);
  }

  private finish(id: number, anyway: boolean): void {
    const stamps = this.open.get(id);
    if (stamps === undefined) return;
    const journey = journeyOf(stamps);
    if (journey !== undefined && journey.outcome === 'unfinished' && !anyway) return;
    this.open.delete(id);
    if (journey === undefined || journey.bytes === 0 || !this.options.wanted(journey)) return;
    this.outcomes[journey.outcome]++;
    this.keep(journey);
    if (journey.outcome !== 'unfinished') this.count(journey);
  }

  private keep(journey: Journey): void {
    if (this.kept.length < this.options.keep) this.kept.push(journey);
    else this.notKept++;
  }

  private count(journey: Journey): void {
    this.totals.add(journey.totalNs);
    for (const { from, to, durationNs } of journey.stages) {
      const key = `${from} ${to}`;
      let stage = this.stages.get(key);
      if (stage === undefined) {
        stage = { from, to, durations: new Durations() };
        this.stages.set(key, stage);
      }
      stage.durations.add(durationNs);
    }
    const { slowest } = this.options;
    const enters = this.slow.length < slowest || journey.totalNs > (this.slow.at(-1)?.totalNs ?? journey.totalNs);
    if (enters) {
      this.slow = [...this.slow, journey].sort((a, b) => b.totalNs - a.totalNs).slice(0, slowest);
    }
  }

  /** The slowest first. */
  get slowest(): readonly Journey[] {
    return this.slow;
  }

  /** From the first point of a message to the last. */
  get total(): StageSummary {
    return { from: 'entered', to: 'returned', ...figures(this.totals) };
  }

  /** Every stage that was seen, in the order of the way. */
  get summary(): StageSummary[] {
    const order = (name: PointName) => pointNames.indexOf(name);
    return [...this.stages.values()]
      .sort((a, b) => order(a.from) - order(b.from) || order(a.to) - order(b.to))
      .map(({ from, to, durations }) => ({ from, to, ...figures(durations) }));
  }
}

function figures(durations: Durations): Omit<StageSummary, 'from' | 'to'> {
  const { count, maxNs, sumNs } = durations;
  return { count, p50Ns: durations.quantileNs(0.5), p99Ns: durations.quantileNs(0.99), maxNs, sumNs };
}
