// Samples that lie in a file as they are: WAV, RF64, BW64, W64 and raw. A device's area can be filled from the extent without this file; read()
// is for a sink that wants another form of samples. Not here: finding the payload (wire/wav/).

import { closeSync } from 'node:fs';
import { frameBytes, type PcmFormat } from '../../wire/pcm/format.js';
import type { FrameStore } from '../../wire/pcm/store.js';
import { type OpenedFile, readFully, sourceError } from './file.js';
import { LossList, storeFor, targetView } from './output.js';
import type { AudioSource, SourceExtent, SourceOutput, SourceTags, SourceVerdict } from './source.js';

/** What is known of the payload. */
export interface Payload {
  readonly format: PcmFormat;
  readonly codec: string;
  readonly offset: number;
  /** Whole frames. */
  readonly byteLength: number;
  readonly tags: SourceTags;
  readonly notes: readonly string[];
  /** Bytes that the header promised beyond them. */
  readonly missingBytes: number;
}

const stagingBytes = 64 * 1024;

/** A source whose payload needs no decoder. */
export class ExtentSource implements AudioSource {
  readonly path: string;
  readonly format: PcmFormat;
  readonly frames: number;
  readonly codec: string;
  readonly lossless = true;
  readonly decoder = 'none';
  readonly tags: SourceTags;
  readonly extent: SourceExtent;
  readonly notes: readonly string[];
  #store: FrameStore;
  #position = 0;
  #staging: Uint8Array | undefined;
  #isOpen = true;
  readonly #frameBytes: number;
  readonly #lost = new LossList();
  readonly #laterNotes: string[] = [];

  /** Takes over the file: {@link close} closes it. */
  constructor(file: OpenedFile, payload: Payload) {
    this.path = file.path;
    this.format = payload.format;
    this.codec = payload.codec;
    this.tags = payload.tags;
    this.notes = payload.notes;
    this.#frameBytes = frameBytes(payload.format);
    this.frames = payload.byteLength / this.#frameBytes;
    this.extent = { fd: file.fd, offset: payload.offset, byteLength: payload.byteLength };
    this.#store = storeFor(this.path, this.format, { format: this.format });
    this.#lost.add(this.frames, Math.ceil(payload.missingBytes / this.#frameBytes));
  }

  setOutput(output: SourceOutput): void {
    this.#store = storeFor(this.path, this.format, output);
  }

  read(target: Uint8Array, frames: number): number {
    if (!this.#isOpen) throw sourceError(this.path, 'it was closed');
    const wanted = Math.min(frames, this.frames - this.#position);
    if (wanted <= 0) return 0;
    const view = targetView(target, wanted, this.#store.frameBytes);
    if (this.#store.isCopy) return this.#account(wanted, this.#fetch(target, wanted, 0));
    let done = 0;
    while (done < wanted) {
      this.#staging ??= new Uint8Array(Math.max(stagingBytes, this.#frameBytes));
      const step = Math.min(wanted - done, Math.floor(this.#staging.length / this.#frameBytes));
      const count = this.#fetch(this.#staging, step, done);
      const source = new DataView(this.#staging.buffer);
      this.#store.interleaved(source, 0, view, done * this.#store.frameBytes, count);
      done += count;
      if (count < step) break;
    }
    return this.#account(wanted, done);
  }

  /** Whole frames from the file, `ahead` of the position; gives how many. */
  #fetch(target: Uint8Array, frames: number, ahead: number): number {
    const { fd, offset } = this.extent;
    const at = offset + (this.#position + ahead) * this.#frameBytes;
    return Math.floor(readFully(this.path, fd, target, frames * this.#frameBytes, at) / this.#frameBytes);
  }

  #account(wanted: number, got: number): number {
    this.#position += got;
    if (got === wanted) return got;
    const missing = this.frames - this.#position;
    this.#laterNotes.push(`the file became shorter while it played: ${missing} of ${this.frames} frames are lost`);
    this.#lost.add(this.#position, missing);
    this.#position = this.frames;
    return got;
  }

  seek(frame: number): void {
    this.#position = Math.max(0, Math.min(Math.floor(frame), this.frames));
  }

  verdict(): SourceVerdict {
    const notes = [...this.notes, ...this.#laterNotes];
    if (this.#store.cutBits !== 0) {
      notes.push(`its header says that ${this.format.validBits} bits count, and lower bits are set: they were cut off`);
    }
    return { md5: 'none', lost: this.#lost.list(), notes };
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    closeSync(this.extent.fd);
  }
}
