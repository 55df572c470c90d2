// Writes WebVTT: the whole of a subtitle for DASH, and segments of it for HLS (RFC 8216 section 3.5). Not here: reading.

import type { Cue, Subtitle } from './subtitle.js';

/**
 * Where the text's clock stands to the film's: at the same place. Always written: without it some players take the segment's own
 * start for zero.
 */
const timestampMap = 'X-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000';

/** A subtitle as one file. */
export function wholeWebVtt(subtitle: Subtitle): string {
  return write('WEBVTT', subtitle.blocks, subtitle.cues);
}

/**
 * The segment that a player loads for a part of the film: every cue that is shown in it, with the times it has in the file.
 * A cue that is shown across a cut is in both segments, the same in both, so that a player sees that it is one.
 */
export function webVttSegment(subtitle: Subtitle, fromSeconds: number, toSeconds: number): string {
  const cues = subtitle.between(fromSeconds * 1000, toSeconds * 1000);
  return write(`WEBVTT\n${timestampMap}`, subtitle.blocks, cues);
}

function write(header: string, blocks: readonly string[], cues: readonly Cue[]): string {
  return `${[header, ...blocks, ...cues.map(writeCue)].join('\n\n')}\n`;
}

function writeCue({ startMs, endMs, settings, text }: Cue): string {
  return `${time(startMs)} --> ${time(endMs)}${settings === '' ? '' : ` ${settings}`}\n${text}`;
}

function time(ms: number): string {
  const pad = (value: number, digits: number) => String(value).padStart(digits, '0');
  const seconds = Math.floor(ms / 1000);
  const minutes = Math.floor(seconds / 60);
  return `${pad(Math.floor(minutes / 60), 2)}:${pad(minutes % 60, 2)}:${pad(seconds % 60, 2)}.${pad(ms % 1000, 3)}`;
}
