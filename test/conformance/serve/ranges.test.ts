// Ranges (RFC 9110 section 14): single, suffix, open, several, If-Range, and what cannot be satisfied; against a small file
// and one that leaves by sendfile.

import assert from 'node:assert/strict';
import { utimesSync } from 'node:fs';
import { after, before, test } from 'node:test';
import type { Server } from '../../../src/serve/server.js';
import { ask, parseHead, RawClient } from './client.js';
import { forEachEngine, patterned, startServer, TestSite } from './servers.js';

const modified = 'Sun, 06 Nov 1994 08:49:37 GMT';
const small = Buffer.from('0123456789');
const large = patterned(1_000_000);

/** Against the ten bytes: the range given, first and last, or the status. */
const singles: ReadonlyArray<readonly [range: string, expected: readonly [number, number] | 200 | 416]> = [
  ['bytes=0-0', [0, 0]],
  ['bytes=0-9', [0, 9]],
  ['bytes=2-5', [2, 5]],
  ['bytes=2-', [2, 9]],
  ['bytes=9-', [9, 9]],
  ['bytes=9-9', [9, 9]],
  ['bytes=0-99', [0, 9]],
  ['bytes=5-99999999999999999999', [5, 9]],
  ['bytes=-3', [7, 9]],
  ['bytes=-10', [0, 9]],
  ['bytes=-99', [0, 9]],
  ['Bytes=1-2', [1, 2]],
  ['bytes= 1-2 ', [1, 2]],
  ['bytes=,1-2,', [1, 2]],
  ['bytes=10-', 416],
  ['bytes=10-20', 416],
  ['bytes=99999999999999999999-', 416],
  ['bytes=-0', 416],
  ['bytes=10-,20-30', 416],
  ['bytes=5-2', 200],
  ['bytes=', 200],
  ['bytes', 200],
  ['bytes=a-b', 200],
  ['bytes=1', 200],
  ['bytes=1-2-3', 200],
  ['bytes=--1', 200],
  ['bytes=0x1-2', 200],
  ['bytes 1-2', 200],
  ['items=0-1', 200],
  ['bytes=0-1;2-3', 200],
  // Together more than the whole: RFC 9110 section 14.2 lets a server ignore it.
  ['bytes=0-9,0-9', 200],
];

interface Part {
  readonly type: string | undefined;
  readonly range: string | undefined;
  readonly body: Buffer;
}

/** Takes a multipart/byteranges body apart, byte by byte as RFC 2046 section 5.1 has it. */
function partsOf(body: Buffer, contentType: string): Part[] {
  const boundary = /^multipart\/byteranges; boundary=([0-9a-zA-Z]+)$/.exec(contentType)?.[1];
  assert.ok(boundary !== undefined, contentType);
  const parts: Part[] = [];
  let rest = body;
  for (let delimiter = `--${boundary}\r\n`; ; delimiter = `\r\n--${boundary}\r\n`) {
    if (rest.toString('latin1') === `\r\n--${boundary}--\r\n`) return parts;
    assert.equal(rest.toString('latin1', 0, delimiter.length), delimiter);
    const headEnd = rest.indexOf('\r\n\r\n') + 4;
    const { fields } = parseHead(`HTTP/1.1 206 Part\r\n${rest.toString('latin1', delimiter.length, headEnd)}`);
    const [, first, last] = /^bytes (\d+)-(\d+)\/\d+$/.exec(fields.get('content-range')!)!;
    const end = headEnd + Number(last) - Number(first) + 1;
    parts.push({
      type: fields.get('content-type'),
      range: fields.get('content-range'),
      body: rest.subarray(headEnd, end),
    });
    rest = rest.subarray(end);
  }
}

forEachEngine('ranges', (engine) => {
  const site = new TestSite({ 'small.txt': small, 'large.bin': large, 'empty.txt': '' });
  let server: Server;
  before(async () => {
    for (const name of ['small.txt', 'large.bin']) utimesSync(site.at(name), 784_111_777, 784_111_777);
    server = await startServer({ root: site.root, engine, cacheControl: 'public, max-age=60' });
  });
  after(async () => {
    await server.close(0);
    site.remove();
  });

  for (const [range, expected] of singles) {
    test(`${range}: ${Array.isArray(expected) ? expected.join('-') : expected}`, async () => {
      const { status, fields, text } = await ask(server.address, 'GET /small.txt', [`Range: ${range}`]);
      if (expected === 200) {
        assert.equal(status, 200);
        assert.equal(text, '0123456789');
        assert.ok(!fields.has('content-range'));
      } else if (expected === 416) {
        assert.equal(status, 416);
        assert.equal(fields.get('content-range'), 'bytes */10');
        assert.doesNotMatch(fields.get('cache-control') ?? '', /max-age|public/);
      } else {
        const [first, last] = expected as readonly [number, number];
        assert.equal(status, 206);
        assert.equal(fields.get('content-range'), `bytes ${first}-${last}/10`);
        assert.equal(fields.get('content-length'), String(last - first + 1));
        assert.equal(fields.get('content-type'), 'text/plain; charset=utf-8');
        assert.equal(text, '0123456789'.slice(first, last + 1));
      }
    });
  }

  test('ranges of a large file are its bytes', async () => {
    for (const [first, last] of [
      [0, 0],
      [1, 700_000],
      [999_999, 999_999],
      [4095, 4097],
      [524_287, 524_289],
    ] as const) {
      const { status, body, fields } = await ask(server.address, 'GET /large.bin', [`Range: bytes=${first}-${last}`]);
      assert.equal(status, 206);
      assert.equal(fields.get('content-range'), `bytes ${first}-${last}/1000000`);
      assert.ok(body.equals(large.subarray(first, last + 1)), `${first}-${last}`);
    }
  });

  test('every answer for a file says that ranges are understood', async () => {
    for (const path of ['/small.txt', '/large.bin', '/empty.txt']) {
      assert.equal((await ask(server.address, `GET ${path}`)).fields.get('accept-ranges'), 'bytes', path);
      assert.equal((await ask(server.address, `HEAD ${path}`)).fields.get('accept-ranges'), 'bytes', path);
    }
  });

  test('an empty file has no range', async () => {
    assert.equal((await ask(server.address, 'GET /empty.txt', ['Range: bytes=0-'])).status, 416);
    assert.equal((await ask(server.address, 'GET /empty.txt', ['Range: bytes=-5'])).status, 200);
  });

  test('Range counts for GET alone', async () => {
    const { status, fields } = await ask(server.address, 'HEAD /small.txt', ['Range: bytes=0-1']);
    assert.equal(status, 200);
    assert.equal(fields.get('content-length'), '10');
    assert.equal((await ask(server.address, 'GET /missing', ['Range: bytes=0-1'])).status, 404);
  });

  test('several ranges are the parts of one body', async () => {
    for (const [path, whole, specs] of [
      ['/small.txt', small, ['0-1', '4-5', '8-8']],
      ['/large.bin', large, ['0-0', '999000-', '5000-60000']],
    ] as const) {
      const response = await ask(server.address, `GET ${path}`, [`Range: bytes=${specs.join(', ')}`]);
      assert.equal(response.status, 206);
      assert.ok(!response.fields.has('content-range'));
      const parts = partsOf(response.body, response.fields.get('content-type')!);
      assert.equal(parts.length, 3);
      for (const [index, spec] of specs.entries()) {
        const [first = '', last = ''] = spec.split('-');
        const end = last === '' ? whole.length : Number(last) + 1;
        assert.equal(parts[index]?.range, `bytes ${first}-${end - 1}/${whole.length}`);
        assert.equal(
          parts[index]?.type,
          path === '/small.txt' ? 'text/plain; charset=utf-8' : 'application/octet-stream',
        );
        assert.ok(parts[index]?.body.equals(whole.subarray(Number(first), end)));
      }
    }
  });

  test('parts are kept apart from what is pipelined behind them', async () => {
    const client = await RawClient.open(server.address);
    const request = 'GET /large.bin HTTP/1.1\r\nHost: test\r\nRange: bytes=1-300000,400000-\r\n\r\n';
    client.send(`${request}GET /small.txt HTTP/1.1\r\nHost: test\r\n\r\n${request}`);
    for (const path of ['large', 'small', 'large']) {
      const { body, fields } = await client.response();
      if (path === 'small') assert.ok(body.equals(small));
      else assert.equal(partsOf(body, fields.get('content-type')!).length, 2);
    }
    client.destroy();
  });

  test('ranges that touch or overlap become one; what is outside is left out', async () => {
    const touching = await ask(server.address, 'GET /small.txt', ['Range: bytes=0-2,3-5']);
    assert.equal(touching.fields.get('content-range'), 'bytes 0-5/10');
    assert.equal(touching.text, '012345');
    const overlapping = await ask(server.address, 'GET /small.txt', ['Range: bytes=4-6,1-5']);
    assert.equal(overlapping.fields.get('content-range'), 'bytes 1-6/10');
    const outside = await ask(server.address, 'GET /small.txt', ['Range: bytes=1-2,20-30']);
    assert.equal(outside.status, 206);
    assert.equal(outside.text, '12');
  });

  test('more ranges than anybody needs are ignored', async () => {
    const many = Array.from({ length: 101 }, (_, index) => `${index * 10}-${index * 10}`).join(',');
    assert.equal((await ask(server.address, 'GET /large.bin', [`Range: bytes=${many}`])).status, 200);
    const enough = Array.from({ length: 100 }, (_, index) => `${index * 10}-${index * 10}`).join(',');
    const { body, fields } = await ask(server.address, 'GET /large.bin', [`Range: bytes=${enough}`]);
    assert.equal(partsOf(body, fields.get('content-type')!).length, 100);
    const zeros = `bytes=${'0-,'.repeat(3000)}0-`;
    assert.equal((await ask(server.address, 'GET /large.bin', [`Range: ${zeros}`])).status, 200);
  });

  test('a 206 carries the validators of the whole', async () => {
    const whole = await ask(server.address, 'GET /small.txt');
    for (const range of ['0-1', '0-1,4-5']) {
      const { fields } = await ask(server.address, 'GET /small.txt', [`Range: bytes=${range}`]);
      for (const name of ['etag', 'last-modified', 'cache-control', 'vary']) {
        assert.equal(fields.get(name), whole.fields.get(name), name);
      }
      assert.ok(fields.has('date'));
    }
  });

  test('If-Range: a strong tag or the exact date, else the whole', async () => {
    const etag = (await ask(server.address, 'GET /small.txt')).fields.get('etag')!;
    for (const [value, status] of [
      [etag, 206],
      // A date that was set says nothing about the version: another one may have the same.
      [modified, 200],
      ['Sunday, 06-Nov-94 08:49:37 GMT', 200],
      [`W/${etag}`, 200],
      ['"other"', 200],
      ['Sun, 06 Nov 1994 08:49:36 GMT', 200],
      ['Sun, 06 Nov 1994 08:49:38 GMT', 200],
      ['nonsense', 200],
      [`${etag}, ${etag}`, 200],
      ['*', 200],
    ] as const) {
      const response = await ask(server.address, 'GET /small.txt', ['Range: bytes=0-1', `If-Range: ${value}`]);
      assert.equal(response.status, status, value);
      assert.equal(response.text, status === 206 ? '01' : '0123456789');
    }
    site.write('written.txt', '0123456789');
    const written = (await ask(server.address, 'GET /written.txt')).fields.get('last-modified')!;
    for (const [value, status] of [
      [written, 206],
      ['Sun, 06 Nov 1994 08:49:37 GMT', 200],
    ] as const) {
      const response = await ask(server.address, 'GET /written.txt', ['Range: bytes=0-1', `If-Range: ${value}`]);
      assert.equal(response.status, status, value);
    }
    const unsatisfiable = await ask(server.address, 'GET /small.txt', ['Range: bytes=99-', 'If-Range: "other"']);
    assert.equal(unsatisfiable.status, 200);
    assert.equal((await ask(server.address, 'GET /small.txt', [`If-Range: ${etag}`])).status, 200);
  });
});
