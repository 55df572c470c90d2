import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { request } from 'node:http';
import { type TestContext, test } from 'node:test';
import { sampleReading } from '../meter/sample.test.js';
import { Dashboard } from './dashboard.js';
import type { Frame, Hello } from './frame.js';

const skip = !existsSync(new URL('./page/dashboard.html', import.meta.url)) && 'the page is not built: npm run build';

async function open(context: TestContext, host = '127.0.0.1') {
  const dashboard = await Dashboard.open({ host, port: 0, subject: 'a test' });
  context.after(() => dashboard.close());
  return { dashboard, url: dashboard.url };
}

/** Asks with any Host, which fetch does not allow. */
function ask(url: string, headers: Record<string, string> = {}, method = 'GET') {
  return new Promise<{ status: number; headers: Record<string, unknown>; text: string }>((resolve, reject) => {
    const asked = request(url, { headers, method }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => {
        text += chunk.toString();
      });
      response.on('end', () => resolve({ status: response.statusCode!, headers: response.headers, text }));
    });
    asked.on('error', reject).end();
  });
}

/** Reads events until there are `count`. */
async function events(url: string, count: number, cookie = ''): Promise<{ name: string; data: unknown }[]> {
  const abort = new AbortController();
  const response = await fetch(new URL('/events', url), { signal: abort.signal, headers: { cookie } });
  assert.equal(response.headers.get('content-type'), 'text/event-stream; charset=utf-8');
  let text = '';
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    if (text.split('\n\n').length > count) break;
  }
  abort.abort();
  return text
    .split('\n\n')
    .slice(0, count)
    .map((one) => {
      const [, name = '', data = ''] = /^event: (\w+)\ndata: (.*)$/.exec(one) ?? [];
      return { name, data: JSON.parse(data) as unknown };
    });
}

test('the page allows its own script and style by digest, and nothing else', { skip }, async (context) => {
  const { url } = await open(context);
  const { status, headers, text } = await ask(url);
  assert.equal(status, 200);
  const policy = String(headers['content-security-policy']);
  assert.ok(!policy.includes('unsafe'), policy);
  assert.match(policy, /^default-src 'none'; script-src 'sha256-[^']+'; style-src 'sha256-[^']+'; connect-src 'self';/);
  for (const tag of ['script', 'style']) {
    const parts = [...text.matchAll(new RegExp(`<${tag}[^>]*>([\\s\\S]*?)</${tag}>`, 'g'))];
    assert.equal(parts.length, 1, `one ${tag}`);
    assert.ok(policy.includes(createHash('sha256').update(parts[0]![1]!).digest('base64')));
  }
  assert.ok(!/\b(?:src|href)="(?!data:|#)/.test(text), 'asks nobody for anything');
  assert.equal(headers['x-content-type-options'], 'nosniff');
  assert.equal(headers['cache-control'], 'no-store');
  assert.equal(headers['referrer-policy'], 'no-referrer');
});

test('other names, methods and paths are refused', { skip }, async (context) => {
  const { url } = await open(context);
  assert.equal((await ask(url, { Host: `evil.example:${new URL(url).port}` })).status, 403);
  assert.equal((await ask(new URL('/events', url).href, { 'Sec-Fetch-Site': 'cross-site' })).status, 403);
  assert.equal((await ask(url, {}, 'POST')).status, 405);
  assert.equal((await ask(new URL('/../../etc/passwd', url).href)).status, 404);
});

test('beyond loopback the printed address has a token, which becomes a cookie', { skip }, async (context) => {
  const { url, dashboard } = await open(context, '0.0.0.0');
  const bare = new URL(url);
  assert.match(bare.search, /^\?token=[\w-]{43}$/);
  bare.search = '';
  assert.equal((await ask(bare.href)).status, 401);
  assert.equal((await ask(new URL('/events', bare).href)).status, 401);
  const opened = await ask(url);
  assert.equal(opened.status, 200);
  const cookie = String((opened.headers['set-cookie'] as string[])[0]).split(';')[0]!;
  dashboard.push({ timeMs: 1, reading: sampleReading() });
  assert.equal((await events(bare.href, 1, cookie))[0]!.name, 'hello');
});

test('a page that is opened late is told what was, then what is', { skip }, async (context) => {
  const { url, dashboard } = await open(context);
  for (let scale = 1; scale <= 700; scale++) {
    dashboard.push({ timeMs: scale * 1000, reading: sampleReading('nginx', scale), why: ['a reason'] });
  }
  const reading = events(url, 3);
  const news = { timeMs: 701_000, reading: sampleReading('nginx', 701) };
  const timer = setInterval(() => dashboard.watched && dashboard.push(news), 20);
  context.after(() => clearInterval(timer));
  const [hello, last, frame] = await reading;
  clearInterval(timer);
  const { subject, history } = hello!.data as Hello;
  assert.equal(subject, 'a test');
  assert.equal(history.length, 600, 'ten minutes are kept');
  assert.deepEqual(history.at(-1)!.slice(0, 4), [700_000, 6000, 300, 1350]);
  assert.deepEqual([last!.name, (last!.data as Frame).why], ['last', ['a reason']]);
  assert.deepEqual([frame!.name, (frame!.data as Frame).why], ['frame', null]);
});

test('an address that is taken is said in a sentence', { skip }, async (context) => {
  const { url } = await open(context);
  const port = Number(new URL(url).port);
  await assert.rejects(
    Dashboard.open({ host: '127.0.0.1', port, subject: '' }),
    /^Error: the dashboard cannot be served at 127\.0\.0\.1:\d+: the address is already in use/,
  );
});
