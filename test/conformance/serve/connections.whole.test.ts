// What a connection lives through (RFC 9112 section 9): pipelining in order, also behind a large file; persistence of both
// versions; bodies that nobody wanted; Expect; ends from either side.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, test } from 'node:test';
import type { Server } from '../../../src/serve/server.js';
import { exchange, parseHead, RawClient } from './client.js';
import { forEachEngine, patterned, startServer, TestSite } from './servers.js';

const host = 'Host: test\r\n';
const get = (path: string, fields = ''): string => `GET ${path} HTTP/1.1\r\n${host}${fields}\r\n`;
const post = (fields: string): string => `POST /a.txt HTTP/1.1\r\n${host}${fields}\r\n`;
const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

const large = patterned(64 * 1024 * 1024);
const largeDigest = digest(large);
const medium = patterned(300_000);

/** On any machine sooner than a time limit: a head has 10 s. */
const soonMs = 8000;

forEachEngine('connections', (engine) => {
  const site = new TestSite({ 'a.txt': 'hello', 'b.txt': 'b', 'large.bin': large, 'medium.bin': medium });
  let server: Server;
  before(async () => {
    server = await startServer({ root: site.root, engine });
  });
  after(async () => {
    await server.close(0);
    site.remove();
  });

  test('three at once: a large file, a small one, one that is not there', async () => {
    const client = await RawClient.open(server.address);
    client.send(get('/large.bin') + get('/a.txt') + get('/missing'));
    const first = await client.response({ timeoutMs: 20_000 });
    assert.equal(first.status, 200);
    assert.equal(first.body.length, large.length);
    assert.equal(digest(first.body), largeDigest);
    assert.equal((await client.response()).text, 'hello');
    assert.equal((await client.response()).status, 404);
    await client.stays();
    client.destroy();
  });

  test('a hundred small ones in one write are answered in order', async () => {
    const client = await RawClient.open(server.address);
    const paths = Array.from({ length: 100 }, (_, index) =>
      index % 7 === 0 ? '/nothing' : index % 2 ? '/a.txt' : '/b.txt',
    );
    client.send(paths.map((path) => get(path)).join(''));
    for (const path of paths) {
      const { status, text } = await client.response();
      assert.equal(status, path === '/nothing' ? 404 : 200);
      if (status === 200) assert.equal(text, path === '/a.txt' ? 'hello' : 'b');
    }
    client.destroy();
  });

  test('requests of 200 KiB in all, sent ahead of their answers, are all answered', async () => {
    const client = await RawClient.open(server.address);
    const fields = `X-Padding: ${'p'.repeat(2000)}\r\n`;
    client.send(get('/medium.bin', fields).repeat(100));
    for (let index = 0; index < 100; index++) {
      const { body } = await client.response();
      assert.ok(body.equals(medium), `body ${index}`);
    }
    await client.stays();
    client.destroy();
  });

  test('a request in two pieces, cut at every byte, behind another one', async () => {
    const second = get('/b.txt', 'Accept-Encoding: gzip\r\nX-A: a\r\n');
    for (let cut = 1; cut < second.length; cut += 3) {
      const client = await RawClient.open(server.address);
      client.send(get('/a.txt') + second.slice(0, cut));
      assert.equal((await client.response()).text, 'hello');
      client.send(second.slice(cut));
      assert.equal((await client.response()).text, 'b', `cut at ${cut}`);
      client.destroy();
    }
  });

  test('a client that ends its side gets every answer it asked for, then the end', async () => {
    const client = await RawClient.open(server.address);
    client.send(get('/medium.bin') + get('/a.txt') + get('/missing') + get('/b.txt'));
    client.socket.end();
    assert.ok((await client.response()).body.equals(medium));
    assert.equal((await client.response()).text, 'hello');
    assert.equal((await client.response()).status, 404);
    assert.equal((await client.response()).text, 'b');
    await client.closes(soonMs);
  });

  test('a client that ends its side in the middle of a head is gone', async () => {
    const client = await RawClient.open(server.address);
    client.send('GET /a.txt HTTP/1.1\r\nHo');
    client.socket.end();
    await client.closes(soonMs);
  });

  test('HTTP/1.0 ends unless it asks to be kept, and says so', async () => {
    const { client, responses } = await exchange(server.address, 'GET /a.txt HTTP/1.0\r\n\r\n');
    assert.equal(responses[0]?.text, 'hello');
    assert.equal(responses[0]?.fields.get('connection'), 'close');
    await client.closes();
    const kept = await exchange(server.address, 'GET /a.txt HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n');
    assert.equal(kept.responses[0]?.fields.get('connection'), 'keep-alive');
    await kept.client.stays();
    kept.client.destroy();
  });

  test('Connection: close ends after the answer, and what was pipelined behind it is not answered', async () => {
    for (const value of ['close', 'Close', 'keep-alive, close', 'x-other ,close']) {
      const { client, responses } = await exchange(
        server.address,
        get('/a.txt', `Connection: ${value}\r\n`) + get('/b.txt'),
      );
      assert.equal(responses[0]?.text, 'hello');
      assert.equal(responses[0]?.fields.get('connection'), 'close');
      await client.closes(soonMs);
    }
  });

  test('Connection: close on a large file, much pipelined behind it: the file arrives whole', async () => {
    const client = await RawClient.open(server.address);
    client.send(get('/large.bin', 'Connection: close\r\n') + 'x'.repeat(200_000));
    assert.equal(digest((await client.response({ timeoutMs: 20_000 })).body), largeDigest);
    await client.closes();
  });

  test('Connection: close on small answers, much pipelined behind it: each arrives, and the end is no reset', async () => {
    for (const before of ['', get('/b.txt'), get('/b.txt') + get('/missing')]) {
      const client = await RawClient.open(server.address);
      // Read only when the server is done: a reset throws away what was not read by then.
      client.socket.pause();
      client.send(before + get('/a.txt', 'Connection: close\r\n') + get('/b.txt').repeat(3000));
      await new Promise((resolve) => setTimeout(resolve, 200));
      client.socket.resume();
      if (before !== '') assert.equal((await client.response()).text, 'b');
      if (before.includes('missing')) assert.equal((await client.response()).status, 404);
      assert.equal((await client.response()).text, 'hello');
      await client.closes();
      assert.equal(client.error, undefined);
      client.destroy();
    }
  });

  test('a short body that nobody wanted is skipped, however it comes', async () => {
    for (const [fields, body] of [
      ['Content-Length: 10000\r\n', 'G'.repeat(10_000)],
      ['Content-Length: 65536\r\n', 'G'.repeat(65_536)],
      ['Transfer-Encoding: chunked\r\n', `${'4\r\nGET \r\n'.repeat(1000)}0\r\n\r\n`],
    ] as const) {
      const client = await RawClient.open(server.address);
      client.send(post(fields) + body + get('/a.txt'));
      assert.equal((await client.response()).status, 405);
      assert.equal((await client.response()).text, 'hello');
      client.send(post(fields));
      assert.equal((await client.response()).status, 405);
      for (let at = 0; at < body.length; at += 7000) {
        client.send(body.slice(at, at + 7000));
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      await client.stays();
      client.destroy();
    }
  });

  test('a body over the bound ends the connection, after its answer could be read', async () => {
    for (const [fields, prefix] of [
      ['Content-Length: 1000000000\r\n', ''],
      ['Transfer-Encoding: chunked\r\n', '3B9ACA00\r\n'],
    ] as const) {
      const client = await RawClient.open(server.address);
      client.send(post(fields) + prefix);
      client.send('G'.repeat(100_000));
      assert.equal((await client.response()).status, 405);
      await client.closes();
      client.destroy();
    }
  });

  test('a client that sends without end is not read without end', async () => {
    const client = await RawClient.open(server.address);
    client.send(post('Content-Length: 1000000000\r\n'));
    const piece = Buffer.alloc(64 * 1024, 'G');
    let sent = 0;
    while (!client.socket.destroyed && sent < 64 * 1024 * 1024) {
      if (!client.socket.write(piece)) {
        await new Promise<void>((resolve) => {
          client.socket.once('drain', resolve);
          client.socket.once('close', () => resolve());
        });
      }
      sent += piece.length;
    }
    assert.ok(sent < 64 * 1024 * 1024, `took ${sent} bytes`);
  });

  test('Expect: 100-continue gets the final answer at once and no interim one; the connection ends', async () => {
    for (const method of ['POST', 'GET']) {
      const { client, responses } = await exchange(
        server.address,
        `${method} /a.txt HTTP/1.1\r\n${host}Expect: 100-continue\r\nContent-Length: 5\r\n\r\n`,
      );
      assert.equal(responses[0]?.status, method === 'GET' ? 200 : 405);
      assert.equal(responses[0]?.fields.get('connection'), 'close');
      await client.closes();
    }
  });

  test('Expect without a body changes nothing', async () => {
    const { client, responses } = await exchange(server.address, get('/a.txt', 'Expect: 100-continue\r\n'));
    assert.equal(responses[0]?.status, 200);
    await client.stays();
    client.destroy();
  });

  test('after 304, HEAD and 204 the next answer begins where it should', async () => {
    const client = await RawClient.open(server.address);
    client.send(get('/a.txt'));
    const etag = (await client.response()).fields.get('etag')!;
    client.send(
      get('/a.txt', `If-None-Match: ${etag}\r\n`) +
        `HEAD /large.bin HTTP/1.1\r\n${host}\r\nOPTIONS / HTTP/1.1\r\n${host}\r\n${get('/b.txt')}`,
    );
    assert.equal((await client.response()).status, 304);
    assert.equal((await client.response({ head: true })).fields.get('content-length'), String(large.length));
    assert.equal((await client.response()).status, 204);
    assert.equal((await client.response()).text, 'b');
    client.destroy();
  });

  test('an aborted transfer leaves nothing open', async () => {
    const clients = await Promise.all(Array.from({ length: 20 }, () => RawClient.open(server.address)));
    for (const client of clients) client.send(get('/large.bin') + get('/a.txt'));
    for (const client of clients) {
      assert.equal(parseHead(await client.head()).status, 200);
      client.destroy();
    }
    const probe = await RawClient.open(server.address);
    await probe.stays('/a.txt');
    probe.destroy();
  });
});
