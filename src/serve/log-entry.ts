// What the access log keeps of a request while its answer is under way: one small buffer a connection, filled while the
// request's bytes are borrowed, raw as they came. Not here: how they are written (log-format.ts).

import { CopyReason, copyBytes } from '../memory/copy.js';
import { Field, type RequestHead } from '../wire/http1/request.js';

/** Bytes kept of the request line, of the referrer and of the user agent. */
const partBytes = 1024;
/** Bytes of the longest address, an IPv6 one with its zone, and of whatever else names a peer. */
const peerBytes = 64;
const firstBytes = 512;

/** Filled when a request is read, written to the log when its answer has left. */
export class LogEntry {
  /** The peer's name: printable, without spaces or quotes. */
  peer: Uint8Array = new Uint8Array(0);
  /** When the request was read, in milliseconds since 1970. */
  timeMs = 0;
  /** The request line, the referrer and the user agent, one behind the other, of these lengths. */
  bytes: Uint8Array = new Uint8Array(firstBytes);
  data: DataView = new DataView(this.bytes.buffer);
  lineLength = 0;
  refererLength = 0;
  userAgentLength = 0;
  /** Of the line: its method, and its target behind one space; what is left behind another is its version. */
  methodLength = 0;
  targetLength = 0;

  /** Sets what stands for the peer in every line until it is set again: cut to 64 characters, `?` for what may not be in it. */
  setPeerName(name: string): void {
    this.peer = Uint8Array.from(name.slice(0, peerBytes), (character) => {
      const code = character.charCodeAt(0);
      return code > 0x20 && code < 0x7f && code !== 0x22 && code !== 0x5c ? code : 0x3f;
    });
  }

  /** Keeps a request's line, referrer and user agent; `end` is where the bytes that were received end. */
  begin(head: RequestHead, bytes: Uint8Array, end: number): void {
    this.clear();
    const { methodStart, methodEnd, targetStart, targetEnd } = head;
    if (methodStart < 0) return;
    // Method, target and version are one run of bytes; the target's end plus " HTTP/1.x" is the line's end.
    const lineEnd = Math.min(end, targetEnd < 0 ? methodEnd : targetEnd + 9);
    this.lineLength = this.#keep(0, bytes, methodStart, lineEnd);
    this.methodLength = Math.min(Math.max(0, methodEnd - methodStart), this.lineLength);
    if (targetEnd > 0)
      this.targetLength = Math.max(0, Math.min(targetEnd, methodStart + this.lineLength) - targetStart);
    const { fieldStart, fieldEnd } = head;
    let kept = this.lineLength;
    this.refererLength = this.#keep(kept, bytes, fieldStart[Field.referer]!, fieldEnd[Field.referer]!);
    kept += this.refererLength;
    this.userAgentLength = this.#keep(kept, bytes, fieldStart[Field.userAgent]!, fieldEnd[Field.userAgent]!);
  }

  /** Forgets the last request; the next begins now. */
  clear(): void {
    this.timeMs = Date.now();
    this.lineLength = this.refererLength = this.userAgentLength = this.methodLength = this.targetLength = 0;
  }

  /** Keeps up to 1 KiB at an offset. Returns how many bytes. */
  #keep(at: number, bytes: Uint8Array, start: number, end: number): number {
    if (start < 0 || end <= start) return 0;
    const length = Math.min(end - start, partBytes, bytes.length - start);
    if (at + length > this.bytes.length) {
      const larger = new Uint8Array(Math.min(3 * partBytes, Math.max(2 * this.bytes.length, at + length)));
      copyBytes(CopyReason.accessLog, larger, 0, this.bytes, 0, at);
      this.bytes = larger;
      this.data = new DataView(larger.buffer);
    }
    copyBytes(CopyReason.accessLog, this.bytes, at, bytes, start, length);
    return length;
  }
}
