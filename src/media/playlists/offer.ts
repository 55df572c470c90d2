// What playlists and manifests are made from: the parts of a presentation that they look at. A presentation of presentation/ fits
// these types; tests of the playlists make up their own, without samples.

import type { FilmTrack, SampleEntry, TrackFragments } from '../film.js';
import type { SideCar } from './groups.js';

/** The segments of a rendition, as the playlists see them. Numbers count from 0, times are ticks of the track's timescale. */
export interface OfferedSegments {
  readonly count: number;
  /** The entries of the track that are in use, by number of the init segment. */
  readonly descriptions: readonly number[];
  /** Earliest presentation time, not below 0. */
  startTicks(k: number): number;
  durationTicks(k: number): number;
  firstSample(k: number): number;
  endSample(k: number): number;
  /** Bytes of the segment as it is generated: what rates are made of. */
  byteLength(k: number): number;
  /** Which init segment it needs, from 0. */
  init(k: number): number;
  /** Some are not as CMAF has them: see Segments. */
  readonly hasStretches: boolean;
}

/** A sample entry, as the playlists see it. */
export type OfferedEntry = Omit<SampleEntry, 'box'>;

export type OfferedTrack = Pick<
  FilmTrack,
  'id' | 'kind' | 'timescale' | 'language' | 'name' | 'enabled' | 'width' | 'height' | 'rotation'
> & { readonly entries: readonly OfferedEntry[] };

export interface OfferedRendition {
  /** `v1`, `a2`. */
  readonly id: string;
  readonly track: OfferedTrack;
  readonly segments: OfferedSegments;
  /** Bits a second: the measured peak, and the average. */
  readonly bandwidth: number;
  readonly averageBandwidth: number;
  readonly frameRate: number | undefined;
  /** Times are as in the source: what is generated says what the source's own fragments say. */
  readonly isAsInSource: boolean;
}

export interface Offer {
  readonly film: { readonly fragments: readonly TrackFragments[] | undefined };
  /** Seconds; the same in all playlists of a film. */
  readonly targetDuration: number;
  readonly durationSeconds: number;
  /** Every segment of every video begins with a picture that stands alone. */
  readonly independent: boolean;
  readonly renditions: readonly OfferedRendition[];
}

/** The pictures of a video rendition that stand alone. Numbers count from 0. */
export interface OfferedIFrames {
  readonly count: number;
  startTicks(i: number): number;
  /** To the next one, or to the end. */
  durationTicks(i: number): number;
  /** The segment that it begins; -1 for one inside a segment, which has a resource of its own. */
  segment(i: number): number;
  /** Bytes from the beginning of the segment to the end of the picture, or of its own resource. */
  byteLength(i: number): number;
}

/** A film of a group: what a master playlist and an MPD name beside one another. */
export interface Member {
  readonly presentation: Offer;
  /** The film's folder, relative to the playlist and percent-encoded: `../film_480p.mp4/`, or empty for the film itself. */
  readonly base: string;
  /** The film's version: 8 hexadecimal digits. */
  readonly version: string;
  /** The pictures of a video rendition that stand alone; the master names a playlist of them. */
  iFrames(rendition: OfferedRendition): OfferedIFrames | undefined;
}

/** A subtitle that a master playlist and an MPD name. */
export type OfferedSubtitle = Pick<SideCar, 'id' | 'language' | 'forced' | 'hearingImpaired' | 'isDefault'> & {
  readonly base: string;
  readonly version: string;
};

/** The sample entries that a rendition uses, by number of the init segment. */
export function entriesInUse({ track, segments }: OfferedRendition): readonly OfferedEntry[] {
  return segments.descriptions.map((description) => track.entries[description]!);
}

/** When a segment begins, and when the last one ends (k = count), in seconds. */
export function startSeconds(rendition: OfferedRendition, k: number): number {
  const { segments, track } = rendition;
  if (k < segments.count) return segments.startTicks(k) / track.timescale;
  if (k === 0) return 0;
  return (segments.startTicks(k - 1) + segments.durationTicks(k - 1)) / track.timescale;
}

/** The rendition on whose grid the others are cut: the first video, else the first audio. */
export function referenceOf(presentation: Offer): OfferedRendition {
  return presentation.renditions.find(({ track }) => track.kind === 'video') ?? presentation.renditions[0]!;
}

/** The times, in seconds and rising, at which some rendition goes on with another sample description. Nearly always none. */
export function descriptionChanges(renditions: readonly OfferedRendition[]): number[] {
  const times: number[] = [];
  for (const rendition of renditions) {
    const { segments } = rendition;
    if (segments.descriptions.length < 2) continue;
    for (let k = 1; k < segments.count; k++) {
      if (segments.init(k) !== segments.init(k - 1)) times.push(startSeconds(rendition, k));
    }
  }
  // Tracks that change together are cut at one time, rounded to frames.
  return times.sort((a, b) => a - b).filter((time, index) => index === 0 || time - times[index - 1]! > frameSeconds);
}

/** Longer than a frame of sound, shorter than a segment: within it two cuts are one. */
const frameSeconds = 0.1;

/** The first segment that belongs to what comes behind a change: the one that begins nearest to it; `count` when none does. */
export function segmentAtChange(rendition: OfferedRendition, seconds: number): number {
  const { count } = rendition.segments;
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (startSeconds(rendition, middle) < seconds - frameSeconds / 2) low = middle + 1;
    else high = middle;
  }
  return low;
}
