// Server-side and edge-side includes as `clearway serve` answers them, on each engine: paths, bounds, changes, ESI.
// Not here: the directives one by one (ssi-beside-nginx.test.ts).

import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import type { Server } from '../../../src/serve/server.js';
import { forEachEngine, patterned, startServer, TestSite } from './servers.js';

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

const parts = {
  'part.html': '<p>part</p>',
  'empty.html': '',
  'big.html': patterned(200_000).toString('base64'),
  'folder/inner.shtml': '[<!--# echo var="arg_v" --> <!--# include file="leaf.html" -->]',
  'folder/leaf.html': 'leaf',
};

forEachEngine('includes', (engine) => {
  let site: TestSite;
  let server: Server;
  before(async () => {
    site = new TestSite({
      ...parts,
      'several.shtml':
        '<!--# include virtual="/part.html" --><!--# include virtual="/big.html" --><!--# include virtual="/part.html" -->',
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

  test('a block of one document stands in within another, whatever becomes of the one it is from', async () => {
    site.write(
      'outer.shtml',
      'long enough text before it <!--# block name="b" -->outer<!--# endblock --><!--# include virtual="/user.shtml" -->',
    );
    site.write('user.shtml', '<!--# include virtual="/empty.html" stub="b" -->');
    assert.equal((await get(server, '/outer.shtml')).body, 'long enough text before it outer');
    site.write('giver.shtml', 'x'.repeat(5000) + '<!--# block name="b" -->given<!--# endblock -->');
    site.write(
      'taker.shtml',
      '<!--# include virtual="/giver.shtml" set="unused" --><!--# include virtual="/empty.html" stub="b" -->',
    );
    assert.equal((await get(server, '/taker.shtml')).body, 'given');
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

  test('a document whose name is not UTF-8 is called by its bytes', async () => {
    const folder = Buffer.concat([Buffer.from(`${site.root}/caf`), Buffer.from([0xe9])]);
    mkdirSync(folder);
    const document = '<!--# echo var="uri" --><!--# include file="leaf.html" -->';
    writeFileSync(Buffer.concat([folder, Buffer.from('/d\xfc.shtml', 'latin1')]), document);
    writeFileSync(Buffer.concat([folder, Buffer.from('/leaf.html')]), ' leaf');
    assert.equal((await get(server, '/caf%E9/d%FC.shtml')).body, '/caf\xe9/d\xfc.shtml leaf');
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
