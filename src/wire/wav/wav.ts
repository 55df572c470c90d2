// WAV, RF64 and BW64: where the samples lie in the file, and what they are. Pure: it reads bounded pieces that it is given.
// It plays what is there: a header that promises more, or does not know, is said and not believed. Not here: how the bytes are read
// (audio/sources/).

import { frameBytes, type PcmFormat } from '../pcm/format.js';
import { type Chunk, characters, chunksOf, mostPieceBytes, pieceOf, type ReadPiece } from './chunks.js';
import { readFormatChunk } from './format-chunk.js';
import { readInfoList, type WaveTags } from './info-list.js';

/** A WAV's payload. */
export interface WaveFile {
  readonly format: PcmFormat;
  /** `WAV`, `RF64`, `BW64`. */
  readonly codec: string;
  /** Of the first frame, from the beginning of the file. */
  readonly offset: number;
  /** Bytes that are there, in whole frames. */
  readonly byteLength: number;
  /** Bytes that the header promises beyond what is there. */
  readonly missingBytes: number;
  readonly tags: WaveTags;
  /** What a user should know of the file, each a sentence. */
  readonly notes: readonly string[];
}

const codecs: Readonly<Record<string, string>> = { RIFF: 'WAV', RF64: 'RF64', BW64: 'BW64' };

/** Chunks that stand behind an empty payload: where one follows, a size of 0 means what it says. */
const followers = [
  'LIST',
  'fact',
  'id3 ',
  'ID3 ',
  'cue ',
  'bext',
  'smpl',
  'inst',
  'JUNK',
  'PAD ',
  'PEAK',
  'iXML',
  'fmt ',
  'axml',
  'chna',
];

/**
 * Sizes that stand for "I do not know" where a writer could not go back to its header: sox and MPlayer, arecord, others. Those just below 2^32 leave room for a header, and beyond
 * 2^53 no file is that long (-1 in RF64).
 */
const placeholders: readonly number[] = [0x7fff_f000, 0x7fff_ffff, 0x8000_0000];
const leastPlaceholder = 0xffff_ff00;

/** Whether a size that is more than what is there is none. */
function isPlaceholder(size: number): boolean {
  const isAlmostAll = size >= leastPlaceholder && size <= 0xffff_ffff;
  return placeholders.includes(size) || isAlmostAll || size > Number.MAX_SAFE_INTEGER;
}

interface Found {
  format: PcmFormat | undefined;
  data: Chunk | undefined;
  tags: WaveTags;
  refusal: string | undefined;
}

function isFollower(read: ReadPiece, at: number, fileBytes: number): boolean {
  const header = pieceOf(read, at, 8);
  if (header === undefined) return false;
  return followers.includes(characters(header, 0)) && at + 8 + header.getUint32(4, true) <= fileBytes;
}

/** Looks at one chunk; gives whether the search goes on. */
function look(read: ReadPiece, chunk: Chunk, fileBytes: number, found: Found): boolean {
  const there = Math.max(0, Math.min(chunk.size ?? Number.POSITIVE_INFINITY, fileBytes - chunk.offset));
  if (chunk.id === 'fmt ' && found.format === undefined) {
    const view = pieceOf(read, chunk.offset, Math.min(there, 40));
    const result = readFormatChunk(view ?? new DataView(new ArrayBuffer(0)));
    if ('refusal' in result) found.refusal = result.refusal;
    else found.format = result.format;
  } else if (chunk.id === 'data' && found.data === undefined) {
    const { size = 0, offset } = chunk;
    const isNothing = size === 0 && offset < fileBytes && !isFollower(read, offset, fileBytes);
    const isStream = isNothing || (offset + size > fileBytes && isPlaceholder(size));
    found.data = isStream ? { ...chunk, size: undefined } : chunk;
    return !isStream;
  } else if (chunk.id === 'LIST' && there >= 4) {
    const view = pieceOf(read, chunk.offset, Math.min(there, mostPieceBytes));
    if (view !== undefined) found.tags = { ...readInfoList(view), ...found.tags };
  }
  return found.refusal === undefined;
}

function payload(found: Found, codec: string, fileBytes: number): WaveFile | { readonly refusal: string } {
  const { format, data, tags } = found;
  if (format === undefined)
    return { refusal: 'it is a WAV without a format chunk, so nobody knows what its samples are' };
  if (data === undefined) return { refusal: 'it is a WAV without a data chunk: there is nothing to play' };
  const there = Math.max(0, fileBytes - data.offset);
  const said = data.size ?? there;
  const frame = frameBytes(format);
  const byteLength = Math.floor(Math.min(said, there) / frame) * frame;
  const missingBytes = Math.max(0, said - there);
  const notes: string[] = [];
  if (missingBytes > 0) {
    notes.push(
      `the file is cut: its header says ${said} bytes of samples and ${there} are there; what is there is played`,
    );
  } else if (data.size === undefined)
    notes.push('the header does not say how long it is: it is played to the end of the file');
  const rest = Math.min(said, there) - byteLength;
  if (rest > 0) notes.push(`its last frame is not whole: ${rest} of ${frame} bytes are left out`);
  return { format, codec, offset: data.offset, byteLength, missingBytes, tags, notes };
}

/** Whether the first four characters are those of a file that {@link readWave} reads. */
export function isWave(magic: string): boolean {
  return magic in codecs;
}

/**
 * Finds the payload of a WAV, RF64 or BW64 file.
 * @param read gives pieces of the file of at most 4 KiB. @param fileBytes its length. @param start where it begins: behind a tag in front.
 * @returns where the frames lie and what they are, or one sentence why they cannot be played.
 */
export function readWave(read: ReadPiece, fileBytes: number, start = 0): WaveFile | { readonly refusal: string } {
  const header = fileBytes - start < 12 ? undefined : pieceOf(read, start, 12);
  if (header === undefined) return { refusal: `it has ${fileBytes - start} bytes, and a WAV has at least 44` };
  const magic = characters(header, 0);
  const codec = codecs[magic];
  if (codec === undefined) return { refusal: `it begins with ${magic}, not with RIFF, RF64 or BW64` };
  const kind = characters(header, 8);
  if (kind !== 'WAVE') return { refusal: `it is a RIFF file of the kind ${kind}, not WAVE` };
  const found: Found = { format: undefined, data: undefined, tags: {}, refusal: undefined };
  for (const chunk of chunksOf(read, start + 12, fileBytes, magic !== 'RIFF')) {
    if (!look(read, chunk, fileBytes, found)) break;
  }
  return found.refusal === undefined ? payload(found, codec, fileBytes) : { refusal: found.refusal };
}
