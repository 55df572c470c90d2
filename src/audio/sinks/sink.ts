// Where frames go: the one interface of all sinks. A sink lives in the pump's process. It is opened and closed by code that may take its time; in between it is worked
// by the pump's loop, where nothing may allocate: methods take and give small integers, and what is more than that stands in fields and typed arrays that were there before.
// Not here: who wakes up when (pump/loop.ts), which sink a name means (sink-name.ts), the sinks themselves.

import { Errno } from '../../kernel/errno.js';
import type { Speaker } from '../../wire/pcm/channels.js';
import type { PcmFormat } from '../../wire/pcm/format.js';
import type { PcmOffer } from '../../wire/pcm/negotiate.js';
import type { PumpClock } from '../pump/clock.js';
import type { SinkName } from './sink-name.js';

/**
 * Whose clock lets frames leave: a card's, a sound server's, one of ours (a dry run in real time), or nobody's: as fast as they can be
 * written, and nothing about time can be said.
 */
export type SinkClock = 'device' | 'server' | 'own' | 'none';

/** What a sink is set up for. It travels as JSON. */
export interface SinkSettings {
  /** The ring that is wanted, in milliseconds. */
  readonly bufferMs: number;
  /** Frames of a period; undefined: a quarter of the ring. The ring is then four of them, whatever `bufferMs` says. */
  readonly periodFrames?: number;
  /** What is behind the sink may change rate and format too (ALSA's plug, a server). */
  readonly convert: boolean;
  /** Reads past the page cache into the area are wanted, where they work. */
  readonly direct: boolean;
}

/** What the feeder asks the pump for, as JSON: a sink that takes frames of a source. */
export interface SinkRequest {
  readonly sink: SinkName;
  readonly settings: SinkSettings;
  readonly source: PcmFormat;
  /** The source is a decoder's estimate (MP3, Vorbis). */
  readonly lossy: boolean;
}

/** A sink as it was opened. It travels as JSON. */
export interface SinkOpening {
  /** What frames look like in the area: what was asked for. */
  readonly format: PcmFormat;
  /** The device's channels in order, by ALSA's names, where it says so. */
  readonly speakers?: readonly Speaker[];
  /** Of a sample's bits, how many the device plays, where it says so. */
  readonly significantBits?: number;
  /** What it is, in words: `ALSA, the kernel's interface`. */
  readonly kind: string;
  readonly clock: SinkClock;
  readonly ringFrames: number;
  readonly periodFrames: number;
  /** A file can be read into the area past the page cache (O_DIRECT), as a probe has shown. */
  readonly takesDirect: boolean;
  /** No heartbeat of the pump for so long means that it hangs in this sink (a server that died), in milliseconds. */
  readonly hangMs: number;
  /**
   * How the end is played. `pad`: silence follows the last frame, until that has left for certain, then {@link Sink.drop}. `drain`:
   * {@link Sink.drain}, and {@link Sink.drop} when that takes longer than it can.
   */
  readonly end: 'pad' | 'drain';
  /** Where committed samples go, for the sentence about bits (report/bits.ts); `through` names what is in between. */
  readonly path: 'direct' | 'through' | 'file' | 'nowhere';
  readonly through?: string;
  /** Copies of each sample by the processor that the sink makes itself, behind its area. Not said: none. */
  readonly copies?: number;
  /** What a user should know, a sentence each. */
  readonly notes: readonly string[];
}

/** What an opened sink takes of a source that is to follow: its own format, with its channels where they go, if the device says so. */
export function offerOf({ format, speakers, significantBits }: SinkOpening): PcmOffer {
  return {
    sample: format.sample,
    rates: [format.rate],
    channels: [format.channels],
    ...(speakers === undefined ? {} : { speakers: () => speakers }),
    ...(significantBits === undefined ? {} : { significantBits }),
  };
}

/** What {@link Sink.update} says. */
export const SinkState = {
  /** Prepared: filled, and not started. */
  prepared: 0,
  running: 1,
  /**
   * It ran dry. {@link Sink.xrun} says for how long; {@link Sink.room} is all of the ring, and {@link Sink.queued} 0 but for what the device had not taken. Or a server went on without
   * us for a while: then what was queued still is and leaves no such room, the sink runs on by itself, and {@link Sink.queued} says how much that is.
   */
  xrun: 2,
  /** The system slept. {@link Sink.prepare} makes it ready again. */
  suspended: 3,
  paused: 4,
  draining: 5,
  /** All that was committed has left. */
  drained: 6,
  /** The device is no longer there. */
  gone: 7,
} as const;

/** Whether a sink refused frames because it ran dry, or the system slept, since it was looked at: {@link Sink.update} says so, and it can go on. */
export function isStop(result: number): boolean {
  return result === -Errno.EPIPE || result === -Errno.ESTRPIPE;
}

/** Why a sink cannot be opened, or what became of it: one sentence with how to fix it. */
export class SinkError extends Error {
  override readonly name = 'SinkError';
  readonly code = 'CLEARWAY_SINK';

  /** @param reason what decides the exit status: the user's mistake, or the device */
  constructor(
    message: string,
    readonly reason: 'usage' | 'device' | 'gone' = 'device',
  ) {
    super(message);
  }
}

/** Whether an error is a {@link SinkError}. By its name: a bundle has the class once for each sink. */
export function isSinkError(error: unknown): error is SinkError {
  return error instanceof Error && error.name === 'SinkError';
}

/** Memory that frames are put into. It stays where it is from `open` to `close`. */
export interface SinkMemory {
  readonly address: number;
  readonly buffer: ArrayBuffer;
}

/** See the file's head. */
export abstract class Sink {
  /** The area: all of the device's ring, or what stands for it. Set by `open`. */
  memory!: SinkMemory;

  // Hot fields: small integers, each set to a number in the constructor and never to anything else.

  /** Frames committed that have not left, as {@link update} saw it. */
  queued = 0;
  /** Frames that can be committed, as {@link update} saw it. */
  room = 0;
  /** Where the place is that {@link area} gave, in bytes from the beginning of {@link memory}. */
  areaOffset = 0;
  /**
   * After `xrun`: [0] nanoseconds since the device stopped, -1: unknown; [1] frames lost, -1: take them from the time. JACK and others that
   * count frames say [1].
   */
  readonly xrun = new Float64Array([-1, -1]);

  /** @param clock the pump's; `Time` (pump/clock.ts) says what stands where in its times. */
  constructor(protected readonly clock: PumpClock) {}

  // Cold: may allocate and throw.

  /**
   * What it takes. The device is opened for that, and stays open: {@link open} follows, or {@link close}. `source` is what will be played, for sinks that
   * can only be asked for one thing at a time.
   * @throws SinkError
   */
  abstract offers(source: PcmFormat): readonly PcmOffer[];

  /** Sets it up for frames of `format`, which is one of the offers. @throws SinkError */
  abstract open(format: PcmFormat, settings: SinkSettings): SinkOpening;

  /** Gives everything back. Also after an `open` that threw, and twice. {@link offers} may follow, for another format. */
  abstract close(): void;

  /** The sentence for what the last negative result or `gone` was. */
  abstract trouble(): string;

  /**
   * While it is on, the hot methods are called thousands of times so that they are compiled, all of them, also `start`, `pause`, `drop` and `prepare`: they do
   * all they do, but on words of the sink's own; no device sees it. {@link update} says `running` and room for a period, and
   * now and then what a device says that ran dry. Frames are written to {@link memory} and thrown away: it is
   * silenced before `rehearse(false)` returns.
   */
  abstract rehearse(isOn: boolean): void;

  // Hot: allocate nothing, throw nothing.

  /**
   * Waits for the next wake-up: the absolute deadline in the clock's times, whatever state it is in. JACK waits for its cycle instead, and sets the deadline to
   * when that began. Returns 0, or -1: gone.
   */
  wait(): number {
    return this.clock.sleep();
  }

  /** Looks where the device is: sets `queued` and `room`, gives a {@link SinkState}. The clock was read just before. */
  abstract update(): number;

  /**
   * Sets {@link areaOffset} to the place of the next frame to commit. Gives how many frames lie there in one piece, up to `frames`; 0: it stopped since
   * it was looked at, and {@link update} says how.
   */
  abstract area(frames: number): number;

  /**
   * Hands over `frames` frames that were put where {@link area} said. Gives 0, or -errno; {@link isStop}: nothing was handed over. `queued` and `room`
   * follow.
   */
  abstract commit(frames: number): number;

  /** Lets a prepared sink run. Gives 0 or -errno. */
  abstract start(): number;

  /** Holds it, with what is queued: gives 0, or a negative number where it cannot; the loop then drops and fills again. */
  abstract pause(): number;

  /** After {@link pause}. Gives 0 or -errno. */
  abstract resume(): number;

  /** Stops at once and forgets what is queued; {@link queued} says just before how much that is. Gives 0 or -errno. */
  abstract drop(): number;

  /** Empty and ready to be filled: after `open`, `drop`, an xrun, a suspension. Gives 0 or -errno. */
  abstract prepare(): number;

  /** Begins to play out what is queued, without waiting: {@link update} says `draining`, then `drained`. Gives 0 or -errno. */
  abstract drain(): number;

  /**
   * Takes back up to `frames` of the frames that were committed last and have not left: the next frame to commit stands that much earlier, `queued`
   * and {@link room} follow. Gives how many, 0 where it cannot; it keeps what the device may be about to fetch.
   */
  rewind(_frames: number): number {
    return 0;
  }
}
