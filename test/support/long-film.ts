// A long film's header without its media: what a muxer writes that interleaves packet by packet, as many samples as are wanted. The media
// is a hole: as bytes, or as a file of the full size that takes no room on the disk.

import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { BoxWriter } from '../../src/wire/iso-bmff/box-writer.js';

/** What film. */
export interface LongFilm {
  readonly seconds: number;
  readonly framesPerSecond: number;
  /** Bytes of each video sample, and of each audio sample. */
  readonly videoBytes?: number;
  readonly audioBytes?: number;
}

const audioTicks = 1024;
const audioRate = 48_000;

/** The film's header (`ftyp`, `moov`), which the media follow. */
export function longFilmHeader({ seconds, framesPerSecond, videoBytes = 16_000, audioBytes = 340 }: LongFilm): {
  readonly bytes: Uint8Array;
  readonly size: number;
} {
  const frames = seconds * framesPerSecond;
  const packets = Math.floor((seconds * audioRate) / audioTicks);
  // Audio stands between frames: a chunk of audio for each frame, as long as there is some.
  const perFrame = packets / frames;
  const room = 4096 + frames * 40 + packets * 24;
  const writer = new BoxWriter(new Uint8Array(room));
  const ftyp = writer.begin('ftyp');
  writer.text('isom');
  writer.u32(0x200);
  writer.text('isomiso2avc1mp41');
  writer.end(ftyp);
  const moov = writer.begin('moov');
  const mvhd = writer.beginFull('mvhd', 0, 0);
  for (const value of [0, 0, 1000, seconds * 1000, 0x10000]) writer.u32(value);
  writer.u16(0x100);
  writer.zeros(10 + 36 + 24);
  writer.u32(3);
  writer.end(mvhd);
  const videoOffsets: number[] = [];
  const audioOffsets: number[] = [];
  const audioCounts: number[] = [];
  // Offsets are known once the header's length is: they are written in a second pass by patching.
  let sent = 0;
  let offset = 0;
  for (let frame = 0; frame < frames; frame++) {
    videoOffsets.push(offset);
    offset += videoBytes + (frame % 7) * 100;
    const due = Math.floor((frame + 1) * perFrame);
    if (due > sent) {
      audioOffsets.push(offset);
      audioCounts.push(due - sent);
      offset += (due - sent) * audioBytes;
      sent = due;
    }
  }
  const total = offset;
  const isLong = total + room >= 2 ** 32;
  const places: { at: number; offsets: readonly number[] }[] = [];
  const entries = sampleDescriptions();
  const track = (id: number, kind: 'vide' | 'soun', timescale: number, tables: () => void): void => {
    const trak = writer.begin('trak');
    const tkhd = writer.beginFull('tkhd', 0, 3);
    for (const value of [0, 0, id, 0, seconds * 1000]) writer.u32(value);
    writer.zeros(16);
    for (const value of [0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x4000_0000]) writer.u32(value);
    writer.u32(kind === 'vide' ? 160 << 16 : 0);
    writer.u32(kind === 'vide' ? 120 << 16 : 0);
    writer.end(tkhd);
    const mdia = writer.begin('mdia');
    const mdhd = writer.beginFull('mdhd', 0, 0);
    for (const value of [0, 0, timescale, seconds * timescale]) writer.u32(value);
    writer.u32(0x55c4_0000);
    writer.end(mdhd);
    const hdlr = writer.beginFull('hdlr', 0, 0);
    writer.u32(0);
    writer.text(kind);
    writer.zeros(13);
    writer.end(hdlr);
    const minf = writer.begin('minf');
    const stbl = writer.begin('stbl');
    const stsd = writer.beginFull('stsd', 0, 0);
    writer.u32(1);
    writer.bytes(kind === 'vide' ? entries.video : entries.audio);
    writer.end(stsd);
    tables();
    writer.end(stbl);
    writer.end(minf);
    writer.end(mdia);
    writer.end(trak);
  };
  const list = (type: string, values: readonly number[]): void => {
    const box = writer.beginFull(type, 0, 0);
    for (const value of values) writer.u32(value);
    writer.end(box);
  };
  const chunks = (offsets: readonly number[]): void => {
    const box = writer.beginFull(isLong ? 'co64' : 'stco', 0, 0);
    writer.u32(offsets.length);
    places.push({ at: writer.at, offsets });
    writer.zeros(offsets.length * (isLong ? 8 : 4));
    writer.end(box);
  };
  track(1, 'vide', framesPerSecond * 512, () => {
    list('stts', [1, frames, 512]);
    list('ctts', [
      frames,
      ...Array.from({ length: frames }, (_, frame) => [1, [1024, 2560, 1024, 0, 512][frame % 5]!]).flat(),
    ]);
    list('stss', [
      Math.ceil(frames / (2 * framesPerSecond)),
      ...Array.from({ length: Math.ceil(frames / (2 * framesPerSecond)) }, (_, at) => at * 2 * framesPerSecond + 1),
    ]);
    list('stsc', [1, 1, 1, 1]);
    list('stsz', [0, frames, ...Array.from({ length: frames }, (_, frame) => videoBytes + (frame % 7) * 100)]);
    chunks(videoOffsets);
  });
  track(2, 'soun', audioRate, () => {
    list('stts', [1, sent, audioTicks]);
    const runs = audioCounts.flatMap((count, chunk) =>
      chunk > 0 && audioCounts[chunk - 1] === count ? [] : [chunk + 1, count, 1],
    );
    list('stsc', [runs.length / 3, ...runs]);
    list('stsz', [0, sent, ...Array.from({ length: sent }, () => audioBytes)]);
    chunks(audioOffsets);
  });
  writer.end(moov);
  const mdat = writer.at;
  writer.u32(1);
  writer.text('mdat');
  writer.u64(total + 16);
  const bytes = new Uint8Array(writer.at);
  bytes.set(writer.taken());
  const view = new DataView(bytes.buffer);
  for (const { at, offsets } of places) {
    offsets.forEach((value, index) => {
      const place = mdat + 16 + value;
      if (isLong) view.setBigUint64(at + index * 8, BigInt(place));
      else view.setUint32(at + index * 4, place);
    });
  }
  return { bytes, size: mdat + 16 + total };
}

/** Entries of `stsd` that ffmpeg would write: H.264 and AAC, small and valid. */
function sampleDescriptions(): { readonly video: Uint8Array; readonly audio: Uint8Array } {
  const make = (write: (writer: BoxWriter) => void): Uint8Array => {
    const writer = new BoxWriter(new Uint8Array(512));
    write(writer);
    return writer.taken();
  };
  const video = make((writer) => {
    const entry = writer.begin('avc1');
    writer.zeros(6);
    writer.u16(1);
    writer.zeros(16);
    writer.u16(160);
    writer.u16(120);
    writer.zeros(50);
    const avcC = writer.begin('avcC');
    for (const value of [1, 0x64, 0, 0x1f, 0xff, 0xe0, 0]) writer.u8(value);
    writer.end(avcC);
    writer.end(entry);
  });
  const audio = make((writer) => {
    const entry = writer.begin('mp4a');
    writer.zeros(6);
    writer.u16(1);
    writer.zeros(8);
    writer.u16(2);
    writer.u16(16);
    writer.u32(0);
    writer.u16(audioRate);
    writer.u16(0);
    const esds = writer.beginFull('esds', 0, 0);
    for (const value of [
      3, 25, 0, 2, 0, 4, 17, 0x40, 0x15, 0, 0, 0, 0, 1, 0xf4, 0, 0, 1, 0xf4, 0, 5, 2, 0x11, 0x90, 6, 1, 2,
    ])
      writer.u8(value);
    writer.end(esds);
    writer.end(entry);
  });
  return { video, audio };
}

/** What follows the header and is no hole: whoever reads on would have the kernel make a mebibyte of zeros first, which no film on a disk costs. */
const writtenBytes = 8192;

/** Writes it as a file of its full size, its media but for the first bytes a hole. */
export function writeLongFilm(path: string, film: LongFilm): void {
  const { bytes, size } = longFilmHeader(film);
  const fd = openSync(path, 'w');
  writeSync(fd, bytes);
  writeSync(fd, new Uint8Array(writtenBytes));
  ftruncateSync(fd, size);
  closeSync(fd);
}
