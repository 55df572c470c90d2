// What a player is asked for, and what of that is refused before anything begins. Not here: playing (player.ts).

import { statSync } from 'node:fs';
import type { PcmFormat } from '../wire/pcm/format.js';
import type { SlowDisk } from './feeder/messages.js';
import type { SinkSettings } from './sinks/sink.js';
import type { SinkName } from './sinks/sink-name.js';

/** Thirty years: no file is longer. */
const mostSeconds = 1e9;

/** Faults that are made on purpose, so that the figures can be seen to see them. */
export interface InjectedFaults {
  /** The pump sleeps `ms` each `everyMs`. */
  readonly stall?: { readonly ms: number; readonly everyMs: number };
  /** The pump is stopped by a signal once, `atMs` after it began to play, for `ms`. */
  readonly stop?: { readonly ms: number; readonly atMs: number };
  /** The feeder reads nothing for `ms` each `everyMs`. */
  readonly slowDisk?: SlowDisk;
  /** This process collects garbage without end. */
  readonly gc?: boolean;
}

/** How a {@link Player} plays. */
export interface PlayerOptions {
  /** Paths, in order. */
  readonly files: readonly string[];
  /** `hw:0,0`, any ALSA name, `jack`, `file:PATH`, `raw:PATH`, `-`, `null`, `null:fast`. Default `default`. */
  readonly device?: string;
  /** The ring between pump and device, in milliseconds. Default 500. */
  readonly bufferMs?: number;
  /** `low`: four periods of 256 frames, whatever `bufferMs` says. Default `normal`. */
  readonly latency?: 'normal' | 'low';
  /** Frames of a period; the ring is four of them. For a ring between the two latencies. */
  readonly periodFrames?: number;
  /** Where the first file begins, in seconds. */
  readonly startSeconds?: number;
  /** Begin again after the last file. */
  readonly loop?: boolean;
  /** Factor for samples, 0 to 16; 1 leaves every bit as it is. Default 1. */
  readonly volume?: number;
  /** Silence before the first frame, in milliseconds. */
  readonly leadInMs?: number;
  /** What keeps fewer bits than the file has is allowed, and said. */
  readonly convert?: boolean;
  /** The files have no header, and these frames. */
  readonly raw?: PcmFormat;
  /** Past the page cache, where that works. */
  readonly direct?: boolean;
  /** Default true: asked for, and played without where it is refused. */
  readonly realtime?: boolean;
  /** Of SCHED_FIFO, 1 to 99. Default 60. */
  readonly priority?: number;
  readonly inject?: InjectedFaults;
}

/** Why a player ended without having played: one sentence with how to fix it. */
export class PlayerError extends Error {
  override readonly name = 'PlayerError';
  readonly code = 'CLEARWAY_PLAYER';

  /** @param reason `usage`: an option or a file; `device`: it cannot be used; `gone`: it went away while it played */
  constructor(
    message: string,
    readonly reason: 'usage' | 'device' | 'gone',
  ) {
    super(message);
  }
}

function checkNumbers({ startSeconds = 0, leadInMs = 0, priority = 60 }: PlayerOptions): void {
  checkSeconds(startSeconds);
  if (!(leadInMs >= 0 && leadInMs <= 10_000)) throw new PlayerError('a lead-in has 0 to 10000 ms', 'usage');
  if (!(Number.isInteger(priority) && priority >= 1 && priority <= 99))
    throw new PlayerError('a priority is a whole number from 1 to 99', 'usage');
}

/** A place in a file; before its beginning is its beginning. @throws PlayerError */
export function checkSeconds(seconds: number): number {
  if (seconds <= mostSeconds) return Math.max(0, seconds);
  throw new PlayerError(`a place is a number of seconds, at most ${mostSeconds}`, 'usage');
}

/** What the sink is to be, of what was asked for; every number of the options is looked at. @throws PlayerError */
export function settingsOf(options: PlayerOptions): SinkSettings {
  const { bufferMs = 500, latency = 'normal', convert = false, direct = false } = options;
  const periodFrames = options.periodFrames ?? (latency === 'low' ? 256 : undefined);
  checkNumbers(options);
  if (!(bufferMs >= 2 && bufferMs <= 10_000)) throw new PlayerError('a ring has 2 to 10000 ms', 'usage');
  if (periodFrames !== undefined && !(Number.isInteger(periodFrames) && periodFrames >= 16 && periodFrames <= 1 << 20))
    throw new PlayerError('a period has 16 to 1048576 frames', 'usage');
  return { bufferMs, convert, direct, ...(periodFrames === undefined ? {} : { periodFrames }) };
}

/** A factor for samples. @throws PlayerError */
export function checkVolume(volume: number): number {
  if (volume >= 0 && volume <= 16) return volume;
  throw new PlayerError('a volume is a factor from 0 to 16', 'usage');
}

/** A file must not be played into itself: it would be emptied before it is read. @throws PlayerError */
export function refuseOwnFile(sink: SinkName, files: readonly string[]): void {
  if (sink.kind !== 'file' || sink.path === undefined) return;
  const target = statSync(sink.path, { throwIfNoEntry: false });
  if (target === undefined) return;
  for (const file of files) {
    const source = statSync(file, { throwIfNoEntry: false });
    if (source !== undefined && source.ino === target.ino && source.dev === target.dev)
      throw new PlayerError(`${sink.path} is what is to be played: choose another path to write to`, 'usage');
  }
}
