// Segment: region + offset + length, the thing that travels in place of bytes; and who lent them.
// Not here: lists of segments (sg-list.ts), and files that never enter memory (also there).

import { wrongArgument } from '../text/coded.js';

/** Whoever lent bytes: released once for each time they were given, when nobody needs them any more. */
export interface Lender {
  /** `cookie` is what was given with the bytes: a frame's number, say. */
  release(cookie: number): void;
}

/** Memory that segments lie in: a Region, or bytes of the JavaScript heap, whose address is NaN. */
export interface SegmentMemory {
  /** Where it begins, for the kernel; NaN when it has no fixed address. */
  readonly address: number;
  readonly bytes: Uint8Array;
}

/** A range of bytes in memory. Offset and length in bytes. */
export interface Segment {
  readonly region: SegmentMemory;
  readonly offset: number;
  readonly length: number;
}

/** The one that {@link segment} makes: the kernel reads where a segment points, so that its shape alone says nothing. */
class CheckedSegment implements Segment {
  readonly #isChecked = true;
  readonly region: SegmentMemory;
  readonly offset: number;
  readonly length: number;

  constructor(region: SegmentMemory, offset: number, length: number) {
    this.region = region;
    this.offset = offset;
    this.length = length;
  }

  static has(value: object): value is Segment {
    return #isChecked in value;
  }
}

/**
 * Makes a segment, checked once so that nobody behind it has to.
 * @throws RangeError when the range is not whole bytes within the region.
 */
export function segment(region: SegmentMemory, offset: number, length: number): Segment {
  if (!Number.isSafeInteger(offset) || !Number.isSafeInteger(length) || offset < 0 || length < 0) {
    throw wrongArgument(`a segment is whole bytes from 0 on, not ${length} from ${offset}`);
  }
  if (offset + length > region.bytes.length) {
    throw wrongArgument(`${length} bytes from ${offset} on are not within ${region.bytes.length}`);
  }
  return new CheckedSegment(region, offset, length);
}

/**
 * True for what {@link segment} made, and nothing else: structured data from outside (MessagePack, a worker's message) may
 * have any shape, and an address in it would have the kernel send any memory.
 */
export function isSegment(value: unknown): value is Segment {
  return typeof value === 'object' && value !== null && CheckedSegment.has(value);
}
