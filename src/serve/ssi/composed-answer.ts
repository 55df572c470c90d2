// The answer to a request for a document with includes: composed at once where everything is in memory; else what is cold is
// fetched first, a file at a time, and the connection is busy meanwhile. Not here: evaluating (composer.ts), heads (responder.ts).

import type { SgList } from '../../memory/sg-list.js';
import type { Connection } from '../../transport/connection.js';
import type { Loop } from '../../transport/loop.js';
import type { RequestHead } from '../../wire/http1/request.js';
import type { HttpState } from '../http-protocol.js';
import type { OpenFile } from '../open-files.js';
import type { Representation } from '../representation.js';
import { ColdRead, type Fetched, fetchCold } from './cold.js';
import { IncludeError, type SsiComposer } from './composer.js';
import { keptRequestOf, requestOf } from './request.js';
import type { SsiRequest } from './variables.js';

/** What an answer has to know of its request's head. */
export type HeadFacts = Pick<RequestHead, 'method' | 'versionMinor'>;

/** What queues the answer on the connection. */
export interface ComposedAnswerHost {
  readonly loop: Loop;
  readonly composer: SsiComposer;
  /** A document as it is now; undefined when it is gone. */
  find(path: string): Representation | undefined;
  /** Queues the page that the document at a path made, whose list it takes over. */
  queuePage(
    connection: Connection<HttpState>,
    head: HeadFacts,
    path: string,
    list: SgList<OpenFile>,
    close: boolean,
  ): void;
  /** Queues a status in words. */
  queueMessage(
    connection: Connection<HttpState>,
    head: HeadFacts,
    status: number,
    fields: string,
    close: boolean,
  ): void;
  /** An answer could not be made: a defect, or memory that ran out. */
  failed(): void;
}

/** One answer. */
export class ComposedAnswer {
  readonly #host: ComposedAnswerHost;
  readonly #connection: Connection<HttpState>;
  readonly #close: boolean;
  readonly #args: string | undefined;
  readonly #fetched: Fetched = new Set();
  #head: HeadFacts;
  #request: SsiRequest;

  constructor(host: ComposedAnswerHost, connection: Connection<HttpState>, head: RequestHead, close: boolean) {
    this.#host = host;
    this.#connection = connection;
    this.#head = head;
    this.#close = close;
    this.#args = head.text(head.queryStart, head.queryEnd) || undefined;
    this.#request = requestOf(head, connection.fd);
  }

  /** Queues it, or has what it needs fetched first; the head's bytes are not looked at after this. */
  begin(head: RequestHead, document: Representation): void {
    const cold = this.#try(document);
    if (cold === undefined) return;
    const connection = this.#connection;
    this.#head = { method: head.method, versionMinor: head.versionMinor };
    this.#request = keptRequestOf(head, connection.fd);
    connection.state.awaited = this;
    connection.busy = true;
    this.#fetch(cold, document.path);
  }

  #fetch(cold: ColdRead, path: string): void {
    this.#connection.extentCold();
    this.#fetched.add(cold.file);
    fetchCold(this.#host.loop, cold, () => this.#again(path));
  }

  #again(path: string): void {
    const connection = this.#connection;
    // The client may have left, and the connection be another's.
    if (connection.state.awaited !== this || connection.closing) return;
    const cold = this.#tryAgain(path);
    if (cold !== undefined) {
      this.#fetch(cold, path);
      return;
    }
    connection.state.awaited = undefined;
    connection.busy = false;
    connection.flush();
  }

  /** The document may have changed meanwhile; what goes wrong is this answer's end, and nobody else's. */
  #tryAgain(path: string): ColdRead | undefined {
    try {
      const document = this.#host.find(path);
      if (document !== undefined) return this.#try(document);
      this.#host.queueMessage(this.#connection, this.#head, 404, '', this.#close);
    } catch {
      this.#host.failed();
      if (this.#connection.sending) this.#connection.abort();
      else this.#host.queueMessage(this.#connection, this.#head, 500, '', true);
    }
    return undefined;
  }

  /** Queues the page. Nothing is queued when a file has to be fetched first, which is returned. */
  #try(document: Representation): ColdRead | undefined {
    let list: SgList<OpenFile>;
    try {
      list = this.#host.composer.compose(document, this.#request, this.#args, this.#fetched);
    } catch (error) {
      if (error instanceof ColdRead) return error;
      if (!(error instanceof IncludeError)) throw error;
      this.#host.queueMessage(this.#connection, this.#head, 500, 'Cache-Control: no-store\r\n', this.#close);
      return undefined;
    }
    this.#host.queuePage(this.#connection, this.#head, document.path, list, this.#close);
    return undefined;
  }
}
