// Resource: what a response needs of what it answers with. A file is one (representation.ts), and so is what is generated out of
// files: a list of segments and extents that exists only where it is asked for. Not here: deciding (plan.ts), sending (send-resource.ts).

import type { SgList } from '../memory/sg-list.js';
import type { OpenFile } from './open-files.js';
import type { MediaPace } from './pacing.js';

/** Bytes with validators. What it says of itself is true of the bytes that {@link list} describes, as long as it is used. */
export interface Resource {
  /** Bytes, known before one of them is made. */
  readonly size: number;
  /** The strong entity tag, with its quotes: other bytes never have it. What is to be kept has one of 16 hexadecimal digits. */
  readonly etag: string;
  /** In whole seconds since 1970, not later than now (RFC 9110 section 8.8.2.1); 0 or 1: it has no date ({@link isDate} of identity.ts). */
  readonly lastModifiedSeconds: number;
  /** Whether the date alone tells versions apart (RFC 9110 section 8.8.2.2). */
  readonly isDateStrong: boolean;
  readonly contentType: string;
  /** Content coding; undefined for nearly all. */
  readonly coding: string | undefined;
  /** The path that it is asked for by, beneath the root, which the operator's rules for fields go by; without a coding's extension. */
  readonly sourcePath: string;
  /** What caches may do, where its path does not say; undefined: what they may with files. */
  readonly cacheControl?: string;
  /** Further fields of its own, whole lines. There are few different ones. */
  readonly fields?: string;
  /** A piece of media that is to leave as fast as it is played, and not faster. */
  readonly pace?: MediaPace;
  /** Told of bytes of it that left, when an answer ends: how many lay in memory, and how many are sent by reference to a file. */
  sent?(generated: number, referenced: number): void;
  /** The bytes from `from` up to, not including, `to`. The list's lenders are released by whoever sends it, or by its release(). */
  list(from: number, to: number): SgList<OpenFile>;
}
