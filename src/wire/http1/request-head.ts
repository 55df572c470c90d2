// The parsed head of one request: offsets into borrowed bytes, never copies of them. One object serves any number of requests.
// Not here: the parser that fills it (request.ts).

import { FIELD_COUNT, FIELD_NAMES } from './fields.js';
import { COLON, CR, HTAB, LF, SP, TOKEN } from './grammar.js';

/** Request methods (RFC 9110 section 9, RFC 5789) by number; any other token is OTHER. */
export const Method = {
  OTHER: 0,
  GET: 1,
  HEAD: 2,
  OPTIONS: 3,
  POST: 4,
  PUT: 5,
  DELETE: 6,
  PATCH: 7,
  TRACE: 8,
  CONNECT: 9,
} as const;

/**
 * The head of a request. Offsets are indices into `bytes`, ends are exclusive, -1 means absent. They hold until the bytes
 * are overwritten or the next head is parsed into the same object. After a refusal only `method`, the method's and the
 * target's offsets may be looked at, as far as they are set.
 */
export class RequestHead {
  /** The bytes that were parsed; borrowed. */
  bytes: Uint8Array = new Uint8Array(0);
  /** The same bytes, for reading words. */
  view: DataView = new DataView(new ArrayBuffer(0));
  private otherBytes: Uint8Array = this.bytes;
  private otherView: DataView = this.view;
  /** Where the head begins in `bytes`, tolerated empty lines included. */
  start = 0;
  /** Bytes of the head, final CRLF CRLF included. */
  length = 0;
  /** One of `Method`. */
  method = 0;
  methodStart = -1;
  methodEnd = -1;
  /** The request-target as received. */
  targetStart = -1;
  targetEnd = -1;
  /** Path of origin-form and absolute-form, not decoded. Empty (start equals end) stands for `/`; -1 in the other forms. */
  pathStart = -1;
  pathEnd = -1;
  /** Query without its question mark; -1 when there is none. */
  queryStart = -1;
  queryEnd = -1;
  /** Authority of absolute-form and authority-form; else -1. */
  authorityStart = -1;
  authorityEnd = -1;
  /** `OPTIONS *`, or its absolute form without a path (RFC 9112 section 3.2.4). */
  asteriskForm = false;
  /** 0 or 1; a higher minor version is processed as 1 (RFC 9110 section 2.5). */
  versionMinor = 1;
  /** Whether the connection persists after this request (RFC 9112 section 9.3). */
  keepAlive = true;
  /** The body's length in bytes; -1 when no Content-Length was sent. */
  contentLength = -1;
  /** The body is in chunks. */
  chunked = false;
  /** `Expect: 100-continue` from an HTTP/1.1 client. */
  expectContinue = false;
  /** Number of field lines. */
  fieldCount = 0;
  /** Where the field lines begin. */
  fieldsStart = 0;
  /** Value offsets by `Field` slot, optional white space trimmed; of the first line when a field repeats. */
  readonly fieldStart: Int32Array = new Int32Array(FIELD_COUNT).fill(-1);
  readonly fieldEnd: Int32Array = new Int32Array(FIELD_COUNT).fill(-1);
  /** Bit `1 << slot` set: the field is present. */
  fieldPresent = 0;
  /** Bit `1 << slot` set: the field came in several lines; `fieldText` joins them. */
  fieldRepeated = 0;

  /**
   * Makes `bytes` the borrowed ones. The two arrays used last keep their views, so that a caller who parses out of a receive
   * region and a carry-over region allocates nothing.
   */
  borrow(bytes: Uint8Array): DataView {
    if (this.bytes === bytes) return this.view;
    const view =
      this.otherBytes === bytes ? this.otherView : new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.otherBytes = this.bytes;
    this.otherView = this.view;
    this.bytes = bytes;
    this.view = view;
    return view;
  }

  /**
   * The value of a known field as text, one character a byte (ISO 8859-1). Several lines are joined by a comma and a space
   * (RFC 9110 section 5.3). Cold path: makes a string.
   *
   * @param slot one of `Field`
   */
  fieldText(slot: number): string | undefined {
    if (this.fieldStart[slot] === undefined || this.fieldStart[slot] === -1) return undefined;
    if ((this.fieldRepeated & (1 << slot)) !== 0) return this.fieldByName(FIELD_NAMES[slot]!);
    return text(this.bytes, this.fieldStart[slot]!, this.fieldEnd[slot]!);
  }

  /**
   * The value of any field as text, by name in lower case; several lines joined. Cold path: walks the head again.
   */
  fieldByName(name: string): string | undefined {
    const bytes = this.bytes;
    let joined: string | undefined;
    for (let index = this.fieldsStart; bytes[index] !== CR; ) {
      const lineStart = index;
      while (bytes[index] !== LF) index++;
      if (nameMatches(bytes, lineStart, name)) {
        let valueStart = lineStart + name.length + 1;
        let valueEnd = index - 1;
        while (valueStart < valueEnd && isBlank(bytes[valueStart]!)) valueStart++;
        while (valueEnd > valueStart && isBlank(bytes[valueEnd - 1]!)) valueEnd--;
        const value = text(bytes, valueStart, valueEnd);
        joined = joined === undefined ? value : `${joined}, ${value}`;
      }
      index++;
    }
    return joined;
  }

  /** Any range of the head as text, one character a byte; empty for an absent one (-1). Cold path. */
  text(start: number, end: number): string {
    return start < 0 ? '' : text(this.bytes, start, end);
  }
}

function nameMatches(bytes: Uint8Array, start: number, name: string): boolean {
  for (let index = 0; index < name.length; index++) {
    if (TOKEN[bytes[start + index]!] !== name.charCodeAt(index)) return false;
  }
  return bytes[start + name.length] === COLON;
}

function isBlank(byte: number): boolean {
  return byte === SP || byte === HTAB;
}

function text(bytes: Uint8Array, start: number, end: number): string {
  let result = '';
  for (let index = start; index < end; index++) result += String.fromCharCode(bytes[index]!);
  return result;
}
