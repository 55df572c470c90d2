// The accounts: metrics that are valid Prometheus text and count right, bytes by the way they left, copies by reason (none of
// a body that leaves by sendfile), and access-log lines that nobody can forge.

import assert from 'node:assert/strict';
import { closeSync, openSync, readFileSync, unlinkSync } from 'node:fs';
import { after, test } from 'node:test';
import type { Server } from '../../../src/serve/server.js';
import { until } from '../../support/until.js';
import { ask, parseHead, RawClient } from './client.js';
import { forEachEngine, patterned, startServer, TestSite } from './servers.js';

const size = 3_000_000;
const get = (path: string, fields = ''): string => `GET ${path} HTTP/1.1\r\nHost: test\r\n${fields}\r\n`;

/** Reads the exposition format strictly; gives the samples by their name and labels. */
function samplesOf(text: string): Map<string, number> {
  const samples = new Map<string, number>();
  const families = new Map<string, string>();
  let current = '';
  assert.ok(text.endsWith('\n'));
  for (const line of text.slice(0, -1).split('\n')) {
    const help = /^# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)$/.exec(line);
    const type = /^# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (counter|gauge|histogram)$/.exec(line);
    if (help !== null) {
      current = help[1]!;
      assert.ok(!families.has(current), `${current} twice`);
    } else if (type !== null) {
      assert.equal(type[1], current, 'HELP before TYPE');
      families.set(current, type[2]!);
    } else {
      const sample =
        /^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{(?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\.)*",?)+\})? ([0-9.e+-]+|\+Inf|NaN)$/.exec(
          line,
        );
      assert.ok(sample !== null, `no sample: ${line}`);
      const base = families.get(current) === 'histogram' ? sample[1]!.replace(/_(bucket|sum|count)$/, '') : sample[1];
      assert.equal(base, current);
      if (families.get(current) === 'counter') assert.match(current, /_total$/);
      const name = `${sample[1]}${sample[2] ?? ''}`;
      assert.ok(!samples.has(name), `${name} twice`);
      samples.set(name, Number(sample[3]));
      assert.ok(Number(sample[3]) >= 0, line);
    }
  }
  return samples;
}

async function metricsOf(server: Server): Promise<Map<string, number>> {
  const response = await fetch(server.metricsUrl!);
  assert.equal(response.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
  return samplesOf(await response.text());
}

forEachEngine('metrics', (engine) => {
  const site = new TestSite({ 'a.txt': 'hello', 'large.bin': patterned(size), 'empty.txt': '' });
  after(() => site.remove());

  test('requests, bytes by way, copies by reason, connections and times are counted as they were', async () => {
    const server = await startServer({ root: site.root, engine, metrics: '127.0.0.1:0' });
    const requests: ReadonlyArray<readonly [line: string, fields: readonly string[], status: number]> = [
      ['GET /a.txt', [], 200],
      ['GET /a.txt', [], 200],
      ['GET /large.bin', [], 200],
      ['GET /large.bin', ['Range: bytes=100-199'], 206],
      ['HEAD /large.bin', [], 200],
      ['GET /a.txt', ['If-None-Match: *'], 304],
      ['GET /missing', [], 404],
      ['POST /a.txt', [], 405],
      ['GET /empty.txt', [], 200],
      ['OPTIONS /', [], 204],
    ];
    for (const [line, fields, status] of requests)
      assert.equal((await ask(server.address, line, fields)).status, status);
    const broken = await RawClient.open(server.address);
    assert.equal((await broken.send('nonsense\r\n\r\n').response()).status, 400);
    await broken.closes();
    let samples = new Map<string, number>();
    // Times and open connections are written once a tick.
    await until('the last account', async () => {
      samples = await metricsOf(server);
      return samples.get('clearway_connections') === 0 && samples.get('clearway_connections_accepted_total') === 11;
    });
    assert.equal(samples.get(`clearway_info{engine="${engine}"}`), 1);
    assert.equal(samples.get('clearway_requests_total{status="2xx"}'), 7);
    assert.equal(samples.get('clearway_requests_total{status="3xx"}'), 1);
    assert.equal(samples.get('clearway_requests_total{status="4xx"}'), 3);
    assert.equal(samples.get('clearway_requests_total{status="5xx"}'), 0);
    assert.equal(samples.get('clearway_body_bytes_total{way="sendfile"}'), size);
    const messages = '404 Not Found\n405 Method Not Allowed\n400 Bad Request\n'.length;
    assert.equal(samples.get('clearway_body_bytes_total{way="inline"}'), 2 * 5 + 100 + messages);
    assert.equal(samples.get('clearway_body_bytes_total{way="none"}'), 0);
    assert.equal(samples.get('clearway_parse_errors_total'), 1);
    assert.equal(samples.get('clearway_failures_total'), 0);
    assert.equal(samples.get('clearway_request_duration_seconds_count'), 11);
    assert.equal(samples.get('clearway_request_duration_seconds_bucket{le="+Inf"}'), 11);
    const turns = samples.get('clearway_turn_duration_seconds_count')!;
    assert.equal(samples.get('clearway_turn_duration_seconds_bucket{le="+Inf"}'), turns);
    assert.ok(turns >= 11, `${turns} turns`);
    const busySeconds = samples.get('clearway_turn_duration_seconds_sum')!;
    assert.ok(busySeconds > 0 && busySeconds < performance.now() / 1000, `${busySeconds} s`);
    assert.equal(samples.get('clearway_receive_frames'), 0);
    assert.equal(samples.get('clearway_head_frames'), 0);
    assert.equal(samples.get('clearway_copied_bytes_total{reason="frameFill"}'), 5 + 100);
    assert.equal((await fetch(new URL('/other', server.metricsUrl))).status, 404);
    await server.close(0);
  });

  test('a body that leaves by sendfile is copied nowhere in user space', async () => {
    const server = await startServer({ root: site.root, engine, metrics: '127.0.0.1:0' });
    const copied = async (): Promise<number> => {
      let sum = 0;
      for (const [name, value] of await metricsOf(server))
        if (name.startsWith('clearway_copied_bytes_total')) sum += value;
      return sum;
    };
    await ask(server.address, 'GET /large.bin');
    const before = await copied();
    const client = await RawClient.open(server.address);
    for (let index = 0; index < 20; index++) {
      client.send(get('/large.bin'));
      assert.equal((await client.response()).body.length, size);
    }
    client.destroy();
    let samples = new Map<string, number>();
    // An answer is counted when it has left, a moment after it was read.
    await until('the last answer', async () => {
      samples = await metricsOf(server);
      return samples.get('clearway_requests_total{status="2xx"}') === 21;
    });
    assert.equal(samples.get('clearway_body_bytes_total{way="sendfile"}'), 21 * size);
    // Heads only: a few hundred bytes for each of the answers, whatever the size of the body.
    assert.ok((await copied()) - before < 20 * 1000, `${(await copied()) - before} bytes`);
    assert.equal(samples.get('clearway_copied_bytes_total{reason="frameFill"}'), 0);
    await server.close(0);
  });

  test('an aborted download counts what was sent, not what was promised', async () => {
    const huge = new TestSite({ 'huge.bin': patterned(32 * 1024 * 1024) });
    const server = await startServer({ root: huge.root, engine, metrics: '127.0.0.1:0' });
    const client = await RawClient.open(server.address);
    client.send(get('/huge.bin'));
    parseHead(await client.head());
    client.destroy();
    let samples = new Map<string, number>();
    await until('the end', async () => {
      samples = await metricsOf(server);
      return samples.get('clearway_requests_total{status="2xx"}') === 1;
    });
    const sent = samples.get('clearway_body_bytes_total{way="sendfile"}')!;
    assert.ok(sent < 32 * 1024 * 1024, `${sent} bytes`);
    await server.close(0);
    huge.remove();
  });
});

/** A server with a log, and the lines it wrote so far. */
async function logging(
  engine: 'uring' | 'epoll',
  log: 'combined' | 'json',
  site: TestSite,
): Promise<[Server, () => string[]]> {
  const logFile = `${site.root}-${engine}-${logs++}.log`;
  const server = await startServer({ root: site.root, engine, log, logFile });
  const written = openSync(logFile, 'r');
  unlinkSync(logFile);
  after(() => closeSync(written));
  return [server, () => readFileSync(`/proc/self/fd/${written}`, 'utf8').split('\n').slice(0, -1)];
}

let logs = 0;

forEachEngine('access log', (engine) => {
  const site = new TestSite({ 'a.txt': 'hello', 'large.bin': patterned(size) });
  after(() => site.remove());

  test('combined: a line for each request, in the format that every tool reads', async () => {
    const [server, lines] = await logging(engine, 'combined', site);
    const fields = ['Referer: http://other/page', 'User-Agent: test/1.0 (a "quoted" \\ name)'];
    await ask(server.address, 'GET /a.txt?q=1', fields);
    await ask(server.address, 'HEAD /large.bin', fields);
    await ask(server.address, 'GET /large.bin');
    await ask(server.address, 'GET /missing');
    await until('four lines', () => lines().length >= 4);
    const format =
      /^127\.0\.0\.1 - - \[\d\d\/\w{3}\/\d{4}:\d\d:\d\d:\d\d \+0000\] "([^"]*)" (\d{3}) (\d+) "([^"]*)" "([^"]*)"$/;
    const parsed = lines().map((line) => format.exec(line)?.slice(1));
    const agent = 'test/1.0 (a \\x22quoted\\x22 \\x5c name)';
    assert.deepEqual(parsed, [
      ['GET /a.txt?q=1 HTTP/1.1', '200', '5', 'http://other/page', agent],
      ['HEAD /large.bin HTTP/1.1', '200', '0', 'http://other/page', agent],
      ['GET /large.bin HTTP/1.1', '200', String(size), '-', '-'],
      ['GET /missing HTTP/1.1', '404', '14', '-', '-'],
    ]);
    await server.close(0);
  });

  test('json: an object a line', async () => {
    const [server, lines] = await logging(engine, 'json', site);
    await ask(server.address, 'GET /a.txt', ['User-Agent: "x\\']);
    await ask(server.address, 'GET /large.bin');
    await until('two lines', () => lines().length >= 2);
    const [first, second] = lines().map((line) => JSON.parse(line) as Record<string, unknown>);
    assert.equal(first?.method, 'GET');
    assert.equal(first?.target, '/a.txt');
    assert.equal(first?.status, 200);
    assert.equal(first?.bodyBytes, 5);
    assert.equal(first?.way, 'inline');
    assert.equal(first?.peer, '127.0.0.1');
    assert.equal(first?.userAgent, '"x\\');
    assert.ok(Math.abs(Date.parse(String(first?.time)) - Date.now()) < 10_000);
    assert.equal(second?.way, 'sendfile');
    assert.equal(second?.bodyBytes, size);
    assert.ok(Number(second?.latencyUs) >= 0);
    await server.close(0);
  });

  test('nothing that a client sends makes a line of its own, or talks to a terminal', async () => {
    for (const log of ['combined', 'json'] as const) {
      const [server, lines] = await logging(engine, log, site);
      const hostile = [
        'GET /a.txt HTTP/1.1\r\nHost: test\r\nUser-Agent: \x1b[31m" 200 5 "-"\r\n\r\n',
        'GET /a.txt HTTP/1.1\r\nHost: test\r\nUser-Agent: \xe4\xff\x80 \t"\r\nReferer: " \\" - -\r\n\r\n',
        'GET /%0d%0a127.0.0.1%20-%20-%20forged HTTP/1.1\r\nHost: test\r\n\r\n',
        'GET /a"b HTTP/1.1\r\nHost: test\r\n\r\n',
        'GET /a.txt\r\n127.0.0.1 - - forged\r\n\r\n',
        'G\r\nforged\r\n\r\n',
        '\x1b]0;title\x07 / HTTP/1.1\r\n\r\n',
        `GET /${'x'.repeat(8000)} HTTP/1.1\r\nHost: test\r\nUser-Agent: ${'y'.repeat(4000)}\r\n\r\n`,
      ];
      for (const request of hostile) {
        const client = await RawClient.open(server.address);
        client.send(request);
        await client.response();
        client.destroy();
      }
      await until('every line', () => lines().length >= hostile.length);
      assert.equal(lines().length, hostile.length);
      for (const line of lines()) {
        assert.match(line, log === 'combined' ? /^127\.0\.0\.1 - - \[[^\]]+\] ("[\x20-\x7e]*"|-) / : /^\{/);
        // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there.
        assert.doesNotMatch(line, /[\x00-\x1f\x7f-\x9f]/);
        assert.ok(line.length < 6000);
        if (log === 'json') JSON.parse(line);
      }
      await server.close(0);
    }
  });

  test('what was under way when the server ends is in the log', async () => {
    const [server, lines] = await logging(engine, 'combined', site);
    await Promise.all(Array.from({ length: 50 }, () => ask(server.address, 'GET /a.txt')));
    const client = await RawClient.open(server.address);
    client.send(get('/large.bin'));
    parseHead(await client.head());
    client.socket.pause();
    await server.close(0);
    client.destroy();
    assert.equal(lines().length, 51);
  });

  test('a flood is written or counted as dropped, never both, never neither', async () => {
    const [server, lines] = await logging(engine, 'combined', site);
    const clients = await Promise.all(Array.from({ length: 4 }, () => RawClient.open(server.address)));
    const each = 1000;
    for (const client of clients) client.send(get('/a.txt', `User-Agent: ${'u'.repeat(900)}\r\n`).repeat(each));
    for (const client of clients) for (let index = 0; index < each; index++) await client.response();
    const dropped = (): number => server.metrics[0]!.get('logDropped');
    await until('every line', () => lines().length + dropped() === 4 * each);
    for (const client of clients) client.destroy();
    await server.close(0);
  });
});
