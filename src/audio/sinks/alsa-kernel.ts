// A sound card by the kernel's own interface: no library. Frames are put straight into the ring that the card's DMA reads, and handed over by a word in a mapped
// page, or by a call where the driver shares none; where the card is is asked by one call a wake-up. Not here: the interface itself (alsa/).

import { type OpenDevice, openDevice } from '../../alsa/cards.js';
import { channelMap } from '../../alsa/channel-map.js';
import { configureDevice, type PcmConfiguration } from '../../alsa/configure.js';
import type { DeviceName } from '../../alsa/device-name.js';
import { failedCall, wentAway } from '../../alsa/sound-error.js';
import { PcmStream, speak } from '../../alsa/stream.js';
import { SNDRV_PCM_STATE } from '../../kernel/constants.js';
import { Errno } from '../../kernel/errno.js';
import { hostSoundCalls, type SoundCalls } from '../../kernel/sound.js';
import { pageRefusal } from '../../kernel/splice.js';
import type { Speaker } from '../../wire/pcm/channels.js';
import { type PcmFormat, silenceByte } from '../../wire/pcm/format.js';
import type { PcmOffer } from '../../wire/pcm/negotiate.js';
import { type PumpClock, Time } from '../pump/clock.js';
import { Seldom } from '../pump/seldom.js';
import { kernelOffers, presumedSpeakers } from './alsa-kernel-offers.js';
import { inSinkWords } from './in-sink-words.js';
import { ringShape } from './ring-shape.js';
import { isStop, Sink, type SinkOpening, type SinkSettings, SinkState } from './sink.js';

/** Frames that were handed over and stay so when others are taken back: the card may be about to fetch them. */
const keptMs = 2;

/** See the file's head. */
export class KernelAlsaSink extends Sink {
  readonly #calls: SoundCalls;
  readonly #wanted: DeviceName;
  #device: OpenDevice | undefined;
  #stream: PcmStream | undefined;
  #bytes = new Uint8Array(0);
  #canPause = false;
  #canRewind = false;
  #silence = 0;
  #ring = 1;
  #period = 1;
  #frameBytes = 1;
  #kept = 0;
  #rate = 1;
  /** The next frame's place in the ring. */
  #position = 0;
  #isRehearsing = false;
  /** Of a rehearsal: when it has run dry as it is looked at, and when before frames are handed over. */
  readonly #dries = new Seldom();
  readonly #stops = new Seldom();
  #stopsPretended = 0;
  /** What the driver would say while it has not run dry. */
  #statePretended: number = SNDRV_PCM_STATE.RUNNING;
  #isDraining = false;
  /** The last call that failed, and how: of {@link trouble}. */
  #name = '';
  #failedCall = '';
  #errno = 0;
  /** A time as the kernel gave it: seconds, nanoseconds. */
  readonly #times = new Float64Array(2);

  /** @param wanted a card's device; undefined for its subdevice: any that is free */
  constructor(clock: PumpClock, wanted: DeviceName, calls: SoundCalls = hostSoundCalls) {
    super(clock);
    this.#calls = calls;
    this.#wanted = wanted;
  }

  override offers(source: PcmFormat): readonly PcmOffer[] {
    return inSinkWords(this, () => kernelOffers(this.#calls, this.#opened(), source));
  }

  override open(format: PcmFormat, settings: SinkSettings): SinkOpening {
    return inSinkWords(this, () => {
      const device = this.#opened();
      const { ringFrames, periodFrames } = ringShape(format.rate, settings);
      const isSmall = settings.periodFrames !== undefined;
      const configuration = configureDevice(this.#calls, device, {
        ...{ format: format.sample, rate: format.rate, channels: format.channels },
        ...{ bufferFrames: ringFrames, periodFrames, first: isSmall ? 'period' : 'buffer' },
        noPeriodWakeup: !isSmall,
      });
      this.#stream = new PcmStream(this.#calls, device, configuration);
      return this.#take(format, settings, configuration);
    });
  }

  /** The device, opened where it is not yet. */
  #opened(): OpenDevice {
    if (this.#device === undefined) {
      this.#device = openDevice(this.#calls, this.#wanted);
      this.#name = this.#device.name;
      speak(this.#calls, this.#device);
    }
    return this.#device;
  }

  #take(format: PcmFormat, settings: SinkSettings, configuration: PcmConfiguration): SinkOpening {
    const stream = this.#stream!;
    const { bufferFrames, periodFrames, frameBytes, rate, significantBits, noPeriodWakeup, abilities } = configuration;
    this.memory = stream.area;
    this.#bytes = new Uint8Array(stream.area.buffer, 0, bufferFrames * frameBytes);
    this.#canPause = abilities.pause;
    this.#canRewind = abilities.rewind && !abilities.batch;
    this.#silence = silenceByte(format.sample);
    this.#ring = bufferFrames;
    this.#period = periodFrames;
    this.#frameBytes = frameBytes;
    this.#rate = rate;
    this.#kept = Math.ceil((keptMs * rate) / 1000);
    this.#empty();
    this.#bytes.fill(this.#silence);
    const { channels } = format;
    const said = channelMap(this.#calls, this.#device!, channels) as readonly string[] | undefined;
    const speakers = (said as readonly Speaker[] | undefined) ?? presumedSpeakers(channels);
    return {
      format,
      ...(speakers === undefined ? {} : { speakers }),
      significantBits,
      kind: "ALSA, the kernel's interface",
      clock: 'device',
      ringFrames: bufferFrames,
      periodFrames,
      takesDirect: settings.direct && pageRefusal(stream.area.address) === 0,
      hangMs: Math.ceil((bufferFrames / rate) * 1000) + 2000,
      end: 'pad',
      path: 'direct',
      notes: [
        noPeriodWakeup ? 'no interrupt at the end of periods' : `an interrupt every ${periodFrames} frames`,
        stream.isMapped ? 'positions are words of mapped pages' : 'positions by a call each (SYNC_PTR)',
        ...(abilities.batch ? ['its position moves in bursts'] : []),
      ],
    };
  }

  override close(): void {
    this.#stream?.close();
    this.#stream = undefined;
    if (this.#device !== undefined) this.#calls.close(this.#device.fd);
    this.#device = undefined;
  }

  override trouble(): string {
    if (this.#errno === Errno.ENODEV) return wentAway(this.#name).message;
    return failedCall(this.#name, this.#failedCall, this.#errno).message;
  }

  override rehearse(isOn: boolean): void {
    this.#isRehearsing = isOn;
    this.#statePretended = SNDRV_PCM_STATE.RUNNING;
    this.#stream!.rehearse(isOn);
    this.#empty();
    if (!isOn) this.#bytes.fill(this.#silence);
  }

  override update(): number {
    const stream = this.#stream!;
    if (this.#isRehearsing) {
      const isDry = this.#dries.isNow();
      const behind = isDry ? -this.#period : this.#ring - this.#period;
      stream.pretend(isDry ? SNDRV_PCM_STATE.XRUN : this.#statePretended, (stream.applicationLow() - behind) | 0);
    }
    const result = stream.synchronize();
    const state = stream.state();
    if (result === -Errno.ENODEV || state === SNDRV_PCM_STATE.DISCONNECTED) {
      this.#failed('its position', -Errno.ENODEV);
      return SinkState.gone;
    }
    const ahead = stream.queued();
    if (state === SNDRV_PCM_STATE.XRUN) {
      this.#measureXrun(stream, ahead);
      return SinkState.xrun;
    }
    this.queued = ahead < 0 ? 0 : ahead > this.#ring ? this.#ring : ahead;
    this.room = this.#ring - this.queued;
    if (state === SNDRV_PCM_STATE.RUNNING) return SinkState.running;
    if (state === SNDRV_PCM_STATE.PAUSED) return SinkState.paused;
    if (state === SNDRV_PCM_STATE.SUSPENDED) return SinkState.suspended;
    if (state === SNDRV_PCM_STATE.DRAINING) return SinkState.draining;
    return this.#isDraining ? SinkState.drained : SinkState.prepared;
  }

  /**
   * How long nothing of the track has been played: since the driver stopped the card, and before that while the card ran past the end of what was
   * queued, which the driver saw late.
   */
  #measureXrun(stream: PcmStream, ahead: number): void {
    this.queued = 0;
    this.room = this.#ring;
    this.xrun[0] = -1;
    this.xrun[1] = -1;
    if (stream.triggerTime(this.#times, 0) < 0 && !this.#isRehearsing) return;
    const stopped = (this.#times[0]! - this.clock.baseSeconds) * 1e9 + this.#times[1]!;
    const overrun = ahead < 0 ? (-ahead * 1e9) / this.#rate : 0;
    const since = Math.max(0, this.clock.times[Time.now]! - stopped);
    this.xrun[0] = this.#isRehearsing ? overrun : since + overrun;
  }

  override area(frames: number): number {
    this.areaOffset = this.#position * this.#frameBytes;
    const piece = this.#ring - this.#position;
    return frames < piece ? frames : piece;
  }

  override commit(frames: number): number {
    if (frames < 0 || frames > this.room) return -Errno.EINVAL;
    const stream = this.#stream!;
    if (this.#isRehearsing) this.#pretendStop(stream);
    const result = this.#failed('SYNC_PTR', stream.advance(frames));
    // Else it reached no device.
    if (result < 0 && (!this.#isRehearsing || isStop(result))) return result;
    this.queued += frames;
    this.room -= frames;
    this.#position += frames;
    if (this.#position >= this.#ring) this.#position -= this.#ring;
    return result;
  }

  /** Now and then all that was queued has left since it was looked at, and every other time it was stopped because of that. */
  #pretendStop(stream: PcmStream): void {
    if (!this.#stops.isNow()) return;
    this.#stopsPretended ^= 1;
    const state = this.#stopsPretended === 0 ? SNDRV_PCM_STATE.XRUN : SNDRV_PCM_STATE.RUNNING;
    stream.pretend(state, stream.applicationLow());
  }

  override start(): number {
    this.#statePretended = SNDRV_PCM_STATE.RUNNING;
    return this.#failed('START', this.#stream!.start());
  }

  override pause(): number {
    if (!this.#canPause) return -Errno.ENOSYS;
    this.#statePretended = SNDRV_PCM_STATE.PAUSED;
    const result = this.#failed('PAUSE', this.#stream!.pause(true));
    return this.#isRehearsing ? 0 : result;
  }

  override resume(): number {
    this.#statePretended = SNDRV_PCM_STATE.RUNNING;
    return this.#failed('PAUSE', this.#stream!.pause(false));
  }

  override drop(): number {
    const stream = this.#stream!;
    if (!this.#isRehearsing) stream.synchronize();
    const ahead = stream.queued();
    this.queued = ahead < 0 ? 0 : ahead;
    return this.#failed('DROP', stream.drop());
  }

  override prepare(): number {
    this.#statePretended = SNDRV_PCM_STATE.PREPARED;
    const result = this.#stream!.prepare();
    this.#empty();
    return this.#failed('PREPARE', result);
  }

  override drain(): number {
    this.#isDraining = true;
    return this.#failed('DRAIN', this.#stream!.drain());
  }

  override rewind(frames: number): number {
    if (!this.#canRewind) return 0;
    const stream = this.#stream!;
    stream.synchronize();
    const most = stream.queued() - this.#kept;
    const wanted = frames < most ? frames : most;
    if (wanted <= 0) return 0;
    const told = stream.rewind(wanted);
    const back = this.#isRehearsing ? wanted : told;
    if (back <= 0) return 0;
    this.#position -= back;
    if (this.#position < 0) this.#position += this.#ring;
    this.queued = stream.queued();
    this.room = this.#ring - this.queued;
    return back;
  }

  /** Remembers what went wrong, and passes it on. */
  #failed(call: string, result: number): number {
    if (result < 0) {
      this.#failedCall = call;
      this.#errno = -result;
    }
    return result;
  }

  #empty(): void {
    this.#position = 0;
    this.#isDraining = false;
    this.queued = 0;
    this.room = this.#ring;
  }
}
