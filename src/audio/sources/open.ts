// A path becomes a source: what the file begins with decides, never its name. Not here: each codec (the other files of this folder).

import { closeSync } from 'node:fs';
import { readFlacInfo } from '../../wire/flac/stream-info.js';
import { frameBytes, type PcmFormat } from '../../wire/pcm/format.js';
import { characters } from '../../wire/wav/chunks.js';
import { isWave, readWave } from '../../wire/wav/wav.js';
import { ExtentSource } from './extent-source.js';
import { type OpenedFile, openFile, sourceError } from './file.js';
import { flacVersion } from './flac-library.js';
import { FlacSource } from './flac-source.js';
import { openWasmFlac } from './flac-wasm-source.js';
import { sndfileVersion } from './sndfile-library.js';
import { SndfileSource } from './sndfile-source.js';
import type { AudioSource } from './source.js';

/** How a file is opened. */
export interface OpenOptions {
  /** The file has no header, and its frames are these (`--raw`). */
  readonly raw?: PcmFormat;
  /** Only to be described: nothing is decoded that need not be. Default false. */
  readonly isHeadOnly?: boolean;
}

/** What libsndfile is given, by how the file begins. */
const soundMagics: Readonly<Record<string, string>> = {
  OggS: 'Ogg',
  FORM: 'AIFF',
  caff: 'CAF',
  RIFX: 'WAV (big-endian)',
  '.snd': 'AU',
};

const fixOfSound = 'install libsndfile (Debian: libsndfile1)';
const known = 'WAV, RF64, BW64, W64, FLAC, Ogg (Vorbis, Opus, FLAC), MP3, AIFF, CAF and AU';

/** Where the file begins behind an ID3v2 tag in front: some tools put one before anything (id3.org, section 3.1). */
function startBehindTag(file: OpenedFile): number {
  const head = file.read(0, 10);
  const isTag = head.length === 10 && head[0] === 0x49 && head[1] === 0x44 && head[2] === 0x33 && head[3] !== 0xff;
  if (!isTag) return 0;
  let size = 0;
  for (let index = 6; index < 10; index++) {
    if (head[index]! > 0x7f) return 0;
    size = size * 128 + head[index]!;
  }
  const footer = (head[5]! & 0x10) === 0 ? 0 : 10;
  return Math.min(10 + size + footer, file.byteLength);
}

/** A frame's first bytes of MPEG audio: eleven ones, a version, a layer, a rate, none of them the reserved one. */
function isMpeg(bytes: Uint8Array): boolean {
  const [first = 0, second = 0, third = 0] = bytes;
  const layer = (second >>> 1) & 3;
  return first === 0xff && second >= 0xe0 && ((second >>> 3) & 3) !== 1 && layer !== 0 && third >>> 4 !== 15;
}

function openRaw(file: OpenedFile, format: PcmFormat): AudioSource {
  const frame = frameBytes(format);
  const byteLength = Math.floor(file.byteLength / frame) * frame;
  const rest = file.byteLength - byteLength;
  const notes = rest === 0 ? [] : [`its last frame is not whole: ${rest} of ${frame} bytes are left out`];
  if (byteLength === 0) throw sourceError(file.path, `it has ${file.byteLength} bytes, and a frame has ${frame}`);
  return new ExtentSource(file, { format, codec: 'raw', offset: 0, byteLength, tags: {}, notes, missingBytes: 0 });
}

function openWave(file: OpenedFile, start: number, magic: string): AudioSource {
  const wave = readWave(file.read, file.byteLength, start);
  if (!('refusal' in wave)) return new ExtentSource(file, wave);
  // Of W64's codecs libsndfile knows more; its samples that need no decoder are read here, for it takes floats of an extensible format for integers.
  if (magic === 'riff' && start === 0 && sndfileVersion() !== undefined) return new SndfileSource(file);
  throw sourceError(file.path, wave.refusal);
}

function openSound(file: OpenedFile, what: string): AudioSource {
  if (sndfileVersion() === undefined) throw sourceError(file.path, `nothing here decodes ${what}; ${fixOfSound}`);
  return new SndfileSource(file);
}

async function openByContent(file: OpenedFile, isHeadOnly: boolean): Promise<AudioSource> {
  const start = startBehindTag(file);
  const head = file.read(start, 4);
  const magic = head.length < 4 ? '' : characters(new DataView(head.buffer, head.byteOffset, 4), 0);
  if (isWave(magic)) return openWave(file, start, magic);
  if (magic === 'fLaC' || magic === 'OggS') {
    const info = readFlacInfo(file.read, file.byteLength, start);
    if (info !== undefined) {
      if ('refusal' in info) throw sourceError(file.path, info.refusal);
      return flacVersion() === undefined
        ? await openWasmFlac(file, info, start, isHeadOnly)
        : new FlacSource(file, info, start);
    }
  }
  const sound = soundMagics[magic];
  if (sound !== undefined && start === 0) return openSound(file, sound);
  if (start > 0 || isMpeg(head)) return openSound(file, 'MP3');
  const shown = magic === '' ? 'is too short' : `begins with ${magic}`;
  throw sourceError(
    file.path,
    `it ${shown} and is no sound file that is known here (${known}): convert it, as with \`ffmpeg -i IN OUT.flac\`; samples without a header need --raw`,
  );
}

/**
 * Opens a file to be played. It never waits for anything but the disk: pipes, sockets and devices are refused.
 * @throws SourceError: one sentence about the file, with how to fix it.
 */
export async function openSource(path: string, options: OpenOptions = {}): Promise<AudioSource> {
  const file = openFile(path);
  try {
    return options.raw === undefined
      ? await openByContent(file, options.isHeadOnly === true)
      : openRaw(file, options.raw);
  } catch (error) {
    closeSync(file.fd);
    throw error;
  }
}
