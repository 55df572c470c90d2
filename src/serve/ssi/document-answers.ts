// Answers requests for documents with includes: evaluated anew for each, they have neither codings nor ranges nor validators.
// Not here: evaluating (composer.ts), one answer and what it fetches first (composed-answer.ts).

import type { SgList } from '../../memory/sg-list.js';
import type { Loop } from '../../transport/loop.js';
import { Method, type RequestHead } from '../../wire/http1/request.js';
import type { Exchange } from '../exchange.js';
import type { FieldWriter } from '../head.js';
import { Way } from '../metrics.js';
import type { OpenFile } from '../open-files.js';
import type { Replies } from '../replies.js';
import type { Representation } from '../representation.js';
import type { Selector } from '../selection.js';
import { answerWhenReady } from '../waiting.js';
import { ComposedAnswer } from './composed-answer.js';
import { type ComposerHost, SsiComposer } from './composer.js';
import { includeLanguage } from './documents.js';

/** What the answers need of the server around them. */
export interface DocumentHost extends ComposerHost {
  readonly loop: Loop;
  readonly selector: Selector;
  readonly replies: Replies;
  readonly fields: FieldWriter;
  /** An answer that waited could not be made. */
  readonly failed: (exchange: Exchange) => void;
}

/** See the file's head. */
export class DocumentAnswers {
  readonly #host: DocumentHost;
  readonly #composer: SsiComposer;

  constructor(host: DocumentHost) {
    this.#host = host;
    this.#composer = new SsiComposer(host);
  }

  /** Whether a file is a document. */
  isDocument(file: Representation): boolean {
    return includeLanguage(file.path) !== undefined;
  }

  /** Answers with what a document evaluates to. */
  answer(exchange: Exchange, head: RequestHead, document: Representation): void {
    const { loop, replies, failed } = this.#host;
    const host = {
      loop,
      replies,
      composer: this.#composer,
      find: (path: string) => this.#find(path),
      queuePage: (path: string, list: SgList<OpenFile>) => this.#queue(exchange, path, list),
    };
    const answer = new ComposedAnswer(host, exchange, head, document);
    answerWhenReady(exchange, () => answer.attempt(), failed);
  }

  #find(path: string): Representation | undefined {
    const found = this.#host.selector.select({ path, trailingSlash: false, dotfile: false }, undefined);
    return found.kind === 'file' ? found.chosen : undefined;
  }

  #queue(exchange: Exchange, path: string, list: SgList<OpenFile>): void {
    const { replies, fields } = this.#host;
    const length = `Content-Length: ${list.byteLength}\r\n`;
    replies.head(exchange, 200, `Content-Type: text/html; charset=utf-8\r\n${length}${fields.composed(path)}`);
    if (exchange.method === Method.HEAD) list.release();
    else replies.body(exchange, list, Way.gather);
  }

  /** Lets go of documents that nobody asked for lately. */
  sweep(): void {
    this.#composer.documents.sweep();
  }

  /** Lets go of all of them. */
  close(): void {
    this.#composer.documents.close();
  }
}
