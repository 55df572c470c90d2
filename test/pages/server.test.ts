// The server of pages as HTTP: methods, routes, pipelining, kept connections, files beside pages, drain; and on the fake
// engine: short sends, full sockets and failures at random, after which nothing is lent and no byte is wrong.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { FakeEngine } from '../../src/engine/fake.js';
import { Errno } from '../../src/kernel/errno.js';
import { Region } from '../../src/memory/region.js';
import { writeFrames } from '../../src/memory/write-frames.js';
import {
  createPageServer,
  file,
  html,
  type Page,
  PageError,
  page,
  raw,
  respond,
  segment,
  slot,
  template,
  writeGather,
} from '../../src/pages/index.js';
import { PageProtocol, PageResponder } from '../../src/pages/page-protocol.js';
import { Metrics, metricsBytes } from '../../src/serve/metrics.js';
import { Listener } from '../../src/transport/listener.js';
import { Loop } from '../../src/transport/loop.js';
import { messagesLeased } from '../support/messages.js';
import { openDescriptors } from '../support/open-descriptors.js';
import { until } from '../support/until.js';
import { ask, doorClosed } from './doors.js';

const skip = doorClosed('epoll');

/** Sends bytes and returns everything that comes until the server closes. */
async function converse(port: number, text: string): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1' });
  socket.write(text);
  let got = '';
  for await (const chunk of socket) got += (chunk as Buffer).toString('latin1');
  return got;
}

test('an address in brackets and the name of this host are listened on; another name is refused', {
  skip,
}, async () => {
  const routes = { '/': page('here') };
  for (const [host, url] of [
    ['localhost', /^http:\/\/127\.0\.0\.1:\d+$/],
    ['[::1]', /^http:\/\/\[::1\]:\d+$/],
  ] as const) {
    const server = createPageServer({ routes, host, port: 0 });
    assert.match(server.url, url);
    assert.equal(await (await fetch(server.url)).text(), 'here');
    await server.close();
  }
  assert.throws(() => createPageServer({ routes, host: 'a.example', port: 0 }), /EINVAL/);
});

test('a server that is refused leaves nothing open; one that was closed still says where it was', {
  skip,
}, async () => {
  const routes = { '/': page('here') };
  const closed = createPageServer({ routes, port: 0 });
  for (const graceMs of [Number.NaN, -1, '1' as unknown as number, null as unknown as number])
    await assert.rejects(closed.close(graceMs), { code: 'CLEARWAY_ARGUMENT' });
  const { url } = closed;
  await closed.close(0);
  assert.equal(closed.url, url);
  const before = openDescriptors(/./).length;
  for (const wrong of [
    { engine: 'kqueue' },
    { root: '/nowhere/at/all' },
    { routes: { '/': 'text' } },
    { minRate: 'x' },
  ])
    assert.throws(() => createPageServer({ routes, port: 0, ...(wrong as object) }), { code: 'CLEARWAY_OPTION' });
  assert.equal(openDescriptors(/./).length, before);
});

test('methods, routes, files beside pages, and what a slot is told', { skip }, async () => {
  const root = mkdtempSync(join(tmpdir(), 'clearway-page-root-'));
  writeFileSync(join(root, 'style.css'), 'a{}');
  const told = page<string>('{{a}}', {
    a: ({ method, url, path, query, data }) => [method, url, path, query.get('q'), data].join(' '),
  });
  const asked = page<string>('{{{a}}}', {
    a: async (context) => {
      await sleep(2);
      return `${context.header('X-One')}|${context.header('x-two')}`;
    },
  });
  const server = createPageServer<string>({ routes: { '/': told, '/late': asked }, root, port: 0, data: 'given' });
  const port = Number(new URL(server.url).port);
  try {
    const get = async (path: string, init?: RequestInit): Promise<string> => {
      const response = await fetch(server.url + path, init);
      return `${response.status} ${await response.text()}`;
    };
    assert.equal(await get('/?q=1'), '200 GET /?q=1 / 1 given');
    assert.equal(await get('/late', { headers: { 'X-One': '1' } }), '200 1|undefined');
    assert.equal(await get('/style.css'), '200 a{}');
    assert.match(await get('/none'), /^404 /);
    assert.equal((await fetch(server.url, { method: 'POST', body: 'x' })).status, 405);
    const head = await fetch(server.url, { method: 'HEAD' });
    assert.equal(head.status, 200);
    // Three at once, the slow one first: in order, whole, on one connection.
    const request = (path: string, last: boolean): string =>
      `GET ${path} HTTP/1.1\r\nHost: a\r\n${last ? 'Connection: close\r\n' : ''}X-Two: 2\r\n\r\n`;
    const got = await converse(port, request('/late', false) + request('/?q=2', false) + request('/late', true));
    assert.equal(got.split('HTTP/1.1 200').length, 4);
    assert.ok(got.indexOf('undefined|2') < got.indexOf('/?q=2'));
    assert.ok(got.lastIndexOf('undefined|2') > got.indexOf('/?q=2'));
  } finally {
    await server.close();
    rmSync(root, { recursive: true });
  }
});

test('a closing server finishes the pages under way', { skip }, async () => {
  let isBegun = false;
  const slow = async (): Promise<string> => {
    isBegun = true;
    await sleep(100);
    return 'slow';
  };
  const server = createPageServer({ routes: { '/': page('{{a}}', { a: slow }) }, port: 0 });
  const answer = ask(Number(new URL(server.url).port));
  await until('the page is asked for', () => isBegun);
  const closed = server.close();
  assert.equal((await answer).body.toString(), 'slow');
  await closed;
});

test('what cannot be a page says so', () => {
  const code = (expected: string) => (error: unknown) => error instanceof PageError && error.code === expected;
  assert.throws(() => page('{{a}}'), code('CLEARWAY_PAGE_SLOT'));
  assert.throws(() => page('a', { b: () => '' }), code('CLEARWAY_PAGE_SLOT'));
  assert.throws(() => template('{{a b}}'), code('CLEARWAY_PAGE_TEMPLATE'));
  assert.throws(() => template('{{{a}}'), code('CLEARWAY_PAGE_TEMPLATE'));
  assert.throws(() => template([1 as never]), code('CLEARWAY_PAGE_TEMPLATE'));
  assert.throws(() => page('', {}, { headers: { 'Content-Length': '1' } }), code('CLEARWAY_PAGE_VALUE'));
  assert.throws(() => page('', {}, { headers: { A: 'b\r\nc: d' } }), code('CLEARWAY_PAGE_VALUE'));
  assert.throws(() => page('', {}, { status: 99 }), code('CLEARWAY_PAGE_VALUE'));
  assert.throws(() => file('a', { offset: -1 }), code('CLEARWAY_PAGE_FILE'));
  assert.throws(() => createPageServer({ routes: { a: page('') }, port: 0 }), code('CLEARWAY_PAGE_VALUE'));
});

test('values of the wrong kind are refused with a code, whatever they are', async () => {
  const wrong: readonly unknown[] = [undefined, null, Number.NaN, -1, 10n, Symbol('s'), Object.create(null), [null]];
  const asked = (use: (value: never) => unknown) => {
    for (const value of wrong)
      assert.throws(
        () => use(value as never),
        (error: Error & { code?: string }) => /^CLEARWAY_PAGE_/.test(error.code ?? ''),
      );
  };
  asked((value) => template(value));
  asked((value) => template([value]));
  asked((value) => slot(value));
  asked((value) => page('{{a}}', { a: value }));
  asked((value) => page('{{a}}', { a: () => 1 }, { headers: { 'X-Name': value } }));
  for (const options of [
    null,
    { stat: 404 },
    { headers: 1 },
    { coalesceBytes: 0.5 },
    { onError: 'x' },
    { status: '200' },
  ])
    assert.throws(() => page('{{a}}', { a: () => 1 }, options as object), { code: 'CLEARWAY_PAGE_VALUE' });
  assert.throws(() => page('{{a}}', null as never), { code: 'CLEARWAY_PAGE_SLOT' });
  const isValue = { code: 'CLEARWAY_PAGE_VALUE' };
  await assert.rejects(respond({} as never, {} as never, 'text' as never), isValue);
  await assert.rejects(writeGather({} as never, undefined as never), isValue);
});

test('templates in their three forms, and the html tag', () => {
  assert.deepEqual(template('a{{b}}c{{{ d }}}\\{{e}}{{b}}').slots, ['b', 'd']);
  assert.deepEqual(
    template`a${slot('b')}c${'d'}`.parts.map((part) => part.kind),
    ['static', 'slot', 'static'],
  );
  const rows = ['<1>', 2].map((each) => html`<li>${each}</li>`);
  assert.equal(
    String(html`<ul title="${'"x"'}">${rows}${raw('<hr>')}${null}${false}</ul>`),
    '<ul title="&quot;x&quot;"><li>&lt;1&gt;</li><li>2</li><hr></ul>',
  );
});

test('a hook that throws takes nobody his page, and is told to onError', { skip }, async () => {
  for (const alsoOnError of [false, true]) {
    const told: string[] = [];
    const server = createPageServer({
      routes: { '/': page('hello {{a}}', { a: () => 'you' }) },
      port: 0,
      onPage: () => {
        throw new Error('mine');
      },
      onError: ({ message }) => {
        told.push(message);
        if (alsoOnError) throw new Error('mine as well');
      },
    });
    const said: unknown[] = [];
    const { error } = console;
    console.error = (text: unknown) => said.push(text);
    try {
      const answer = await ask(Number(new URL(server.url).port));
      assert.equal(answer.body.toString(), 'hello you');
      assert.deepEqual(told, ['mine']);
      assert.equal(said.length, alsoOnError ? 1 : 0);
    } finally {
      console.error = error;
      await server.close(0);
    }
  }
});

test('writeGather: many thousand parts that each leave at once do not fill the stack', { skip }, async () => {
  const count = 20_000;
  const root = mkdtempSync(join(tmpdir(), 'clearway-page-parts-'));
  writeFileSync(join(root, 'a'), 'a');
  const one = file(join(root, 'a'), { offset: 0, length: 1 });
  const piece = Buffer.alloc(2048, 'h');
  const bodies = { '/files': new Array(count).fill(one), '/heap': new Array(count).fill(piece) };
  const server = createServer((request, response) => {
    void writeGather(response, bodies[request.url as keyof typeof bodies]);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  try {
    for (const [target, length] of [
      ['/files', 1],
      ['/heap', piece.length],
    ] as const) {
      const answer = await ask(port, { target });
      assert.ok(answer.complete, target);
      assert.equal(answer.body.length, count * length);
    }
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    rmSync(root, { recursive: true });
  }
});

test('writeGather: past Node on a plain socket, through it behind a compressing middleware', { skip }, async () => {
  const memory = new Region(100_000);
  memory.bytes.fill(0x61);
  const parts = (): Parameters<typeof writeGather>[1] => [
    'é',
    html`<b>`,
    segment(memory, 5, 90_000),
    Buffer.alloc(5000, 'h'),
    Buffer.from('small'),
    file(process.execPath, { offset: 7, length: 100_000 }),
    'end',
  ];
  const results: Array<Awaited<ReturnType<typeof writeGather>>> = [];
  const server = createServer(async (request, response) => {
    if (request.url === '/wrapped') {
      const { write } = response;
      response.write = ((...args: Parameters<typeof write>) => write.apply(response, args)) as typeof write;
    }
    results.push(await writeGather(response, parts()));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  try {
    const [first, second] = [await ask(port), await ask(port, { target: '/wrapped' })];
    assert.ok(first.complete && first.body.length === 2 + 3 + 90_000 + 5000 + 5 + 100_000 + 3);
    assert.ok(first.body.equals(second.body));
    await until('both are done', () => results.length === 2);
    assert.deepEqual(
      results.map(({ way, outcome }) => `${way} ${outcome}`),
      ['gather sent', 'stream sent'],
    );
    assert.equal(results[0]!.account.referencedBytes, 95_000);
    assert.equal(results[0]!.account.applicationBytes, 5);
    await assert.rejects(writeGather({} as never, [{}] as never), PageError);
    assert.equal(writeFrames().leased, 0);
  } finally {
    server.close();
    server.closeAllConnections();
  }
});

/** A server of one page on the fake engine. */
function fakeServer(made: Page, script: FakeEngine['script']) {
  const engine = new FakeEngine({ script });
  const loop = new Loop(engine, () => 0);
  const options = { route: () => made, others: undefined, data: undefined, reported: undefined, failed: () => {} };
  const responder = new PageResponder(loop, options);
  const metrics = new Metrics(new SharedArrayBuffer(metricsBytes), 0);
  const protocol = new PageProtocol(loop, responder, metrics, { headMs: 1e9, idleMs: 1e9 }, () => {});
  const fd = engine.listen();
  const limits = { maxConnections: 8, minRate: 0, rateWindowMs: 1000, backlogLimit: 65_536 };
  return { engine, loop, fd, listener: new Listener(loop, fd, protocol, limits, 'no') };
}

test('on the fake engine: stalls, short sends and failures', { skip }, async () => {
  const texts = fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 1, maxLength: 30 });
  const faults = fc.array(fc.constantFrom('whole', 'short', 'one', 'full', 'again', 'reset'), {
    minLength: 1,
    maxLength: 40,
  });
  await fc.assert(
    fc.asyncProperty(texts, faults, fc.integer({ min: 1, max: 20_000 }), async (lengths, plan, room) => {
      const expected = lengths.map((length, index) => String.fromCharCode(97 + (index % 26)).repeat(length)).join('');
      const sources = lengths.map((length, index) =>
        index % 2 === 0 ? String.fromCharCode(97 + (index % 26)).repeat(length) : slot(`s${index}`),
      );
      const slots = Object.fromEntries(
        lengths.flatMap((length, index) => {
          const text = String.fromCharCode(97 + (index % 26)).repeat(length);
          return index % 2 === 0 ? [] : [[`s${index}`, index % 4 === 1 ? () => text : async () => text]];
        }),
      );
      let step = 0;
      let isBroken = false;
      const { engine, loop, fd, listener } = fakeServer(page(template(sources), slots), (what, asked) => {
        if (what !== 'send' && what !== 'sendNow') return asked;
        switch (plan[step++ % plan.length]) {
          case 'short':
            return Math.max(1, Math.floor(asked / 3));
          case 'one':
            return Math.min(1, asked);
          case 'again':
            // Not for ever: a socket that is never ready sends nothing, by right.
            return step > 200 ? asked : -Errno.EAGAIN;
          case 'reset':
            isBroken = step > 5;
            return isBroken ? -Errno.ECONNRESET : asked;
          default:
            return asked;
        }
      });
      const peer = engine.connect(fd);
      peer.room = room;
      peer.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
      for (let turn = 0; turn < 3000 && !peer.closed; turn++) {
        loop.turn(0);
        await new Promise((resolve) => setImmediate(resolve));
        peer.room += room;
        if (peer.sawEnd || isBroken) peer.close();
        if (turn < 2000) continue;
        isBroken = true;
        peer.close();
      }
      const got = Buffer.from(peer.got.bytes).toString('latin1');
      const body = got.slice(got.indexOf('\r\n\r\n') + 4);
      if (!isBroken && !got.includes('chunked') && peer.closed) assert.equal(body, expected);
      else if (!got.includes('chunked') && got.includes('\r\n\r\n')) assert.ok(expected.startsWith(body));
      listener.abortAll();
      for (let turn = 0; turn < 20; turn++) loop.turn(0);
      assert.deepEqual(
        engine.leaks().filter((leak) => !/accept|watch/.test(leak)),
        [],
      );
      assert.equal(writeFrames().leased, 0);
      assert.equal(messagesLeased(), 0);
      loop.close();
    }),
    { numRuns: 60 },
  );
});
