// The Range field (RFC 9110 section 14): which bytes of a representation a request asks for. Not here: the parts of a
// multipart response (byteranges.ts), If-Range (conditional.ts).

/** Bytes from `start` up to, not including, `end`. */
export interface ByteRange {
  start: number;
  end: number;
}

/** Bounds of a Range field; a field beyond them is ignored, which RFC 9110 section 14.2 allows. */
export interface RangeLimits {
  /** Most ranges that may be asked for. */
  maxRanges: number;
  /**
   * Ranges with at most this many bytes between them are sent as one. 0 merges those that overlap or touch; a part's head
   * costs about 80 bytes, so RFC 9110 section 15.3.7.2 allows that much.
   */
  coalesceGapBytes: number;
}

/** Bounds that readers of PDF and video stay far below. Distinct ranges stay distinct: some clients insist on their parts. */
export const DEFAULT_RANGE_LIMITS: Readonly<RangeLimits> = { maxRanges: 100, coalesceGapBytes: 0 };

/**
 * Reads a Range field.
 *
 * @param text the field's value, several lines joined
 * @param size of the representation in bytes
 * @returns the ranges to send, clipped, without overlaps, in the order they were asked for; `unsatisfiable` for a 416;
 *   `ignored` for a field that is to be treated as absent: another unit, malformed, too many ranges, or ranges that together
 *   ask for more bytes than there are
 */
export function parseRange(
  text: string,
  size: number,
  limits: Readonly<RangeLimits> = DEFAULT_RANGE_LIMITS,
): readonly ByteRange[] | 'ignored' | 'unsatisfiable' {
  const match = RANGES.exec(text);
  if (match === null) return 'ignored';
  const specs = match[1]!.split(',', limits.maxRanges * 2 + 2).map((spec) => spec.replace(BLANKS, ''));
  const wanted = specs.filter((spec) => spec !== '');
  if (wanted.length === 0 || wanted.length > limits.maxRanges || specs.length > limits.maxRanges * 2) return 'ignored';

  const ranges: ByteRange[] = [];
  let total = 0;
  for (const spec of wanted) {
    const range = resolve(spec, size);
    if (range === 'ignored') return 'ignored';
    if (range === 'unsatisfiable') continue;
    total += range.end - range.start;
    ranges.push(range);
  }
  if (ranges.length === 0) return 'unsatisfiable';
  // Also the case of a suffix of an empty representation: satisfiable, and no Content-Range can say so.
  if (total > size || size === 0) return 'ignored';
  return ranges.length === 1 ? ranges : coalesce(ranges, limits.coalesceGapBytes);
}

/** One range against the size: clipped, `unsatisfiable`, or `ignored` when its syntax spoils the whole field. */
function resolve(spec: string, size: number): ByteRange | 'ignored' | 'unsatisfiable' {
  const match = RANGE.exec(spec);
  if (match === null) return 'ignored';
  const [, first, last] = match as unknown as [string, string, string];
  if (first === '') {
    if (last === '') return 'ignored';
    // A suffix longer than the representation is all of it; one of length 0 is valid and never satisfiable.
    const length = Math.min(Number(last), size);
    return Number(last) === 0 ? 'unsatisfiable' : { start: size - length, end: size };
  }
  if (last !== '' && isBelow(last, first)) return 'ignored';
  if (Number(first) >= size) return 'unsatisfiable';
  return { start: Number(first), end: last === '' ? size : Math.min(Number(last) + 1, size) };
}

/** Whether one decimal is less than another, also where doubles are not exact. */
function isBelow(left: string, right: string): boolean {
  if (left.length <= 15 && right.length <= 15) return Number(left) < Number(right);
  return BigInt(left) < BigInt(right);
}

/**
 * Merges ranges that overlap or nearly touch (RFC 9110 section 15.3.7.2). A merged range takes the place of the first of its
 * members, so that what was not merged stays in the order of the request.
 */
function coalesce(ranges: readonly ByteRange[], gapBytes: number): ByteRange[] {
  const ordered = ranges.map((range, place) => ({ ...range, place })).sort((left, right) => left.start - right.start);
  const merged: Array<ByteRange & { place: number }> = [];
  for (const range of ordered) {
    const previous = merged.at(-1);
    if (previous === undefined || range.start > previous.end + gapBytes) {
      merged.push(range);
    } else {
      previous.end = Math.max(previous.end, range.end);
      previous.place = Math.min(previous.place, range.place);
    }
  }
  return merged.sort((left, right) => left.place - right.place).map(({ start, end }) => ({ start, end }));
}

const RANGES = /^[ \t]*bytes=([0-9, \t-]*)$/i;
const RANGE = /^([0-9]*)-([0-9]*)$/;
const BLANKS = /^[ \t]+|[ \t]+$/g;
