// The servers under test of `npm run bench:pages` that run in Node. Usage: server.js uring|epoll|respond|concat [LATE_MS].
// With LATE_MS each page's last dynamic fragment comes that much later: for the time to the first byte.

import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  createPageServer,
  type Page,
  type PageServer,
  page,
  raw,
  respond,
  type SlotFunction,
  slot,
  template,
} from '../../src/pages/index.js';
import { type Fragment, type PagePlan, pagePlans } from './fragments.js';

const [kind = 'uring', lateText = '0'] = process.argv.slice(2);
const lateMs = Number(lateText);

/** The fragment's text, late where it is the page's last dynamic one. */
function maker(plan: PagePlan, fragment: Extract<Fragment, { name: string }>): () => Promise<string> {
  const last = plan.fragments.findLast((each) => 'make' in each);
  if (lateMs === 0 || fragment !== last) return fragment.make;
  return async () => {
    await sleep(lateMs);
    return fragment.make();
  };
}

function pageOf(plan: PagePlan): Page {
  const slots: Record<string, SlotFunction<unknown>> = {};
  const sources = plan.fragments.map((each) => {
    if ('text' in each) return each.text;
    slots[each.name] = maker(plan, each);
    return slot(each.name, { raw: true });
  });
  return page(template(sources), slots);
}

/** What people write today: static parts encoded once, everything joined, one write. */
function concatOf(plan: PagePlan): (response: ServerResponse) => Promise<void> {
  const parts = plan.fragments.map((each) => ('text' in each ? Buffer.from(each.text) : maker(plan, each)));
  return async (response) => {
    const buffers = await Promise.all(
      parts.map(async (part) => (Buffer.isBuffer(part) ? part : Buffer.from(await part()))),
    );
    const body = Buffer.concat(buffers);
    response.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8', 'Content-Length': body.length });
    response.end(body);
  };
}

function serveNode(answer: (path: string, response: ServerResponse) => void): void {
  const server = createServer((request, response) => answer(request.url!.slice(1), response));
  server.keepAliveTimeout = 600_000;
  server.listen(0, '127.0.0.1', 4096, () => {
    console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  });
}

function serve(): void {
  if (kind === 'concat') {
    const answers = new Map(pagePlans.map((plan) => [plan.name, concatOf(plan)]));
    serveNode((path, response) => void answers.get(path)!(response));
  } else if (kind === 'respond') {
    const pages = new Map(pagePlans.map((plan) => [plan.name, pageOf(plan)]));
    serveNode((path, response) => void respond(response.req, response, pages.get(path)!));
  } else {
    const account = page('{{totals}}', { totals: () => raw(JSON.stringify(server.totals)) });
    const routes = Object.fromEntries(pagePlans.map((plan) => [`/${plan.name}`, pageOf(plan)]));
    const options = {
      routes: { ...routes, '/account': account },
      port: 0,
      engine: kind as 'uring',
      idleTimeoutMs: 600_000,
    };
    const server: PageServer<unknown> = createPageServer(options);
    console.log(server.url);
  }
}

serve();
