// The body of a plain HTTP/1 response by sendfile. Node writes the head; when every byte it has queued is in the kernel's hands
// and the socket is this response's, the file's bytes go behind it, past Node; then the response is ended in Node's eyes.
// Until then it owns the socket, so that a pipelined answer waits its turn.

import { AsyncResource } from 'node:async_hooks';
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { ExtentEnd } from '../transport/list-pump.js';
import { type FileSource, Output } from '../transport/output.js';
import { holdEnd } from './half-close.js';
import { noteProgress, onSocketClose, socketDescriptor, uncorkAll, whenWritten } from './node-socket.js';
import type { Body, Outcome } from './outcome.js';
import type { SharedLoop } from './runtime.js';
import { streamBody } from './stream-body.js';
import { Transfer, type TransferOwner } from './transfer.js';

/** See the file's head. Used for one body. */
export class DirectBody implements TransferOwner {
  /** The request's own context: what listeners of the response see of AsyncLocalStorage, though the loop calls. */
  readonly #context = new AsyncResource('ClearwayBody');
  readonly #shared: SharedLoop;
  readonly #body: Body;
  readonly #response: ServerResponse;
  readonly #source: FileSource;
  readonly #socket: Socket;
  readonly #output = new Output();
  #transfer: Transfer | undefined;
  #forgetClose: (() => void) | undefined;
  #releaseEnd: (() => void) | undefined;
  #nextPart = 0;
  #ended = false;

  constructor(shared: SharedLoop, body: Body, source: FileSource) {
    this.#shared = shared;
    this.#body = body;
    this.#response = body.response;
    this.#source = source;
    this.#socket = body.response.socket ?? body.response.req.socket;
  }

  /** Flushes the head and begins as soon as the socket is this response's and empty. */
  begin(): void {
    const response = this.#response;
    response.flushHeaders();
    uncorkAll(response);
    // Listeners of the head may have changed what it promises: then the bytes are theirs to see.
    if (response.chunkedEncoding || Number(response.getHeader('content-length')) !== this.#body.length) {
      streamBody(this.#body);
      return;
    }
    this.#body.file.retain();
    this.#releaseEnd = holdEnd(response);
    this.#forgetClose = onSocketClose(this.#socket, () => this.#end('aborted'));
    // Behind another answer there is no socket yet; Node flushes the head right after it gave us one.
    if (response.socket === null) response.once('socket', () => process.nextTick(() => this.#next()));
    else this.#next();
  }

  #next(): void {
    if (this.#ended) return;
    whenWritten(this.#socket, () => this.#send());
  }

  #send(): void {
    if (this.#ended) return;
    if (!this.ownsSocket()) {
      this.#fail('aborted');
      return;
    }
    const part = this.#body.parts[this.#nextPart];
    if (part === undefined) {
      this.#finish();
      return;
    }
    if (typeof part === 'string') {
      this.#nextPart++;
      this.#response.write(part, 'latin1');
      this.#next();
      return;
    }
    if (!this.#open()) return;
    this.#nextPart++;
    // Of the references to the file this body holds one.
    this.#output.addExtent(this.#source, part.start, part.length, undefined, 0);
    this.#transfer!.send(this.#output);
  }

  /** Makes the duplicate. Without a descriptor to spare the rest goes as a stream, behind the same head. */
  #open(): boolean {
    if (this.#transfer !== undefined) return true;
    try {
      this.#transfer = new Transfer(this.#shared, this, socketDescriptor(this.#socket));
      return true;
    } catch {
      streamBody({ ...this.#body, parts: this.#body.parts.slice(this.#nextPart) });
      this.#release();
      return false;
    }
  }

  ownsSocket(): boolean {
    const response = this.#response;
    return !this.#ended && !this.#socket.destroyed && response.socket === this.#socket && !response.writableEnded;
  }

  progressed(): void {
    noteProgress(this.#socket);
  }

  listSent(): void {
    this.#context.runInAsyncScope(this.#send, this);
  }

  listFailed(reason: ExtentEnd): void {
    this.#context.runInAsyncScope(this.#fail, this, reason === 'truncated' ? 'truncated' : 'aborted');
  }

  /** Nothing may follow a body that is cut short: it would be read as the body's rest. */
  #fail(outcome: Outcome): void {
    this.#socket.destroy();
    this.#end(outcome);
  }

  #finish(): void {
    this.#release();
    // Node counted none of these bytes, and a strict application would be told that they are missing.
    this.#response.strictContentLength = false;
    noteProgress(this.#socket);
    this.#response.end();
    this.#body.ended?.('sendfile', 'sent');
  }

  #end(outcome: Outcome): void {
    if (this.#ended) return;
    this.#release();
    this.#body.ended?.('sendfile', outcome);
  }

  /** Before Node may close the socket or give it to the next answer, the duplicate is gone. */
  #release(): void {
    this.#ended = true;
    this.#forgetClose?.();
    this.#transfer?.close();
    this.#output.clear();
    this.#body.file.release();
    this.#releaseEnd?.();
  }
}
