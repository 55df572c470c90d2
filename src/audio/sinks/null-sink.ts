// The sink that drops what it is given. Paced, it does so in real time by the monotonic clock, as a card with a ring would: a rate-true dry run, whose lateness is real and whose xruns are computed.
// Not paced, there is no clock: frames leave as they come. Not here: the pump's own clock (pump/clock.ts).

import { Region } from '../../memory/region.js';
import {
  frameBytes,
  leastRate,
  mostChannels,
  mostRate,
  type PcmFormat,
  sampleFormats,
  silenceByte,
} from '../../wire/pcm/format.js';
import type { PcmOffer } from '../../wire/pcm/negotiate.js';
import { type PumpClock, Time } from '../pump/clock.js';
import { Seldom } from '../pump/seldom.js';
import { leastPeriod, ringShape } from './ring-shape.js';
import { Sink, type SinkOpening, type SinkSettings, SinkState } from './sink.js';

/** Places in the sink's own numbers: when it was started, nanoseconds between frames, and of what stays when frames are taken back. */
const Own = { startedNs: 0, frameNs: 1, keptNs: 2 } as const;

/** What is behind what was fetched last stays, when frames are taken back: a card would be about to fetch it. */
const keptNs = 2e6;

/** Frames that may be queued in a rehearsal, and those that never leave there. */
const rehearsedFrames = leastPeriod;
const rehearsedRest = leastPeriod / 2;

/** Frames that are counted before counting begins anew: six hours at 48 kHz; and in a rehearsal. */
const mostCounted = 1 << 30;
const rehearsedCounted = 1 << 9;

/** See the file's head. */
export class NullSink extends Sink {
  readonly #isPaced: boolean;
  readonly #own = new Float64Array(3);
  #region: Region | undefined;
  #silence = 0;
  #frameBytes = 1;
  #ringFrames = 1;
  /** Frames that may be queued: the ring's, or few in a rehearsal. */
  #mostFrames = 1;
  #state: number = SinkState.prepared;
  /** Frames committed since it was prepared, and those that have left, as far as the clock was asked; both as low 31 bits. */
  #committed = 0;
  #left = 0;
  /** The place of the next frame in the ring. */
  #place = 0;
  #mostCounted = mostCounted;
  /** The place of the first frame: that of the ring, or in a rehearsal one not far from its end. */
  #firstPlace = 0;
  #isRehearsal = false;
  readonly #dries = new Seldom();

  /** @param isPaced in real time */
  constructor(clock: PumpClock, isPaced: boolean) {
    super(clock);
    this.#isPaced = isPaced;
  }

  /** Everything. */
  override offers(_source: PcmFormat): readonly PcmOffer[] {
    const rates = { least: leastRate, most: mostRate };
    const channels = { least: 1, most: mostChannels };
    return sampleFormats.map((sample) => ({ sample, rates, channels }));
  }

  /** @throws SystemError without memory */
  override open(format: PcmFormat, settings: SinkSettings): SinkOpening {
    const { ringFrames, periodFrames } = ringShape(format.rate, settings);
    this.#ringFrames = this.#mostFrames = ringFrames;
    this.#frameBytes = frameBytes(format);
    this.#silence = silenceByte(format.sample);
    this.#own[Own.frameNs] = 1e9 / format.rate;
    this.#own[Own.keptNs] = keptNs;
    this.#region = new Region(ringFrames * this.#frameBytes);
    this.#region.bytes.fill(this.#silence);
    this.memory = this.#region;
    this.prepare();
    return {
      format,
      kind: this.#isPaced ? 'nothing, in real time' : 'nothing, as fast as it goes',
      clock: this.#isPaced ? 'own' : 'none',
      ringFrames,
      periodFrames,
      takesDirect: true,
      hangMs: 5000,
      end: this.#isPaced ? 'pad' : 'drain',
      path: 'nowhere',
      notes: [],
    };
  }

  /** Gives the memory back. */
  override close(): void {
    this.#region?.unmap();
    this.#region = undefined;
  }

  /** Nothing can become of it. */
  override trouble(): string {
    return 'the sink that drops everything has no troubles';
  }

  override rehearse(isOn: boolean): void {
    this.#isRehearsal = isOn;
    this.#mostFrames = isOn ? rehearsedFrames : this.#ringFrames;
    this.#mostCounted = isOn ? rehearsedCounted : mostCounted;
    this.#firstPlace = isOn ? this.#ringFrames - rehearsedFrames : 0;
    this.#own[Own.keptNs] = isOn ? 0 : keptNs;
    this.prepare();
    if (isOn) this.start();
    else this.#region?.bytes.fill(this.#silence);
  }

  override update(): number {
    if (this.#isRehearsal) this.#pretend();
    if (this.#state === SinkState.running) this.#move();
    this.queued = (this.#committed - this.#left) | 0;
    this.room = this.#mostFrames - this.queued;
    if (this.#state === SinkState.draining && this.queued === 0) this.#state = SinkState.drained;
    return this.#state;
  }

  /** As if most had left just now, or, now and then, it had run dry. */
  #pretend(): void {
    if (this.#state !== SinkState.paused) this.#state = SinkState.running;
    const isDry = this.#dries.isNow();
    const left = isDry ? this.#committed + rehearsedRest : Math.max(0, this.#committed - rehearsedRest);
    this.#own[Own.startedNs] = this.clock.times[Time.now]! - left * this.#own[Own.frameNs]!;
  }

  /** Looks how many frames have left by now. */
  #move(): void {
    if (!this.#isPaced) {
      this.#left = this.#committed;
      return;
    }
    if (this.#left > this.#mostCounted) this.#countAnew();
    const passed = this.clock.times[Time.now]! - this.#own[Own.startedNs]!;
    // A deadline is where a frame ends: a rounding of the last digit must not make that a frame less.
    const due = Math.floor(passed / this.#own[Own.frameNs]! + 1e-3);
    if (due <= this.#committed) {
      this.#left = due;
      return;
    }
    this.#left = this.#committed;
    this.#state = SinkState.xrun;
    this.xrun[0] = passed - this.#committed * this.#own[Own.frameNs]!;
    this.xrun[1] = due - this.#committed;
  }

  /** Counts stay small integers, however long it plays. */
  #countAnew(): void {
    this.#own[Own.startedNs]! += this.#left * this.#own[Own.frameNs]!;
    this.#committed -= this.#left;
    this.#left = 0;
  }

  override area(frames: number): number {
    this.areaOffset = this.#place * this.#frameBytes;
    const piece = this.#ringFrames - this.#place;
    return frames < piece ? frames : piece;
  }

  override commit(frames: number): number {
    this.#committed = (this.#committed + frames) | 0;
    this.#place += frames;
    if (this.#place >= this.#ringFrames) this.#place -= this.#ringFrames;
    this.queued += frames;
    this.room -= frames;
    return 0;
  }

  override start(): number {
    this.#state = SinkState.running;
    this.clock.read();
    this.#own[Own.startedNs] = this.clock.times[Time.now]! - this.#left * this.#own[Own.frameNs]!;
    return 0;
  }

  override pause(): number {
    this.update();
    if (this.#state === SinkState.running) this.#state = SinkState.paused;
    return 0;
  }

  override resume(): number {
    return this.start();
  }

  override drop(): number {
    this.#state = SinkState.prepared;
    return 0;
  }

  override prepare(): number {
    this.#state = SinkState.prepared;
    this.#committed = this.#left = 0;
    this.#place = this.#firstPlace;
    this.queued = 0;
    this.room = this.#mostFrames;
    this.xrun[0] = this.xrun[1] = -1;
    return 0;
  }

  override drain(): number {
    if (!this.#isPaced) this.#left = this.#committed;
    this.#state = SinkState.draining;
    return 0;
  }

  override rewind(frames: number): number {
    const kept = Math.ceil(this.#own[Own.keptNs]! / this.#own[Own.frameNs]!) | 0;
    const most = this.queued - kept;
    const back = frames < most ? frames : most;
    if (back <= 0) return 0;
    this.#committed -= back;
    this.#place -= back;
    if (this.#place < 0) this.#place += this.#ringFrames;
    this.queued -= back;
    this.room += back;
    return back;
  }
}
