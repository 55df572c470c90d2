// What a file is, without playing it: for listings, and for the player before it starts. And how fast it decodes. Not here: a report's layout.

import { Region } from '../../memory/region.js';
import { frameBytes, type PcmFormat } from '../../wire/pcm/format.js';
import { type OpenOptions, openSource } from './open.js';
import type { AudioSource, SourceTags, SourceVerdict } from './source.js';

/** What a file says of itself. */
export interface SourceDescription {
  readonly path: string;
  readonly format: PcmFormat;
  readonly codec: string;
  readonly lossless: boolean;
  readonly decoder: string;
  readonly frames: number | undefined;
  /** Length in seconds, undefined where the file does not say. */
  readonly seconds: number | undefined;
  readonly tags: SourceTags;
  readonly notes: readonly string[];
}

/** What an open source says of itself. */
export function describeSource(source: AudioSource): SourceDescription {
  const { path, format, codec, lossless, decoder, frames, tags, notes } = source;
  const seconds = frames === undefined ? undefined : frames / format.rate;
  return { path, format, codec, lossless, decoder, frames, seconds, tags, notes };
}

/** What a file says of itself: its header is read and nothing decoded. @throws SourceError as {@link openSource}. */
export async function describe(path: string, options: OpenOptions = {}): Promise<SourceDescription> {
  const source = await openSource(path, { ...options, isHeadOnly: true });
  try {
    return describeSource(source);
  } finally {
    source.close();
  }
}

/** How fast a file was decoded. */
export interface DecodeFigures {
  readonly frames: number;
  /** Time on the wall, in milliseconds. */
  readonly milliseconds: number;
  /** Seconds of sound for each second of time. */
  readonly timesRealTime: number;
  readonly verdict: SourceVerdict;
}

/**
 * Reads a whole file into one piece of mapped memory, over and over the same, and takes the time.
 * @param blockFrames frames a read. @throws SourceError
 */
export async function measureDecode(
  path: string,
  options: OpenOptions = {},
  blockFrames = 8192,
): Promise<DecodeFigures> {
  const source = await openSource(path, options);
  const region = new Region(blockFrames * frameBytes(source.format));
  try {
    const started = process.hrtime.bigint();
    let frames = 0;
    for (
      let count = source.read(region.bytes, blockFrames);
      count > 0;
      count = source.read(region.bytes, blockFrames)
    ) {
      frames += count;
    }
    const milliseconds = Number(process.hrtime.bigint() - started) / 1e6;
    const seconds = frames / source.format.rate;
    return { frames, milliseconds, timesRealTime: (seconds * 1000) / milliseconds, verdict: source.verdict() };
  } finally {
    source.close();
    region.unmap();
  }
}
