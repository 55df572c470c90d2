// The films of the media benchmark, made by ffmpeg: what is measured is how their bytes leave, so the picture is noise of the
// wanted rate, and an encoder's slowest parts are off.

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { onPath } from '../host/child.js';

/** One film. */
export interface FilmPlan {
  readonly name: string;
  readonly about: string;
  readonly seconds: number;
  readonly videoBitsPerSecond: number;
  readonly hasAudio: boolean;
}

/** A film whose segments are one extent each, and one as muxers write it: a packet of each track in turn. */
export const films = {
  contiguous: {
    name: 'contiguous.mp4',
    about: 'video alone, 4 Mbit/s: a segment is one extent',
    seconds: 60,
    videoBitsPerSecond: 4e6,
    hasAudio: false,
  },
  interleaved: {
    name: 'interleaved.mp4',
    about: 'video of 4 Mbit/s and audio of 128 kbit/s, packet by packet: a segment is some 100 extents',
    seconds: 60,
    videoBitsPerSecond: 4e6,
    hasAudio: true,
  },
} as const satisfies Record<string, FilmPlan>;

/** Why no film can be made; undefined when one can. */
export function ffmpegAbsence(): string | undefined {
  return onPath('ffmpeg') ? undefined : 'ffmpeg is not on PATH (Debian: apt-get install ffmpeg)';
}

/** Makes a film in a folder. @throws with what ffmpeg said. */
export function makeFilm(plan: FilmPlan, folder: string): void {
  const rate = String(plan.videoBitsPerSecond);
  const noise = `nullsrc=s=320x180:r=25:d=${plan.seconds},geq=random(1)*255:128:128`;
  const inputs = ['-f', 'lavfi', '-i', noise];
  const audio = ['-f', 'lavfi', '-i', `anoisesrc=d=${plan.seconds}:r=48000`, '-c:a', 'aac', '-b:a', '128k'];
  const video = ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-g', '50', '-b:v', rate];
  const strict = ['-maxrate', rate, '-bufsize', rate, '-x264-params', 'nal-hrd=cbr:scenecut=0'];
  const words = ['-y', '-loglevel', 'error', ...inputs, ...(plan.hasAudio ? audio : []), ...video, ...strict];
  const made = spawnSync('ffmpeg', [...words, join(folder, plan.name)], { encoding: 'utf8' });
  if (made.status !== 0) throw new Error(`ffmpeg could not make ${plan.name}: ${made.stderr.slice(-400)}`);
}
