// HTTP/1.1 over a connection: reads request heads over borrowed bytes, answers hot requests straight from their frame,
// hands everything else to the responder, and keeps the times, the bodies nobody wanted, and the account.
// Not here: what a path leads to (site.ts), what is answered with (plan.ts, responder.ts), sockets (transport/).

import { SystemError } from '../kernel/system-error.js';
import type { Connection, Protocol } from '../transport/connection.js';
import type { Loop } from '../transport/loop.js';
import { peerHost } from '../transport/peer.js';
import { BodyReader } from '../wire/http1/body.js';
import { CR, LF } from '../wire/http1/grammar.js';
import { DEFAULT_HEAD_LIMITS, Field, parseRequestHead, RequestHead } from '../wire/http1/request.js';
import { type ProxyHeader, parseProxyHeader } from '../wire/proxy-protocol.js';
import type { AccessLog } from './access-log.js';
import { noProxies, type ProxyPolicy, unixPeer } from './client-address.js';
import { LogEntry } from './log-entry.js';
import { type Metrics, Way } from './metrics.js';
import { freshPace, type PaceState, paceTo } from './pacing.js';
import type { Resource } from './resource.js';

/** Body bytes of a request that are read and thrown away to keep its connection; a longer body ends it. */
const drainLimits = { maxBodyBytes: 64 * 1024, maxExtensionBytes: 1024, maxTrailerBytes: 8192 };

/** An answer that was taken within this time left at once: nothing came beside it. */
const promptMs = 250;

/** What answers requests by queueing on their connection: the files of a site, or pages. */
export interface Answerer {
  /** Queues the answer to a request, if it is a common one; else false, and nothing was queued. */
  answerQuickly(connection: Connection<HttpState>, head: RequestHead, close: boolean): boolean;
  /** Answers any request. */
  answer(connection: Connection<HttpState>, head: RequestHead, close: boolean): void;
  /** Refuses what could not be read as a request. */
  refuse(connection: Connection<HttpState>, status: number): void;
}

/** Time limits in milliseconds. */
export interface HttpTimeouts {
  readonly headMs: number;
  readonly idleMs: number;
}

/** One connection's place in the protocol. Used again for later connections. */
export class HttpState implements PaceState {
  #body: BodyReader | undefined;
  #log: LogEntry | undefined;
  /** Whom the connection is with: the socket's peer, or whom the PROXY protocol names. */
  peer = '';
  /** The header of the PROXY protocol has not come yet. */
  proxyPending = false;
  /** Whether the peer is a proxy that is trusted to name its clients. */
  peerTrusted = false;
  /** A request's body is still to be read and thrown away. */
  bodyPending = false;
  /** Bytes of an incomplete head that were already looked at, and when its first byte came (0: none yet). */
  headSeen = 0;
  headSinceMs = 0;
  /** The connection ends with the answer under way. */
  closeAfter = false;
  /** The client itself said that this request was its last, and nothing of it is unread. */
  isLast = false;
  /** An answer is under way: its status, way and size for the account. */
  answering = false;
  status = 0;
  way: number = Way.none;
  bodyBytes = 0;
  headBytes = 0;
  startedMs = 0;
  /** What the connection had sent before it. */
  sentBefore = 0;
  /** Who is told what left of it, and how much of its body is generated and lies in a file; see {@link willSend}. */
  #counted: Pick<Resource, 'sent'> | undefined;
  #generated = 0;
  #referenced = 0;
  /** Stands for what the answer waits for, a file that is being fetched; undefined when it waits for nothing. */
  awaited: object | undefined;
  /** How fast responses leave; see pacing.ts. */
  pace = 0;
  piece = Number.NEGATIVE_INFINITY;
  piecesInRow = 0;

  /** The reader of a body nobody wants; made for the first one, since most requests have none. */
  get body(): BodyReader {
    this.#body ??= new BodyReader();
    return this.#body;
  }

  /** What the log wants to know; made for the first entry, since many servers keep no log. */
  get log(): LogEntry {
    this.#log ??= new LogEntry();
    return this.#log;
  }

  /** Bytes of a resource are queued, the generated ones before those of its file: when the answer ends it is told how many of them left. */
  willSend(resource: Pick<Resource, 'sent'>, generated: number, referenced: number): void {
    if (resource.sent === undefined) return;
    this.#counted = resource;
    this.#generated += generated;
    this.#referenced += referenced;
  }

  /** The answer ended, and {@link bodyBytes} are what left of it. */
  tellSent(): void {
    const counted = this.#counted;
    if (counted === undefined) return;
    const generated = Math.min(this.#generated, this.bodyBytes);
    counted.sent!(generated, Math.min(this.#referenced, this.bodyBytes - generated));
    this.#counted = undefined;
    this.#generated = 0;
    this.#referenced = 0;
  }

  /** Makes it ready for a new connection. */
  reset(): void {
    this.bodyPending = false;
    this.headSeen = 0;
    this.headSinceMs = 0;
    this.closeAfter = false;
    this.isLast = false;
    this.answering = false;
    this.awaited = undefined;
    freshPace(this);
  }
}

/** The address at the other end; `unix:` of a socket that has none, `-` where it is gone. */
function peerOf(connection: Connection<HttpState>): string {
  const host = peerHost(connection);
  return host === undefined ? '-' : host || unixPeer;
}

/** Bytes of the empty lines at `start`. */
function emptyLines(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at + 1 < end && bytes[at] === CR && bytes[at + 1] === LF) at += 2;
  return at - start;
}

/** Speaks HTTP/1.1 and 1.0 on the connections of one worker. */
export class HttpProtocol implements Protocol<HttpState> {
  /** Set when the worker drains: every answer ends its connection. */
  draining = false;
  readonly #loop: Loop;
  readonly #responder: Answerer;
  readonly #metrics: Metrics;
  readonly #log: AccessLog | undefined;
  readonly #timeouts: HttpTimeouts;
  readonly #head = new RequestHead();
  readonly #pace: number;
  readonly #failed: (error: Error) => void;
  readonly #proxies: ProxyPolicy;
  readonly #proxyHeader: ProxyHeader = { source: undefined };

  /**
   * @param pace bytes a second that a connection is sent at most; 0: no limit.
   * @param failed is told what made an answer impossible: a defect, or memory that ran out.
   * @param proxies who may stand in front.
   */
  constructor(
    loop: Loop,
    responder: Answerer,
    metrics: Metrics,
    log: AccessLog | undefined,
    timeouts: HttpTimeouts,
    pace: number,
    failed: (error: Error) => void,
    proxies: ProxyPolicy = noProxies,
  ) {
    this.#loop = loop;
    this.#responder = responder;
    this.#metrics = metrics;
    this.#log = log;
    this.#timeouts = timeouts;
    this.#pace = pace;
    this.#failed = failed;
    this.#proxies = proxies;
  }

  createState(): HttpState {
    return new HttpState();
  }

  opened(connection: Connection<HttpState>): void {
    connection.state.reset();
    connection.deadlineMs = this.#loop.nowMs + this.#timeouts.headMs;
    paceTo(connection, this.#pace);
    connection.state.proxyPending = this.#proxies.hasHeader;
    if (this.#log !== undefined) this.#setPeer(connection.state, peerOf(connection));
  }

  #setPeer(state: HttpState, peer: string): void {
    state.peer = peer;
    state.peerTrusted = this.#proxies.clients?.trusts(peer) === true;
    state.log.setPeerName(peer);
  }

  /** Takes the header of the PROXY protocol. Whoever sends none has no business here. */
  #takeProxyHeader(connection: Connection<HttpState>, bytes: Uint8Array, start: number, end: number): number {
    const { state } = connection;
    const header = this.#proxyHeader;
    const taken = parseProxyHeader(bytes, start, end, header);
    if (taken < 0) {
      this.#metrics.add('parseErrors');
      connection.abort();
      return end - start;
    }
    if (taken === 0) return 0;
    state.proxyPending = false;
    const isBelieved = this.#proxies.clients === undefined || state.peerTrusted;
    if (this.#log !== undefined && header.source !== undefined && isBelieved) this.#setPeer(state, header.source);
    return taken;
  }

  /** The log's line is the client's, where a trusted proxy says who that is. `head` is undefined where none was read. */
  #nameClient(state: HttpState, head: RequestHead | undefined): void {
    if (this.#log === undefined || !state.peerTrusted) return;
    const forwardedFor = head?.fieldText(Field.xForwardedFor);
    const client = this.#proxies.clients!.of(state.peer, forwardedFor, head?.fieldText(Field.forwarded));
    state.log.setPeerName(client);
  }

  received(connection: Connection<HttpState>, bytes: Uint8Array, start: number, end: number): number {
    const state = connection.state;
    if (state.proxyPending) return this.#takeProxyHeader(connection, bytes, start, end);
    if (state.bodyPending) return this.#skipBody(connection, bytes, start, end);
    // Empty lines before a request are none of it (RFC 9112 section 2.2): its time begins with its own first byte.
    if (bytes[start] === CR) {
      const empty = emptyLines(bytes, start, end);
      if (empty > 0 || end - start === 1) return empty;
    }
    const head = this.#head;
    const taken = parseRequestHead(bytes, start, end, head, DEFAULT_HEAD_LIMITS, state.headSeen);
    if (taken > 0) {
      state.headSeen = 0;
      state.headSinceMs = 0;
      this.#request(connection, head, start + taken < end);
      return taken;
    }
    if (taken < 0) {
      this.#metrics.add('parseErrors');
      this.#begin(connection, head, bytes, end);
      this.#nameClient(state, undefined);
      state.closeAfter = true;
      state.isLast = false;
      this.#refuse(connection, -taken);
      connection.flush();
      return end - start;
    }
    state.headSeen = end - start;
    if (state.headSinceMs === 0) {
      state.headSinceMs = this.#loop.nowMs;
      connection.deadlineMs = state.headSinceMs + this.#timeouts.headMs;
    }
    return 0;
  }

  #begin(connection: Connection<HttpState>, head: RequestHead, bytes: Uint8Array, end: number): void {
    const state = connection.state;
    state.startedMs = this.#loop.nowMs;
    state.sentBefore = connection.sentBytes;
    state.answering = true;
    paceTo(connection, this.#pace);
    connection.deadlineMs = Number.POSITIVE_INFINITY;
    if (this.#log !== undefined) state.log.begin(head, bytes, end);
  }

  /** @param isFollowed more of what the client sent is there. */
  #request(connection: Connection<HttpState>, head: RequestHead, isFollowed: boolean): void {
    this.#begin(connection, head, head.bytes, head.start + head.length);
    const state = connection.state;
    if (state.peerTrusted) this.#nameClient(state, head);
    const close = !head.keepAlive || this.draining;
    state.closeAfter = close;
    state.isLast = !head.keepAlive && !isFollowed && head.contentLength <= 0 && !head.chunked;
    if (head.contentLength > 0 || head.chunked) this.#expectBody(connection, head);
    this.#answer(connection, head, state.closeAfter);
    connection.flush();
  }

  /** A body that nobody wants is read and thrown away, or the connection ends. */
  #expectBody(connection: Connection<HttpState>, head: RequestHead): void {
    const state = connection.state;
    // A client that waits for 100 may send its body or not: nobody could tell where its next request begins.
    if (head.expectContinue || head.contentLength > drainLimits.maxBodyBytes) state.closeAfter = true;
    if (state.closeAfter) return;
    state.body.begin(head.contentLength, head.chunked, drainLimits);
    state.bodyPending = !state.body.done;
  }

  /** What goes wrong with one request is this request's end, and is said; the other connections live on. */
  #answer(connection: Connection<HttpState>, head: RequestHead, close: boolean): void {
    try {
      if (this.#responder.answerQuickly(connection, head, close)) {
        // All of it is queued.
        connection.endFollows = close;
        return;
      }
      this.#responder.answer(connection, head, close);
    } catch (error) {
      this.#metrics.add('failures');
      this.#failed(error as Error);
      // Part of an answer may be queued already: then only the end of the connection is understood.
      if (connection.sending) connection.abort();
      else this.#refuse(connection, 500);
    }
  }

  /** Refuses a request. Where there is no memory for that either, the end of its connection says it, and the others live on. */
  #refuse(connection: Connection<HttpState>, status: number): void {
    try {
      this.#responder.refuse(connection, status);
    } catch (error) {
      const { state } = connection;
      state.status = status;
      state.way = Way.none;
      state.headBytes = 0;
      state.bodyBytes = 0;
      this.#failed(error as Error);
      connection.abort();
    }
  }

  #skipBody(connection: Connection<HttpState>, bytes: Uint8Array, start: number, end: number): number {
    const state = connection.state;
    const taken = state.body.consume(bytes, start, end);
    if (taken < 0) {
      connection.finish();
      return end - start;
    }
    if (state.body.done) {
      state.bodyPending = false;
      connection.deadlineMs = this.#loop.nowMs + this.#timeouts.idleMs;
    }
    return taken;
  }

  ended(connection: Connection<HttpState>): void {
    connection.abort();
  }

  drained(connection: Connection<HttpState>): void {
    const state = connection.state;
    this.#account(connection);
    if (state.closeAfter || this.draining) {
      // Who said that it was the last sends nothing more (RFC 9112 section 9.6): no reset can come of closing at once. Nobody may have looked
      // what came beside an answer that was long on its way.
      const isPrompt = this.#loop.nowMs - state.startedMs < promptMs;
      if (state.isLast && isPrompt && !connection.hasInput) connection.abort();
      else connection.finish();
      return;
    }
    connection.deadlineMs = this.#loop.nowMs + (state.bodyPending ? this.#timeouts.headMs : this.#timeouts.idleMs);
  }

  #account(connection: Connection<HttpState>): void {
    const state = connection.state;
    if (!state.answering) return;
    state.answering = false;
    state.tellSent();
    const latencyMs = this.#loop.nowMs - state.startedMs;
    this.#metrics.countResponse(state.status, state.way, state.bodyBytes, latencyMs);
    if (this.#log !== undefined) this.#log.write(state.log, state.status, state.bodyBytes, state.way, latencyMs);
  }

  expired(connection: Connection<HttpState>): void {
    const state = connection.state;
    this.#metrics.add('timeouts');
    if (state.headSinceMs === 0) {
      connection.finish();
      return;
    }
    state.headSinceMs = 0;
    state.answering = true;
    state.startedMs = this.#loop.nowMs;
    state.sentBefore = connection.sentBytes;
    state.closeAfter = true;
    state.isLast = false;
    if (this.#log !== undefined) state.log.clear();
    this.#nameClient(state, undefined);
    this.#refuse(connection, 408);
    connection.flush();
  }

  fileFailed(errno: number): void {
    this.#metrics.add('fileErrors');
    this.#failed(new SystemError(errno, 'sendfile', 'of a file that is being sent'));
  }

  closed(connection: Connection<HttpState>): void {
    // What was under way did not leave whole: it is accounted as far as the kernel took it.
    const { state } = connection;
    state.awaited = undefined;
    const sent = connection.sentBytes - state.sentBefore - state.headBytes;
    state.bodyBytes = Math.min(state.bodyBytes, Math.max(0, sent));
    this.#account(connection);
  }
}
