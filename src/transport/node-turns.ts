// Node's own loop beside one of ours that blocks its thread: libuv's descriptor is watched among all others, so that Node has a turn as soon
// as something waits for it: a signal, a word of another thread, a connection of its own. Not here: giving it one (loop.ts).

import type { Engine } from '../engine/engine.js';
import { MAP, PROT } from '../kernel/constants.js';
import { bind } from '../kernel/ffi.js';
import { type Mapping, mapMemory, unmapMemory } from '../kernel/memory.js';
import { Endpoint } from './endpoint.js';

/** uv_metrics_t: turns, events, events that waited, and thirteen words that are kept free. */
const metricsBytes = 16 * 8;
/** The low word of its second number. */
const eventsWord = 2;

/** Main thread only: it is the one that the default loop of libuv belongs to. */
export class NodeTurns extends Endpoint {
  /** Something waits for Node since this was last set to false. */
  isDue = false;
  readonly #engine: Engine;
  readonly #fd: number;
  readonly #metrics: Mapping;
  readonly #words: Int32Array;
  readonly #readMetrics: () => void;
  readonly #isAlive: () => boolean;
  readonly #timeoutMs: () => number;
  #events = -1;
  /** How often in a row Node had work right now. */
  #timesDue = 0;

  /** @throws SystemError without memory, Error where this Node does not export libuv. */
  constructor(engine: Engine) {
    super();
    this.#engine = engine;
    const node = Number(bind('int64 uv_default_loop()')());
    this.#fd = Number(bind('int uv_backend_fd(int64 loop)')(node));
    const read = bind('int uv_metrics_info(int64 loop, int64 metrics)');
    const isAlive = bind('int uv_loop_alive(int64 loop)');
    const timeout = bind('int uv_backend_timeout(int64 loop)');
    this.#isAlive = () => isAlive(node) !== 0;
    this.#timeoutMs = () => Number(timeout(node));
    this.#metrics = mapMemory(metricsBytes, PROT.READ | PROT.WRITE, MAP.PRIVATE | MAP.ANONYMOUS);
    this.#words = new Int32Array(this.#metrics.buffer);
    this.#readMetrics = () => void read(node, this.#metrics.address);
  }

  /** Begins to watch; registered before. */
  watch(): void {
    this.#engine.watch(this.token, this.#fd);
  }

  override readable(_result: number, more: boolean): void {
    if (!more) this.watch();
    this.isDue = true;
  }

  /**
   * Whether Node has handled no event since this was last asked, a turn of its ago: what a handler begins to wait for, libuv tells the
   * kernel of in the turn after it, and it would not be heard of before.
   */
  isAtRest(): boolean {
    this.#readMetrics();
    const before = this.#events;
    this.#events = this.#words[eventsWord]!;
    return this.#events === before;
  }

  /**
   * In how many milliseconds Node's next timer is due, 0 where it has work now (a little more each time in a row), and Infinity without any. Asked in a task of Node's: a timer that is
   * begun in one counts. Timers that keep no process up are heard of while something else does.
   */
  untilDueMs(): number {
    // libuv waits for nothing while there is an immediate, and the one that this is asked in is taken off the count, but libuv told only when one
    // is taken back.
    clearImmediate(setImmediate(() => {}));
    // Where nothing keeps it up libuv would not wait either, whatever its timers say.
    const timeoutMs = this.#isAlive() ? this.#timeoutMs() : -1;
    // What is due though Node just had its turn may be the next timer, or what no turn takes away: the longer it lasts the less often Node has one.
    if (timeoutMs === 0) return 2 ** this.#timesDue++ - 1;
    this.#timesDue = 0;
    return timeoutMs < 0 ? Number.POSITIVE_INFINITY : timeoutMs;
  }

  /** What is watched goes with the engine. */
  close(): void {
    unmapMemory(this.#metrics);
  }
}
