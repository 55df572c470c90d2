// Sample entries, the entries of `stsd`: what a track is coded with, and the entry in the form that ISO files and browsers take: QuickTime's
// longer audio entries are rebuilt, `esds` is lifted out of `wave`, and boxes that only QuickTime knows are left out.
// Not here: codec strings (codec-string.ts), tables of samples.

import { channelsStated, layoutBoxes, objectsStated, sampleBits } from './audio-layout.js';
import { av1Colour } from './av1-sequence.js';
import { type BoxWriter, written } from './box-writer.js';
import { type Box, childrenIn, typeAt } from './boxes.js';
import {
  av1String,
  avcString,
  type CodecStrings,
  type Colour,
  dolbyVisionString,
  hevcString,
  mp4aString,
  vp9String,
} from './codec-string.js';
import { avcColour, hevcColour } from './parameter-sets.js';

/** What an entry says of what it codes, and the entry itself. */
export interface EntryFacts {
  /** The entry's four characters, `avc1`. */
  readonly format: string;
  /** The whole entry in ISO form (version 0, `esds` out of `wave`), ready for the `stsd` of an init segment. */
  readonly box: Uint8Array;
  /** Coded size in pixels; 0 for audio. */
  readonly width: number;
  readonly height: number;
  /** Channels and samples a second of audio; 0 for video. */
  readonly channels: number;
  readonly sampleRate: number;
  /** Objects and channels of E-AC-3 with objects (JOC); 0 for all other. */
  readonly objects: number;
  /** What EXT-X-STREAM-INF says as VIDEO-RANGE, from `colr` or the stream's own headers; SDR for audio and where nothing is said. */
  readonly videoRange: 'SDR' | 'PQ' | 'HLG';
  /** What SUPPLEMENTAL-CODECS says (Dolby Vision profile 8 in an hvc1 entry). */
  readonly supplementalCodec: string | undefined;
  /** Width and height of a pixel, in any unit, as `pasp` has them; undefined where it is not there. */
  readonly pixelShape: { readonly width: number; readonly height: number } | undefined;
}

/** An entry that can be offered. */
export interface ParsedEntry extends EntryFacts {
  readonly strings: CodecStrings;
}

/** An entry that cannot be offered: why, as the rest of a sentence. */
export interface RefusedEntry {
  readonly format: string;
  readonly refused: string;
  /** The samples are encrypted. */
  readonly encrypted: boolean;
}

const videoFormats = new Set(['avc1', 'avc3', 'hvc1', 'hev1', 'dvh1', 'dvhe', 'av01', 'vp09']);
const audioFormats = new Set(['mp4a', 'ac-3', 'ec-3', 'Opus', 'fLaC', 'alac', '.mp3']);
/** Boxes of a video entry that go on as they are. */
const videoBoxes = new Set([
  ...['avcC', 'hvcC', 'av1C', 'vpcC', 'dvcC', 'dvvC', 'pasp', 'clap', 'colr', 'btrt'],
  ...['mdcv', 'clli', 'SmDm', 'CoLL', 'st3d', 'sv3d'],
]);
const audioBoxes = new Set(['esds', 'dOps', 'dfLa', 'dac3', 'dec3', 'alac', 'btrt']);

const videoFixed = 78;
const audioFixed = 28;
/** QuickTime's audio entries of version 1 and 2 are longer. */
const quickTimeMore = [0, 16, 36];

const payloadOf = (bytes: Uint8Array, box: Box, skip = 0): Uint8Array =>
  bytes.subarray(Math.min(box.payload + skip, box.end), box.end);

/** True where boxes seem to begin: a size that fits and a type of letters. */
function boxesBegin(view: DataView, at: number, end: number): boolean {
  if (at === end) return true;
  if (at + 8 > end) return false;
  const size = view.getUint32(at);
  return size >= 8 && at + size <= end && /^[\w -]{4}$/.test(typeAt(view, at + 4));
}

/** The children of an audio entry: behind the fixed part of ISO, or of QuickTime; out of `wave` too. */
function audioChildren(view: DataView, from: number, end: number): Box[] {
  const version = view.getUint16(from + 8);
  const more = quickTimeMore[version] ?? 0;
  const iso = from + audioFixed;
  const begin = more > 0 && iso + more <= end && !boxesBegin(view, iso, end) ? iso + more : iso;
  const boxes = childrenIn(view, begin, end, 64);
  const wave = boxes.find(({ type }) => type === 'wave');
  return wave === undefined ? boxes : [...boxes, ...childrenIn(view, wave.payload, wave.end, 64)];
}

/** The colour that `colr` states by numbers (`nclx`, QuickTime's `nclc`); it may stand behind a profile (`prof`), which says nothing here. */
function colourOf(bytes: Uint8Array, boxes: readonly Box[]): Colour | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (const { type, payload, end } of boxes) {
    if (type !== 'colr' || end - payload < 10) continue;
    const kind = typeAt(view, payload);
    if (kind !== 'nclx' && kind !== 'nclc') continue;
    const [primaries, transfer, matrix] = [4, 6, 8].map((at) => view.getUint16(payload + at));
    const isFullRange = kind === 'nclx' && end - payload > 10 && view.getUint8(payload + 10) >> 7 === 1;
    return { primaries: primaries!, transfer: transfer!, matrix: matrix!, isFullRange };
  }
  return undefined;
}

/** By the transfer characteristics of ISO 23091-2. */
function rangeOf(transfer: number | undefined): 'SDR' | 'PQ' | 'HLG' {
  return transfer === 16 ? 'PQ' : transfer === 18 ? 'HLG' : 'SDR';
}

/** The shape of pixels; undefined where it is not said. */
function pixelShapeOf(bytes: Uint8Array, boxes: readonly Box[]): EntryFacts['pixelShape'] {
  const box = boxes.find(({ type, payload, end }) => type === 'pasp' && end - payload >= 8);
  if (box === undefined) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset + box.payload, 8);
  const shape = { width: view.getUint32(0), height: view.getUint32(4) };
  return shape.width > 0 && shape.height > 0 ? shape : undefined;
}

/**
 * Reads the entry that fills the bytes. Bytes of the entry are copied, for what it lies in is borrowed.
 * @param configuration the payload of `av1C`, where the entry has none that can be read: without it its strings are empty
 * @throws BoxError for what is not made of boxes
 */
export function parseSampleEntry(
  bytes: Uint8Array,
  kind: 'video' | 'audio',
  configuration?: Uint8Array,
): ParsedEntry | RefusedEntry {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const format = typeAt(view, 4);
  const refuse = (refused: string, encrypted = false): RefusedEntry => ({ format, refused, encrypted });
  const fixed = 8 + (kind === 'video' ? videoFixed : audioFixed);
  if (bytes.length < fixed) return refuse('has a sample entry that is cut off');
  if (format === 'encv' || format === 'enca') return refuse('is encrypted', true);
  const known = kind === 'video' ? videoFormats : audioFormats;
  if (!known.has(format)) return refuse(`is coded as ${format.trim()}, which browsers do not play`);
  const boxes = kind === 'video' ? childrenIn(view, fixed, bytes.length, 64) : audioChildren(view, 8, bytes.length);
  if (boxes.some(({ type }) => type === 'sinf')) return refuse('is encrypted', true);
  return kind === 'video'
    ? videoEntry(bytes, view, format, boxes, refuse, configuration)
    : audioEntry(bytes, view, format, boxes, refuse);
}

/** Brands by what the base layer is compatible with. */
const dolbyBrands: Readonly<Record<number, string>> = { 1: 'db1p', 2: 'db2g', 4: 'db4h' };

/** Transfer characteristics by what the base layer of Dolby Vision is compatible with: HDR10, HLG, HDR10 as on discs. */
const dolbyTransfers: Readonly<Record<number, number>> = { 1: 16, 4: 18, 6: 16 };

/**
 * Transfer characteristics of Dolby Vision, for entries that say nothing of their colours: what is compatible with nothing (profile 5, some of 10 and 20) knows PQ alone.
 */
function dolbyTransfer(dolby: Uint8Array): number | undefined {
  if (dolby.length < 5) return undefined;
  const compatible = dolby[4]! >> 4;
  return compatible === 0 && [5, 10, 20].includes(dolby[2]! >> 1) ? 16 : dolbyTransfers[compatible];
}

/** Colours as the entry states them, or else the stream in its configuration; 2 says nothing. */
function colourIn(
  bytes: Uint8Array,
  boxes: readonly Box[],
  config: (type: string) => Uint8Array,
  given: Uint8Array | undefined,
): Colour | undefined {
  const stated = colourOf(bytes, boxes);
  if (stated !== undefined && stated.transfer !== 2) return stated;
  const ofStream = avcColour(config('avcC')) ?? hevcColour(config('hvcC')) ?? av1Colour(given ?? config('av1C'));
  return ofStream ?? stated;
}

type Refuse = (refused: string) => RefusedEntry;

function videoEntry(
  bytes: Uint8Array,
  view: DataView,
  format: string,
  boxes: readonly Box[],
  refuse: Refuse,
  given: Uint8Array | undefined,
): ParsedEntry | RefusedEntry {
  const config = (type: string, skip = 0): Uint8Array => {
    const box = boxes.find((each) => each.type === type);
    return box === undefined ? new Uint8Array(0) : payloadOf(bytes, box, skip);
  };
  const dolby = config('dvcC').length > 0 ? config('dvcC') : config('dvvC');
  const dolbyString = (name: string): string | undefined => dolbyVisionString(name, dolby);
  const colour = colourIn(bytes, boxes, config, given);
  const width = view.getUint16(8 + 24);
  const height = view.getUint16(8 + 26);
  let strings: CodecStrings | undefined;
  let supplementalCodec: string | undefined;
  if (format === 'avc1' || format === 'avc3') strings = avcString(format, config('avcC'));
  else if (format === 'av01') strings = av1String(given ?? config('av1C'), colour) ?? { hls: '', dash: '' };
  else if (format === 'vp09') strings = vp9String(config('vpcC'), width * height);
  else if (format === 'dvh1' || format === 'dvhe') {
    const text = dolbyString(format);
    strings = text === undefined ? undefined : { hls: text, dash: text };
  } else {
    strings = hevcString(format, config('hvcC'));
    const text = dolbyString('dvh1');
    // Profile 8 is playable as HEVC by those who know nothing of it; the brand says as what: HDR10, SDR or HLG.
    const brand = dolbyBrands[(dolby[4] ?? 0) >> 4];
    if (text?.startsWith('dvh1.08') && brand !== undefined) supplementalCodec = `${text}/${brand}`;
  }
  if (strings === undefined) return refuse(`has no configuration of ${format} that can be read`);
  const kept = boxes.filter(({ type }) => videoBoxes.has(type) && !(type === 'av1C' && given !== undefined));
  const box = written(bytes.length + 8 + (given?.length ?? 0), (writer) => {
    const entry = writer.begin(format);
    writer.zeros(6);
    writer.u16(1);
    writer.bytes(bytes, 16, 8 + videoFixed);
    if (given !== undefined) {
      const made = writer.begin('av1C');
      writer.bytes(given, 0, given.length);
      writer.end(made);
    }
    for (const each of kept) writer.bytes(bytes, each.start, each.end);
    writer.end(entry);
  });
  const audio = { channels: 0, sampleRate: 0, objects: 0 };
  // VP9 says it in its configuration as well: behind version and flags, profile, level and depth, and primaries.
  const stated = colour?.transfer ?? config('vpcC')[8];
  // 2 says nothing.
  const videoRange = rangeOf(stated === undefined || stated === 2 ? dolbyTransfer(dolby) : stated);
  const pixelShape = pixelShapeOf(bytes, boxes);
  return { format, strings, box, width, height, ...audio, videoRange, supplementalCodec, pixelShape };
}

function audioEntry(
  bytes: Uint8Array,
  view: DataView,
  format: string,
  boxes: readonly Box[],
  refuse: Refuse,
): ParsedEntry | RefusedEntry {
  const plain = (text: string): CodecStrings => ({ hls: text, dash: text });
  const simple: Record<string, string> = { 'ac-3': 'ac-3', 'ec-3': 'ec-3', Opus: 'Opus', fLaC: 'fLaC', alac: 'alac' };
  const layout = boxes.find(({ type }) => type === layoutBoxes[format]);
  let strings: CodecStrings | undefined;
  if (format === 'mp4a') strings = layout === undefined ? undefined : mp4aString(payloadOf(bytes, layout, 4));
  else if (format === '.mp3') return refuse('is MP3 in the form of QuickTime, which browsers do not play');
  else if (layout !== undefined) strings = plain(simple[format]!);
  if (strings === undefined) return refuse(`is coded as ${format} in a form that browsers do not play`);
  const iso = 8 + audioFixed;
  const isLong =
    view.getUint16(8 + 8) === 2 && iso + quickTimeMore[2]! <= bytes.length && !boxesBegin(view, iso, bytes.length);
  // QuickTime's version 2 has channels and rate behind the fixed part, the rate as a 64-bit float.
  const channels = isLong ? view.getUint32(iso + 12) : view.getUint16(8 + 16);
  let sampleRate = isLong ? Math.round(view.getFloat64(iso + 4)) : view.getUint16(8 + 24);
  if (!(sampleRate >= 0 && sampleRate < 2 ** 32)) sampleRate = 0;
  if (format === 'Opus') sampleRate = 48_000;
  const config = layout === undefined ? undefined : payloadOf(bytes, layout);
  const stated = config && channelsStated(format, config);
  const objects = config === undefined ? 0 : objectsStated(format, config);
  const kept = boxes.filter(
    ({ type }, index) => audioBoxes.has(type) && boxes.findIndex((b) => b.type === type) === index,
  );
  const box = written(bytes.length + 8, (writer) => {
    const entry = writer.begin(format);
    writer.zeros(6);
    writer.u16(1);
    writer.zeros(8);
    writer.u16(Math.min(format === 'fLaC' || format === 'Opus' ? (stated ?? channels) : channels, 0xffff));
    writer.u16(config === undefined ? 16 : sampleBits(format, config));
    writer.u32(0);
    writer.u16(sampleRate > 0xffff ? 0 : sampleRate);
    writer.u16(0);
    for (const each of kept) {
      if (each.type === 'dOps' && each.end - each.payload >= 11) writeOpus(writer, view, bytes, each);
      else writer.bytes(bytes, each.start, each.end);
    }
    writer.end(entry);
  });
  const nothing = { supplementalCodec: undefined, pixelShape: undefined };
  const video = { width: 0, height: 0, videoRange: 'SDR' as const, ...nothing };
  return { format, strings, box, ...video, channels: stated ?? channels, sampleRate, objects };
}

/**
 * Writes `dOps` as browsers take it. Chromium refuses it where the rate of what was encoded, by which nobody plays, is not the entry's: it
 * becomes that. GStreamer up to 1.22 writes numbers with their last byte first, as Ogg has them.
 */
function writeOpus(writer: BoxWriter, view: DataView, bytes: Uint8Array, { payload, end }: Box): void {
  const isReversed = view.getUint32(payload + 4) >= 2 ** 20 && view.getUint32(payload + 4, true) < 2 ** 20;
  const box = writer.begin('dOps');
  writer.bytes(bytes, payload, payload + 2);
  writer.u16(view.getUint16(payload + 2, isReversed));
  writer.u32(48_000);
  writer.u16(view.getUint16(payload + 8, isReversed));
  writer.bytes(bytes, payload + 10, end);
  writer.end(box);
}
