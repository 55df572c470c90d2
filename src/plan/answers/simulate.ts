// The second implementation of the same stages: a discrete-event simulation with finite first-in-first-out queues. It shares nothing with
// bound.ts but the list of stages, so that each checks the other. Closed mode keeps a window of messages in flight; open mode draws Poisson
// arrivals and drops a message that finds a full queue. A resource that several stages share finishes what is further along first, as
// interrupts run before system calls; served in order of arrival, messages would travel in convoys and leave the others idle.
// Same seed, same result.

import type { BoundStage, Journey } from '../stages/journey.js';

export interface SimulationOptions {
  /** Messages that finish before it ends (closed), or that arrive (open). */
  messages: number;
  seed: number;
  /** Closed: messages in flight; 0 chooses enough to keep every resource busy. */
  window?: number;
  /** Open: mean arrivals a second; absent for closed mode. */
  arrivalsPerSecond?: number;
  /** Messages one resource may hold waiting. */
  queueLimit?: number;
  /** Coefficient of variation of service times: 0 fixed, 1 exponential. */
  variance?: number;
}

export interface SimulationResult {
  messagesPerSecond: number;
  meanLatencyNs: number;
  started: number;
  finished: number;
  dropped: number;
  inFlight: number;
  bytesIn: number;
  bytesOut: number;
  bytesDropped: number;
  utilisation: Record<string, number>;
}

/** mulberry32: 32 bits of state, good enough for arrivals, the same on every machine. */
export function randomSource(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

interface Server {
  servers: number;
  busy: number;
  busyTime: number;
  waiting: number;
  /** Steps served here, the furthest along first. */
  steps: number[];
}

/** Messages waiting for one step, in order of arrival. */
class Queue {
  #items: number[] = [];
  #head = 0;

  push(message: number): void {
    this.#items.push(message);
  }

  /** The first in line, or undefined when nobody waits. */
  shift(): number | undefined {
    if (this.#head === this.#items.length) return undefined;
    const message = this.#items[this.#head++];
    if (this.#head > 1024) {
      this.#items.splice(0, this.#head);
      this.#head = 0;
    }
    return message;
  }
}

interface Step {
  resource: number;
  service: number;
  latency: number;
}

/** A binary heap of events ordered by time, then by the order they were made. */
class EventHeap {
  #times: number[] = [];
  #orders: number[] = [];
  #payloads: number[] = [];
  #made = 0;

  get size(): number {
    return this.#times.length;
  }

  push(time: number, payload: number): void {
    let index = this.#times.length;
    // The last to be made comes after all others of its time. Whatever it passes moves down into the place that is free.
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (this.#times[parent]! <= time) break;
      this.#move(parent, index);
      index = parent;
    }
    this.#put(index, time, this.#made++, payload);
  }

  pop(): { time: number; payload: number } {
    const time = this.#times[0]!;
    const payload = this.#payloads[0]!;
    const lastTime = this.#times.pop()!;
    const lastOrder = this.#orders.pop()!;
    const lastPayload = this.#payloads.pop()!;
    const length = this.#times.length;
    if (length === 0) return { time, payload };
    let index = 0;
    for (let child = 1; child < length; child = 2 * index + 1) {
      if (child + 1 < length && this.#before(child + 1, this.#times[child]!, this.#orders[child]!)) child += 1;
      if (!this.#before(child, lastTime, lastOrder)) break;
      this.#move(child, index);
      index = child;
    }
    this.#put(index, lastTime, lastOrder, lastPayload);
    return { time, payload };
  }

  #before(index: number, time: number, order: number): boolean {
    const own = this.#times[index]!;
    return own < time || (own === time && this.#orders[index]! < order);
  }

  #move(from: number, to: number): void {
    this.#put(to, this.#times[from]!, this.#orders[from]!, this.#payloads[from]!);
  }

  #put(index: number, time: number, order: number, payload: number): void {
    this.#times[index] = time;
    this.#orders[index] = order;
    this.#payloads[index] = payload;
  }
}

/** Consecutive stages of one resource are one step: nothing can come between them. */
function stepsOf(stages: readonly BoundStage[], indexOf: Map<string, number>): Step[] {
  const steps: Step[] = [];
  for (const stage of stages) {
    const resource = indexOf.get(stage.resourceId)!;
    const last = steps.at(-1);
    if (last && last.resource === resource && last.latency === 0) {
      last.service += stage.serviceNs;
      last.latency = stage.latencyNs;
    } else steps.push({ resource, service: stage.serviceNs, latency: stage.latencyNs });
  }
  return steps;
}

/** Simulates a journey. Rates are measured over the middle part of the run, after the pipeline has filled and before it drains. */
export function simulate(journey: Journey, options: SimulationOptions): SimulationResult {
  return new Simulation(journey, options).run();
}

/** Index of the last message that left together with the one at `index`: several servers in step finish in bursts. */
function lastOfBurst(times: readonly number[], index: number): number {
  let last = index;
  while (last + 2 < times.length && times[last + 1]! - times[last]! < 1e-6) last += 1;
  return last;
}

class Simulation {
  readonly #servers: Server[];
  readonly #steps: Step[];
  readonly #queues: Queue[];
  readonly #departs: number;
  readonly #events = new EventHeap();
  readonly #random: () => number;
  readonly #limit: number;
  readonly #variance: number;
  readonly #startTimes: number[] = [];
  readonly #leaveTimes: number[] = [];
  #now = 0;
  #started = 0;
  #finished = 0;
  #dropped = 0;
  #latencySum = 0;
  #departed = 0;
  #measured = 0;

  constructor(
    readonly journey: Journey,
    readonly options: SimulationOptions,
  ) {
    const indexOf = new Map(journey.resources.map((resource, index) => [resource.id, index]));
    this.#servers = journey.resources.map((resource) => ({
      servers: resource.servers,
      busy: 0,
      busyTime: 0,
      waiting: 0,
      steps: [],
    }));
    const first = stepsOf(journey.stages, indexOf);
    this.#departs = first.length;
    this.#steps = [...first, ...stepsOf(journey.afterwards, indexOf)];
    this.#queues = this.#steps.map(() => new Queue());
    for (let step = this.#steps.length - 1; step >= 0; step -= 1) {
      this.#servers[this.#steps[step]!.resource]!.steps.push(step);
    }
    this.#random = randomSource(options.seed);
    this.#variance = options.variance ?? 0;
    this.#limit = options.arrivalsPerSecond === undefined ? Number.POSITIVE_INFINITY : (options.queueLimit ?? 1024);
  }

  run(): SimulationResult {
    const { messages, arrivalsPerSecond } = this.options;
    const window = arrivalsPerSecond === undefined ? this.#window() : 0;
    // A window of messages can cycle through the resources as one convoy: rates are taken over whole windows.
    this.#measured = window > 0 ? Math.ceil(messages / window) * window : Math.floor(messages * 0.8);
    const total = window > 0 ? this.#measured + 5 * window : messages;
    if (window > 0) for (let index = 0; index < window; index += 1) this.#start();
    else this.#scheduleArrival(arrivalsPerSecond!);
    while (this.#events.size > 0) {
      const { time, payload } = this.#events.pop();
      this.#now = time;
      if (payload < 0) {
        this.#start();
        if (this.#started < total) this.#scheduleArrival(arrivalsPerSecond!);
      } else {
        this.#advance(payload);
        if (window > 0) while (this.#started - this.#finished < window && this.#started < total) this.#start();
      }
    }
    return this.#result(window);
  }

  /** Messages that fill the pipeline: enough for the bottleneck never to wait. The closer the second resource comes to the bottleneck, the
   * longer a queue takes to build up in front of the right one, and the more messages it takes. */
  #window(): number {
    if (this.options.window) return this.options.window;
    const total = this.#steps.reduce((sum, step) => sum + step.service + step.latency, 0);
    const demand = this.journey.resources
      .map((resource, index) => {
        const busy = this.#steps.reduce((sum, step) => sum + (step.resource === index ? step.service : 0), 0);
        return busy / resource.servers;
      })
      .sort((a, b) => b - a);
    const servers = this.journey.resources.reduce((sum, resource) => sum + resource.servers, 0);
    const slack = Math.max(0.02, 1 - (demand[1] ?? 0) / demand[0]!);
    return Math.min(4096, Math.ceil(12 * (total / demand[0]!) + 6 * servers + 30 / slack));
  }

  #scheduleArrival(perSecond: number): void {
    this.#events.push(this.#now + (-Math.log(1 - this.#random()) * 1e9) / perSecond, -1);
  }

  #start(): void {
    const message = this.#started++;
    this.#startTimes[message] = this.#now;
    this.#enter(message, 0);
  }

  #enter(message: number, step: number): void {
    const { resource } = this.#steps[step]!;
    const server = this.#servers[resource]!;
    if (server.busy < server.servers) {
      server.busy += 1;
      this.#serve(message, step);
      return;
    }
    if (server.waiting >= this.#limit && step < this.#departs) {
      this.#dropped += 1;
      this.#finished += 1;
      return;
    }
    server.waiting += 1;
    this.#queues[step]!.push(message);
  }

  #serve(message: number, step: number): void {
    const { service, resource } = this.#steps[step]!;
    const drawn = this.#variance === 0 ? service : this.#draw(service);
    this.#servers[resource]!.busyTime += drawn;
    this.#events.push(this.#now + drawn, (message * 64 + step) * 2);
  }

  /** A service time with the asked variation: a mix of a fixed part and an exponential one. */
  #draw(mean: number): number {
    return mean * (1 - this.#variance) + mean * this.#variance * -Math.log(1 - this.#random());
  }

  /** An event: the service of a step ended (even), or its fixed latency passed (odd). */
  #advance(payload: number): void {
    const code = payload >> 1;
    const step = code % 64;
    const message = (code - step) / 64;
    if ((payload & 1) === 0) {
      this.#release(this.#steps[step]!.resource);
      const { latency } = this.#steps[step]!;
      if (latency > 0) {
        this.#events.push(this.#now + latency, payload + 1);
        return;
      }
    }
    this.#leave(message, step + 1);
  }

  #release(resource: number): void {
    const server = this.#servers[resource]!;
    for (const step of server.steps) {
      const message = this.#queues[step]!.shift();
      if (message === undefined) continue;
      server.waiting -= 1;
      this.#serve(message, step);
      return;
    }
    server.busy -= 1;
  }

  #leave(message: number, next: number): void {
    if (next === this.#departs) {
      this.#latencySum += this.#now - this.#startTimes[message]!;
      this.#departed += 1;
    }
    if (next < this.#steps.length) this.#enter(message, next);
    else {
      this.#finished += 1;
      this.#leaveTimes.push(this.#now);
    }
  }

  #result(window: number): SimulationResult {
    const bytes = this.journey.scenario.message;
    const times = this.#leaveTimes;
    const from = lastOfBurst(times, Math.min(4 * window, Math.max(0, times.length - 2)));
    const to = lastOfBurst(times, Math.min(from + this.#measured, times.length - 1));
    const elapsed = times[to]! - times[from]!;
    const utilisation: Record<string, number> = {};
    this.journey.resources.forEach((resource, index) => {
      utilisation[resource.id] = this.#servers[index]!.busyTime / (this.#now * resource.servers);
    });
    const delivered = this.#finished - this.#dropped;
    return {
      messagesPerSecond: ((to - from) * 1e9) / elapsed,
      meanLatencyNs: this.#latencySum / Math.max(1, this.#departed),
      started: this.#started,
      finished: delivered,
      dropped: this.#dropped,
      inFlight: this.#started - this.#finished,
      bytesIn: this.#started * bytes,
      bytesOut: delivered * bytes,
      bytesDropped: this.#dropped * bytes,
      utilisation,
    };
  }
}
