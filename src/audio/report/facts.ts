// What is known when playing has ended, as the player gathers it: figures of the shared region, what sink and files said of themselves, what the host
// is. Types alone. Not here: what is made of them (report.ts).

import type { XrunEvent } from '../player-events.js';
import type { SinkClock } from '../sinks/sink.js';
import type { BitFacts } from './bits.js';
import type { Distribution } from './distribution.js';
import type { Drift } from './drift.js';
import type { Environment } from './environment.js';

/** Why the device ran dry: the pump woke too late, the data was not there although the pump was on time, or the driver says so for reasons of its own. */
export type XrunCause = XrunEvent['cause'];

/** The device ran dry. */
export interface Xrun {
  /** Seconds of the stream, where it was. */
  readonly atSeconds: number;
  /** From when the device stopped until it ran again; -1: not known. */
  readonly gapMs: number;
  /** Frames that the device would have played in that time. */
  readonly framesLost: number;
  /** Lateness of the wake-up before it. */
  readonly latenessUs: number;
  readonly cause: XrunCause;
}

/** The sink as it was opened. */
export interface SinkFacts {
  /** As it was named: `hw:1,0`, `jack`, `null`. */
  readonly name: string;
  /** What it is, in words: `ALSA, the kernel's interface`. */
  readonly kind: string;
  readonly clock: SinkClock;
  /** Of a sample at the device: `S32_LE`. */
  readonly format: string;
  readonly rate: number;
  readonly channels: number;
  /** Frames between which the driver and the pump may be apart. */
  readonly ringFrames: number;
  readonly periodFrames: number;
}

/** What the pump really is. */
export interface Scheduling {
  readonly class: 'FIFO' | 'RR' | 'OTHER';
  /** Real-time priority, or 0. */
  readonly priority: number;
  readonly nice: number;
  /** Bytes of the pump's memory that are locked (VmLck). */
  readonly lockedBytes: number;
  /** What was asked for and refused, with the fix, a sentence each. */
  readonly refusals: readonly string[];
}

/** Headroom over a stretch of time. */
export interface HeadroomPoint {
  /** Seconds since the first frame. */
  readonly seconds: number;
  /** Least frames queued at a wake-up within the stretch. */
  readonly leastFrames: number;
}

/** One file. */
export interface TrackFacts {
  readonly path: string;
  /** As the file has it: `FLAC, S24_3LE, 96000 Hz, stereo`. */
  readonly format: string;
  /** Frames that the file owes from where it was begun; `undefined` where it does not say. */
  readonly owedFrames: number | undefined;
  /** Frames that were handed over to the device; of a track that was left in its midst, about so many. */
  readonly committedFrames: number;
  /** Frames that a decoder could not make: silence stands in their place. */
  readonly damagedFrames: number;
  /** Frames owed and never committed; 0 of a track that was left on purpose. */
  readonly lostFrames: number;
  /** All of it was played, from where it was begun. */
  readonly isWhole: boolean;
  readonly md5: 'ok' | 'wrong' | 'none' | 'not checked';
  /** The stream had to be stopped before it: another format. */
  readonly gapBefore: boolean;
  /** What the file's reader had to say. */
  readonly notes: readonly string[];
}

/** All of it. */
export interface PlayFacts {
  readonly sink: SinkFacts;
  readonly scheduling: Scheduling;
  readonly tracks: readonly TrackFacts[];
  /** SHA-256 in hexadecimal of all that was decoded and all that was committed, where both are known. */
  readonly digests: { readonly decoded: string; readonly committed: string } | undefined;
  /** Sentences that a user should know of the device. */
  readonly notes: readonly string[];
  readonly bits: Omit<BitFacts, 'md5' | 'digestsEqual' | 'committedFrames' | 'lostFrames' | 'damagedFrames' | 'xruns'>;
  /** Frames that the pump itself found missing in files; those of the tracks may be fewer, where nobody listened. */
  readonly missingFrames: number;
  /** Seconds that the sink played. */
  readonly seconds: number;
  readonly wakeUps: number;
  /** Microseconds between the deadline of a sleep and its return. */
  readonly latenessUs: Distribution;
  /** Wake-ups that were late by more than a period. */
  readonly lateOverPeriod: number;
  /** Frames queued at wake-ups. */
  readonly headroomFrames: Distribution;
  readonly headroomOverTime: readonly HeadroomPoint[];
  /** Microseconds from a wake-up to the end of its commit. */
  readonly workUs: Distribution;
  readonly xruns: readonly Xrun[];
  /** All xruns, also those of which nothing was kept. */
  readonly xrunCount: number;
  readonly drift: Drift | undefined;
  /** Bytes of samples that were committed, and those that a CPU moved for them after decoding. */
  readonly payloadBytes: number;
  readonly userCopiedBytes: number;
  readonly kernelCopiedBytes: number;
  readonly minorFaults: number;
  readonly majorFaults: number;
  readonly collections: number;
  readonly allocatedBytes: number;
  readonly voluntarySwitches: number;
  readonly involuntarySwitches: number;
  readonly environment: Environment;
}
