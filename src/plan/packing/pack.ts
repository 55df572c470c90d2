// Packing a message into super-packets: where to cut so that each hand-off to the driver carries as much as its limits allow. The greedy
// packer fills each super-packet as far as it goes; the exact one finds the fewest by dynamic programming. They differ because a limit on
// descriptors per packet depends on where the packets of a super-packet begin.

import { type Layout, layoutBytes } from './layout.js';

export interface PackLimits {
  /** Bytes of a super-packet. */
  maxBytes: number;
  /** Descriptors of a super-packet. */
  maxDescriptors: number;
  /** Bytes one descriptor may point to. */
  bytesPerDescriptor: number;
  /** Bytes of one packet on the wire (MSS). */
  segmentBytes: number;
  /** Descriptors one packet on the wire may be gathered from. */
  maxDescriptorsPerPacket: number;
  /** Cuts are allowed at multiples of this and at the ends of fragments; 1 allows every byte. */
  granularity: number;
}

export interface SuperPacket {
  from: number;
  to: number;
  descriptors: number;
  /** No cut fits the limits here: the driver will copy this piece into one block. */
  linearised: boolean;
}

export interface Packing {
  supers: SuperPacket[];
  handoffs: number;
  descriptors: number;
  linearisedBytes: number;
  bytesPerHandoff: number;
}

export interface PackResult {
  exact: Packing;
  greedy: Packing;
  /** Bytes per hand-off of the exact packing over that of the greedy one. */
  gain: number;
}

/** Lexicographic cost: bytes that must be copied, hand-offs, descriptors. */
type Cost = readonly [number, number, number];

function better(a: Cost, b: Cost): boolean {
  for (let index = 0; index < 3; index += 1) {
    if (a[index] !== b[index]) return a[index]! < b[index]!;
  }
  return false;
}

/** Offsets where a cut is allowed, 0 and the end included. */
export function cutPoints(layout: Layout, limits: PackLimits): number[] {
  const total = layoutBytes(layout);
  const points = new Set<number>([0, total]);
  let at = 0;
  for (const piece of layout) {
    at += piece.bytes;
    points.add(at);
  }
  for (let point = 0; point < total; point += limits.granularity) points.add(point);
  return [...points].sort((a, b) => a - b);
}

/** Fragment boundaries as offsets, for walking a range without cutting lists. */
function boundariesOf(layout: Layout): number[] {
  const out: number[] = [0];
  for (const piece of layout) out.push(out.at(-1)! + piece.bytes);
  return out;
}

/** The index of the fragment that holds `offset`. */
function fragmentAt(boundaries: readonly number[], offset: number): number {
  let low = 0;
  let high = boundaries.length - 2;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (boundaries[middle]! <= offset) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** A super-packet that grows from one cut point to the next and counts its descriptors. A prefix of a legal one is legal, so the walk ends at
 * the first limit it breaks. */
class Walker {
  readonly #boundaries: readonly number[];

  constructor(
    layout: Layout,
    readonly points: readonly number[],
    readonly limits: PackLimits,
  ) {
    this.#boundaries = boundariesOf(layout);
  }

  /** Super-packets that begin at point `i`, the shortest first. The shortest is there even when it breaks a limit: the driver copies it. */
  from(i: number): SuperPacket[] {
    const { maxBytes, maxDescriptors, bytesPerDescriptor, segmentBytes, maxDescriptorsPerPacket } = this.limits;
    const start = this.points[i]!;
    const found: SuperPacket[] = [];
    let at = start;
    let fragment = fragmentAt(this.#boundaries, start);
    let count = 0;
    let descriptorLeft = 0;
    let packetLeft = segmentBytes;
    let inPacket = 0;
    let counted = false;
    for (let j = i + 1; j < this.points.length; j += 1) {
      const to = this.points[j]!;
      let legal = to - start <= maxBytes;
      while (legal && at < to) {
        const end = this.#boundaries[fragment + 1]!;
        if (at === end) {
          fragment += 1;
          descriptorLeft = 0;
          continue;
        }
        if (packetLeft === 0) {
          packetLeft = segmentBytes;
          inPacket = 0;
          counted = false;
        }
        if (descriptorLeft === 0) {
          count += 1;
          descriptorLeft = bytesPerDescriptor;
          counted = false;
        }
        // A descriptor counts once in every packet it reaches into.
        if (!counted) inPacket += 1;
        counted = true;
        legal = count <= maxDescriptors && inPacket <= maxDescriptorsPerPacket;
        const step = Math.min(Math.min(end, to) - at, descriptorLeft, packetLeft);
        at += step;
        descriptorLeft -= step;
        packetLeft -= step;
      }
      if (!legal) {
        if (j === i + 1) found.push({ from: start, to, descriptors: 1, linearised: true });
        break;
      }
      found.push({ from: start, to, descriptors: count, linearised: false });
    }
    return found;
  }
}

function summarise(supers: SuperPacket[], total: number): Packing {
  const linearisedBytes = supers.reduce((sum, one) => sum + (one.linearised ? one.to - one.from : 0), 0);
  return {
    supers,
    handoffs: supers.length,
    descriptors: supers.reduce((sum, one) => sum + one.descriptors, 0),
    linearisedBytes,
    bytesPerHandoff: supers.length > 0 ? total / supers.length : 0,
  };
}

/** Fewest hand-offs, then fewest descriptors, over all ways to cut at the allowed points. Exact. */
export function packExact(layout: Layout, limits: PackLimits): Packing {
  const points = cutPoints(layout, limits);
  const walker = new Walker(layout, points, limits);
  const costs: Cost[] = new Array(points.length).fill([Number.POSITIVE_INFINITY, 0, 0]);
  const from: SuperPacket[] = [];
  const previous: number[] = [];
  costs[0] = [0, 0, 0];
  for (let i = 0; i < points.length - 1; i += 1) {
    const base = costs[i]!;
    if (base[0] === Number.POSITIVE_INFINITY) continue;
    walker.from(i).forEach((taken, step) => {
      const j = i + 1 + step;
      const cost: Cost = [
        base[0] + (taken.linearised ? taken.to - taken.from : 0),
        base[1] + 1,
        base[2] + taken.descriptors,
      ];
      if (!better(cost, costs[j]!)) return;
      costs[j] = cost;
      from[j] = taken;
      previous[j] = i;
    });
  }
  const supers: SuperPacket[] = [];
  for (let at = points.length - 1; at > 0; at = previous[at]!) supers.unshift(from[at]!);
  return summarise(supers, layoutBytes(layout));
}

/** Each super-packet as long as the limits allow, one after the other: what a sender does that never looks ahead. */
function packGreedy(layout: Layout, limits: PackLimits): Packing {
  const points = cutPoints(layout, limits);
  const walker = new Walker(layout, points, limits);
  const supers: SuperPacket[] = [];
  for (let i = 0; i < points.length - 1; ) {
    const reach = walker.from(i);
    supers.push(reach.at(-1)!);
    i += reach.length;
  }
  return summarise(supers, layoutBytes(layout));
}

/** Both packings of a message. */
export function pack(layout: Layout, limits: PackLimits): PackResult {
  const exact = packExact(layout, limits);
  const greedy = packGreedy(layout, limits);
  return { exact, greedy, gain: greedy.bytesPerHandoff > 0 ? exact.bytesPerHandoff / greedy.bytesPerHandoff : 1 };
}
