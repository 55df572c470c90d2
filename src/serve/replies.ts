// Replies: heads, and short texts as bodies, queued on a connection, with what the account wants to know of them. What the general
// path answers leaves through here. Not here: what is answered (responder.ts), bodies of resources (send-resource.ts).

import type { SgList } from '../memory/sg-list.js';
import { sendList } from '../transport/send-list.js';
import { formatHttpDate } from '../wire/http/date.js';
import { Method } from '../wire/http1/request.js';
import { reasonPhrase } from '../wire/http1/status.js';
import type { Exchange } from './exchange.js';
import { makeHead, persistenceField, TextMemory } from './head.js';
import { Way } from './metrics.js';
import type { OpenFile } from './open-files.js';

/** How the bytes of a list leave. */
export function wayOf(list: SgList<OpenFile>): number {
  if (!list.hasExtents) return Way.inline;
  return list.length === 1 ? Way.sendfile : Way.gather;
}

/** See the file's head. */
export class Replies {
  readonly texts = new TextMemory();
  readonly #common: string;
  #seconds = 0;
  #date = '';

  /** @param common fields of every response, whole lines. */
  constructor(common: string) {
    this.#common = common;
    this.tick();
  }

  /** Seconds since 1970, of the last {@link tick}. */
  get seconds(): number {
    return this.#seconds;
  }

  /** Looks at the clock, for the heads that follow. */
  tick(): void {
    const seconds = Math.floor(Date.now() / 1000);
    if (seconds === this.#seconds) return;
    this.#seconds = seconds;
    this.#date = formatHttpDate(seconds);
  }

  /** Queues a head of these fields, whole lines. */
  head(exchange: Exchange, status: number, fields: string): void {
    const { connection, close } = exchange;
    const { state } = connection;
    if (close) state.closeAfter = true;
    state.status = status;
    state.way = Way.none;
    state.bodyBytes = 0;
    const lines = fields + persistenceField(exchange, close);
    state.headBytes = this.texts.send(connection, makeHead(status, lines, this.#date));
  }

  /** Queues the bytes of a body behind its head. @param way one of {@link Way}. */
  body({ connection }: Exchange, list: SgList<OpenFile>, way: number = wayOf(list)): void {
    this.noteBody(connection.state, way, list.byteLength);
    sendList(connection, list);
  }

  /** Notes body bytes that were queued. */
  noteBody(state: Exchange['connection']['state'], way: number, bytes: number): void {
    if (bytes === 0) return;
    state.way = way;
    state.bodyBytes += bytes;
  }

  /** Queues a short message: the status in words, or the sentence. `common` is empty where `fields` have it. */
  message(exchange: Exchange, status: number, fields = '', common = this.#common, sentence?: string): void {
    const body = `${sentence ?? `${status} ${reasonPhrase(status)}`}\n`;
    this.text(exchange, status, body, 'text/plain; charset=utf-8', fields + common);
  }

  /** Queues a text with its head. */
  text(exchange: Exchange, status: number, body: string, type: string, fields: string): void {
    const length = Buffer.byteLength(body);
    this.head(exchange, status, `Content-Type: ${type}\r\nContent-Length: ${length}\r\n${fields}`);
    if (exchange.method === Method.HEAD || length === 0) return;
    this.texts.send(exchange.connection, body);
    this.noteBody(exchange.connection.state, Way.inline, length);
  }
}
