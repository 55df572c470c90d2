// The body of any response by fs streams: TLS, HTTP/2, worker threads, other platforms, middleware that must see the bytes.
// The same promises as by sendfile: a file that became shorter destroys the response, a client that left ends the reading.

import type { ReadStream } from 'node:fs';
import { holdEnd } from './half-close.js';
import { uncorkAll } from './node-socket.js';
import type { Body, Outcome } from './outcome.js';

/** Sends a body part by part and ends the response. */
export function streamBody(body: Body): void {
  new StreamBody(body).begin();
}

class StreamBody {
  readonly #body: Body;
  readonly #releaseEnd: () => void;
  readonly #onClose = (): void => this.#end(this.#body.response.writableFinished ? 'sent' : 'aborted');
  #stream: ReadStream | undefined;
  #nextPart = 0;
  #ended = false;

  constructor(body: Body) {
    this.#body = body;
    this.#releaseEnd = holdEnd(body.response);
  }

  begin(): void {
    const { file, response } = this.#body;
    file.retain();
    uncorkAll(response);
    response.once('close', this.#onClose);
    this.#send();
  }

  #send(): void {
    const { response, parts, file } = this.#body;
    const part = parts[this.#nextPart++];
    if (part === undefined) {
      // Behind another answer the bytes wait in Node: they are sent when it says so.
      response.once('finish', () => this.#end('sent'));
      response.end();
    } else if (typeof part === 'string') {
      response.write(part, 'latin1');
      this.#send();
    } else {
      const stream = file.openStream(part.start, part.start + part.length - 1);
      this.#stream = stream;
      stream.on('error', (error) => this.#fail(error));
      stream.on('end', () => this.#partRead(stream.bytesRead === part.length));
      this.#body.streamed?.(stream);
      stream.pipe(response, { end: false });
    }
  }

  #partRead(whole: boolean): void {
    this.#stream = undefined;
    if (whole) {
      this.#send();
      return;
    }
    this.#body.response.destroy();
    this.#end('truncated');
  }

  #fail(error: Error): void {
    if (this.#ended) return;
    const { response, failed } = this.#body;
    this.#release();
    if (response.headersSent) {
      response.destroy();
      this.#body.ended?.('stream', 'aborted');
    } else {
      failed(error);
    }
  }

  #end(outcome: Outcome): void {
    if (this.#ended) return;
    this.#release();
    this.#body.ended?.('stream', outcome);
  }

  #release(): void {
    this.#ended = true;
    this.#body.response.removeListener('close', this.#onClose);
    this.#stream?.destroy();
    this.#stream = undefined;
    this.#body.file.release();
    this.#releaseEnd();
  }
}
