// The answer to a request for a document with includes: composed at once where everything is in memory; else what is cold is
// fetched first, a file at a time, and the connection waits. Not here: evaluating (composer.ts), waiting (waiting.ts).

import type { SgList } from '../../memory/sg-list.js';
import type { Loop } from '../../transport/loop.js';
import type { RequestHead } from '../../wire/http1/request.js';
import { ColdRead, type Fetched, fetchCold } from '../cold.js';
import type { Exchange } from '../exchange.js';
import type { OpenFile } from '../open-files.js';
import type { Replies } from '../replies.js';
import type { Representation } from '../representation.js';
import type { Until } from '../waiting.js';
import { IncludeError, type SsiComposer } from './composer.js';
import { keptRequestOf, requestOf } from './request.js';
import type { SsiRequest } from './variables.js';

/** What queues the answer on the connection. */
export interface ComposedAnswerHost {
  readonly loop: Loop;
  readonly composer: SsiComposer;
  readonly replies: Replies;
  /** A document as it is now; undefined when it is gone. */
  find(path: string): Representation | undefined;
  /** Queues the page that the document at a path made, whose list it takes over. */
  queuePage(path: string, list: SgList<OpenFile>): void;
}

/** One answer. */
export class ComposedAnswer {
  readonly #host: ComposedAnswerHost;
  readonly #exchange: Exchange;
  readonly #path: string;
  readonly #args: string | undefined;
  readonly #fetched: Fetched = new Set();
  /** As it was found, for the first attempt. */
  #document: Representation | undefined;
  #request: SsiRequest;
  /** As long as its bytes are there. */
  #head: RequestHead | undefined;

  constructor(host: ComposedAnswerHost, exchange: Exchange, head: RequestHead, document: Representation) {
    this.#host = host;
    this.#exchange = exchange;
    this.#path = document.path;
    this.#document = document;
    this.#head = head;
    this.#args = head.text(head.queryStart, head.queryEnd) || undefined;
    this.#request = requestOf(head, exchange.connection);
  }

  /** Queues it; or says what has to be fetched first, and nothing is queued. The head's bytes are not looked at after the first time. */
  attempt(): Until | undefined {
    const document = this.#document ?? this.#host.find(this.#path);
    this.#document = undefined;
    if (document === undefined) {
      this.#host.replies.message(this.#exchange, 404);
      return undefined;
    }
    const cold = this.#compose(document);
    if (cold === undefined) return undefined;
    const { connection } = this.#exchange;
    if (this.#head !== undefined) this.#request = keptRequestOf(this.#head, connection);
    this.#head = undefined;
    connection.counts.coldFetches++;
    this.#fetched.add(cold.file);
    return (done) => fetchCold(this.#host.loop, cold, done);
  }

  /** Queues the page. Nothing is queued when a file has to be fetched first, which is returned. */
  #compose(document: Representation): ColdRead | undefined {
    let list: SgList<OpenFile>;
    try {
      list = this.#host.composer.compose(document, this.#request, this.#args, this.#fetched);
    } catch (error) {
      if (error instanceof ColdRead) return error;
      if (!(error instanceof IncludeError)) throw error;
      this.#host.replies.message(this.#exchange, 500, 'Cache-Control: no-store\r\n');
      return undefined;
    }
    this.#host.queuePage(document.path, list);
    return undefined;
  }
}
