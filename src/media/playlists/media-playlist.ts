// The playlists below the master: of a rendition, of its I-frames, of a subtitle (RFC 8216 section 4.3.3). All of one film share their
// target duration, and where one begins anew (another sample description) all do. Not here: the master, and the cutting.

import { fragmentRanges } from './fragment-ranges.js';
import { iFrameName, initSegmentName, mediaSegmentName, sourceName, subtitleSegmentName } from './names.js';
import {
  descriptionChanges,
  type Offer,
  type OfferedIFrames,
  type OfferedRendition,
  referenceOf,
  segmentAtChange,
  startSeconds,
} from './offer.js';
import { iFrameTarget } from './rates.js';
import { quoted } from './text.js';

/** The playlist of a rendition. `targetDuration` is that of the whole group, in seconds; by default the film's own. */
export function mediaPlaylist(presentation: Offer, rendition: OfferedRendition, targetDuration?: number): string {
  const { segments, id } = rendition;
  const lines = head(targetDuration ?? presentation.targetDuration);
  const changes = changesOf(presentation, rendition);
  const ranges = fragmentRanges(presentation, rendition);
  for (let k = 0; k < segments.count; k++) {
    const init = segments.init(k);
    if (changes.has(k)) lines.push('#EXT-X-DISCONTINUITY');
    if (k === 0 || init !== segments.init(k - 1)) lines.push(map(id, init));
    lines.push(`#EXTINF:${between(startSeconds(rendition, k), startSeconds(rendition, k + 1))},`);
    if (ranges === undefined) lines.push(mediaSegmentName(id, k + 1));
    else lines.push(`#EXT-X-BYTERANGE:${ranges[k]!.length}@${ranges[k]!.offset}`, sourceName);
  }
  return close(lines);
}

/**
 * The playlist of the pictures that stand alone, for fast play. Those that begin a segment are the segment's first bytes; the others
 * have a resource of their own.
 */
export function iFramePlaylist(
  presentation: Offer,
  rendition: OfferedRendition,
  frames: OfferedIFrames,
  targetDuration?: number,
): string {
  const { segments, id, track } = rendition;
  const seconds = (i: number) =>
    (i < frames.count ? frames.startTicks(i) : frames.startTicks(i - 1) + frames.durationTicks(i - 1)) /
    track.timescale;
  const target = iFrameTarget(frames, track.timescale, targetDuration ?? presentation.targetDuration);
  const lines = head(target, '#EXT-X-I-FRAMES-ONLY');
  const changes = changesOf(presentation, rendition);
  let segment = -1;
  let init = -1;
  for (let i = 0; i < frames.count; i++) {
    const begun = frames.segment(i);
    const from = segment;
    segment = begun >= 0 ? begun : segmentOf(rendition, frames.startTicks(i), segment);
    for (let k = from + 1; k <= segment; k++) if (changes.has(k)) lines.push('#EXT-X-DISCONTINUITY');
    if (segments.init(segment) !== init) {
      init = segments.init(segment);
      lines.push(map(id, init));
    }
    lines.push(`#EXTINF:${between(seconds(i), seconds(i + 1))},`);
    if (begun < 0) lines.push(iFrameName(id, i + 1));
    else lines.push(`#EXT-X-BYTERANGE:${frames.byteLength(i)}@0`, mediaSegmentName(id, begun + 1));
  }
  return close(lines);
}

/** The segment that a picture lies in, at or behind the one before it. */
function segmentOf(rendition: OfferedRendition, ticks: number, from: number): number {
  const { segments } = rendition;
  let k = Math.max(0, from);
  while (k + 1 < segments.count && segments.startTicks(k + 1) <= ticks) k++;
  return k;
}

/** The playlist of a subtitle, which is cut where the film's reference rendition is. */
export function subtitlePlaylist(presentation: Offer, subtitle: string, targetDuration?: number): string {
  const reference = referenceOf(presentation);
  const lines = head(targetDuration ?? presentation.targetDuration);
  const changes = changesOf(presentation, reference);
  for (let k = 0; k < reference.segments.count; k++) {
    if (changes.has(k)) lines.push('#EXT-X-DISCONTINUITY');
    lines.push(`#EXTINF:${between(startSeconds(reference, k), startSeconds(reference, k + 1))},`);
    lines.push(subtitleSegmentName(subtitle, k + 1));
  }
  return close(lines);
}

/**
 * The part of a film, in seconds, whose text a segment of a subtitle has. What is said before the first picture and behind the last
 * one belongs to the first segment and to the last.
 */
export function subtitleSpan(presentation: Offer, segment: number): { readonly from: number; readonly to: number } {
  const reference = referenceOf(presentation);
  const isLast = segment + 1 === reference.segments.count;
  return {
    from: segment === 0 ? 0 : startSeconds(reference, segment),
    to: isLast ? Number.POSITIVE_INFINITY : startSeconds(reference, segment + 1),
  };
}

function head(targetDuration: number, ...more: readonly string[]): string[] {
  const common = [
    '#EXTM3U',
    '#EXT-X-VERSION:7',
    `#EXT-X-TARGETDURATION:${Math.max(1, Math.ceil(targetDuration))}`,
    // Whatever the names count from: yt-dlp takes a playlist that begins elsewhere for live.
    '#EXT-X-MEDIA-SEQUENCE:0',
    '#EXT-X-PLAYLIST-TYPE:VOD',
  ];
  return [...common, ...more];
}

function close(lines: string[]): string {
  lines.push('#EXT-X-ENDLIST');
  return `${lines.join('\n')}\n`;
}

function map(id: string, init: number): string {
  return `#EXT-X-MAP:URI=${quoted(initSegmentName(id, init + 1))}`;
}

/**
 * The segments before which a discontinuity stands. It stands in every playlist of the film at the same time, also where this
 * rendition simply goes on: players put renditions side by side by the number of discontinuities.
 */
function changesOf(presentation: Offer, rendition: OfferedRendition): Set<number> {
  const changes = new Set<number>();
  for (const seconds of descriptionChanges(presentation.renditions)) {
    const k = segmentAtChange(rendition, seconds);
    if (k > 0 && k < rendition.segments.count) changes.add(k);
  }
  return changes;
}

/** A duration with 6 decimals, of rounded times and not itself rounded: however many are added, the sum is off by one microsecond at most. */
function between(from: number, to: number): string {
  const microseconds = Math.max(0, Math.round(to * 1e6) - Math.round(from * 1e6));
  return `${Math.floor(microseconds / 1e6)}.${String(microseconds % 1e6).padStart(6, '0')}`;
}
