// The body of a plain HTTP/1 response by sendfile: parts of a file go past Node (socket-body.ts), and what stands between them, of several ranges,
// through it.

import type { FileSource } from '../transport/output.js';
import { holdEnd } from './half-close.js';
import { uncorkAll } from './node-socket.js';
import type { Body, Outcome } from './outcome.js';
import type { SharedLoop } from './runtime.js';
import { SocketBody } from './socket-body.js';
import { streamBody } from './stream-body.js';

/** See the file's head. Used for one body. */
export class DirectBody extends SocketBody {
  readonly #body: Body;
  readonly #source: FileSource;
  #releaseEnd: (() => void) | undefined;
  #nextPart = 0;

  constructor(shared: SharedLoop, body: Body, source: FileSource) {
    super(shared, body.response);
    this.#body = body;
    this.#source = source;
  }

  /** Flushes the head and begins. */
  begin(): void {
    const { response } = this;
    response.flushHeaders();
    uncorkAll(response);
    // Listeners of the head may have changed what it promises: then the bytes are theirs to see.
    if (response.chunkedEncoding || Number(response.getHeader('content-length')) !== this.#body.length) {
      streamBody(this.#body);
      return;
    }
    this.#body.file.retain();
    this.#releaseEnd = holdEnd(response);
    this.start();
  }

  protected override sendNext(): void {
    const part = this.#body.parts[this.#nextPart];
    if (part === undefined) {
      this.finish();
    } else if (typeof part === 'string') {
      this.#nextPart++;
      this.response.write(part, 'latin1');
      this.goOnWhenWritten();
    } else {
      const transfer = this.transfer();
      if (transfer === undefined) return;
      this.#nextPart++;
      // Of the references to the file this body holds one.
      this.output.addExtent(this.#source, part.start, part.length, undefined, 0);
      transfer.send(this.output);
    }
  }

  /** The rest goes as a stream, behind the same head. */
  protected override noDescriptor(): void {
    streamBody({ ...this.#body, parts: this.#body.parts.slice(this.#nextPart) });
    this.release();
  }

  protected override tell(outcome: Outcome): void {
    this.#body.ended?.('sendfile', outcome);
  }

  protected override letGo(): void {
    this.#body.file.release();
    this.#releaseEnd?.();
  }
}
