// Init segments: what a player is told of a rendition before its segments (`ftyp`, `moov` without samples). Not here: segments.

import { type BoxWriter, written } from '../../wire/iso-bmff/box-writer.js';
import {
  box,
  fullBox,
  trackBoxesBytes,
  variableBytes,
  writeDescriptions,
  writeFileType,
  writeMediaHeader,
  writeMediaInformation,
  writeMovieHeader,
  writeTrackHeader,
} from '../track-boxes.js';
import type { Timeline } from './timeline.js';

/**
 * The init segment for samples of one description.
 * @param movieTimescale the source's, in which the presentation's length is said.
 * @param isCmaf the segments are as CMAF has them.
 */
export function initSegment(
  timeline: Timeline,
  description: number,
  movieTimescale: number,
  isCmaf: boolean,
): Uint8Array {
  const { track, defaults } = timeline;
  // Fragments of the source count its descriptions: they need all of them. Others are made here, with one each.
  const entries = defaults === undefined ? [track.entries[description]!] : track.entries;
  return written(trackBoxesBytes + variableBytes(track), (boxes) => {
    writeFileType(boxes, 'iso6', isCmaf ? ['iso6', 'cmfc', 'mp41'] : ['iso6', 'mp41']);
    box(boxes, 'moov', () => {
      writeMovieHeader(boxes, movieTimescale, 0, track.id + 1);
      box(boxes, 'trak', () => {
        writeTrackHeader(boxes, track, 0);
        writeSkip(boxes, timeline.skip);
        box(boxes, 'mdia', () => {
          writeMediaHeader(boxes, track, 0);
          box(boxes, 'minf', () => {
            writeMediaInformation(boxes, track);
            box(boxes, 'stbl', () => {
              writeDescriptions(boxes, entries);
              for (const [type, words] of emptyTables) fullBox(boxes, type, 0, 0, () => boxes.zeros(4 * words));
            });
          });
        });
      });
      writeExtends(boxes, timeline, Math.round((timeline.endTicks / track.timescale) * movieTimescale));
    });
  });
}

/** Tables without entries, and how many words of zeros they have. */
const emptyTables = [
  ['stts', 1],
  ['stsc', 1],
  ['stsz', 2],
  ['stco', 1],
] as const;

/** Writes the one edit of a rendition, which hides what comes before `skip`. */
function writeSkip(boxes: BoxWriter, skip: number): void {
  if (skip === 0) return;
  const isLong = skip >= 2 ** 31;
  box(boxes, 'edts', () => {
    fullBox(boxes, 'elst', isLong ? 1 : 0, 0, () => {
      boxes.u32(1);
      boxes.zeros(isLong ? 8 : 4);
      if (isLong) boxes.u64(skip);
      else boxes.u32(skip);
      boxes.u32(0x0001_0000);
    });
  });
}

function writeExtends(boxes: BoxWriter, { track, defaults }: Timeline, duration: number): void {
  box(boxes, 'mvex', () => {
    fullBox(boxes, 'mehd', 1, 0, () => boxes.u64(duration));
    fullBox(boxes, 'trex', 0, 0, () => {
      boxes.u32(track.id);
      boxes.u32(defaults?.description ?? 1);
      boxes.u32(defaults?.duration ?? 0);
      boxes.u32(defaults?.size ?? 0);
      boxes.u32(defaults?.flags ?? 0);
    });
  });
}
