// What the feeder is at: the file that is being fed, the sink as it is open, what comes next. Types alone.

import type { SinkOpening } from '../sinks/sink.js';
import type { AudioSource } from '../sources/source.js';
import type { DirectFile } from './direct-file.js';

/** What is being fed. */
export interface Feeding {
  readonly source: AudioSource;
  readonly file: number;
  readonly number: number;
  /** The number under which the pump has the file; -1: it is decoded. */
  readonly slot: number;
  /** The same file past the page cache, whose number is the one behind `slot`. */
  readonly direct: DirectFile | undefined;
  /** The next frame to hand over. */
  frame: number;
  fed: number;
  /** It was begun with its first frame. */
  isWhole: boolean;
  /** Why nothing more comes of it was said. */
  isTold: boolean;
}

/** A file that the pump was not given yet. */
export interface Unsent {
  readonly slot: number;
  readonly fd: number;
}

/** The sink as it is open. */
export interface Session {
  readonly opening: SinkOpening;
  readonly frameBytes: number;
}

/** What comes next. */
export type Phase =
  | { readonly kind: 'open'; readonly file: number; readonly frame: number; readonly seconds?: number }
  | { readonly kind: 'opening' }
  /** A source waits for a sink of another format. */
  | {
      readonly kind: 'change';
      readonly source: AudioSource;
      readonly file: number;
      readonly frame: number;
      readonly isEnded: boolean;
    }
  | { readonly kind: 'asked'; readonly source: AudioSource; readonly file: number; readonly frame: number }
  | { readonly kind: 'feed' }
  | { readonly kind: 'done' };
