// The options of a server of pages: what each one means, its default, and the sentence that refuses a bad value. They are read before anything is
// opened. Not here: the server (server.ts).

import { hostForm, hostOf } from '../serve/addresses.js';
import { checkNames, choice, integer, OptionError, refuse } from '../serve/option-values.js';
import type { EngineChoice } from '../transport/open-engine.js';
import { Page } from './page.js';
import { PageError } from './page-error.js';
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
  /** Default auto: io_uring where the host allows it, else epoll. */
  readonly engine?: EngineChoice;
  /** Default 10,000. */
  readonly maxConnections?: number;
  /** Bytes a second that a reader must take, averaged over 20 s; 0: no limit. Default 256. */
  readonly minRate?: number;
  /** Milliseconds for a request's head to arrive whole. Default 10,000. */
  readonly headTimeoutMs?: number;
  /** Milliseconds that a kept connection may be idle. Default 60,000. */
  readonly idleTimeoutMs?: number;
  /** Told of each page: how its bytes got into it, and how it ended. What it throws is told to `onError`. */
  readonly onPage?: (report: PageReport) => void;
  /** Told why a page could not be made. Default: a line on stderr. */
  readonly onError?: (error: Error) => void;
}

/** {@link PageServerOptions} after their defaults. */
export interface ResolvedPageOptions<Data> {
  readonly route: (path: string) => Page<Data> | undefined;
  readonly data: Data;
  readonly root: string | undefined;
  readonly host: string;
  readonly port: number;
  readonly engine: EngineChoice;
  readonly maxConnections: number;
  readonly minRate: number;
  readonly headMs: number;
  readonly idleMs: number;
  readonly onPage: ((report: PageReport) => void) | undefined;
  readonly onError: (error: Error) => void;
}

const known: Readonly<Record<keyof PageServerOptions<unknown>, true>> = {
  routes: true,
  data: true,
  root: true,
  host: true,
  port: true,
  engine: true,
  maxConnections: true,
  minRate: true,
  headTimeoutMs: true,
  idleTimeoutMs: true,
  onPage: true,
  onError: true,
};

const longestMs = 2 ** 31 - 1;
const mostBytesASecond = Number.MAX_SAFE_INTEGER;

/** Listening is over when the server is made, so that no resolver is asked: of names the one that needs none. */
function parseHost(value: unknown): string {
  if (value === undefined) return '127.0.0.1';
  const host = hostOf(value) ?? refuse('host', value, hostForm);
  return /^localhost\.?$/i.test(host) ? '127.0.0.1' : host;
}

function parseFunction<Kind>(option: string, value: Kind | undefined): Kind | undefined {
  return value === undefined || typeof value === 'function' ? value : refuse(option, value, 'a function');
}

function parseRoutes<Data>(routes: PageServerOptions<Data>['routes']): ResolvedPageOptions<Data>['route'] {
  if (typeof routes === 'function') return routes;
  if (typeof routes !== 'object' || routes === null || Array.isArray(routes))
    return refuse('routes', routes, "pages by their paths, such as { '/': page(...) }, or a function");
  for (const [path, page] of Object.entries(routes)) {
    if (!path.startsWith('/'))
      throw new PageError('CLEARWAY_PAGE_VALUE', `the route ${JSON.stringify(path)} must begin with a slash`);
    if (!(page instanceof Page))
      throw new OptionError(`the route ${JSON.stringify(path)} leads to no page: make one with page(...)`, 'routes');
  }
  const table = new Map(Object.entries(routes));
  return (path) => table.get(path);
}

/** Applies the defaults. @throws OptionError, PageError */
export function resolvePageOptions<Data>(options: PageServerOptions<Data>): ResolvedPageOptions<Data> {
  checkNames(options, known);
  return {
    route: parseRoutes(options.routes),
    data: options.data as Data,
    root: options.root,
    host: parseHost(options.host),
    port: integer('port', options.port, 8080, 0, 65_535),
    engine: choice('engine', options.engine, 'auto', ['auto', 'uring', 'epoll']),
    maxConnections: integer('maxConnections', options.maxConnections, 10_000, 1, 1_000_000),
    minRate: integer('minRate', options.minRate, 256, 0, mostBytesASecond),
    headMs: integer('headTimeoutMs', options.headTimeoutMs, 10_000, 1, longestMs),
    idleMs: integer('idleTimeoutMs', options.idleTimeoutMs, 60_000, 1, longestMs),
    onPage: parseFunction('onPage', options.onPage),
    onError: parseFunction('onError', options.onError) ?? ((error: Error) => console.error(`page: ${error.message}`)),
  };
}
