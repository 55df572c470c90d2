// What the pump tells of itself, written into the shared region without an allocation: lateness, headroom, work, xruns, position, faults.
// Not here: what the words are (shared-layout.ts), what is made of them (../report).

import { type KeptAddress, keepAddress } from '../../kernel/memory.js';
import { readThreadUsage, UsageWord, usageBytes } from '../../kernel/scheduling.js';
import { Region } from '../../memory/region.js';
import { type PumpClock, Time } from './clock.js';
import { bucketOf, histogramView, unitNs } from './histogram.js';
import {
  driftBytes,
  driftEntries,
  EventNumber,
  EventWord,
  eventBytes,
  eventEntries,
  Histogram,
  offsets,
  PumpNumber,
  PumpWord,
  SecondWord,
  secondBytes,
  secondEntries,
} from './shared-layout.js';

const most = 0x7fff_ffff;
const driftEveryNs = 250e6;

/** What stands where in the figures' own numbers. */
const Own = { secondEnds: 0, driftDue: 1, lookedNs: 2, latenessNs: 3, workBegan: 4, driftBase: 5 } as const;

/** See the file's head. Methods take small integers; times are read from the clock. */
export class Figures {
  readonly #words: Int32Array;
  readonly #numbers: Float64Array;
  readonly #lateness: Int32Array;
  readonly #work: Int32Array;
  readonly #headroom: Int32Array;
  readonly #times: Float64Array;
  readonly #own = new Float64Array(6);
  readonly #usage: Region;
  readonly #usageWords: Int32Array;
  readonly #usageAddress: KeptAddress;
  readonly #usageAtStart = new Int32Array(4);
  #periodNs = new Float64Array(1);
  #secondLeast = most;
  #secondLatestUs = 0;
  #secondWakeUps = 0;
  #second = 0;
  /** 1: this stretch has been started once. */
  #isBegun = 0;
  /** Frames queued at the look before, for the event of an xrun. */
  #queuedBefore = 0;

  /** @param region the shared region's bytes */
  constructor(region: ArrayBuffer, clock: PumpClock) {
    this.#words = new Int32Array(region, 0, offsets.descriptors / 4);
    this.#numbers = new Float64Array(region, 0, offsets.descriptors / 8);
    this.#lateness = histogramView(region, offsets.histograms, Histogram.latenessNs);
    this.#work = histogramView(region, offsets.histograms, Histogram.workNs);
    this.#headroom = histogramView(region, offsets.histograms, Histogram.headroomFrames);
    this.#times = clock.times;
    this.#usage = new Region(usageBytes);
    this.#usageWords = new Int32Array(this.#usage.buffer, 0, usageBytes / 4);
    this.#usageAddress = keepAddress(this.#usage.address);
    // The page is there before the kernel writes to it: its own fault would be the first that is counted.
    this.#usageWords.fill(0);
    this.#words[PumpWord.leastQueued] = most;
    this.#words[PumpWord.track] = -1;
  }

  /** Begins a stretch of playing: with its start faults are counted. Cold. */
  begin(periodFrames: number, rate: number): void {
    this.#periodNs[0] = (periodFrames * 1e9) / rate;
    this.#isBegun = 0;
    this.#markUsage();
  }

  /** Faults and switches are counted from here on. */
  #markUsage(): void {
    readThreadUsage(this.#usageAddress[0]);
    const words = this.#usageWords;
    this.#usageAtStart[0] = words[UsageWord.minorFaults]! - this.#words[PumpWord.minorFaults]!;
    this.#usageAtStart[1] = words[UsageWord.majorFaults]! - this.#words[PumpWord.majorFaults]!;
    this.#usageAtStart[2] = words[UsageWord.voluntarySwitches]! - this.#words[PumpWord.voluntarySwitches]!;
    this.#usageAtStart[3] = words[UsageWord.involuntarySwitches]! - this.#words[PumpWord.involuntarySwitches]!;
  }

  /** Faults and switches up to now. Hot. */
  takeUsage(): void {
    readThreadUsage(this.#usageAddress[0]);
    const words = this.#usageWords;
    this.#words[PumpWord.minorFaults] = words[UsageWord.minorFaults]! - this.#usageAtStart[0]!;
    this.#words[PumpWord.majorFaults] = words[UsageWord.majorFaults]! - this.#usageAtStart[1]!;
    this.#words[PumpWord.voluntarySwitches] = words[UsageWord.voluntarySwitches]! - this.#usageAtStart[2]!;
    this.#words[PumpWord.involuntarySwitches] = words[UsageWord.involuntarySwitches]! - this.#usageAtStart[3]!;
  }

  /** The sink was started just now. What that took is none of playing: with its start a library makes threads (JACK's), whose memory faults. */
  started(): void {
    if (this.#isBegun === 0) this.#markUsage();
    this.#isBegun = 1;
    if (this.#numbers[PumpNumber.startedNs] === 0) {
      this.#numbers[PumpNumber.startedNs] = this.#times[Time.now]!;
      this.#own[Own.secondEnds] = this.#times[Time.now]! + 1e9;
    }
    this.placeAnew();
    // The pass that starts it was no wake-up of playing.
    this.#own[Own.workBegan] = this.#times[Time.now]!;
    this.#numbers[PumpNumber.stoppedNs] = this.#times[Time.now]!;
  }

  /** A wake-up while playing: the clock was read as soon as it woke; `isTimed`: the sink has a clock, so that lateness means something. */
  wakeUp(isTimed: boolean): void {
    const now = this.#times[Time.now]!;
    this.#own[Own.workBegan] = now;
    this.#words[PumpWord.wakeUps]!++;
    this.#secondWakeUps++;
    if (!isTimed) return;
    const late = Math.max(0, now - this.#times[Time.deadline]!);
    this.#own[Own.latenessNs] = late;
    const units = Math.min(most, Math.floor(late / unitNs)) | 0;
    this.#lateness[bucketOf(units)]!++;
    this.#numbers[PumpNumber.latestNs] = Math.max(late, this.#numbers[PumpNumber.latestNs]!);
    this.#words[PumpWord.lateOverPeriod]! += late > this.#periodNs[0]! ? 1 : 0;
    const us = Math.min(most, Math.floor(late / 1000)) | 0;
    this.#secondLatestUs = Math.max(us, this.#secondLatestUs);
  }

  /** What was queued when it was looked at after a wake-up, of a sink with a clock. */
  looked(queued: number): void {
    this.#headroom[bucketOf(queued)]!++;
    this.#words[PumpWord.leastQueued] = Math.min(queued, this.#words[PumpWord.leastQueued]!);
    this.#secondLeast = Math.min(queued, this.#secondLeast);
  }

  /** What is queued when the pump goes to sleep: the truth against which an xrun is held. */
  left(queued: number): void {
    this.#queuedBefore = queued;
    this.#own[Own.lookedNs] = this.#times[Time.now]!;
  }

  /** The frames are committed: work since the wake-up. The clock was read just now. */
  worked(): void {
    const work = this.#times[Time.now]! - this.#own[Own.workBegan]!;
    this.#work[bucketOf(Math.min(most, Math.floor(work / unitNs)) | 0)]!++;
    this.#numbers[PumpNumber.longestWorkNs] = Math.max(work, this.#numbers[PumpNumber.longestWorkNs]!);
    this.#numbers[PumpNumber.stoppedNs] = this.#times[Time.now]!;
    if (this.#times[Time.now]! < this.#own[Own.secondEnds]!) return;
    this.#endSecond();
    this.takeUsage();
  }

  #endSecond(): void {
    const at = (offsets.seconds + (this.#words[PumpWord.seconds]! & (secondEntries - 1)) * secondBytes) >> 2;
    this.#words[at + SecondWord.second] = this.#second;
    this.#words[at + SecondWord.leastQueued] = this.#secondLeast === most ? -1 : this.#secondLeast;
    this.#words[at + SecondWord.latestUs] = this.#secondLatestUs;
    this.#words[at + SecondWord.wakeUps] = this.#secondWakeUps;
    Atomics.add(this.#words, PumpWord.seconds, 1);
    this.#secondLeast = most;
    this.#secondLatestUs = 0;
    this.#secondWakeUps = 0;
    const began = this.#numbers[PumpNumber.startedNs]!;
    this.#second = Math.floor((this.#times[Time.now]! - began) / 1e9) | 0;
    this.#own[Own.secondEnds] = began + (this.#second + 1) * 1e9;
  }

  /** The sink's clock was interrupted: what is read of it from here on belongs to another stretch. */
  placeAnew(): void {
    this.#own[Own.driftDue] = 0;
  }

  /** Where the sink's clock is: `played` frames since it was started, at the time that the clock was read. */
  place(played: number): void {
    const now = this.#times[Time.now]!;
    if (now < this.#own[Own.driftDue]!) return;
    if (this.#own[Own.driftDue] === 0) this.#own[Own.driftBase] = played;
    this.#own[Own.driftDue] = now + driftEveryNs;
    const at = (offsets.drift + (this.#words[PumpWord.driftPairs]! & (driftEntries - 1)) * driftBytes) >> 3;
    this.#numbers[at] = now;
    this.#numbers[at + 1] = played - this.#own[Own.driftBase]!;
    Atomics.add(this.#words, PumpWord.driftPairs, 1);
  }

  /** The place in the stream that is heard: `frame` is a double in `numbers` of the caller's, so that nothing is allocated. */
  position(track: number, frame: Float64Array): void {
    const words = this.#words;
    Atomics.add(words, PumpWord.positionSequence, 1);
    words[PumpWord.track] = track;
    this.#numbers[PumpNumber.positionFrame] = frame[0]!;
    Atomics.add(words, PumpWord.positionSequence, 1);
  }

  /** An event: `facts` is [frame, gapNs, framesLost]. */
  event(kind: number, cause: number, track: number, facts: Float64Array): void {
    const at = offsets.events + (this.#words[PumpWord.events]! & (eventEntries - 1)) * eventBytes;
    const word = at >> 2;
    const number = at >> 3;
    this.#words[word + EventWord.kind] = kind;
    this.#words[word + EventWord.cause] = cause;
    this.#words[word + EventWord.track] = track;
    this.#words[word + EventWord.queuedBefore] = this.#queuedBefore;
    this.#numbers[number + EventNumber.frame] = facts[0]!;
    this.#numbers[number + EventNumber.ns] = this.#times[Time.now]!;
    this.#numbers[number + EventNumber.gapNs] = facts[1]!;
    this.#numbers[number + EventNumber.framesLost] = facts[2]!;
    this.#numbers[number + EventNumber.latenessNs] = this.#own[Own.latenessNs]!;
    this.#numbers[number + EventNumber.lookedNs] = this.#own[Own.lookedNs]!;
    Atomics.add(this.#words, PumpWord.events, 1);
  }

  /** The lateness of this wake-up is beyond what was queued: the device ran dry because of it. */
  wasPumpLate(rate: number): boolean {
    return (
      this.#own[Own.latenessNs]! > 0 &&
      this.#times[Time.now]! - this.#own[Own.lookedNs]! > (this.#queuedBefore * 1e9) / rate
    );
  }

  /** This wake-up is late by more than a period. */
  isLate(): boolean {
    return this.#own[Own.latenessNs]! > this.#periodNs[0]!;
  }

  /** Ends a stretch: the second that was begun is written too. Faults are not taken again: those since {@link takeUsage} are not of playing. Cold. */
  end(): void {
    if (this.#numbers[PumpNumber.startedNs] !== 0) this.#endSecond();
  }

  /** In a rehearsal: what is done seldom is done with the next wake-up, and that comes too late. */
  makeDue(): void {
    this.#queuedBefore = 0;
    this.#own[Own.secondEnds] = 0;
    this.#own[Own.driftDue] = 1;
  }

  /** Gives its memory back. */
  close(): void {
    this.#usage.unmap();
  }
}
