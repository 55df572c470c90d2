// Sends a resource: whole, in parts, that it did not change, that the request does not fit it. One implementation for files
// and for what is generated. Not here: the plan (plan.ts), what is sent (resource.ts), common answers as bytes (quick-answers.ts).

import { SgList } from '../memory/sg-list.js';
import { makeBoundary, planMultipart } from '../wire/http/byteranges.js';
import type { ByteRange } from '../wire/http/range.js';
import { Method } from '../wire/http1/request.js';
import type { Exchange } from './exchange.js';
import type { CachedResponse } from './frame-cache.js';
import type { FieldWriter } from './head.js';
import type { OpenFile } from './open-files.js';
import { paceMedia } from './pacing.js';
import { planResponse, type RequestFields } from './plan.js';
import { type Replies, wayOf } from './replies.js';
import type { Resource } from './resource.js';

/** What is sent of one resource. */
export interface Sending {
  readonly resource: Resource;
  /** Another coding might have been chosen. */
  readonly varies: boolean;
  /** Its response in a frame: with its body in it, the body is sent from there. */
  readonly held: CachedResponse | undefined;
}

/** See the file's head. */
export class ResourceSender {
  readonly #replies: Replies;
  readonly #fields: FieldWriter;

  constructor(replies: Replies, fields: FieldWriter) {
    this.#replies = replies;
    this.#fields = fields;
  }

  /** Queues the answer that the request's fields call for. */
  answer(exchange: Exchange, sending: Sending, fields: RequestFields): void {
    const { resource, varies } = sending;
    const plan = planResponse(resource, fields, exchange.method === Method.GET);
    switch (plan.status) {
      case 304:
        this.#replies.head(exchange, 304, this.#fields.validators(resource, varies));
        return;
      case 412:
        this.#replies.message(exchange, 412, this.#fields.refused(resource, varies), '');
        return;
      case 416: {
        const size = `Content-Range: bytes */${resource.size}\r\n`;
        this.#replies.message(exchange, 416, size + this.#fields.refused(resource, varies), '');
        return;
      }
      case 206:
        if (plan.ranges.length === 1) this.#range(exchange, sending, plan.ranges[0]!);
        else this.#ranges(exchange, sending, plan.ranges);
        return;
      default:
        this.whole(exchange, sending, 200, this.#fields.validators(resource, varies));
    }
  }

  /** Queues all of it under a status, with these fields beside those of its content. */
  whole(exchange: Exchange, sending: Sending, status: number, fields: string): void {
    const { resource } = sending;
    const hasBody = exchange.method !== Method.HEAD && resource.size > 0;
    // First: what cannot be made is answered with 500, as long as nothing is queued.
    const list = hasBody ? listOf(sending, 0, resource.size) : undefined;
    const length = `Content-Length: ${resource.size}\r\n`;
    this.#replies.head(exchange, status, this.#fields.content(resource) + length + fields);
    if (list !== undefined) this.#body(exchange, resource, list);
  }

  #body(exchange: Exchange, resource: Resource, list: SgList<OpenFile>): void {
    const { pace } = resource;
    if (pace !== undefined) paceMedia(exchange.connection, pace);
    noteSent(exchange, resource, list);
    this.#replies.body(exchange, list);
  }

  #range(exchange: Exchange, sending: Sending, { start, end }: ByteRange): void {
    const { resource, varies } = sending;
    const list = listOf(sending, start, end);
    const where = `Content-Length: ${end - start}\r\nContent-Range: bytes ${start}-${end - 1}/${resource.size}\r\n`;
    const validators = this.#fields.validators(resource, varies);
    this.#replies.head(exchange, 206, this.#fields.content(resource) + where + validators);
    this.#body(exchange, resource, list);
  }

  #ranges(exchange: Exchange, sending: Sending, ranges: readonly ByteRange[]): void {
    const { resource, varies } = sending;
    const { connection } = exchange;
    const plan = planMultipart(ranges, resource.size, resource.contentType, makeBoundary());
    const lists = listsOf(sending, plan.ranges);
    const way = wayOf(lists[0]!);
    const coding = resource.coding === undefined ? '' : `Content-Encoding: ${resource.coding}\r\n`;
    const content = `Content-Type: ${plan.contentType}\r\n${coding}Content-Length: ${plan.contentLength}\r\n`;
    this.#replies.head(exchange, 206, content + this.#fields.validators(resource, varies));
    this.#replies.texts.sendAround(connection, [...plan.heads, plan.tail], (index) => {
      const list = lists[index];
      if (list === undefined) return;
      noteSent(exchange, resource, list);
      this.#replies.body(exchange, list, way);
    });
    connection.state.bodyBytes = plan.contentLength;
  }
}

function noteSent({ connection }: Exchange, resource: Resource, list: SgList<OpenFile>): void {
  if (resource.sent === undefined) return;
  const { extentBytes } = list;
  connection.state.willSend(resource, list.byteLength - extentBytes, extentBytes);
}

/** The bytes of a range: out of the frame that holds them, or as the resource describes them. */
function listOf({ resource, held }: Sending, from: number, to: number): SgList<OpenFile> {
  if (held?.holdsBody !== true) return resource.list(from, to);
  const list = new SgList<OpenFile>();
  list.addSegment(held.region, held.bodyOffset + from, to - from, held.lendAsIs(), 0);
  return list;
}

function listsOf(sending: Sending, ranges: readonly ByteRange[]): Array<SgList<OpenFile>> {
  const lists: Array<SgList<OpenFile>> = [];
  try {
    for (const { start, end } of ranges) lists.push(listOf(sending, start, end));
    return lists;
  } catch (error) {
    for (const list of lists) list.release();
    throw error;
  }
}
