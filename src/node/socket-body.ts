// A body that goes into the socket of one of Node's responses past Node: Node writes the head; when every byte it has queued is in the kernel's
// hands and the socket is this response's, the body goes behind it on a duplicate of the socket's descriptor, and then the response is ended in
// Node's eyes. Until then it owns the socket, so that a pipelined answer waits its turn. Not here: what the body is made of (direct-body.ts: parts
// of a file; pages/gather-body.ts: a list), moving it (transfer.ts).

import { AsyncResource } from 'node:async_hooks';
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { ExtentEnd } from '../transport/list-pump.js';
import { Output } from '../transport/output.js';
import { noteProgress, onSocketClose, socketDescriptor, whenWritten } from './node-socket.js';
import type { Outcome } from './outcome.js';
import type { SharedLoop } from './runtime.js';
import { Transfer, type TransferOwner } from './transfer.js';

/** See the file's head. Used for one body. */
export abstract class SocketBody implements TransferOwner {
  protected readonly response: ServerResponse;
  /** What goes past Node next. */
  protected readonly output = new Output();
  /** The request's own context: what listeners of the response see of AsyncLocalStorage, though the loop calls. */
  readonly #context = new AsyncResource('ClearwayBody');
  readonly #shared: SharedLoop;
  readonly #socket: Socket;
  #transfer: Transfer | undefined;
  #forgetClose: (() => void) | undefined;
  #ended = false;
  /** {@link #send} is at work further up; and it is to go on. */
  #sending = false;
  #again = false;

  constructor(shared: SharedLoop, response: ServerResponse) {
    this.#shared = shared;
    this.response = response;
    this.#socket = response.socket ?? response.req.socket;
  }

  /**
   * Sends what is next: puts it into {@link output} and gives that to the {@link transfer}, or writes it by Node and
   * {@link goOnWhenWritten | waits}, or {@link finish | finishes}.
   */
  protected abstract sendNext(): void;

  /** There is no descriptor to spare for the duplicate: nothing that is next can go past Node. */
  protected abstract noDescriptor(): void;

  /** Lets go of the bytes, once. */
  protected abstract letGo(): void;

  /** It is over. */
  protected abstract tell(outcome: Outcome): void;

  /** Begins as soon as the socket is this response's and empty. The head was flushed. */
  protected start(): void {
    this.#forgetClose = onSocketClose(this.#socket, () => this.#end('aborted'));
    // Behind another answer there is no socket yet; Node flushes the head right after it gave us one.
    if (this.response.socket === null)
      this.response.once('socket', () => process.nextTick(() => this.goOnWhenWritten()));
    else this.goOnWhenWritten();
  }

  /** Goes on when all that Node was given is the kernel's. */
  protected goOnWhenWritten(): void {
    if (!this.#ended) whenWritten(this.#socket, () => this.#send());
  }

  /** What moves {@link output}; undefined where there is no descriptor to spare, and then {@link noDescriptor} was called. */
  protected transfer(): Transfer | undefined {
    try {
      this.#transfer ??= new Transfer(this.#shared, this, socketDescriptor(this.#socket));
    } catch {
      this.noDescriptor();
    }
    return this.#transfer;
  }

  /** Goes on. What ends at once says so from within: a loop, or thousands of parts would fill the stack. */
  #send(): void {
    this.#again = true;
    if (this.#sending) return;
    this.#sending = true;
    while (this.#again) {
      this.#again = false;
      if (this.#ended) break;
      if (this.ownsSocket()) this.sendNext();
      else this.fail('aborted');
    }
    this.#sending = false;
  }

  ownsSocket(): boolean {
    const { response } = this;
    return !this.#ended && !this.#socket.destroyed && response.socket === this.#socket && !response.writableEnded;
  }

  progressed(): void {
    noteProgress(this.#socket);
  }

  listSent(): void {
    this.#context.runInAsyncScope(this.#send, this);
  }

  listFailed(reason: ExtentEnd): void {
    this.#context.runInAsyncScope(this.fail, this, reason === 'truncated' ? 'truncated' : 'aborted');
  }

  /** Nothing may follow a body that is cut short: it would be read as the body's rest. */
  protected fail(outcome: Outcome): void {
    this.#socket.destroy();
    this.#end(outcome);
  }

  /** All of it was sent. */
  protected finish(): void {
    this.release();
    // Node counted none of these bytes, and a strict application would be told that they are missing.
    this.response.strictContentLength = false;
    noteProgress(this.#socket);
    this.response.end();
    this.tell('sent');
  }

  #end(outcome: Outcome): void {
    if (this.#ended) return;
    this.release();
    this.tell(outcome);
  }

  /** Before Node may close the socket or give it to the next answer, the duplicate is gone. */
  protected release(): void {
    this.#ended = true;
    this.#forgetClose?.();
    this.#transfer?.close();
    this.output.clear();
    this.letGo();
  }
}
