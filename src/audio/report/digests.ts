// SHA-256 of what was written to a file against that of what its sources decode to, read again: the proof for sinks whose bytes can be read back. Not here: other
// sinks, of which only the device knows what it got.

import { createHash } from 'node:crypto';
import { Region } from '../../memory/region.js';
import { frameBytes, type PcmFormat } from '../../wire/pcm/format.js';
import type { PlayedTrack } from '../player.js';
import { openSource } from '../sources/open.js';
import type { PlayFacts } from './facts.js';

/** Frames that are read in one go. */
const pieceFrames = 16_384;

/** Files to be hashed one after the other, from a frame on, in one format. */
interface Part {
  readonly path: string;
  readonly firstFrame: number;
  /** The file has no header, and this format. */
  readonly raw: PcmFormat | undefined;
}

async function digestOf(parts: readonly Part[], format: PcmFormat): Promise<string> {
  const hash = createHash('sha256');
  const bytes = frameBytes(format);
  const region = new Region(pieceFrames * bytes);
  try {
    for (const { path, firstFrame, raw } of parts) {
      const source = await openSource(path, raw === undefined ? {} : { raw });
      try {
        source.setOutput({ format });
        if (firstFrame > 0) source.seek(firstFrame);
        for (;;) {
          const frames = source.read(region.bytes, pieceFrames);
          if (frames === 0) break;
          hash.update(region.bytes.subarray(0, frames * bytes));
        }
      } finally {
        source.close();
      }
    }
    return hash.digest('hex');
  } finally {
    region.unmap();
  }
}

/** What was played into a file. */
export interface WrittenFile {
  readonly path: string;
  /** It has no header. */
  readonly isRaw: boolean;
  readonly format: PcmFormat;
  readonly tracks: readonly PlayedTrack[];
  /** Of files without a header. */
  readonly sourceFormat: PcmFormat | undefined;
}

/**
 * Reads the file that was written and its sources, and hashes both. Undefined where they need not be equal: something was left in its midst, or samples were changed on
 * purpose. @throws SourceError where one of them can no longer be read
 */
export async function fileDigests(written: WrittenFile): Promise<PlayFacts['digests']> {
  const { path, isRaw, format, tracks, sourceFormat } = written;
  const isComparable = tracks.every(
    ({ track, isWhole, missingFrames }, index) =>
      (isWhole || (index === 0 && track.firstFrame > 0)) && track.change !== 'converted' && missingFrames === 0,
  );
  if (!isComparable || tracks.length === 0) return undefined;
  const sources = tracks.map(({ track }) => ({ path: track.path, firstFrame: track.firstFrame, raw: sourceFormat }));
  return {
    decoded: await digestOf(sources, format),
    committed: await digestOf([{ path, firstFrame: 0, raw: isRaw ? format : undefined }], format),
  };
}
