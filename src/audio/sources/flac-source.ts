// FLAC through libFLAC: a block is decoded into the library's planes, and each sample is stored once, in the sink's form, where it is wanted.
// Damage keeps the time line: what is lost is silence of the same length, and is listed. Not here: the library (flac-library.ts).

import { closeSync } from 'node:fs';
import type { FlacInfo } from '../../wire/flac/stream-info.js';
import { soundMask } from '../../wire/pcm/channels.js';
import type { PcmFormat, SampleFormat } from '../../wire/pcm/format.js';
import type { FrameStore } from '../../wire/pcm/store.js';
import { type OpenedFile, sourceError } from './file.js';
import { type FlacBlock, FlacDecoder, type FlacStep, flacMostBits, flacVersion } from './flac-library.js';
import { LossList, storeFor, targetView } from './output.js';
import type { AudioSource, SourceOutput, SourceTags, SourceVerdict } from './source.js';

/** The longest gap that is filled with silence, in seconds: what is longer is taken for a lie of a damaged header. */
const mostGapSeconds = 300;

/** The form of samples that holds so many bits with the least bytes: that of a WAV. */
function sampleForBits(bits: number): SampleFormat {
  if (bits <= 8) return 'U8';
  if (bits <= 16) return 'S16_LE';
  return bits <= 24 ? 'S24_3LE' : 'S32_LE';
}

/** The format of a FLAC stream's frames. */
export function flacFormat(info: FlacInfo): PcmFormat {
  const { rate, channels, channelMask, bits } = info;
  return {
    sample: sampleForBits(bits),
    rate,
    channels,
    channelMask: soundMask(channelMask, channels),
    validBits: bits,
  };
}

/** Whether all of a block is silence: what some versions of the library give in place of a block that they could not check. */
function isSilent(block: FlacBlock): boolean {
  for (const plane of block.planes) {
    for (let at = 0; at < block.frames * 4; at += 4) if (plane.getInt32(at, true) !== 0) return false;
  }
  return true;
}

/** A FLAC file that libFLAC decodes. */
export class FlacSource implements AudioSource {
  readonly path: string;
  readonly format: PcmFormat;
  readonly frames: number | undefined;
  readonly codec: string;
  readonly lossless = true;
  readonly decoder: string;
  readonly tags: SourceTags;
  readonly extent = undefined;
  readonly notes: readonly string[] = [];
  readonly #file: OpenedFile;
  readonly #info: FlacInfo;
  readonly #decoder: FlacDecoder;
  #store: FrameStore;
  #isOpen = true;
  #isEnd = false;
  /** Whether every frame was decoded in one go, from the first to the last. */
  #isWhole = true;
  #sum: SourceVerdict['md5'] | undefined;
  #block: FlacBlock | undefined;
  /** Frames of the block that have been given. */
  #used = 0;
  /** Frames of silence that are due before the block. */
  #silence = 0;
  /** The frame behind all that is due. */
  #next = 0;
  /** The number of the stream's first block, which a stream that was cut out of another keeps; undefined before it was seen. */
  #base: number | undefined;
  readonly #lost = new LossList();
  readonly #laterNotes = new Set<string>();

  /** Takes over the file. @throws SourceError where the library does not understand the stream's head. */
  constructor(file: OpenedFile, info: FlacInfo, start: number) {
    this.path = file.path;
    this.#file = file;
    this.#info = info;
    this.format = flacFormat(info);
    this.frames = info.frames;
    this.codec = info.isOgg ? 'Ogg FLAC' : 'FLAC';
    this.tags = info.tags;
    this.decoder = `libFLAC ${flacVersion() ?? ''}`.trim();
    if (info.bits > flacMostBits()) {
      throw sourceError(
        this.path,
        `it has ${info.bits} bits, and ${this.decoder} decodes ${flacMostBits()}: install libFLAC 1.4 or later`,
      );
    }
    this.#store = this.#storeOf({ format: this.format });
    this.#decoder = new FlacDecoder(file.fd, start, file.byteLength, info.isOgg);
    if (!this.#decoder.begin()) {
      this.#decoder.close();
      const why = info.isOgg ? 'the file is damaged, or the library was built without Ogg' : 'the file is damaged';
      throw sourceError(this.path, `${this.decoder} does not understand how its FLAC stream begins: ${why}`);
    }
  }

  /** A decoder's planes hold the values at the lower end of 32 bits. */
  #storeOf(output: SourceOutput): FrameStore {
    const planes: PcmFormat = { ...this.format, sample: 'S32_LE' };
    return storeFor(this.path, planes, output, 32 - this.#info.bits);
  }

  setOutput(output: SourceOutput): void {
    this.#store = this.#storeOf(output);
  }

  read(target: Uint8Array, frames: number): number {
    if (!this.#isOpen) throw sourceError(this.path, 'it was closed');
    const view = targetView(target, frames, this.#store.frameBytes);
    let done = 0;
    while (done < frames) {
      const at = done * this.#store.frameBytes;
      if (this.#silence > 0) {
        const count = Math.min(this.#silence, frames - done);
        this.#store.silence(view, at, count);
        this.#silence -= count;
        done += count;
      } else if (this.#block !== undefined) {
        const count = Math.min(this.#block.frames - this.#used, frames - done);
        this.#store.planes(this.#block.planes, this.#used, view, at, count);
        this.#used += count;
        done += count;
        if (this.#used === this.#block.frames) this.#block = undefined;
      } else if (this.#isEnd) break;
      else this.#decode();
    }
    return done;
  }

  #decode(): void {
    const step = this.#decoder.next();
    if (step.block !== undefined) this.#take(step.block, step);
    else if (step.isEnd) this.#end();
  }

  /** The stream is over: what its header promised beyond is lost. */
  #end(): void {
    this.#isEnd = true;
    if (this.#decoder.readErrno !== 0) {
      this.#laterNotes.add(`the disk could not read it (errno ${this.#decoder.readErrno}) at frame ${this.#next}`);
    }
    const missing = (this.frames ?? this.#next) - this.#next;
    if (missing < 0) this.#laterNotes.add(`${this.#next} frames are there and its header says ${this.frames}`);
    if (missing <= 0) return;
    this.#lost.add(this.#next, missing);
    this.#laterNotes.add(`the file ends early: ${this.#next} of ${this.frames} frames are there`);
  }

  /** A gap in front of a block that silence can fill; 0 where there is none or the block's number cannot be believed. */
  #gapBefore(block: FlacBlock, base: number): number {
    const number = block.number - base;
    const gap = number - this.#next;
    if (gap <= 0 || gap > mostGapSeconds * this.#info.rate) return 0;
    return this.frames !== undefined && number + block.frames > this.frames ? 0 : gap;
  }

  #take(block: FlacBlock, step: FlacStep): void {
    // Of a stream that begins with an error the first blocks may be missing; another begins with the first that it has.
    this.#base ??= step.errors === 0 && step.filled === 0 ? block.number : 0;
    const gap = this.#gapBefore(block, this.#base);
    this.#lose(gap);
    const { bits, channels } = this.#info;
    if (block.bits !== bits || block.channels !== channels) {
      this.#laterNotes.add(`its format changes at frame ${this.#next}: what has another format is silence`);
      this.#lose(block.frames);
    } else if ((step.isCrcWrong || step.filled > 0) && isSilent(block)) this.#takeAgain(block, step.filled > 0);
    else this.#accept(block);
  }

  #accept(block: FlacBlock): void {
    this.#block = block;
    this.#used = 0;
    this.#next += block.frames;
  }

  #lose(frames: number): void {
    this.#lost.add(this.#next, frames);
    this.#silence += frames;
    this.#next += frames;
  }

  /**
   * A silent block behind an error. libFLAC up to 1.4.2 decodes the first good block behind a gap and then fills the gap through the same
   * memory, so that the block is lost too: decoded once more by its number, it is there. Otherwise silence stands for a bad block.
   */
  #takeAgain(block: FlacBlock, isOverwritten: boolean): void {
    const again = isOverwritten ? this.#decoder.seek(block.number) : undefined;
    if (isOverwritten) this.#isWhole = false;
    const { bits, channels } = this.#info;
    if (again?.block !== undefined && again.block.bits === bits && again.block.channels === channels)
      this.#accept(again.block);
    else this.#lose(block.frames);
  }

  seek(frame: number): void {
    const wanted = Math.max(0, Math.floor(frame));
    this.#block = undefined;
    this.#silence = 0;
    this.#sum = undefined;
    if (this.frames !== undefined && wanted >= this.frames) {
      this.#isWhole = false;
      this.#isEnd = true;
      this.#next = this.frames;
      return;
    }
    this.#isEnd = false;
    if (wanted === 0 || !this.#decoder.isRunning) this.#restart();
    if (wanted === 0) return;
    this.#isWhole = false;
    const number = wanted + this.#findBase();
    const step = this.#decoder.seek(number);
    if (step?.block === undefined || step.block.number !== number) this.#search(wanted);
    else {
      this.#next = wanted;
      this.#take(step.block, step);
    }
  }

  /** The number of the first block, which is decoded where it was not yet. What that gave is thrown away. */
  #findBase(): number {
    while (this.#base === undefined && !this.#isEnd) this.#decode();
    this.#block = undefined;
    this.#silence = 0;
    this.#isEnd = false;
    return this.#base ?? 0;
  }

  /** Decodes from the beginning up to a frame that the library does not find, because it lies in what is damaged. */
  #search(wanted: number): void {
    this.#restart();
    this.#isWhole = false;
    while (!this.#isEnd && this.#next <= wanted) {
      this.#block = undefined;
      this.#silence = 0;
      this.#decode();
    }
    const due = this.#silence + (this.#block?.frames ?? 0);
    const skipped = Math.max(0, wanted - (this.#next - due));
    const ofSilence = Math.min(skipped, this.#silence);
    this.#silence -= ofSilence;
    this.#used = skipped - ofSilence;
  }

  #restart(): void {
    this.#isWhole = true;
    this.#next = 0;
    if (!this.#decoder.begin()) throw sourceError(this.path, 'its FLAC stream could not be begun again');
  }

  #checkSum(): SourceVerdict['md5'] {
    if (!this.#info.hasSum) return 'none';
    if (this.#isEnd && this.#lost.framesTotal > 0) return 'wrong';
    if (!this.#isEnd || !this.#isWhole || this.#block !== undefined) return 'not checked';
    this.#sum ??= this.#decoder.finish() ? 'ok' : 'wrong';
    return this.#sum;
  }

  verdict(): SourceVerdict {
    const notes = [...this.#laterNotes];
    const md5 = this.#checkSum();
    const lost = this.#lost.list();
    if (md5 === 'wrong' && lost.length === 0) {
      notes.push('its samples are not those that were encoded: the MD5 in its header is another');
    }
    return { md5, lost, notes };
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#isEnd = true;
    this.#block = undefined;
    this.#decoder.close();
    closeSync(this.#file.fd);
  }
}
