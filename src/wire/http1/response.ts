// Writes response heads straight into borrowed bytes. A value can never end its line: a byte that no field value may hold is
// written as `?`, so no text, from wherever, can split a response. Not here: which fields a response has.

import { HTTP_DATE_BYTES, writeHttpDate } from '../http/date.js';
import { COLON, CR, LF, SP, VALUE, ZERO } from './grammar.js';
import { statusLine } from './status.js';

export { HTTP_DATE_BYTES, writeHttpDate } from '../http/date.js';
export { reasonPhrase, statusLine } from './status.js';

const QUESTION_MARK = 0x3f;
/** `HTTP/1.1 100 Continue` and the empty line; shared, not to be written to. */
export const CONTINUE_RESPONSE: Uint8Array = encodeField('HTTP/1.1 100 Continue\r\n\r\n');

/**
 * Bytes of a text, one a character, once and for all: for constant parts of heads such as `Server: clearway\r\n`. Unlike the
 * writer it keeps line ends, so it is for constants only.
 */
export function encodeField(constant: string): Uint8Array {
  return Uint8Array.from(constant, (character) => character.charCodeAt(0));
}

/** Whether a text can be a field value as it is (RFC 9110 section 5.5): for options, checked once at the start. */
export function isFieldValue(text: string): boolean {
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code > 0xff || VALUE[code] === 0) return false;
  }
  return text === text.trim();
}

/**
 * Writes bytes made before, such as those of encodeField.
 *
 * @returns the offset after them
 */
export function writeBytes(bytes: Uint8Array, offset: number, constant: Uint8Array): number {
  const length = constant.length;
  for (let index = 0; index < length; index++) bytes[offset + index] = constant[index]!;
  return offset + length;
}

/**
 * Writes a text as a field value, one byte a character; what no value may hold becomes `?`.
 *
 * @returns the offset after it
 */
export function writeText(bytes: Uint8Array, offset: number, text: string): number {
  const length = text.length;
  for (let index = 0; index < length; index++) {
    const code = text.charCodeAt(index);
    bytes[offset + index] = code <= 0xff && VALUE[code] !== 0 ? code : QUESTION_MARK;
  }
  return offset + length;
}

/**
 * Writes a number in decimal.
 *
 * @param value an integer from 0 to 2^53 - 1
 * @returns the offset after it
 */
export function writeDecimal(bytes: Uint8Array, offset: number, value: number): number {
  const length = decimalLength(value);
  let rest = value;
  for (let index = offset + length - 1; index >= offset; index--) {
    const tens = Math.floor(rest / 10);
    bytes[index] = ZERO + (rest - tens * 10);
    rest = tens;
  }
  return offset + length;
}

/** Digits of an integer from 0 to 2^53 - 1 in decimal. */
export function decimalLength(value: number): number {
  let length = 1;
  for (let bound = 10; value >= bound && length < 16; bound *= 10) length++;
  return length;
}

/**
 * Writes one head into a bounded range of borrowed bytes. One object serves any number of heads and allocates nothing.
 * Whatever would pass the range's end is not written and makes `finish` say so.
 */
export class HeadWriter {
  #bytes: Uint8Array = CONTINUE_RESPONSE;
  #start = 0;
  #end = 0;
  #overflow = false;
  /** Offset of the next byte. */
  offset = 0;
  /** Offset of the 29 bytes of the Date value, for a head that is kept and only gets a new date; -1 without one. */
  dateOffset = -1;

  /** Begins a head with its status line; only `start` up to `end` is ever written. */
  begin(bytes: Uint8Array, start: number, end: number, status: number): this {
    this.#bytes = bytes;
    this.#start = this.offset = start;
    this.#end = end;
    this.#overflow = false;
    this.dateOffset = -1;
    return this.constant(statusLine(status));
  }

  /** Constant bytes, whole lines with their ends. */
  constant(bytes: Uint8Array): this {
    if (this.#room(bytes.length)) this.offset = writeBytes(this.#bytes, this.offset, bytes);
    return this;
  }

  /** `name: value`, both text. */
  field(name: string, value: string): this {
    if (this.#room(name.length + value.length + 4)) {
      this.#name(name);
      this.offset = writeText(this.#bytes, this.offset, value);
      this.#line();
    }
    return this;
  }

  /** `name: value` with an integer. */
  decimalField(name: string, value: number): this {
    if (this.#room(name.length + decimalLength(value) + 4)) {
      this.#name(name);
      this.offset = writeDecimal(this.#bytes, this.offset, value);
      this.#line();
    }
    return this;
  }

  /** `name: ` and an IMF-fixdate; the name `Date` is remembered in dateOffset. */
  dateField(name: string, seconds: number): this {
    if (this.#room(name.length + HTTP_DATE_BYTES + 4)) {
      this.#name(name);
      if (name === 'Date') this.dateOffset = this.offset;
      this.offset = writeHttpDate(this.#bytes, this.offset, seconds);
      this.#line();
    }
    return this;
  }

  /** `Content-Range: bytes first-last/size` (RFC 9110 section 14.4); `end` is exclusive. */
  contentRange(start: number, end: number, size: number): this {
    if (this.#room(CONTENT_RANGE.length + 3 * 16 + 4)) {
      const bytes = this.#bytes;
      let offset = writeBytes(bytes, this.offset, CONTENT_RANGE);
      offset = writeDecimal(bytes, offset, start);
      bytes[offset++] = 0x2d;
      offset = writeDecimal(bytes, offset, end - 1);
      bytes[offset++] = 0x2f;
      this.offset = writeDecimal(bytes, offset, size);
      this.#line();
    }
    return this;
  }

  /** The empty line. Returns the bytes of the whole head, or -1 when the range was too small for it. */
  finish(): number {
    if (this.#room(2)) this.#line();
    return this.#overflow ? -1 : this.offset - this.#start;
  }

  #room(length: number): boolean {
    if (this.#end - this.offset < length) this.#overflow = true;
    return !this.#overflow;
  }

  #name(name: string): void {
    this.offset = writeText(this.#bytes, this.offset, name);
    this.#bytes[this.offset++] = COLON;
    this.#bytes[this.offset++] = SP;
  }

  #line(): void {
    this.#bytes[this.offset++] = CR;
    this.#bytes[this.offset++] = LF;
  }
}

const CONTENT_RANGE = encodeField('Content-Range: bytes ');
