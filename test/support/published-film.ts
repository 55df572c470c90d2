// A film written out as its addresses: every playlist, the MPD, init segments, segments, I-frames, and the film's bytes beneath its version.
// What a server would answer, for programs that read files. Made by the pure parts alone.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { manifest } from '../../src/media/playlists/manifest.js';
import { masterPlaylist } from '../../src/media/playlists/master-playlist.js';
import { iFramePlaylist, mediaPlaylist, subtitlePlaylist } from '../../src/media/playlists/media-playlist.js';
import {
  iFrameName,
  iFramePlaylistName,
  initSegmentName,
  mediaSegmentName,
  playlistName,
  sourceName,
  subtitleName,
  subtitleSegmentName,
  topNames,
} from '../../src/media/playlists/names.js';
import { type OfferedSubtitle, referenceOf, startSeconds } from '../../src/media/playlists/offer.js';
import {
  type Presentation,
  presentationOf,
  type Rendition,
  writeInit,
} from '../../src/media/presentation/presentation.js';
import type { Subtitle } from '../../src/media/subtitles/subtitle.js';
import { webVttSegment, wholeWebVtt } from '../../src/media/subtitles/write-webvtt.js';
import { iFrameBytes, segmentBytes } from './assembled.js';
import { readFilmBytes } from './read-film-file.js';

/** A film that was written out. */
export interface PublishedFilm {
  readonly presentation: Presentation;
  readonly master: string;
  readonly manifest: string;
  readonly version: string;
}

/** Writes a film's addresses below `folder`. */
export function publish(
  path: string,
  folder: string,
  subtitles: readonly { readonly named: Omit<OfferedSubtitle, 'base' | 'version'>; readonly subtitle: Subtitle }[] = [],
): PublishedFilm {
  const bytes = readFileSync(path);
  const presentation = presentationOf(readFilmBytes(bytes));
  const version = '0badcafe';
  const write = (name: string, content: string | Uint8Array) => {
    const target = join(folder, name);
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, content);
  };
  const versioned = (name: string, content: string | Uint8Array) => write(`${version}/${name}`, content);
  const named = subtitles.map((each) => ({ ...each.named, base: '', version }));
  const frames = new Map(
    presentation.renditions.map((each) => [each.id, each.track.kind === 'video' ? each.pictures : undefined]),
  );
  const member = { presentation, base: '', version, iFrames: ({ id }: { id: string }) => frames.get(id) };
  write(topNames.master, masterPlaylist([member], named));
  write(topNames.manifest, manifest([member], named));
  versioned(sourceName, bytes);
  for (const rendition of presentation.renditions) publishRendition(presentation, rendition, bytes, versioned);
  for (const each of subtitles) {
    const { id } = each.named;
    const subtitle = each.subtitle.delayedBy(presentation.movedSeconds * 1000);
    versioned(playlistName(id), subtitlePlaylist(presentation, id));
    versioned(subtitleName(id), wholeWebVtt(subtitle));
    const reference = referenceOf(presentation);
    for (let k = 0; k < reference.segments.count; k++) {
      const text = webVttSegment(subtitle, startSeconds(reference, k), startSeconds(reference, k + 1));
      versioned(subtitleSegmentName(id, k + 1), text);
    }
  }
  return { presentation, master: join(folder, topNames.master), manifest: join(folder, topNames.manifest), version };
}

function publishRendition(
  presentation: Presentation,
  rendition: Rendition,
  bytes: Buffer,
  write: (name: string, content: string | Uint8Array) => void,
): void {
  const { id, segments, track } = rendition;
  write(playlistName(id), mediaPlaylist(presentation, rendition));
  for (let init = 0; init < rendition.initCount; init++) {
    write(initSegmentName(id, init + 1), writeInit(presentation, rendition, init));
  }
  for (let k = 0; k < segments.count; k++) {
    write(mediaSegmentName(id, k + 1), segmentBytes(bytes, rendition, k));
  }
  if (track.kind !== 'video') return;
  const frames = rendition.pictures!;
  write(iFramePlaylistName(id), iFramePlaylist(presentation, rendition, frames));
  for (let i = 0; i < frames.count; i++) {
    if (frames.segment(i) < 0) write(iFrameName(id, i + 1), iFrameBytes(bytes, rendition, frames, i));
  }
}
