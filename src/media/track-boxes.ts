// The boxes that every `moov` made here has: file type, movie and track headers, media headers, sample descriptions. Init segments
// and clips are built of them. Not here: sample tables, and fragments.

import type { BoxWriter } from '../wire/iso-bmff/box-writer.js';
import type { FilmTrack, SampleEntry } from './film.js';

/** More bytes than the boxes here take for one track, names and sample descriptions left out. */
export const trackBoxesBytes = 1024;

const identity = [0x0001_0000, 0, 0, 0, 0x0001_0000, 0, 0, 0, 0x4000_0000];
const encoder = new TextEncoder();

/** What the boxes here say of a track. */
export type TrackFacts = Omit<FilmTrack, 'entries' | 'samples' | 'edit' | 'rotation' | 'randomAccess'>;

/** Writes a box with version and flags whose payload `payload` writes. */
export function fullBox(boxes: BoxWriter, type: string, version: number, flags: number, payload: () => void): void {
  const start = boxes.beginFull(type, version, flags);
  payload();
  boxes.end(start);
}

/** Writes a box whose payload `payload` writes. */
export function box(boxes: BoxWriter, type: string, payload: () => void): void {
  const start = boxes.begin(type);
  payload();
  boxes.end(start);
}

/** Writes `ftyp`. */
export function writeFileType(boxes: BoxWriter, major: string, compatible: readonly string[]): void {
  box(boxes, 'ftyp', () => {
    boxes.text(major);
    boxes.u32(0);
    for (const brand of compatible) boxes.text(brand);
  });
}

/** Writes `mvhd`, with 64-bit times. */
export function writeMovieHeader(boxes: BoxWriter, timescale: number, duration: number, nextTrack: number): void {
  fullBox(boxes, 'mvhd', 1, 0, () => {
    boxes.zeros(16);
    boxes.u32(timescale);
    boxes.u64(duration);
    boxes.u32(0x0001_0000);
    boxes.u16(0x0100);
    boxes.zeros(10);
    for (const value of identity) boxes.u32(value);
    boxes.zeros(24);
    boxes.u32(nextTrack);
  });
}

/** Writes `tkhd`: the matrix is the source's, so that a video of a telephone stands upright. `duration` in the movie's timescale. */
export function writeTrackHeader(boxes: BoxWriter, track: TrackFacts, duration: number): void {
  const isAudio = track.kind === 'audio';
  // In the movie and in its preview; enabled where the source is.
  fullBox(boxes, 'tkhd', 1, track.enabled ? 7 : 6, () => {
    boxes.zeros(16);
    boxes.u32(track.id);
    boxes.zeros(4);
    boxes.u64(duration);
    boxes.zeros(8);
    boxes.u16(0);
    // Tracks of one group are alternatives to each other.
    boxes.u16(isAudio ? 1 : 0);
    boxes.u16(isAudio ? 0x0100 : 0);
    boxes.zeros(2);
    boxes.bytes(track.matrix);
    boxes.u32(Math.round(track.width * 0x1_0000));
    boxes.u32(Math.round(track.height * 0x1_0000));
  });
}

/** Writes `mdhd`, `hdlr`, and `elng` where the language is not one of three letters. `duration` in the track's timescale. */
export function writeMediaHeader(boxes: BoxWriter, track: TrackFacts, duration: number): void {
  const isCode = /^[a-z]{3}$/.test(track.language);
  fullBox(boxes, 'mdhd', 1, 0, () => {
    boxes.zeros(16);
    boxes.u32(track.timescale);
    boxes.u64(duration);
    boxes.u16(packLanguage(isCode ? track.language : 'und'));
    boxes.u16(0);
  });
  fullBox(boxes, 'hdlr', 0, 0, () => {
    boxes.zeros(4);
    boxes.text(track.kind === 'video' ? 'vide' : 'soun');
    boxes.zeros(12);
    boxes.bytes(encoder.encode(track.name));
    boxes.zeros(1);
  });
  if (isCode) return;
  fullBox(boxes, 'elng', 0, 0, () => {
    boxes.bytes(encoder.encode(track.language));
    boxes.zeros(1);
  });
}

/** Three letters of ISO 639-2 in 15 bits. */
function packLanguage(code: string): number {
  return [...code].reduce((bits, letter) => (bits << 5) | (letter.charCodeAt(0) - 0x60), 0);
}

/** Writes `vmhd` or `smhd`, and `dinf`: the media is in this file. */
export function writeMediaInformation(boxes: BoxWriter, track: TrackFacts): void {
  const isVideo = track.kind === 'video';
  fullBox(boxes, isVideo ? 'vmhd' : 'smhd', 0, isVideo ? 1 : 0, () => boxes.zeros(isVideo ? 8 : 4));
  box(boxes, 'dinf', () => {
    fullBox(boxes, 'dref', 0, 0, () => {
      boxes.u32(1);
      fullBox(boxes, 'url ', 0, 1, () => {});
    });
  });
}

/** Writes `stsd`. */
export function writeDescriptions(boxes: BoxWriter, entries: readonly Pick<SampleEntry, 'box'>[]): void {
  fullBox(boxes, 'stsd', 0, 0, () => {
    boxes.u32(entries.length);
    for (const entry of entries) boxes.bytes(entry.box);
  });
}

/** Bytes of the texts and sample descriptions of a track, which `trackBoxesBytes` leaves out. */
export function variableBytes(track: FilmTrack): number {
  const entries = track.entries.reduce((sum, entry) => sum + entry.box.length, 0);
  return entries + 3 * (track.name.length + track.language.length);
}
