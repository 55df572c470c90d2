// InflightSplitQueue: the inflight area of a split queue (vhost-user, "Inflight I/O tracking"): an entry for each head, with a flag while it is under
// way and a counter for the order; the heads that were given back last are a list, so that a process that ended between showing them and
// clearing their flags is seen to have done so.

import { setWord64, word64 } from '../kernel/words.js';
import type { Chain } from './chain.js';
import { InflightQueue, inflightVersion, inOrder, type Resumed } from './inflight.js';
import type { QueueDomain, QueueFeatures } from './queue.js';
import { SplitDeviceQueue, type SplitRing } from './split-device.js';

/** Places in the area as halves of words: its head, and of an entry. */
const Half = { version: 4, entries: 5, lastHead: 6, usedIndex: 7 } as const;
const entryBytes = 16;
const nextHalf = (head: number): number => (entryBytes * (head + 1) + 6) / 2;
const flagByte = (head: number): number => entryBytes * (head + 1);
const counterWord = (head: number): number => (entryBytes * (head + 1) + 8) / 4;

/** The area as arrays. */
class SplitArea {
  readonly bytes: Uint8Array;
  readonly halves: Uint16Array;
  readonly words: Uint32Array;

  constructor(buffer: ArrayBuffer) {
    this.bytes = new Uint8Array(buffer, 0);
    this.halves = new Uint16Array(buffer, 0);
    this.words = new Uint32Array(buffer, 0);
  }

  /** Makes it an area in which nothing is under way. */
  begin(size: number, usedIndex: number): void {
    this.bytes.fill(0);
    this.halves[Half.entries] = size;
    this.halves[Half.usedIndex] = usedIndex;
    this.halves[Half.version] = inflightVersion;
  }

  counterOf(head: number): number {
    const at = counterWord(head);
    return word64(this.words, at);
  }

  /**
   * The heads that are under way, in order, after what was shown last is known to be done. A text: why it is not believed. Each word that
   * decides is read once.
   */
  recover(ring: SplitRing, usedIndex: number): number[] | string {
    const entries = this.halves[Half.entries]!;
    if (this.halves[Half.version] !== inflightVersion) return 'its version is unknown';
    if (entries < ring.size || flagByte(entries) > this.bytes.length) return `it is for ${entries} entries`;
    const flags = Uint8Array.from({ length: entries }, (_, head) => this.bytes[flagByte(head)]!);
    const isUnderWay = (flag: number): boolean => flag === 1;
    if (!flags.some(isUnderWay)) return [];
    const shown = (usedIndex - this.halves[Half.usedIndex]!) & 0xffff;
    if (shown > ring.size) return 'it is of another ring';
    let head = this.halves[Half.lastHead]!;
    for (let step = 0; step < shown; step++) {
      if (head >= ring.size) return 'its list leads outside';
      flags[head] = 0;
      head = this.halves[nextHalf(head)]!;
    }
    const heads: number[] = [];
    for (let each = 0; each < entries; each++) if (isUnderWay(flags[each]!)) heads.push(each);
    if (heads.some((each) => each >= ring.size)) return 'it has entries that the queue has not';
    if (((Atomics.load(ring.available, 1) - usedIndex) & 0xffff) < heads.length) return 'the ring has fewer requests';
    const ordered = inOrder(heads, (each) => this.counterOf(each));
    if (ordered === undefined) return 'its counters are not in order';
    for (let each = 0; each < entries; each++) this.bytes[flagByte(each)] = flags[each] === 1 ? 1 : 0;
    return ordered;
  }
}

/** See the file's head. */
class InflightSplitQueue extends InflightQueue<SplitDeviceQueue> {
  readonly #area: SplitArea;
  readonly #heads: readonly number[];
  #lastHead: number;

  constructor(queue: SplitDeviceQueue, area: SplitArea, heads: readonly number[]) {
    const last = heads.at(-1);
    super(queue, heads.length, heads.length, last === undefined ? 0 : area.counterOf(last) + 1);
    this.#area = area;
    this.#heads = heads;
    this.#lastHead = 0;
  }

  protected retake(chain: Chain, index: number): void {
    this.queue.retake(chain, this.#heads[index]!);
  }

  protected note({ id }: Chain): void {
    const { words, bytes } = this.#area;
    const at = counterWord(id);
    setWord64(words, at, this.counter);
    this.counter++;
    // Behind the counter: an end between the two leaves a request that was not taken.
    Atomics.store(bytes, flagByte(id), 1);
  }

  protected forget(id: number): void {
    Atomics.store(this.#area.bytes, flagByte(id), 0);
  }

  protected driverId(id: number): number {
    return id;
  }

  protected beforeShown(): void {
    const { halves } = this.#area;
    for (let index = 0; index < this.stagedCount; index++) {
      const head = this.staged[index]!;
      halves[nextHalf(head)] = this.#lastHead;
      this.#lastHead = head;
    }
    Atomics.store(halves, Half.lastHead, this.#lastHead);
  }

  protected afterShown(): void {
    const { bytes, halves } = this.#area;
    for (let index = 0; index < this.stagedCount; index++) bytes[flagByte(this.staged[index]!)] = 0;
    Atomics.store(halves, Half.usedIndex, this.queue.usedIndex);
  }
}

/** A split queue that goes on from its area, which is made where it is fresh; where it makes no sense, from what the ring says. */
export function resumeSplit(
  ring: SplitRing,
  domain: QueueDomain,
  features: QueueFeatures,
  buffer: ArrayBuffer,
): Resumed {
  const area = new SplitArea(buffer);
  const usedIndex = Atomics.load(ring.used, 1);
  const isFresh = area.halves[Half.version] === 0;
  const found = isFresh ? [] : area.recover(ring, usedIndex);
  const heads = typeof found === 'string' ? [] : found;
  if (isFresh || typeof found === 'string') area.begin(ring.size, usedIndex);
  else Atomics.store(area.halves, Half.usedIndex, usedIndex);
  const inner = new SplitDeviceQueue(ring, domain, features, usedIndex + heads.length, usedIndex);
  const queue = new InflightSplitQueue(inner, area, heads);
  return {
    queue,
    resumed: heads.length,
    doubt: typeof found === 'string' ? found : undefined,
    settle: (isReset) => {
      if (isReset || queue.isSettled) area.halves[Half.version] = 0;
    },
  };
}
