// A server of pages: Clearway's own HTTP/1.1 on Node's event loop, so that slots are ordinary async functions, and each
// page leaves as a list of segments. Files beside the pages come from a directory, as `clearway serve` answers them.
// Not here: Node's own http (node-response.ts).

import { closeDescriptor, listenTcp, localAddress, setNonBlocking } from '../kernel/socket.js';
import { UnsupportedError } from '../kernel/system-error.js';
import type { ListAccount } from '../memory/list-writer.js';
import { memoryIsMapped } from '../memory/write-frames.js';
import { hostOf } from '../serve/addresses.js';
import type { HttpState } from '../serve/http-protocol.js';
import { Metrics, metricsBytes } from '../serve/metrics.js';
import { resolveOptions } from '../serve/options.js';
import { Responder } from '../serve/responder.js';
import type { Site } from '../serve/site.js';
import { Listener } from '../transport/listener.js';
import { Loop } from '../transport/loop.js';
import type { EngineChoice } from '../transport/open-engine.js';
import type { Page } from './page.js';
import { PageError } from './page-error.js';
import { PageProtocol, PageResponder } from './page-protocol.js';
import type { PageReport } from './page-report.js';

/** Options of {@link createPageServer}. */
export interface PageServerOptions<Data> {
  /** Pages by the path that they answer, as it stands in the request: `/`, `/news`. */
  readonly routes: Readonly<Record<string, Page<Data>>> | ((path: string) => Page<Data> | undefined);
  /** What every slot finds as `context.data`. */
  readonly data?: Data;
  /** A directory whose files answer everything that is no page. Default: none. */
  readonly root?: string;
  /** An address, with or without brackets, or `localhost`, which is 127.0.0.1. Default 127.0.0.1: this host only. */
  readonly host?: string;
  /** 0 takes any free one. Default 8080. */
  readonly port?: number;
  readonly engine?: EngineChoice;
  /** Default 10,000. */
  readonly maxConnections?: number;
  /** Bytes a second that a reader must take, averaged over 20 s; 0: no limit. Default 256. */
  readonly minRate?: number;
  readonly headTimeoutMs?: number;
  readonly idleTimeoutMs?: number;
  /** Told of each page: how its bytes got into it, and how it ended. What it throws is told to `onError`. */
  readonly onPage?: (report: PageReport) => void;
  /** Told why a page could not be made. Default: a line on stderr. */
  readonly onError?: (error: Error) => void;
}

const overflow = 'HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\nContent-Length: 0\r\n\r\n';
const filesOfSite = 1024;
const frameBudget = 16 * 1024 * 1024;

/** A running server of pages; made by {@link createPageServer}. */
export class PageServer<Data> {
  /** {@link totals}: doubles from the first page on, because they outgrow any small integer (see ListAccount). */
  readonly #totals = new Float64Array(6);
  readonly #options: PageServerOptions<Data>;
  readonly #loop: Loop;
  readonly #metrics = new Metrics(new SharedArrayBuffer(metricsBytes), 0);
  readonly #site: Site | undefined;
  readonly #others: Responder | undefined;
  readonly #protocol: PageProtocol<Data>;
  readonly #listenFd: number;
  readonly #listener: Listener<HttpState>;
  #closed: Promise<void> | undefined;

  /** @throws SystemError EADDRINUSE and its kin, each with its fix. */
  constructor(options: PageServerOptions<Data>) {
    this.#options = options;
    const { host = '127.0.0.1', port = 8080, headTimeoutMs: headMs = 10_000, idleTimeoutMs: idleMs = 60_000 } = options;
    // Listening is over when this returns, so that no resolver is asked: of names the one that needs none.
    this.#listenFd = listenTcp({ host: /^localhost\.?$/i.test(host) ? '127.0.0.1' : (hostOf(host) ?? host), port });
    this.#loop = new Loop(options.engine ?? 'auto');
    setNonBlocking(this.#listenFd, this.#loop.engine.nonBlockingSockets);
    const failed = options.onError ?? ((error: Error) => console.error(`page: ${error.message}`));
    const { site, responder: others } = this.#files(options.root);
    this.#site = site;
    this.#others = others;
    const { routes } = options;
    const responder = new PageResponder<Data>(this.#loop, {
      route: typeof routes === 'function' ? routes : routeTable(routes),
      others,
      data: options.data as Data,
      reported: (report) => this.#report(report),
      failed,
    });
    this.#protocol = new PageProtocol(this.#loop, responder, this.#metrics, { headMs, idleMs }, failed);
    const limits = {
      maxConnections: options.maxConnections ?? 10_000,
      minRate: options.minRate ?? 256,
      rateWindowMs: 20_000,
      backlogLimit: 64 * 1024,
    };
    this.#listener = new Listener(this.#loop, this.#listenFd, this.#protocol, limits, overflow);
    this.#loop.attach();
  }

  #files(root: string | undefined): { site: Site | undefined; responder: Responder | undefined } {
    if (root === undefined) return { site: undefined, responder: undefined };
    const { index, dotfiles, inlineBytes, listing, spa, ssi, cacheControl, cors, headers } = resolveOptions(
      { root },
      1024,
    );
    const policy = { inlineBytes, frameBudget, listing, spa, ssi, cacheControl, cors, headers };
    const site = { root, index, dotfiles, maxFiles: filesOfSite };
    const responder = new Responder(this.#loop, site, this.#metrics, policy);
    return { site: responder.site, responder };
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
    this.#options.onPage?.(report);
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

  /** The address as a link. */
  get url(): string {
    const { host, port } = localAddress(this.#listenFd);
    return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
  }

  /** The engine that sends. */
  get engine(): string {
    return this.#loop.engine.name;
  }

  /** Connections open now. */
  get connections(): number {
    return this.#listener.connections;
  }

  /** Stops accepting, lets pages under way finish for `graceMs`, then ends them. A second call waits for the same end. */
  close(graceMs = 10_000): Promise<void> {
    this.#closed ??= new Promise((resolve) => {
      // A longer timer would fire at once.
      const limit = setTimeout(() => this.#listener.abortAll(), Math.min(graceMs, 2 ** 31 - 1));
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

function routeTable<Data>(routes: Readonly<Record<string, Page<Data>>>): (path: string) => Page<Data> | undefined {
  for (const path of Object.keys(routes)) {
    if (!path.startsWith('/')) {
      throw new PageError('CLEARWAY_PAGE_VALUE', `the route ${JSON.stringify(path)} must begin with a slash`);
    }
  }
  const table = new Map(Object.entries(routes));
  return (path) => table.get(path);
}

/**
 * Starts a server of pages in this process.
 * @throws SystemError when it cannot listen; UnsupportedError off Linux and in worker threads: there answer with
 * {@link respond} on Node's own http.
 */
export function createPageServer<Data = unknown>(options: PageServerOptions<Data>): PageServer<Data> {
  if (!memoryIsMapped()) {
    throw new UnsupportedError(
      'a page server needs Linux',
      'answer with respond(request, response, page) on node:http',
    );
  }
  return new PageServer(options);
}
