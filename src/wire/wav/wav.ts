// WAV, RF64, BW64 and W64: where the samples lie in the file, and what they are. Pure: it reads bounded pieces that it is given.
// It plays what is there: a header that promises more, or does not know, is said and not believed. Not here: how the bytes are read
// (audio/sources/).

import { frameBytes, type PcmFormat } from '../pcm/format.js';
import { type Chunk, characters, chunksOf, mostPieceBytes, pieceOf, type ReadPiece } from './chunks.js';
import { readFormatChunk } from './format-chunk.js';
import { readInfoList, type WaveTags } from './info-list.js';
import { isWave64, isWave64Chunk, wave64ChunksOf, wave64HeadBytes } from './wave64.js';

/** A WAV's payload. */
export interface WaveFile {
  readonly format: PcmFormat;
  /** `WAV`, `RF64`, `BW64`, `W64`. */
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

const codecs: Readonly<Record<string, string>> = { RIFF: 'WAV', RF64: 'RF64', BW64: 'BW64', riff: 'W64' };

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
 * Sizes that stand for "I do not know" where a writer could not go back to its header: 2^31 and 2^32, and what is left of them for a header or in whole
 * pages (sox, arecord, MPlayer, ffmpeg, others). Beyond 2^53 no file is that long (-1 in RF64).
 */
const placeholders: readonly number[] = [0x8000_0000, 0x1_0000_0000];
const mostBelowPlaceholder = 0x1_0000;

/** Whether a size that is not what is there is none. */
function isPlaceholder(size: number): boolean {
  const isNear = placeholders.some((most) => size <= most && most - size < mostBelowPlaceholder);
  return isNear || size > Number.MAX_SAFE_INTEGER;
}

interface Found {
  readonly isWave64: boolean;
  format: PcmFormat | undefined;
  data: Chunk | undefined;
  tags: WaveTags;
  /** Of `data` chunks behind the first. */
  furtherBytes: number;
  refusal: string | undefined;
}

/** Whether a chunk stands behind samples that end at `at`, with a byte of padding or without. */
function isFollowed(read: ReadPiece, at: number, fileBytes: number, { isWave64 }: Found): boolean {
  if (isWave64) return isWave64Chunk(read, Math.ceil(at / 8) * 8);
  return isFollower(read, at, fileBytes) || isFollower(read, at + 1, fileBytes);
}

function isFollower(read: ReadPiece, at: number, fileBytes: number): boolean {
  const header = pieceOf(read, at, 8);
  if (header === undefined) return false;
  return followers.includes(characters(header, 0)) && at + 8 + header.getUint32(4, true) <= fileBytes;
}

/** Whether the length of `data` is none: the samples are what is there, to the end of the file. */
function isStream(read: ReadPiece, { offset, size = 0 }: Chunk, fileBytes: number, found: Found): boolean {
  const end = offset + size;
  if (size !== 0 && end > fileBytes) return isPlaceholder(size);
  // Nothing, or a recording that outgrew what its header says: no chunk follows there.
  return (
    (size === 0 || isPlaceholder(size)) && end + (size % 2) < fileBytes && !isFollowed(read, end, fileBytes, found)
  );
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
    const hasNoEnd = isStream(read, chunk, fileBytes, found);
    found.data = hasNoEnd ? { ...chunk, size: undefined } : chunk;
    return !hasNoEnd;
  } else if (chunk.id === 'data') {
    found.furtherBytes += there;
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
  if (found.furtherBytes > 0) {
    notes.push(
      `it has more than one data chunk: the first is played, and ${found.furtherBytes} bytes of others are not`,
    );
  }
  const rest = Math.min(said, there) - byteLength;
  if (rest > 0) notes.push(`its last frame is not whole: ${rest} of ${frame} bytes are left out`);
  return { format, codec, offset: data.offset, byteLength, missingBytes, tags, notes };
}

/** Whether the first four characters are those of a file that {@link readWave} reads. */
export function isWave(magic: string): boolean {
  return magic in codecs;
}

/** The chunks of a file whose first four characters are known, or why it has none. */
function chunksIn(
  read: ReadPiece,
  magic: string,
  fileBytes: number,
  start: number,
): Iterable<Chunk> | { readonly refusal: string } {
  if (magic === 'riff') {
    const head = pieceOf(read, start, wave64HeadBytes);
    const isSound = head !== undefined && isWave64(head);
    return isSound ? wave64ChunksOf(read, start, fileBytes) : { refusal: 'it begins with riff and is no W64' };
  }
  const kind = characters(pieceOf(read, start, 12)!, 8);
  return kind === 'WAVE'
    ? chunksOf(read, start + 12, fileBytes, magic !== 'RIFF')
    : { refusal: `it is a RIFF file of the kind ${kind}, not WAVE` };
}

/**
 * Finds the payload of a WAV, RF64, BW64 or W64 file.
 * @param read gives pieces of the file of at most 4 KiB. @param fileBytes its length. @param start where it begins: behind a tag in front.
 * @returns where the frames lie and what they are, or one sentence why they cannot be played.
 */
export function readWave(read: ReadPiece, fileBytes: number, start = 0): WaveFile | { readonly refusal: string } {
  const header = fileBytes - start < 12 ? undefined : pieceOf(read, start, 12);
  if (header === undefined) return { refusal: `it has ${fileBytes - start} bytes, and a WAV has at least 44` };
  const magic = characters(header, 0);
  const codec = codecs[magic];
  if (codec === undefined) return { refusal: `it begins with ${magic}, not with RIFF, RF64, BW64 or riff` };
  const chunks = chunksIn(read, magic, fileBytes, start);
  if ('refusal' in chunks) return chunks;
  const found: Found = {
    ...{ isWave64: magic === 'riff', format: undefined, data: undefined, tags: {} },
    ...{ furtherBytes: 0, refusal: undefined },
  };
  for (const chunk of chunks) if (!look(read, chunk, fileBytes, found)) break;
  return found.refusal === undefined ? payload(found, codec, fileBytes) : { refusal: found.refusal };
}
