// Responder: answers one request by queueing segments and extents on its connection: what a path leads to decides who does it.
// Not here: common answers as bytes (quick-answers.ts), sending resources (send-resource.ts), heads and messages (replies.ts).

import type { Loop } from '../transport/loop.js';
import { isHashedName } from '../wire/http/media-type.js';
import { type CanonicalPath, canonicalPath } from '../wire/http/path.js';
import { Field, Method, type RequestHead } from '../wire/http1/request.js';
import { BasePath, Place } from './base-path.js';
import type { BeneathExtension } from './beneath.js';
import { BeneathAnswers } from './beneath-answers.js';
import { type Exchange, exchangeOf, type HttpConnection, refusedExchange } from './exchange.js';
import { FileAnswers } from './file-answers.js';
import { Folders } from './folders.js';
import type { FrameCache } from './frame-cache.js';
import { type FieldPolicy, FieldWriter, preflightFields, type TextMemory } from './head.js';
import type { Metrics } from './metrics.js';
import { Missing } from './missing.js';
import { requestFields } from './plan.js';
import { QuickAnswers } from './quick-answers.js';
import { Replies } from './replies.js';
import { type Selected, type Selection, Selector } from './selection.js';
import { ResourceSender, type Sending } from './send-resource.js';
import { Site } from './site.js';
import { SiteTexts } from './site-texts.js';
import type { SiteOptions } from './site-types.js';
import { DocumentAnswers } from './ssi/document-answers.js';

/** What a {@link Responder} needs to know. */
export interface ResponderOptions extends FieldPolicy {
  /** Files up to this size are answered from a frame. */
  readonly inlineBytes: number;
  /** Memory for frames of each size. */
  readonly frameBudget: number;
  readonly listing: boolean;
  /** Answer unknown pages with the root's index. */
  readonly spa: boolean;
  /** Beneath which the site is, without a slash at its end; the heads of requests have been led past it. */
  readonly base?: string;
  /** Evaluate documents with includes: .shtml and .esi. */
  readonly ssi?: boolean;
  /** Who answers for what is beneath files, and for some files. */
  readonly extension?: BeneathExtension;
}

const allow = 'GET, HEAD, OPTIONS';
const headRoom = 1024;

/** Answers requests for one site on one worker. */
export class Responder {
  readonly site: Site;
  readonly #loop: Loop;
  readonly #metrics: Metrics;
  readonly #options: ResponderOptions;
  readonly #fields: FieldWriter;
  readonly #files: FileAnswers;
  readonly #folders: Folders;
  readonly #quick: QuickAnswers;
  readonly #base: BasePath | undefined;
  readonly #selector: Selector;
  readonly #documents: DocumentAnswers | undefined;
  readonly #beneath: BeneathAnswers | undefined;
  readonly #replies: Replies;
  readonly #sender: ResourceSender;
  readonly #missing: Missing;

  /**
   * @param warn is told what the operator should know, in a sentence.
   * @throws SystemError when the root of the site cannot be opened.
   */
  constructor(
    loop: Loop,
    site: SiteOptions,
    metrics: Metrics,
    options: ResponderOptions,
    warn: (message: string) => void = () => {},
  ) {
    this.#loop = loop;
    this.#metrics = metrics;
    this.#options = options;
    this.#fields = new FieldWriter(options, isHashedName);
    this.#replies = new Replies(this.#fields.common);
    this.#sender = new ResourceSender(this.#replies, this.#fields);
    const { extension } = options;
    const claims = extension && ((path: string) => extension.claims(path));
    const texts = new SiteTexts(this.#fields, site.types, options.ssi === true, claims, warn);
    this.site = new Site(loop, claims === undefined ? site : { ...site, claims }, texts);
    this.#selector = new Selector(this.site);
    const { inlineBytes, frameBudget, spa, base = '' } = options;
    const fieldBytes = headRoom + this.#fields.mostBytes;
    const quick = { inlineBytes, frameBudget, spa, fieldBytes, baseBytes: base.length };
    this.#base = base === '' ? undefined : new BasePath(base);
    this.#quick = new QuickAnswers(this.site, quick, this.#fields);
    texts.answers = this.#quick;
    const parts = {
      ...{ loop, site: this.site, texts, spa, inlineBytes, fields: this.#fields, quick: this.#quick },
      ...{ replies: this.#replies, sender: this.#sender, selector: this.#selector, failed: this.#failed },
      sendingOf: (selected: Selected) => this.#sendingOf(selected),
    };
    this.#missing = new Missing(parts);
    this.#files = new FileAnswers({ ...parts, missing: this.#missing });
    const handler = extension?.open({ loop, site: this.site, warn, answers: () => metrics.responses });
    const pages = extension && handler && { claims: extension.claims, noteOf: (path: string) => handler.noteOf(path) };
    this.#folders = new Folders({ ...parts, base, pages });
    this.#documents = options.ssi === true ? new DocumentAnswers(parts) : undefined;
    this.#beneath = handler && new BeneathAnswers(handler, { ...parts, missing: this.#missing });
    loop.everyTick(() => {
      this.#replies.tick();
      this.#documents?.sweep();
    });
  }

  /** The frames that responses are kept in. */
  get frames(): FrameCache {
    return this.#quick.frames;
  }

  /** The memory that heads and messages are sent from. */
  get texts(): TextMemory {
    return this.#replies.texts;
  }

  /** Lets go of what is kept beside the frames: for a responder that does not live as long as its thread. */
  close(): void {
    this.#documents?.close();
    this.#beneath?.close();
  }

  /** Queues the answer to a common request; see {@link QuickAnswers}. */
  answerQuickly(connection: HttpConnection, head: RequestHead, close: boolean): boolean {
    if (this.#base !== undefined && this.#answerBase(this.#base, connection, head, close)) return true;
    return this.#quick.answer(connection, head, close, this.#replies.seconds);
  }

  /** Leads the head past the base path; a request outside of it is answered here. */
  #answerBase(base: BasePath, connection: HttpConnection, head: RequestHead, close: boolean): boolean {
    const place = base.enter(head);
    if (place === Place.beneath || (head.method !== Method.GET && head.method !== Method.HEAD)) return false;
    this.#replies.tick();
    const exchange = exchangeOf(connection, head, close);
    if (place === Place.itself) this.#folders.redirect(exchange, head, '');
    else this.#missing.answer(exchange, 404);
    return true;
  }

  /** Answers any request. */
  answer(connection: HttpConnection, head: RequestHead, close: boolean): void {
    this.#replies.tick();
    const exchange = exchangeOf(connection, head, close);
    if (head.method === Method.OPTIONS) {
      this.#answerOptions(exchange, head);
      return;
    }
    if (head.method !== Method.GET && head.method !== Method.HEAD) {
      this.#replies.message(exchange, 405, `Allow: ${allow}\r\n`);
      return;
    }
    const path = canonicalPath(head.bytes, head.pathStart, head.pathEnd);
    if (path === undefined) {
      this.#missing.answer(exchange, 404);
      return;
    }
    const target = path.wellKnown ? { ...path, dotfile: false } : path;
    const find = (): Selection => this.#selector.select(target, exchange.acceptEncoding);
    const found = find();
    switch (found.kind) {
      case 'file':
        if (this.#beneath?.isAsked(found.chosen, head) === true) this.#beneath.answer(exchange, head, target, found);
        else this.#file(exchange, head, found, find);
        return;
      case 'beneath':
        // Found only where there is an extension.
        this.#beneath!.answer(exchange, head, target, found);
        return;
      case 'redirect':
        this.#folders.redirect(exchange, head, path.path);
        return;
      case 'directory': {
        const status = this.#options.listing ? this.#folders.list(exchange, path.path) : 404;
        if (status !== 0) this.#notFound(exchange, head, status, path);
        return;
      }
      case 'unacceptable':
        this.#replies.message(exchange, 406, 'Vary: Accept-Encoding\r\nCache-Control: no-cache\r\n');
        return;
      case 'nothing':
        this.#notFound(exchange, head, found.status, path);
    }
  }

  /** @param again finds anew what is answered with */
  #file(exchange: Exchange, head: RequestHead, selected: Selected, again: () => Selection): void {
    const { chosen } = selected;
    if (this.#documents?.isDocument(chosen) === true) this.#documents.answer(exchange, head, chosen);
    else this.#files.answer(exchange, requestFields(head), selected, again);
  }

  /** What is sent of a file: a small one out of its frame, if it is in memory. */
  #sendingOf({ chosen, varies }: Selected): Sending {
    const isSmall = chosen.size <= this.#options.inlineBytes;
    const held = isSmall ? this.#quick.cached(chosen.entry, varies, this.#replies.seconds) : undefined;
    return { resource: chosen, varies, held };
  }

  /** An answer that waited could not be made: a defect, or memory that ran out. */
  readonly #failed = (exchange: Exchange): void => {
    this.#metrics.add('failures');
    const { connection } = exchange;
    try {
      if (!connection.sending) {
        this.#replies.message({ ...exchange, close: true }, 500);
        return;
      }
    } catch {
      // No memory to say so either.
    }
    connection.abort();
  };

  #answerOptions(exchange: Exchange, head: RequestHead): void {
    const method = head.fieldText(Field.accessControlRequestMethod);
    const wanted = head.fieldText(Field.accessControlRequestHeaders);
    const allowed = `Allow: ${allow}\r\n`;
    const preflight = this.#options.cors && method !== undefined ? preflightFields(allow, wanted) : '';
    this.#replies.head(exchange, 204, allowed + preflight + this.#fields.common);
  }

  #notFound(exchange: Exchange, head: RequestHead, status: number, path: CanonicalPath): void {
    const find = (): Selected | undefined => this.#missing.pageInstead(exchange, path);
    const page = status === 404 ? find() : undefined;
    if (page === undefined) this.#missing.answer(exchange, status);
    else this.#file(exchange, head, page, () => find() ?? { kind: 'nothing', status: 404 });
  }

  /** Refuses what could not be read as a request: the status in words, and the connection ends. */
  refuse(connection: HttpConnection, status: number): void {
    this.#replies.message(refusedExchange(connection), status);
  }

  /** Gives the memory of frames, texts and extensions back; only after the loop was closed. */
  unmap(): void {
    this.#beneath?.unmap();
    this.frames.unmap();
    this.texts.unmap();
  }

  /** Copies gauges into the metrics. */
  report(): void {
    this.#metrics.gauge('openFiles', this.site.descriptors.files.count);
    this.#metrics.gauge('knownPaths', this.site.table.count);
    this.#metrics.gauge('knownBytes', this.site.knownBytes);
    this.#metrics.gauge('frameBytes', this.frames.leasedBytes);
    this.#metrics.gauge('framesLeased', this.frames.leased);
    this.#metrics.gauge('cachedResponses', this.frames.size);
    this.#metrics.gauge('headFramesLeased', this.texts.leased);
    this.#metrics.gauge('filmsKept', this.#beneath?.kept.files ?? 0);
    this.#metrics.gauge('filmBytes', this.#beneath?.kept.bytes ?? 0);
    this.#metrics.gauge('receiveFramesLent', this.#loop.engine.framesLent);
  }
}
