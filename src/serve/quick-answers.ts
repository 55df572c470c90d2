// QuickAnswers: what sites are asked for most (a file, whole or a part of it; that it did not change; that it is not there;
// where a folder is), answered from the bytes of the request and what is known of the file, without a string and without
// an allocation. What is not common is left to the general path (responder.ts), which answers everything.

import { Errno } from '../kernel/errno.js';
import { readAt, readCached } from '../kernel/file.js';
import { CopyReason, copyBytes, countCopy } from '../memory/copy.js';
import type { SgList } from '../memory/sg-list.js';
import type { Connection } from '../transport/connection.js';
import { isResident } from '../transport/page-cache.js';
import { Field, Method, type RequestHead } from '../wire/http1/request.js';
import { reasonPhrase } from '../wire/http1/status.js';
import { CodingChoice } from './coding-choice.js';
import { ContentTags } from './content-tags.js';
import { Fact, Kind, Maker } from './file-table.js';
import { type CachedResponse, FrameCache, type FrameFacts, Variant } from './frame-cache.js';
import { type FrameReferences, referencesOf, sendReferences } from './frame-references.js';
import type { FieldWriter } from './head.js';
import { HeadWriter, headRoom } from './head-writer.js';
import type { HttpState } from './http-protocol.js';
import { words, writeTag } from './identity.js';
import { Way } from './metrics.js';
import type { OpenFile } from './open-files.js';
import { paceMedia } from './pacing.js';
import { plannedRange, quickPlan } from './quick-plan.js';
import type { Resource } from './resource.js';
import type { Site } from './site.js';

type HttpConnection = Connection<HttpState>;

/** What {@link QuickAnswers} need to know. */
export interface QuickOptions {
  /** Files up to this size are answered from a frame. */
  readonly inlineBytes: number;
  /** Memory for frames in all. */
  readonly frameBudget: number;
  /** Bytes that the operator's fields take in a head at most. */
  readonly fieldBytes: number;
  /** What is not there is answered by the general path: the root's index may stand for it. */
  readonly spa: boolean;
  /** Bytes of the base path, which stand before the path of each request. */
  readonly baseBytes: number;
}

/** Memory for what follows frames, beside them. */
const mostReferenceBytes = 8 * 1024 * 1024;

const encoder = new TextEncoder();
const notFoundPage = encoder.encode('/404.html');

/** Bytes of a path that stand in a Location as they are (RFC 3986 section 3.3, and what encodeURI leaves alone). */
const plainInLocation = new Uint8Array(256);
for (const byte of encoder.encode("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789;,/:@&=+$-_.!~*'()")) {
  plainInLocation[byte] = 1;
}

/** Fields that are compared with a file's tag. */
const validating = (1 << Field.ifNoneMatch) | (1 << Field.ifRange);

/** A short answer that is the same each time, but for its date: its fields and its body. */
interface Message {
  readonly fields: Uint8Array;
  readonly body: Uint8Array;
}

/** See the file's head. One for each responder. */
export class QuickAnswers {
  readonly frames: FrameCache;
  readonly tags: ContentTags;
  readonly writer: HeadWriter;
  readonly #site: Site;
  readonly #options: QuickOptions;
  readonly #choice = new CodingChoice();
  readonly #fields: FieldWriter;
  readonly #messages = new Map<number, Message>();

  constructor(site: Site, options: QuickOptions, fields: FieldWriter) {
    this.#site = site;
    this.#options = options;
    this.#fields = fields;
    this.tags = new ContentTags(site.table, options.inlineBytes);
    this.frames = new FrameCache(options.inlineBytes + headRoom + options.fieldBytes, options.frameBudget);
    this.writer = new HeadWriter(this.frames.region);
  }

  /**
   * Queues the answer to a request, if it is a common one.
   * @param close whether the connection ends with it.
   * @returns false when nothing was queued: the general path is to answer.
   */
  answer(connection: HttpConnection, head: RequestHead, close: boolean, nowSeconds: number): boolean {
    const isGet = head.method === Method.GET;
    if ((!isGet && head.method !== Method.HEAD) || head.versionMinor === 0 || head.fieldRepeated !== 0) return false;
    if (head.contentLength > 0 || head.chunked || (head.fieldPresent & (1 << Field.expect)) !== 0) return false;
    const site = this.#site;
    const { table } = site;
    const entry = site.lookUp(head.bytes, head.pathStart, head.pathEnd);
    if (entry === -404) return this.#notFound(connection, isGet, close, nowSeconds);
    if (entry < 0) return false;
    if (table.kind.get(entry) === Kind.redirect)
      return this.#redirect(connection, head, entry, isGet, close, nowSeconds);
    const maker = table.maker.get(entry);
    if (maker !== Maker.none && (maker !== Maker.extensionOfQueries || head.queryStart >= 0)) return false;
    const available = site.siblings.of(entry);
    let chosen = entry;
    if (available !== 0 && head.fieldStart[Field.acceptEncoding]! >= 0) {
      const { fieldStart, fieldEnd, bytes } = head;
      const start = fieldStart[Field.acceptEncoding]!;
      const coding = this.#choice.choose(bytes, start, fieldEnd[Field.acceptEncoding]!, available);
      if (coding !== 0) chosen = site.siblings.get(entry, coding);
      if (chosen < 0) return false;
    }
    const kind = table.kind.get(chosen);
    if (kind !== Kind.file && (kind !== Kind.generated || this.frames.of(chosen) === undefined)) return false;
    if (this.#isAhead(chosen, nowSeconds)) return false;
    const varies = available !== 0;
    table.hit(chosen);
    const isChecked = (head.fieldPresent & validating) !== 0;
    if (isChecked && !this.#hasTag(chosen, varies, nowSeconds)) return false;
    const planned = quickPlan(head, table, chosen, isGet);
    if (planned === 200) return this.#whole(connection, chosen, varies, isGet, close, nowSeconds);
    if (planned !== 206 && planned !== 304) return false;
    if (!isChecked && !this.#hasTag(chosen, varies, nowSeconds)) return false;
    return planned === 206
      ? this.#part(connection, chosen, varies, close, nowSeconds)
      : this.#notModified(connection, chosen, varies, close, nowSeconds);
  }

  /** Whether the entry was changed after the moment that answers have as their date, which is looked up from time to time: what is said of both would not fit together (RFC 9110 section 8.8.2.1). */
  #isAhead(entry: number, nowSeconds: number): boolean {
    return this.#site.table.modifiedSeconds.get(entry) > nowSeconds;
  }

  /** Whether there is a tag to answer with; a small file is looked at for it where it is in memory, and has to be waited for where it is not. */
  #hasTag(entry: number, varies: boolean, nowSeconds: number): boolean {
    if (this.tags.has(entry)) return true;
    this.cached(entry, varies, nowSeconds);
    // Looked at for its content, it may turn out to be another file by now.
    return this.#site.table.kind.get(entry) === Kind.file && this.tags.has(entry);
  }

  /** Lets go of a response that was filled for one answer, if those that it would push out are asked for more. */
  settle(cached: CachedResponse): void {
    if (!this.frames.admits(cached.frame, cached.entry, this.#site.table.hits)) cached.drop();
  }

  #whole(
    connection: HttpConnection,
    entry: number,
    varies: boolean,
    isGet: boolean,
    close: boolean,
    nowSeconds: number,
  ): boolean {
    const { table } = this.#site;
    const variant = close ? Variant.last : Variant.whole;
    const kept = this.frames.of(entry, variant);
    const cached = kept?.varies === varies ? kept : this.#fill(entry, variant, varies, nowSeconds);
    if (cached === undefined) return false;
    const size = table.size.get(entry);
    const hasBody = isGet && size > 0;
    const { references } = cached;
    const file = hasBody && !cached.holdsBody ? this.#site.file(references?.source ?? entry) : undefined;
    if (hasBody && !cached.holdsBody && file === undefined) return false;
    this.#lend(connection, cached, isGet, nowSeconds);
    const { state } = connection;
    state.status = 200;
    state.bodyBytes = isGet ? size : 0;
    state.way = !hasBody ? Way.none : file === undefined ? Way.inline : Way.sendfile;
    if (file !== undefined && references !== undefined) this.#refer(connection, file, references, size);
    else if (file !== undefined) connection.sendExtent(file.retain(), 0, size, 0);
    // Of more files than there is room for, those stay that are asked for most: this one is freed when it is sent.
    if (cached !== kept) this.settle(cached);
    return true;
  }

  /** Queues what follows the bytes of a frame. */
  #refer(connection: HttpConnection, file: OpenFile, references: FrameReferences, size: number): void {
    const { resource } = references;
    const { pace } = resource;
    if (pace !== undefined) paceMedia(connection, pace);
    connection.state.way = Way.gather;
    sendReferences(connection, file, references);
    connection.state.willSend(resource, size - references.bytes, references.bytes);
  }

  /** Queues what is kept: all of it, or the head alone. */
  #lend(connection: HttpConnection, cached: CachedResponse, all: boolean, nowSeconds: number): void {
    const lent = cached.lend(nowSeconds);
    connection.state.headBytes = lent.headBytes;
    connection.sendSegment(lent.address, all ? lent.totalBytes : lent.headBytes, lent, 0);
  }

  /** Leases a frame and begins a head in it that has `bytes` of texts; -1 when there is no frame. */
  #begin(status: number, bytes: number, nowSeconds: number): number {
    const frame = this.frames.lease(headRoom + bytes);
    if (frame >= 0) this.writer.begin(frame, status, nowSeconds);
    return frame;
  }

  /** Ends the head in a frame, and queues what is in it: the head, and what was written behind it. */
  #finish(connection: HttpConnection, frame: number, close: boolean): void {
    this.writer.end(close);
    connection.state.headBytes = this.writer.at - frame;
    this.#send(connection, frame);
  }

  #send(connection: HttpConnection, frame: number): void {
    connection.sendSegment(this.frames.region.address + frame, this.writer.at - frame, this.frames, frame);
  }

  #notModified(
    connection: HttpConnection,
    entry: number,
    varies: boolean,
    close: boolean,
    nowSeconds: number,
  ): boolean {
    const kept = close ? undefined : this.frames.of(entry, Variant.notModified);
    if (kept?.varies === varies) this.#lend(connection, kept, true, nowSeconds);
    else if (!this.#freshNotModified(connection, entry, varies, close, nowSeconds)) return false;
    const { state } = connection;
    state.status = 304;
    state.way = Way.none;
    state.bodyBytes = 0;
    return true;
  }

  #freshNotModified(
    connection: HttpConnection,
    entry: number,
    varies: boolean,
    close: boolean,
    nowSeconds: number,
  ): boolean {
    const { table } = this.#site;
    const frame = this.#begin(304, this.writer.textBytes(table, entry), nowSeconds);
    if (frame < 0) return false;
    this.writer.validators(table, entry, varies);
    if (close) {
      this.#finish(connection, frame, true);
      return true;
    }
    this.writer.end(false);
    const bytes = this.writer.at - frame;
    const facts = { entry, variant: Variant.notModified, headBytes: bytes, totalBytes: bytes, varies };
    this.#lend(connection, this.frames.keep(frame, facts, this.writer.dateOffset(304), nowSeconds), true, nowSeconds);
    return true;
  }

  /** The planned range: a short one is read behind its head and leaves with it, a long one goes by sendfile. */
  #part(connection: HttpConnection, entry: number, varies: boolean, close: boolean, nowSeconds: number): boolean {
    const { table } = this.#site;
    // Its bytes are its handler's to give.
    if (table.kind.get(entry) === Kind.generated && this.frames.of(entry)?.holdsBody !== true) return false;
    const { start, end } = plannedRange;
    const length = end - start;
    const size = table.size.get(entry);
    const cached = size <= this.#options.inlineBytes ? this.cached(entry, varies, nowSeconds) : undefined;
    // Lent first: a lease makes room by dropping what is not.
    const lent = cached?.holdsBody === true ? cached.lendAsIs() : undefined;
    const file = lent === undefined ? this.#site.file(entry) : undefined;
    if (lent === undefined && file === undefined) return false;
    const isShort = file !== undefined && length <= this.#options.inlineBytes;
    const { writer } = this;
    const texts = writer.textBytes(table, entry);
    const frame = this.#begin(206, texts + (isShort ? length : 0), nowSeconds);
    if (frame < 0) {
      lent?.release(0);
      return false;
    }
    writer.content(table, entry, length);
    writer.range(start, end, size);
    writer.validators(table, entry, varies);
    const { state } = connection;
    state.status = 206;
    state.bodyBytes = length;
    state.way = file === undefined || isShort ? Way.inline : Way.sendfile;
    writer.end(close);
    state.headBytes = writer.at - frame;
    if (isShort && this.#read(file.fd, writer.at, length, start)) writer.at += length;
    else if (file !== undefined) state.way = Way.sendfile;
    this.#send(connection, frame);
    if (state.way === Way.sendfile) connection.sendExtent(file!.retain(), start, length, 0);
    else if (lent !== undefined) connection.sendSegment(lent.address + lent.headBytes + start, length, lent, 0);
    return true;
  }

  /** Reads a range of a file into a frame. False when that would wait for a disk, or the file is not that long. */
  #read(fd: number, at: number, length: number, offset: number): boolean {
    const address = this.frames.region.address + at;
    let result = readCached(fd, address, length, offset);
    if (result === -Errno.EOPNOTSUPP || result === -Errno.ENOSYS) {
      // A file system that cannot say whether it would wait.
      result = isResident(fd, offset, length) ? readAt(fd, address, length, offset) : -1;
    }
    if (result !== length) return false;
    countCopy(CopyReason.frameFill, length);
    return true;
  }

  /**
   * The response of a file in a frame: with its body too if the file is small. Undefined when there is no room, when the
   * body would have to come from a disk (it leaves by sendfile then, which waits without blocking), or when the file is
   * another by now.
   */
  cached(entry: number, varies: boolean, nowSeconds: number): CachedResponse | undefined {
    const cached = this.frames.of(entry);
    return cached?.varies === varies ? cached : this.#fill(entry, Variant.whole, varies, nowSeconds);
  }

  /**
   * Keeps a generated resource's response in a frame: with its body, or with what is generated of it in front and where in a file the
   * rest is. Undefined when there is no room, or its bytes are of another kind.
   * @param list all of its bytes, which this takes over. @param source the entry of the file that it is made of.
   */
  keep(
    entry: number,
    resource: Resource,
    source: number,
    list: SgList<OpenFile>,
    nowSeconds: number,
  ): CachedResponse | undefined {
    const { writer } = this;
    const { table } = this.#site;
    try {
      const known = list.hasExtents
        ? referencesOf(list, source, resource)
        : { segments: list.length, references: undefined };
      if (known === undefined || list.byteLength !== table.size.get(entry) || this.#isAhead(entry, nowSeconds))
        return undefined;
      const { segments, references } = known;
      if (references !== undefined && !this.frames.makeReferenceRoom(references.places.byteLength, mostReferenceBytes))
        return undefined;
      let bodyBytes = 0;
      for (let index = 0; index < segments; index++) bodyBytes += list.lengths[index]!;
      const frame = this.frames.lease(writer.wholeBytes(table, entry, false, false) + bodyBytes);
      if (frame < 0) return undefined;
      writer.begin(frame, 200, nowSeconds);
      writer.content(table, entry, list.byteLength);
      writer.validators(table, entry, false);
      writer.end(false);
      const headBytes = writer.at - frame;
      const { bytes } = this.frames.region;
      let at = writer.at;
      for (let index = 0; index < segments; index++) {
        const length = list.lengths[index]!;
        copyBytes(CopyReason.frameFill, bytes, at, list.regions[index]!.bytes, list.offsets[index]!, length);
        at += length;
      }
      const facts = { entry, variant: Variant.whole, headBytes, totalBytes: at - frame, varies: false, references };
      return this.frames.keep(frame, facts, writer.dateOffset(200), nowSeconds);
    } finally {
      list.release();
    }
  }

  #fill(entry: number, variant: number, varies: boolean, nowSeconds: number): CachedResponse | undefined {
    const { table } = this.#site;
    // Nobody but its handler can give its bytes: see keep().
    if (table.kind.get(entry) === Kind.generated || this.#isAhead(entry, nowSeconds)) return undefined;
    const { writer } = this;
    const size = table.size.get(entry);
    const bodyBytes = size <= this.#options.inlineBytes ? size : 0;
    const file = bodyBytes > 0 ? this.#site.file(entry) : undefined;
    if (bodyBytes > 0 && file === undefined) return undefined;
    const isLast = variant === Variant.last;
    const headBytes = writer.wholeBytes(table, entry, varies, isLast);
    const frame = this.frames.lease(headBytes + bodyBytes);
    if (frame < 0) return undefined;
    writer.begin(frame, 200, nowSeconds);
    writer.content(table, entry, size);
    const tagAt = writer.validators(table, entry, varies);
    writer.end(isLast);
    const bodyAt = writer.at;
    if (file !== undefined && !this.#read(file.fd, bodyAt, bodyBytes, 0)) {
      this.frames.release(frame);
      return undefined;
    }
    if (size === bodyBytes && (table.facts.get(entry) & Fact.tagged) === 0) {
      this.tags.set(entry, this.frames.region.bytes, bodyAt, bodyBytes);
      writeTag(this.frames.region.bytes, tagAt, words.high, words.low);
    }
    const headEnd = bodyAt - frame;
    const facts = { entry, variant, headBytes: headEnd, totalBytes: headEnd + bodyBytes, varies };
    return this.frames.keep(frame, facts, writer.dateOffset(200), nowSeconds);
  }

  #notFound(connection: HttpConnection, isGet: boolean, close: boolean, nowSeconds: number): boolean {
    if (this.#options.spa || this.#site.lookUp(notFoundPage, 0, notFoundPage.length) !== -404) return false;
    const kept = close ? undefined : this.frames.of(404, Variant.message);
    const message = this.#message(404);
    if (kept !== undefined) {
      this.#lend(connection, kept, isGet, nowSeconds);
      this.#note(connection, 404, message, isGet);
      return true;
    }
    const frame = this.#begin(404, message.fields.length + message.body.length, nowSeconds);
    if (frame < 0) return false;
    this.writer.put(message.fields);
    const place = { entry: 404, variant: Variant.message };
    this.#sendMessage(connection, frame, 404, message, isGet, close, close ? undefined : place, nowSeconds);
    return true;
  }

  #redirect(
    connection: HttpConnection,
    head: RequestHead,
    entry: number,
    isGet: boolean,
    close: boolean,
    nowSeconds: number,
  ): boolean {
    const { bytes, pathStart, pathEnd, queryStart, queryEnd } = head;
    const isKept = !close && queryStart < 0;
    const kept = isKept ? this.frames.of(entry) : undefined;
    const message = this.#message(301);
    if (kept !== undefined) {
      this.#lend(connection, kept, isGet, nowSeconds);
      this.#note(connection, 301, message, isGet);
      return true;
    }
    // What the head was led past stands before its path.
    const start = pathStart - this.#options.baseBytes;
    for (let index = start; index < pathEnd; index++) if (plainInLocation[bytes[index]!] === 0) return false;
    const quoted = pathEnd - start + (queryStart < 0 ? 0 : queryEnd - queryStart + 1);
    const { writer } = this;
    const frame = this.#begin(301, message.fields.length + message.body.length + quoted, nowSeconds);
    if (frame < 0) return false;
    writer.put(message.fields);
    writer.location();
    writer.quote(bytes, start, pathEnd);
    writer.put(slash);
    if (queryStart >= 0) {
      writer.put(questionMark);
      writer.quote(bytes, queryStart, queryEnd);
    }
    writer.line();
    const place = isKept ? { entry, variant: Variant.whole } : undefined;
    this.#sendMessage(connection, frame, 301, message, isGet, close, place, nowSeconds);
    return true;
  }

  #message(status: number): Message {
    let message = this.#messages.get(status);
    if (message === undefined) {
      const body = encoder.encode(`${status} ${reasonPhrase(status)}\n`);
      const type = 'Content-Type: text/plain; charset=utf-8\r\n';
      const others = status === 404 ? this.#fields.missing : this.#fields.common;
      const fields = encoder.encode(`${type}Content-Length: ${body.length}\r\n${others}`);
      message = { fields, body };
      this.#messages.set(status, message);
    }
    return message;
  }

  /** Ends a message in a frame and sends it; `place` says where it is kept, if it is. */
  #sendMessage(
    connection: HttpConnection,
    frame: number,
    status: number,
    message: Message,
    isGet: boolean,
    close: boolean,
    place: Pick<FrameFacts, 'entry' | 'variant'> | undefined,
    nowSeconds: number,
  ): void {
    const { writer } = this;
    writer.end(close);
    const headBytes = writer.at - frame;
    if (place === undefined) {
      connection.state.headBytes = headBytes;
      if (isGet) writer.put(message.body);
      this.#send(connection, frame);
    } else {
      writer.put(message.body);
      const facts = { ...place, headBytes, totalBytes: writer.at - frame, varies: false };
      this.#lend(connection, this.frames.keep(frame, facts, writer.dateOffset(status), nowSeconds), isGet, nowSeconds);
    }
    this.#note(connection, status, message, isGet);
  }

  #note(connection: HttpConnection, status: number, message: Message, isGet: boolean): void {
    const { state } = connection;
    state.status = status;
    state.bodyBytes = isGet ? message.body.length : 0;
    state.way = isGet ? Way.inline : Way.none;
  }
}

const slash = encoder.encode('/');
const questionMark = encoder.encode('?');
