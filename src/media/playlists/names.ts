// The names beneath a film, `/film.mp4/NAME`: which there are, how they are written into playlists and how they are read back from
// a request. Each resource has one name; whatever is written otherwise (leading zeros, upper case) names nothing.
// Not here: what the names lead to (serving/), and the names of films in a folder (groups.ts).

/** What a name beneath a film leads to. Numbers count from 1. */
export type MediaName =
  | { readonly kind: 'master' | 'manifest' | 'report' | 'live' }
  | { readonly kind: 'source'; readonly version: string }
  | { readonly kind: 'playlist' | 'iFramePlaylist'; readonly version: string; readonly rendition: string }
  | {
      readonly kind: 'init' | 'segment' | 'iFrame';
      readonly version: string;
      readonly rendition: string;
      readonly number: number;
    }
  | { readonly kind: 'subtitlePlaylist' | 'subtitle'; readonly version: string; readonly subtitle: string }
  | { readonly kind: 'subtitleSegment'; readonly version: string; readonly subtitle: string; readonly number: number };

/** The file names directly beneath a film, which are asked for afresh each time. */
export const topNames = {
  master: 'master.m3u8',
  manifest: 'manifest.mpd',
  /** What the film offers, for the player page. */
  report: 'film.json',
  /** How the film's bytes leave, for the player page. */
  live: 'live.json',
} as const;

/** No name is longer: 8 digits of the version, a subtitle's id, a segment's number and what is between. */
const maxNameLength = 80;
const versioned = /^([0-9a-f]{8})\/(.+)$/;
const ofRendition = /^([va][1-9][0-9]{0,2})(?:(\.m3u8)|(-iframes\.m3u8)|\/(.+))$/;
const ofSubtitle = /^(s-[a-z0-9]{2,8}(?:-[a-z0-9]{1,12}){0,6})(?:(\.m3u8)|(\.vtt)|\/([1-9][0-9]{0,6})\.vtt)$/;
const initName = /^init(?:-([1-9][0-9]{0,2}))?\.mp4$/;
const segmentName = /^(i-)?([1-9][0-9]{0,6})\.m4s$/;

/**
 * Reads a name beneath a film.
 * @param rest the decoded path behind `/film.mp4/`
 * @returns undefined for what is no name; whether the resource exists, and whether the version is today's, is for the caller to see
 */
export function parseName(rest: string): MediaName | undefined {
  if (rest.length > maxNameLength) return undefined;
  for (const [kind, name] of Object.entries(topNames))
    if (rest === name) return { kind: kind as keyof typeof topNames };
  const parts = versioned.exec(rest);
  if (parts === null) return undefined;
  const version = parts[1]!;
  const name = parts[2]!;
  if (name === sourceName) return { kind: 'source', version };
  return parseRenditionName(version, name) ?? parseSubtitleName(version, name);
}

function parseRenditionName(version: string, name: string): MediaName | undefined {
  const parts = ofRendition.exec(name);
  if (parts === null) return undefined;
  const rendition = parts[1]!;
  if (parts[2] !== undefined) return { kind: 'playlist', version, rendition };
  const isVideo = rendition.startsWith('v');
  if (parts[3] !== undefined) return isVideo ? { kind: 'iFramePlaylist', version, rendition } : undefined;
  const init = initName.exec(parts[4]!);
  // The first one has no number, so `init-1.mp4` would be a second name of it.
  if (init !== null) {
    return init[1] === '1' ? undefined : { kind: 'init', version, rendition, number: Number(init[1] ?? 1) };
  }
  const segment = segmentName.exec(parts[4]!);
  if (segment === null || (segment[1] !== undefined && !isVideo)) return undefined;
  return { kind: segment[1] === undefined ? 'segment' : 'iFrame', version, rendition, number: Number(segment[2]) };
}

function parseSubtitleName(version: string, name: string): MediaName | undefined {
  const parts = ofSubtitle.exec(name);
  if (parts === null) return undefined;
  const subtitle = parts[1]!;
  if (parts[2] !== undefined) return { kind: 'subtitlePlaylist', version, subtitle };
  if (parts[3] !== undefined) return { kind: 'subtitle', version, subtitle };
  return { kind: 'subtitleSegment', version, subtitle, number: Number(parts[4]) };
}

/** The film's own bytes, beneath a version: what byte ranges of a fragmented film count in. */
export const sourceName = 'source.mp4';

/** The media playlist of a rendition or subtitle, from the folder of the version. */
export function playlistName(id: string): string {
  return `${id}.m3u8`;
}

/** The playlist of a video rendition's I-frames, from the folder of the version. */
export function iFramePlaylistName(rendition: string): string {
  return `${rendition}-iframes.m3u8`;
}

/** The init segment of a rendition's n-th sample description (from 1), from the folder of the version. */
export function initSegmentName(rendition: string, number: number): string {
  return number === 1 ? `${rendition}/init.mp4` : `${rendition}/init-${number}.mp4`;
}

/** A segment (from 1), from the folder of the version. */
export function mediaSegmentName(rendition: string, number: number | '$Number$'): string {
  return `${rendition}/${number}.m4s`;
}

/** An I-frame (from 1) with a `moof` of its own, from the folder of the version. */
export function iFrameName(rendition: string, number: number): string {
  return `${rendition}/i-${number}.m4s`;
}

/** A subtitle's whole text, from the folder of the version. */
export function subtitleName(subtitle: string): string {
  return `${subtitle}.vtt`;
}

/** A segment of a subtitle (from 1), from the folder of the version. */
export function subtitleSegmentName(subtitle: string, number: number): string {
  return `${subtitle}/${number}.vtt`;
}
