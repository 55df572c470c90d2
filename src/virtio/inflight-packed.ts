// InflightPackedQueue: the inflight area of a packed queue (vhost-user, "Inflight I/O tracking"). Descriptors are copied into entries, since the ring's
// are overwritten as used; entries that are free are a list. What changes when requests are shown as used is noted twice, before and
// after: whoever finds the two different asks the ring whether it was shown. The area is written only; its lists are kept here as well.

import { setWord64, word64 } from '../kernel/words.js';
import type { Chain } from './chain.js';
import { InflightQueue, inflightVersion, inOrder, type Resumed } from './inflight.js';
import { PackedDeviceQueue, type PackedRing } from './packed-device.js';
import { Descriptor, type QueueDomain, type QueueFeatures } from './queue.js';

/** Places in the area's head, as halves and bytes. */
const Half = { version: 4, entries: 5, free: 6, oldFree: 7, used: 8, oldUsed: 9 } as const;
const Byte = { wrap: 20, oldWrap: 21 } as const;
const entryBytes = 32;
/** Places in an entry, as halves and words. */
const Entry = { next: 1, last: 2, slots: 3, counter: 2, id: 8, flags: 9, length: 5, address: 6 } as const;
const wordsASlot = 4;
const byteAt = (entry: number): number => entryBytes * (entry + 1);
const halfAt = (entry: number): number => byteAt(entry) / 2;
const wordAt = (entry: number): number => byteAt(entry) / 4;

/** A request that is to be done again: its first entry, and its descriptors as the ring had them. */
interface Again {
  readonly entry: number;
  readonly slots: number;
  readonly words: Uint32Array;
}

/** Where the used descriptors of a queue stand. */
interface Place {
  readonly index: number;
  readonly wrap: boolean;
}

/** What was found in an area. */
interface Found {
  readonly requests: readonly Again[];
  readonly counter: number;
  readonly place: Place;
}

/** The area as arrays. */
class PackedArea {
  readonly bytes: Uint8Array;
  readonly halves: Uint16Array;
  readonly words: Uint32Array;

  constructor(buffer: ArrayBuffer) {
    this.bytes = new Uint8Array(buffer, 0);
    this.halves = new Uint16Array(buffer, 0);
    this.words = new Uint32Array(buffer, 0);
  }

  /** Makes it an area in which nothing is under way. */
  begin(size: number, { index, wrap }: Place): void {
    const { bytes, halves } = this;
    bytes.fill(0);
    for (let entry = 0; entry < size; entry++) halves[halfAt(entry) + Entry.next] = entry + 1;
    halves[Half.entries] = size;
    halves[Half.used] = halves[Half.oldUsed] = index;
    bytes[Byte.wrap] = bytes[Byte.oldWrap] = Number(wrap);
    halves[Half.version] = inflightVersion;
  }

  counterOf(entry: number): number {
    const at = wordAt(entry) + Entry.counter;
    return word64(this.words, at);
  }

  /** Decides whether what was about to be shown was shown, and makes both notes say the same. undefined: there is no such place. */
  #settlePlace(ring: PackedRing): Place | undefined {
    const { bytes, halves } = this;
    const [used, oldUsed, free, oldFree] = [Half.used, Half.oldUsed, Half.free, Half.oldFree].map(
      (at) => halves[at]!,
    ) as [number, number, number, number];
    const [wrap, oldWrap] = [bytes[Byte.wrap]!, bytes[Byte.oldWrap]!];
    if (used >= ring.size || oldUsed >= ring.size || wrap > 1 || oldWrap > 1) return undefined;
    const flags = Atomics.load(ring.halves, oldUsed * 8 + 7);
    const isOpen =
      ((flags & Descriptor.available) !== 0) === (oldWrap === 1) &&
      ((flags & Descriptor.used) === 0) === (oldWrap === 1);
    // The list of free entries is noted first, before and after: where both notes of it agree, it was shown.
    const isShown = (used !== oldUsed || wrap !== oldWrap) && (free === oldFree || !isOpen);
    if (isShown) {
      halves[Half.oldFree] = free;
      halves[Half.oldUsed] = used;
      bytes[Byte.oldWrap] = wrap;
      return { index: used, wrap: wrap === 1 };
    }
    halves[Half.used] = oldUsed;
    bytes[Byte.wrap] = oldWrap;
    halves[Half.free] = oldFree;
    return { index: oldUsed, wrap: oldWrap === 1 };
  }

  /** What is under way, and where the queue stands. A text: why it is not believed. */
  recover(ring: PackedRing): Found | string {
    const entries = this.halves[Half.entries]!;
    if (this.halves[Half.version] !== inflightVersion) return 'its version is unknown';
    if (entries < ring.size || byteAt(entries) > this.bytes.length) return `it is for ${entries} entries`;
    const place = this.#settlePlace(ring);
    if (place === undefined) return 'its places are outside of the queue';
    const isSeen = new Uint8Array(entries);
    let free = 0;
    for (let entry = this.halves[Half.oldFree]!; entry < entries; free++) {
      if (isSeen[entry] !== 0) return 'its list of free entries has no end';
      isSeen[entry] = 1;
      this.bytes[byteAt(entry)] = 0;
      entry = this.halves[halfAt(entry) + Entry.next]!;
    }
    const heads: number[] = [];
    for (let entry = 0; entry < entries; entry++) if (this.bytes[byteAt(entry)] === 1) heads.push(entry);
    const ordered = inOrder(heads, (entry) => this.counterOf(entry));
    if (ordered === undefined) return 'its counters are not in order';
    const requests: Again[] = [];
    let slots = 0;
    for (const entry of ordered) {
      const request = this.#request(entry, isSeen);
      if (request === undefined) return 'its entries belong to no request';
      slots += request.slots;
      requests.push(request);
    }
    if (slots + free !== entries || slots > ring.size) return 'entries of it are lost';
    const last = ordered.at(-1);
    return { requests, counter: last === undefined ? 0 : this.counterOf(last) + 1, place };
  }

  /** A request by its first entry; undefined: its entries lead outside, or to what is another's. */
  #request(entry: number, isSeen: Uint8Array): Again | undefined {
    const slots = this.halves[halfAt(entry) + Entry.slots]!;
    if (slots === 0 || slots > isSeen.length) return undefined;
    const words = new Uint32Array(slots * wordsASlot);
    let last = entry;
    for (let slot = 0, at = entry; slot < slots; slot++) {
      if (at >= isSeen.length || isSeen[at] !== 0) return undefined;
      isSeen[at] = 1;
      words[slot * wordsASlot] = this.words[wordAt(at) + Entry.address]!;
      words[slot * wordsASlot + 1] = this.words[wordAt(at) + Entry.address + 1]!;
      words[slot * wordsASlot + 2] = this.words[wordAt(at) + Entry.length]!;
      words[slot * wordsASlot + 3] = this.words[wordAt(at) + Entry.id / 2]!;
      last = at;
      at = this.halves[halfAt(at) + Entry.next]!;
    }
    return this.halves[halfAt(entry) + Entry.last] === last ? { entry, slots, words } : undefined;
  }
}

/** See the file's head. To its device a request is known by its first entry, which is nobody else's, and not by the driver's number. */
class InflightPackedQueue extends InflightQueue<PackedDeviceQueue> {
  readonly #area: PackedArea;
  readonly #requests: readonly Again[];
  /** Descriptors of the chain that was taken last, as the ring had them. */
  readonly #words: Uint32Array;
  /** Of each entry: the next of its list; of a request's first: its last, and the driver's number. */
  readonly #next: Uint16Array;
  readonly #last: Uint16Array;
  readonly #ids: Uint16Array;
  #free: number;

  constructor(queue: PackedDeviceQueue, area: PackedArea, { requests, counter }: Found, words: Uint32Array) {
    super(
      queue,
      requests.length,
      requests.reduce((sum, { slots }) => sum + slots, 0),
      counter,
    );
    const entries = area.halves[Half.entries]!;
    this.#area = area;
    this.#requests = requests;
    this.#words = words;
    this.#next = Uint16Array.from({ length: entries }, (_, entry) => area.halves[halfAt(entry) + Entry.next]!);
    this.#last = Uint16Array.from({ length: entries }, (_, entry) => area.halves[halfAt(entry) + Entry.last]!);
    this.#ids = new Uint16Array(entries);
    this.#free = area.halves[Half.oldFree]!;
  }

  protected retake(chain: Chain, index: number): void {
    const { entry, slots, words } = this.#requests[index]!;
    this.queue.retake(chain, words, slots);
    this.#ids[entry] = chain.id;
    chain.id = entry;
  }

  protected note(chain: Chain): void {
    const { bytes, halves, words } = this.#area;
    const head = this.#free;
    let at = head;
    let last = head;
    for (let slot = 0; slot < chain.slots; slot++) {
      const from = slot * wordsASlot;
      const to = wordAt(at);
      words[to + Entry.address] = this.#words[from]!;
      words[to + Entry.address + 1] = this.#words[from + 1]!;
      words[to + Entry.length] = this.#words[from + 2]!;
      words[to + Entry.id / 2] = this.#words[from + 3]!;
      last = at;
      at = this.#next[at]!;
    }
    halves[halfAt(head) + Entry.last] = this.#last[head] = last;
    halves[halfAt(head) + Entry.slots] = chain.slots;
    setWord64(words, wordAt(head) + Entry.counter, this.counter);
    this.counter++;
    bytes[byteAt(head)] = 1;
    halves[Half.free] = at;
    // Only now it is no free one: an end before leaves a request that was not taken.
    Atomics.store(halves, Half.oldFree, at);
    this.#free = at;
    this.#ids[head] = chain.id;
    chain.id = head;
  }

  protected forget(head: number): void {
    const { bytes, halves } = this.#area;
    const last = this.#last[head]!;
    halves[halfAt(last) + Entry.next] = this.#next[last] = this.#free;
    this.#free = head;
    halves[Half.free] = head;
    // From now on it is a free one; an end before leaves a request that was taken.
    Atomics.store(halves, Half.oldFree, head);
    bytes[byteAt(head)] = 0;
  }

  protected driverId(id: number): number {
    return this.#ids[id]!;
  }

  protected beforeShown(): void {
    const { bytes, halves } = this.#area;
    for (let index = 0; index < this.stagedCount; index++) {
      const head = this.staged[index]!;
      const last = this.#last[head]!;
      halves[halfAt(last) + Entry.next] = this.#next[last] = this.#free;
      this.#free = head;
    }
    Atomics.store(halves, Half.free, this.#free);
    halves[Half.used] = this.queue.usedPlace & 0x7fff;
    bytes[Byte.wrap] = this.queue.usedPlace >>> 15;
  }

  protected afterShown(): void {
    const { bytes, halves } = this.#area;
    for (let index = 0; index < this.stagedCount; index++) bytes[byteAt(this.staged[index]!)] = 0;
    Atomics.store(halves, Half.oldFree, this.#free);
    halves[Half.oldUsed] = this.queue.usedPlace & 0x7fff;
    bytes[Byte.oldWrap] = this.queue.usedPlace >>> 15;
  }
}

/** Where a queue stands after so many slots from a place. */
function placeAfter({ index, wrap }: Place, slots: number, size: number): number {
  const next = index + slots;
  const low = next < size ? next | (wrap ? 0x8000 : 0) : (next - size) | (wrap ? 0 : 0x8000);
  return (low | ((index | (wrap ? 0x8000 : 0)) << 16)) >>> 0;
}

/**
 * A packed queue that goes on from its area, which is made where it is fresh; where it makes no sense, from `position`, as SET_VRING_BASE has it.
 * @throws RangeError for a position outside of the queue
 */
export function resumePacked(
  ring: PackedRing,
  domain: QueueDomain,
  features: QueueFeatures,
  buffer: ArrayBuffer,
  position: number,
): Resumed {
  const area = new PackedArea(buffer);
  const words = new Uint32Array(ring.size * wordsASlot);
  const isFresh = area.halves[Half.version] === 0;
  let found = isFresh ? '' : area.recover(ring);
  const doubt = typeof found === 'string' && !isFresh ? found : undefined;
  let at = position;
  if (typeof found === 'string') {
    // What the front end says is where it stands; it has to be a place in the queue.
    const given = new PackedDeviceQueue(ring, domain, features, position).usedPlace;
    found = { requests: [], counter: 0, place: { index: given & 0x7fff, wrap: given >>> 15 === 1 } };
    area.begin(ring.size, found.place);
    // Front ends that say one place mean both.
    at = ((position & 0xffff) | (given << 16)) >>> 0;
  } else {
    const slots = found.requests.reduce((sum, request) => sum + request.slots, 0);
    at = placeAfter(found.place, slots, ring.size);
    clearMarks(ring, found.place, slots);
  }
  const queue = new InflightPackedQueue(new PackedDeviceQueue(ring, domain, features, at, words), area, found, words);
  return {
    queue,
    resumed: found.requests.length,
    doubt,
    settle: (isReset) => {
      if (isReset || queue.isSettled) area.halves[Half.version] = 0;
    },
  };
}

/**
 * Takes the marks off slots that are the device's: of requests that were about to be shown together all but the first may be marked as used, which
 * the driver would believe as soon as the first is.
 */
function clearMarks({ size, halves }: PackedRing, { index, wrap }: Place, slots: number): void {
  for (let slot = 0; slot < slots; slot++) {
    const at = index + slot < size ? index + slot : index + slot - size;
    const isWrapped = index + slot >= size;
    halves[at * 8 + 7] = wrap !== isWrapped ? Descriptor.available : Descriptor.used;
  }
}
