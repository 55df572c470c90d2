// Requests of mixed commands to a store in a guest, each reply held against a model: keys expire, memory is at its bound, and no answer may be wrong and no key lost. From a seed, so
// that what went wrong comes again, as far as time allows. Not here: options (main.ts), the model, the guest.

import { Chance } from '../../../test/core/kv-random.js';
import { collectionDeeds } from './collections.js';
import { Commands } from './commands.js';
import { type Command, KvModel, type Seen, type Value, WrongAnswer } from './model.js';
import { type Door, Rig } from './rig.js';
import { stringDeeds } from './strings.js';

/** What becomes of keys when memory is full. */
export type Policy = 'noeviction' | 'allkeys-lru';
const policyNumbers: Readonly<Record<Policy, number>> = { noeviction: 0, 'allkeys-lru': 1 };

/** What is run. */
export interface SoakOptions {
  readonly image: string;
  readonly door: Door;
  readonly policy: Policy;
  readonly seed: number;
  readonly requests: number;
  /** Keys of each of the eight streams, and what they and all else of the store may use, in bytes. */
  readonly keys?: number;
  readonly maxMemory?: number;
  /** Called after each batch. */
  readonly progress?: (seen: Seen) => void;
}

/** What came of it. */
export interface SoakResult extends Seen {
  /** Keys that are there at the end, all of which were read. */
  readonly keys: number;
  /** The most memory that the store said to use, of what it may. */
  readonly memory: number;
  /** Keys that the store says to have taken for others. */
  readonly evictedByStore: number;
  readonly seconds: number;
}

const streams = 8;
const pipeline = 32;
/** Batches after which the store's figures are asked for. */
const figuresEvery = 64;
/** No store uses more than this of what it may; and one that refuses writes has so many bytes left at most, when the other commands of a batch have been run. */
const mostFull = 1.05;
const mostLeft = 300 * 1024;
/** Longer than any key lives. */
const longestLifeMs = 1700;

const encode = (words: readonly string[]): string =>
  `*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join('')}`;

const maxMemoryOf = ({ maxMemory = 4 * 1024 ** 2 }: SoakOptions): number => maxMemory;

/** One run. */
class Soak {
  readonly #rig: Rig;
  readonly #options: SoakOptions;
  readonly #model: KvModel;
  readonly #commands: readonly Commands[];
  #batches = 0;
  #refusedBefore = 0;
  #memory = 0;
  #evicted = 0;

  constructor(rig: Rig, options: SoakOptions) {
    this.#rig = rig;
    this.#options = options;
    this.#model = new KvModel({ ...stringDeeds, ...collectionDeeds }, options.policy !== 'noeviction');
    this.#commands = Array.from(
      { length: streams },
      (_, index) => new Commands(new Chance(options.seed + index * 7919), `${index}:`, options.keys ?? 5000),
    );
  }

  /** Asks some commands of each stream, and judges what comes back. @param ask beside them, of the first stream. @returns what it said to that */
  #batch(commands: readonly (readonly Command[])[], ask = ''): string {
    const model = this.#model;
    const mark = `~${this.#batches++}~`;
    const marked = `$${mark.length}\r\n${mark}\r\n`;
    const requests = commands.map(
      (each, index) =>
        each.map(({ words }) => encode(words)).join('') + (index === 0 ? ask : '') + encode(['ECHO', mark]),
    );
    model.beginMs = performance.now();
    const replies = this.#rig.ask(
      requests,
      commands.map(() => marked),
    );
    model.endMs = performance.now();
    let other = '';
    for (const [index, each] of commands.entries()) {
      let at = 0;
      for (const command of each) at = model.judge(command, replies[index]!, at);
      const rest = replies[index]!.slice(at, -marked.length);
      if (index === 0) other = rest;
      else if (rest !== '') throw new WrongAnswer(`a reply to nothing: ${JSON.stringify(rest.slice(0, 200))}`);
    }
    return other;
  }

  /** Takes the store's own figures: memory within its bound; writes are refused only at the bound. */
  #hold(info: string): void {
    const figure = (name: string): number => Number(new RegExp(`${name}:(\\d+)`).exec(info)?.[1] ?? Number.NaN);
    const part = figure('used_memory') / maxMemoryOf(this.#options);
    this.#evicted = figure('evicted_keys');
    this.#memory = Math.max(this.#memory, part);
    const isRefusing = this.#model.seen.refused > this.#refusedBefore;
    if (!(part <= mostFull)) throw new WrongAnswer(`the store uses ${part} of its memory`);
    if (isRefusing && part < 1 - mostLeft / maxMemoryOf(this.#options))
      throw new WrongAnswer(`the store refuses writes, and uses ${part} of its memory`);
  }

  /** Asks. @returns how many requests were judged */
  run(): number {
    const { requests, progress } = this.#options;
    const { seen } = this.#model;
    while (seen.requests < requests) {
      const commands = this.#commands.map((each) => Array.from({ length: pipeline }, () => each.next()));
      this.#clear(commands);
      const isAsked = this.#batches % figuresEvery === 0;
      this.#refusedBefore = seen.refused;
      const info = this.#batch(commands, isAsked ? encode(['INFO']) : '');
      if (isAsked) this.#hold(info);
      progress?.(seen);
    }
    return seen.requests;
  }

  /** Reads, beside the others of a stream, what is not clear. */
  #clear(commands: readonly Command[][]): void {
    for (const key of this.#model.unclear) commands[Number.parseInt(key, 10)]!.push(...readsOf(key, undefined));
    this.#model.unclear.clear();
  }

  /** Reads every key that should be there, and asks how many there are. @returns how many */
  readAll(): number {
    const { seen } = this.#model;
    // What expires does so first, so that what is left can be counted.
    const wait = new Int32Array(new SharedArrayBuffer(4));
    Atomics.wait(wait, 0, 0, longestLifeMs);
    const reads: Command[] = [...this.#model.keys].flatMap((key) => readsOf(key, this.#model.kindOf(key)));
    const first = (commands: readonly Command[], ask?: string): string =>
      this.#batch([commands, ...Array.from({ length: streams - 1 }, () => [])], ask);
    for (let at = 0; at < reads.length; at += 256) first(reads.slice(at, at + 256));
    const keys = [...this.#model.keys].length;
    const size = Number(/:(\d+)\r\n$/.exec(first([], encode(['DBSIZE'])))?.[1]);
    if (size !== keys) throw new WrongAnswer(`the store has ${size} keys, and ${keys} are known`);
    // What was refused before is not refused of the memory that is used now: keys have expired meanwhile.
    this.#refusedBefore = seen.refused;
    this.#hold(first([], encode(['INFO'])));
    if (seen.evicted > this.#evicted)
      throw new WrongAnswer(`${seen.evicted} keys are missing, and the store took away ${this.#evicted}`);
    return keys;
  }

  result(keys: number, seconds: number): SoakResult {
    return { ...this.#model.seen, keys, memory: this.#memory, evictedByStore: this.#evicted, seconds };
  }
}

const members = Array.from({ length: 30 }, (_, index) => `m${index}`);
/** What reads all of a key of a kind. */
const wholeReads: Readonly<Record<Value['kind'], readonly string[]>> = {
  string: ['GET'],
  list: ['LRANGE', '0', '-1'],
  hash: ['HMGET', ...members],
  set: ['SMISMEMBER', ...members],
  sorted: ['ZRANGE', '0', '-1', 'WITHSCORES'],
};

/** Requests that read all of a key. @param kind what it must be; undefined: it is not clear, and what it is not is refused */
function readsOf(key: string, kind: Value['kind'] | undefined): Command[] {
  const reads = kind === undefined ? Object.values(wholeReads) : [wholeReads[kind]];
  return [...reads, ['PTTL']].map(([name, ...words]) => ({ words: [name!, key, ...words], keys: [key] }));
}

/** Runs it. @throws WrongAnswer at the first wrong answer or lost key; Error where the guest does not go on */
export async function soak(options: SoakOptions): Promise<SoakResult> {
  const { image, door, policy } = options;
  const spin = door === 'threads' ? ' spin_us=1000000000' : '';
  const words = `maxmemory=${maxMemoryOf(options)} policy=${policyNumbers[policy]} maxclients=100${spin}`;
  const rig = await Rig.open(image, door, words, streams);
  try {
    const beganMs = performance.now();
    const run = new Soak(rig, options);
    const asked = run.run();
    const seconds = (performance.now() - beganMs) / 1000;
    return { ...run.result(run.readAll(), seconds), requests: asked };
  } finally {
    await rig.close();
  }
}
