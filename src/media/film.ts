// What is known of a film once its headers were read: tracks, their sample tables, edits, and what was left out and why. These
// are the types that the parts of media/ share. Not here: how a film is read (read-film.ts), how samples are looked up (samples.ts).

import type { EntryFacts } from '../wire/iso-bmff/sample-entry.js';
import type { FilmTables } from './film-tables.js';
import type { SampleTable } from './samples.js';

/** A kind of sample of a track, an entry of `stsd`. */
export interface SampleEntry extends EntryFacts {
  /** The codec string of RFC 6381 as HLS has it; empty where the entry says nothing and no sample is of it. */
  readonly codec: string;
  /** The codec string for MSE and DASH; differs from `codec` for MP3 (`mp4a.6B` for `mp4a.40.34`). */
  readonly dashCodec: string;
}

/**
 * The edit of a track that counts: an empty one that delays, then one normal one. Presentation time of a sample, in ticks of the
 * track's timescale, is `decodeTime + compositionOffset - mediaTime + emptyTicks`.
 */
export interface Edit {
  readonly emptyTicks: number;
  readonly mediaTime: number;
  /** Media time at which the presentation ends; undefined where the edit reaches to the end of the samples. */
  readonly endTicks: number | undefined;
}

export interface FilmTrack {
  /** `track_ID` of the source, from 1. */
  readonly id: number;
  readonly kind: 'video' | 'audio';
  /** Ticks a second: the source's, or a multiple of them where its edit begins between two. */
  readonly timescale: number;
  /** BCP 47; `und` where the file does not say. */
  readonly language: string;
  /** The handler's name or the track's title, without what muxers write there by themselves; may be empty. */
  readonly name: string;
  readonly enabled: boolean;
  readonly entries: readonly SampleEntry[];
  readonly samples: SampleTable;
  readonly edit: Edit;
  /** Pixels as shown, before rotation; 0 for audio. */
  readonly width: number;
  readonly height: number;
  /** Degrees clockwise, from the matrix. */
  readonly rotation: 0 | 90 | 180 | 270;
  /** The 36 bytes of the matrix of `tkhd`. */
  readonly matrix: Uint8Array;
  /**
   * Samples (from 0, rising) of the `rap ` group: a decoder may begin there, but frames that are shown before may be broken (open GOP).
   * Only where the sync table has one entry at most; undefined otherwise.
   */
  readonly randomAccess: Uint32Array | undefined;
}

/** A track that is not offered. */
export interface LeftOut {
  readonly track: number;
  /** The handler's or the sample entry's four characters. */
  readonly format: string;
  /** One plain sentence. */
  readonly reason: string;
}

/** A box of the file's top level; `length` counts its header. */
export interface TopLevelBox {
  readonly type: string;
  readonly offset: number;
  readonly length: number;
}

/** The fragments of one track, when each `moof` and its `mdat` may be sent as they are (EXT-X-BYTERANGE). */
export interface TrackFragments {
  readonly track: number;
  /** What `trex` says: an init segment for these fragments has to say the same. */
  readonly defaults: {
    readonly description: number;
    readonly duration: number;
    readonly size: number;
    readonly flags: number;
  };
  readonly count: number;
  /** File offset of each `moof`. */
  readonly offsets: Float64Array;
  /** Bytes from the `moof` to the end of its `mdat`. */
  readonly lengths: Float64Array;
  /** The number, from 0, of each fragment's first sample; one more entry at the end. */
  readonly firstSamples: Uint32Array;
}

export interface Film {
  /** Bytes of the file. */
  readonly size: number;
  /** Ticks a second of `mvhd`. */
  readonly timescale: number;
  /** The longest track's presentation. */
  readonly durationSeconds: number;
  /** The major brand of `ftyp`, empty without one. */
  readonly brand: string;
  /** Playable tracks in the file's order; at least one. */
  readonly tracks: readonly FilmTrack[];
  readonly leftOut: readonly LeftOut[];
  /** What was repaired or not honoured, one sentence each. */
  readonly notes: readonly string[];
  readonly moov: TopLevelBox;
  readonly isFragmented: boolean;
  /** Per track, where every fragment of the film may be sent as it is; undefined otherwise. */
  readonly fragments: readonly TrackFragments[] | undefined;
  /** The file's boxes in order; of a fragmented film only what stands before the first `moof`. */
  readonly topLevel: readonly TopLevelBox[];
  /** Bytes of memory that the tables of all tracks hold. */
  readonly indexBytes: number;
  /** The tables themselves: whoever uses the film later than it is given has to retain them. */
  readonly tables: FilmTables;
}

/** The most bytes that the reader of a film asks for at once. */
export const maxReadBytes = 256 * 1024;

/**
 * What the reader of a film asks for: bytes of the file (at most `maxReadBytes`), which stay as they are until it asks for the next ones;
 * or, undefined, a turn for others. Turns are offered every few hundred microseconds: whoever drives it takes as many as it needs.
 */
export type FilmNeed = { readonly offset: number; readonly length: number } | undefined;

/** Something that is read as a film is: it yields what it needs, and is resumed with it, or with fewer bytes where the file ends. */
export type FilmReading<Result> = Generator<FilmNeed, Result, Uint8Array | undefined>;

/** A film that cannot be offered. The message is one plain sentence that goes on behind the file's name: "is encrypted (cenc); ...". */
export class FilmRefusal extends Error {
  readonly code = 'CLEARWAY_FILM';
  /** The HTTP status that tells of it. */
  readonly status: number;

  constructor(reason: string, status = 422) {
    super(reason);
    this.name = 'FilmRefusal';
    this.status = status;
    // Refusals are kept, and frames of a stack would keep with them what was being read.
    this.stack = `${this.name}: ${reason}`;
  }
}
