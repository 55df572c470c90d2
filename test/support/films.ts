// Small films of every kind that the tests of media/ need, made by ffmpeg once and kept until the end of the run: of all test files, where
// `npm test` gives a folder for them, else of the one that asks.

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, extname, join } from 'node:path';
import { isInstalled } from './installed.js';

const seconds = 8;
const picture = ['-f', 'lavfi', '-i', `testsrc=s=160x120:r=25:d=${seconds}`];
const tone = (hertz: number): string[] => ['-f', 'lavfi', '-i', `sine=f=${hertz}:r=48000:d=${seconds}`];
const fast = ['-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-threads', '1'];
const h264 = ['-c:v', 'libx264', ...fast];
const bFrames = ['-bf', '2', '-x264-params', 'bframes=2:b-adapt=0'];
const aac = ['-c:a', 'aac'];
const both = [...picture, ...tone(440)];
const fragment = (flags: string): string[] => [...both, ...h264, ...bFrames, '-g', '25', ...aac, '-movflags', flags];

/** What ffmpeg is told for each film, without its name. */
const recipes = {
  'plain.mp4': [...both, ...h264, ...bFrames, '-g', '25', ...aac],
  'long-gop.mp4': [...both, ...h264, '-g', '60', ...aac, '-movflags', '+faststart'],
  'one-gop.mp4': [...both, ...h264, '-g', '1000', '-sc_threshold', '0', ...aac],
  'hevc.mp4': [
    ...both,
    '-c:v',
    'libx265',
    ...fast,
    '-x265-params',
    'log-level=error:keyint=25',
    '-tag:v',
    'hvc1',
    ...aac,
  ],
  'av1.mp4': [...both, '-c:v', 'libsvtav1', '-preset', '12', '-g', '50', '-c:a', 'libopus'],
  'vp9.mp4': [...both, '-c:v', 'libvpx-vp9', '-deadline', 'realtime', '-cpu-used', '8', '-g', '50', ...aac],
  'flac.mp4': [...both, ...h264, '-g', '25', '-c:a', 'flac', '-strict', '-2'],
  'ac3.mp4': [...both, ...h264, '-g', '25', '-c:a', 'ac3'],
  'eac3.mp4': [...both, ...h264, '-g', '25', '-c:a', 'eac3'],
  'mp3.mp4': [...both, ...h264, '-g', '25', '-c:a', 'libmp3lame'],
  'film.mov': [...both, ...h264, ...bFrames, '-g', '25', ...aac],
  'fragmented.mp4': fragment('frag_keyframe+empty_moov+default_base_moof'),
  'fragmented-after.mp4': fragment('frag_keyframe'),
  'fragmented-alone.mp4': fragment('frag_keyframe+empty_moov+separate_moof+default_base_moof'),
  'fragmented-video.mp4': [
    ...[...picture, ...h264, '-g', '100', '-movflags', 'frag_keyframe+empty_moov+default_base_moof'],
  ],
  'negative-offsets.mp4': fragment('negative_cts_offsets'),
  'late-audio.mp4': [
    ...picture,
    '-itsoffset',
    '0.5',
    ...tone(440),
    ...h264,
    '-g',
    '25',
    ...aac,
    '-map',
    '0:v',
    '-map',
    '1:a',
  ],
  'languages.mp4': [
    ...[...both, ...tone(880), ...h264, '-g', '25', ...aac, '-map', '0', '-map', '1', '-map', '2'],
    ...['-metadata:s:a:0', 'language=eng', '-metadata:s:a:1', 'language=ger'],
  ],
  'odd-rate.mp4': [
    ...['-f', 'lavfi', '-i', `testsrc=s=160x120:r=30000/1001:d=${seconds}`, ...tone(440)],
    ...[...h264, ...bFrames, '-g', '30', ...aac],
  ],
  'video-alone.mp4': [...picture, ...h264, '-g', '25'],
  'audio-alone.m4a': [...tone(440), ...aac],
} as const;

/** What ffmpeg is told for a film of so many seconds whose frames are much longer than the packets of sound between them. */
export function amongSound(long: number): readonly string[] {
  const noise = ['-f', 'lavfi', '-i', `nullsrc=s=320x180:r=25:d=${long},geq=random(1)*255:128:128`];
  const sound = ['-f', 'lavfi', '-i', `sine=f=440:r=48000:d=${long}`];
  return [...noise, ...sound, ...h264, '-bf', '2', '-g', '50', '-b:v', '4M', ...aac, '-b:a', '96k'];
}

/** A film that can be made. */
export type FilmName = keyof typeof recipes;

/** All of them. */
export const filmNames = Object.keys(recipes) as FilmName[];

/** Why films cannot be made here; false when they can: what `skip` of a test takes. */
export const filmSkip: string | false = isInstalled('ffmpeg')
  ? false
  : 'ffmpeg is not installed (Debian: apt-get install ffmpeg)';

let folder: string | undefined;

/** Where the films are. */
export function filmFolder(): string {
  if (folder === undefined) {
    const made = mkdtempSync(join(tmpdir(), 'clearway-films-'));
    process.on('exit', () => rmSync(made, { recursive: true, force: true }));
    folder = made;
  }
  return folder;
}

/** The path of a film, made when it is asked for first. @throws with what ffmpeg said */
export function film(name: FilmName): string {
  const path = join(filmFolder(), name);
  if (!existsSync(path)) makeFilm(path, recipes[name]);
  return path;
}

/** Makes a film of ffmpeg's arguments; one that another test file of the run made is copied. @throws with what ffmpeg said */
export function makeFilm(path: string, words: readonly string[]): void {
  mkdirSync(dirname(path), { recursive: true });
  const shared = process.env['CLEARWAY_TEST_FILMS'];
  if (shared === undefined) {
    encode(path, words);
    return;
  }
  const name = createHash('sha256').update(JSON.stringify(words)).digest('hex').slice(0, 32);
  const kept = join(shared, name + extname(path));
  if (!existsSync(kept)) {
    // Whole before it has its name: others look for it at the same time.
    const made = join(shared, `${name}.${process.pid}${extname(path)}`);
    encode(made, words);
    renameSync(made, kept);
  }
  copyFileSync(kept, path);
}

function encode(path: string, words: readonly string[]): void {
  // AV1's encoder logs whatever it is told.
  const environment = { ...process.env, SVT_LOG: '0' };
  const made = spawnSync('ffmpeg', ['-y', '-loglevel', 'error', ...words, path], {
    encoding: 'utf8',
    env: environment,
  });
  if (made.status !== 0) throw new Error(`ffmpeg could not make ${path}: ${made.stderr.slice(-600)}`);
}
