// A page that shows live figures, and the events that feed it: a web server of its own. Loopback needs no token; any other address does. Not here: who
// may look (guard.ts), what the page is sent (dashboard.ts, device-dashboard.ts).

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { hostAndPort } from '../serve/addresses.js';
import { listenOnAll, type NodeListening } from '../serve/node-listen.js';
import { Guard, isLoopback } from './guard.js';

/** Where a page is served. */
export interface LiveAddress {
  readonly host: string;
  /** 0 takes any free one. */
  readonly port: number;
}

/** An event for a page. */
export type LiveEvent = readonly [name: string, data: object];

const mostViewers = 32;
/** What a viewer may have waiting: one that reads no more than this late is let go. */
const mostWaitingBytes = 4 * 1024 * 1024;

/** A page and the header that allows its own style and script, and nothing else. */
interface PageAnswer {
  readonly html: string;
  readonly policy: string;
}

/** A page that is served. */
export class LivePage {
  private readonly server: Server;
  private readonly page: PageAnswer;
  private readonly greet: () => readonly LiveEvent[];
  private readonly viewers = new Set<ServerResponse>();
  private guard: Guard | undefined;
  private listening: NodeListening | undefined;

  private constructor(page: URL, greet: () => readonly LiveEvent[]) {
    this.page = readPage(page);
    this.greet = greet;
    this.server = createServer((request, response) => this.answer(request, response));
  }

  /**
   * Opens a page. @param page the built file. @param greet what a page is told first
   * @throws Error where the address is taken, with the fix.
   */
  static async open(address: LiveAddress, page: URL, greet: () => readonly LiveEvent[]): Promise<LivePage> {
    const live = new LivePage(page, greet);
    try {
      live.listening = await listenOnAll(live.server, address);
    } catch (error) {
      throw explained(error as NodeJS.ErrnoException, address);
    }
    const { hosts, port } = live.listening;
    live.guard = new Guard(port, hosts.every(isLoopback));
    return live;
  }

  /** The addresses to open, with the token where one is needed. An address that means all is shown as this host. */
  get urls(): readonly string[] {
    const { hosts, port } = this.listening!;
    const token = this.guard?.token;
    const shown = hosts.map((host) => (host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host));
    return shown.map((host) => `http://${hostAndPort(host, port)}/${token === undefined ? '' : `?token=${token}`}`);
  }

  /** True while a page looks. */
  get watched(): boolean {
    return this.viewers.size > 0;
  }

  /** Sends an event to everyone who looks. */
  send(...event: LiveEvent): void {
    const text = eventText(event);
    for (const viewer of this.viewers) {
      if (viewer.writableLength > mostWaitingBytes) viewer.destroy();
      else viewer.write(text);
    }
  }

  /** Ends it, with every page that looks. */
  async close(): Promise<void> {
    for (const viewer of this.viewers) viewer.end(eventText(['bye', {}]));
    this.server.closeIdleConnections();
    const closed = this.listening!.close();
    setImmediate(() => this.server.closeAllConnections());
    await closed;
  }

  private answer(request: IncomingMessage, response: ServerResponse): void {
    for (const [name, value] of Object.entries(commonFields)) response.setHeader(name, value);
    const url = parsed(request.url ?? '');
    const refused = this.judge(request, response, url);
    if (refused !== undefined) refuse(response, ...refused);
    else if (url?.pathname === '/') {
      response.setHeader('Content-Security-Policy', this.page.policy);
      response.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8' }).end(this.page.html);
    } else if (url?.pathname === '/events' && request.method === 'GET') this.watch(response);
    else refuse(response, 404, 'the dashboard is at /');
  }

  /** Why a request is refused, or undefined where it may pass; then the cookie is set where one is due. */
  private judge(
    request: IncomingMessage,
    response: ServerResponse,
    url: URL | null,
  ): readonly [number, string] | undefined {
    if (url === null) return [400, 'this is no path'];
    const { host, cookie } = request.headers;
    const site = request.headers['sec-fetch-site'];
    const verdict = this.guard!.judge({ host, url, cookie, site: typeof site === 'string' ? site : undefined });
    if (!verdict.allowed) return [verdict.status, verdict.why];
    if (request.method !== 'GET' && request.method !== 'HEAD') return [405, 'the dashboard is only read'];
    if (url.pathname === '/events' && this.viewers.size >= mostViewers)
      return [503, `${mostViewers} pages look already`];
    if (verdict.setCookie !== undefined) response.setHeader('Set-Cookie', verdict.setCookie);
    return undefined;
  }

  private watch(response: ServerResponse): void {
    response.writeHead(200, { 'Content-Type': 'text/event-stream; charset=utf-8' });
    for (const event of this.greet()) response.write(eventText(event));
    this.viewers.add(response);
    response.on('close', () => this.viewers.delete(response));
  }
}

const commonFields = {
  'Cache-Control': 'no-store',
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
} as const;

function refuse(response: ServerResponse, status: number, why: string): void {
  response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8' }).end(`${why}\n`);
}

/** One server-sent event; JSON has no line breaks of its own. */
function eventText([name, data]: LiveEvent): string {
  return `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}

/** The built page; the policy names its style and its script by their digests. */
function readPage(page: URL): PageAnswer {
  const html = readFileSync(page, 'utf8');
  const digest = (tag: string) => {
    const content = new RegExp(`<${tag}>([\\s\\S]*?)</${tag}>`).exec(html)?.[1] ?? '';
    return `'sha256-${createHash('sha256').update(content).digest('base64')}'`;
  };
  const policy = [
    "default-src 'none'",
    `script-src ${digest('script')}`,
    `style-src ${digest('style')}`,
    "connect-src 'self'",
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
  ].join('; ');
  return { html, policy };
}

function explained(error: NodeJS.ErrnoException, { host, port }: LiveAddress): Error {
  const fix =
    error.code === 'EADDRINUSE'
      ? 'the address is already in use; choose another port, 0 takes any free one'
      : error.message;
  return Object.assign(new Error(`the dashboard cannot be served at ${hostAndPort(host, port)}: ${fix}`), {
    code: error.code,
  });
}

/** The path and query of a request; null for what is neither. */
function parsed(target: string): URL | null {
  try {
    return target.startsWith('/') ? new URL(`http://dashboard${target}`) : null;
  } catch {
    return null;
  }
}
