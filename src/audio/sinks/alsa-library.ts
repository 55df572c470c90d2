// Any name that ALSA's library knows: cards through its plugins, PipeWire, PulseAudio, JACK, files. Frames are put in place where the plugins have a mapped ring
// (snd_pcm_mmap_begin), and else written from a ring of our own. What the library gives by reference stands in mapped memory, so that nothing is allocated.
// Plugins of sound servers start threads of their own when they are opened; they inherit no real-time class (SCHED_RESET_ON_FORK, pump/).
// Not here: opening (alsa-library-open.ts), what the plugins do with samples (alsa-parts.ts).

import { SoundError } from '../../alsa/sound-error.js';
import { SNDRV_PCM_STATE } from '../../kernel/constants.js';
import { Errno } from '../../kernel/errno.js';
import { viewMemory } from '../../kernel/ffi.js';
import { textAt } from '../../kernel/foreign.js';
import { type KeptAddress, keepAddress, MAP, type Mapping, mapMemory, PROT, unmapMemory } from '../../kernel/memory.js';
import { pageRefusal } from '../../kernel/splice.js';
import { word64 } from '../../kernel/words.js';
import type { Speaker } from '../../wire/pcm/channels.js';
import { describeChannels, frameBytes, type PcmFormat, silenceByte } from '../../wire/pcm/format.js';
import { type PcmOffer, takes } from '../../wire/pcm/negotiate.js';
import { type PumpClock, Time } from '../pump/clock.js';
import { Seldom } from '../pump/seldom.js';
import { type LibraryShape, type LibraryStream, libraryOffers, openHandle, settle } from './alsa-library-open.js';
import { judgeParts } from './alsa-parts.js';
import { inSinkWords } from './in-sink-words.js';
import { type AlsaCalls, alsaCalls, describeParts, speakersOf } from './libasound.js';
import { ringShape } from './ring-shape.js';
import { isStop, Sink, SinkError, type SinkOpening, type SinkSettings, SinkState } from './sink.js';

/** Where results stand: the areas' address, the offset and the frames of mmap_begin, in words; a time; then a status. */
const Word = { areas: 0, offset: 2, frames: 4, seconds: 6, nanoseconds: 8 } as const;
const statusAt = 1024;
const wordsBytes = 4096;

/** Functions of the library's that do nothing, and say that all is well. */
function silentCalls(alsa: AlsaCalls): AlsaCalls {
  const silent = Object.entries(alsa).map(([name, call]) => [name, Object.assign(() => 0, call)] as const);
  return Object.fromEntries(silent) as AlsaCalls;
}

/** See the file's head. */
export class LibraryAlsaSink extends Sink {
  readonly #name: string;
  readonly #library: () => AlsaCalls;
  #alsa: AlsaCalls | undefined;
  /** The library as the stream is played by it; in a rehearsal without {@link #stage} functions that do nothing. */
  #calls: AlsaCalls | undefined;
  #real = 0;
  /** Whether the name was opened so that its plugins convert what they can. */
  #isConverting = false;
  /** A stream to nowhere that is rehearsed on; 0: there is none. */
  #stage = 0;
  /** The stream that calls go to: the real one, or the one to rehearse on. */
  #pcm = 0;
  #words: Mapping | undefined;
  #results = new Int32Array(16);
  /** Addresses of the results, of which none is worked out anew while it plays. */
  #areasAt: KeptAddress = keepAddress(0);
  #offsetAt: KeptAddress = keepAddress(0);
  #framesAt: KeptAddress = keepAddress(0);
  #secondsAt: KeptAddress = keepAddress(0);
  #statusAt: KeptAddress = keepAddress(0);
  #own: Mapping | undefined;
  #bytes = new Uint8Array(0);
  #isMapped = false;
  #canPause = false;
  #isTimed = true;
  #isRehearsing = false;
  /** Of a rehearsal: when it has run dry as it is looked at, when it gives no place, and when it takes no frames. */
  readonly #dries = new Seldom();
  readonly #shorts = new Seldom();
  readonly #stops = new Seldom();
  /** What the stream would say while it has not run dry. */
  #statePretended: number = SNDRV_PCM_STATE.RUNNING;
  #isDraining = false;
  #silence = 0;
  #ring = 1;
  #period = 1;
  #frameBytes = 1;
  /** Without a mapped ring: the next frame's place in ours, and frames in it that writei has not taken yet. */
  #position = 0;
  #owed = 0;
  #failedCall = '';
  #errno = 0;

  /** @param name any that ALSA knows */
  constructor(clock: PumpClock, name: string, library: () => AlsaCalls = alsaCalls) {
    super(clock);
    this.#name = name;
    this.#library = library;
  }

  /**
   * What the name takes as it is; where that does not have the source's rate and channels, what it takes when its plugins convert: `open` asks whether
   * that is allowed.
   */
  override offers(source: PcmFormat): readonly PcmOffer[] {
    return inSinkWords(this, () => {
      const has = (offers: readonly PcmOffer[]): boolean =>
        offers.some(({ rates, channels }) => takes(rates, source.rate) && takes(channels, source.channels));
      const plain = this.#offersOf(source, true);
      if (has(plain)) return plain;
      const converting = this.#offersOf(source, false);
      return has(converting) ? converting : this.#offersOf(source, true);
    });
  }

  #offersOf(source: PcmFormat, asIs: boolean): PcmOffer[] {
    this.close();
    this.#alsa = this.#library();
    this.#real = openHandle(this.#alsa, this.#name, asIs);
    this.#isConverting = !asIs;
    return libraryOffers(this.#alsa, this.#real, this.#name, source);
  }

  override open(format: PcmFormat, settings: SinkSettings): SinkOpening {
    return inSinkWords(this, () => {
      this.#alsa ??= this.#library();
      if (this.#real === 0) this.#real = openHandle(this.#alsa, this.#name, true);
      if (this.#isConverting && !settings.convert) {
        throw new SinkError(
          `${this.#name} has to convert ${format.rate} Hz, ${describeChannels(format.channels)}, into what is behind it; allow that with --convert, or choose a device that takes it`,
        );
      }
      const shape = {
        ...ringShape(format.rate, settings),
        first: settings.periodFrames === undefined ? 'ring' : 'period',
      } as const;
      const stream = settle(this.#alsa, this.#real, this.#name, format, shape);
      this.#pcm = this.#real;
      this.#calls = this.#alsa;
      this.#take(format, stream);
      this.#openStage(format, shape, stream);
      return this.#opened(format, settings, stream);
    });
  }

  #take(format: PcmFormat, stream: LibraryStream): void {
    const { ringFrames, periodFrames } = stream;
    this.#words = mapMemory(wordsBytes, PROT.READ | PROT.WRITE, MAP.PRIVATE | MAP.ANONYMOUS);
    this.#results = new Int32Array(this.#words.buffer, 0, 16);
    const { address } = this.#words;
    this.#areasAt = keepAddress(address + Word.areas * 4);
    this.#offsetAt = keepAddress(address + Word.offset * 4);
    this.#framesAt = keepAddress(address + Word.frames * 4);
    this.#secondsAt = keepAddress(address + Word.seconds * 4);
    this.#statusAt = keepAddress(address + statusAt);
    this.#isMapped = stream.isMapped;
    this.#canPause = stream.canPause;
    this.#silence = silenceByte(format.sample);
    this.#ring = ringFrames;
    this.#period = periodFrames;
    this.#frameBytes = frameBytes(format);
    this.#empty();
    const bytes = ringFrames * this.#frameBytes;
    if (this.#isMapped) {
      this.memory = this.#ringOf(format, bytes);
    } else {
      this.#own = mapMemory(bytes, PROT.READ | PROT.WRITE, MAP.PRIVATE | MAP.ANONYMOUS);
      this.memory = this.#own;
    }
    this.#bytes = new Uint8Array(this.memory.buffer, 0, bytes);
    this.#bytes.fill(this.#silence);
  }

  /** Where the stream's ring is: what mmap_begin says of its first frame. @throws SinkError where frames do not lie one behind the other */
  #ringOf(format: PcmFormat, bytes: number): { address: number; buffer: ArrayBuffer } {
    const result = this.#begin(this.#ring);
    if (result < 0)
      throw new SinkError(`${this.#name}: its ring cannot be had (${this.#inWords(-result)}); try plug:${this.#name}`);
    const [areas, offset] = [this.#pointer(Word.areas), this.#results[Word.offset]!];
    const data = new DataView(viewMemory(areas, 16 * format.channels));
    const base = Number(data.getBigUint64(0, true));
    const step = this.#frameBytes * 8;
    const sample = step / format.channels;
    const isInterleaved = Array.from({ length: format.channels }, (_, channel) => channel).every(
      (channel) =>
        Number(data.getBigUint64(channel * 16, true)) === base &&
        data.getUint32(channel * 16 + 8, true) === channel * sample &&
        data.getUint32(channel * 16 + 12, true) === step,
    );
    if (!isInterleaved || offset !== 0)
      throw new SinkError(
        `${this.#name} has a ring whose frames do not lie one behind the other; put a plug in front: plug:${this.#name}`,
      );
    return { address: base, buffer: viewMemory(base, bytes) };
  }

  /** A stream of the same form that leads nowhere: what is rehearsed on it is the library's own code. Without one a rehearsal calls {@link silentCalls}. */
  #openStage(format: PcmFormat, shape: LibraryShape, stream: LibraryStream): void {
    const alsa = this.#alsa!;
    let pcm = 0;
    try {
      pcm = openHandle(alsa, 'null', false);
      const { ringFrames, periodFrames, isMapped } = stream;
      const opened = settle(alsa, pcm, 'null', format, { ...shape, ringFrames, periodFrames, isMapped });
      if (opened.ringFrames === ringFrames && opened.isMapped === isMapped) {
        this.#stage = pcm;
        return;
      }
    } catch (error) {
      if (!(error instanceof SoundError)) throw error;
    }
    if (pcm !== 0) alsa.pcm_close(pcm);
  }

  #opened(format: PcmFormat, settings: SinkSettings, stream: LibraryStream): SinkOpening {
    const { ringFrames, periodFrames, noPeriodWakeup } = stream;
    const parts = judgeParts(describeParts(this.#alsa!, this.#real), format.validBits);
    if (parts.converted !== '' && !settings.convert) {
      throw new SinkError(
        `${this.#name} is behind ${parts.converted}; allow that with --convert, or play to the card: --device hw:0,0`,
      );
    }
    this.#isTimed = parts.clock !== 'none';
    const speakers = speakersOf(this.#alsa!, this.#real, format.channels) as readonly string[] | undefined;
    return {
      format,
      ...(speakers === undefined ? {} : { speakers: speakers as readonly Speaker[] }),
      kind: `ALSA's library (${this.#name})`,
      clock: parts.clock,
      ringFrames,
      periodFrames,
      takesDirect: settings.direct && this.#isMapped && pageRefusal(this.memory.address) === 0,
      hangMs: Math.ceil((ringFrames / format.rate) * 1000) + 2000,
      // What has no clock takes no silence: it would be part of its file.
      end: this.#isTimed ? 'pad' : 'drain',
      path: parts.path,
      ...(parts.through === '' ? {} : { through: parts.through }),
      ...(this.#isMapped ? {} : { copies: 1 }),
      notes: [
        this.#isMapped
          ? 'frames are put in place'
          : 'the plugin has no mapped ring: frames are copied once more (writei)',
        ...(noPeriodWakeup ? ['no interrupt at the end of periods'] : []),
      ],
    };
  }

  override close(): void {
    for (const pcm of [this.#stage, this.#real]) if (pcm !== 0) this.#alsa!.pcm_close(pcm);
    this.#stage = 0;
    this.#real = 0;
    this.#pcm = 0;
    for (const mapping of [this.#own, this.#words]) if (mapping !== undefined) unmapMemory(mapping);
    this.#own = undefined;
    this.#words = undefined;
  }

  override trouble(): string {
    if (this.#errno === Errno.ENODEV)
      return `${this.#name} went away while it was playing; see what there is now: clearway play --devices`;
    return `${this.#name}: ${this.#failedCall} failed: ${this.#inWords(this.#errno)}; see whether what is behind it still runs: clearway play --devices`;
  }

  override rehearse(isOn: boolean): void {
    this.#isRehearsing = isOn;
    this.#statePretended = SNDRV_PCM_STATE.RUNNING;
    if (this.#stage !== 0) {
      this.#pcm = isOn ? this.#stage : this.#real;
      if (isOn) this.#alsa!.pcm_prepare(this.#stage);
      else this.#alsa!.pcm_drop(this.#stage);
    } else this.#calls = isOn ? silentCalls(this.#alsa!) : this.#alsa;
    this.#empty();
    if (!isOn) this.#bytes.fill(this.#silence);
  }

  override update(): number {
    const alsa = this.#calls!;
    // Asked in a rehearsal too: what is done with the answer is compiled there.
    const saidFree = alsa.pcm_avail(this.#pcm) as number;
    const saidState = alsa.pcm_state(this.#pcm) as number;
    const free = this.#isRehearsing ? this.#rehearsedFree() : saidFree;
    const state = this.#isRehearsing ? this.#statePretended : saidState;
    if (free === -Errno.ENODEV || state === SNDRV_PCM_STATE.DISCONNECTED) {
      this.#failed('snd_pcm_avail', -Errno.ENODEV);
      return SinkState.gone;
    }
    if (free === -Errno.EPIPE || state === SNDRV_PCM_STATE.XRUN) return this.#measureXrun();
    if (free === -Errno.ESTRPIPE || state === SNDRV_PCM_STATE.SUSPENDED) return SinkState.suspended;
    if (free < 0) {
      this.#failed('snd_pcm_avail', free);
      return SinkState.gone;
    }
    const room = free > this.#ring ? this.#ring : free;
    // The room was asked for before: what is taken now is in neither.
    const owed = this.#owed;
    const written = this.#write();
    if (written === -Errno.EPIPE) return this.#measureXrun();
    if (written < 0) return written === -Errno.ESTRPIPE ? SinkState.suspended : SinkState.gone;
    this.queued = this.#ring - room + owed;
    this.room = this.#owed > 0 || room < owed ? 0 : room - owed;
    if (this.#isDraining) return this.#updateDrain(state);
    if (state === SNDRV_PCM_STATE.RUNNING) return SinkState.running;
    return state === SNDRV_PCM_STATE.PAUSED ? SinkState.paused : SinkState.prepared;
  }

  /** A period, or now and then what a stream says that ran dry. */
  #rehearsedFree(): number {
    return this.#dries.isNow() ? -Errno.EPIPE : this.#period;
  }

  /** All that it took was played; what is owed was not. */
  #measureXrun(): number {
    const alsa = this.#calls!;
    this.queued = this.#owed;
    this.room = this.#ring;
    if (this.#isDraining && this.#owed === 0) return SinkState.drained;
    this.xrun[0] = -1;
    this.xrun[1] = -1;
    const status = this.#statusAt[0];
    if ((alsa.pcm_status(this.#pcm, status) as number) < 0) return SinkState.xrun;
    alsa.pcm_status_get_trigger_htstamp(status, this.#secondsAt[0]);
    const seconds = this.#results[Word.seconds]!;
    const nanoseconds = this.#results[Word.nanoseconds]!;
    // A plugin that takes no time says none.
    if (seconds === 0 && nanoseconds === 0 && !this.#isRehearsing) return SinkState.xrun;
    const since = this.clock.times[Time.now]! - ((seconds - this.clock.baseSeconds) * 1e9 + nanoseconds);
    this.xrun[0] = since > 0 && !this.#isRehearsing ? since : 0;
    return SinkState.xrun;
  }

  override area(frames: number): number {
    if (!this.#isMapped) {
      this.areaOffset = this.#position * this.#frameBytes;
      const piece = this.#ring - this.#position;
      return frames < piece ? frames : piece;
    }
    if (this.#isRehearsing && this.#stage === 0) {
      this.areaOffset = 0;
      return frames;
    }
    if (this.#begin(frames) < 0 || (this.#isRehearsing && this.#shorts.isNow())) return 0;
    this.areaOffset = this.#results[Word.offset]! * this.#frameBytes;
    return this.#results[Word.frames]!;
  }

  #begin(frames: number): number {
    this.#results[Word.frames] = frames;
    this.#results[Word.frames + 1] = 0;
    return this.#failed(
      'snd_pcm_mmap_begin',
      this.#calls!.pcm_mmap_begin(this.#pcm, this.#areasAt[0], this.#offsetAt[0], this.#framesAt[0]) as number,
    );
  }

  override commit(frames: number): number {
    if (frames < 0 || frames > this.room) return -Errno.EINVAL;
    const result = this.#handOver(frames);
    if (result < 0 && (!this.#isRehearsing || isStop(result))) return result;
    this.queued += frames;
    this.room -= frames;
    return result;
  }

  /** What was put where {@link area} said. */
  #handOver(frames: number): number {
    if (this.#isRehearsing && this.#stage === 0) return 0;
    if (!this.#isMapped) {
      this.#owed += frames;
      this.#position += frames;
      if (this.#position >= this.#ring) this.#position -= this.#ring;
      const result = this.#write();
      // Where some of these were taken the rest is owed, and the next look tells what is wrong.
      if (result >= 0 || this.#owed < frames) return 0;
      this.#owed -= frames;
      this.#position -= frames;
      if (this.#position < 0) this.#position += this.#ring;
      return result;
    }
    const taken = this.#calls!.pcm_mmap_commit(this.#pcm, this.#results[Word.offset]!, frames) as number;
    if (taken < 0) return this.#failed('snd_pcm_mmap_commit', taken);
    if (taken !== frames) return this.#failed('snd_pcm_mmap_commit', -Errno.EIO);
    // A stream that ran dry since it was looked at takes frames all the same, and never plays them (P_STATE_RUNNABLE in alsa-lib's pcm.c).
    const isDry = this.#calls!.pcm_state(this.#pcm) === SNDRV_PCM_STATE.XRUN;
    const isToBe = this.#isRehearsing && this.#stops.isNow();
    return isDry || isToBe ? this.#failed('snd_pcm_mmap_commit', -Errno.EPIPE) : 0;
  }

  /** Hands frames of our own ring over, as many as it takes now. */
  #write(): number {
    for (let piece = 0; piece < 2 && this.#owed > 0; piece++) {
      let from = this.#position - this.#owed;
      if (from < 0) from += this.#ring;
      const frames = Math.min(this.#owed, this.#ring - from);
      const taken = this.#calls!.pcm_writei(this.#pcm, this.memory.address + from * this.#frameBytes, frames) as number;
      if (taken === -Errno.EAGAIN) return 0;
      if (taken < 0) return this.#failed('snd_pcm_writei', taken);
      this.#owed -= taken;
      if (taken < frames) return 0;
    }
    return 0;
  }

  override start(): number {
    this.#statePretended = SNDRV_PCM_STATE.RUNNING;
    // A plugin that starts by itself with the first frames (a sound server) has done so.
    if (this.#calls!.pcm_state(this.#pcm) === SNDRV_PCM_STATE.RUNNING) return 0;
    return this.#failed('snd_pcm_start', this.#calls!.pcm_start(this.#pcm) as number);
  }

  override pause(): number {
    if (!this.#canPause) return -Errno.ENOSYS;
    this.#statePretended = SNDRV_PCM_STATE.PAUSED;
    return this.#failed('snd_pcm_pause', this.#calls!.pcm_pause(this.#pcm, 1) as number);
  }

  override resume(): number {
    this.#statePretended = SNDRV_PCM_STATE.RUNNING;
    return this.#failed('snd_pcm_pause', this.#calls!.pcm_pause(this.#pcm, 0) as number);
  }

  override drop(): number {
    const free = this.#isTimed ? (this.#calls!.pcm_avail(this.#pcm) as number) : this.#ring;
    if (free >= 0) this.queued = free > this.#ring ? 0 : this.#ring - free + this.#owed;
    return this.#failed('snd_pcm_drop', this.#calls!.pcm_drop(this.#pcm) as number);
  }

  override prepare(): number {
    this.#statePretended = SNDRV_PCM_STATE.PREPARED;
    // What was suspended is woken up by preparing it anew (sound/core/pcm_native.c, snd_pcm_prepare).
    const result = this.#calls!.pcm_prepare(this.#pcm) as number;
    this.#empty();
    return this.#failed('snd_pcm_prepare', result);
  }

  override drain(): number {
    this.#isDraining = true;
    if (this.#owed > 0) return 0;
    const result = this.#calls!.pcm_drain(this.#pcm) as number;
    return result === -Errno.EAGAIN ? 0 : this.#failed('snd_pcm_drain', result);
  }

  #updateDrain(state: number): number {
    this.room = 0;
    if (this.#owed > 0) return SinkState.draining;
    if (state === SNDRV_PCM_STATE.RUNNING) {
      this.drain();
      return SinkState.draining;
    }
    if (state === SNDRV_PCM_STATE.DRAINING) return SinkState.draining;
    this.queued = 0;
    return SinkState.drained;
  }

  #failed(call: string, result: number): number {
    if (result < 0) {
      this.#failedCall = call;
      this.#errno = -result;
    }
    return result;
  }

  #empty(): void {
    this.#position = 0;
    this.#owed = 0;
    this.#isDraining = false;
    this.queued = 0;
    this.room = this.#ring;
  }

  #pointer(word: number): number {
    return word64(this.#results, word);
  }

  #inWords(errno: number): string {
    return textAt(this.#alsa!.strerror(-errno) as number, 200);
  }
}
