// Server-side and edge-side includes as `clearway serve` answers them, on each engine; and the same documents given to
// nginx where it is installed: every directive that both have must come out byte for byte the same.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer as createSocketServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Server } from '../../../src/serve/server.js';
import { forEachEngine, patterned, startServer, TestSite, until } from './servers.js';

const oops = '[an error occurred while processing the directive]';

async function get(
  server: { url: string },
  path: string,
  init?: RequestInit,
): Promise<{ status: number; headers: Headers; body: string }> {
  const response = await fetch(server.url + path, init);
  return {
    status: response.status,
    headers: response.headers,
    body: Buffer.from(await response.arrayBuffer()).toString('latin1'),
  };
}

/** Documents that both servers must make the same of, each asked for with its query. */
const shared: Readonly<Record<string, readonly [document: string, query: string]>> = {
  'text.shtml': ['plain text, no directive <!-- a comment -->\n', ''],
  'echo.shtml': [
    '[<!--# echo var="arg_a" -->][<!--#echo var="nothing"-->][<!--# echo var="nothing" default="d" -->]',
    '?a=b',
  ],
  'set.shtml': ['<!--# set var="x" value="1${arg_a}2" --><!--# echo var="x" --><!--# echo var="X" -->', '?a=b'],
  'raw.shtml': ['<!--# set var="x" value="<b>&amp;" --><!--# echo var="x" encoding="none" -->', ''],
  'entity.shtml': ['<!--# set var="x" value="<b>&amp;" --><!--# echo var="x" -->', ''],
  'url.shtml': ['<!--# set var="x" value="a b?c/d&e=f+~:;@,%#" --><!--# echo var="x" encoding="url" -->', ''],
  'if.shtml': [
    '<!--# if expr="$arg_a = b" -->same<!--# elif expr="$arg_a" -->other<!--# else -->none<!--# endif -->' +
      '<!--# if expr="$arg_c" -->c<!--# else -->no c<!--# endif -->' +
      '<!--# if expr="$arg_a != b" -->not b<!--# endif -->',
    '?a=b',
  ],
  'regex.shtml': [
    '<!--# if expr="$arg_a = /(?P<first>b)(.+)/" --><!--# echo var="first" -->-<!--# echo var="2" --><!--# endif -->',
    '?a=bcd',
  ],
  'include.shtml': ['(<!--# include virtual="/part.html" -->)(<!--#include file="part.html" -->)', ''],
  'nested.shtml': ['a<!--# include virtual="/folder/inner.shtml?v=w" -->z', ''],
  'several.shtml': [
    '<!--# include virtual="/part.html" --><!--# include virtual="/big.html" --><!--# include virtual="/part.html" -->',
    '',
  ],
  'setinclude.shtml': [
    '<!--# include virtual="/part.html" set="p" wait="yes" -->[<!--# echo var="p" encoding="none" -->]',
    '',
  ],
  'stub.shtml': [
    '<!--# block name="s" -->stubbed<!--# endblock -->(<!--# include virtual="/empty.html" stub="s" -->)(<!--# include virtual="/part.html" stub="s" -->)',
    '',
  ],
  'config.shtml': ['<!--# config timefmt="%Y" errmsg="E" --><!--# echo var="date_gmt" -->', ''],
  'quotes.shtml': [
    `<!--# echo var='arg_a' --><!--# set var="q" value='say "x"' --><!--# echo var="q" encoding="none" -->`,
    '?a=1',
  ],
  'uri.shtml': [
    '<!--# echo var="uri" --> <!--# echo var="query_string" --> <!--# echo var="document_uri" --> <!--# echo var="request_method" -->',
    '?k=v',
  ],
};

const parts = {
  'part.html': '<p>part</p>',
  'empty.html': '',
  'big.html': patterned(200_000).toString('base64'),
  'folder/inner.shtml': '[<!--# echo var="arg_v" --> <!--# include file="leaf.html" -->]',
  'folder/leaf.html': 'leaf',
};

function documents(): Record<string, string> {
  return { ...parts, ...Object.fromEntries(Object.entries(shared).map(([name, [text]]) => [name, text])) };
}

forEachEngine('includes', (engine) => {
  let site: TestSite;
  let server: Server;
  before(async () => {
    site = new TestSite({
      ...documents(),
      'loop.shtml': 'a<!--# include virtual="/loop.shtml" -->b',
      'ping.shtml': '1<!--# include virtual="/pong.shtml" -->',
      'pong.shtml': '2<!--# include virtual="/ping.shtml" -->',
      'refused.shtml': ['/../etc/passwd', '%2e%2e/x', '/.hidden', '/folder', '/missing', '/out.html', 'http://a/b']
        .map((target) => `<!--# include virtual="${target}" -->\n`)
        .join(''),
      '.hidden': 'hidden',
      'wide.shtml': '<!--# include virtual="/part.html" -->'.repeat(1200),
      'page.esi':
        'A<esi:include src="/part.html"/><esi:remove>no</esi:remove><!--esi <i>--><esi:include src="/no" alt="/folder/leaf.html"/><esi:include src="/no" onerror="continue"/>Z',
      'bad.esi': '<esi:include src="/missing"/>',
      'far.esi': '<esi:include src="http://127.0.0.1:1/"/>',
      'utf8-é.shtml': 'ü<!--# echo var="document_name" encoding="none" -->',
      'escape.shtml': '<!--# echo var="arg_a" --><!--# echo var="http_x_test" -->',
    });
    for (let depth = 0; depth < 40; depth++) {
      site.write(`deep${depth}.shtml`, `${depth}<!--# include virtual="/deep${depth + 1}.shtml" -->`);
    }
    symlinkSync('/etc/passwd', site.at('out.html'));
    server = await startServer({ root: site.root, engine });
  });
  after(async () => {
    await server.close();
    site.remove();
  });

  test('a document is evaluated, with its length and without validators', async () => {
    const { status, headers, body } = await get(server, '/several.shtml', { headers: { Range: 'bytes=0-1' } });
    assert.equal(status, 200);
    assert.equal(body, parts['part.html'] + parts['big.html'] + parts['part.html']);
    assert.equal(headers.get('content-length'), String(body.length));
    assert.equal(headers.get('content-type'), 'text/html; charset=utf-8');
    for (const name of ['etag', 'last-modified', 'accept-ranges']) assert.equal(headers.get(name), null);
    const head = await get(server, '/several.shtml', { method: 'HEAD' });
    assert.equal(head.headers.get('content-length'), String(body.length));
  });

  test('a document that includes itself is refused in its place', async () => {
    assert.equal((await get(server, '/loop.shtml')).body, `a${oops}b`);
    assert.equal((await get(server, '/ping.shtml')).body, `12${oops}`);
  });

  test('depth and number of includes are bounded', async () => {
    const deep = (await get(server, '/deep0.shtml')).body;
    assert.equal(deep, `0123456789101112131415${oops}`);
    const wide = (await get(server, '/wide.shtml')).body;
    assert.equal(wide, parts['part.html'].repeat(1000) + oops.repeat(200));
  });

  test('includes are held to the path rules of requests', async () => {
    assert.equal((await get(server, '/refused.shtml')).body, `${oops}\n`.repeat(7));
  });

  test('what comes from the request is escaped', async () => {
    const headers = { 'X-Test': '<script>"\'' };
    assert.equal((await get(server, `/escape.shtml?a=1`, { headers })).body, '1&lt;script&gt;&quot;&#39;');
  });

  test('names and bytes beyond ASCII go through', async () => {
    const { body } = await get(server, '/utf8-%C3%A9.shtml');
    assert.equal(Buffer.from(body, 'latin1').toString('utf8'), 'üutf8-é.shtml');
  });

  test('elements of ESI', async () => {
    assert.equal((await get(server, '/page.esi')).body, 'A<p>part</p> <i>leafZ');
    assert.equal((await get(server, '/bad.esi')).status, 500);
    assert.equal((await get(server, '/far.esi')).status, 500);
  });

  test('a change of a document or of what it includes is seen at once', async () => {
    site.write('changing.shtml', '1<!--# include virtual="/changing.html" -->');
    site.write('changing.html', 'a');
    assert.equal((await get(server, '/changing.shtml')).body, '1a');
    site.write('changing.html', 'bb');
    assert.equal((await get(server, '/changing.shtml')).body, '1bb');
    site.write('changing.shtml', '2<!--# include virtual="/changing.html" -->');
    assert.equal((await get(server, '/changing.shtml')).body, '2bb');
  });
});

test('switched off, a document is a file like any other', async () => {
  const site = new TestSite({ 'a.shtml': '<!--# echo var="x" -->' });
  const server = await startServer({ root: site.root, ssi: 'off' });
  try {
    const { body, headers } = await get(server, '/a.shtml');
    assert.equal(body, '<!--# echo var="x" -->');
    assert.notEqual(headers.get('etag'), null);
  } finally {
    await server.close();
    site.remove();
  }
});

const nginx = ['/usr/sbin/nginx', '/usr/bin/nginx'].find(existsSync);

describe('includes, beside nginx', { skip: nginx === undefined ? 'nginx is not installed' : false }, () => {
  let site: TestSite;
  let server: Server;
  let child: ChildProcess;
  let origin: { url: string };
  let directory: string;
  before(async () => {
    site = new TestSite(documents());
    server = await startServer({ root: site.root });
    directory = mkdtempSync(join(tmpdir(), 'clearway-nginx-'));
    const port = await freePort();
    writeFileSync(join(directory, 'nginx.conf'), nginxConfiguration(site.root, port, directory));
    child = spawn(nginx!, ['-p', directory, '-c', join(directory, 'nginx.conf'), '-e', join(directory, 'error.log')]);
    origin = { url: `http://127.0.0.1:${port}` };
    await until('nginx listens', () =>
      fetch(`${origin.url}/part.html`).then(
        () => true,
        () => false,
      ),
    );
  });
  after(async () => {
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    await ended;
    await server.close();
    site.remove();
    rmSync(directory, { recursive: true });
  });

  for (const [name, [, query]] of Object.entries(shared)) {
    test(`${name}${query}`, async () => {
      const [ours, theirs] = await Promise.all([get(server, `/${name}${query}`), get(origin, `/${name}${query}`)]);
      assert.equal(theirs.status, 200);
      assert.equal(ours.body, theirs.body);
    });
  }
});

function nginxConfiguration(root: string, port: number, directory: string): string {
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `${name}_temp_path ${join(directory, name)};`)
    .join(' ');
  return `daemon off; worker_processes 1; pid ${join(directory, 'pid')}; user root;
events { worker_connections 64; }
http { ${paths} access_log off; types { text/html html shtml; }
  server { listen 127.0.0.1:${port}; root ${root}; ssi on; } }`;
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createSocketServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
