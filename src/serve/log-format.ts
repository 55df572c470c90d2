// Lines of the access log, written as bytes into their buffer: Apache's combined format, or one JSON object a line. Whatever
// comes from outside is escaped, so that nothing ends its field or its line, or talks to a terminal. No strings, nothing
// allocated. Not here: what is kept of a request (log-entry.ts), and where lines go (access-log.ts).

import { CopyReason, copyView, countCopy } from '../memory/copy.js';
import type { Region } from '../memory/region.js';
import type { LogEntry } from './log-entry.js';
import { wayNames } from './metrics.js';

/** Writes lines into its memory; each is at most {@link mostLineBytes} long. */
export interface LineFormat {
  /** Writes one line at `at`, its end included. Returns where the next one goes. */
  write(at: number, entry: LogEntry, status: number, bodyBytes: number, way: number, latencyMs: number): number;
}

/** What a line has beside what came from outside: names, peer, time and numbers. */
const fixedBytes = 512;
/** Bytes that one from outside becomes at most: \u0000. */
const escapedBytes = 6;

/** Bytes that the line of an entry takes at most. */
export function mostLineBytes(entry: LogEntry): number {
  return fixedBytes + escapedBytes * (entry.lineLength + entry.refererLength + entry.userAgentLength);
}

const lineFeed = 0x0a;
const space = 0x20;
const quote = 0x22;
const dash = 0x2d;
const zero = 0x30;
const backslash = 0x5c;
const del = 0x7f;
const hexDigits = ascii('0123456789abcdef');

function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** Bytes that stand in a line as they are: printable, and neither a quote nor a backslash. */
const isPlain = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte >= space && byte < del && byte !== quote && byte !== backslash ? 1 : 0,
);

const inEachByte = 0x0101_0101;
const highBits = 0x80 * inEachByte;

/** False when one of a word's four bytes is not plain, and now and then when all are: who is told so looks at each. */
function isPlainWord(word: number): boolean {
  // A byte below the one that is subtracted, or equal to the one that is compared, borrows into its high bit.
  const control = (word - space * inEachByte) | 0;
  const quotes = ((word ^ (quote * inEachByte)) - inEachByte) | 0;
  const backslashes = ((word ^ (backslash * inEachByte)) - inEachByte) | 0;
  const dels = ((word ^ (del * inEachByte)) - inEachByte) | 0;
  return ((word | control | quotes | backslashes | dels) & highBits) === 0;
}

/** Writes pieces of lines into memory. */
class Pen {
  readonly #bytes: Uint8Array;
  readonly #data: DataView;
  at = 0;

  constructor({ bytes, data }: Region) {
    this.#bytes = bytes;
    this.#data = data;
  }

  byte(value: number): void {
    this.#bytes[this.at++] = value;
  }

  text(bytes: Uint8Array): void {
    copyView(CopyReason.accessLog, this.#bytes, this.at, bytes);
    this.at += bytes.length;
  }

  hex(byte: number): void {
    this.byte(hexDigits[byte >> 4]!);
    this.byte(hexDigits[byte & 15]!);
  }

  /** A whole number in decimal, with zeros in front where it has fewer than `width` digits. */
  number(value: number, width = 1): void {
    const million = 1_000_000;
    if (value >= 2 ** 30) {
      const upper = Math.floor(value / million);
      this.number(upper, width - 6);
      this.number(value - upper * million, 6);
      return;
    }
    let digits = 1;
    for (let bound = 10; bound <= value; bound *= 10) digits++;
    if (digits < width) digits = width;
    let rest = value | 0;
    for (let index = this.at + digits - 1; index >= this.at; index--) {
      const next = (rest / 10) | 0;
      this.#bytes[index] = zero + (rest - next * 10);
      rest = next;
    }
    this.at += digits;
  }

  /** Copies what is plain, four bytes at a time, up to a byte that is not or to `end`. Returns where it stopped. */
  plain(entry: LogEntry, start: number, end: number): number {
    const source = entry.bytes;
    const sourceData = entry.data;
    const bytes = this.#bytes;
    const data = this.#data;
    let from = start | 0;
    let to = this.at | 0;
    for (; from + 4 <= end; from = (from + 4) | 0, to = (to + 4) | 0) {
      const word = sourceData.getInt32(from, true);
      if (!isPlainWord(word)) break;
      data.setInt32(to, word, true);
    }
    for (; from < end; from = (from + 1) | 0, to = (to + 1) | 0) {
      const byte = source[from]!;
      if (isPlain[byte] !== 1) break;
      bytes[to] = byte;
    }
    countCopy(CopyReason.accessLog, from - start);
    this.at = to;
    return from;
  }
}

/** The text of a second, made when another second's was made before. */
class SecondText {
  readonly #format: (seconds: number) => string;
  startMs = Number.NaN;
  #text: Uint8Array = new Uint8Array(0);

  constructor(format: (seconds: number) => string) {
    this.#format = format;
  }

  at(timeMs: number): Uint8Array {
    const sinceMs = timeMs - this.startMs;
    if (!(sinceMs >= 0 && sinceMs < 1000)) {
      const seconds = Math.floor(timeMs / 1000);
      this.startMs = seconds * 1000;
      this.#text = ascii(this.#format(seconds));
    }
    return this.#text;
  }
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

function combinedTime(seconds: number): string {
  const [year, month, day, time] = new Date(seconds * 1000).toISOString().split(/[-T.]/);
  return ` - - [${day}/${months[Number(month) - 1]}/${year}:${time} +0000] `;
}

/** Apache's and nginx's: what is not plain becomes \xHH, and nothing becomes "-". */
class CombinedFormat implements LineFormat {
  readonly #pen: Pen;
  readonly #time = new SecondText(combinedTime);

  constructor(memory: Region) {
    this.#pen = new Pen(memory);
  }

  write(at: number, entry: LogEntry, status: number, bodyBytes: number): number {
    const { lineLength, refererLength, userAgentLength } = entry;
    const pen = this.#pen;
    pen.at = at;
    pen.text(entry.peer);
    pen.text(this.#time.at(entry.timeMs));
    this.#quoted(entry, 0, lineLength);
    pen.byte(space);
    pen.number(status);
    pen.byte(space);
    pen.number(bodyBytes);
    pen.byte(space);
    const refererEnd = lineLength + refererLength;
    this.#quoted(entry, lineLength, refererEnd);
    pen.byte(space);
    this.#quoted(entry, refererEnd, refererEnd + userAgentLength);
    pen.byte(lineFeed);
    return pen.at;
  }

  #quoted(entry: LogEntry, start: number, end: number): void {
    const pen = this.#pen;
    pen.byte(quote);
    if (start === end) pen.byte(dash);
    for (let from = pen.plain(entry, start, end); from < end; from = pen.plain(entry, from + 1, end)) {
      pen.byte(backslash);
      pen.byte(0x78);
      pen.hex(entry.bytes[from]!);
    }
    pen.byte(quote);
  }
}

const json = {
  time: ascii('{"time":"'),
  peer: ascii('Z","peer":"'),
  method: ascii('","method":"'),
  target: ascii('","target":"'),
  version: ascii('","version":"'),
  status: ascii('","status":'),
  bodyBytes: ascii(',"bodyBytes":'),
  ways: wayNames.map((name) => ascii(`,"way":"${name}","latencyUs":`)),
  referer: ascii(',"referer":"'),
  userAgent: ascii('","userAgent":"'),
  end: ascii('"}\n'),
  escape: ascii('\\u00'),
} as const;

/**
 * An object a line. Bytes from outside are characters of ISO 8859-1, written as UTF-8. JSON would let DEL and the controls
 * from 0x80 on stand as they are; a terminal obeys some of them.
 */
class JsonFormat implements LineFormat {
  readonly #pen: Pen;
  readonly #time = new SecondText((seconds) => new Date(seconds * 1000).toISOString().slice(0, 20));

  constructor(memory: Region) {
    this.#pen = new Pen(memory);
  }

  write(at: number, entry: LogEntry, status: number, bodyBytes: number, way: number, latencyMs: number): number {
    const { lineLength, refererLength, userAgentLength, methodLength, targetLength } = entry;
    const pen = this.#pen;
    pen.at = at;
    pen.text(json.time);
    pen.text(this.#time.at(entry.timeMs));
    pen.number(entry.timeMs - this.#time.startMs, 3);
    pen.text(json.peer);
    pen.text(entry.peer);
    pen.text(json.method);
    this.#string(entry, 0, methodLength);
    pen.text(json.target);
    const targetEnd = methodLength + 1 + targetLength;
    this.#string(entry, methodLength + 1, targetEnd);
    pen.text(json.version);
    this.#string(entry, targetEnd + 1, lineLength);
    pen.text(json.status);
    pen.number(status);
    pen.text(json.bodyBytes);
    pen.number(bodyBytes);
    pen.text(json.ways[way]!);
    pen.number(Math.min(Math.trunc(latencyMs * 1000), 2 ** 31));
    pen.text(json.referer);
    const refererEnd = lineLength + refererLength;
    this.#string(entry, lineLength, refererEnd);
    pen.text(json.userAgent);
    this.#string(entry, refererEnd, refererEnd + userAgentLength);
    pen.text(json.end);
    return pen.at;
  }

  #string(entry: LogEntry, start: number, end: number): void {
    const pen = this.#pen;
    for (let from = pen.plain(entry, start, end); from < end; from = pen.plain(entry, from + 1, end)) {
      const byte = entry.bytes[from]!;
      if (byte === quote || byte === backslash) {
        pen.byte(backslash);
        pen.byte(byte);
      } else if (byte >= 0xa0) {
        pen.byte(0xc0 | (byte >> 6));
        pen.byte(0x80 | (byte & 0x3f));
      } else {
        pen.text(json.escape);
        pen.hex(byte);
      }
    }
  }
}

/** Makes the writer of a format's lines into `memory`. */
export function lineFormat(format: 'combined' | 'json', memory: Region): LineFormat {
  return format === 'json' ? new JsonFormat(memory) : new CombinedFormat(memory);
}
