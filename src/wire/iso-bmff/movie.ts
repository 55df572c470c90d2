// The small boxes of a movie's header: times, track headers, languages, names, edits. Of payloads that lie wholly in a view; a field that
// is not there reads as nothing said. Not here: tables of samples (media/), sample entries.

import { canonicalTag } from '../../text/language-tag.js';
import { int64, typeAt, uint64 } from './boxes.js';

/** `mvhd` and `mdhd`: ticks a second and the duration in them; undefined where nothing usable is said. */
export function timesOf(view: DataView): { timescale: number; duration: number } | undefined {
  const version = view.byteLength > 0 ? view.getUint8(0) : 255;
  if (version === 0 && view.byteLength >= 20) return { timescale: view.getUint32(12), duration: view.getUint32(16) };
  if (version === 1 && view.byteLength >= 32) return { timescale: view.getUint32(20), duration: uint64(view, 24) };
  return undefined;
}

/** `tkhd`. */
export interface TrackHeader {
  readonly id: number;
  readonly enabled: boolean;
  readonly width: number;
  readonly height: number;
  readonly rotation: 0 | 90 | 180 | 270;
  readonly matrix: Uint8Array;
}

const unity = 0x10000;
const unityMatrix = [unity, 0, 0, 0, unity, 0, 0, 0, 0x4000_0000];

/** Reads `tkhd`; undefined when it is too short. */
export function trackHeaderOf(view: DataView): TrackHeader | undefined {
  const version = view.byteLength > 0 ? view.getUint8(0) : 255;
  const more = version === 1 ? 12 : 0;
  if (version > 1 || view.byteLength < 84 + more) return undefined;
  const at = (index: number): number => view.getInt32(40 + more + index * 4);
  const [a, b, c, d] = [at(0), at(1), at(3), at(4)];
  // Mirrored pictures (b and c of one sign) lie on their side as well.
  const isSideways = a === 0 && d === 0 && b !== 0 && c !== 0;
  const rotation = isSideways ? (b > 0 ? 90 : 270) : a < 0 && d < 0 ? 180 : 0;
  const matrix = new Uint8Array(36);
  const target = new DataView(matrix.buffer);
  // A matrix of zeros, which some muxers write, shows nothing.
  const isEmpty = a === 0 && b === 0 && c === 0 && d === 0;
  for (let index = 0; index < 9; index++) target.setInt32(index * 4, isEmpty ? unityMatrix[index]! : at(index));
  return {
    id: view.getUint32(12 + (version === 1 ? 8 : 0)),
    enabled: (view.getUint8(3) & 1) === 1,
    width: view.getUint32(76 + more) / unity,
    height: view.getUint32(80 + more) / unity,
    rotation,
    matrix,
  };
}

/** Codes of ISO 639-2 that name no language: uncoded, several, none. */
const namesNone = new Set(['mis', 'mul', 'zxx']);

/** A language as BCP 47 has it; `und` for what is none. */
function languageNamed(text: string): string {
  const tag = canonicalTag(text);
  return tag === undefined || namesNone.has(tag) ? 'und' : tag;
}

/** The language in `mdhd`. */
export function languageOf(view: DataView): string {
  const at = view.getUint8(0) === 1 ? 32 : 20;
  if (view.byteLength < at + 2) return 'und';
  const packed = view.getUint16(at);
  // Below 0x400 it is a code of the Macintosh.
  if (packed < 0x400 || packed === 0x7fff) return 'und';
  const letter = (shift: number): string => String.fromCharCode(((packed >> shift) & 31) + 0x60);
  const text = letter(10) + letter(5) + letter(0);
  return /^[a-z]{3}$/.test(text) ? languageNamed(text) : 'und';
}

/** The text of `elng`: BCP 47. */
export function extendedLanguageOf(view: DataView): string {
  return languageNamed(textOf(view, 4, Math.min(view.byteLength, 4 + 64)));
}

function textOf(view: DataView, from: number, end: number): string {
  if (end <= from) return '';
  const bytes = new Uint8Array(view.buffer, view.byteOffset + from, end - from);
  const zero = bytes.indexOf(0);
  return new TextDecoder().decode(zero < 0 ? bytes : bytes.subarray(0, zero));
}

/** What muxers write by themselves says nothing of a track. */
const emptyNames =
  /^(?:(?:video|sound|audio|subtitle|data)\s*(?:media\s*)?handler|core media (?:video|audio|data handler)|mainconcept.*|l-smash.*|gpac.*|iso media file produced by.*|bento4.*|apple (?:video|sound|alias) (?:media|data) handler|vide|soun|\?+.*)$/i;
const longestName = 100;

/** `hdlr`: the kind of track, and its name. */
export function handlerOf(view: DataView): { type: string; name: string } | undefined {
  if (view.byteLength < 24) return undefined;
  const type = typeAt(view, 8);
  let from = 24;
  // QuickTime's names begin with their length.
  if (view.byteLength > 25 && view.getUint8(24) === view.byteLength - 25) from = 25;
  return { type, name: nameOf(view, from) };
}

/** The name that stands at `from`: `name` of a track's `udta` has nothing in front of it. Empty where a muxer wrote it by itself. */
export function nameOf(view: DataView, from = 0): string {
  const name = textOf(view, from, Math.min(view.byteLength, from + 1024))
    .replaceAll(/[\p{Cc}\p{Cf}\p{Cs}\uFFFD]/gu, '')
    .trim()
    .slice(0, longestName);
  return emptyNames.test(name) ? '' : name;
}

/** One edit of `elst`: duration in ticks of the movie, media time in ticks of the track (-1: empty), and its rate. */
export interface EditEntry {
  readonly duration: number;
  readonly mediaTime: number;
  readonly rate: number;
}

/** Reads `elst`: the entries that lie wholly in the view. */
export function editsOf(view: DataView): EditEntry[] {
  if (view.byteLength < 8) return [];
  const isLong = view.getUint8(0) === 1;
  const size = isLong ? 20 : 12;
  const count = Math.min(view.getUint32(4), Math.floor((view.byteLength - 8) / size));
  return Array.from({ length: count }, (_, index) => {
    const at = 8 + index * size;
    return {
      duration: isLong ? uint64(view, at) : view.getUint32(at),
      mediaTime: isLong ? int64(view, at + 8) : view.getInt32(at + 4),
      rate: view.getInt32(at + size - 4) / unity,
    };
  });
}
