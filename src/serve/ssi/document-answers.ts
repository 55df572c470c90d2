// Answers requests for documents with includes: evaluated anew for each, they have neither codings nor ranges nor validators.
// Not here: evaluating (composer.ts), one answer and what it fetches first (composed-answer.ts).

import type { SgList } from '../../memory/sg-list.js';
import type { Loop } from '../../transport/loop.js';
import { Method, type RequestHead } from '../../wire/http1/request.js';
import type { Exchange } from '../exchange.js';
import type { CachedResponse } from '../frame-cache.js';
import type { FieldWriter } from '../head.js';
import { Way } from '../metrics.js';
import type { OpenFile } from '../open-files.js';
import type { QuickAnswers } from '../quick-answers.js';
import type { Replies } from '../replies.js';
import type { Representation } from '../representation.js';
import type { Selector } from '../selection.js';
import type { Site } from '../site.js';
import { answerWhenReady } from '../waiting.js';
import { ComposedAnswer } from './composed-answer.js';
import { SsiComposer } from './composer.js';
import { includeLanguage } from './documents.js';

/** What the answers need of the server around them. */
export interface DocumentHost {
  readonly loop: Loop;
  readonly site: Site;
  readonly quick: QuickAnswers;
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
    this.#composer = new SsiComposer({
      site: host.site,
      isUnchanged: (representation) => host.selector.isUnchanged(representation),
      isHeld: (representation) => host.quick.frames.of(representation.entry)?.holdsBody === true,
      frameOf: (representation) => this.#frameOf(representation),
    });
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

  /** The response of a small file in a frame, with its body. */
  #frameOf({ entry, sourcePath, valid }: Representation): CachedResponse | undefined {
    if (!valid) return undefined;
    const { site, quick, replies } = this.#host;
    const source = site.entryOf(sourcePath);
    const varies = source >= 0 && site.siblings.of(source) !== 0;
    const cached = quick.cached(entry, varies, replies.seconds);
    return cached?.holdsBody === true ? cached : undefined;
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
