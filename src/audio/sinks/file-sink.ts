// Frames into a file or to standard output: as WAV, whose header is put right when it is closed (RF64 beyond 4 GiB), or bare. There is no clock: frames leave as fast as they are written, and
// a pipe that is full is waited for. Standard output is never closed here. Not here: the header's bytes (wave-header.ts).

import { closeSync, fstatSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { Errno, errnoWords } from '../../kernel/errno.js';
import { writeBytes } from '../../kernel/file.js';
import { Region } from '../../memory/region.js';
import {
  describeFormat,
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
import { Sink, SinkError, type SinkOpening, type SinkSettings, SinkState } from './sink.js';
import { waveHeader, waveSamples } from './wave-header.js';

/** Frames that are gathered before they are written. */
const areaFrames = 16_384;
const stdout = 1;
const fullPipeNs = 1e6;

/** Words of an error of node:fs. */
function wordsOf(error: unknown): string {
  const { errno } = error as NodeJS.ErrnoException;
  return errno === undefined ? String(error) : errnoWords(Math.abs(errno));
}

/** See the file's head. */
export class FileSink extends Sink {
  readonly #path: string | undefined;
  readonly #isRaw: boolean;
  #descriptor = -1;
  #region: Region | undefined;
  #format: PcmFormat | undefined;
  #frameBytes = 1;
  #isSeekable = false;
  #isRehearsal = false;
  #state: number = SinkState.prepared;
  #errno = 0;
  /** Bytes of frames that were written, in one element. */
  readonly #written = new Float64Array(1);

  /** @param path undefined: standard output */
  constructor(clock: PumpClock, path: string | undefined, isRaw: boolean) {
    super(clock);
    this.#path = path;
    this.#isRaw = isRaw;
  }

  get #name(): string {
    return this.#path ?? 'standard output';
  }

  /** What a WAV holds, bare samples in every form. @throws SinkError once a file has been written: it has one format */
  override offers(_source: PcmFormat): readonly PcmOffer[] {
    if (this.#format !== undefined) {
      throw new SinkError(
        `${this.#name} was written with ${describeFormat(this.#format)}, and what follows has another format; play it into a file of its own`,
        'usage',
      );
    }
    const rates = { least: leastRate, most: mostRate };
    const channels = { least: 1, most: mostChannels };
    return (this.#isRaw ? sampleFormats : waveSamples).map((sample) => ({ sample, rates, channels }));
  }

  /** @throws SinkError where it cannot be written */
  override open(format: PcmFormat, _settings: SinkSettings): SinkOpening {
    try {
      this.#descriptor = this.#path === undefined ? stdout : openSync(this.#path, 'w');
      this.#isSeekable = fstatSync(this.#descriptor).isFile() && this.#path !== undefined;
      if (!this.#isRaw) this.#writeHeader(waveHeader(format, undefined, this.#isSeekable));
    } catch (error) {
      throw new SinkError(`cannot write ${this.#name}: ${wordsOf(error)}; choose another path`, 'usage');
    }
    this.#format = format;
    this.#frameBytes = frameBytes(format);
    this.#region = new Region(areaFrames * this.#frameBytes);
    this.memory = this.#region;
    this.prepare();
    return {
      format,
      kind: this.#isRaw ? 'bare samples' : 'WAV',
      clock: 'none',
      ringFrames: areaFrames,
      periodFrames: areaFrames,
      takesDirect: true,
      hangMs: Number.MAX_SAFE_INTEGER,
      end: 'drain',
      path: 'file',
      notes: [],
    };
  }

  #writeHeader(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) at += writeSync(this.#descriptor, bytes, at);
  }

  /** Puts the header right and closes the file. */
  override close(): void {
    this.#region?.unmap();
    this.#region = undefined;
    if (this.#descriptor < 0 || this.#path === undefined) return;
    try {
      if (this.#isSeekable && !this.#isRaw && this.#format !== undefined) this.#finishHeader(this.#format);
    } finally {
      closeSync(this.#descriptor);
      this.#descriptor = -1;
    }
  }

  #finishHeader(format: PcmFormat): void {
    const written = this.#written[0]!;
    const header = waveHeader(format, written, true);
    writeSync(this.#descriptor, header, 0, header.length, 0);
    // A chunk's length is even.
    if (written % 2 === 1) ftruncateSync(this.#descriptor, header.length + written + 1);
  }

  override trouble(): string {
    if (this.#errno === Errno.EPIPE) return `nobody reads ${this.#name} any more`;
    const fix = this.#errno === Errno.ENOSPC ? '; make room, or choose another path' : '';
    return `cannot write ${this.#name}: ${errnoWords(this.#errno)}${fix}`;
  }

  override rehearse(isOn: boolean): void {
    this.#isRehearsal = isOn;
    this.prepare();
    if (isOn) this.#state = SinkState.running;
    else this.#region?.bytes.fill(silenceByte(this.#format?.sample ?? 'S16_LE'));
  }

  override update(): number {
    this.room = areaFrames;
    this.queued = 0;
    if (this.#state === SinkState.draining) this.#state = SinkState.drained;
    return this.#state;
  }

  override area(frames: number): number {
    this.areaOffset = 0;
    return frames < areaFrames ? frames : areaFrames;
  }

  override commit(frames: number): number {
    const length = frames * this.#frameBytes;
    if (!this.#isRehearsal) {
      const result = this.#write(length);
      if (result < 0) return result;
    }
    this.room -= frames;
    return 0;
  }

  /** Writes all of it, however many pieces that takes. Gives 0 or -errno. */
  #write(length: number): number {
    let done = 0;
    while (done < length) {
      const result = writeBytes(this.#descriptor, this.memory.address + done, length - done);
      if (result > 0) {
        done += result;
        this.#written[0]! += result;
      } else if (result === -Errno.EAGAIN) this.#rest();
      else if (result !== -Errno.EINTR) {
        this.#errno = -result;
        return result < 0 ? result : -Errno.EIO;
      }
    }
    return 0;
  }

  /** The pipe is full, and does not wait by itself. */
  #rest(): void {
    this.clock.read();
    this.clock.times[Time.deadline] = this.clock.times[Time.now]! + fullPipeNs;
    this.clock.sleep();
  }

  override start(): number {
    this.#state = SinkState.running;
    return 0;
  }

  override pause(): number {
    this.#state = SinkState.paused;
    return 0;
  }

  override resume(): number {
    return this.start();
  }

  override drop(): number {
    return 0;
  }

  override prepare(): number {
    this.#state = SinkState.prepared;
    this.queued = 0;
    this.room = areaFrames;
    return 0;
  }

  override drain(): number {
    this.#state = SinkState.draining;
    return 0;
  }
}
