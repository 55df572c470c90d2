// ListWriter: builds a list of something composed, a page say. Texts are encoded once, straight into a frame; static segments are referred to,
// unless they are so short that their copy costs less; files are extents. It keeps the account of what was done how.

import {
  CopyReason,
  copyBytes,
  copyView,
  maxBytesPerCharacter,
  textBytes,
  writeLatin1,
  writeText,
  writeUtf8,
} from './copy.js';
import type { Lender, SegmentMemory } from './segment.js';
import { type SgFile, SgList } from './sg-list.js';
import { memoryIsMapped, type TextRegion, type WriteFrames, writeFrameBytes } from './write-frames.js';

/**
 * Bytes of one page (or of any number of them), by how they got into it. A class and no literal: once a field of a
 * literal's objects outgrew V8's small integers, every object that the literal makes from then on has an outdated shape,
 * and code that uses them is compiled over and over without end.
 */
export class ListAccount {
  /** Static and other segments that were referred to: never touched. */
  referencedBytes = 0;
  /** Texts, encoded once into a frame. */
  encodedBytes = 0;
  /** Segments below the coalescing threshold, copied next to their neighbours. */
  coalescedBytes = 0;
  /** Byte arrays of the application, copied into a frame. */
  applicationBytes = 0;
  /** Ranges of files, to be sent by sendfile. */
  fileBytes = 0;
  /** Entries of the list: iovecs and extents. */
  entries = 0;
}

/** An account with nothing in it. */
export function emptyListAccount(): ListAccount {
  return new ListAccount();
}

/** Shorter segments beside written bytes are copied: the two cost the same between 2 and 4 KiB (npm run bench:pages -- threshold). */
export const defaultCoalesceBytes = 2048;

/** Room that is left at a frame's end rather than split a short text. */
const splitBytes = 2048;

/** See the file's head. One serves any number of pages, one after the other. */
export class ListWriter<F extends SgFile> {
  #list = new SgList<F>();
  account: ListAccount = emptyListAccount();
  coalesceBytes = defaultCoalesceBytes;
  /** Whoever takes the list takes segments of the JavaScript heap as well: they are not copied into a frame. */
  takesHeap = false;
  readonly #frames: WriteFrames;
  #frame = -1;
  #memory: TextRegion | undefined;
  #at = 0;
  #end = 0;
  /** Where the bytes begin that were written and are not in the list yet. */
  #runStart = 0;
  /** Entries of the list when bytes were written last: only what follows them directly is worth a copy. */
  #writtenAtLength = -1;

  constructor(frames: WriteFrames) {
    this.#frames = frames;
  }

  /** What is being built, complete up to now; taken away by whoever sends it. */
  get list(): SgList<F> {
    if (this.#at > this.#runStart) this.#endRun();
    return this.#list;
  }

  set list(list: SgList<F>) {
    if (this.#at > this.#runStart) this.#endRun();
    this.#list = list;
  }

  /** Takes the run of written bytes into the list, as one entry however many writes it is made of. */
  #endRun(): void {
    this.#frames.retain(this.#frame);
    this.#list.addSegment(this.#memory!, this.#runStart, this.#at - this.#runStart, this.#frames, this.#frame);
    this.#runStart = this.#at;
    this.#writtenAtLength = this.#list.length;
  }

  /** Gives the writer's own reference to its frame back. What is in lists stays until they are released. */
  finish(): void {
    if (this.#at > this.#runStart) this.#endRun();
    if (this.#frame >= 0) this.#frames.release(this.#frame);
    this.#frame = -1;
    this.#at = this.#end = this.#runStart = 0;
    this.#writtenAtLength = -1;
  }

  #newFrame(): void {
    if (this.#at > this.#runStart) this.#endRun();
    if (this.#frame >= 0) this.#frames.release(this.#frame);
    this.#frame = -1;
    this.#at = this.#end = this.#runStart = 0;
    this.#frame = this.#frames.lease();
    this.#memory = this.#frames.memory(this.#frame);
    this.#at = this.#runStart = this.#frames.offset(this.#frame);
    this.#end = this.#at + writeFrameBytes;
  }

  /** Adds a text in UTF-8. Returns its bytes. */
  text(text: string): number {
    if (text.length === 0) return 0;
    if (text.length * maxBytesPerCharacter <= this.#end - this.#at) {
      const written = writeUtf8(CopyReason.encode, this.#memory!.bytes, this.#at, text);
      this.account.encodedBytes += written;
      this.#at += written;
      return written;
    }
    const length = textBytes(text);
    this.account.encodedBytes += length;
    this.#text(text, length);
    return length;
  }

  /** Adds a text of characters up to U+00FF, one byte each. */
  latin1(text: string): void {
    this.account.encodedBytes += text.length;
    for (let done = 0; done < text.length; ) {
      if (this.#at === this.#end) this.#newFrame();
      const part = text.slice(done, done + this.#end - this.#at);
      writeLatin1(CopyReason.encode, this.#memory!.bytes, this.#at, part);
      this.#at += part.length;
      done += part.length;
    }
  }

  /** Adds text that is no part of the page: its head, the heads of its chunks. */
  frameText(text: string): void {
    this.#text(text, textBytes(text));
    if (this.#at > this.#runStart) this.#endRun();
  }

  #text(text: string, length: number): void {
    if (length === 0) return;
    if (length <= this.#end - this.#at) {
      writeText(CopyReason.encode, this.#memory!.bytes, this.#at, text, length);
      this.#at += length;
      return;
    }
    if (length <= writeFrameBytes && this.#end - this.#at < splitBytes) {
      this.#newFrame();
      this.#text(text, length);
      return;
    }
    this.#longText(text);
  }

  /** A text that does not fit into what is left of the frame: in parts that certainly do (3 bytes a character). */
  #longText(text: string): void {
    for (let start = 0; start < text.length; ) {
      if (this.#end - this.#at < splitBytes) this.#newFrame();
      let end = Math.min(text.length, start + Math.floor((this.#end - this.#at) / maxBytesPerCharacter));
      // A surrogate pair is one character of four bytes: it is not taken apart.
      if (end < text.length && isHighSurrogate(text.charCodeAt(end - 1))) end--;
      const part = text.slice(start, end);
      const length = textBytes(part);
      writeText(CopyReason.encode, this.#memory!.bytes, this.#at, part, length);
      this.#at += length;
      start = end;
    }
  }

  /** Adds bytes of the application's, copied. */
  bytes(bytes: Uint8Array): void {
    this.account.applicationBytes += bytes.length;
    this.#copy(CopyReason.application, bytes, 0, bytes.length);
  }

  #copy(reason: number, bytes: Uint8Array, offset: number, length: number): void {
    for (let done = 0; done < length; ) {
      if (this.#at === this.#end) this.#newFrame();
      const part = Math.min(length - done, this.#end - this.#at);
      copyBytes(reason, this.#memory!.bytes, this.#at, bytes, offset + done, part);
      this.#at += part;
      done += part;
    }
  }

  /**
   * Adds a segment: by reference, or copied when it is short and stands next to written bytes. `joins`: written bytes
   * will follow it.
   */
  segment(region: SegmentMemory, offset: number, length: number, lender?: Lender, cookie = 0, joins = false): void {
    // The kernel cannot be given what has no address.
    const isHeap = !this.takesHeap && Number.isNaN(region.address) && memoryIsMapped();
    if (isHeap) {
      this.account.applicationBytes += length;
      this.#copy(CopyReason.application, region.bytes, offset, length);
      lender?.release(cookie);
      return;
    }
    const besideWritten = joins || this.#isBesideWritten();
    if (length < this.coalesceBytes && besideWritten) {
      this.account.coalescedBytes += length;
      this.#copy(CopyReason.coalesce, region.bytes, offset, length);
      lender?.release(cookie);
      return;
    }
    this.account.referencedBytes += length;
    this.list.addSegment(region, offset, length, lender, cookie);
  }

  #isBesideWritten(): boolean {
    return this.#at > this.#runStart || this.#writtenAtLength === this.#list.length;
  }

  /** True when a segment of `length` bytes would be copied, see {@link segment}. */
  copies(length: number, joins: boolean): boolean {
    return length < this.coalesceBytes && (joins || this.#isBesideWritten());
  }

  /** Adds a short segment by copying it, given as a view. */
  joinView(view: Uint8Array): void {
    const { length } = view;
    this.account.coalescedBytes += length;
    if (length > this.#end - this.#at) {
      this.#copy(CopyReason.coalesce, view, 0, length);
      return;
    }
    copyView(CopyReason.coalesce, this.#memory!.bytes, this.#at, view);
    this.#at += length;
  }

  /** Adds a range of a file. */
  extent(file: F, offset: number, length: number): void {
    this.account.fileBytes += length;
    this.list.addExtent(file, offset, length);
  }
}

function isHighSurrogate(code: number): boolean {
  return code >= 0xd800 && code < 0xdc00;
}
