// Reads the whole of a small file, a side-car, as a film's headers are read: in pieces, so that nobody waits for a disk.

import { CopyReason, copyBytes } from '../../memory/copy.js';
import { type FilmReading, FilmRefusal, maxReadBytes } from '../film.js';
import { maxSubtitleBytes, SubtitleRefusal, subtitleSteps } from '../subtitles/read-subtitle.js';
import type { Subtitle } from '../subtitles/subtitle.js';
import { inTurns } from './in-turns.js';

/** The bytes of a file of `size` bytes, or of what it has now if it became shorter. */
function* readWhole(size: number): FilmReading<Uint8Array> {
  const all = new Uint8Array(size);
  let at = 0;
  while (at < size) {
    const piece = yield { offset: at, length: Math.min(maxReadBytes, size - at) };
    if (piece === undefined || piece.length === 0) break;
    copyBytes(CopyReason.application, all, at, piece, 0, piece.length);
    at += piece.length;
  }
  return all.subarray(0, at);
}

/** Reads a subtitle of `size` bytes. @throws FilmRefusal for what is none, or too long */
export function* readSideCar(size: number, format: 'vtt' | 'srt'): FilmReading<Subtitle> {
  if (size > maxSubtitleBytes) throw new FilmRefusal(`has ${size} bytes; a subtitle may have ${maxSubtitleBytes}`);
  const bytes = yield* readWhole(size);
  try {
    return yield* inTurns(subtitleSteps(bytes, format));
  } catch (error) {
    if (error instanceof SubtitleRefusal) throw new FilmRefusal(error.message);
    throw error;
  }
}
