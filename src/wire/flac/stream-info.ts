// What stands in front of a FLAC stream: its length, its format, its sum, and its names. Pure: it reads bounded pieces that it is given.
// Sources: RFC 9639 (sections 8 and 10.1). Not here: decoding, which is libFLAC's.

import { characters, pieceOf, type ReadPiece } from '../wav/chunks.js';
import { tagText, type WaveTags } from '../wav/info-list.js';

/** The STREAMINFO block and what the comments say. */
export interface FlacInfo {
  readonly rate: number;
  readonly channels: number;
  readonly bits: number;
  /** Frames in all; undefined where the encoder did not know. */
  readonly frames: number | undefined;
  /** Whether the encoder left an MD5 of the samples. */
  readonly hasSum: boolean;
  /** WAVE's bits of the tag WAVEFORMATEXTENSIBLE_CHANNEL_MASK; 0 without it. */
  readonly channelMask: number;
  readonly isOgg: boolean;
  readonly tags: WaveTags;
}

const infoBytes = 34;
const mostBlocks = 200;
const mostCommentBytes = 4096;
const commentBlock = 4;

type Refusal = { readonly refusal: string };

function readStreamInfo(view: DataView, isOgg: boolean): FlacInfo | Refusal {
  const packed = view.getUint32(10);
  const rate = packed >>> 12;
  const total = (view.getUint8(13) & 0xf) * 2 ** 32 + view.getUint32(14);
  let hasSum = false;
  for (let index = 18; index < infoBytes; index++) if (view.getUint8(index) !== 0) hasSum = true;
  const bits = ((packed >>> 4) & 0x1f) + 1;
  if (rate === 0) return { refusal: 'its header says a rate of 0 Hz' };
  if (bits < 4) return { refusal: `its header says ${bits} bits a sample, and 4 are the least` };
  const channels = ((packed >>> 9) & 7) + 1;
  return { rate, channels, bits, frames: total === 0 ? undefined : total, hasSum, channelMask: 0, isOgg, tags: {} };
}

interface Comments {
  channelMask: number;
  tags: { -readonly [Name in keyof WaveTags]: WaveTags[Name] };
}

function takeComment(text: string, found: Comments): void {
  const equals = text.indexOf('=');
  const name = text.slice(0, Math.max(0, equals)).toLowerCase();
  const value = text.slice(equals + 1);
  if (name === 'title' || name === 'artist' || name === 'album') {
    if (value !== '') found.tags[name] ??= value;
  } else if (name === 'waveformatextensible_channel_mask') {
    const mask = /^(?:0x)?[0-9a-f]{1,5}$/i.test(value) ? Number.parseInt(value, 16) : 0;
    if (mask < 0x4_0000) found.channelMask = mask;
  }
}

/** Vorbis comments (little-endian): the vendor, then so many texts. Those that are not whole in the piece are left out. */
function readComments(view: DataView): Comments {
  const found: Comments = { channelMask: 0, tags: {} };
  if (view.byteLength < 8) return found;
  let at = 4 + view.getUint32(0, true);
  if (at + 4 > view.byteLength) return found;
  const count = view.getUint32(at, true);
  at += 4;
  for (let index = 0; index < count && at + 4 <= view.byteLength; index++) {
    const length = view.getUint32(at, true);
    at += 4;
    if (at + length > view.byteLength) break;
    takeComment(tagText(new Uint8Array(view.buffer, view.byteOffset + at, length)), found);
    at += length;
  }
  return found;
}

function withComments(read: ReadPiece, info: FlacInfo, start: number, fileBytes: number): FlacInfo {
  let at = start;
  for (let count = 0; count < mostBlocks; count++) {
    const header = pieceOf(read, at, 4);
    if (header === undefined) break;
    const word = header.getUint32(0);
    const length = word & 0xff_ffff;
    if (((word >>> 24) & 0x7f) === commentBlock) {
      const view = pieceOf(read, at + 4, Math.max(0, Math.min(length, mostCommentBytes, fileBytes - at - 4)));
      if (view !== undefined) return { ...info, ...readComments(view) };
    }
    if (word >>> 31 === 1) break;
    at += 4 + length;
  }
  return info;
}

/** Where the `fLaC` of an Ogg stream stands: in the first packet of the first page, behind its own header (RFC 9639, section 10.1). */
function startInOgg(read: ReadPiece, start: number): number | undefined {
  const page = pieceOf(read, start, 27);
  if (page === undefined) return undefined;
  const packet = start + 27 + page.getUint8(26);
  const head = pieceOf(read, packet, 9);
  return head !== undefined && head.getUint8(0) === 0x7f && characters(head, 1) === 'FLAC' ? packet + 9 : undefined;
}

/**
 * Reads what stands in front of a FLAC stream, native or in Ogg.
 * @param read gives pieces of the file of at most 4 KiB. @param start where `fLaC` or `OggS` stands.
 * @returns the facts, a sentence why it cannot be played, or undefined where it is no FLAC.
 */
export function readFlacInfo(read: ReadPiece, fileBytes: number, start = 0): FlacInfo | Refusal | undefined {
  const first = pieceOf(read, start, 4);
  const isOgg = first !== undefined && characters(first, 0) === 'OggS';
  const at = isOgg ? startInOgg(read, start) : start;
  const head = at === undefined ? undefined : pieceOf(read, at, 4);
  if (at === undefined || head === undefined || characters(head, 0) !== 'fLaC') return undefined;
  const block = pieceOf(read, at + 4, 4 + infoBytes);
  if (block === undefined) return { refusal: 'it ends within the header of its FLAC stream' };
  if ((block.getUint8(0) & 0x7f) !== 0) return { refusal: 'its FLAC stream does not begin with STREAMINFO' };
  const info = readStreamInfo(new DataView(block.buffer, block.byteOffset + 4, infoBytes), isOgg);
  if ('refusal' in info || isOgg || (block.getUint8(0) & 0x80) !== 0) return info;
  return withComments(read, info, at + 8 + infoBytes, fileBytes);
}
