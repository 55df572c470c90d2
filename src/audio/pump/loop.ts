// The pump's loop: sleep, look, fetch, commit. It returns to nobody while it plays, and allocates nothing: small integers in fields, times in typed arrays. Commands are words of the shared
// region, looked at once a wake-up; what the feeder and the player say is obeyed in the same pass.
// Not here: where frames come from (fetcher.ts) and go to (../sinks), what is told of it (figures.ts), the process around it (pump-main.ts).

import { Errno } from '../../kernel/errno.js';
import { parentProcess } from '../../kernel/scheduling.js';
import { isStop, type Sink, type SinkOpening, SinkState } from '../sinks/sink.js';
import { type PumpClock, Time } from './clock.js';
import { type Fetcher, Shortage } from './fetcher.js';
import type { Figures } from './figures.js';
import { LoopEnd } from './loop-end.js';
import { endPatienceNs, fillPatienceNs, Own, parentEveryNs, restNs, shortRestNs, tailSeconds } from './loop-times.js';
import { Seldom } from './seldom.js';
import {
  DescriptorKind,
  EventCause,
  EventKind,
  FeederWord,
  offsets,
  PlayerNumber,
  PlayerWord,
  PumpNumber,
  PumpState,
  PumpWord,
} from './shared-layout.js';
import type { Volume } from './volume.js';

/** What a loop works with. */
export interface LoopParts {
  /** The shared region's bytes. */
  readonly region: ArrayBuffer;
  readonly clock: PumpClock;
  readonly sink: Sink;
  readonly opening: SinkOpening;
  readonly fetcher: Fetcher;
  readonly volume: Volume;
  readonly figures: Figures;
  /** Frames that are played between two wake-ups. */
  readonly wakeFrames: number;
  readonly parentPid: number;
  /** Deadlines are in the past: it is run so that it is compiled. */
  readonly isRehearsal: boolean;
}

/** See the file's head. */
export class PumpLoop {
  readonly #words: Int32Array;
  readonly #numbers: Float64Array;
  readonly #clock: PumpClock;
  readonly #times: Float64Array;
  readonly #sink: Sink;
  readonly #fetcher: Fetcher;
  readonly #volume: Volume;
  readonly #figures: Figures;
  readonly #own = new Float64Array(9);
  /** Frame of the track, gap in nanoseconds, frames lost: what an event is told. */
  readonly #event = new Float64Array(3);
  readonly #ringFrames: number;
  readonly #periodFrames: number;
  /** Silence behind the last frame that has to leave before the end: a card holds frames in buffers of its own, and forgets them when it is stopped. */
  readonly #tailFrames: number;
  readonly #wakeFrames: number;
  readonly #isTimed: boolean;
  readonly #isPadded: boolean;
  readonly #parentPid: number;
  readonly #isRehearsal: boolean;
  #state: number = PumpState.filling;
  #volumeGeneration = 0;
  /** The stream's end was fetched: silence follows. */
  #isEnding = false;
  /** Frames of that silence. */
  #padding = 0;
  /** The last fill left room, for want of data. */
  #isStarved = false;
  /** A pause for which the sink was emptied. */
  #isEmptied = false;
  /** It ran dry and does not run again yet: told of when it does, with all of the gap. */
  #isDry = false;
  #dryCause: number = EventCause.none;
  /** Of a rehearsal: when it is said to have run dry, how often it was, and when the sink takes nothing. */
  readonly #dries = new Seldom();
  #driesPretended = 0;
  readonly #stops = new Seldom();
  /** The last thing that the sink refused, as -errno. */
  trouble = 0;

  constructor(parts: LoopParts) {
    const { region, clock, sink, opening, fetcher, volume, figures } = parts;
    this.#words = new Int32Array(region, 0, offsets.pcm / 4);
    this.#numbers = new Float64Array(region, 0, offsets.pcm / 8);
    this.#clock = clock;
    this.#times = clock.times;
    this.#sink = sink;
    this.#fetcher = fetcher;
    this.#volume = volume;
    this.#figures = figures;
    this.#ringFrames = opening.ringFrames;
    this.#periodFrames = opening.periodFrames;
    const tailFrames = Math.max(opening.periodFrames, Math.ceil(opening.format.rate * tailSeconds));
    this.#tailFrames = parts.isRehearsal ? 0 : tailFrames;
    this.#wakeFrames = parts.wakeFrames;
    this.#isTimed = opening.clock !== 'none';
    this.#isPadded = opening.end === 'pad';
    this.#parentPid = parts.parentPid;
    this.#isRehearsal = parts.isRehearsal;
    this.#own[Own.frameNs] = 1e9 / opening.format.rate;
    this.#own[Own.dryNs] = -1;
    // Goes on from what was changed in formats before this one.
    volume.changedFrames = this.#words[PumpWord.changedFrames]!;
    this.#volumeGeneration = Atomics.load(this.#words, PlayerWord.volumeGeneration);
    volume.want(this.#numbers, PlayerNumber.volume);
    volume.settle();
    clock.read();
    this.#times[Time.deadline] = this.#times[Time.now]!;
    if (parts.isRehearsal) this.#setState(PumpState.playing);
  }

  /** Plays until there is a reason to end: a {@link LoopEnd}. The sink is stopped then. */
  run(): number {
    this.#setState(this.#state);
    for (;;) {
      const end = this.pass();
      if (end !== LoopEnd.none) return end;
    }
  }

  /** One wake-up. Gives a {@link LoopEnd}. */
  pass(): number {
    const waited = this.#isTimed ? this.#sink.wait() : this.#clock.sleep();
    if (waited < 0) return this.#gone();
    this.#stall();
    this.#clock.read();
    this.#own[Own.lookedNs] = this.#times[Time.now]!;
    Atomics.add(this.#words, PumpWord.heartbeat, 1);
    if (this.#state === PumpState.playing) this.#figures.wakeUp(this.#isTimed);
    const seen = this.#look();
    if (seen === SinkState.gone) return this.#gone();
    const end = this.#obey();
    if (end !== LoopEnd.none) return end;
    if (this.#state !== PumpState.paused) {
      const filled = this.#fill(seen);
      if (filled !== LoopEnd.none) return filled;
    }
    this.#clock.read();
    if (this.#state === PumpState.playing) this.#figures.worked();
    this.#schedule();
    return this.#isOrphan() ? LoopEnd.orphaned : LoopEnd.none;
  }

  /** Looks where the sink is, and does what that asks for. Gives a state of the sink's. */
  #look(): number {
    const seen = this.#isRehearsal && this.#dries.isNow() ? this.#pretendXrun() : this.#sink.update();
    if (seen === SinkState.gone) return seen;
    if (this.#state === PumpState.filling && seen !== SinkState.suspended) return seen;
    if (seen === SinkState.xrun) this.#ranDry();
    else if (seen === SinkState.suspended) this.#wokeUp();
    else {
      if (this.#state === PumpState.playing && !this.#isEnding) {
        if (this.#isTimed) this.#figures.looked(this.#sink.queued);
        this.#figures.place(this.#own[Own.committed]! - this.#sink.queued);
      }
      this.#hear();
      this.#tellPosition();
    }
    return seen;
  }

  /** What has left the sink was heard. */
  #hear(): void {
    this.#fetcher.heard(Math.max(0, this.#sink.queued - this.#padding));
  }

  #tellPosition(): void {
    this.#figures.position(this.#fetcher.track, this.#fetcher.frame);
  }

  /** In a rehearsal, of what sinks say by themselves the rest: a server that goes on with what is queued, data that was late. */
  #pretendXrun(): number {
    this.#figures.makeDue();
    this.#sink.update();
    this.#driesPretended = (this.#driesPretended + 1) & 3;
    // A server goes on with what is queued, a card has stopped.
    if ((this.#driesPretended & 1) === 0) this.#sink.queued = 0;
    if ((this.#driesPretended & 2) === 0) this.#isStarved = true;
    return SinkState.xrun;
  }

  /** An xrun. A device that has stopped, whose ring is empty, is filled again from the first frame that was not played. */
  #ranDry(): void {
    this.#hear();
    this.#tellPosition();
    // All frames of the stream have left, and what ran dry was silence.
    if (this.#state === PumpState.paused || (this.#isEnding && this.#fetcher.outstanding === 0)) return;
    const rate = 1e9 / this.#own[Own.frameNs]!;
    const known = this.#sink.xrun[0]!;
    this.#isDry = true;
    this.#own[Own.dryNs] = known >= 0 ? this.#times[Time.now]! - known : -1;
    this.#event[1] = known;
    this.#event[2] = this.#sink.xrun[1]!;
    if (this.#isStarved) this.#dryCause = EventCause.dataLate;
    else this.#dryCause = this.#figures.wasPumpLate(rate) ? EventCause.pumpLate : EventCause.driver;
    if (this.#sink.queued > 0 && this.#sink.room < this.#ringFrames) {
      this.#wentOn();
      return;
    }
    this.#figures.looked(0);
    this.#refill();
  }

  /** A server went on without us, and with us again: nothing has to be filled anew. */
  #wentOn(): void {
    if (this.#figures.isLate()) this.#dryCause = EventCause.pumpLate;
    this.#figures.looked(this.#sink.queued);
    this.#tellXrun();
  }

  /** The system slept, and the device with it. */
  #wokeUp(): void {
    this.#hear();
    this.#event[0] = this.#fetcher.frame[0]!;
    this.#event[1] = this.#event[2] = -1;
    this.#figures.event(EventKind.suspended, EventCause.driver, this.#fetcher.track, this.#event);
    this.#refill();
  }

  /** Empties the sink, and fills it again from what is heard next. */
  #refill(): void {
    // What it refused last stays until it takes frames.
    this.trouble = this.#sink.prepare() || this.trouble;
    this.#numbers[PumpNumber.framesCommitted]! -= this.#fetcher.outstanding;
    this.#fetcher.again();
    this.#own[Own.committed] = 0;
    this.#padding = 0;
    this.#isEnding = false;
    this.#setState(PumpState.filling);
  }

  /** Does what the words of the player and the feeder say. */
  #obey(): number {
    const words = this.#words;
    if (Atomics.load(words, PlayerWord.stop) !== 0) return this.#finish(LoopEnd.stopped);
    if (Atomics.load(words, FeederWord.flushGeneration) !== words[PumpWord.flushed]) this.#flush();
    if (words[PlayerWord.volumeGeneration] !== this.#volumeGeneration) this.#changeVolume();
    const wanted = words[PlayerWord.isPlaying] !== 0;
    if (!wanted && (this.#state === PumpState.playing || this.#state === PumpState.draining)) this.#pause();
    else if (wanted && this.#state === PumpState.paused) this.#resume();
    return LoopEnd.none;
  }

  #flush(): void {
    const words = this.#words;
    const generation = Atomics.load(words, FeederWord.flushGeneration);
    this.#sink.drop();
    this.#numbers[PumpNumber.framesCommitted]! -= this.#fetcher.outstanding;
    this.#fetcher.flush(words[FeederWord.flushTail]!);
    this.#isDry = false;
    this.#isStarved = false;
    this.#refill();
    this.#tellPosition();
    Atomics.store(words, PumpWord.flushed, generation);
  }

  #changeVolume(): void {
    this.#volumeGeneration = this.#words[PlayerWord.volumeGeneration]!;
    this.#volume.want(this.#numbers, PlayerNumber.volume);
    if (this.#state !== PumpState.playing) {
      if (this.#state === PumpState.filling && this.#own[Own.committed] === 0) this.#volume.settle();
      return;
    }
    if (this.#isEnding) return;
    const back = this.#sink.rewind(Math.min(this.#volume.sinceRamp, this.#fetcher.outstanding));
    if (back <= 0) return;
    this.#fetcher.takeBack(back);
    this.#volume.sinceRamp -= back;
    this.#own[Own.committed]! -= back;
    this.#numbers[PumpNumber.framesCommitted]! -= back;
  }

  #pause(): void {
    this.#isEmptied = this.#sink.pause() < 0;
    if (this.#isEmptied) {
      this.#sink.update();
      this.#hear();
      this.#sink.drop();
      this.#refill();
    }
    this.#tellPosition();
    this.#setState(PumpState.paused);
  }

  #resume(): void {
    if (this.#isEmptied) {
      this.#setState(PumpState.filling);
      return;
    }
    this.trouble = this.#sink.resume();
    this.#figures.placeAnew();
    this.#setState(PumpState.playing);
  }

  /** Fills what room there is, starts what is full, and ends what has ended. */
  #fill(seen: number): number {
    if (this.#state === PumpState.draining) return this.#drained(seen);
    // What ran dry was the silence behind the last frame.
    if (this.#isEnding && seen === SinkState.xrun && this.#fetcher.outstanding === 0)
      return this.#finish(this.#endReason());
    // What is put into a file has left, and cannot be held any more.
    if (this.#isHeld()) return LoopEnd.none;
    this.#isStarved = false;
    while (this.#sink.room > 0) {
      const isSilence = this.#isEnding;
      if (isSilence && !this.#isPadded) break;
      const got = isSilence ? this.#fetcher.fetchSilence(this.#sink.room) : this.#fetcher.fetch(this.#sink.room);
      if (this.#fetcher.missing > 0) this.#tellMissing();
      if (got > 0) {
        const isSecond = isStop(this.trouble);
        this.trouble = this.#commit(got);
        if (this.trouble < 0 && (!this.#isRehearsal || isStop(this.trouble))) {
          if (isSecond || !isStop(this.trouble)) return this.#gone();
          // These frames are fetched again; while it plays the next look tells of it.
          if (!isSilence) this.#fetcher.takeBack(got);
          if (this.#state === PumpState.playing) break;
          this.#refill();
          return LoopEnd.none;
        }
        this.#own[Own.committed]! += got;
        if (isSilence) this.#padding += got;
        else this.#numbers[PumpNumber.framesCommitted]! += got;
      } else if (this.#fetcher.shortage === Shortage.end) this.#beginEnd();
      else if (this.#fetcher.shortage === Shortage.room) break;
      else {
        this.#isStarved = true;
        break;
      }
    }
    this.#words[PumpWord.changedFrames] = this.#volume.changedFrames;
    if (this.#state === PumpState.filling) return this.#begin();
    this.#figures.left(this.#sink.queued);
    return this.#isEnding ? this.#ending() : LoopEnd.none;
  }

  /** Hands frames to the sink. In a rehearsal it now and then has stopped since it was looked at. */
  #commit(frames: number): number {
    return this.#isRehearsal && this.#stops.isNow() ? -Errno.EPIPE : this.#sink.commit(frames);
  }

  #isHeld(): boolean {
    return !this.#isTimed && this.#state === PumpState.filling && this.#words[PlayerWord.isPlaying] === 0;
  }

  /** The first fill is there: the sink is started, unless it is to be held. */
  #begin(): number {
    if (this.#isEnding && this.#fetcher.outstanding === 0) return this.#finish(this.#endReason());
    if (this.#isStarved && !this.#isEnough()) return LoopEnd.none;
    if (this.#words[PlayerWord.isPlaying] === 0) return LoopEnd.none;
    this.trouble = this.#sink.start();
    if (this.trouble < 0 && !this.#isRehearsal) return this.#gone();
    this.#clock.read();
    this.#own[Own.lookedNs] = this.#times[Time.now]!;
    if (this.#isDry) this.#tellXrun();
    this.#figures.started();
    this.#figures.left(this.#sink.queued);
    this.#setState(PumpState.playing);
    return LoopEnd.none;
  }

  /**
   * The first fill is not whole, and will not be: what follows is fed only when the beginning is heard. So it is where the sink has always room, and with a ring that is longer than what is
   * decoded ahead.
   */
  #isEnough(): boolean {
    const own = this.#own;
    const committed = own[Own.committed]!;
    if (committed === 0) return false;
    if (!this.#isTimed) return true;
    if (committed !== own[Own.grown]!) {
      own[Own.grown] = committed;
      own[Own.growsUntilNs] = this.#times[Time.now]! + fillPatienceNs;
    }
    return this.#times[Time.now]! > own[Own.growsUntilNs]!;
  }

  #tellXrun(): void {
    this.#isDry = false;
    const isCounted = this.#event[2]! >= 0 && this.#dryCause !== EventCause.dataLate;
    if (this.#own[Own.dryNs]! >= 0 && !isCounted) {
      this.#event[1] = this.#times[Time.now]! - this.#own[Own.dryNs]!;
      this.#event[2] = Math.round(this.#event[1]! / this.#own[Own.frameNs]!);
    }
    this.#event[0] = this.#fetcher.frame[0]!;
    this.#words[PumpWord.xruns]!++;
    if (this.#event[2]! > 0) this.#numbers[PumpNumber.framesLost]! += this.#event[2]!;
    this.#figures.event(EventKind.xrun, this.#dryCause, this.#fetcher.track, this.#event);
  }

  #tellMissing(): void {
    this.#event[0] = this.#fetcher.frame[0]!;
    this.#event[1] = 0;
    this.#event[2] = this.#fetcher.missing;
    this.#fetcher.missing = 0;
    this.#figures.event(EventKind.truncated, EventCause.none, this.#fetcher.track, this.#event);
  }

  #beginEnd(): void {
    this.#isEnding = true;
    this.#padding = 0;
    const queued = this.#sink.queued + this.#ringFrames;
    this.#own[Own.endBoundNs] = this.#times[Time.now]! + queued * this.#own[Own.frameNs]! + endPatienceNs;
  }

  /** All frames are committed: has the last one left? */
  #ending(): number {
    if (!this.#isPadded) {
      this.trouble = this.#sink.drain();
      if (this.trouble < 0) return this.#gone();
      const queued = this.#sink.queued * this.#own[Own.frameNs]!;
      this.#own[Own.endBoundNs] = this.#times[Time.now]! + queued + endPatienceNs;
      this.#setState(PumpState.draining);
      return LoopEnd.none;
    }
    const isOver = this.#sink.queued + this.#tailFrames <= this.#padding;
    const isTooLate = this.#times[Time.now]! > this.#own[Own.endBoundNs]!;
    return isOver || isTooLate ? this.#finish(this.#endReason()) : LoopEnd.none;
  }

  #drained(seen: number): number {
    const isOver = seen === SinkState.drained || seen === SinkState.xrun || seen === SinkState.prepared;
    const isTooLate = this.#times[Time.now]! > this.#own[Own.endBoundNs]!;
    return isOver || isTooLate ? this.#finish(this.#endReason()) : LoopEnd.none;
  }

  #endReason(): number {
    return this.#fetcher.endKind === DescriptorKind.formatEnds ? LoopEnd.formatEnds : LoopEnd.ended;
  }

  #finish(reason: number): number {
    this.#sink.drop();
    if (reason !== LoopEnd.stopped) this.#fetcher.heard(0);
    this.#tellPosition();
    return reason;
  }

  #gone(): number {
    this.#tellPosition();
    return LoopEnd.gone;
  }

  /** When to wake up next. */
  #schedule(): void {
    const now = this.#times[Time.now]!;
    const frameNs = this.#own[Own.frameNs]!;
    if (this.#state === PumpState.paused) this.#times[Time.deadline] = now + restNs;
    else if (this.#state === PumpState.playing && this.#isTimed) {
      const toGo = this.#sink.queued - this.#ringFrames + this.#wakeFrames;
      const inTime = this.#own[Own.lookedNs]! + (toGo > 1 ? toGo : 1) * frameNs;
      const soon = now + Math.min(shortRestNs, (this.#periodFrames * frameNs) / 4);
      this.#times[Time.deadline] = this.#isStarved ? soon : Math.max(inTime, now);
    } else {
      const isResting = this.#isStarved || this.#state !== PumpState.playing;
      this.#times[Time.deadline] = isResting ? now + shortRestNs : now;
    }
    if (this.#isRehearsal) this.#times[Time.deadline] = now - ((this.#driesPretended & 2) === 0 ? 1e6 : 1e9);
  }

  /** `--inject stall`: sleeps on purpose, so that the wake-up is as late as if it had not been given the processor. */
  #stall(): void {
    const us = this.#words[PlayerWord.stallUs]!;
    if (us <= 0 || this.#state !== PumpState.playing) return;
    this.#clock.read();
    const now = this.#times[Time.now]!;
    const every = this.#words[PlayerWord.stallEveryUs]! * 1000;
    if (this.#own[Own.stallDueNs] === 0) this.#own[Own.stallDueNs] = now + every;
    if (now < this.#own[Own.stallDueNs]!) return;
    const deadline = this.#times[Time.deadline]!;
    this.#own[Own.stallDueNs] = now + every;
    this.#times[Time.deadline] = now + us * 1000;
    this.#clock.sleep();
    this.#times[Time.deadline] = deadline;
    this.#words[PumpWord.stalls]!++;
  }

  #isOrphan(): boolean {
    const now = this.#times[Time.now]!;
    if (now < this.#own[Own.parentDueNs]!) return false;
    this.#own[Own.parentDueNs] = now + parentEveryNs;
    return parentProcess() !== this.#parentPid && !this.#isRehearsal;
  }

  #setState(state: number): void {
    this.#state = state;
    Atomics.store(this.#words, PumpWord.state, state);
  }
}
