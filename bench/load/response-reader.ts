// Follows HTTP/1.1 responses with a Content-Length on one connection, chunk by chunk, and counts. It keeps no body byte and
// knows no chunked coding: the benchmark's files all have a length.

const newline = 10;
const carriageReturn = 13;
const headLimitBytes = 16_384;

/** The state of one connection's responses. */
export class ResponseReader {
  /** Responses that arrived to their last byte. */
  completed = 0;
  /** Bytes of bodies seen, of unfinished responses too. */
  bodyBytes = 0;
  /** Bytes of the present body still to come; 0 between responses. */
  remaining = 0;
  /** The status of the latest head. */
  status = 0;
  #head = '';
  readonly #bodyless: boolean;

  /** @param bodyless true when the requests are HEAD, whose responses have a length and no body (RFC 9110 9.3.2). */
  constructor(bodyless = false) {
    this.#bodyless = bodyless;
  }

  /** Takes the next bytes of the connection. @throws on a head that is too long, malformed or without a length. */
  feed(chunk: Uint8Array): void {
    let offset = 0;
    while (offset < chunk.length) {
      if (this.remaining > 0) {
        const step = Math.min(this.remaining, chunk.length - offset);
        this.remaining -= step;
        this.bodyBytes += step;
        offset += step;
        if (this.remaining === 0) this.completed++;
        continue;
      }
      offset = this.#feedHead(chunk, offset);
    }
  }

  #feedHead(chunk: Uint8Array, start: number): number {
    for (let offset = start; offset < chunk.length; offset++) {
      const byte = chunk[offset]!;
      if (byte === carriageReturn) continue;
      this.#head += String.fromCharCode(byte);
      if (byte === newline && this.#head.endsWith('\n\n')) {
        this.#finishHead();
        return offset + 1;
      }
    }
    if (this.#head.length > headLimitBytes) throw new Error('a response head over 16 KiB');
    return chunk.length;
  }

  #finishHead(): void {
    const head = this.#head;
    this.#head = '';
    const status = /^HTTP\/1\.[01] (\d{3})/.exec(head);
    if (!status) throw new Error(`not a response: ${head.slice(0, 60)}`);
    this.status = Number(status[1]);
    if (this.#bodyless || this.status === 304 || this.status === 204) {
      this.completed++;
      return;
    }
    const length = /^content-length: *(\d+) *$/im.exec(head);
    if (!length) throw new Error(`a response with status ${this.status} and no Content-Length`);
    this.remaining = Number(length[1]);
    if (this.remaining === 0) this.completed++;
  }
}
