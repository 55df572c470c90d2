// A file as a payload for frameworks that take streams: read like any stream, it is one; piped whole into a plain response
// of node:http, it takes the way of all bodies here, sendfile or memory, and no stream is made.

import type { ReadStream } from 'node:fs';
import { ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { coded } from '../text/coded.js';
import { sendBody } from './body.js';
import { isPlainResponse } from './node-socket.js';
import type { Outcome, Part } from './outcome.js';
import type { StaticFile } from './tree.js';

/** See the file's head. Holds a reference to its file until it ends or is destroyed. */
export class FilePayload extends Readable {
  /** The file's name in the file system, as on any stream of a file. */
  readonly path: string;
  readonly #file: StaticFile;
  readonly #part: Part & object;
  readonly #direct: boolean;
  #stream: ReadStream | undefined;
  #held = true;
  /** On its way by {@link sendBody}, which says how that ends. */
  #isSent = false;

  /** @param part the bytes to send. @param direct false to keep to streams. */
  constructor(file: StaticFile, part: Part & object, direct: boolean) {
    super();
    file.retain();
    this.path = file.path;
    this.#file = file;
    this.#part = part;
    this.#direct = direct;
  }

  override pipe<T extends NodeJS.WritableStream>(destination: T, options?: { end?: boolean }): T {
    const response = destination as unknown as ServerResponse;
    if (this.#stream !== undefined || options?.end === false || !this.#fits(response)) {
      return super.pipe(destination, options);
    }
    const body = {
      response,
      file: this.#file,
      parts: [this.#part],
      length: this.#part.length,
      ended: (_way: unknown, outcome: Outcome) => this.#bodyEnded(outcome),
      streamed: undefined,
      failed: (error: Error) => this.destroy(error),
    };
    this.#isSent = true;
    sendBody(body, this.#direct);
    return destination;
  }

  /** The answer is over: whoever was to read this, or put something else in its place, reads no more. */
  answerEnded(): void {
    if (!this.#isSent) this.destroy();
  }

  /** True when the response promises exactly these bytes, as they are. */
  #fits(response: ServerResponse): boolean {
    return (
      response instanceof ServerResponse &&
      !response.headersSent &&
      isPlainResponse(response) &&
      Number(response.getHeader('content-length')) === this.#part.length &&
      !response.hasHeader('transfer-encoding')
    );
  }

  #bodyEnded(outcome: Outcome): void {
    if (outcome === 'truncated') {
      this.destroy(
        coded('CLEARWAY_FILE_SHRANK', new Error(`the file became shorter while it was sent: ${this.#file.path}`)),
      );
      return;
    }
    if (outcome === 'aborted') {
      this.destroy();
      return;
    }
    this.push(null);
    this.resume();
  }

  override _read(): void {
    if (this.#stream !== undefined) {
      this.#stream.resume();
      return;
    }
    const { start, length } = this.#part;
    const stream = this.#file.openStream(start, start + length - 1);
    this.#stream = stream;
    stream.on('data', (chunk) => this.push(chunk) || stream.pause());
    stream.on('error', (error) => this.destroy(error));
    stream.on('end', () => {
      if (stream.bytesRead === length) this.push(null);
      else
        this.destroy(
          coded('CLEARWAY_FILE_SHRANK', new Error(`the file became shorter while it was read: ${this.#file.path}`)),
        );
    });
  }

  override _destroy(error: Error | null, destroyed: (error?: Error | null) => void): void {
    this.#stream?.destroy();
    if (this.#held) this.#file.release();
    this.#held = false;
    destroyed(error);
  }
}
