// Where a reply ends, for the three protocols of the field guide: HTTP/1.1, Redis, PostgreSQL. A reader is fed the bytes of
// one connection and counts whole replies and the bytes of content in them. None of them keeps or copies a byte of content.

import { ResponseReader } from '../load/response-reader.js';

/** Follows the replies on one connection. */
export interface ReplyReader {
  /** Replies that arrived to their last byte. */
  readonly completed: number;
  /** Bytes of content in them: bodies, values, rows; no heads and no framing. */
  readonly contentBytes: number;
  /** Takes the next bytes. @throws where they are no reply, or a reply that says the request failed. */
  feed(chunk: Uint8Array): void;
}

/** HTTP/1.1 responses with a Content-Length and status 200 (RFC 9112). */
export class HttpReplies implements ReplyReader {
  private readonly reader = new ResponseReader();

  get completed(): number {
    return this.reader.completed;
  }

  get contentBytes(): number {
    return this.reader.bodyBytes;
  }

  feed(chunk: Uint8Array): void {
    this.reader.feed(chunk);
    if (this.reader.status !== 0 && this.reader.status !== 200) throw new Error(`status ${this.reader.status}`);
  }
}

const carriageReturn = 13;
const dollar = 36;
const minus = 45;

/** Simple strings, integers and bulk strings of RESP2 (redis.io, "Redis serialization protocol specification"). */
export class RedisReplies implements ReplyReader {
  completed = 0;
  contentBytes = 0;
  private line = '';
  /** Bytes of a bulk string still to come, its final CR LF included. */
  private remaining = 0;

  feed(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length; ) {
      if (this.remaining > 0) {
        const step = Math.min(this.remaining, chunk.length - at);
        this.remaining -= step;
        at += step;
        if (this.remaining === 0) this.completed++;
        continue;
      }
      const byte = chunk[at++]!;
      if (byte !== 10) {
        if (byte !== carriageReturn) this.line += String.fromCharCode(byte);
        continue;
      }
      this.endOfLine();
    }
  }

  private endOfLine(): void {
    const { line } = this;
    this.line = '';
    const kind = line.charCodeAt(0);
    if (kind === minus) throw new Error(`Redis answered ${line}`);
    if (kind !== dollar) {
      this.completed++;
      return;
    }
    const length = Number(line.slice(1));
    if (!(length >= 0)) throw new Error('Redis has no such key');
    this.contentBytes += length;
    this.remaining = length + 2;
  }
}

const letter = (text: string) => text.charCodeAt(0);

/** Messages of PostgreSQL's protocol 3.0 ("Message Formats" in its manual); a reply ends with ReadyForQuery. */
export class PostgresReplies implements ReplyReader {
  completed = 0;
  contentBytes = 0;
  private kind = 0;
  /** Bytes of the head (type and length) read of the present message; 5 while in its body. */
  private headBytes = 0;
  private length = 0;
  private remaining = 0;
  private complaint = '';

  feed(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length; ) {
      if (this.headBytes < 5) {
        this.headByte(chunk[at++]!);
      } else {
        const step = Math.min(this.remaining, chunk.length - at);
        if (this.kind === letter('E')) this.complaint += new TextDecoder().decode(chunk.subarray(at, at + step));
        this.remaining -= step;
        at += step;
      }
      if (this.headBytes === 5 && this.remaining === 0) this.endOfMessage();
    }
  }

  private headByte(byte: number): void {
    if (this.headBytes === 0) this.kind = byte;
    else this.length = this.length * 256 + byte;
    if (++this.headBytes < 5) return;
    this.remaining = this.length - 4;
    if (this.kind === letter('d')) this.contentBytes += this.remaining;
    // DataRow: a count, then each column with its length before it. The guide's rows have one column.
    if (this.kind === letter('D')) this.contentBytes += this.remaining - 6;
  }

  private endOfMessage(): void {
    if (this.kind === letter('E')) throw new Error(`PostgreSQL answered ${this.complaint.replaceAll('\0', ' ')}`);
    if (this.kind === letter('Z')) this.completed++;
    this.headBytes = 0;
    this.length = 0;
  }
}
