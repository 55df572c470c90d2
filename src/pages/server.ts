// A server of pages: Clearway's own HTTP/1.1 on Node's event loop, so that slots are ordinary async functions, and each
// page leaves as a list of segments. Files beside the pages come from a directory, as `clearway serve` answers them.
// Not here: Node's own http (node-response.ts).

import { isMainThread } from 'node:worker_threads';
import { platformIsLinux } from '../kernel/ffi.js';
import { closeDescriptor, listenTcp, localAddress, setNonBlocking } from '../kernel/socket.js';
import { UnsupportedError } from '../kernel/system-error.js';
import type { ListAccount } from '../memory/list-writer.js';
import { memoryIsMapped } from '../memory/write-frames.js';
import type { HttpState } from '../serve/http-protocol.js';
import { Metrics, metricsBytes } from '../serve/metrics.js';
import { graceOf } from '../serve/option-values.js';
import { type ResolvedOptions, resolveOptions } from '../serve/options.js';
import { Responder } from '../serve/responder.js';
import type { Site } from '../serve/site.js';
import { Listener } from '../transport/listener.js';
import { Loop } from '../transport/loop.js';
import { PageProtocol, PageResponder } from './page-protocol.js';
import type { PageReport } from './page-report.js';
import { type PageServerOptions, type ResolvedPageOptions, resolvePageOptions } from './server-options.js';

const overflow = 'HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\nContent-Length: 0\r\n\r\n';
const filesOfSite = 1024;
const frameBudget = 16 * 1024 * 1024;

/** A running server of pages; made by {@link createPageServer}. */
export class PageServer<Data> {
  /** {@link totals}: doubles from the first page on, because they outgrow any small integer (see ListAccount). */
  readonly #totals = new Float64Array(6);
  readonly #onPage: ResolvedPageOptions<Data>['onPage'];
  readonly #loop: Loop;
  readonly #metrics = new Metrics(new SharedArrayBuffer(metricsBytes), 0);
  readonly #site: Site | undefined;
  readonly #others: Responder | undefined;
  readonly #protocol: PageProtocol<Data>;
  readonly #listenFd: number;
  readonly #listener: Listener<HttpState>;
  #closed: Promise<void> | undefined;
  /** The address as a link. */
  readonly url: string;

  /** @throws OptionError, PageError; SystemError EADDRINUSE and its kin, each with its fix. */
  constructor(options: PageServerOptions<Data>) {
    const { route, data, root, onPage, onError: failed, ...given } = resolvePageOptions(options);
    const files = root === undefined ? undefined : resolveOptions({ root }, 1024);
    this.#onPage = onPage;
    this.#listenFd = listenTcp(given);
    let loop: Loop | undefined;
    try {
      const { host, port } = localAddress(this.#listenFd);
      this.url = `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
      this.#loop = loop = new Loop(given.engine);
      setNonBlocking(this.#listenFd, loop.engine.nonBlockingSockets);
      if (files !== undefined) this.#others = this.#responder(files);
      this.#site = this.#others?.site;
      const reported = (report: PageReport): void => this.#report(report);
      const responder = new PageResponder<Data>(loop, { route, others: this.#others, data, reported, failed });
      this.#protocol = new PageProtocol(loop, responder, this.#metrics, given, failed);
      const limits = { ...given, rateWindowMs: 20_000, backlogLimit: 64 * 1024 };
      this.#listener = new Listener(loop, this.#listenFd, this.#protocol, limits, overflow);
      loop.attach();
    } catch (error) {
      loop?.close();
      closeDescriptor(this.#listenFd);
      throw error;
    }
  }

  #responder({ root, index, dotfiles, ...options }: ResolvedOptions): Responder {
    const { inlineBytes, listing, spa, ssi, cacheControl, cors, headers } = options;
    const policy = { inlineBytes, frameBudget, listing, spa, ssi, cacheControl, cors, headers };
    return new Responder(this.#loop, { root, index, dotfiles, maxFiles: filesOfSite }, this.#metrics, policy);
  }

  #report(report: PageReport): void {
    const totals = this.#totals;
    const { referencedBytes, encodedBytes, coalescedBytes, applicationBytes, fileBytes, entries } = report.account;
    totals[0]! += referencedBytes;
    totals[1]! += encodedBytes;
    totals[2]! += coalescedBytes;
    totals[3]! += applicationBytes;
    totals[4]! += fileBytes;
    totals[5]! += entries;
    this.#onPage?.(report);
  }

  /** Bytes of all pages up to now, by how they got into them. */
  get totals(): ListAccount {
    const [referencedBytes, encodedBytes, coalescedBytes, applicationBytes, fileBytes, entries] = this.#totals;
    return {
      referencedBytes: referencedBytes!,
      encodedBytes: encodedBytes!,
      coalescedBytes: coalescedBytes!,
      applicationBytes: applicationBytes!,
      fileBytes: fileBytes!,
      entries: entries!,
    };
  }

  /** The engine that sends. */
  get engine(): string {
    return this.#loop.engine.name;
  }

  /** Connections open now. */
  get connections(): number {
    return this.#listener.connections;
  }

  /**
   * Stops accepting, lets pages under way finish for `graceMs`, then ends them. A second call waits for the same end.
   * @throws RangeError for a time that is none
   */
  async close(graceMs = 10_000): Promise<void> {
    const limitMs = graceOf(graceMs);
    this.#closed ??= new Promise((resolve) => {
      const limit = setTimeout(() => this.#listener.abortAll(), limitMs);
      this.#protocol.draining = true;
      this.#listener.drain(() => {
        clearTimeout(limit);
        this.#others?.close();
        this.#site?.close();
        // Not from within the event that ended the last connection.
        setImmediate(() => {
          this.#loop.close();
          closeDescriptor(this.#listenFd);
          resolve();
        });
      });
    });
    return this.#closed;
  }
}

/**
 * Starts a server of pages in this process.
 * @throws OptionError, PageError; SystemError when it cannot listen; UnsupportedError off Linux and in worker threads: there answer with
 * {@link respond} on Node's own http.
 */
export function createPageServer<Data = unknown>(options: PageServerOptions<Data>): PageServer<Data> {
  const hint = 'answer with respond(request, response, page) on node:http';
  const lacks = platformIsLinux ? 'the FFI library koffi, which did not load' : 'Linux';
  if (!memoryIsMapped()) throw new UnsupportedError(`a page server needs ${lacks}`, hint);
  if (!isMainThread) throw new UnsupportedError('a page server needs the main thread', hint);
  return new PageServer(options);
}
