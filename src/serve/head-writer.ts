// HeadWriter: response heads straight into frames, as bytes, from what is known of a file: no string is made for a request.
// Texts that are the same for many files (media type, what caches may do) are encoded once and known by a number.
// The general path writes the same fields as text (head.ts); both take their texts from FieldWriter.

import { CopyReason, copyView, countCopy } from '../memory/copy.js';
import { HTTP_DATE_BYTES, writeHttpDate } from '../wire/http/date.js';
import { reasonPhrase } from '../wire/http1/status.js';
import type { FileTable } from './file-table.js';
import { isDate, TAG_BYTES, writeTag } from './identity.js';

const encoder = new TextEncoder();
const text = (characters: string): Uint8Array => encoder.encode(characters);

const contentLength = text('Content-Length: ');
const contentRange = text('Content-Range: bytes ');
const lastModified = text('Last-Modified: ');
const etag = text('ETag: ');
const vary = text('Vary: Accept-Encoding\r\n');
const closing = text('Connection: close\r\n');
const lineEnd = text('\r\n');
const location = text('Location: ');

/** Room that a head takes at most beside its numbered texts and what it quotes of a request. */
export const headRoom = 512;

/** Bytes of a frame that a head is written into. One writer serves any number of heads, one after the other. */
export class HeadWriter {
  /** Where the next byte goes; behind the last one when a head is written. */
  at = 0;
  readonly #memory: { readonly bytes: Uint8Array };
  /** The memory as it is seen since {@link begin}. No getter: V8 goes through its runtime for a private one, here for each byte. */
  #target: Uint8Array;
  readonly #texts: Uint8Array[] = [];
  readonly #numbers = new Map<string, number>();
  readonly #starts = new Map<number, Uint8Array>();
  readonly #date = new Uint8Array(HTTP_DATE_BYTES + 2);
  #dateSeconds = -1;

  /** @param memory what is written into: that of the frames. */
  constructor(memory: { readonly bytes: Uint8Array }) {
    this.#memory = memory;
    this.#target = memory.bytes;
    this.#date[HTTP_DATE_BYTES] = 0x0d;
    this.#date[HTTP_DATE_BYTES + 1] = 0x0a;
  }

  /** The number of a text of whole lines, for {@link FileTable.content} and {@link FileTable.policy}. Texts are few. */
  number(lines: string): number {
    let number = this.#numbers.get(lines);
    if (number === undefined) {
      number = this.#texts.length;
      if (number > 0xffff) throw new RangeError('there are too many different texts for heads');
      this.#texts.push(text(lines));
      this.#numbers.set(lines, number);
    }
    return number;
  }

  /** Bytes of the texts that an entry's heads have. */
  textBytes(table: FileTable, entry: number): number {
    return this.#texts[table.content.get(entry)]!.length + this.#texts[table.policy.get(entry)]!.length;
  }

  /** Bytes of the head of a whole file: what {@link begin}, {@link content}, {@link validators} and {@link end} write. */
  wholeBytes(table: FileTable, entry: number, varies: boolean, close: boolean): number {
    const fixed = this.#start(200).length + 2 * (HTTP_DATE_BYTES + 2) + contentLength.length + lastModified.length;
    const tagLine = etag.length + TAG_BYTES + 2;
    const line = decimalDigits(table.size.get(entry)) + 2;
    const some = (varies ? vary.length : 0) + (close ? closing.length : 0);
    return fixed + tagLine + line + some + this.textBytes(table, entry) + 2;
  }

  /** Where in a head of this status its 29 bytes of date begin. */
  dateOffset(status: number): number {
    return this.#start(status).length;
  }

  #start(status: number): Uint8Array {
    let start = this.#starts.get(status);
    if (start === undefined) {
      start = text(`HTTP/1.1 ${status} ${reasonPhrase(status)}\r\nServer: clearway\r\nDate: `);
      this.#starts.set(status, start);
    }
    return start;
  }

  /** Begins a head: status line, Server, Date. The frame that it goes into is leased. */
  begin(at: number, status: number, nowSeconds: number): void {
    this.at = at;
    this.#target = this.#memory.bytes;
    this.put(this.#start(status));
    if (this.#dateSeconds !== nowSeconds) {
      this.#dateSeconds = nowSeconds;
      writeHttpDate(this.#date, 0, nowSeconds);
    }
    this.put(this.#date);
  }

  /** Fields that describe content of `length` bytes. */
  content(table: FileTable, entry: number, length: number): void {
    this.put(this.#texts[table.content.get(entry)]!);
    this.length(length);
  }

  /** Content-Length. */
  length(length: number): void {
    this.put(contentLength);
    this.decimal(length);
    this.put(lineEnd);
  }

  /** Content-Range of the bytes from `start` up to, not including, `end`. */
  range(start: number, end: number, size: number): void {
    this.put(contentRange);
    this.decimal(start);
    this.#target[this.at++] = 0x2d;
    this.decimal(end - 1);
    this.#target[this.at++] = 0x2f;
    this.decimal(size);
    this.put(lineEnd);
  }

  /** Validators and what caches may do. Returns where the entity tag's bytes are. */
  validators(table: FileTable, entry: number, varies: boolean): number {
    const seconds = table.modifiedSeconds.get(entry);
    if (isDate(seconds)) {
      this.put(lastModified);
      this.at = writeHttpDate(this.#target, this.at, seconds);
      this.put(lineEnd);
    }
    this.put(etag);
    const tagAt = this.at;
    this.at = writeTag(this.#target, this.at, table.tagHigh.get(entry), table.tagLow.get(entry));
    this.put(lineEnd);
    if (varies) this.put(vary);
    this.put(this.#texts[table.policy.get(entry)]!);
    return tagAt;
  }

  /** Begins the Location field; its value and {@link line} follow. */
  location(): void {
    this.put(location);
  }

  /** Ends a line. */
  line(): void {
    this.put(lineEnd);
  }

  /** Ends the head. */
  end(close: boolean): void {
    if (close) this.put(closing);
    this.put(lineEnd);
  }

  /** Writes bytes as they are. */
  put(bytes: Uint8Array): void {
    const length = bytes.length;
    if (length > 48) copyView(CopyReason.encode, this.#target, this.at, bytes);
    else {
      for (let index = 0; index < length; index++) this.#target[this.at + index] = bytes[index]!;
      countCopy(CopyReason.encode, length);
    }
    this.at += length;
  }

  /** Writes a range of bytes as they are. */
  quote(bytes: Uint8Array, start: number, end: number): void {
    for (let index = start; index < end; index++) this.#target[this.at++] = bytes[index]!;
    countCopy(CopyReason.encode, end - start);
  }

  /** Writes a whole number from 0 to 2^53. */
  decimal(value: number): void {
    const digits = decimalDigits(value);
    let rest = value;
    for (let index = this.at + digits - 1; index >= this.at; index--) {
      const quotient = Math.floor(rest / 10);
      this.#target[index] = 0x30 + (rest - quotient * 10);
      rest = quotient;
    }
    this.at += digits;
  }
}

function decimalDigits(value: number): number {
  let digits = 1;
  for (let limit = 10; value >= limit && digits < 16; limit *= 10) digits++;
  return digits;
}
