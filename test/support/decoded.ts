// What ffmpeg decodes out of a file, as a hash of each frame. Not here: the files.

import { spawnSync } from 'node:child_process';

/**
 * The hashes of all frames of a stream (`0:v:0`, `0:a:0`), in the order in which they are shown.
 * @param opening options of ffmpeg that stand before the file, as playlists need
 */
export function framesOf(
  path: string,
  stream: string,
  further: readonly string[] = [],
  opening: readonly string[] = [],
): string[] {
  const words = [
    '-v',
    'fatal',
    ...opening,
    '-i',
    path,
    '-map',
    stream,
    '-fps_mode',
    'passthrough',
    ...further,
    '-f',
    'framemd5',
    '-',
  ];
  const decoded = spawnSync('ffmpeg', words, { encoding: 'utf8', maxBuffer: 1 << 28 });
  if (decoded.status !== 0) throw new Error(`ffmpeg cannot decode ${path}: ${decoded.stderr.slice(-400)}`);
  return decoded.stdout
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.slice(line.lastIndexOf(',') + 1).trim());
}

/** The samples of a sound stream, one channel of 16 bits, from `start` seconds on as a player hears it. */
export function soundOf(path: string, further: readonly string[] = []): Int16Array {
  const words = ['-v', 'fatal', '-i', path, '-map', '0:a:0', ...further, '-ac', '1', '-f', 's16le', '-'];
  const decoded = spawnSync('ffmpeg', words, { maxBuffer: 1 << 28 });
  if (decoded.status !== 0) throw new Error(`ffmpeg cannot decode ${path}: ${decoded.stderr.toString().slice(-400)}`);
  const bytes = Uint8Array.from(decoded.stdout);
  return new Int16Array(bytes.buffer, 0, bytes.length >> 1);
}
