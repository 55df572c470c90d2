// The answer for a file that was found: its fields on the response, as far as the application has not set them, then the
// plan (RFC 9110 sections 13 and 14, by serve/plan.ts), then the body. Errors are the caller's to answer.

import type { ReadStream } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { planSpan } from '../serve/plan.js';
import { makeBoundary, planMultipart } from '../wire/http/byteranges.js';
import { parseHttpDate } from '../wire/http/date.js';
import type { ByteRange } from '../wire/http/range.js';
import { type Outcome, type Part, sendBody, type Way } from './body.js';
import type { ResolvedFileOptions } from './file-options.js';
import type { StaticFile } from './tree.js';

/** Whom an answer is told to. */
export interface Answering {
  /** 412 or 416 (with fields for the answer), or 500 for a file that could not be read. Nothing has been sent. */
  fail(status: number, cause?: Error, headers?: Readonly<Record<string, string>>): void;
  /** The answer ended; undefined when nobody asks. */
  ended: ((way: Way, outcome: Outcome) => void) | undefined;
  /** Wants to see the body as a stream; undefined when nobody does, and any way will do. */
  streamed: ((stream: ReadStream) => void) | undefined;
}

/** Sets what the file says of itself, and what the options say of it, unless the application said otherwise. */
export function setFileFields(response: ServerResponse, file: StaticFile, options: ResolvedFileOptions): void {
  if (options.acceptRanges && !response.getHeader('Accept-Ranges')) response.setHeader('Accept-Ranges', 'bytes');
  if (options.cacheControl !== undefined && !response.getHeader('Cache-Control')) {
    response.setHeader('Cache-Control', options.cacheControl);
  }
  if (options.lastModified && !response.getHeader('Last-Modified')) {
    response.setHeader('Last-Modified', file.lastModified);
  }
  if (options.etag && !response.getHeader('ETag')) response.setHeader('ETag', file.etag);
  if (!response.getHeader('Content-Type')) response.setHeader('Content-Type', file.contentType);
}

/** Answers with a file. The fields are set already ({@link setFileFields}). */
export function answerWithFile(
  request: IncomingMessage,
  response: ServerResponse,
  file: StaticFile,
  options: ResolvedFileOptions,
  answering: Answering,
): void {
  const start = Math.min(options.start, file.size);
  const end = options.end === undefined ? file.size : Math.min(options.end + 1, file.size);
  const size = Math.max(0, end - start);
  const isGet = request.method !== 'HEAD';
  const plan =
    response.statusCode >= 200 && response.statusCode < 300 ? makePlan(request, response, size, options, isGet) : whole;
  switch (plan.status) {
    case 304:
      answerNotModified(response, answering);
      return;
    case 412:
      answering.fail(412);
      return;
    case 416: {
      const range = `bytes */${size}`;
      response.setHeader('Content-Range', range);
      answering.fail(416, undefined, { 'Content-Range': range });
      return;
    }
  }
  let parts: readonly Part[] = size === 0 ? [] : [{ start, length: size }];
  let length = size;
  if (plan.status === 206 && plan.ranges.length === 1) {
    const range = plan.ranges[0]!;
    length = range.end - range.start;
    parts = [{ start: start + range.start, length }];
    response.statusCode = 206;
    response.setHeader('Content-Range', `bytes ${range.start}-${range.end - 1}/${size}`);
  } else if (plan.status === 206 && options.multipart) {
    [parts, length] = multipart(response, plan.ranges, start, size);
  }
  response.setHeader('Content-Length', length);
  if (!isGet || parts.length === 0) {
    answerWithoutBody(response, answering);
    return;
  }
  const { ended, streamed } = answering;
  const failed = (error: Error): void => answering.fail(500, error);
  sendBody({ response, file, parts, length, ended, streamed, failed }, options.sendfile);
}

const whole = { status: 200 } as const;

/** Preconditions and ranges against the validators that the response shows, which may be the application's own. */
function makePlan(
  request: IncomingMessage,
  response: ServerResponse,
  size: number,
  options: ResolvedFileOptions,
  isGet: boolean,
) {
  const { headers } = request;
  const range = options.acceptRanges && response.statusCode === 200 ? headers.range : undefined;
  const ifMatch = headers['if-match'];
  const ifNoneMatch = headers['if-none-match'];
  const ifModifiedSince = headers['if-modified-since'];
  const ifUnmodifiedSince = headers['if-unmodified-since'];
  if (!(range ?? ifMatch ?? ifNoneMatch ?? ifModifiedSince ?? ifUnmodifiedSince)) return whole;
  const etag = response.getHeader('ETag');
  const lastModified = response.getHeader('Last-Modified');
  const validators = {
    etag: typeof etag === 'string' ? etag : undefined,
    lastModifiedSeconds: typeof lastModified === 'string' ? parseHttpDate(lastModified) : undefined,
  };
  const ifRange = headers['if-range'];
  const fields = { ifMatch, ifNoneMatch, ifModifiedSince, ifUnmodifiedSince, range, ifRange: textOf(ifRange) };
  return planSpan(validators, size, fields, isGet);
}

function textOf(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.join(', ') : value;
}

function multipart(
  response: ServerResponse,
  ranges: readonly ByteRange[],
  start: number,
  size: number,
): [parts: readonly Part[], length: number] {
  const type = response.getHeader('Content-Type');
  const plan = planMultipart(ranges, size, typeof type === 'string' ? type : undefined, makeBoundary());
  response.statusCode = 206;
  response.setHeader('Content-Type', plan.contentType);
  const parts: Part[] = plan.ranges.flatMap((range, index): Part[] => [
    plan.heads[index]!,
    { start: start + range.start, length: range.end - range.start },
  ]);
  return [[...parts, plan.tail], plan.contentLength];
}

/** RFC 9110 section 15.4.5: the fields that describe the content stay away. */
function answerNotModified(response: ServerResponse, answering: Answering): void {
  for (const name of ['Content-Encoding', 'Content-Language', 'Content-Length', 'Content-Range', 'Content-Type']) {
    response.removeHeader(name);
  }
  response.statusCode = 304;
  answerWithoutBody(response, answering);
}

function answerWithoutBody(response: ServerResponse, answering: Answering): void {
  response.end();
  answering.ended?.('none', 'sent');
}
