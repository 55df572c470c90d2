// What the player and its feeder say to one another, beside the words of the shared region: how it begins, commands, and what became of each file. Types alone.

import type { PcmFormat } from '../../wire/pcm/format.js';
import type { Agreement } from '../../wire/pcm/negotiate.js';
import type { SinkOpening, SinkSettings } from '../sinks/sink.js';
import type { SinkName } from '../sinks/sink-name.js';
import type { SourceTags, SourceVerdict } from '../sources/source.js';

/** A fault that the feeder makes on purpose: it reads nothing for so long, so often, and has the kernel forget pages that were near. */
export interface SlowDisk {
  readonly ms: number;
  readonly everyMs: number;
}

/** What a feeder begins with. */
export interface FeederStart {
  /** The shared region as it is mapped in this process. */
  readonly address: number;
  readonly byteLength: number;
  /** The socket over which files are passed to the pump. */
  readonly socket: number;
  readonly files: readonly string[];
  readonly raw: PcmFormat | undefined;
  readonly sink: SinkName;
  readonly settings: SinkSettings;
  readonly startSeconds: number;
  readonly leadInMs: number;
  readonly isLoop: boolean;
  readonly slowDisk: SlowDisk | undefined;
}

/** What the player tells the feeder. */
export type FeederCommand =
  /** To a time of the track that is heard, or of another file of the list. */
  | { readonly kind: 'seek'; readonly seconds: number; readonly file?: number }
  /** So many files on, or back. */
  | { readonly kind: 'skip'; readonly files: number }
  | { readonly kind: 'close' };

/** A file that is going to be heard. Its number is that of its descriptors, and grows by one with each. */
export interface FedTrack {
  readonly number: number;
  /** Its place in the list of files. */
  readonly file: number;
  readonly path: string;
  readonly codec: string;
  readonly decoder: string;
  readonly lossless: boolean;
  /** As the file has it. */
  readonly format: PcmFormat;
  readonly frames: number | undefined;
  /** Where it begins: a seek, or `--start`. */
  readonly firstFrame: number;
  readonly tags: SourceTags;
  readonly notes: readonly string[];
  /** What becomes of its samples. */
  readonly change: Agreement['change'];
  /** The same for people; empty where nothing does. */
  readonly words: string;
  /** The kernel reads it into the area; else it is decoded into the PCM ring. */
  readonly isRead: boolean;
  /** The sink was opened anew before it. */
  readonly gapBefore: boolean;
}

/** What the feeder tells the player. */
export type FeederSays =
  | { readonly kind: 'opened'; readonly opening: SinkOpening }
  | { readonly kind: 'track'; readonly track: FedTrack }
  /** Frames that were handed over of a track so far, all of them with its verdict. */
  | {
      readonly kind: 'fed';
      readonly number: number;
      readonly frames: number;
      readonly verdict: SourceVerdict;
      readonly isWhole: boolean;
    }
  /** A file that cannot be played; the next one is. */
  | { readonly kind: 'skipped'; readonly file: number; readonly path: string; readonly sentence: string }
  /** Nothing can be played any more. */
  | { readonly kind: 'refused'; readonly sentence: string; readonly reason: 'usage' | 'device' | 'gone' }
  /** Nothing follows, and no sink is open that could come to its end. */
  | { readonly kind: 'over' }
  /** The pump hung in its sink, and was ended. */
  | { readonly kind: 'hung'; readonly sentence: string };
