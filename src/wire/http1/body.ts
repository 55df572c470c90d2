// Skips the body of a request, by length or in chunks (RFC 9112 sections 6 and 7), strictly and without keeping a byte of it:
// what a server needs to find the next request on the connection. Not here: deciding how a body is framed (framing.ts).

import { COLON, CR, HEX, HTAB, LF, SEMICOLON, SP, TOKEN, VALUE } from './grammar.js';

/** Bounds of a body that is to be skipped. */
export interface BodyLimits {
  /** Most payload bytes; 413 beyond. */
  maxBodyBytes: number;
  /** Most bytes of chunk extensions in the whole body; 400 beyond, for nobody has an honest use for them. */
  maxExtensionBytes: number;
  /** Most bytes of trailer fields; 431 beyond. */
  maxTrailerBytes: number;
}

/** Bounds under which a connection is worth keeping. */
export const DEFAULT_BODY_LIMITS: Readonly<BodyLimits> = {
  maxBodyBytes: 1048576,
  maxExtensionBytes: 1024,
  maxTrailerBytes: 8192,
};

/** Digits of a chunk size: 2^52 - 1 at most, exact in a double. */
const MAX_SIZE_DIGITS = 13;

const DONE = 0;
const FIXED = 1;
const SIZE_FIRST = 2;
const SIZE = 3;
const EXTENSION_GAP = 4;
const EXTENSION_NAME_FIRST = 5;
const EXTENSION_NAME = 6;
const EXTENSION_NAME_END = 7;
const EXTENSION_VALUE_FIRST = 8;
const EXTENSION_VALUE = 9;
const EXTENSION_QUOTED = 10;
const EXTENSION_ESCAPED = 11;
const EXTENSION_QUOTED_END = 12;
const SIZE_LF = 13;
const DATA = 14;
const DATA_CR = 15;
const DATA_LF = 16;
const TRAILER_FIRST = 17;
const TRAILER_NAME = 18;
const TRAILER_VALUE = 19;
const TRAILER_LF = 20;
const FINAL_LF = 21;
const FAILED = 22;

const QUOTE = 0x22;
const EQUALS = 0x3d;
const BACKSLASH = 0x5c;

/** Skips one body after another; allocates nothing. */
export class BodyReader {
  #state = DONE;
  #remaining = 0;
  #digits = 0;
  #extensionBytes = 0;
  #trailerBytes = 0;
  #status = 0;
  #limits: Readonly<BodyLimits> = DEFAULT_BODY_LIMITS;
  /** Payload bytes skipped so far. */
  bodyBytes = 0;

  /** Whether the body has been skipped to its end. */
  get done(): boolean {
    return this.#state === DONE;
  }

  /**
   * Begins a body.
   *
   * @param contentLength bytes; 0 or less for none. Ignored when `chunked`
   * @param chunked the body is in chunks
   */
  begin(contentLength: number, chunked: boolean, limits: Readonly<BodyLimits> = DEFAULT_BODY_LIMITS): void {
    this.#limits = limits;
    this.#remaining = chunked || contentLength < 0 ? 0 : contentLength;
    this.#extensionBytes = this.#trailerBytes = this.#status = this.bodyBytes = 0;
    this.#state = chunked ? SIZE_FIRST : this.#remaining > 0 ? FIXED : DONE;
    if (this.#remaining > limits.maxBodyBytes) this.#state = this.#fail(413);
  }

  /**
   * Skips as much of the body as `start` up to `end` holds.
   *
   * @returns the bytes used, all of them unless `done`; or the negated status to refuse with (400, 413, 431), after which
   *   the connection must be closed, for nobody knows where the next request begins
   */
  consume(bytes: Uint8Array, start: number, end: number): number {
    let index = start;
    while (index < end && this.#state !== DONE && this.#state !== FAILED) {
      if (this.#state === FIXED || this.#state === DATA) index = this.#skip(index, end);
      else if (this.#state >= TRAILER_FIRST) this.#state = this.#trailer(bytes[index++]!);
      else this.#state = this.#frame(bytes[index++]!);
    }
    return this.#state === FAILED ? -this.#status : index - start;
  }

  /** Skips payload bytes by arithmetic. */
  #skip(index: number, end: number): number {
    const count = Math.min(this.#remaining, end - index);
    this.#remaining -= count;
    this.bodyBytes += count;
    if (this.#remaining === 0) this.#state = this.#state === FIXED ? DONE : DATA_CR;
    return index + count;
  }

  /** The state after one byte of a chunk's size line or of the line end behind its data. */
  #frame(byte: number): number {
    switch (this.#state) {
      case SIZE_FIRST:
        if (HEX[byte] === 0) return this.#fail(400);
        this.#remaining = HEX[byte]! - 1;
        this.#digits = 1;
        return SIZE;
      case SIZE:
        if (HEX[byte] === 0) return this.#itemEnd(byte);
        if (++this.#digits > MAX_SIZE_DIGITS) return this.#fail(400);
        this.#remaining = this.#remaining * 16 + (HEX[byte]! - 1);
        return SIZE;
      case SIZE_LF:
        if (byte !== LF) return this.#fail(400);
        if (this.bodyBytes + this.#remaining > this.#limits.maxBodyBytes) return this.#fail(413);
        return this.#remaining > 0 ? DATA : TRAILER_FIRST;
      case DATA_CR:
        return byte === CR ? DATA_LF : this.#fail(400);
      case DATA_LF:
        return byte === LF ? SIZE_FIRST : this.#fail(400);
      default:
        if (++this.#extensionBytes > this.#limits.maxExtensionBytes) return this.#fail(400);
        return this.#extension(byte);
    }
  }

  /** After a chunk's size or a complete extension: the end of the line, the next extension, or white space before it. */
  #itemEnd(byte: number): number {
    if (byte === CR) return SIZE_LF;
    if (byte === SEMICOLON) return EXTENSION_NAME_FIRST;
    return isBlank(byte) ? EXTENSION_GAP : this.#fail(400);
  }

  /** `*( BWS ";" BWS name [ BWS "=" BWS ( token / quoted-string ) ] )`, RFC 9112 section 7.1.1. */
  #extension(byte: number): number {
    const token = TOKEN[byte] !== 0;
    switch (this.#state) {
      case EXTENSION_GAP:
        if (byte === SEMICOLON) return EXTENSION_NAME_FIRST;
        break;
      case EXTENSION_NAME_FIRST:
        if (token) return EXTENSION_NAME;
        break;
      case EXTENSION_NAME:
        if (token) return EXTENSION_NAME;
        if (byte === EQUALS) return EXTENSION_VALUE_FIRST;
        return isBlank(byte) ? EXTENSION_NAME_END : this.#itemEnd(byte);
      case EXTENSION_NAME_END:
        if (byte === EQUALS) return EXTENSION_VALUE_FIRST;
        if (byte === SEMICOLON) return EXTENSION_NAME_FIRST;
        break;
      case EXTENSION_VALUE_FIRST:
        if (token) return EXTENSION_VALUE;
        if (byte === QUOTE) return EXTENSION_QUOTED;
        break;
      case EXTENSION_VALUE:
        return token ? EXTENSION_VALUE : this.#itemEnd(byte);
      case EXTENSION_QUOTED:
        if (byte === QUOTE) return EXTENSION_QUOTED_END;
        if (byte === BACKSLASH) return EXTENSION_ESCAPED;
        return VALUE[byte] === 0 ? this.#fail(400) : EXTENSION_QUOTED;
      case EXTENSION_ESCAPED:
        return VALUE[byte] === 0 ? this.#fail(400) : EXTENSION_QUOTED;
      default:
        return this.#itemEnd(byte);
    }
    return isBlank(byte) ? this.#state : this.#fail(400);
  }

  /** The state after one byte of the trailer section: field lines as in a head, thrown away, and the empty line. */
  #trailer(byte: number): number {
    if (++this.#trailerBytes > this.#limits.maxTrailerBytes + 2) return this.#fail(431);
    switch (this.#state) {
      case TRAILER_FIRST:
        if (byte === CR) return FINAL_LF;
        return TOKEN[byte] !== 0 ? TRAILER_NAME : this.#fail(400);
      case TRAILER_NAME:
        if (byte === COLON) return TRAILER_VALUE;
        return TOKEN[byte] !== 0 ? TRAILER_NAME : this.#fail(400);
      case TRAILER_VALUE:
        if (byte === CR) return TRAILER_LF;
        return VALUE[byte] !== 0 ? TRAILER_VALUE : this.#fail(400);
      default:
        if (byte !== LF) return this.#fail(400);
        return this.#state === FINAL_LF ? DONE : TRAILER_FIRST;
    }
  }

  #fail(status: number): number {
    this.#status = status;
    return FAILED;
  }
}

function isBlank(byte: number): boolean {
  return byte === SP || byte === HTAB;
}
