// What ffmpeg decodes out of a file, as a hash of each frame. Not here: the files.

import { spawnSync } from 'node:child_process';

/** A stream of a file. */
export interface DecodedStream {
  readonly path: string;
  /** `v:0`, `a:0`, `1`: of the file's own. */
  readonly stream: string;
  /** Options of ffmpeg that stand before the file, as playlists need. */
  readonly opening?: readonly string[];
}

/** The hashes of all frames of a stream, in the order in which they are shown. */
export function framesOf(path: string, stream: string, opening: readonly string[] = []): string[] {
  return framesOfEach([{ path, stream, opening }])[0]!;
}

/** As {@link framesOf}, of several streams by one ffmpeg, which takes as long to start as to decode a short film. */
export function framesOfEach(streams: readonly DecodedStream[], further: readonly string[] = []): string[][] {
  const inputs = streams.flatMap(({ path, opening = [] }) => [...opening, '-threads', '1', '-i', path]);
  const maps = streams.flatMap(({ stream }, index) => ['-map', `${index}:${stream}`]);
  const words = ['-v', 'fatal', ...inputs, ...maps, '-fps_mode', 'passthrough', ...further, '-f', 'framemd5', '-'];
  const decoded = spawnSync('ffmpeg', words, { encoding: 'utf8', maxBuffer: 1 << 28 });
  const names = streams.map(({ path }) => path).join(', ');
  if (decoded.status !== 0) throw new Error(`ffmpeg cannot decode ${names}: ${decoded.stderr.slice(-400)}`);
  const frames = streams.map((): string[] => []);
  for (const line of decoded.stdout.split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const fields = line.split(',');
    frames[Number(fields[0])]!.push(fields[fields.length - 1]!.trim());
  }
  return frames;
}

/** The samples of a sound stream, one channel of 16 bits, from `start` seconds on as a player hears it. */
export function soundOf(path: string, further: readonly string[] = []): Int16Array {
  const words = ['-v', 'fatal', '-i', path, '-map', '0:a:0', ...further, '-ac', '1', '-f', 's16le', '-'];
  const decoded = spawnSync('ffmpeg', words, { maxBuffer: 1 << 28 });
  if (decoded.status !== 0) throw new Error(`ffmpeg cannot decode ${path}: ${decoded.stderr.toString().slice(-400)}`);
  const bytes = Uint8Array.from(decoded.stdout);
  return new Int16Array(bytes.buffer, 0, bytes.length >> 1);
}
