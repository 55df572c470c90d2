// The answer for a file that was found: its fields on the response, as far as the application has not set them, then the
// plan (RFC 9110 sections 13 and 14, by serve/plan.ts), then the body. Errors are the caller's to answer.

import type { ReadStream } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Plan, planSpan } from '../serve/plan.js';
import { makeBoundary, planMultipart } from '../wire/http/byteranges.js';
import { parseHttpDate } from '../wire/http/date.js';
import type { ByteRange } from '../wire/http/range.js';
import { sendBody } from './body.js';
import type { ResolvedFileOptions } from './file-options.js';
import { keepsBytes } from './node-socket.js';
import type { Body, Outcome, Part, Way } from './outcome.js';
import type { StaticFile } from './tree.js';

/** Whom an answer is told to. */
export interface Answering {
  /** 412 or 416 (with fields for the answer), or 500 for a file that could not be read. Nothing has been sent. */
  fail(status: number, cause?: Error, headers?: Readonly<Record<string, string>>): void;
  /** The answer ended, with the bytes its body was planned to have; undefined when nobody asks. */
  ended: ((way: Way, outcome: Outcome, length: number) => void) | undefined;
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
  if (file.coding !== undefined && !response.getHeader('Content-Encoding')) {
    response.setHeader('Content-Encoding', file.coding);
  }
}

/** What a response says so far, and what the file or the application put there. */
export interface ResponseView {
  readonly status: number;
  readonly etag: unknown;
  readonly lastModified: unknown;
  readonly contentType: unknown;
  /** True when nobody between here and the client can change the bytes: else no validator says that they are the same. */
  readonly keepsBytes: boolean;
  /** True when somebody may compress the body, be it a part: middleware that took the place of the methods that write, @fastify/compress. */
  readonly isWrapped: boolean;
}

/** An answer, decided: a status, the fields beside those of the file, and what the body is made of. */
export interface FileAnswer {
  readonly status: number;
  readonly fields: ReadonlyArray<readonly [name: string, value: string | number]>;
  readonly parts: readonly Part[];
  /** Bytes of all parts. */
  readonly length: number;
}

const notModified: FileAnswer = { status: 304, fields: [], parts: [], length: 0 };
const preconditionFailed: FileAnswer = { status: 412, fields: [], parts: [], length: 0 };

/**
 * Decides by the request, the validators that the response shows, and the part of the file that the options name.
 * Preconditions count for an answer that would be a success (RFC 9110 section 13.2.1), ranges for a GET that would be
 * answered with 200 (section 14.2).
 */
export function planAnswer(
  request: IncomingMessage,
  view: ResponseView,
  file: StaticFile,
  options: ResolvedFileOptions,
): FileAnswer {
  const start = Math.min(options.start, file.size);
  const end = options.end === undefined ? file.size : Math.min(options.end + 1, file.size);
  const size = Math.max(0, end - start);
  const plan = makePlan(request, view, size, options);
  if (plan.status === 304) return notModified;
  if (plan.status === 412) return preconditionFailed;
  if (plan.status === 416) return { status: 416, fields: [['Content-Range', `bytes */${size}`]], parts: [], length: 0 };
  if (plan.status === 206 && plan.ranges.length === 1) {
    const [range] = plan.ranges as [ByteRange];
    const length = range.end - range.start;
    const fields = [['Content-Range', `bytes ${range.start}-${range.end - 1}/${size}`]] as const;
    return { status: 206, fields, parts: [{ start: start + range.start, length }], length };
  }
  if (plan.status === 206 && options.multipart) return multipart(view, plan.ranges, start, size);
  return { status: view.status, fields: [], parts: size === 0 ? [] : [{ start, length: size }], length: size };
}

const whole = { status: 200 } as const;

function makePlan(request: IncomingMessage, view: ResponseView, size: number, options: ResolvedFileOptions): Plan {
  if (view.status < 200 || view.status >= 300) return whole;
  const { headers } = request;
  const fields = {
    ifMatch: headers['if-match'],
    ifNoneMatch: headers['if-none-match'],
    ifModifiedSince: headers['if-modified-since'],
    ifUnmodifiedSince: headers['if-unmodified-since'],
    range: mayBePart(request, view, options) ? headers.range : undefined,
    ifRange: textOf(headers['if-range']),
  };
  const { ifMatch, ifNoneMatch, ifModifiedSince, ifUnmodifiedSince, range } = fields;
  if (!(range ?? ifMatch ?? ifNoneMatch ?? ifModifiedSince ?? ifUnmodifiedSince)) return whole;
  const validators = {
    etag: typeof view.etag === 'string' ? view.etag : undefined,
    lastModifiedSeconds: typeof view.lastModified === 'string' ? parseHttpDate(view.lastModified) : undefined,
  };
  return planSpan(validators, size, fields, request.method !== 'HEAD');
}

/**
 * A part must be of the bytes that its Content-Range counts, and that the client has (If-Range): what compressing middleware makes of
 * a part, which leaves the fields and validators as they are, is neither (expressjs/compression#185). A client that takes no coding
 * gets the file's own bytes, and so does nearly every client of what is compressed by its nature.
 */
function mayBePart({ headers }: IncomingMessage, view: ResponseView, options: ResolvedFileOptions): boolean {
  if (!options.acceptRanges || view.status !== 200) return false;
  if (view.keepsBytes || takesNoCoding(textOf(headers['accept-encoding']))) return true;
  if (headers['if-range'] !== undefined) return false;
  return !view.isWrapped || compressedByNature.test(String(view.contentType));
}

/** Types that no middleware compresses once more: pictures but for SVG and bitmaps, sound, films, fonts of the web, archives. */
const compressedByNature =
  /^(?:audio|video)\/|^image\/(?:png|jpeg|gif|webp|avif|jxl|heic|heif)\b|^font\/woff2?\b|^application\/(?:zip|gzip|zstd|pdf|octet-stream|vnd\.rar|epub\+zip|java-archive|vnd\.android\.package-archive|x-(?:7z-compressed|bzip2|xz|brotli|lzma|rpm))\b/;

/** No Accept-Encoding, or one that names nothing but `identity`, or refuses the rest (`identity;q=1, *;q=0`). */
function takesNoCoding(accepted: string | undefined): boolean {
  if (accepted === undefined) return true;
  return accepted.split(',').every((each) => /^\s*(?:identity\b.*|[^;]*;\s*q=0(?:\.0*)?\s*|)$/i.test(each));
}

function textOf(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.join(', ') : value;
}

function multipart(view: ResponseView, ranges: readonly ByteRange[], start: number, size: number): FileAnswer {
  const type = typeof view.contentType === 'string' ? view.contentType : undefined;
  const plan = planMultipart(ranges, size, type, makeBoundary());
  const parts: Part[] = plan.ranges.flatMap((range, index): Part[] => [
    plan.heads[index]!,
    { start: start + range.start, length: range.end - range.start },
  ]);
  parts.push(plan.tail);
  return { status: 206, fields: [['Content-Type', plan.contentType]], parts, length: plan.contentLength };
}

/** Answers with a file. The fields are set already ({@link setFileFields}). */
export function answerWithFile(
  request: IncomingMessage,
  response: ServerResponse,
  file: StaticFile,
  options: ResolvedFileOptions,
  answering: Answering,
): void {
  if (
    isPlainRequest(request) &&
    response.statusCode === 200 &&
    options.start === 0 &&
    options.end === undefined &&
    file.size > 0
  ) {
    answerWhole(response, file, options, answering);
    return;
  }
  const isWrapped = !keepsBytes(response);
  const view = {
    status: response.statusCode,
    etag: response.getHeader('ETag'),
    lastModified: response.getHeader('Last-Modified'),
    contentType: response.getHeader('Content-Type'),
    keepsBytes: !isWrapped,
    isWrapped,
  };
  const { status, fields, parts, length } = planAnswer(request, view, file, options);
  for (const [name, value] of fields) response.setHeader(name, value);
  if (status === 412 || status === 416) {
    answering.fail(status, undefined, Object.fromEntries(fields) as Record<string, string>);
    return;
  }
  response.statusCode = status;
  if (status === 304 || status === 204) {
    for (const name of contentFields) response.removeHeader(name);
  } else {
    response.setHeader('Content-Length', length);
  }
  if (status === 204 || status === 304 || request.method === 'HEAD' || parts.length === 0) {
    response.end();
    answering.ended?.('none', 'sent', 0);
    return;
  }
  const { ended, streamed } = answering;
  const failed = (error: Error): void => answering.fail(500, error);
  sendBody({ response, file, parts, length, ended: withLength(ended, length), streamed, failed }, options.sendfile);
}

/** The length is kept here: a listener of the head may take the field away, or change it. */
function withLength(ended: Answering['ended'], length: number): Body['ended'] {
  return ended === undefined ? undefined : (way, outcome) => ended(way, outcome, length);
}

/** True for a GET without preconditions and ranges: there is nothing to decide. */
function isPlainRequest({ method, headers }: IncomingMessage): boolean {
  return (
    method === 'GET' &&
    headers.range === undefined &&
    headers['if-none-match'] === undefined &&
    headers['if-modified-since'] === undefined &&
    headers['if-match'] === undefined &&
    headers['if-unmodified-since'] === undefined
  );
}

function answerWhole(
  response: ServerResponse,
  file: StaticFile,
  options: ResolvedFileOptions,
  { ended, streamed, fail }: Answering,
): void {
  const { size } = file;
  response.setHeader('Content-Length', size);
  const content = file.content();
  if (content !== undefined && ended === undefined && streamed === undefined) {
    response.end(content);
    return;
  }
  const failed = (error: Error): void => fail(500, error);
  const parts = [{ start: 0, length: size }];
  const body = { response, file, parts, length: size, ended: withLength(ended, size), streamed, failed };
  sendBody(body, options.sendfile);
}

/** RFC 9110 section 15.4.5: what describes the content stays away from a 304. */
const contentFields = [
  'Content-Encoding',
  'Content-Language',
  'Content-Length',
  'Content-Range',
  'Content-Type',
] as const;
