// The header of a film that there is not: what a muxer writes that interleaves packet by packet, with B-frames and sound, so that reading it
// takes the ways that films are read by. Made in steps, since others have their turn between them. Not here: who reads it (rehearsal.ts).

import { BoxWriter, written } from '../../../wire/iso-bmff/box-writer.js';
import type { Steps } from '../../presentation/cut.js';
import {
  box,
  type TrackFacts,
  writeDescriptions,
  writeFileType,
  writeMediaHeader,
  writeMediaInformation,
  writeMovieHeader,
  writeTrackHeader,
} from '../../track-boxes.js';

/** A film's bytes up to its media, and how long its file would be. */
export interface MadeFilm {
  readonly header: Uint8Array;
  readonly size: number;
}

const framesPerSecond = 25;
const frameTicks = 512;
const groupFrames = 50;
const audioRate = 48_000;
const audioTicks = 1024;
const audioBytes = 340;
/** Eight frames last as long as fifteen packets of sound: two behind each frame, and one behind the last. */
const cycle = 8;
/** Composition offsets of frames in decode order. */
const offsets = [1024, 2560, 1024, 0, 512];
/** Entries of tables that are written before others have a turn. */
const entriesPerTurn = 256;
/** More bytes than all but the entries of tables take, and that a frame takes in them. */
const boxesBytes = 4096;
const frameBytes = 40;

const matrix = new Uint8Array(36);
matrix[1] = matrix[17] = 1;
matrix[32] = 0x40;

const facts = { language: 'und', name: '', enabled: true, matrix };
const video: TrackFacts = {
  ...facts,
  ...{ id: 1, kind: 'video', timescale: framesPerSecond * frameTicks, width: 160, height: 120 },
};
const audio: TrackFacts = { ...facts, id: 2, kind: 'audio', timescale: audioRate, width: 0, height: 0 };

const packetsBehind = (frame: number): number => (frame % cycle === cycle - 1 ? 1 : 2);
const bytesOf = (frame: number): number => 9000 + (frame % 7) * 100 + (frame % groupFrames === 0 ? 30_000 : 0);

/** Makes the film. @param frames of video, a multiple of 8. @param gapBytes that its media begin behind its header */
export function* makeFilm(frames: number, gapBytes = 0): Steps<MadeFilm> {
  const boxes = new BoxWriter(new Uint8Array(boxesBytes + frames * frameBytes));
  const packets = (frames / cycle) * (2 * cycle - 1);
  const milliseconds = (frames / framesPerSecond) * 1000;
  writeFileType(boxes, 'isom', ['isom', 'iso2', 'avc1', 'mp41']);
  const moov = boxes.begin('moov');
  writeMovieHeader(boxes, 1000, milliseconds, 3);
  // The media follow a header whose length is known when it is written: they begin behind all of the room.
  const place = boxesBytes + frames * frameBytes + gapBytes;
  const ends: number[] = [];
  yield* track(boxes, video, milliseconds, videoEntry(), function* () {
    yield* table(boxes, 'stts', 1, (put) => put(frames, frameTicks));
    yield* table(boxes, 'ctts', frames, (put, frame) => put(1, offsets[frame % offsets.length]!));
    yield* table(boxes, 'stss', Math.ceil(frames / groupFrames), (put, group) => put(group * groupFrames + 1));
    yield* table(boxes, 'stsc', 1, (put) => put(1, 1, 1));
    yield* sizes(boxes, frames, bytesOf);
    let at = place;
    yield* table(boxes, 'stco', frames, (put, frame) => {
      put(at);
      ends.push(at + bytesOf(frame));
      at = ends[frame]! + packetsBehind(frame) * audioBytes;
    });
  });
  yield* track(boxes, audio, milliseconds, audioEntry(), function* () {
    yield* table(boxes, 'stts', 1, (put) => put(packets, audioTicks));
    const runs = (frames / cycle) * 2;
    yield* table(boxes, 'stsc', runs, (put, run) =>
      put((run >> 1) * cycle + 1 + (run & 1) * (cycle - 1), 2 - (run & 1), 1),
    );
    yield* sizes(boxes, packets, (packet) => audioBytes - ((packet >> 2) & 1));
    yield* table(boxes, 'stco', frames, (put, frame) => put(ends[frame]!));
  });
  boxes.end(moov);
  boxes.u32(1);
  boxes.text('mdat');
  const size = ends.at(-1)! + audioBytes;
  boxes.u64(size - boxes.at + 8);
  return { header: boxes.taken(), size };
}

function* track(
  boxes: BoxWriter,
  facts: TrackFacts,
  duration: number,
  entry: Uint8Array,
  tables: () => Steps<void>,
): Steps<void> {
  const trak = boxes.begin('trak');
  writeTrackHeader(boxes, facts, duration);
  const mdia = boxes.begin('mdia');
  writeMediaHeader(boxes, facts, (duration * facts.timescale) / 1000);
  const minf = boxes.begin('minf');
  writeMediaInformation(boxes, facts);
  const stbl = boxes.begin('stbl');
  writeDescriptions(boxes, [{ box: entry }]);
  yield* tables();
  for (const begun of [stbl, minf, mdia, trak]) boxes.end(begun);
}

/** Writes a table of so many entries, each of the numbers that it is put as. */
function* table(
  boxes: BoxWriter,
  type: string,
  entries: number,
  write: (put: (...numbers: number[]) => void, entry: number) => void,
): Steps<void> {
  const begun = boxes.beginFull(type, 0, 0);
  boxes.u32(entries);
  const put = (...numbers: number[]): void => {
    for (const number of numbers) boxes.u32(number);
  };
  for (let entry = 0; entry < entries; entry++) {
    write(put, entry);
    if (entry % entriesPerTurn === entriesPerTurn - 1) yield undefined;
  }
  boxes.end(begun);
}

function* sizes(boxes: BoxWriter, count: number, sizeOf: (sample: number) => number): Steps<void> {
  const begun = boxes.beginFull('stsz', 0, 0);
  boxes.u32(0);
  boxes.u32(count);
  for (let sample = 0; sample < count; sample++) {
    boxes.u32(sizeOf(sample));
    if (sample % entriesPerTurn === entriesPerTurn - 1) yield undefined;
  }
  boxes.end(begun);
}

/** H.264, as an encoder describes it: High profile, level 3.1, no parameter sets. */
function videoEntry(): Uint8Array {
  return written(256, (boxes) => {
    box(boxes, 'avc1', () => {
      boxes.zeros(6);
      boxes.u16(1);
      boxes.zeros(16);
      boxes.u16(video.width);
      boxes.u16(video.height);
      boxes.zeros(50);
      box(boxes, 'avcC', () => {
        for (const value of [1, 0x64, 0, 0x1f, 0xff, 0xe0, 0]) boxes.u8(value);
      });
    });
  });
}

/** AAC of low complexity, stereo. */
function audioEntry(): Uint8Array {
  return written(256, (boxes) => {
    box(boxes, 'mp4a', () => {
      boxes.zeros(6);
      boxes.u16(1);
      boxes.zeros(8);
      boxes.u16(2);
      boxes.u16(16);
      boxes.zeros(4);
      boxes.u16(audioRate);
      boxes.u16(0);
      const esds = boxes.beginFull('esds', 0, 0);
      for (const value of descriptor) boxes.u8(value);
      boxes.end(esds);
    });
  });
}

/** ES_Descriptor with a DecoderConfigDescriptor of 128 kbit/s and a DecoderSpecificInfo (ISO 14496-1). */
const descriptor = [
  ...[3, 25, 0, 2, 0, 4, 17, 0x40, 0x15, 0, 0, 0, 0, 1, 0xf4, 0, 0, 1, 0xf4, 0],
  ...[5, 2, 0x11, 0x90, 6, 1, 2],
];
