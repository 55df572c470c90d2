// Which decoders this host has: for `play --check`, and for programs. Not here: what they do.

import { flacVersion } from './flac-library.js';
import { hasWasmFlac } from './flac-wasm-source.js';
import { sndfileVersion } from './sndfile-library.js';

/** A group of formats, and who decodes it here. */
export interface DecoderState {
  /** `FLAC`; `Ogg, MP3, AIFF, CAF`. */
  readonly formats: string;
  /** `libFLAC 1.4.2`; undefined where nothing does. */
  readonly decoder: string | undefined;
  /** What it cannot do, or the command that gives one; empty where nothing is missing. */
  readonly words: string;
}

/** Who decodes what on this host; WAV, RF64, BW64, W64 and raw samples need nobody. */
export async function listDecoders(): Promise<readonly DecoderState[]> {
  const flac = flacVersion();
  const sound = sndfileVersion();
  const hasWasm = flac === undefined && (await hasWasmFlac());
  const wasmWords =
    'only 8, 16 and 24 bits, a file is decoded before it plays; `apt install libflac12` gives all of it';
  return [
    { formats: 'WAV, RF64, BW64, W64, raw', decoder: 'none needed', words: '' },
    {
      formats: 'FLAC',
      decoder: flac !== undefined ? `libFLAC ${flac}` : hasWasm ? '@wasm-audio-decoders/flac' : undefined,
      words: flac !== undefined ? '' : hasWasm ? wasmWords : '`apt install libflac12`, or libflac14 from Debian 13 on',
    },
    {
      formats: 'Ogg (Vorbis, Opus), MP3, AIFF, CAF, AU',
      decoder: sound === undefined ? undefined : `libsndfile ${sound}`,
      words: sound === undefined ? '`apt install libsndfile1`' : '',
    },
  ];
}
