// What a file is to the player once it is open: frames of one format, either as bytes of the file that can be read straight into a device's
// area, or decoded into memory. Not here: how a file is opened (open.ts) and what each codec does (the other files of this folder).

import type { ChannelOrder } from '../../wire/pcm/channels.js';
import type { PcmFormat } from '../../wire/pcm/format.js';

/** Frames that could not be had: silence stands in their place, so that the time line stays right. */
export interface LostFrames {
  /** The first of them, counted from the beginning of the file. */
  readonly frame: number;
  readonly frames: number;
}

/** What is known of a source's frames once they have been read. */
export interface SourceVerdict {
  /**
   * The MD5 that the file carries against that of what was decoded: `none` where the file carries none, `not checked` where not all of it
   * was read in one go.
   */
  readonly md5: 'ok' | 'wrong' | 'none' | 'not checked';
  /** Damage, in the order of the stream; the last entry may stand for many (`frames` is then their sum). */
  readonly lost: readonly LostFrames[];
  /** Sentences about the file that a user should read: it ends early, its header lies. Empty when all is well. */
  readonly notes: readonly string[];
}

/** Where the payload lies in a file that needs no decoder. The descriptor is the source's: valid until it is closed. */
export interface SourceExtent {
  readonly fd: number;
  /** Bytes from the beginning of the file. */
  readonly offset: number;
  /** Whole frames only. */
  readonly byteLength: number;
}

/** Names of what is played, where the file has them at a place that costs nothing. */
export interface SourceTags {
  readonly title?: string;
  readonly artist?: string;
  readonly album?: string;
}

/** What {@link AudioSource.read} gives from then on. */
export interface SourceOutput {
  readonly format: PcmFormat;
  /** For each channel of a frame the source's channel that stands there, or -1 for silence; undefined: as the source has them. */
  readonly order?: ChannelOrder;
  /** Add noise before bits are cut off (`--convert` only): triangular, two steps wide. Without it values are rounded. */
  readonly dither?: boolean;
}

/** An open file. It belongs to one thread; nothing of it waits but for the disk. */
export interface AudioSource {
  readonly path: string;
  /** The file's own: what {@link read} gives unless {@link setOutput} said something else. */
  readonly format: PcmFormat;
  /** Frames in all; undefined where the file does not say. A damaged file may have fewer. */
  readonly frames: number | undefined;
  /** For people: `WAV`, `FLAC`, `Ogg Vorbis`. */
  readonly codec: string;
  /** Whether the samples are those that went into the encoder. */
  readonly lossless: boolean;
  /** Who decodes: `none`, `libFLAC 1.4.2`. */
  readonly decoder: string;
  readonly tags: SourceTags;
  /** Raw payload; undefined where it has to be decoded. Its bytes are in {@link format} and {@link extent} covers all frames. */
  readonly extent: SourceExtent | undefined;
  /** Sentences to be shown before it plays: the payload is shorter than the header says. */
  readonly notes: readonly string[];

  /**
   * Chooses what {@link read} gives. Allowed at any time between two reads.
   * @throws SourceError for what cannot be made of this source (another rate).
   */
  setOutput(output: SourceOutput): void;

  /**
   * Writes up to `frames` frames, interleaved, at the beginning of `target`, each sample stored once; gives how many. 0 is the end.
   * @param target memory that does not move (a Region's): a library may write to its address.
   * @throws SourceError when the file can no longer be read. @throws RangeError when `target` is too short.
   */
  read(target: Uint8Array, frames: number): number;

  /**
   * What {@link read} gives next is this frame. Beyond the end is the end.
   * @throws SourceError where the file cannot be searched.
   */
  seek(frame: number): void;

  /** What is known so far; all of it once {@link read} gave 0. */
  verdict(): SourceVerdict;

  /** Gives back descriptor and memory. May be called more than once. */
  close(): void;
}

/** A file that cannot be opened or played: the message is one sentence with how to fix it. */
export class SourceError extends Error {
  override readonly name = 'SourceError';
  readonly code = 'CLEARWAY_SOURCE';
}
