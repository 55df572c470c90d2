// Presentations for the tests of playlists, made of numbers alone: no file, no samples. Not here: real films, which tests make
// with ffmpeg.

import type { TrackFragments } from '../../src/media/film.js';
import type {
  Member,
  Offer,
  OfferedEntry,
  OfferedIFrames,
  OfferedRendition,
  OfferedTrack,
} from '../../src/media/playlists/offer.js';

const codecs: Readonly<Record<string, readonly [codec: string, dashCodec: string]>> = {
  avc1: ['avc1.64001f', 'avc1.64001f'],
  hvc1: ['hvc1.1.6.L93.B0', 'hvc1.1.6.L93.B0'],
  vp09: ['vp09.00.31.08', 'vp09.00.31.08'],
  mp4a: ['mp4a.40.2', 'mp4a.40.2'],
  mp3: ['mp4a.40.34', 'mp4a.6B'],
  'ac-3': ['ac-3', 'ac-3'],
  'ec-3': ['ec-3', 'ec-3'],
  Opus: ['Opus', 'Opus'],
  fLaC: ['fLaC', 'fLaC'],
  alac: ['alac', 'alac'],
};

/** A sample entry of a kind of the table above. */
export function madeUpEntry(format: string, more: Partial<OfferedEntry> = {}): OfferedEntry {
  const [codec, dashCodec] = codecs[format]!;
  const isVideo = format === 'avc1' || format === 'hvc1' || format === 'vp09';
  return {
    format: format === 'mp3' ? 'mp4a' : format,
    codec,
    dashCodec,
    width: isVideo ? 1280 : 0,
    height: isVideo ? 720 : 0,
    channels: isVideo ? 0 : 2,
    sampleRate: isVideo ? 0 : 48_000,
    objects: 0,
    videoRange: 'SDR',
    supplementalCodec: undefined,
    pixelShape: undefined,
    ...more,
  };
}

interface Wish {
  readonly id?: string;
  readonly format?: string;
  readonly track?: Partial<OfferedTrack>;
  /** Durations of the segments in ticks. */
  readonly durations?: readonly number[];
  readonly start?: number;
  readonly inits?: readonly number[];
  readonly bandwidth?: number;
  readonly averageBandwidth?: number;
  readonly frameRate?: number | undefined;
  readonly isAsInSource?: boolean;
  readonly hasStretches?: boolean;
}

function rendition(kind: 'video' | 'audio', timescale: number, frameTicks: number, wish: Wish): OfferedRendition {
  const durations = wish.durations ?? [4, 4, 4, 2.5].map((seconds) => Math.round(seconds * timescale));
  const starts = [wish.start ?? 0];
  for (const duration of durations) starts.push(starts.at(-1)! + duration);
  const format = wish.format ?? (kind === 'video' ? 'avc1' : 'mp4a');
  const inits = wish.inits ?? durations.map(() => 0);
  const entries = [...new Set(inits)].map(() => madeUpEntry(format));
  const track = { entries, ...wish.track };
  const bandwidth = wish.bandwidth ?? (kind === 'video' ? 3_000_000 : 128_000);
  return {
    id: wish.id ?? (kind === 'video' ? 'v1' : 'a1'),
    track: {
      id: 1,
      kind,
      timescale,
      language: 'und',
      name: '',
      enabled: true,
      width: kind === 'video' ? 1280 : 0,
      height: kind === 'video' ? 720 : 0,
      rotation: 0,
      ...track,
    },
    segments: {
      count: durations.length,
      startTicks: (k) => starts[k]!,
      durationTicks: (k) => durations[k]!,
      firstSample: (k) => Math.round((starts[k]! - starts[0]!) / frameTicks),
      endSample: (k) => Math.round((starts[k + 1]! - starts[0]!) / frameTicks),
      byteLength: (k) => Math.round((bandwidth / 8) * (durations[k]! / timescale)),
      descriptions: track.entries.map((_, index) => index),
      init: (k) => inits[k]!,
      hasStretches: wish.hasStretches ?? false,
    },
    bandwidth,
    averageBandwidth: wish.averageBandwidth ?? bandwidth * 0.8,
    isAsInSource: wish.isAsInSource ?? true,
    frameRate: 'frameRate' in wish ? wish.frameRate : kind === 'video' ? 25 : undefined,
  };
}

/** A video of 14.5 s at 25 frames a second, 12,800 ticks a second. */
export function madeUpVideo(wish: Wish = {}): OfferedRendition {
  return rendition('video', 12_800, 512, wish);
}

/** Sound of 14.5 s at 48 kHz. */
export function madeUpAudio(wish: Wish = {}): OfferedRendition {
  return rendition('audio', 48_000, 1024, wish);
}

export function madeUpFilm(renditions: readonly OfferedRendition[], more: Partial<Offer> = {}): Offer {
  return {
    film: { fragments: undefined },
    targetDuration: 4,
    durationSeconds: 14.5,
    independent: true,
    renditions,
    ...more,
  };
}

export function madeUpMember(presentation: Offer, more: Partial<Member> = {}): Member {
  return { presentation, base: '', version: '3fa9c2d1', iFrames: () => undefined, ...more };
}

/** One picture at the beginning of each segment, and one in its middle. */
export function madeUpIFrames({ segments }: OfferedRendition): OfferedIFrames {
  const half = (i: number) => segments.durationTicks(i >> 1) / 2;
  return {
    count: segments.count * 2,
    startTicks: (i) => segments.startTicks(i >> 1) + (i % 2) * half(i),
    durationTicks: half,
    segment: (i) => (i % 2 === 0 ? i / 2 : -1),
    byteLength: (i) => 20_000 + i,
  };
}

/** Fragments of one track: as many as offsets. */
export function madeUpFragments(
  track: number,
  offsets: readonly number[],
  length: number,
  firstSamples: readonly number[],
): TrackFragments {
  return {
    track,
    defaults: { description: 1, duration: 0, size: 0, flags: 0 },
    count: offsets.length,
    offsets: Float64Array.from(offsets),
    lengths: Float64Array.from(offsets, () => length),
    firstSamples: Uint32Array.from(firstSamples),
  };
}
