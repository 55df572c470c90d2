// What the access log wants to know of a request, copied while its bytes are borrowed, in one small buffer per connection.

import { peerAddress } from '../kernel/socket.js';
import { CopyReason, copyBytes } from '../memory/copy.js';
import { Field, type RequestHead } from '../wire/http1/request.js';

/** Bytes kept of the request line, of the referrer and of the user agent. */
export const logFieldBytes = 1024;

/** The parts of an entry, each at `part * logFieldBytes` of its bytes. */
const LogPart = { requestLine: 0, referer: 1, userAgent: 2 } as const;
const parts = 3;

/** Filled when a request is read, written to the log when its answer has left. */
export class LogEntry {
  peer = '-';
  /** Milliseconds since 1970. */
  timeMs = 0;
  readonly lengths = new Int32Array(parts);
  #bytes: Uint8Array | undefined;

  /** The parts' bytes. */
  get bytes(): Uint8Array {
    this.#bytes ??= new Uint8Array(parts * logFieldBytes);
    return this.#bytes;
  }

  /** Asks the socket whom it is connected to. */
  setPeer(fd: number): void {
    try {
      this.peer = peerAddress(fd).host;
    } catch {
      this.peer = '-';
    }
  }

  /** Keeps a request's line, referrer and user agent; `end` is where the bytes that were received end. */
  begin(head: RequestHead, bytes: Uint8Array, end: number): void {
    this.clear();
    if (head.methodStart < 0) return;
    // Method, target and version are one run of bytes; the target's end plus " HTTP/1.x" is the line's end.
    const lineEnd = Math.min(end, head.targetEnd < 0 ? head.methodEnd : head.targetEnd + 9);
    this.#keep(LogPart.requestLine, bytes, head.methodStart, lineEnd);
    this.#keep(LogPart.referer, bytes, head.fieldStart[Field.referer]!, head.fieldEnd[Field.referer]!);
    this.#keep(LogPart.userAgent, bytes, head.fieldStart[Field.userAgent]!, head.fieldEnd[Field.userAgent]!);
  }

  /** Forgets the last request. */
  clear(): void {
    this.timeMs = Date.now();
    this.lengths.fill(0);
  }

  #keep(part: number, bytes: Uint8Array, start: number, end: number): void {
    if (start < 0 || end <= start) return;
    const length = Math.min(end - start, logFieldBytes, bytes.length - start);
    copyBytes(CopyReason.accessLog, this.bytes, part * logFieldBytes, bytes, start, length);
    this.lengths[part] = length;
  }
}
