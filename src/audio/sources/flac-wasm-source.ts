// FLAC without libFLAC: the npm package @wasm-audio-decoders/flac, an optional dependency. It gives floats, which are the file's integers
// divided by 2^(bits-1) - 1; multiplied and rounded they are exact for 8, 16 and 24 bits (its test holds that), and for no others: those are
// refused. A file is decoded before it plays, so that long ones are refused too. Where libFLAC is installed, this file is not used.

import { closeSync } from 'node:fs';
import { plainText } from '../../text/plain-text.js';
import type { FlacInfo } from '../../wire/flac/stream-info.js';
import type { PcmFormat } from '../../wire/pcm/format.js';
import type { FrameStore } from '../../wire/pcm/store.js';
import { type OpenedFile, readFully, sourceError } from './file.js';
import { flacFormat } from './flac-source.js';
import { LossList, storeFor, targetView } from './output.js';
import { type AudioSource, SourceError, type SourceOutput, type SourceTags, type SourceVerdict } from './source.js';

/** What is used of the package. */
interface WasmDecoder {
  readonly ready: Promise<void>;
  /** Takes the next bytes of a stream and gives the blocks that are whole by them. */
  decode(bytes: Uint8Array): Promise<Decoded>;
  /** Gives what is left at the stream's end. */
  flush(): Promise<Decoded>;
  free(): void;
}

interface Decoded {
  readonly channelData: readonly Float32Array[];
  readonly samplesDecoded: number;
  readonly errors: readonly unknown[];
}

const packageName = '@wasm-audio-decoders/flac';
const exactBits: readonly number[] = [8, 16, 24];
/** Samples of all channels that are kept: 512 MiB. */
const mostSamples = 128 * 1024 * 1024;
const fixOfLibrary = 'install libFLAC (Debian: libflac12, or libflac14 from Debian 13 on)';

type WasmConstructor = new () => WasmDecoder;

let found: Promise<WasmConstructor | undefined> | undefined;

/** import() as it stands: the bundler makes a require() of every other, and the package is a module that Node 20 does not require. */
async function importPackage(): Promise<{ FLACDecoder?: WasmConstructor }> {
  return new Function('name', 'return import(name)')(packageName);
}

/** The package's decoder, or undefined where it is not installed, or Node is told to make no code of text. */
async function wasmDecoder(): Promise<WasmConstructor | undefined> {
  found ??= importPackage().then(
    (module) => module.FLACDecoder,
    () => undefined,
  );
  return found;
}

/** Whether the package is installed. */
export async function hasWasmFlac(): Promise<boolean> {
  return (await wasmDecoder()) !== undefined;
}

/** Why a stream is not decoded by the package; undefined where it is. */
function refusalOf(info: FlacInfo): string | undefined {
  if (!exactBits.includes(info.bits))
    return `its FLAC stream has ${info.bits} bits, which ${packageName} does not decode exactly`;
  if (info.frames === undefined)
    return `its FLAC stream does not say how long it is, and ${packageName} decodes a file before it plays`;
  if (info.frames * info.channels > mostSamples)
    return `it is too long for ${packageName}, which decodes a file before it plays`;
  return undefined;
}

/** A FLAC file that was decoded at once. */
class WasmFlacSource implements AudioSource {
  readonly path: string;
  readonly format: PcmFormat;
  readonly frames: number;
  readonly codec: string;
  readonly lossless = true;
  readonly decoder = packageName;
  readonly tags: SourceTags;
  readonly extent = undefined;
  readonly notes: readonly string[];
  #store: FrameStore;
  #planes: readonly DataView[];
  #position = 0;
  readonly #there: number;
  readonly #lost = new LossList();

  constructor(path: string, info: FlacInfo, planes: readonly DataView[], there: number, notes: readonly string[]) {
    this.path = path;
    this.format = flacFormat(info);
    this.codec = info.isOgg ? 'Ogg FLAC' : 'FLAC';
    this.tags = info.tags;
    this.frames = info.frames ?? there;
    this.notes = notes;
    this.#planes = planes;
    this.#there = Math.min(there, this.frames);
    this.#lost.add(this.#there, this.frames - this.#there);
    this.#store = this.#storeOf({ format: this.format });
  }

  #storeOf(output: SourceOutput): FrameStore {
    return storeFor(this.path, { ...this.format, sample: 'S32_LE' }, output, 32 - this.format.validBits);
  }

  setOutput(output: SourceOutput): void {
    this.#store = this.#storeOf(output);
  }

  read(target: Uint8Array, frames: number): number {
    const count = Math.max(0, Math.min(frames, this.#there - this.#position));
    const view = targetView(target, count, this.#store.frameBytes);
    this.#store.planes(this.#planes, this.#position, view, 0, count);
    this.#position += count;
    return count;
  }

  seek(frame: number): void {
    this.#position = Math.max(0, Math.min(Math.floor(frame), this.#there));
  }

  verdict(): SourceVerdict {
    return { md5: 'not checked', lost: this.#lost.list(), notes: this.notes };
  }

  close(): void {
    this.#planes = [];
    this.#position = this.#there;
  }
}

/** Bytes that are decoded at once: what a hostile file can make of them is what memory has to hold. */
const pieceBytes = 16 * 1024;

/** The file's integers, a plane for each channel, and how far they are filled. */
class Planes {
  readonly #info: FlacInfo;
  readonly #planes: readonly Int32Array[];
  frames = 0;
  errors = 0;

  constructor(info: FlacInfo) {
    this.#info = info;
    this.#planes = Array.from({ length: info.channels }, () => new Int32Array(info.frames ?? 0));
  }

  get isFull(): boolean {
    return this.frames >= (this.#info.frames ?? 0);
  }

  get views(): readonly DataView[] {
    return this.#planes.map((plane) => new DataView(plane.buffer));
  }

  /** Takes blocks; gives false where they are of another format. */
  add({ channelData, samplesDecoded, errors }: Decoded): boolean {
    this.errors += errors.length;
    if (samplesDecoded === 0) return true;
    if (channelData.length !== this.#info.channels) return false;
    const count = Math.min(samplesDecoded, (this.#info.frames ?? 0) - this.frames);
    const scale = 2 ** (this.#info.bits - 1) - 1;
    for (const [channel, plane] of this.#planes.entries()) {
      const floats = channelData[channel]!;
      for (let index = 0; index < count; index++) plane[this.frames + index] = Math.round(floats[index]! * scale);
    }
    this.frames += count;
    return true;
  }
}

async function decodeAll(file: OpenedFile, info: FlacInfo, start: number, decoder: WasmDecoder): Promise<Planes> {
  await decoder.ready;
  const planes = new Planes(info);
  const piece = new Uint8Array(pieceBytes);
  let isSound = true;
  for (let at = start; at < file.byteLength && isSound && !planes.isFull; at += pieceBytes) {
    const length = readFully(file.path, file.fd, piece, pieceBytes, at);
    if (length === 0) break;
    isSound = planes.add(await decoder.decode(piece.subarray(0, length)));
  }
  if (isSound && !planes.isFull) isSound = planes.add(await decoder.flush());
  if (!isSound || planes.frames === 0) {
    throw sourceError(file.path, `${packageName} does not understand it: the file is damaged`);
  }
  return planes;
}

/**
 * Opens a FLAC file by the npm package. The file is closed when it has been decoded.
 * @param isHeadOnly it is described and not read.
 * @throws SourceError where the package is not there, or could not decode the file exactly.
 */
export async function openWasmFlac(
  file: OpenedFile,
  info: FlacInfo,
  start: number,
  isHeadOnly = false,
): Promise<AudioSource> {
  const refusal = refusalOf(info);
  if (refusal !== undefined) throw sourceError(file.path, `${refusal}; ${fixOfLibrary}`);
  const Decoder = await wasmDecoder();
  if (Decoder === undefined) throw sourceError(file.path, `nothing here decodes FLAC; ${fixOfLibrary}`);
  if (isHeadOnly) {
    closeSync(file.fd);
    return new WasmFlacSource(file.path, info, [], info.frames ?? 0, []);
  }
  const decoder = new Decoder();
  try {
    const planes = await decodeAll(file, info, start, decoder);
    const notes = planes.errors === 0 ? [] : [`${packageName} found ${planes.errors} damaged blocks`];
    const source = new WasmFlacSource(file.path, info, planes.views, planes.frames, notes);
    closeSync(file.fd);
    return source;
  } catch (error) {
    if (error instanceof SourceError) throw error;
    throw sourceError(file.path, `${packageName} failed: ${plainText((error as Error).message)}`);
  } finally {
    decoder.free();
  }
}
