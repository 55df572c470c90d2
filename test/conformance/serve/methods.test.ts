// Methods (RFC 9110 section 9): GET and HEAD say the same, OPTIONS tells, everything else is 405 with Allow.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Server } from '../../../src/serve/server.js';
import { ask, exchange } from './client.js';
import { forEachEngine, patterned, startServer, TestSite } from './servers.js';

const allowed = 'GET, HEAD, OPTIONS';

forEachEngine('methods', (engine) => {
  const site = new TestSite({
    'a.txt': 'hello',
    'empty.txt': '',
    'large.bin': patterned(200_000),
    'folder/b.txt': 'b',
    '404.html': '<p>lost',
  });
  let server: Server;
  before(async () => {
    server = await startServer({ root: site.root, engine });
  });
  after(async () => {
    await server.close(0);
    site.remove();
  });

  for (const path of ['/a.txt', '/empty.txt', '/large.bin', '/folder', '/missing', '/..']) {
    test(`HEAD says what GET says, without a body: ${path}`, async () => {
      for (const fields of [[], ['Connection: close'], ['Accept-Encoding: gzip']]) {
        const get = await ask(server.address, `GET ${path}`, fields);
        const head = await ask(server.address, `HEAD ${path}`, fields);
        const withoutDate = (text: string): string => text.replace(/^Date: .*\r\n/m, '');
        assert.equal(withoutDate(head.head), withoutDate(get.head));
        assert.equal(get.fields.get('content-length'), String(get.body.length));
      }
    });
  }

  for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'TRACE', 'PROPFIND', 'BREW', 'get', 'Head']) {
    test(`${method} is 405 with Allow, and the connection lives on`, async () => {
      const { client, responses } = await exchange(server.address, `${method} /a.txt HTTP/1.1\r\nHost: test\r\n\r\n`);
      assert.equal(responses[0]?.status, 405);
      assert.equal(responses[0]?.fields.get('allow'), allowed);
      await client.stays('/a.txt');
      client.destroy();
    });
  }

  test('CONNECT is 405', async () => {
    const { client, responses } = await exchange(server.address, 'CONNECT test:80 HTTP/1.1\r\nHost: test:80\r\n\r\n');
    assert.equal(responses[0]?.status, 405);
    client.destroy();
  });

  for (const target of ['*', '/', '/a.txt', '/missing', 'http://test', 'http://test/a.txt']) {
    test(`OPTIONS ${target} tells what is allowed, without a body`, async () => {
      const { client, responses } = await exchange(server.address, `OPTIONS ${target} HTTP/1.1\r\nHost: test\r\n\r\n`);
      const { status, fields } = responses[0]!;
      assert.equal(status, 204);
      assert.equal(fields.get('allow'), allowed);
      assert.equal(fields.get('content-length'), undefined);
      await client.stays('/a.txt');
      client.destroy();
    });
  }

  test('every answer carries Date and nosniff', async () => {
    const beforeSeconds = Math.floor(Date.now() / 1000) - 1;
    for (const line of [
      'GET /a.txt',
      'GET /a.txt',
      'GET /large.bin',
      'GET /missing',
      'POST /a.txt',
      'OPTIONS /',
      'GET /folder',
    ]) {
      const { fields } = await ask(server.address, line);
      assert.equal(fields.get('x-content-type-options'), 'nosniff', line);
      const date = fields.get('date')!;
      assert.match(date, /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/);
      const seconds = Date.parse(date) / 1000;
      assert.ok(seconds >= beforeSeconds && seconds <= Date.now() / 1000, `${line}: ${date}`);
    }
  });
});

forEachEngine('CORS', (engine) => {
  const site = new TestSite({ 'a.txt': 'hello' });
  let server: Server;
  before(async () => {
    server = await startServer({ root: site.root, engine, cors: true });
  });
  after(async () => {
    await server.close(0);
    site.remove();
  });

  test('any origin may read what there is and what there is not', async () => {
    for (const line of ['GET /a.txt', 'GET /a.txt', 'HEAD /a.txt', 'GET /missing']) {
      assert.equal((await ask(server.address, line)).fields.get('access-control-allow-origin'), '*', line);
    }
  });

  test('a preflight is answered with methods and fields, and carries nothing else over', async () => {
    const preflight = ['Origin: http://other', 'Access-Control-Request-Method: GET'];
    const { status, fields } = await ask(server.address, 'OPTIONS /a.txt', [
      ...preflight,
      'Access-Control-Request-Headers: range, x-a',
    ]);
    assert.equal(status, 204);
    assert.equal(fields.get('access-control-allow-origin'), '*');
    assert.equal(fields.get('access-control-allow-methods'), allowed);
    assert.equal(fields.get('access-control-allow-headers'), 'range, x-a');
    const hostile = await ask(server.address, 'OPTIONS /a.txt', [...preflight, 'Access-Control-Request-Headers: <b>']);
    assert.equal(hostile.fields.get('access-control-allow-headers'), undefined);
  });
});
