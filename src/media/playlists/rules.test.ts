// The rules for what Clearway writes into playlists (P: media playlists and all text, M: master, D: MPD, W: subtitles). Each is stated by a test whose
// title begins with its number; this list is held to the tests, and the tests to this list.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';

const rules: Readonly<Record<string, string>> = {
  P01: 'UTF-8 without a mark of byte order, LF',
  P02: 'no control characters, quotes and half characters from files',
  P05: 'one name for a resource',
  P06: 'URIs are percent-encoded',
  P10: 'TARGETDURATION is a whole number',
  P11: 'no rounded EXTINF is above it, and a film has one',
  P12: 'PLAYLIST-TYPE:VOD, VERSION 7',
  P13: 'ENDLIST',
  P14: 'VERSION 7 in the master',
  P15: 'MEDIA-SEQUENCE is 0',
  P16: 'no ALLOW-CACHE',
  P17: 'no PROGRAM-ID',
  P18: 'EXT-X-MAP before the first segment',
  P20: 'EXTINF from ticks, sums do not drift',
  P21: 'INDEPENDENT-SEGMENTS only where it is true',
  P30: 'another sample description: map and discontinuity, in all playlists',
  P31: 'BYTERANGE where the source is fragmented already',
  M10: 'NAME is unique in a group',
  M11: 'one language twice is offered twice',
  M12: 'DEFAULT once',
  M13: 'AUTOSELECT',
  M14: 'LANGUAGE is BCP 47',
  M15: 'CHANNELS',
  M16: 'groups by codec',
  M17: 'groups offer the same choice',
  M18: 'films that are only heard',
  M19: 'films that are only seen',
  M20: 'what a variant says',
  M21: 'RESOLUTION as shown',
  M22: 'VIDEO-RANGE, SUPPLEMENTAL-CODECS',
  M23: 'BANDWIDTH: picture and largest sound',
  M24: 'AVERAGE-BANDWIDTH',
  M25: 'FRAME-RATE with three decimals',
  M26: 'codec strings of HLS',
  M27: 'codecs of all sample descriptions',
  M30: 'order of variants',
  M31: 'H.264 and H.265 side by side',
  M40: 'subtitles: FORCED, CHARACTERISTICS, DEFAULT',
  M50: 'I-frame playlist',
  M51: 'I-FRAME-STREAM-INF',
  D01: 'static, isoff-live',
  D02: 'mediaPresentationDuration',
  D03: 'text from files stays text',
  D10: 'sets of pictures',
  D11: 'sets of sound',
  D12: 'roles',
  D13: 'channel configuration',
  D14: 'subtitles',
  D20: 'template',
  D21: 'timeline',
  D22: 'no gaps',
  D23: 'times above 2^32',
  D30: 'ids are unique',
  D31: 'bandwidth of the rendition alone, never 0',
  D32: 'codecs of MSE, frame rates as fractions',
  D33: 'sizes and shapes',
  D34: 'HDR, VP9, ALAC',
  D40: 'another sample description: a Period',
  W01: 'a segment is WebVTT',
  W02: 'X-TIMESTAMP-MAP behind WEBVTT',
  W03: 'subtitles are cut as the film is',
  W04: 'cues across a cut are in both segments',
  W05: 'times are unchanged',
  W06: 'styles in each segment',
  W07: 'the whole for DASH',
  W08: 'text moves with the film',
  W10: 'mark of byte order, CRLF, no end',
  W11: 'times',
  W12: 'Windows-1252, UTF-16',
  W13: 'SubRip',
  W14: 'WebVTT',
  W15: 'what the file is, not what it is called',
  W16: 'cues that make no sense',
  W17: 'control characters',
  W18: 'bounds',
};

test('each rule has a test, and each test that names a rule names one of the list', () => {
  const titled = new Set<string>();
  for (const folder of ['./', '../subtitles/']) {
    const url = new URL(folder, import.meta.url);
    for (const name of readdirSync(url)) {
      if (!name.endsWith('.test.js')) continue;
      for (const [, rule] of readFileSync(new URL(name, url), 'utf8').matchAll(/\btest\('([A-Z]\d\d): /g))
        titled.add(rule!);
    }
  }
  assert.deepEqual([...titled].sort(), Object.keys(rules).sort());
});
