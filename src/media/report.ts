// What a film offers, for people and for programs: `clearway media FILE`, and `film.json` beneath a film for the player page. Pure: the
// film and its presentation are given. Not here: reading them.

import { columnsOf, padColumns } from '../text/columns.js';
import { clockWords, formatBitRate, formatBytes } from '../text/units.js';
import { encodePath } from '../wire/http/path.js';
import type { Film } from './film.js';
import type { FilmJson } from './page/report-shape.js';
import type { SideCar } from './playlists/groups.js';
import { languageName, statedLanguage } from './playlists/language.js';
import { topNames } from './playlists/names.js';
import { entriesInUse, type Offer, type OfferedRendition, startSeconds } from './playlists/offer.js';
import { cleanLabel } from './playlists/text.js';
import { shownSize } from './playlists/video-shape.js';

/** A rendition or a subtitle of a film. */
export interface TrackReport {
  /** `v1`, `a2`, `s-en`: its name beneath the film. */
  readonly id: string;
  readonly kind: 'video' | 'audio' | 'subtitles';
  /** RFC 6381; `wvtt` for a subtitle. */
  readonly codec: string;
  /** BCP 47; `und` where the file does not say. */
  readonly language: string;
  readonly name: string;
  /** `1920 x 1080, 25 frames/s`, `stereo, 48 kHz`, `film.en.srt, 812 cues`. */
  readonly about: string;
  readonly segments: number;
  readonly longestSegmentSeconds: number;
  readonly startSeconds: number;
  readonly durationSeconds: number;
  /** Bits a second: the measured peak, and the average. 0 for a subtitle. */
  readonly bandwidth: number;
  readonly averageBandwidth: number;
}

/** What a film offers. */
export interface FilmReport extends FilmJson {
  readonly bytes: number;
  readonly container: 'MP4' | 'QuickTime';
  readonly isFragmented: boolean;
  /** Seconds; no segment is longer when it is rounded. */
  readonly targetDuration: number;
  readonly tracks: readonly TrackReport[];
  /** Tracks and side-cars that are not offered. */
  readonly leftOut: readonly LeftOutReport[];
  /** The names of the films that are one film at several sizes, this one among them. */
  readonly group: readonly string[];
  /** Relative to the folder that is served; undefined for what is not offered. */
  readonly addresses: { readonly page: string; readonly hls: string; readonly dash: string };
  /** Bytes of memory that the film's tables hold while it is played. */
  readonly indexBytes: number;
}

export interface LeftOutReport {
  /** `track 3 (tmcd)`, `film.en.srt`. */
  readonly what: string;
  readonly reason: string;
}

/** A side-car as it was read: how many cues it has, or why it is not offered. */
export interface ReadSideCar {
  readonly sideCar: SideCar;
  readonly cues: number;
  readonly refusal: string | undefined;
}

/** What the report looks at. A film with its presentation fits. */
export interface Reported {
  readonly name: string;
  readonly film: {
    readonly size: number;
    readonly brand: string;
    readonly isFragmented: boolean;
    readonly indexBytes: number;
    readonly leftOut: readonly { readonly track: number; readonly format: string; readonly reason: string }[];
    readonly notes: readonly string[];
  };
  readonly presentation: Offer & { readonly notes: readonly string[] };
  readonly group: readonly string[];
  readonly sideCars: readonly ReadSideCar[];
}

/** Twice the usual length. */
const notablyLongSeconds = 8;

/** A film in a few words: `1:02:03, video 1920 x 1080, 2 x audio`. */
export function filmNote({ durationSeconds, tracks }: Pick<Film, 'durationSeconds' | 'tracks'>): string {
  const video = tracks.find(({ kind }) => kind === 'video');
  const sounds = tracks.filter(({ kind }) => kind === 'audio').length;
  const parts = [clockWords(Math.round(durationSeconds))];
  if (video !== undefined) {
    const { width, height } = shownSize(video);
    parts.push(`video ${width} x ${height}`);
  }
  if (sounds > 0) parts.push(sounds === 1 ? 'audio' : `${sounds} x audio`);
  return parts.join(', ');
}

/** Gathers what a film offers. */
export function reportOf({ name, film, presentation, group, sideCars }: Reported): FilmReport {
  const tracks = presentation.renditions.map(renditionReport);
  const offered = sideCars.filter(({ refusal }) => refusal === undefined);
  const folder = encodePath(name);
  return {
    name: cleanLabel(name),
    bytes: film.size,
    container: film.brand === 'qt  ' ? 'QuickTime' : 'MP4',
    isFragmented: film.isFragmented,
    durationSeconds: presentation.durationSeconds,
    targetDuration: presentation.targetDuration,
    tracks: [...tracks, ...offered.map((read) => sideCarReport(read, presentation))],
    leftOut: [
      ...film.leftOut.map(({ track, format, reason }) => ({ what: `track ${track} (${cleanLabel(format)})`, reason })),
      ...sideCars.flatMap(({ sideCar, refusal }) =>
        refusal === undefined ? [] : [{ what: cleanLabel(sideCar.fileName), reason: refusal }],
      ),
    ],
    notes: [...film.notes, ...presentation.notes, ...notesOn(tracks, presentation)].map(cleanSentence),
    group: group.map(cleanLabel),
    addresses: {
      page: `${folder}/`,
      hls: `${folder}/${topNames.master}`,
      dash: `${folder}/${topNames.manifest}`,
    },
    indexBytes: film.indexBytes,
  };
}

function cleanSentence(text: string): string {
  return text.toWellFormed().replace(/\p{Cc}+/gu, ' ');
}

function renditionReport(rendition: OfferedRendition): TrackReport {
  const { id, track, segments, bandwidth, averageBandwidth } = rendition;
  let longest = 0;
  for (let k = 0; k < segments.count; k++) longest = Math.max(longest, segments.durationTicks(k) / track.timescale);
  const start = startSeconds(rendition, 0);
  return {
    id,
    kind: track.kind,
    codec: [...new Set(entriesInUse(rendition).map(({ codec }) => codec))].join(','),
    language: track.language,
    name: cleanLabel(track.name),
    about: track.kind === 'video' ? aboutVideo(rendition) : aboutAudio(rendition),
    segments: segments.count,
    longestSegmentSeconds: longest,
    startSeconds: start,
    durationSeconds: startSeconds(rendition, segments.count) - start,
    bandwidth: Math.ceil(bandwidth),
    averageBandwidth: Math.ceil(averageBandwidth),
  };
}

function aboutVideo(rendition: OfferedRendition): string {
  const { track, frameRate } = rendition;
  const { width, height } = shownSize(track);
  const range = entriesInUse(rendition).find(({ videoRange }) => videoRange !== 'SDR')?.videoRange;
  return [
    `${width} x ${height}`,
    ...(frameRate === undefined ? [] : [`${Number(frameRate.toFixed(3))} frames/s`]),
    ...(range === undefined ? [] : [range]),
    ...(track.rotation === 0 ? [] : [`turned by ${track.rotation} degrees`]),
  ].join(', ');
}

function aboutAudio(rendition: OfferedRendition): string {
  const { channels, objects, sampleRate } = entriesInUse(rendition)[0]!;
  return [
    channels === 1 ? 'mono' : channels === 2 ? 'stereo' : `${channels} channels`,
    ...(objects > 0 ? ['with objects (JOC)'] : []),
    ...(sampleRate > 0 ? [`${sampleRate / 1000} kHz`] : []),
  ].join(', ');
}

function sideCarReport({ sideCar, cues }: ReadSideCar, presentation: Offer): TrackReport {
  const reference = presentation.renditions.find(({ track }) => track.kind === 'video') ?? presentation.renditions[0]!;
  const { segments, longestSegmentSeconds } = renditionReport(reference);
  const about = [
    cleanLabel(sideCar.fileName),
    `${cues.toLocaleString('en')} ${cues === 1 ? 'cue' : 'cues'}`,
    ...(sideCar.forced ? ['forced'] : []),
    ...(sideCar.hearingImpaired ? ['for the hard of hearing'] : []),
  ];
  return {
    id: sideCar.id,
    kind: 'subtitles',
    codec: 'wvtt',
    language: sideCar.language,
    name: '',
    about: about.join(', '),
    segments,
    longestSegmentSeconds,
    startSeconds: 0,
    durationSeconds: presentation.durationSeconds,
    bandwidth: 0,
    averageBandwidth: 0,
  };
}

/** What a viewer may notice, as sentences. */
function notesOn(tracks: readonly TrackReport[], presentation: Offer): string[] {
  const notes: string[] = [];
  for (const { id, kind, longestSegmentSeconds: longest } of tracks) {
    if (kind === 'video' && longest > notablyLongSeconds) {
      notes.push(
        `${id} has key frames up to ${longest.toFixed(1)} s apart, and segments that long: seeking and changes of quality are slow; encode it with one every 2 to 4 s`,
      );
    }
  }
  const videos = presentation.renditions.filter(({ track }) => track.kind === 'video');
  for (const video of videos) {
    const formats = entriesInUse(video).map(({ format }) => format);
    if (formats.includes('hev1')) {
      notes.push(
        `${video.id} is hev1 (parameter sets in the stream): Apple's players show no picture; remux it as hvc1 (ffmpeg -c copy -tag:v hvc1)`,
      );
    }
    if (formats.includes('vp09'))
      notes.push(`${video.id} is VP9: Apple's players do not play it in HLS; others do, in HLS and DASH`);
  }
  const isIn = (wanted: (entry: ReturnType<typeof entriesInUse>[number]) => boolean): boolean =>
    presentation.renditions.some((rendition) => entriesInUse(rendition).some(wanted));
  if (isIn(({ format }) => format === 'alac')) notes.push('ALAC is offered in HLS alone: only Apple’s players play it');
  if (isIn(({ codec }) => codec === 'mp4a.40.34')) {
    notes.push(
      'MP3 is silent in Chromium, which plays none in segments, only the file itself: make it AAC (ffmpeg -c:v copy -c:a aac)',
    );
  }
  return notes;
}

/** The report as text, for a terminal. */
export function filmText(report: FilmReport): string {
  const rows = report.tracks.map(trackCells);
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((cells) => columnsOf(cells[column]!))));
  const kind = report.isFragmented ? `fragmented ${report.container}` : report.container;
  const lines = [
    `${report.name}: ${lengthText(report.durationSeconds)}, ${formatBytes(report.bytes)}, ${kind}`,
    ...rows.map((cells) => `  ${cells.map((cell, column) => padColumns(cell, widths[column]!)).join('  ')}`.trimEnd()),
    '',
    'Addresses, below the folder that clearway serve --media serves',
    `  HLS   ${report.addresses.hls}`,
    `  DASH  ${report.addresses.dash}`,
    `  page  ${report.addresses.page}`,
  ];
  if (report.group.length > 1) lines.push('', 'Offered as one film', ...report.group.map((name) => `  ${name}`));
  if (report.leftOut.length > 0) {
    lines.push('', 'Left out', ...report.leftOut.map(({ what, reason }) => `  ${what}: ${reason}`));
  }
  if (report.notes.length > 0) lines.push('', 'Notes', ...report.notes.map((note) => `  - ${note}`));
  lines.push(
    '',
    `Segments are ${report.targetDuration} s at most; the film's tables take ${formatBytes(report.indexBytes)} of memory.`,
  );
  return `${lines.join('\n')}\n`;
}

function trackCells(track: TrackReport): string[] {
  const language = languageName(track.language) ?? statedLanguage(track.language) ?? '';
  const segments = `${track.segments.toLocaleString('en')} ${track.segments === 1 ? 'segment' : 'segments'}`;
  const rates =
    track.kind === 'subtitles'
      ? ''
      : `${formatBitRate(track.bandwidth)} at most, ${formatBitRate(track.averageBandwidth)} on average`;
  const spoken = [language, track.name].filter((text) => text !== '').join(': ');
  return [track.id, track.kind, track.codec, spoken, track.about, segments, rates];
}

/** `1 h 32 min 10 s`, `14.5 s`. */
function lengthText(durationSeconds: number): string {
  if (durationSeconds < 60) return `${Number(durationSeconds.toFixed(2))} s`;
  const whole = Math.round(durationSeconds);
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  return [...(hours > 0 ? [`${hours} h`] : []), `${minutes} min`, `${whole % 60} s`].join(' ');
}
