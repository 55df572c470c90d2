// What libsndfile reads: Ogg Vorbis and Opus, MP3, AIFF, CAF and AU. Integers come as integers, the estimates of lossy codecs as floats.
// Where the sink takes what the library writes, it writes there. Not here: the library (sndfile-library.ts).

import { closeSync } from 'node:fs';
import { Region } from '../../memory/region.js';
import { plainText } from '../../text/plain-text.js';
import { type ChannelOrder, maskOfSpeakers } from '../../wire/pcm/channels.js';
import { frameBytes, leastRate, mostChannels, mostRate, type PcmFormat } from '../../wire/pcm/format.js';
import type { FrameStore } from '../../wire/pcm/store.js';
import { type OpenedFile, sourceError } from './file.js';
import { LossList, storeFor, targetView } from './output.js';
import { SoundFile, sndfileVersion } from './sndfile-library.js';
import type { AudioSource, SourceOutput, SourceTags, SourceVerdict } from './source.js';

const stagingBytes = 64 * 1024;

function tagsOf(sound: SoundFile): SourceTags {
  const tags: { -readonly [Name in keyof SourceTags]: string } = {};
  for (const name of ['title', 'artist', 'album'] as const) {
    const text = plainText(sound.text(name) ?? '');
    if (text !== '') tags[name] = text;
  }
  return tags;
}

/** A file that libsndfile decodes. */
export class SndfileSource implements AudioSource {
  readonly path: string;
  readonly format: PcmFormat;
  readonly frames: number | undefined;
  readonly codec: string;
  readonly lossless: boolean;
  readonly decoder: string;
  readonly tags: SourceTags;
  readonly extent = undefined;
  readonly notes: readonly string[] = [];
  readonly #file: OpenedFile;
  readonly #sound: SoundFile;
  readonly #frameBytes: number;
  /** Where the file's channels are, in the order of the mask; undefined where they stand in it. */
  readonly #fileOrder: ChannelOrder | undefined;
  #store: FrameStore;
  #staging: Region | undefined;
  #isOpen = true;
  #isEnd = false;
  #position = 0;
  readonly #lost = new LossList();
  readonly #laterNotes = new Set<string>();

  /** Takes over the file. @throws SourceError with the library's words. */
  constructor(file: OpenedFile) {
    this.path = file.path;
    this.#file = file;
    try {
      this.#sound = new SoundFile(file.fd);
    } catch (error) {
      throw sourceError(
        this.path,
        `libsndfile cannot open it (${plainText((error as Error).message)}): convert it, as with \`ffmpeg -i IN OUT.flac\``,
      );
    }
    const { rate, channels, sample, bits } = this.#sound;
    if (channels < 1 || channels > mostChannels || rate < leastRate || rate > mostRate) {
      this.#sound.close();
      throw sourceError(this.path, `it says ${channels} channels and ${rate} Hz, which cannot be played`);
    }
    const placed = maskOfSpeakers(this.#sound.speakers() ?? []);
    this.format = { sample, rate, channels, channelMask: placed?.mask ?? 0, validBits: bits };
    if (placed?.order.some((from, to) => from !== to) === true) this.#fileOrder = placed.order;
    this.#frameBytes = frameBytes(this.format);
    this.frames = this.#sound.frames;
    this.codec = this.#sound.codec;
    this.lossless = this.#sound.lossless;
    this.decoder = `libsndfile ${sndfileVersion() ?? ''}`.trim();
    this.tags = tagsOf(this.#sound);
    this.#store = this.#storeOf({ format: this.format });
  }

  /** An output's order is of channels in the mask's order, and the file may have another (Vorbis: FL FC FR). */
  #storeOf(output: SourceOutput): FrameStore {
    const inFile = this.#fileOrder;
    if (inFile === undefined) return storeFor(this.path, this.format, output);
    const order = output.order?.map((from) => (from < 0 ? -1 : (inFile[from] ?? this.format.channels))) ?? inFile;
    return storeFor(this.path, this.format, { ...output, order });
  }

  setOutput(output: SourceOutput): void {
    this.#store = this.#storeOf(output);
  }

  read(target: Uint8Array, frames: number): number {
    if (!this.#isOpen) throw sourceError(this.path, 'it was closed');
    const view = targetView(target, frames, this.#store.frameBytes);
    let done = 0;
    while (done < frames && !this.#isEnd) {
      const at = done * this.#store.frameBytes;
      const count = this.#store.isCopy
        ? this.#decode(target.subarray(at), frames - done)
        : this.#convert(view, at, frames - done);
      done += count;
    }
    return done;
  }

  #convert(view: DataView, at: number, frames: number): number {
    this.#staging ??= new Region(stagingBytes);
    const count = this.#decode(this.#staging.bytes, Math.min(frames, Math.floor(stagingBytes / this.#frameBytes)));
    this.#store.interleaved(this.#staging.data, 0, view, at, count);
    return count;
  }

  #decode(target: Uint8Array, frames: number): number {
    const count = Math.max(0, Math.min(frames, this.#sound.read(target, frames)));
    this.#position += count;
    if (count < frames) this.#end();
    return count;
  }

  #end(): void {
    this.#isEnd = true;
    const trouble = this.#sound.trouble();
    if (trouble !== undefined)
      this.#laterNotes.add(`libsndfile stopped at frame ${this.#position}: ${plainText(trouble)}`);
    const missing = (this.frames ?? this.#position) - this.#position;
    if (missing <= 0) return;
    if (this.lossless) {
      this.#lost.add(this.#position, missing);
      this.#laterNotes.add(`the file ends early: ${this.#position} of ${this.frames} frames are there`);
    } else if (missing > this.format.rate) {
      // A lossy file's length can be an estimate: nothing is counted as lost.
      this.#laterNotes.add(
        `it ends at frame ${this.#position}, and was taken to have ${this.frames}: it was cut, or does not say how long it is`,
      );
    }
  }

  seek(frame: number): void {
    const wanted = Math.max(0, Math.floor(frame));
    if (this.frames !== undefined && wanted >= this.frames) {
      this.#isEnd = true;
      this.#position = this.frames;
      return;
    }
    if (!this.#sound.isSeekable || !this.#sound.seek(wanted)) {
      throw sourceError(this.path, `frame ${wanted} was not found by libsndfile`);
    }
    this.#isEnd = false;
    this.#position = wanted;
  }

  verdict(): SourceVerdict {
    return { md5: 'none', lost: this.#lost.list(), notes: [...this.#laterNotes] };
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#isEnd = true;
    this.#sound.close();
    this.#staging?.unmap();
    closeSync(this.#file.fd);
  }
}
