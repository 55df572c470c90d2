// Pages and lists on the responses of an existing Node application: respond() and writeGather().
// Not here: how the bytes leave (gather-body.ts).

import type { IncomingMessage, ServerResponse } from 'node:http';
import { defaultCoalesceBytes, emptyListAccount, type ListAccount, ListWriter } from '../memory/list-writer.js';
import { isSegment, type Segment } from '../memory/segment.js';
import { SgList } from '../memory/sg-list.js';
import { WriteMemoryError, writeFrames } from '../memory/write-frames.js';
import { keepsBytes, uncorkAll } from '../node/node-socket.js';
import { shown } from '../text/shown.js';
import { PageContext, type RequestSource } from './context.js';
import { endStreamed, type GatherOutcome, sendGathered, streamList } from './gather-body.js';
import { Html } from './html.js';
import { Page } from './page.js';
import { PageError } from './page-error.js';
import { type OpenPageFile, PageFile } from './page-files.js';
import type { PageReport } from './page-report.js';
import { addFile, Rendering, type RenderingTarget } from './rendering.js';

/** A part of a body: text as it is, markup, bytes, a segment of mapped memory, a file. */
export type GatherPart = string | Html | Uint8Array | Segment | PageFile;

/** What became of a body. */
export interface GatherResult extends GatherOutcome {
  /** Bytes of the body. */
  readonly bytes: number;
  /** How they got into it. */
  readonly account: ListAccount;
}

/** Made and given away within one call: nobody else writes meanwhile. */
let sharedWriter: ListWriter<OpenPageFile> | undefined;

function nodeWriter(): ListWriter<OpenPageFile> {
  sharedWriter ??= new ListWriter<OpenPageFile>(writeFrames());
  sharedWriter.takesHeap = true;
  return sharedWriter;
}

function addPart(writer: ListWriter<OpenPageFile>, part: GatherPart): void {
  if (typeof part === 'string') writer.text(part);
  else if (part instanceof Html) writer.text(part.text);
  else if (part instanceof Uint8Array) {
    if (part.length < writer.coalesceBytes) writer.bytes(part);
    else writer.segment({ address: Number.NaN, bytes: part }, 0, part.length);
  } else if (part instanceof PageFile) addFile(writer, part);
  else if (isSegment(part)) writer.segment(part.region, part.offset, part.length);
  else
    throw new PageError(
      'CLEARWAY_PAGE_VALUE',
      'a part of a body is text, Html, bytes, what segment() makes, or a file',
    );
}

/**
 * Sends parts as the whole body of a response of node:http and ends it. Segments of mapped memory leave by reference with
 * one sendmsg for as many as it takes, files by sendfile; texts are encoded once. Sets Content-Length unless the head
 * says something about the body's length already. Resolves when all is in the kernel's hands or the client has left.
 * Bytes and segments belong to the response until then.
 *
 * Where that cannot be (TLS, HTTP/2, not Linux) Node is given the same parts, corked; the result's `way` and `reason`
 * say so.
 * @throws PageError for a part that is none, or a file that cannot be sent: the response is untouched.
 */
export async function writeGather(response: ServerResponse, parts: Iterable<GatherPart>): Promise<GatherResult> {
  if (typeof parts !== 'object' || parts === null || !(Symbol.iterator in parts))
    throw new PageError('CLEARWAY_PAGE_VALUE', `a body is given as a list of parts, not as ${shown(parts)}`);
  // Taken out before the writer is: what gives them may itself answer somebody.
  const given = [...parts];
  const writer = nodeWriter();
  const account = emptyListAccount();
  const list = new SgList<OpenPageFile>();
  writer.list = list;
  writer.coalesceBytes = defaultCoalesceBytes;
  writer.account = account;
  try {
    for (const part of given) addPart(writer, part);
  } catch (error) {
    list.release();
    throw error;
  } finally {
    writer.finish();
    // The list is this response's from here on: a page that is still being made must not find it in the writer.
    writer.list = new SgList<OpenPageFile>();
  }
  const bytes = list.byteLength;
  account.entries = list.length;
  if (!response.headersSent && !response.hasHeader('content-length') && !response.hasHeader('transfer-encoding')) {
    response.setHeader('Content-Length', bytes);
  }
  if (response.req.method === 'HEAD') {
    list.release();
    response.end();
    return { way: 'stream', reason: 'a HEAD has no body', outcome: 'sent', bytes: 0, account };
  }
  return { ...(await sendGathered(response, list)), bytes, account };
}

class NodeSource implements RequestSource {
  readonly #request: IncomingMessage;

  constructor(request: IncomingMessage) {
    this.#request = request;
  }

  get method(): string {
    return this.#request.method ?? 'GET';
  }

  get url(): string {
    return this.#request.url ?? '/';
  }

  header(name: string): string | undefined {
    const value = this.#request.headers[name];
    return Array.isArray(value) ? value.join(', ') : value;
  }
}

/** One page on one of Node's responses. */
class NodeAnswer<Data> implements RenderingTarget {
  readonly writer = nodeWriter();
  readonly #response: ServerResponse;
  readonly #page: Page<Data>;
  readonly #context: PageContext<Data>;
  readonly #rendering: Rendering<Data>;
  readonly #done: (report: PageReport) => void;
  /** Parts leave one after the other: a file among them takes its time. */
  #sending: Promise<void> = Promise.resolve();
  #streamed = false;

  constructor(
    response: ServerResponse,
    page: Page<Data>,
    context: PageContext<Data>,
    done: (report: PageReport) => void,
  ) {
    this.#response = response;
    this.#page = page;
    this.#context = context;
    this.#done = done;
    this.#rendering = new Rendering(page, context, this);
  }

  start(): void {
    const response = this.#response;
    this.writer.list = new SgList<OpenPageFile>();
    response.once('close', () => this.#closed());
    this.#rendering.start();
  }

  #closed(): void {
    if (this.#rendering.done) return;
    this.#rendering.cancel(new DOMException('the client has left', 'AbortError'));
    this.#report('left');
  }

  #report(outcome: PageReport['outcome']): void {
    const { account } = this.#rendering;
    const status = this.#response.statusCode;
    this.#done({ url: this.#context.url, status, outcome, streamed: this.#streamed, account });
  }

  /** The list that was written, and a fresh one for what comes next. */
  #take(list: SgList<OpenPageFile>): SgList<OpenPageFile> {
    this.writer.list = new SgList<OpenPageFile>();
    this.writer.finish();
    return list;
  }

  whole(body: SgList<OpenPageFile>): void {
    this.#setHead();
    this.#response.setHeader('Content-Length', body.byteLength);
    void sendGathered(this.#response, this.#take(body)).then(({ outcome }) => {
      this.#report(outcome === 'sent' ? 'sent' : 'left');
    });
  }

  #setHead(): void {
    const response = this.#response;
    response.statusCode = this.#page.status;
    for (const [name, value] of Object.entries(this.#page.headers)) response.setHeader(name, value);
  }

  begin(): void {
    this.#streamed = true;
    this.#setHead();
    // Who took the place of write sees the first bytes before the head leaves, which may change by them.
    if (!keepsBytes(this.#response)) return;
    this.#response.flushHeaders();
    uncorkAll(this.#response);
  }

  more(part: SgList<OpenPageFile>, last: boolean): void {
    const list = this.#take(part);
    this.#sending = this.#sending.then(
      () => streamList(this.#response, list),
      (error) => {
        list.release();
        throw error;
      },
    );
    if (last) {
      this.#sending = this.#sending.then(async () => {
        this.#report((await endStreamed(this.#response)) ? 'sent' : 'left');
      });
    }
    this.#sending.catch(() => this.#cut());
  }

  /** A part could not be sent: the body ends here, and so does the connection. */
  #cut(): void {
    this.#response.destroy();
    if (!this.#rendering.done) this.#closed();
    else this.#report('left');
  }

  flush(): void {}

  failed(error: unknown, begun: boolean): void {
    const response = this.#response;
    this.#take(this.writer.list).release();
    if (begun || response.headersSent) response.destroy();
    else {
      const status = error instanceof WriteMemoryError ? 503 : 500;
      const text = `${status} ${status === 500 ? 'Internal Server Error' : 'Service Unavailable'}\n`;
      response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8', 'Cache-Control': 'no-store' });
      response.end(text);
    }
    this.#report('failed');
  }
}

/**
 * Answers a request of node:http (or of a framework over it) with a page. Fields that the application has set stay unless
 * the page has its own. Resolves when the page is in the kernel's hands, has failed, or its client has left; the page's
 * `onError` is told of errors.
 * @throws PageError for what is no page: the response is untouched
 */
export function respond<Data>(
  request: IncomingMessage,
  response: ServerResponse,
  page: Page<Data>,
  ...[data]: undefined extends Data ? [data?: Data] : [data: Data]
): Promise<PageReport> {
  return new Promise((resolve) => {
    if (!(page instanceof Page))
      throw new PageError(
        'CLEARWAY_PAGE_VALUE',
        `a request is answered with what page() makes, not with ${shown(page)}`,
      );
    const context = new PageContext(new NodeSource(request), data as Data);
    if (request.method === 'HEAD') {
      const isStatic = page.template.parts.every((part) => part.kind === 'static');
      const length = isStatic ? { 'Content-Length': page.template.staticBytes } : {};
      response.writeHead(page.status, { ...page.headers, ...length }).end();
      const account = emptyListAccount();
      resolve({ url: context.url, status: page.status, outcome: 'sent', streamed: false, account });
      return;
    }
    new NodeAnswer(response, page, context, resolve).start();
  });
}
