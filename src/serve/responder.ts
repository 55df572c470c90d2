// Responder: answers one request by queueing segments and extents on its connection. Bodies of files leave from their
// frame or by sendfile; only heads, listings and short messages are written here.

import type { SgList } from '../memory/sg-list.js';
import type { Connection } from '../transport/connection.js';
import type { Loop } from '../transport/loop.js';
import { sendList } from '../transport/send-list.js';
import { makeBoundary, planMultipart } from '../wire/http/byteranges.js';
import { formatHttpDate } from '../wire/http/date.js';
import { isHashedName } from '../wire/http/media-type.js';
import { prefersJson, wantsPage } from '../wire/http/negotiate.js';
import { type CanonicalPath, canonicalPath, encodePath } from '../wire/http/path.js';
import type { ByteRange } from '../wire/http/range.js';
import { Field, Method, type RequestHead } from '../wire/http1/request.js';
import { reasonPhrase } from '../wire/http1/status.js';
import { BasePath, Place } from './base-path.js';
import type { CachedResponse, FrameCache } from './frame-cache.js';
import { type FieldPolicy, FieldWriter, makeHead, persistenceField, preflightFields, TextMemory } from './head.js';
import type { HttpState } from './http-protocol.js';
import { Listings } from './listing.js';
import { type Metrics, Way } from './metrics.js';
import type { OpenFile } from './open-files.js';
import { type Plan, planResponse, requestFields } from './plan.js';
import { QuickAnswers } from './quick-answers.js';
import type { Representation } from './representation.js';
import { type Selected, Selector } from './selection.js';
import { Site } from './site.js';
import { SiteTexts } from './site-texts.js';
import type { SiteOptions } from './site-types.js';
import { ComposedAnswer, type ComposedAnswerHost, type HeadFacts } from './ssi/composed-answer.js';
import { type ComposerHost, SsiComposer } from './ssi/composer.js';
import { includeLanguage } from './ssi/documents.js';

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
}

const allow = 'GET, HEAD, OPTIONS';
const headRoom = 1024;

type HttpConnection = Connection<HttpState>;

/** Answers requests for one site on one worker. */
export class Responder {
  readonly texts = new TextMemory();
  readonly site: Site;
  readonly #loop: Loop;
  readonly #metrics: Metrics;
  readonly #options: ResponderOptions;
  readonly #fields: FieldWriter;
  readonly #listings: Listings;
  readonly #quick: QuickAnswers;
  readonly #base: BasePath | undefined;
  readonly #selector: Selector;
  readonly #composer: SsiComposer | undefined;
  readonly #answers: ComposedAnswerHost | undefined;
  #dateSeconds = 0;
  #date = '';

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
    const texts = new SiteTexts(this.#fields, site.types, options.ssi === true, warn);
    this.site = new Site(loop, site, texts);
    this.#selector = new Selector(this.site);
    this.#listings = new Listings(this.site);
    const { inlineBytes, frameBudget, spa, base = '' } = options;
    const fieldBytes = headRoom + this.#fields.mostBytes;
    const quick = { inlineBytes, frameBudget, spa, fieldBytes, baseBytes: base.length };
    this.#base = base === '' ? undefined : new BasePath(base);
    this.#quick = new QuickAnswers(this.site, quick, this.#fields);
    texts.answers = this.#quick;
    this.#composer = options.ssi === true ? new SsiComposer(this.#composerHost()) : undefined;
    this.#answers = this.#composer && this.#answerHost(this.#composer);
    this.#tickDate();
    loop.everyTick(() => {
      this.#tickDate();
      this.#composer?.documents.sweep();
    });
  }

  /** The frames that responses are kept in. */
  get frames(): FrameCache {
    return this.#quick.frames;
  }

  /** Lets go of what is kept beside the frames: for a responder that does not live as long as its thread. */
  close(): void {
    this.#composer?.documents.close();
  }

  #composerHost(): ComposerHost {
    return {
      site: this.site,
      isUnchanged: (representation) => this.#selector.isUnchanged(representation),
      isHeld: (representation) => this.frames.of(representation.entry)?.holdsBody === true,
      frameOf: (representation) => {
        const cached = this.#cached(representation);
        return cached?.holdsBody === true ? cached : undefined;
      },
    };
  }

  #tickDate(): void {
    const seconds = Math.floor(Date.now() / 1000);
    if (seconds === this.#dateSeconds) return;
    this.#dateSeconds = seconds;
    this.#date = formatHttpDate(seconds);
  }

  /** Queues the answer to a common request; see {@link QuickAnswers}. */
  answerQuickly(connection: HttpConnection, head: RequestHead, close: boolean): boolean {
    if (this.#base !== undefined && this.#answerBase(this.#base, connection, head, close)) return true;
    return this.#quick.answer(connection, head, close, this.#dateSeconds);
  }

  /** Leads the head past the base path; a request outside of it is answered here. */
  #answerBase(base: BasePath, connection: HttpConnection, head: RequestHead, close: boolean): boolean {
    const place = base.enter(head);
    if (place === Place.beneath || (head.method !== Method.GET && head.method !== Method.HEAD)) return false;
    this.#tickDate();
    if (place === Place.itself) this.#redirect(connection, head, '', close);
    else this.#notFound(connection, head, 404, close);
    return true;
  }

  /** The response of a file in a frame, if there can be one. */
  #cached(representation: Representation): CachedResponse | undefined {
    const { entry } = representation;
    const source = this.site.entryOf(representation.sourcePath);
    const varies = source >= 0 && this.site.siblingsOf(source) !== 0;
    return representation.valid ? this.#quick.cached(entry, varies, this.#dateSeconds) : undefined;
  }

  /** Answers any request. */
  answer(connection: HttpConnection, head: RequestHead, close: boolean): void {
    this.#tickDate();
    const isHead = head.method === Method.HEAD;
    if (head.method === Method.OPTIONS) {
      this.#answerOptions(connection, head, close);
      return;
    }
    if (head.method !== Method.GET && !isHead) {
      this.#message(connection, head, 405, `Allow: ${allow}\r\n`, close);
      return;
    }
    const path = canonicalPath(head.bytes, head.pathStart, head.pathEnd);
    if (path === undefined) {
      this.#notFound(connection, head, 404, close);
      return;
    }
    const target = path.wellKnown ? { ...path, dotfile: false } : path;
    const found = this.#selector.select(target, head.fieldText(Field.acceptEncoding));
    switch (found.kind) {
      case 'file':
        this.#file(connection, head, found, close);
        return;
      case 'redirect':
        this.#redirect(connection, head, path.path, close);
        return;
      case 'directory':
        if (this.#options.listing) this.#listing(connection, head, path, close);
        else this.#notFound(connection, head, 404, close, path);
        return;
      case 'unacceptable':
        this.#message(connection, head, 406, 'Vary: Accept-Encoding\r\nCache-Control: no-cache\r\n', close);
        return;
      case 'nothing':
        this.#notFound(connection, head, found.status, close, path);
    }
  }

  /** True for a document with includes: it is evaluated, and has neither codings nor ranges nor validators. */
  #isDocument(representation: Representation): boolean {
    return this.#composer !== undefined && includeLanguage(representation.path) !== undefined;
  }

  #answerHost(composer: SsiComposer): ComposedAnswerHost {
    return {
      loop: this.#loop,
      composer,
      find: (path) => {
        const found = this.#selector.select({ path, trailingSlash: false, dotfile: false }, undefined);
        return found.kind === 'file' ? found.chosen : undefined;
      },
      queuePage: (connection, head, path, list, close) => this.#composed(connection, head, path, list, close),
      queueMessage: (connection, head, status, fields, close) => this.#message(connection, head, status, fields, close),
      failed: () => this.#metrics.add('failures'),
    };
  }

  /** Answers with what a document evaluated to. */
  #composed(connection: HttpConnection, head: HeadFacts, path: string, list: SgList<OpenFile>, close: boolean): void {
    const { byteLength } = list;
    const fields = `Content-Type: text/html; charset=utf-8\r\nContent-Length: ${byteLength}\r\n${this.#fields.composed(path)}`;
    this.#queueHead(connection, head, 200, fields, close);
    if (head.method === Method.HEAD) {
      list.release();
      return;
    }
    sendList(connection, list);
    if (byteLength > 0) this.#noteBody(connection, Way.gather, byteLength);
  }

  /** Queues a head and notes what the account wants to know. */
  #queueHead(
    connection: HttpConnection,
    head: HeadFacts | undefined,
    status: number,
    fields: string,
    close: boolean,
  ): void {
    const state = connection.state;
    if (close) state.closeAfter = true;
    state.status = status;
    state.way = Way.none;
    state.bodyBytes = 0;
    state.headBytes = this.texts.send(connection, makeHead(status, fields + persistenceField(head, close), this.#date));
  }

  #file(connection: HttpConnection, head: RequestHead, selected: Selected, close: boolean): void {
    if (this.#answers !== undefined && this.#isDocument(selected.chosen)) {
      new ComposedAnswer(this.#answers, connection, head, close).begin(head, selected.chosen);
      return;
    }
    const fields = requestFields(head);
    const { chosen, varies } = selected;
    // A small one's entity tag is that of its content, from the first answer on.
    if (chosen.size <= this.#options.inlineBytes) this.#quick.cached(chosen.entry, varies, this.#dateSeconds);
    const plan = planResponse(chosen, fields, head.method === Method.GET);
    this.#send(connection, head, chosen, varies, plan, close);
  }

  #send(
    connection: HttpConnection,
    head: RequestHead,
    chosen: Representation,
    varies: boolean,
    plan: Plan,
    close: boolean,
  ): void {
    const validators = this.#fields.validators(chosen, varies);
    switch (plan.status) {
      case 304:
        this.#queueHead(connection, head, 304, validators, close);
        return;
      case 412:
        this.#message(connection, head, 412, this.#fields.refused(chosen, varies), close, '');
        return;
      case 416: {
        const size = `Content-Range: bytes */${chosen.size}\r\n`;
        this.#message(connection, head, 416, size + this.#fields.refused(chosen, varies), close, '');
        return;
      }
      case 206:
        if (plan.ranges.length === 1) this.#sendRange(connection, head, chosen, plan.ranges[0]!, validators, close);
        else this.#sendRanges(connection, head, chosen, plan.ranges, validators, close);
        return;
      default:
        this.#sendWhole(connection, head, chosen, validators, close);
    }
  }

  #sendWhole(
    connection: HttpConnection,
    head: RequestHead,
    chosen: Representation,
    validators: string,
    close: boolean,
  ): void {
    const fields = `${this.#fields.content(chosen)}Content-Length: ${chosen.size}\r\n${validators}`;
    this.#queueHead(connection, head, 200, fields, close);
    if (head.method === Method.HEAD || chosen.size === 0) return;
    const cached = this.frames.of(chosen.entry);
    if (cached?.holdsBody === true) {
      connection.sendSegment(cached.address + cached.headBytes, chosen.size, cached.lendAsIs(), 0);
      this.#noteBody(connection, Way.inline, chosen.size);
    } else {
      connection.sendExtent(chosen.file.retain(), 0, chosen.size, 0);
      this.#noteBody(connection, Way.sendfile, chosen.size);
    }
  }

  #noteBody(connection: HttpConnection, way: number, bytes: number): void {
    connection.state.way = way;
    connection.state.bodyBytes += bytes;
  }

  #sendRange(
    connection: HttpConnection,
    head: RequestHead,
    chosen: Representation,
    range: ByteRange,
    validators: string,
    close: boolean,
  ): void {
    const length = range.end - range.start;
    const where = `Content-Range: bytes ${range.start}-${range.end - 1}/${chosen.size}\r\n`;
    const fields = `${this.#fields.content(chosen)}Content-Length: ${length}\r\n${where}${validators}`;
    this.#queueHead(connection, head, 206, fields, close);
    connection.sendExtent(chosen.file.retain(), range.start, length, 0);
    this.#noteBody(connection, Way.sendfile, length);
  }

  #sendRanges(
    connection: HttpConnection,
    head: RequestHead,
    chosen: Representation,
    ranges: readonly ByteRange[],
    validators: string,
    close: boolean,
  ): void {
    const plan = planMultipart(ranges, chosen.size, chosen.contentType, makeBoundary());
    const coding = chosen.coding === undefined ? '' : `Content-Encoding: ${chosen.coding}\r\n`;
    const fields = `Content-Type: ${plan.contentType}\r\n${coding}Content-Length: ${plan.contentLength}\r\n${validators}`;
    this.#queueHead(connection, head, 206, fields, close);
    this.texts.sendAround(connection, [...plan.heads, plan.tail], (index) => {
      const range = plan.ranges[index];
      if (range !== undefined) connection.sendExtent(chosen.file.retain(), range.start, range.end - range.start, 0);
    });
    this.#noteBody(connection, Way.sendfile, plan.contentLength);
  }

  #answerOptions(connection: HttpConnection, head: RequestHead, close: boolean): void {
    const method = head.fieldText(Field.accessControlRequestMethod);
    const wanted = head.fieldText(Field.accessControlRequestHeaders);
    const allowed = `Allow: ${allow}\r\n`;
    const preflight = this.#options.cors && method !== undefined ? preflightFields(allow, wanted) : '';
    this.#queueHead(connection, head, 204, allowed + preflight + this.#fields.common, close);
  }

  #redirect(connection: HttpConnection, head: RequestHead, path: string, close: boolean): void {
    const query = head.queryStart < 0 ? '' : `?${head.text(head.queryStart, head.queryEnd)}`;
    const folder = path === '' ? '' : `${encodePath(path)}/`;
    this.#message(connection, head, 301, `Location: ${this.#options.base ?? ''}/${folder}${query}\r\n`, close);
  }

  #listing(connection: HttpConnection, head: RequestHead, path: CanonicalPath, close: boolean): void {
    const json = prefersJson(head.fieldText(Field.accept));
    const body = this.#listings.get(path.path, json);
    if (typeof body === 'number') {
      this.#notFound(connection, head, body, close, path);
      return;
    }
    const type = json ? 'application/json' : 'text/html; charset=utf-8';
    this.#text(connection, head, 200, body, type, 'Vary: Accept\r\nCache-Control: no-cache\r\n', close);
  }

  /** 404 and its kin: the single page for pages, the site's own 404.html, or a short message. */
  #notFound(connection: HttpConnection, head: RequestHead, status: number, close: boolean, path?: CanonicalPath): void {
    const accepted = head.fieldText(Field.acceptEncoding);
    if (
      status === 404 &&
      path !== undefined &&
      this.#options.spa &&
      !path.dotfile &&
      wantsPage(path.path, head.fieldText(Field.accept))
    ) {
      const page = this.#selector.select({ path: '', trailingSlash: true, dotfile: false }, accepted);
      if (page.kind === 'file') {
        this.#file(connection, head, page, close);
        return;
      }
    }
    const page =
      status === 404
        ? this.#selector.select({ path: '404.html', trailingSlash: false, dotfile: false }, accepted)
        : undefined;
    if (page?.kind !== 'file') {
      if (status === 404) this.#message(connection, head, 404, this.#fields.missing, close, '');
      else this.#message(connection, head, status, status === 503 ? 'Retry-After: 1\r\n' : '', close);
      return;
    }
    const { chosen, varies } = page;
    const fields =
      `${this.#fields.content(chosen)}Content-Length: ${chosen.size}\r\n` +
      `${varies ? 'Vary: Accept-Encoding\r\n' : ''}${this.#fields.missing}`;
    this.#queueHead(connection, head, 404, fields, close);
    if (head.method === Method.HEAD || chosen.size === 0) return;
    connection.sendExtent(chosen.file.retain(), 0, chosen.size, 0);
    this.#noteBody(connection, Way.sendfile, chosen.size);
  }

  /** A short message as body: the status in words. `common` is empty where `fields` have it. */
  #message(
    connection: HttpConnection,
    head: HeadFacts | undefined,
    status: number,
    fields: string,
    close: boolean,
    common: string = this.#fields.common,
  ): void {
    const body = `${status} ${reasonPhrase(status)}\n`;
    this.#text(connection, head, status, body, 'text/plain; charset=utf-8', fields, close, common);
  }

  #text(
    connection: HttpConnection,
    head: HeadFacts | undefined,
    status: number,
    body: string,
    type: string,
    fields: string,
    close: boolean,
    common: string = this.#fields.common,
  ): void {
    const length = Buffer.byteLength(body);
    const isHead = head?.method === Method.HEAD;
    this.#queueHead(
      connection,
      head,
      status,
      `Content-Type: ${type}\r\nContent-Length: ${length}\r\n${fields}${common}`,
      close,
    );
    if (isHead || length === 0) return;
    this.texts.send(connection, body);
    this.#noteBody(connection, Way.inline, length);
  }

  /** Refuses what could not be read as a request: the status in words, and the connection ends. */
  refuse(connection: HttpConnection, status: number): void {
    this.#message(connection, undefined, status, '', true);
  }

  /** Gives the memory of frames and texts back; only after the loop was closed. */
  unmap(): void {
    this.frames.unmap();
    this.texts.unmap();
  }

  /** Copies gauges into the metrics. */
  report(): void {
    this.#metrics.gauge('openFiles', this.site.files.count);
    this.#metrics.gauge('knownPaths', this.site.table.count);
    this.#metrics.gauge('knownBytes', this.site.knownBytes);
    this.#metrics.gauge('frameBytes', this.frames.leasedBytes);
    this.#metrics.gauge('framesLeased', this.frames.leased);
    this.#metrics.gauge('cachedResponses', this.frames.size);
    this.#metrics.gauge('headFramesLeased', this.texts.leased);
    this.#metrics.gauge('receiveFramesLent', this.#loop.engine.framesLent);
  }
}
