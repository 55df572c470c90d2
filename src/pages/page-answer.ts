// PageAnswer: one page on one of Clearway's connections. Whole, it leaves with a Content-Length and one call; else in
// chunks (RFC 9112 section 7.1), or to an HTTP/1.0 client until the connection ends.

import { resetOnClose } from '../kernel/socket.js';
import { emptyListAccount, type ListWriter } from '../memory/list-writer.js';
import { SgList } from '../memory/sg-list.js';
import { WriteMemoryError } from '../memory/write-frames.js';
import { makeHead, persistenceField } from '../serve/head.js';
import type { HttpState } from '../serve/http-protocol.js';
import { Way } from '../serve/metrics.js';
import type { Connection } from '../transport/connection.js';
import { sendList } from '../transport/send-list.js';
import type { RequestHead } from '../wire/http1/request.js';
import type { PageContext, RequestSource } from './context.js';
import type { Page } from './page.js';
import type { OpenPageFile } from './page-files.js';
import type { PageReport } from './page-report.js';
import { Rendering, type RenderingTarget } from './rendering.js';

/** A request as its head says it; the head's bytes are borrowed until {@link keep}. */
export class HeadSource implements RequestSource {
  readonly method: string;
  readonly url: string;
  #head: RequestHead | undefined;
  #fields = '';

  constructor(head: RequestHead) {
    this.#head = head;
    this.method = head.text(head.methodStart, head.methodEnd);
    this.url = head.text(head.targetStart, head.targetEnd);
  }

  header(name: string): string | undefined {
    if (this.#head !== undefined) return this.#head.fieldByName(name);
    const values: string[] = [];
    for (const line of this.#fields.split('\r\n')) {
      const colon = line.indexOf(':');
      if (colon > 0 && line.slice(0, colon).toLowerCase() === name) values.push(line.slice(colon + 1).trim());
    }
    return values.length === 0 ? undefined : values.join(', ');
  }

  /** Takes the fields over, because the bytes are about to go. */
  keep(): void {
    const head = this.#head;
    if (head === undefined) return;
    const { buffer, byteOffset } = head.bytes;
    const from = byteOffset + head.fieldsStart;
    this.#fields = Buffer.from(buffer, from, head.start + head.length - head.fieldsStart).toString('latin1');
    this.#head = undefined;
  }
}

/** The head of a chunk is written in hexadecimal; the end of the last one also ends the body. */
const endOfChunk = '\r\n';
const endOfBody = '0\r\n\r\n';

/** Segments and extents that go before a body. Empty between two uses. */
const before = new SgList<OpenPageFile>();

/** Whom an answer belongs to: it gives the memory, the date and the notices, and is told of the end. */
export interface AnswerOwner<Data> {
  readonly writer: ListWriter<OpenPageFile>;
  /** The Date field's value now. */
  readonly date: string;
  /** Sends a status in words instead of the page. */
  notice(connection: Connection<HttpState>, status: number, isHead: boolean, fields: string): void;
  /** The page could not be made. Never throws. */
  pageFailed(error: unknown): void;
  /** Nothing more will come of the answer. */
  finished(answer: PageAnswer<Data>, report: PageReport): void;
}

/** See the file's head. */
export class PageAnswer<Data> implements RenderingTarget {
  readonly writer: ListWriter<OpenPageFile>;
  /** Its last byte is in the connection's output. */
  queued = false;
  readonly #owner: AnswerOwner<Data>;
  readonly connection: Connection<HttpState>;
  /** Neighbours among the answers under way. */
  next: PageAnswer<Data> | undefined;
  previous: PageAnswer<Data> | undefined;
  readonly #page: Page<Data>;
  readonly #context: PageContext<Data>;
  /** Made when it starts: one that waits for its turn is to be small. */
  #rendering: Rendering<Data> | undefined;
  #ended = false;
  readonly #isOld: boolean;
  readonly #persistence: string;
  readonly #close: boolean;
  #bodyBytes = 0;
  #streamed = false;

  constructor(
    owner: AnswerOwner<Data>,
    connection: Connection<HttpState>,
    page: Page<Data>,
    context: PageContext<Data>,
    head: RequestHead,
    close: boolean,
  ) {
    this.#owner = owner;
    this.writer = owner.writer;
    this.connection = connection;
    this.#page = page;
    this.#context = context;
    this.#isOld = head.versionMinor === 0;
    this.#close = close;
    this.#persistence = persistenceField(head, close);
  }

  /** Nothing more will come of it. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Starts the slots. */
  start(): void {
    // The client may have left before its turn came.
    if (this.#ended) return;
    this.connection.state.status = 0;
    this.connection.state.bodyBytes = 0;
    this.#rendering = new Rendering(this.#page, this.#context, this);
    this.#rendering.start();
  }

  /** The head alone: with the length if that is known without asking the slots (RFC 9110 section 9.3.2). */
  headOnly(): void {
    const { parts, staticBytes } = this.#page.template;
    const isStatic = parts.every((part) => part.kind === 'static');
    this.#head(isStatic ? `Content-Length: ${staticBytes}\r\n` : '', this.#persistence);
    this.connection.state.way = Way.none;
    sendList(this.connection, before);
    this.writer.finish();
  }

  /** Writes the response's head into the list that goes before. */
  #head(framing: string, persistence: string): void {
    const { state } = this.connection;
    const { status, fields } = this.#page;
    if (this.#close) state.closeAfter = true;
    state.status = status;
    state.way = Way.gather;
    state.bodyBytes = 0;
    this.#before(makeHead(status, fields + framing + persistence, this.#owner.date));
  }

  /** Writes a text into the list that goes before the body. */
  #before(text: string): void {
    const { writer } = this;
    const body = writer.list;
    writer.list = before;
    try {
      writer.frameText(text);
    } finally {
      writer.list = body;
    }
  }

  whole(body: SgList<OpenPageFile>): void {
    this.#bodyBytes = body.byteLength;
    this.#head(`Content-Length: ${body.byteLength}\r\n`, this.#persistence);
    sendList(this.connection, before);
    sendList(this.connection, body);
    this.#finish('sent');
  }

  begin(): void {
    this.#streamed = true;
    if (this.#isOld) {
      this.connection.state.closeAfter = true;
      this.#head('', 'Connection: close\r\n');
    } else this.#head('Transfer-Encoding: chunked\r\n', this.#persistence);
    sendList(this.connection, before);
  }

  more(part: SgList<OpenPageFile>, last: boolean): void {
    const { writer } = this;
    const length = part.byteLength;
    this.#bodyBytes += length;
    if (!this.#isOld) {
      if (length > 0) this.#before(`${length.toString(16)}${endOfChunk}`);
      writer.frameText((length > 0 ? endOfChunk : '') + (last ? endOfBody : ''));
    }
    sendList(this.connection, before);
    sendList(this.connection, part);
    if (last) this.#finish('sent');
    else writer.finish();
  }

  flush(): void {
    const { connection } = this;
    // A last part without a byte, which HTTP/1.0 can have, queues nothing: no send will say that the answer is over.
    if (this.queued && !connection.sending) connection.owner.protocol.drained(connection);
    else connection.flush();
  }

  failed(error: unknown, begun: boolean): void {
    before.release();
    this.#owner.pageFailed(error);
    if (begun) {
      // No framing says "this went wrong": only the end of the connection does; to a client of HTTP/1.0, a reset.
      if (this.#isOld) resetOnClose(this.connection.fd);
      this.#finish('failed');
      this.connection.abort();
      return;
    }
    const status = error instanceof WriteMemoryError ? 503 : 500;
    if (this.#close) this.connection.state.closeAfter = true;
    this.#owner.notice(this.connection, status, false, this.#persistence);
    this.#finish('failed');
    this.connection.flush();
  }

  #finish(outcome: PageReport['outcome']): void {
    this.writer.finish();
    this.queued = true;
    this.#ended = true;
    this.connection.busy = false;
    this.connection.state.bodyBytes += this.#bodyBytes;
    const account = this.#rendering?.account ?? emptyListAccount();
    const { status } = this.connection.state;
    const report = { url: this.#context.url, status, outcome, streamed: this.#streamed, account };
    this.#owner.finished(this, report);
  }

  /** The client has left: slots are told, and nothing more is made. */
  cancel(reason: 'left'): void {
    if (this.#ended) return;
    this.#rendering?.cancel(new DOMException('the client has left', 'AbortError'));
    this.#finish(reason);
  }
}
