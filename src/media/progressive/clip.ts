// `?start=&end=`: a stretch of a film as a plain MP4. Samples begin at the key frame at or before the start, and an edit hides what comes
// before the frame asked for; media bytes are ranges of the film (M8 of the reference). Pieces of a playable track only.
// Not here: the tables (clip-tables.ts), the query (clip-query.ts).

import { BoxWriter } from '../../wire/iso-bmff/box-writer.js';
import { type Film, FilmRefusal, type FilmTrack } from '../film.js';
import { cutSampleAtOrBefore } from '../presentation/cut-samples.js';
import { earliestComposition, endBefore, latestEnd } from '../presentation/timeline.js';
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
import { type ClipSamples, tablesBytes, takeSamples, writeChunks, writeTables } from './clip-tables.js';
import { UsedBlocks } from './media-map.js';
import { type Part, type Table, VirtualFile } from './virtual-file.js';

/** What of a track a clip has, and when it is shown. Ticks are the track's. */
interface TrackClip {
  readonly track: FilmTrack;
  readonly first: number;
  readonly end: number;
  /** How much later than the clip the track begins. */
  readonly emptyTicks: number;
  /** Composition time, from the decode time of the first sample, at which the clip begins; and how long it goes on. */
  readonly mediaTime: number;
  readonly durationTicks: number;
}

/** Sound is decoded from this long before the first frame heard: codecs build on the frames before. */
const preRollSeconds = 0.1;
/** Frames around a decode time that are looked at for the one shown at a time. */
const reorderWindow = 64;

/**
 * A clip of a film; yields where others should have a turn.
 * @param start seconds; the clip begins with the frame that is shown then.
 * @param end seconds, or undefined for the end of the film.
 * @throws FilmRefusal when nothing is shown in that time.
 */
export function* clip(
  film: Film,
  start: number,
  end: number | undefined,
): Generator<undefined, VirtualFile, undefined> {
  const clips = trackClips(film, start, end ?? Number.POSITIVE_INFINITY);
  const used = new UsedBlocks(film.size);
  const samples: ClipSamples[] = [];
  for (const { track, first, end: last } of clips) samples.push(yield* takeSamples(track.samples, first, last, used));
  const map = used.map();
  const [reference] = clips;
  const timescale = reference!.track.timescale;
  // Chunk offsets need to be wide where the last one could be beyond 4 GiB; the head's size is bounded from above for that.
  const isWide = map.length + samples.reduce((sum, { count }) => sum + 40 * count, 2 ** 20) >= 2 ** 32;
  const capacity = clips.reduce((sum, { track }) => sum + 2 * trackBoxesBytes + variableBytes(track), trackBoxesBytes);
  const memory = new Uint8Array(capacity + samples.reduce((sum, tables) => sum + tablesBytes(tables), 0));
  const boxes = new BoxWriter(memory);
  const parts: Part[] = [];
  let taken = 0;
  const take = () => {
    parts.push(memory.subarray(taken, boxes.at));
    taken = boxes.at;
  };
  const place = (table: Table) => {
    take();
    parts.push(table);
    boxes.elsewhere += table.count * table.entryBytes;
  };
  writeFileType(boxes, 'isom', ['isom', 'iso2', 'mp41']);
  box(boxes, 'moov', () => {
    const ends = clips.map((part) => movieTicks(part, part.emptyTicks + part.durationTicks, timescale));
    writeMovieHeader(boxes, timescale, Math.max(...ends), Math.max(...clips.map(({ track }) => track.id)) + 1);
    clips.forEach((part, index) => {
      writeTrack(boxes, part, timescale, () => {
        writeTables(boxes, part.track, samples[index]!, place);
        writeChunks(boxes, part.track, samples[index]!, map, isWide, place);
      });
    });
  });
  writeMediaHeaderBox(boxes, map.length);
  take();
  map.placeAt(parts.reduce((sum, part) => sum + sizeOf(part), 0));
  parts.push(map.ranges);
  return new VirtualFile(
    parts,
    samples.reduce((sum, tables) => sum + tables.heldBytes, 0),
  );
}

function sizeOf(part: Part): number {
  if (part instanceof Uint8Array) return part.length;
  return 'count' in part ? part.count * part.entryBytes : 0;
}

function writeMediaHeaderBox(boxes: BoxWriter, length: number): void {
  const isLong = length + 8 >= 2 ** 32;
  boxes.u32(isLong ? 1 : length + 8);
  boxes.text('mdat');
  if (isLong) boxes.u64(length + 16);
}

/** Writes a `trak`, of which `tables` writes what is in `stbl` behind the descriptions. */
function writeTrack(boxes: BoxWriter, part: TrackClip, timescale: number, tables: () => void): void {
  const { track, emptyTicks, durationTicks } = part;
  const { samples } = track;
  const last = part.end - 1;
  box(boxes, 'trak', () => {
    writeTrackHeader(boxes, track, movieTicks(part, emptyTicks + durationTicks, timescale));
    box(boxes, 'edts', () => {
      fullBox(boxes, 'elst', 1, 0, () => {
        boxes.u32(emptyTicks > 0 ? 2 : 1);
        if (emptyTicks > 0) {
          boxes.u64(movieTicks(part, emptyTicks, timescale));
          boxes.u32(0xffff_ffff);
          boxes.u32(0xffff_ffff);
          boxes.u32(0x0001_0000);
        }
        boxes.u64(movieTicks(part, durationTicks, timescale));
        boxes.u64(part.mediaTime);
        boxes.u32(0x0001_0000);
      });
    });
    box(boxes, 'mdia', () => {
      const ticks = samples.decodeTime(last) + samples.duration(last) - samples.decodeTime(part.first);
      writeMediaHeader(boxes, track, ticks);
      box(boxes, 'minf', () => {
        writeMediaInformation(boxes, track);
        box(boxes, 'stbl', () => {
          writeDescriptions(boxes, track.entries);
          tables();
        });
      });
    });
  });
}

/** Ticks of a track in those of the movie, rounded up: a frame that overlaps an end stays. */
function movieTicks({ track }: TrackClip, ticks: number, timescale: number): number {
  return track.timescale === timescale ? ticks : Math.ceil((ticks / track.timescale) * timescale - 0.001);
}

function trackClips(film: Film, startSeconds: number, endSeconds: number): TrackClip[] {
  const reference = film.tracks.find(({ kind }) => kind === 'video');
  // The frame that is shown at the start begins before it: all tracks begin with it.
  const start = reference === undefined ? startSeconds : startOfFrame(reference, startSeconds);
  const clips = film.tracks.map((track) => trackClip(track, start, endSeconds)).filter((part) => part !== undefined);
  if (clips.length === 0) {
    const until = Number.isFinite(endSeconds) ? `to ${endSeconds} s` : 'on';
    const first = Math.min(...film.tracks.map(beginOf));
    const begin = first <= startSeconds ? '' : ` and begins at ${first.toFixed(3)} s`;
    throw new FilmRefusal(
      `shows nothing from ${startSeconds} s ${until}; it is ${film.durationSeconds.toFixed(3)} s long${begin}`,
      404,
    );
  }
  // Its timescale is the clip's, so that what is shown is exact.
  return clips.sort((a, b) => Number(b.track === reference) - Number(a.track === reference));
}

/** When, in seconds, a track begins: what stands before is a delay. */
function beginOf(track: FilmTrack): number {
  const { samples, edit, timescale } = track;
  const first = Math.max(edit.mediaTime, earliestComposition(track, 0, samples.count));
  return (first - edit.mediaTime + edit.emptyTicks) / timescale;
}

/** When, in seconds, the frame begins that is shown at a time; the time itself when none is, or no longer. */
function startOfFrame(track: FilmTrack, seconds: number): number {
  const { samples, edit, timescale } = track;
  const shift = edit.emptyTicks - edit.mediaTime;
  const ticks = Math.floor(seconds * timescale + 0.001) - shift;
  if (ticks >= Math.min(edit.endTicks ?? Number.POSITIVE_INFINITY, latestEnd(track, 0, samples.count))) return seconds;
  const frame = frameShownAt(track, ticks);
  return frame < 0 ? seconds : (compositionTicks(track, frame) + shift) / timescale;
}

const compositionTicks = ({ samples }: FilmTrack, sample: number) =>
  samples.decodeTime(sample) + samples.compositionOffset(sample);

/** The sample with the latest composition time that is `ticks` or before, but not hidden by the edit; -1 when there is none. */
function frameShownAt(track: FilmTrack, ticks: number): number {
  const { samples, edit } = track;
  // All of a film may be shown long behind its decode times.
  const near = samples.sampleAt(ticks - samples.compositionOffset(samples.sampleAt(ticks)));
  let found = -1;
  let latest = edit.mediaTime - 1;
  for (
    let sample = Math.max(0, near - reorderWindow);
    sample < Math.min(samples.count, near + reorderWindow);
    sample++
  ) {
    const time = compositionTicks(track, sample);
    if (time > ticks || time <= latest) continue;
    latest = time;
    found = sample;
  }
  return found;
}

function trackClip(track: FilmTrack, startSeconds: number, endSeconds: number): TrackClip | undefined {
  const { samples, edit, timescale } = track;
  const shift = edit.emptyTicks - edit.mediaTime;
  const clipStart = Math.round(startSeconds * timescale) - shift;
  // Seconds are whole milliseconds, and their product with a timescale is a little off: a frame that begins at the end is not shown.
  const endTicks = Math.ceil(endSeconds * timescale - 0.001) - shift;
  const asked = Math.min(edit.endTicks ?? Number.POSITIVE_INFINITY, endTicks);
  const begin = Math.max(edit.mediaTime, clipStart);
  const first = track.kind === 'video' ? keyFrameFor(track, begin) : frameBefore(track, begin);
  // Fragments may begin long behind 0: until then the clip has nothing of the track.
  const start = Math.max(begin, earliestComposition(track, first, samples.count));
  const end = endBefore(track, first, Number.isFinite(asked) ? asked : undefined);
  const stop = Math.min(asked, latestEnd(track, first, end));
  if (stop <= start) return undefined;
  return {
    track,
    first,
    end,
    emptyTicks: start - clipStart,
    mediaTime: Math.max(0, start - samples.decodeTime(first)),
    durationTicks: stop - start,
  };
}

/** The key frame from which what is shown at a composition time is decoded. */
function keyFrameFor(track: FilmTrack, ticks: number): number {
  const near = Math.min(track.samples.count - 1, track.samples.sampleAt(ticks) + reorderWindow);
  let sample = cutSampleAtOrBefore(track, near);
  while (sample > 0 && compositionTicks(track, sample) > ticks) sample = cutSampleAtOrBefore(track, sample - 1);
  return sample;
}

function frameBefore({ samples, timescale }: FilmTrack, ticks: number): number {
  return Math.max(0, samples.syncAtOrBefore(samples.sampleAt(ticks - preRollSeconds * timescale)));
}
