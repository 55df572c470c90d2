// Faults on purpose that the player itself makes: the pump is stopped by a signal, this process collects garbage without end. Real ones: nothing is told to whoever measures. Not here: those of
// the pump (stalls, pump/loop.ts) and of the feeder (slow disks, feeder/feeder.ts).

import type { InjectedFaults } from './player-options.js';
import type { PumpProcess } from './pump-process.js';

/** What is asked for. */
type Wanted = Pick<InjectedFaults, 'stop' | 'gc'>;

/** Milliseconds of garbage in one go; then the event loop has a turn. */
const churnMs = 20;

/** See the file's head. */
export class Faults {
  readonly #wanted: Wanted;
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;
  #pump: PumpProcess | undefined;
  #isOver = false;

  constructor(wanted: Wanted) {
    this.#wanted = wanted;
  }

  /** It plays. Only the first time counts. */
  began(pump: PumpProcess | undefined): void {
    if (pump === undefined || this.#pump !== undefined) return;
    this.#pump = pump;
    const { stop, gc } = this.#wanted;
    if (stop !== undefined) this.#timer = setTimeout(() => this.#stop(pump, stop.ms), stop.atMs);
    if (gc === true) setImmediate(() => this.#churn());
  }

  #stop(pump: PumpProcess, ms: number): void {
    this.#isStopped = true;
    pump.kill('SIGSTOP');
    this.#timer = setTimeout(() => this.#goOn(), ms);
  }

  #goOn(): void {
    this.#isStopped = false;
    this.#pump?.kill('SIGCONT');
  }

  #churn(): void {
    if (this.#isOver) return;
    const until = performance.now() + churnMs;
    let kept: number[][] = [];
    while (performance.now() < until) {
      kept.push(new Array<number>(256).fill(kept.length));
      if (kept.length > 20_000) kept = [];
    }
    setImmediate(() => this.#churn());
  }

  /** No more of it. */
  end(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
    if (this.#isStopped) this.#goOn();
  }
}
