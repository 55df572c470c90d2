// Pages over Clearway's own transport: HTTP/1.1 as serve speaks it, answered by renderings that may take their time.
// A connection is busy while its page is being made; when its client leaves, the page is cancelled.
// Not here: one answer (page-answer.ts), sockets and options (server.ts).

import { ListWriter } from '../memory/list-writer.js';
import { writeFrames } from '../memory/write-frames.js';
import { makeHead, persistenceField, TextMemory } from '../serve/head.js';
import { type Answerer, HttpProtocol, HttpState, type HttpTimeouts } from '../serve/http-protocol.js';
import { type Metrics, Way } from '../serve/metrics.js';
import type { Connection } from '../transport/connection.js';
import type { Loop } from '../transport/loop.js';
import { formatHttpDate } from '../wire/http/date.js';
import { Method, type RequestHead } from '../wire/http1/request.js';
import { reasonPhrase } from '../wire/http1/status.js';
import { PageContext } from './context.js';
import type { Page } from './page.js';
import { type AnswerOwner, HeadSource, PageAnswer } from './page-answer.js';
import type { OpenPageFile } from './page-files.js';
import type { PageReport } from './page-report.js';

/** Finds the page for a request-target's path; undefined: there is none. */
export type PageRouter<Data> = (path: string) => Page<Data> | undefined;

/** What a {@link PageResponder} is told and tells. */
export interface PageResponderOptions<Data> {
  readonly route: PageRouter<Data>;
  /** Answers what is no page: the files of a site. Default: 404. */
  readonly others: Answerer | undefined;
  readonly data: Data;
  readonly reported: ((report: PageReport) => void) | undefined;
  /** Told of a page that could not be made. */
  readonly failed: (error: Error) => void;
}

const allow = 'Allow: GET, HEAD\r\n';

/** Answers requests with pages. */
export class PageResponder<Data> implements Answerer, AnswerOwner<Data> {
  readonly writer = new ListWriter<OpenPageFile>(writeFrames());
  readonly #options: PageResponderOptions<Data>;
  readonly #texts = new TextMemory();
  readonly #answers = new AnswerList<Data>();
  /** Pages to be started, in order of their requests; the ones before `#nextWaiting` were. */
  readonly #waiting: Array<PageAnswer<Data> | undefined> = [];
  #nextWaiting = 0;
  #dateSeconds = 0;
  #date = '';

  constructor(loop: Loop, options: PageResponderOptions<Data>) {
    this.#options = options;
    this.#tick();
    loop.everyTick(() => this.#tick());
  }

  #tick(): void {
    const seconds = Math.floor(Date.now() / 1000);
    if (seconds !== this.#dateSeconds) this.#date = formatHttpDate(seconds);
    this.#dateSeconds = seconds;
    // Whoever ends its sending direction while a page is being made has left, as far as anyone can tell (nginx and Node
    // decide the same). Nothing else would say so before bytes are sent to it.
    for (let answer = this.#answers.first; answer !== undefined; ) {
      const { connection, next } = answer;
      if (connection.inputEnded && !answer.queued) {
        answer.cancel('left');
        connection.abort();
      }
      answer = next;
    }
  }

  /** The Date field's value now. */
  get date(): string {
    return this.#date;
  }

  /** Which page a path leads to is the application's word, asked once for each request: see {@link answer}. */
  answerQuickly(): boolean {
    return false;
  }

  answer(connection: Connection<HttpState>, head: RequestHead, close: boolean): void {
    const path = head.text(head.pathStart, head.pathEnd);
    const page = this.#options.route(path === '' ? '/' : path);
    const { others } = this.#options;
    if (page === undefined && others !== undefined) {
      if (!others.answerQuickly(connection, head, close)) others.answer(connection, head, close);
    } else if (page === undefined) {
      this.#notice(connection, head, 404, '', close);
    } else if (head.method !== Method.GET && head.method !== Method.HEAD) {
      this.#notice(connection, head, 405, allow, close);
    } else this.#page(connection, head, page, close);
  }

  #page(connection: Connection<HttpState>, head: RequestHead, page: Page<Data>, close: boolean): void {
    const source = new HeadSource(head);
    const context = new PageContext(source, this.#options.data);
    const answer = new PageAnswer(this, connection, page, context, head, close);
    if (head.method === Method.HEAD) {
      answer.headOnly();
      return;
    }
    connection.busy = true;
    // The request's bytes are only lent: what slots may still ask of it is kept.
    source.keep();
    this.#answers.add(answer);
    if (this.#waiting.push(answer) === 1) process.nextTick(this.#startNext);
  }

  /**
   * Starts one page, and the next when the promises of this one have run: within a turn none runs, and pages that were all
   * started in one would all be held in memory together, which the garbage collector pays for.
   */
  readonly #startNext = (): void => {
    const answer = this.#waiting[this.#nextWaiting]!;
    this.#waiting[this.#nextWaiting++] = undefined;
    answer.start();
    if (this.#nextWaiting === this.#waiting.length) {
      this.#waiting.length = 0;
      this.#nextWaiting = 0;
    } else queueMicrotask(this.#startLater);
  };

  // A tick comes when no promise is left to run.
  readonly #startLater = (): void => process.nextTick(this.#startNext);

  /** Called by an answer of which nothing more will come. */
  finished(answer: PageAnswer<Data>, report: PageReport): void {
    this.#answers.remove(answer);
    // The page is in the output already, and is sent whatever the hook does.
    try {
      this.#options.reported?.(report);
    } catch (error) {
      this.pageFailed(error);
    }
  }

  /** Called by an answer whose page could not be made; and for a hook that threw. Never throws. */
  pageFailed(error: unknown): void {
    const told = error instanceof Error ? error : new Error(String(error));
    try {
      this.#options.failed(told);
    } catch (second) {
      console.error(`page: onError threw (${String(second)}) when it was told: ${told.message}`);
    }
  }

  /** A connection is gone, with whatever was made for it. */
  closed(connection: Connection<HttpState>): void {
    (connection.state as PageState).answer?.cancel('left');
  }

  /** A status in words. */
  notice(connection: Connection<HttpState>, status: number, isHead: boolean, fields: string): void {
    const body = `${status} ${reasonPhrase(status)}\n`;
    const text = `Content-Type: text/plain; charset=utf-8\r\nContent-Length: ${body.length}\r\nCache-Control: no-store\r\n${fields}`;
    connection.state.status = status;
    connection.state.way = Way.inline;
    connection.state.bodyBytes = isHead ? 0 : body.length;
    this.#texts.send(connection, makeHead(status, text, this.#date) + (isHead ? '' : body));
  }

  #notice(
    connection: Connection<HttpState>,
    head: RequestHead | undefined,
    status: number,
    fields: string,
    close: boolean,
  ): void {
    if (close) connection.state.closeAfter = true;
    const persistence = persistenceField(head, close);
    this.notice(connection, status, head?.method === Method.HEAD, fields + persistence);
  }

  refuse(connection: Connection<HttpState>, status: number): void {
    this.#notice(connection, undefined, status, '', true);
  }
}

/** A connection's place in the protocol, and the page that is being made for it. */
class PageState extends HttpState {
  answer: Cancellable | undefined;
}

/** What a closed connection has to know of its page. */
interface Cancellable {
  cancel(reason: 'left'): void;
}

/**
 * The answers under way. Not a Map: one whose entries come and go is rehashed all the time, and each table that is left
 * behind keeps the answers that were in it until the next full garbage collection.
 */
class AnswerList<Data> {
  first: PageAnswer<Data> | undefined;

  add(answer: PageAnswer<Data>): void {
    (answer.connection.state as PageState).answer = answer;
    answer.next = this.first;
    if (this.first !== undefined) this.first.previous = answer;
    this.first = answer;
  }

  remove(answer: PageAnswer<Data>): void {
    const state = answer.connection.state as PageState;
    if (state.answer !== answer) return;
    state.answer = undefined;
    if (answer.previous === undefined) this.first = answer.next;
    else answer.previous.next = answer.next;
    if (answer.next !== undefined) answer.next.previous = answer.previous;
    answer.previous = answer.next = undefined;
  }
}

/** HTTP/1.1 with answers that take their time. */
export class PageProtocol<Data> extends HttpProtocol {
  readonly #responder: PageResponder<Data>;

  constructor(
    loop: Loop,
    responder: PageResponder<Data>,
    metrics: Metrics,
    timeouts: HttpTimeouts,
    failed: (error: Error) => void,
  ) {
    super(loop, responder, metrics, undefined, timeouts, 0, failed);
    this.#responder = responder;
  }

  override createState(): PageState {
    return new PageState();
  }

  override drained(connection: Connection<HttpState>): void {
    // The fragments that were there have left; the page goes on.
    if (!connection.busy) super.drained(connection);
  }

  override closed(connection: Connection<HttpState>): void {
    this.#responder.closed(connection);
    super.closed(connection);
  }
}
