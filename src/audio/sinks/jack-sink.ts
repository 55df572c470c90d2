// JACK by its cycle API. No callback: libjack's own thread sleeps, and the pump's thread waits for each cycle itself. What the loop commits waits in an area of
// our own, interleaved, in the format of the file; when a cycle begins its frames are spread over the ports, which hold one channel each as floats, and the server is told at
// once: the time in which it waits for us is that of the spreading alone. The loop fills the area again while the server is at work elsewhere.
// Not here: who joins the ports (jack-connect.ts), JACK's functions (jack-library.ts), samples (jack-spread.ts).

import { bindClock } from '../../kernel/clock.js';
import { CLOCK } from '../../kernel/constants.js';
import { type NativeFunction, viewMemory } from '../../kernel/ffi.js';
import { Region } from '../../memory/region.js';
import { frameBytes, mostChannels, type PcmFormat, silenceByte } from '../../wire/pcm/format.js';
import type { PcmOffer } from '../../wire/pcm/negotiate.js';
import { Time } from '../pump/clock.js';
import { jackClientName, jackPortName } from './jack-connect.js';
import { type JackLibrary, leaveCyclesToUs, loadJack, openClient, registerOutput } from './jack-library.js';
import { isSpread, type Spread, spreadFormats, spreadOf } from './jack-spread.js';
import { Sink, SinkError, type SinkOpening, SinkState } from './sink.js';

/** Periods that wait in the area: the loop has all but one of them to bring what follows. */
const periods = 4;

/** How long samples wait for somebody to join the ports; then they are played to nobody. */
const mostWaitSeconds = 3;
const fewWaitSeconds = 0.1;

/** No cycle for so long, beyond two periods: the server has died while we waited for it. */
const hangMs = 500;

/** Bits of a whole number that a float keeps. */
const floatBits = 24;

/** Words of the page that libjack and the clock write to. */
const Word = { cycleFrames: 0, cycleUs: 2, nextUs: 4, periodUs: 6, rawSeconds: 8, rawNs: 10, count: 16 } as const;

/** Where a channel's samples go: the buffer that the port had last. */
interface Port {
  readonly handle: bigint;
  /** The low half of the address of `view`. */
  low: number;
  view: Float32Array;
}

/** See the file's head. */
export class JackSink extends Sink {
  #jack!: JackLibrary;
  #client = 0n;
  #ports: Port[] = [];
  #region: Region | undefined;
  /** Stands for the ports' buffers while rehearsing. */
  #stage: Region | undefined;
  #words!: Int32Array;
  /** libjack's clock, which runs apart from CLOCK_MONOTONIC by what time servers correct, and its times. Addresses are bound once: a number that is no small one would be allocated with each call. */
  #readRaw!: () => void;
  #readTimes!: () => number;
  #cycleWait!: NativeFunction;
  #cycleSignal!: NativeFunction;
  #spread!: Spread;
  #trouble = '';
  #format!: PcmFormat;
  /** In an array: a number in a field would be allocated where it is no small one. */
  readonly #rate = new Float64Array(1);

  #channels = 0;
  #frameBytes = 0;
  #period = 0;
  #ringFrames = 0;
  #readAt = 0;
  #writeAt = 0;
  #state: number = SinkState.prepared;
  #isActive = 0;
  #isRehearsing = 0;
  #rehearsedCycles = 0;
  /** Cycles that samples still wait for somebody to join the ports. */
  #waitCycles = 0;
  #mostWaitCycles = 0;
  #fewCycles = 0;
  #hasCycle = 0;
  #lastFrames = 0;
  /** Frames that were lost since {@link update} looked last. */
  #lost = 0;
  /** Silent cycles since the area ran empty while draining. */
  #silentCycles = 0;

  /** One rate, the server's; floats, and what fits into them. @throws SinkError where no server answers */
  override offers(_source: PcmFormat): readonly PcmOffer[] {
    const jack = loadJack();
    if (jack === undefined) {
      throw new SinkError(
        "JACK's library is not here: install it (apt-get install libjack-jackd2-0), or choose another device",
      );
    }
    this.#jack = jack;
    this.#client = openClient(jack, jackClientName(process.pid));
    if (this.#client === 0n) {
      throw new SinkError('no JACK server answers: start one as this user (jackd -d alsa), or choose another device');
    }
    const rates = [Number(jack.sampleRate(this.#client))];
    const channels = { least: 1, most: mostChannels };
    return spreadFormats.map((sample) => ({
      ...{ sample, rates, channels },
      ...(sample === 'FLOAT_LE' ? {} : { significantBits: floatBits }),
    }));
  }

  override open(format: PcmFormat): SinkOpening {
    const jack = this.#jack;
    this.#period = Number(jack.bufferSize(this.#client));
    this.#makeArea(format);
    this.#makePorts(format.channels);
    leaveCyclesToUs(jack, this.#client);
    this.#cycleWait = jack.cycleWait;
    this.#cycleSignal = jack.cycleSignal;
    this.#mostWaitCycles = Math.ceil((mostWaitSeconds * format.rate) / this.#period);
    this.#fewCycles = Math.ceil((fewWaitSeconds * format.rate) / this.#period);
    this.#waitCycles = this.#mostWaitCycles;
    this.#forget();
    this.#state = SinkState.prepared;
    return {
      ...{
        format,
        ...(format.sample === 'FLOAT_LE' ? {} : { significantBits: floatBits }),
        kind: 'JACK, by its cycles',
        clock: 'server',
      },
      ...{ ringFrames: this.#ringFrames, periodFrames: this.#period, takesDirect: false },
      hangMs: Math.ceil((2 * this.#period * 1000) / format.rate) + hangMs,
      ...{ end: 'drain', path: 'through', through: 'the JACK server', copies: 1, notes: [] },
    };
  }

  #makeArea(format: PcmFormat): void {
    if (!isSpread(format.sample)) throw new SinkError(`JACK is given no ${format.sample}`);
    this.#format = format;
    this.#rate[0] = format.rate;
    this.#channels = format.channels;
    this.#frameBytes = frameBytes(format);
    this.#ringFrames = this.#period * periods;
    const region = lockedWhereAllowed(this.#ringFrames * this.#frameBytes);
    this.#region = region;
    this.memory = { address: region.address, buffer: region.buffer };
    this.#spread = spreadOf(format.sample, region.buffer);
    // Of the words that libjack writes, and of a port's buffer for rehearsals.
    const stage = lockedWhereAllowed(Word.count * 4 + this.#period * 4);
    this.#stage = stage;
    this.#words = new Int32Array(stage.buffer, 0, Word.count);
    this.#bindTimes(stage.address);
  }

  #bindTimes(words: number): void {
    const client = this.#client;
    const { cycleTimes } = this.#jack;
    const [frames, began, next, period] = [Word.cycleFrames, Word.cycleUs, Word.nextUs, Word.periodUs].map(
      (word) => words + word * 4,
    );
    this.#readRaw = bindClock(CLOCK.MONOTONIC_RAW, words + Word.rawSeconds * 4);
    this.#readTimes = () => cycleTimes(client, frames!, began!, next!, period!) as number;
  }

  #makePorts(channels: number): void {
    for (let channel = 0; channel < channels; channel++) {
      const handle = registerOutput(this.#jack, this.#client, jackPortName(channel));
      if (handle === 0n)
        throw new SinkError(`the JACK server gives no port for channel ${channel + 1}: it has no more, see jackd -p`);
      this.#ports.push({ handle, low: 0, view: this.#stageView() });
    }
  }

  #stageView(): Float32Array {
    return new Float32Array(this.#stage!.buffer, Word.count * 4, this.#period);
  }

  override close(): void {
    if (this.#client !== 0n) {
      if (this.#isActive === 1 && this.#state !== SinkState.gone) {
        // One more cycle that is answered: the server counts one that is left open as ours.
        this.#state = SinkState.prepared;
        this.wait();
      }
      if (this.#isActive === 1) this.#jack.deactivate(this.#client);
      this.#isActive = 0;
      this.#jack.clientClose(this.#client);
      this.#client = 0n;
    }
    this.#ports = [];
    this.#hasCycle = 0;
    this.#region?.unmap();
    this.#stage?.unmap();
    this.#region = undefined;
    this.#stage = undefined;
  }

  override trouble(): string {
    return this.#trouble;
  }

  override rehearse(isOn: boolean): void {
    this.#isRehearsing = isOn ? 1 : 0;
    this.#rehearsedCycles = 0;
    this.#isActive = 0;
    this.#cycleWait = this.#jack.cycleWait;
    this.#cycleSignal = this.#jack.cycleSignal;
    for (const port of this.#ports) {
      port.low = 0;
      port.view = this.#stageView();
    }
    this.#hasCycle = 0;
    this.#waitCycles = this.#mostWaitCycles;
    this.#forget();
    this.#state = isOn ? SinkState.running : SinkState.prepared;
    if (!isOn) new Uint8Array(this.memory.buffer).fill(silenceByte(this.#format.sample));
  }

  override wait(): number {
    if (this.#isRehearsing === 1) this.#rehearseCycle();
    if (this.#isActive === 0 && this.#isAsleep()) return this.clock.sleep();
    const frames = this.#cycleWait(this.#client) as number;
    if (frames !== this.#period) return this.#lose(frames);
    // A wait that comes back twice in one cycle would overwrite what the first one gave.
    const isNew = this.#lookAtTime(frames) >= 0;
    // Where the server itself is behind, the cycle is over before it begins.
    const isInTime = this.#rawSince(Word.nextUs) <= 0;
    if (isNew) this.#fillPorts(frames);
    this.#cycleSignal(this.#client, 0);
    // What was given after the cycle's end came too late for the card: its frames were not heard.
    const isTooLate = isNew && isInTime && this.#isCounted() && this.#rawSince(Word.nextUs) > 0;
    // Added in each cycle, so that V8 has seen it when it counts.
    this.#lost += isTooLate ? frames : 0;
    return 0;
  }

  /** Microseconds from one of the times that libjack gave to now, by its clock. */
  #rawSince(word: number): number {
    this.#readRaw();
    const words = this.#words;
    const rawUs = (Math.imul(words[Word.rawSeconds]!, 1_000_000) + ((words[Word.rawNs]! / 1000) | 0)) | 0;
    return (rawUs - words[word]!) | 0;
  }

  /** Before a cycle that nobody gives: all that a server may do, in turns. */
  #rehearseCycle(): void {
    this.#rehearsedCycles++;
    const isOdd = (this.#rehearsedCycles & 1) === 1;
    this.#cycleWait = isOdd ? this.#jack.bufferSize : this.#jack.otherSize;
    this.#cycleSignal = isOdd ? this.#jack.noSignal : this.#jack.otherSignal;
    const step = this.#rehearsedStep();
    this.#isActive = step < 32 ? 0 : 1;
    if (step === 1) this.#waitCycles = this.#mostWaitCycles;
    if (step === 30) for (const port of this.#ports) port.low = -1;
  }

  #rehearsedStep(): number {
    return this.#rehearsedCycles & 63;
  }

  /** Before the server takes the client, no cycle is waited for. */
  #isAsleep(): boolean {
    return this.#isRehearsing === 0 || this.#rehearsedStep() === 20;
  }

  /** Times of a cycle that nobody gives: it begins now, right behind the one before, or one was left out, or it is the one before. Gives 0. */
  #rehearsedTimes(): number {
    const words = this.#words;
    const step = this.#rehearsedStep();
    const periods = step === 40 ? 2 : step === 50 ? 0 : 1;
    words[Word.cycleFrames] = (this.#lastFrames + periods * this.#period) | 0;
    words[Word.cycleUs] = (words[Word.cycleUs]! + this.#rawSince(Word.cycleUs)) | 0;
    words[Word.nextUs] = (words[Word.cycleUs]! + 1000) | 0;
    return 0;
  }

  /** The server is gone, or has another period now. */
  #lose(frames: number): number {
    this.#state = SinkState.gone;
    this.#trouble =
      frames === 0
        ? 'the JACK server has ended: start it again and play on with --start'
        : `the JACK server has changed its period from ${this.#period} to ${frames} frames: play again`;
    return -1;
  }

  /** Spreads what waits over the ports; what is missing is silence. */
  #fillPorts(frames: number): void {
    const isHeard = this.#state === SinkState.running || this.#state === SinkState.draining;
    if (isHeard && this.#waitCycles > 0) this.#lookForPartner();
    const filled = isHeard && this.#waitCycles === 0 ? Math.min(frames, this.queued) : 0;
    const first = Math.min(filled, this.#ringFrames - this.#readAt);
    for (let channel = 0; channel < this.#channels; channel++) {
      const port = this.#ports[channel]!;
      this.#find(port, frames);
      const { view } = port;
      this.#spread(channel, this.#channels, this.#readAt, first, view, 0);
      if (filled > first) this.#spread(channel, this.#channels, 0, filled - first, view, first);
      for (let frame = filled; frame < frames; frame++) view[frame] = 0;
    }
    this.#readAt = (this.#readAt + filled) % this.#ringFrames;
    this.queued -= filled;
    this.room = this.#ringFrames - this.queued;
    if (filled === 0 && this.queued === 0) this.#silentCycles++;
    if (this.#isCounted()) this.#lost += frames - filled;
  }

  /** What is missing now is missed by somebody. */
  #isCounted(): boolean {
    return this.#state === SinkState.running && this.#waitCycles === 0;
  }

  /** Ports are joined one after the other: with the last it begins; with the first it waits a little for the others, which may have no partner. */
  #lookForPartner(): void {
    if (this.#isJoined(this.#channels - 1)) {
      this.#waitCycles = 0;
      return;
    }
    if (this.#waitCycles > this.#fewCycles && this.#isJoined(0)) this.#waitCycles = this.#fewCycles;
    this.#waitCycles--;
  }

  #isJoined(channel: number): boolean {
    const joined = this.#jack.portConnections(this.#ports[channel]!.handle) as number;
    return joined + this.#rehearsedJoins(channel) > 0;
  }

  /** In a rehearsal nobody joins a port: the first one is joined some cycles after the wait began, the others some more. */
  #rehearsedJoins(channel: number): number {
    return this.#isRehearsing === 1 && this.#rehearsedStep() > (channel === 0 ? 4 : 8) ? 1 : 0;
  }

  /** PipeWire's library gives another buffer now and then; JACK's own stays where it is, so that nothing is allocated. */
  #find(port: Port, frames: number): void {
    const low = this.#jack.portBufferLow(port.handle, frames) as number;
    if (low !== port.low) this.#move(port, low, frames);
  }

  #move(port: Port, low: number, frames: number): void {
    port.low = low;
    if (this.#isRehearsing === 1) port.view = this.#stageView();
    else port.view = new Float32Array(viewMemory(Number(this.#jack.portBuffer(port.handle, frames)), frames * 4));
  }

  /** When the cycle began, as the deadline of this wake-up. Gives frames of cycles that went by without us; -1: it is the cycle of the last time. */
  #lookAtTime(frames: number): number {
    // libjack is asked in a rehearsal too: it answers clients that are not active.
    const told = this.#readTimes();
    const known = this.#isRehearsing === 1 ? this.#rehearsedTimes() : told;
    const lateUs = this.#rawSince(Word.cycleUs);
    this.clock.read();
    if (known !== 0) return 0;
    // Late is what is late for the first cycle that was not waited for.
    const skipped = this.#count(frames);
    const skippedNs = skipped > 0 ? (skipped * 1e9) / this.#rate[0]! : 0;
    this.clock.times[Time.deadline] = this.clock.times[Time.now]! - lateUs * 1000 - skippedNs;
    return skipped;
  }

  /** Frames of cycles that went by without us, since the one before; -1: it is the one before. */
  #count(frames: number): number {
    const now = this.#words[Word.cycleFrames]!;
    const jump = ((now - this.#lastFrames) | 0) - frames;
    if (this.#hasCycle === 1 && jump === -frames) return -1;
    const skipped = this.#hasCycle === 1 && jump > 0 ? jump : 0;
    if (this.#isCounted()) this.#lost += skipped;
    this.#hasCycle = 1;
    this.#lastFrames = now;
    return skipped;
  }

  override update(): number {
    if (this.#lost > 0 && this.#state === SinkState.running) {
      this.xrun[0] = (this.#lost * 1e9) / this.#rate[0]!;
      this.xrun[1] = this.#lost;
      this.#lost = 0;
      return SinkState.xrun;
    }
    if (this.#state === SinkState.draining && this.queued === 0 && this.#silentCycles >= 2) return SinkState.drained;
    return this.#state;
  }

  override area(frames: number): number {
    this.areaOffset = this.#writeAt * this.#frameBytes;
    return Math.min(frames, this.room, this.#ringFrames - this.#writeAt);
  }

  override commit(frames: number): number {
    this.#writeAt = (this.#writeAt + frames) % this.#ringFrames;
    this.queued += frames;
    this.room = this.#ringFrames - this.queued;
    this.#silentCycles = 0;
    return 0;
  }

  override start(): number {
    this.#lost = 0;
    this.#state = SinkState.running;
    if (this.#isActive === 1 || this.#isRehearsing === 1) return 0;
    const result = this.#jack.activate(this.#client) as number;
    if (result !== 0) {
      this.#trouble = 'the JACK server took the client back: see what jackd says';
      return -1;
    }
    this.#isActive = 1;
    return 0;
  }

  override pause(): number {
    this.#state = SinkState.paused;
    return 0;
  }

  override resume(): number {
    this.#lost = 0;
    this.#state = SinkState.running;
    return 0;
  }

  override drop(): number {
    this.#forget();
    this.#state = SinkState.prepared;
    return 0;
  }

  override prepare(): number {
    this.#state = SinkState.prepared;
    return 0;
  }

  override drain(): number {
    this.#silentCycles = 0;
    this.#state = SinkState.draining;
    return 0;
  }

  #forget(): void {
    this.queued = 0;
    this.room = this.#ringFrames;
    this.#readAt = 0;
    this.#writeAt = 0;
    this.#lost = 0;
  }
}

/** Locked where the limit allows it: where not, its pages are there all the same, as long as memory is not short. */
function lockedWhereAllowed(bytes: number): Region {
  try {
    return new Region(bytes, { locked: true });
  } catch {
    return new Region(bytes);
  }
}
