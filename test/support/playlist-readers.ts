// Playlists and manifests as others read them: m3u8-parser and mpd-parser, which are what video.js plays with. A warning fails.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import type { ParsedManifest, Parser } from 'm3u8-parser';
import type { ParsedMpd } from 'mpd-parser';

const require = createRequire(import.meta.url);
const m3u8 = require('m3u8-parser') as { Parser: typeof Parser };
const mpd = require('mpd-parser') as typeof import('mpd-parser');

/** What m3u8-parser reads in a playlist. */
export function readPlaylist(text: string): ParsedManifest {
  const parser = new m3u8.Parser();
  parser.on('warn', ({ message }) => assert.fail(`m3u8-parser: ${message}`));
  parser.push(text);
  parser.end();
  return parser.manifest;
}

/** What mpd-parser reads in an MPD at `/film.mp4/manifest.mpd`. */
export function readManifest(text: string): ParsedMpd {
  return mpd.parse(text, {
    manifestUri: 'http://films.example/film.mp4/manifest.mpd',
    eventHandler: ({ type, message }) => assert.notEqual(type, 'warn', message),
  });
}

/** The attributes of a tag's lines, in order; quotes gone. */
export function attributesOf(text: string, tag: string): Record<string, string>[] {
  return text
    .split('\n')
    .filter((line) => line.startsWith(`#${tag}:`))
    .map((line) =>
      Object.fromEntries(
        [...line.slice(tag.length + 2).matchAll(/([A-Z-]+)=("[^"]*"|[^,"]*)(?:,|$)/g)].map((found) => [
          found[1]!,
          found[2]!.replaceAll('"', ''),
        ]),
      ),
    );
}
