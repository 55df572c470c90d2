// Segments of a fragmented film that can be sent as they lie in the file: a `moof` and its `mdat`, or several in a row, with nothing
// generated (EXT-X-BYTERANGE, RFC 8216 section 4.3.2.2). Whatever does not fit exactly is generated like any other film's.

import type { TrackFragments } from '../film.js';
import { lastAtMost } from '../rising.js';
import type { Offer, OfferedRendition } from './offer.js';

/**
 * What rates count is generated segments: fragments of a frame each, whose headers are a third of them, are not sent as they are.
 */
const mostMore = 1.05;

/** A part of the film's file. */
export interface ByteRange {
  readonly offset: number;
  readonly length: number;
}

/**
 * A range for each segment, when every segment is whole fragments in a row without another track's between them, and their times are those
 * that generated segments would have. Undefined otherwise.
 */
export function fragmentRanges(presentation: Offer, rendition: OfferedRendition): ByteRange[] | undefined {
  const all = presentation.film.fragments;
  const own = all?.find(({ track }) => track === rendition.track.id);
  const { segments, isAsInSource } = rendition;
  if (all === undefined || own === undefined || !isAsInSource || segments.descriptions.length > 1) return undefined;
  const others = all.filter((fragments) => fragments !== own);
  const ranges: ByteRange[] = [];
  let next = 0;
  for (let k = 0; k < segments.count; k++) {
    const first = next;
    if (own.firstSamples[first] !== segments.firstSample(k)) return undefined;
    const end = segments.endSample(k);
    while (next < own.count && own.firstSamples[next]! < end) next++;
    if (own.firstSamples[next] !== end || next === first) return undefined;
    const offset = own.offsets[first]!;
    const length = own.offsets[next - 1]! + own.lengths[next - 1]! - offset;
    if (!risesWithin(own, first, next) || others.some((other) => beginsWithin(other, offset, offset + length)))
      return undefined;
    if (length > mostMore * segments.byteLength(k)) return undefined;
    ranges.push({ offset, length });
  }
  return next === own.count ? ranges : undefined;
}

function risesWithin({ offsets, lengths }: TrackFragments, first: number, end: number): boolean {
  for (let f = first + 1; f < end; f++) if (offsets[f]! < offsets[f - 1]! + lengths[f - 1]!) return false;
  return true;
}

/** Whether a fragment begins in a part of the file. Fragments of a track rise where they are sent as they are. */
function beginsWithin({ offsets, count }: TrackFragments, from: number, to: number): boolean {
  const first = lastAtMost(offsets, from - 1) + 1;
  return first < count && offsets[first]! < to;
}
