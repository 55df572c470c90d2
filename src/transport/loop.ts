// Loop: one engine, the endpoints that use it, and the ways to drive it. run() owns the thread and blocks in the kernel;
// runBesideNode() does so on the main thread, where Node's own loop has turns in between; attach() lives inside Node's loop.

import type { Engine, EngineEvents } from '../engine/engine.js';
import { clearEvent, createEventDescriptor } from '../kernel/event.js';
import { closeDescriptor } from '../kernel/socket.js';
import { UvPoll } from '../kernel/uv-poll.js';
import { BulkQueue } from './bulk.js';
import { DueQueue, type Waiter } from './due-queue.js';
import { Endpoint } from './endpoint.js';
import { NodeTurns } from './node-turns.js';
import { type EngineChoice, openEngine } from './open-engine.js';
import { PairQueue } from './pair-queue.js';
import { defaultSendLimits, type SendLimits } from './send-modes.js';

/** How often {@link Loop.everyTick} callbacks run, in milliseconds: the grain of every time limit. */
export const tickMs = 250;

/** A connection is accepted, its request comes, its answer leaves; and one more. */
const turnsOfAnAnswer = 4;

/** What is due at times of its own, between ticks. */
export interface Alarm {
  /** When, on the loop's clock. It may change at any time. */
  readonly dueMs: number;
  ring(nowMs: number): void;
}

/** The descriptor another thread signals to make the loop look up. */
class Waker extends Endpoint {
  readonly fd: number;
  readonly #engine: Engine;
  readonly #isOwn: boolean;
  woken: (() => void) | undefined;

  constructor(engine: Engine, given: number | undefined) {
    super();
    this.#engine = engine;
    this.#isOwn = given === undefined;
    this.fd = given ?? createEventDescriptor();
  }

  close(): void {
    if (this.#isOwn) closeDescriptor(this.fd);
  }

  watch(): void {
    this.#engine.watch(this.token, this.fd);
  }

  override readable(_result: number, more: boolean): void {
    // Watching can end on its own (io_uring: the completion ring was full); a loop that cannot be woken is lost.
    if (!more) this.watch();
    clearEvent(this.fd);
    this.woken?.();
  }
}

/** Drives one engine. Everything but {@link wakeDescriptor} belongs to the thread that made it. */
export class Loop implements EngineEvents {
  readonly engine: Engine;
  /** Milliseconds of a monotonic clock, taken once a turn, after the wait. */
  nowMs: number;
  /** Turns so far: what may be done once a turn remembers the number. */
  turns = 0;
  /** What moves large bodies waits here for its share of a turn. */
  readonly bulk = new BulkQueue();
  /** Heads and small bodies that are sent together at the end of the turn. */
  readonly pairs = new PairQueue();
  /** Who waits for a time of its own: see {@link whenDue}. */
  readonly #dues = new DueQueue();
  /** Rings in the first turn after its time, for which the loop wakes up. */
  alarm: Alarm | undefined;
  /**
   * Told after each turn how long it was busy, in milliseconds: from the end of its wait, while nobody else had a turn. What io_uring does as it is handed
   * operations is one call with that wait, and not in it: of small answers that is most of the work (1.1 of 1.24 s).
   */
  onTurn: ((busyMs: number) => void) | undefined;
  /** The lengths by which it is chosen how pieces of files leave. */
  sendLimits: SendLimits = defaultSendLimits;
  readonly #clock: () => number;
  readonly #endpoints: Array<Endpoint | undefined> = [];
  readonly #freeTokens: number[] = [];
  readonly #ticks = new Set<(nowMs: number) => void>();
  readonly #waker: Waker;
  #ready: Array<() => void> = [];
  #readyNow: Array<() => void> = [];
  #lastTickMs: number;
  /** Whether the present turn's wait has ended, and when. */
  #hasWaited = false;
  #waitedMs = 0;
  #node: NodeTurns | undefined;
  #stopped = false;
  #running = false;
  #inTurn = false;
  #closing = false;
  #closed = false;
  #attachment: { poll: UvPoll; tick: NodeJS.Timeout } | undefined;

  /**
   * @param clock milliseconds of a monotonic clock; a test gives its own.
   * @param wakeDescriptor an eventfd that another thread made and signals. It stays that thread's: were it closed here,
   * a late signal would be written into whatever got its number.
   * @throws SystemError or UnsupportedError when the engine that was asked for cannot be had.
   */
  constructor(
    engine: EngineChoice | Engine = 'auto',
    clock: () => number = () => performance.now(),
    wakeDescriptor?: number,
  ) {
    this.engine = typeof engine === 'string' ? openEngine(engine) : engine;
    this.#clock = clock;
    this.nowMs = clock();
    this.#lastTickMs = this.nowMs;
    this.#waker = new Waker(this.engine, wakeDescriptor);
    this.register(this.#waker);
    this.#waker.watch();
  }

  /** Signal this descriptor (kernel/event.ts) from any thread: the loop wakes up and calls {@link onWake}. */
  get wakeDescriptor(): number {
    return this.#waker.fd;
  }

  /** What to do when another thread signalled. */
  set onWake(callback: () => void) {
    this.#waker.woken = callback;
  }

  /** Gives an endpoint its token. */
  register(endpoint: Endpoint): void {
    const token = this.#freeTokens.pop() ?? this.#endpoints.length;
    endpoint.token = token;
    this.#endpoints[token] = endpoint;
  }

  /** Takes the token back; every operation begun with it must have ended. */
  unregister(endpoint: Endpoint): void {
    if (endpoint.token < 0) return;
    this.#endpoints[endpoint.token] = undefined;
    this.#freeTokens.push(endpoint.token);
    endpoint.token = -1;
  }

  /** Calls back some four times a second while the loop is driven. */
  everyTick(callback: (nowMs: number) => void): () => void {
    this.#ticks.add(callback);
    return () => this.#ticks.delete(callback);
  }

  /** Does a piece of work in the next turn, after the events that wait now: how long work yields to others. */
  nextTurn(work: () => void): void {
    this.#ready.push(work);
    if (this.#attachment !== undefined) this.#turnSoon(0);
  }

  /** Does a piece of work when {@link bulk} has a share for it, in a later turn. */
  whenBulk(work: () => void): void {
    this.bulk.wait(work);
    if (this.#attachment !== undefined) this.#turnSoon(0);
  }

  /** True within a turn: what waits for its end does not wait for long. */
  get isInTurn(): boolean {
    return this.#inTurn;
  }

  /** Tells somebody when a time has come, with all who are due by then. */
  whenDue(waiter: Waiter, dueMs: number): void {
    this.#dues.wait(waiter, dueMs, this.nowMs);
    if (this.#attachment !== undefined) this.#turnWhenDue();
  }

  /** One turn: submit, wait at most `waitMs`, hand out events, then deferred work, bulk and ticks. @returns how many events there were */
  turn(waitMs: number): number {
    if (this.#closed) return 0;
    this.turns++;
    this.bulk.beginTurn(this.nowMs);
    this.#inTurn = true;
    try {
      const isDue = this.#ready.length > 0 || this.bulk.waiting || this.pairs.waiting;
      this.#hasWaited = false;
      const events = this.engine.turn(isDue ? 0 : this.#untilDue(waitMs), this);
      // Where nothing came an engine does not say so.
      if (!this.#hasWaited) this.waited();
      if (this.#ready.length > 0) this.#doReady();
      if (this.pairs.waiting) this.pairs.run();
      if (this.bulk.waiting) this.#doBulk();
      this.nowMs = this.#clock();
      const isTimely = this.#doTimely();
      this.onTurn?.((isTimely ? this.#clock() : this.nowMs) - this.#waitedMs);
      if (this.#attachment !== undefined) this.#turnWhenDue();
      return events;
    } finally {
      this.#inTurn = false;
      if (this.pairs.waiting && this.#attachment !== undefined) this.#turnSoon(0);
      if (this.#closing) this.close();
    }
  }

  /** What its time has come for. @returns whether there was anything */
  #doTimely(): boolean {
    const { nowMs, alarm } = this;
    const isDue = this.#dues.nextMs <= nowMs;
    const isAlarmDue = alarm !== undefined && nowMs >= alarm.dueMs;
    const isTick = nowMs - this.#lastTickMs >= tickMs;
    if (isDue) this.#dues.run(nowMs);
    if (isAlarmDue) alarm.ring(nowMs);
    if (isTick) {
      this.#lastTickMs = nowMs;
      // One that is added from within, or again, is for the next tick: this one would never end.
      for (const tick of [...this.#ticks]) if (this.#ticks.has(tick)) tick(nowMs);
    }
    return isDue || isAlarmDue || isTick;
  }

  /** How long to wait, with what is due: whole milliseconds, so that it is not waited for in many short turns. */
  #untilDue(waitMs: number): number {
    const dueMs = Math.min(this.#dues.nextMs, this.alarm?.dueMs ?? Number.POSITIVE_INFINITY);
    if (dueMs === Number.POSITIVE_INFINITY) return waitMs;
    const left = Math.max(0, Math.ceil(dueMs - this.nowMs));
    return waitMs < 0 ? left : Math.min(waitMs, left);
  }

  #turnWhenDue(): void {
    const { nextMs } = this.#dues;
    if (nextMs < Number.POSITIVE_INFINITY) this.#turnSoon(Math.max(1, Math.ceil(nextMs - this.nowMs)));
  }

  /** Small answers of this turn leave before bulk, which keeps the thread for a while. */
  #doBulk(): void {
    this.engine.flush();
    this.bulk.run();
    if (this.bulk.waiting && this.#attachment !== undefined) this.#turnSoon(0);
  }

  #doReady(): void {
    const work = this.#ready;
    this.#ready = this.#readyNow;
    this.#readyNow = work;
    let index = 0;
    try {
      while (index < work.length) work[index++]!();
    } finally {
      // Where one threw, the rest waits for the next turn; none is done twice.
      for (; index < work.length; index++) this.nextTurn(work[index]!);
      work.length = 0;
    }
  }

  /**
   * Drives the loop on this thread and blocks in the kernel until {@link stop} or {@link close}. Promises do not run
   * meanwhile. @param step gives it its turns, one a call at most, where somebody else has turns as well
   */
  run(step: (waitMs: number) => void = (waitMs) => this.turn(waitMs)): void {
    this.#stopped = false;
    this.#running = true;
    try {
      // Where nobody waits for ticks it sleeps until something happens.
      while (!this.#stopped && !this.#closed) step(this.#ticks.size > 0 ? tickMs : -1);
    } finally {
      this.#running = false;
    }
  }

  /**
   * As {@link run}, on the main thread: it blocks there too, and returns to Node's own loop when something waits for that, when a timer of Node's is due
   * and with every tick. Promises run then. @returns settled after {@link stop} or {@link close}, or with what a turn threw
   */
  runBesideNode(): Promise<void> {
    const node = new NodeTurns(this.engine);
    this.#node = node;
    this.register(node);
    node.watch();
    this.#stopped = false;
    this.#running = true;
    return new Promise<void>((resolve, reject) => {
      const run = (): void => {
        try {
          this.#runUntilDue(node);
        } catch (error) {
          reject(error);
          return;
        }
        if (this.#stopped || this.#closed) resolve();
        else setImmediate(run);
      };
      run();
    }).finally(() => {
      this.#running = false;
      this.#node = undefined;
      node.close();
    });
  }

  /** {@link runBesideNode} returns to Node's loop after this turn. */
  callNode(): void {
    if (this.#node !== undefined) this.#node.isDue = true;
  }

  /** Turns until Node is due one; as long as that has not come to rest a few, without waiting. */
  #runUntilDue(node: NodeTurns): void {
    const sinceTickMs = this.#lastTickMs;
    node.isDue = false;
    if (node.isAtRest()) {
      // What Node did meanwhile took its time, which no timer shall be late by.
      this.nowMs = this.#clock();
      const timerMs = this.nowMs + node.untilDueMs();
      do this.turn(Math.min(tickMs, Math.max(0, Math.ceil(timerMs - this.nowMs))));
      while (
        !node.isDue &&
        !this.#stopped &&
        !this.#closed &&
        this.#lastTickMs === sinceTickMs &&
        this.nowMs < timerMs
      );
    } else {
      for (let turns = 0; turns < turnsOfAnAnswer && !this.#stopped; turns++) if (this.turn(0) === 0) return;
    }
  }

  /** Ends {@link run} after the present turn. */
  stop(): void {
    this.#stopped = true;
  }

  /**
   * Lets Node's loop drive this one: it polls the engine's descriptor, and keeps the process alive while attached.
   * Main thread only. @throws UnsupportedError in a worker thread.
   */
  attach(): void {
    if (this.#attachment !== undefined || this.#running || this.#closed) return;
    // The turn itself is a task of Node's (setImmediate): after a callback from libuv no promise would run, and what
    // a handler threw would be lost in C.
    const due = (): void => this.#turnSoon(0);
    const poll = new UvPoll(this.engine.descriptor, due);
    // The tick also bounds the harm of a wake-up that got lost.
    const tick = setInterval(() => this.turn(0), tickMs);
    tick.unref();
    this.#attachment = { poll, tick };
    this.engine.onBegun = (delayMs) => this.#turnSoon(delayMs);
    this.#turnSoon(0);
  }

  /** Ends {@link attach}; operations under way stay with the engine. */
  detach(): void {
    if (this.#attachment === undefined) return;
    this.engine.onBegun = undefined;
    clearInterval(this.#attachment.tick);
    clearTimeout(this.#delayedTurn);
    this.#delayedTurn = undefined;
    this.#attachment.poll.close();
    this.#attachment = undefined;
  }

  /** While true (the default) an attached loop keeps the process alive. */
  keepAlive(on: boolean): void {
    this.#attachment?.poll.keepAlive(on);
  }

  #turnDue = false;
  #delayedTurn: NodeJS.Timeout | undefined;
  /** When it is due, on the loop's clock. */
  #delayedUntilMs = 0;

  readonly #dueTurn = (): void => {
    this.#turnDue = false;
    if (this.#attachment !== undefined) this.turn(0);
  };

  readonly #takeDelayedTurn = (): void => {
    this.#delayedTurn = undefined;
    if (this.#attachment !== undefined) this.turn(0);
  };

  #turnSoon(delayMs: number): void {
    if (this.#turnDue) return;
    if (delayMs === 0) {
      this.#turnDue = true;
      setImmediate(this.#dueTurn);
      return;
    }
    const untilMs = this.#clock() + delayMs;
    // One that is due earlier asks again for what is left.
    if (this.#delayedTurn !== undefined && this.#delayedUntilMs <= untilMs) return;
    clearTimeout(this.#delayedTurn);
    this.#delayedUntilMs = untilMs;
    this.#delayedTurn = setTimeout(this.#takeDelayedTurn, delayMs).unref();
  }

  /**
   * Ends the loop and its engine; within a turn, at its end. Nothing registered is told: close endpoints first.
   * A second call does nothing.
   */
  close(): void {
    this.#closing = true;
    if (this.#inTurn || this.#closed) return;
    this.#closed = true;
    this.detach();
    this.engine.close();
    this.#waker.close();
  }

  /** Takes the time for the events that follow. */
  waited(): void {
    this.nowMs = this.#clock();
    this.#waitedMs = this.nowMs;
    this.#hasWaited = true;
  }

  accepted(token: number, result: number, more: boolean): void {
    this.#endpoints[token]?.accepted(result, more);
  }

  received(token: number, result: number, frame: number, more: boolean): void {
    const endpoint = this.#endpoints[token];
    if (endpoint !== undefined) endpoint.received(result, frame, more);
    else if (result > 0) this.engine.recycle(frame);
    // What was received is handed out, and nothing is in anybody's hands.
    if (this.pairs.isFull) this.pairs.run();
  }

  sent(token: number, result: number): void {
    this.#endpoints[token]?.sent(result);
  }

  writable(token: number, result: number): void {
    this.#endpoints[token]?.writable(result);
  }

  fetched(token: number, result: number): void {
    this.#endpoints[token]?.fetched(result);
  }

  moved(token: number, result: number): void {
    this.#endpoints[token]?.moved(result);
  }

  readable(token: number, result: number, more: boolean): void {
    this.#endpoints[token]?.readable(result, more);
  }
}
