// RFC 9112: what is a request and what is refused, where one request ends and the next begins, and which connections
// live on. Everything goes over raw sockets to a server on each engine.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Server } from '../../../src/serve/server.js';
import { exchange, RawClient } from './client.js';
import { forEachEngine, startServer, TestSite } from './servers.js';

const host = 'Host: test\r\n';
const get = `GET /a.txt HTTP/1.1\r\n${host}`;

/** Each is refused with the status named, and the connection ends: what follows could be anything. */
const refused: ReadonlyArray<readonly [name: string, status: number, request: string]> = [
  ['no Host', 400, 'GET /a.txt HTTP/1.1\r\n\r\n'],
  ['two Hosts', 400, `${get}Host: test\r\n\r\n`],
  ['two different Hosts', 400, `${get}Host: other\r\n\r\n`],
  ['a list as Host', 400, 'GET /a.txt HTTP/1.1\r\nHost: a, b\r\n\r\n'],
  ['Host with user information', 400, 'GET /a.txt HTTP/1.1\r\nHost: me@test\r\n\r\n'],
  ['bare CR in a value', 400, `${get}X-A: a\rb\r\n\r\n`],
  ['bare CR as line end', 400, `${get}X-A: a\rX-B: b\r\n\r\n`],
  ['bare LF as line end', 400, 'GET /a.txt HTTP/1.1\nHost: test\n\n'],
  ['bare LF after a field', 400, `${get}X-A: a\nX-B: b\r\n\r\n`],
  ['space before colon', 400, `${get}X-A : a\r\n\r\n`],
  ['tab before colon', 400, `${get}X-A\t: a\r\n\r\n`],
  ['space before the first field', 400, 'GET /a.txt HTTP/1.1\r\n Host: test\r\n\r\n'],
  ['obs-fold', 400, `${get}X-A: a\r\n b\r\n\r\n`],
  ['field without colon', 400, `${get}X-A\r\n\r\n`],
  ['field without name', 400, `${get}: a\r\n\r\n`],
  ['NUL in a value', 400, `${get}X-A: a\0b\r\n\r\n`],
  ['NUL in the target', 400, `GET /a\0.txt HTTP/1.1\r\n${host}\r\n`],
  ['raw non-ASCII in the target', 400, `GET /\xe4 HTTP/1.1\r\n${host}\r\n`],
  ['two spaces before the target', 400, `GET  /a.txt HTTP/1.1\r\n${host}\r\n`],
  ['two spaces before the version', 400, `GET /a.txt  HTTP/1.1\r\n${host}\r\n`],
  ['no target', 400, `GET HTTP/1.1\r\n${host}\r\n`],
  ['fragment in the target', 400, `GET /a.txt#top HTTP/1.1\r\n${host}\r\n`],
  ['HTTP/0.9', 400, 'GET /a.txt\r\n\r\n'],
  ['lower-case version', 400, `GET /a.txt http/1.1\r\n${host}\r\n`],
  ['HTTP/2.0', 505, `GET /a.txt HTTP/2.0\r\n${host}\r\n`],
  ['the preface of HTTP/2', 505, 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ['a TLS handshake', 400, '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
  ['relative target', 400, `GET a.txt HTTP/1.1\r\n${host}\r\n`],
  ['asterisk for GET', 400, `GET * HTTP/1.1\r\n${host}\r\n`],
  ['absolute-form of another scheme', 400, `GET ftp://test/a.txt HTTP/1.1\r\n${host}\r\n`],
  [
    'Content-Length with Transfer-Encoding',
    400,
    `${get}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  ],
  [
    'Transfer-Encoding with Content-Length',
    400,
    `${get}Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n`,
  ],
  ['two Content-Lengths', 400, `${get}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab`],
  ['two equal Content-Lengths', 400, `${get}Content-Length: 1\r\nContent-Length: 1\r\n\r\na`],
  ['a list as Content-Length', 400, `${get}Content-Length: 1, 1\r\n\r\na`],
  ['signed Content-Length', 400, `${get}Content-Length: +1\r\n\r\na`],
  ['negative Content-Length', 400, `${get}Content-Length: -1\r\n\r\na`],
  ['hexadecimal Content-Length', 400, `${get}Content-Length: 0x1\r\n\r\na`],
  ['empty Content-Length', 400, `${get}Content-Length:\r\n\r\n`],
  ['enormous Content-Length', 400, `${get}Content-Length: 99999999999999999999999\r\n\r\n`],
  ['TE that does not end in chunked', 400, `${get}Transfer-Encoding: chunked, gzip\r\n\r\n`],
  ['TE without chunked', 400, `${get}Transfer-Encoding: gzip\r\n\r\n`],
  ['TE chunked twice', 400, `${get}Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n`],
  ['TE identity', 400, `${get}Transfer-Encoding: identity\r\n\r\n`],
  ['TE with something before chunked', 501, `${get}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`],
  ['TE in HTTP/1.0', 400, `GET /a.txt HTTP/1.0\r\n${host}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
  ['a method that is too long', 501, `${'A'.repeat(40)} /a.txt HTTP/1.1\r\n${host}\r\n`],
  ['a target that is too long', 414, `GET /${'a'.repeat(8192)} HTTP/1.1\r\n${host}\r\n`],
  ['a field that is too long', 431, `${get}X-A: ${'a'.repeat(20_000)}\r\n\r\n`],
  ['too many fields', 431, `${get}${'X-A: a\r\n'.repeat(101)}\r\n`],
];

/** Each is served, and the connection lives on. */
const accepted: ReadonlyArray<readonly [name: string, request: string]> = [
  ['absolute-form', `GET http://test/a.txt HTTP/1.1\r\n${host}\r\n`],
  ['absolute-form of another host, which wins over Host', `GET http://other:8080/a.txt HTTP/1.1\r\n${host}\r\n`],
  ['absolute-form in upper case', `GET HTTP://test/a.txt HTTP/1.1\r\n${host}\r\n`],
  ['absolute-form of https', `GET https://test/a.txt HTTP/1.1\r\n${host}\r\n`],
  ['an empty line before', `\r\n${get}\r\n`],
  ['many empty lines before', `${'\r\n'.repeat(9)}${get}\r\n`],
  ['a query', `GET /a.txt?x=/../y%00 HTTP/1.1\r\n${host}\r\n`],
  ['an escaped letter', `GET /%61.txt HTTP/1.1\r\n${host}\r\n`],
  ['a later minor version', `GET /a.txt HTTP/1.2\r\n${host}\r\n`],
  ['Host with a port', 'GET /a.txt HTTP/1.1\r\nHost: test:8080\r\n\r\n'],
  ['an IPv6 Host', 'GET /a.txt HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n'],
  ['an empty Host', 'GET /a.txt HTTP/1.1\r\nHost:\r\n\r\n'],
  ['names in any case', 'GET /a.txt HTTP/1.1\r\nhOsT: test\r\ncOnNeCtIoN: kEeP-aLiVe\r\n\r\n'],
  ['blanks around a value', 'GET /a.txt HTTP/1.1\r\nHost: \t test\t \r\n\r\n'],
  ['an empty value', `${get}X-A:\r\n\r\n`],
  ['obs-text in a value', `${get}X-A: \xe4\xf6\r\n\r\n`],
  ['HTTP/1.0 that asks to be kept', `GET /a.txt HTTP/1.0\r\nConnection: keep-alive\r\n\r\n`],
  ['Content-Length: 0', `${get}Content-Length: 0\r\n\r\n`],
  ['a body by length', `${get}Content-Length: 5\r\n\r\nGET /`],
  ['a body in chunks', `${get}Transfer-Encoding: chunked\r\n\r\n5\r\nGET /\r\n0\r\n\r\n`],
  [
    'chunks with extensions and trailers',
    `${get}Transfer-Encoding: CHUNKED\r\n\r\nA;n=v;q="\\"x"\r\n0123456789\r\n00;x\r\nX-T: t\r\n\r\n`,
  ],
  ['an empty TE list member', `${get}Transfer-Encoding: , chunked\r\n\r\n0\r\n\r\n`],
];

/** Bodies that end the connection: nobody knows where the next request begins. Nothing is answered beside the first. */
const brokenBodies: ReadonlyArray<readonly [name: string, body: string]> = [
  ['chunk size that is none', 'xyz\r\n'],
  ['chunk size with a sign', '+5\r\nhello\r\n0\r\n\r\n'],
  ['chunk size with a prefix', '0x5\r\nhello\r\n0\r\n\r\n'],
  ['no chunk size', '\r\n\r\n'],
  ['enormous chunk size', 'FFFFFFFFFFFFFFFFF\r\n'],
  ['chunk data that is too long', '5\r\nhelloo\r\n0\r\n\r\n'],
  ['chunk data that is too short', '5\r\nhell\r\n0\r\n\r\n'],
  ['bare LF behind the size', '5\nhello\r\n0\r\n\r\n'],
  ['bare CR behind the size', '5\rhello\r\n0\r\n\r\n'],
  ['a blank before the size', ' 5\r\nhello\r\n0\r\n\r\n'],
  ['control in an extension', '5;\x01\r\nhello\r\n0\r\n\r\n'],
  ['newline in an extension', '5;a=b\nX\r\nhello\r\n0\r\n\r\n'],
  ['a trailer without colon', '0\r\nX-T\r\n\r\n'],
  ['a folded trailer', '0\r\nX-T: a\r\n b\r\n\r\n'],
];

forEachEngine('framing', (engine) => {
  const site = new TestSite({ 'a.txt': 'hello', 'index.html': 'index' });
  let server: Server;
  before(async () => {
    server = await startServer({ root: site.root, engine });
  });
  after(async () => {
    await server.close(0);
    site.remove();
  });

  for (const [name, status, request] of refused) {
    test(`refused with ${status}: ${name}`, async () => {
      const { client, responses } = await exchange(server.address, request);
      assert.equal(responses[0]?.status, status);
      assert.equal(responses[0]?.fields.get('connection'), 'close');
      client.send(`${get}\r\n`);
      await client.closes();
    });
    if (request.length > 300) continue;
    test(`refused with ${status}, a byte at a time: ${name}`, async () => {
      const client = await RawClient.open(server.address);
      for (const character of request) {
        client.send(character);
        await new Promise((resolve) => setImmediate(resolve));
        if (client.waiting > 0) break;
      }
      assert.equal((await client.response()).status, status);
      await client.closes();
    });
  }

  for (const [name, request] of accepted) {
    test(`served: ${name}`, async () => {
      const { client, responses } = await exchange(server.address, request);
      assert.equal(responses[0]?.status, 200);
      assert.equal(responses[0]?.text, 'hello');
      // Twice, so that the second is answered from the frame, and what came as a body is not read as a request.
      client.send(request);
      assert.equal((await client.response()).text, 'hello');
      await client.stays();
      client.destroy();
    });
  }

  for (const [name, body] of brokenBodies) {
    test(`ends: ${name}`, async () => {
      const request = `POST /a.txt HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n${body}${get}\r\n`;
      const { client, responses } = await exchange(server.address, request);
      assert.equal(responses[0]?.status, 405);
      await client.closes();
    });
  }
});
