// What is beneath a file, and what takes its place, from an extension (film-worker.ts): generated lists are sent as files are, with
// ranges, conditions and HEAD; small ones are kept; refusals are one sentence; what waits goes on when it can, and ends with its client.

import assert from 'node:assert/strict';
import { closeSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import type { Server } from '../../../src/serve/server.js';
import { until } from '../../support/until.js';
import { ask, RawClient, type Response } from './client.js';
import { forEachEngine, patterned, startServer, TestSite } from './servers.js';

const entry = new URL('./film-worker.js', import.meta.url);
const film = patterned(3500);
/** As the extension lists it: pieces of 1000 bytes, the last one first, each behind a line. */
const backwards = Buffer.concat(
  [3000, 2000, 1000, 0].flatMap((at) => [Buffer.from(`from ${at}\n`), film.subarray(at, at + 1000)]),
);
const list = '/a.film/backwards';

/** As the extension makes it: a head, and every other piece of ten bytes. */
function segmentOf(bytes: Buffer): Buffer {
  const pieces: Uint8Array[] = [Buffer.from(`segment of ${bytes.length}\n`)];
  for (let at = 0; at < bytes.length; at += 20) pieces.push(bytes.subarray(at, at + 10));
  return Buffer.concat(pieces);
}

interface Account {
  /** Bytes of segments: generated, and by reference. */
  readonly sent: readonly [number, number];
  readonly lists: number;
  readonly lent: number;
  readonly asked: number;
}

async function accountOf(server: Server): Promise<Account> {
  return JSON.parse((await ask(server.address, 'GET /a.film/account')).text) as Account;
}

function replaceWith(site: TestSite, path: string, bytes: Buffer): void {
  site.write(`${path}.new`, bytes);
  renameSync(site.at(`${path}.new`), site.at(path));
}

/** Several requests on one connection: the quick path takes part. */
async function askTwice(server: Server, line: string, fields: readonly string[] = []): Promise<[Response, Response]> {
  const text = [`${line} HTTP/1.1`, 'Host: test', ...fields, '', ''].join('\r\n');
  const client = await RawClient.open(server.address);
  const options = { head: line.startsWith('HEAD ') };
  const first = await client.send(text).response(options);
  const second = await client.send(text).response(options);
  client.destroy();
  return [first, second];
}

forEachEngine(
  'beneath a file',
  (engine) => {
    const site = new TestSite({
      'a.film': film,
      'moved.film': 'the film',
      'plain.txt': 'plain',
      '.hidden.film': 'hidden',
      'dir.film/in.txt': 'in a folder',
      'page/index.html': 'index',
    });
    let server: Server;
    before(async () => {
      server = await startServer({ root: site.root, engine, listing: true }, 1, entry);
    });
    after(async () => {
      await server.close(0);
      site.remove();
    });

    test('a generated list is answered as a file is: whole, HEAD, with validators', async () => {
      const [whole, again] = await askTwice(server, `GET ${list}`);
      assert.equal(whole.status, 200);
      assert.ok(whole.body.equals(backwards));
      assert.equal(whole.fields.get('content-type'), 'application/x-film');
      assert.equal(whole.fields.get('accept-ranges'), 'bytes');
      assert.equal(whole.fields.get('cache-control'), 'no-cache');
      assert.match(whole.fields.get('etag')!, /^"[0-9a-f]{16}"$/);
      assert.equal(again.fields.get('etag'), whole.fields.get('etag'));
      const plain = await ask(server.address, 'GET /a.film');
      assert.notEqual(whole.fields.get('etag'), plain.fields.get('etag'));
      assert.equal(whole.fields.get('last-modified'), plain.fields.get('last-modified'));
      const head = await ask(server.address, `HEAD ${list}`);
      assert.equal(head.fields.get('content-length'), String(backwards.length));
      assert.equal(head.fields.get('etag'), whole.fields.get('etag'));
    });

    test('every single range is the bytes of the whole', async () => {
      const { length } = backwards;
      const client = await RawClient.open(server.address);
      for (let start = 0; start < length; start += 97) {
        const end = Math.min(length, start + ((start * 31) % 2500) + 1);
        const fields = `GET ${list} HTTP/1.1\r\nHost: test\r\nRange: bytes=${start}-${end - 1}\r\n\r\n`;
        const part = await client.send(fields).response();
        assert.equal(part.status, 206);
        assert.equal(part.fields.get('content-range'), `bytes ${start}-${end - 1}/${length}`);
        assert.ok(part.body.equals(backwards.subarray(start, end)), `from ${start} to ${end}`);
      }
      client.destroy();
      const suffix = await ask(server.address, `GET ${list}`, ['Range: bytes=-7']);
      assert.ok(suffix.body.equals(backwards.subarray(length - 7)));
    });

    test('several ranges are parts', async () => {
      const response = await ask(server.address, `GET ${list}`, ['Range: bytes=0-9,1000-1019,3000-3000']);
      assert.equal(response.status, 206);
      const boundary = /boundary=(\w+)$/.exec(response.fields.get('content-type')!)![1]!;
      const parts = response.text.split(`--${boundary}`).slice(1, -1);
      assert.deepEqual(
        parts.map((part) => part.split('\r\n\r\n')[1]!.slice(0, -2)),
        [
          [0, 10],
          [1000, 1020],
          [3000, 3001],
        ].map(([from, to]) => backwards.subarray(from, to).toString('latin1')),
      );
      for (const part of parts) assert.match(part, /Content-Type: application\/x-film/);
    });

    test('conditions, If-Range and 416', async () => {
      const whole = await ask(server.address, `HEAD ${list}`);
      const etag = whole.fields.get('etag')!;
      const status = async (...fields: string[]): Promise<number> =>
        (await ask(server.address, `GET ${list}`, fields)).status;
      assert.equal(await status(`If-None-Match: ${etag}`), 304);
      assert.equal(await status(`If-None-Match: "0000000000000000"`), 200);
      assert.equal(await status(`If-Match: "0000000000000000"`), 412);
      assert.equal(await status(`If-Modified-Since: ${whole.fields.get('last-modified')}`), 304);
      assert.equal(await status('Range: bytes=0-1', `If-Range: ${etag}`), 206);
      assert.equal(await status('Range: bytes=0-1', 'If-Range: "0000000000000000"'), 200);
      const beyond = await ask(server.address, `GET ${list}`, ['Range: bytes=99999-']);
      assert.equal(beyond.status, 416);
      assert.equal(beyond.fields.get('content-range'), `bytes */${backwards.length}`);
      assert.equal((await ask(server.address, `POST ${list}`)).status, 405);
    });

    test('a list is built for bytes alone, and what it lends comes back', async () => {
      const etag = (await ask(server.address, `HEAD ${list}`)).fields.get('etag')!;
      const before = await accountOf(server);
      await ask(server.address, `HEAD ${list}`);
      await ask(server.address, `GET ${list}`, [`If-None-Match: ${etag}`]);
      await ask(server.address, `GET ${list}`, ['Range: bytes=99999-']);
      const between = await accountOf(server);
      // The account itself is one.
      assert.equal(between.lists, before.lists + 1);
      await ask(server.address, `GET ${list}`, ['Range: bytes=0-9,1000-1019']);
      assert.equal((await accountOf(server)).lists, between.lists + 3);
      await until('every lent byte is back', async () => (await accountOf(server)).lent === 0);
    });

    test('a segment that is asked for again is answered from what was made of it, and it is the same', async () => {
      const path = '/kept.film/segment';
      site.write('kept.film', film);
      const expected = segmentOf(film);
      const client = await RawClient.open(server.address);
      const get = (...fields: string[]): Promise<Response> =>
        client.send([`GET ${path} HTTP/1.1`, 'Host: test', ...fields, '', ''].join('\r\n')).response();
      const { sent: start } = await accountOf(server);
      const first = await get();
      assert.ok(first.body.equals(expected));
      await get();
      const before = await accountOf(server);
      for (let round = 0; round < 5; round++) {
        const again = await get();
        assert.ok(again.body.equals(expected), `round ${round}`);
        for (const name of ['etag', 'last-modified', 'content-type', 'x-film', 'cache-control'])
          assert.equal(again.fields.get(name), first.fields.get(name), name);
      }
      const after = await accountOf(server);
      const top = expected.indexOf('\n') + 1;
      const all = [start[0] + 7 * top, start[1] + 7 * (expected.length - top)];
      assert.deepEqual(after.sent, all, 'all seven, and none twice');
      // The accounts are lists, and asked for.
      assert.equal(after.lists, before.lists + 1);
      assert.equal(after.asked, before.asked + 1);
      const part = await get('Range: bytes=5-99');
      assert.equal(part.status, 206);
      assert.ok(part.body.equals(expected.subarray(5, 100)));
      assert.deepEqual((await accountOf(server)).sent, [all[0]! + top - 5, all[1]! + 100 - top]);
      assert.equal((await get(`If-None-Match: ${first.fields.get('etag')}`)).status, 304);
      const head = await ask(server.address, `HEAD ${path}`);
      assert.equal(head.fields.get('content-length'), String(expected.length));
      assert.equal(head.fields.get('etag'), first.fields.get('etag'));
      const last = await ask(server.address, `GET ${path}`, ['Connection: close']);
      assert.ok(last.body.equals(expected));
      const other = patterned(2700).reverse();
      for (const change of [() => site.write('kept.film', other), () => replaceWith(site, 'kept.film', film)]) {
        change();
        const [one, two, three] = [await get(), await get(), await get()];
        const now = segmentOf(readFileSync(site.at('kept.film')));
        for (const each of [one, two, three]) assert.ok(each.body.equals(now));
        assert.notEqual(one.fields.get('etag'), first.fields.get('etag'));
      }
      client.destroy();
      await until('every lent byte is back', async () => (await accountOf(server)).lent === 0);
    });

    test('refusals are one sentence', async () => {
      const refusal = async (name: string): Promise<[number, string, Response]> => {
        const response = await ask(server.address, `GET /a.film/${name}`);
        return [response.status, response.text, response];
      };
      assert.deepEqual((await refusal('gone')).slice(0, 2), [410, 'a.film/gone is of a version that was replaced\n']);
      assert.deepEqual((await refusal('odd')).slice(0, 2), [422, 'the film is encrypted\n']);
      assert.deepEqual((await refusal('unknown')).slice(0, 2), [404, 'there is no such part\n']);
      const [status, text, { fields }] = await refusal('busy');
      assert.deepEqual([status, text, fields.get('retry-after')], [503, 'others are read first\n', '7']);
      assert.equal(fields.get('cache-control'), 'no-cache');
      assert.deepEqual((await refusal('nothing')).slice(0, 2), [404, '404 Not Found\n']);
      assert.equal((await refusal('throw'))[0], 500);
      assert.equal((await refusal('throw-later'))[0], 500);
      assert.equal((await ask(server.address, 'GET /a.film')).status, 200);
    });

    test('what there is no memory for, and what is never ready, is 503', async () => {
      for (const [rest, cause] of [
        ['no-memory', /memory/],
        ['never-ready', /ask again/],
      ] as const) {
        const { status, fields, text } = await ask(server.address, `GET /a.film/${rest}`);
        assert.equal(status, 503, rest);
        assert.ok(fields.get('retry-after') === '1', rest);
        assert.match(text, cause);
      }
    });

    test('a path with thousands of folders is looked at once from its begin to its end', async () => {
      const paths = ['/a'.repeat(3900), `/${'a'.repeat(7799)}`] as const;
      const costsUs = [0, 0];
      for (let count = 0; count < 42; count++) {
        const begin = process.cpuUsage();
        assert.equal((await ask(server.address, `GET ${paths[count % 2]}`)).status, 404);
        if (count > 1) costsUs[count % 2]! += process.cpuUsage(begin).user;
      }
      // Twice what one name takes is usual; decoded from its begin for each folder it took more than ten times as much.
      assert.ok(costsUs[0]! < 5 * costsUs[1]!, `${costsUs} \u00b5s of CPU`);
    });

    test('which paths lead there, and which do not', async () => {
      const get = async (path: string): Promise<string> => {
        const { status, text } = await ask(server.address, `GET ${path}`);
        return `${status} ${text.trimEnd()}`;
      };
      assert.equal(await get('/a.film/'), '200 the page of a.film');
      assert.equal(
        await get('/a%2Efilm/%62ackwards').then((text) => text.slice(0, 15)),
        '200 from 3000\nq'.slice(0, 13) + (await get(list)).slice(13, 15),
      );
      assert.equal(await get('/plain.txt/backwards'), '404 404 Not Found');
      assert.equal(await get('/missing.film/backwards'), '404 404 Not Found');
      assert.equal(await get('/.hidden.film/backwards'), '404 404 Not Found');
      assert.equal(await get('/a.film/.x'), '404 404 Not Found');
      assert.equal(await get('/a.film/../plain.txt'), '404 404 Not Found');
      assert.equal(await get('/dir.film/in.txt'), '200 in a folder');
      assert.equal(await get('/dir.film/in.txt/x'), '404 404 Not Found');
      assert.equal((await ask(server.address, 'GET /dir.film')).status, 301);
      assert.equal(await get('/page/'), '200 index');
      assert.equal(await get(`/${'a.film/'.repeat(500)}x`), '404 404 Not Found');
    });

    test('a file may be sent as it is, as another, or as a part of it', async () => {
      const plain = await askTwice(server, 'GET /a.film');
      for (const { body } of plain) assert.ok(body.equals(film));
      const asked = (await accountOf(server)).asked;
      await askTwice(server, 'GET /a.film');
      // That it is sent as it is was said once.
      assert.equal((await accountOf(server)).asked, asked + 1);
      for (const { text } of await askTwice(server, 'GET /moved.film')) assert.equal(text, 'moved\nthe film');
      for (const { text } of await askTwice(server, 'GET /moved.film?start=4')) assert.equal(text, 'part\nfilm');
      for (const { text } of await askTwice(server, 'GET /moved.film?start=4', ['Range: bytes=5-']))
        assert.equal(text, 'film');
      const part = await askTwice(server, 'GET /a.film?start=3496');
      for (const { text } of part) assert.equal(text, `part\n${film.subarray(3496).toString('latin1')}`);
      for (const { body } of await askTwice(server, 'GET /a.film?v=1')) assert.ok(body.equals(film));
    });
  },
  false,
);

forEachEngine(
  'a small resource',
  (engine) => {
    const site = new TestSite({ 'a.film': film, 'other/second.film': 'second' });
    let server: Server;
    before(async () => {
      server = await startServer({ root: site.root, engine }, 1, entry);
    });
    after(async () => {
      await server.close(0);
      site.remove();
    });
    const get = async (path: string, ...fields: string[]): Promise<Response> =>
      ask(server.address, `GET ${path}`, fields);

    test('is kept, and answered without its handler: whole, ranges, HEAD, 304', async () => {
      const first = await get('/a.film/small');
      const { asked } = await accountOf(server);
      const etag = first.fields.get('etag')!;
      for (const { head, text } of await askTwice(server, 'GET /a.film/small')) {
        assert.equal(text, first.text);
        assert.equal(head.replace(/Date: .*/, ''), first.head.replace(/Date: .*/, ''));
      }
      assert.equal(first.fields.get('cache-control'), 'max-age=5');
      assert.equal(first.fields.get('x-film'), 'yes');
      for (const { text, fields, status } of await askTwice(server, 'GET /a.film/small', ['Range: bytes=6-'])) {
        assert.deepEqual([status, text], [206, first.text.slice(6)]);
        assert.equal(fields.get('etag'), etag);
      }
      const [head] = await askTwice(server, 'HEAD /a.film/small');
      assert.equal(head.fields.get('content-length'), String(first.text.length));
      for (const { status, fields } of await askTwice(server, 'GET /a.film/small', [`If-None-Match: ${etag}`])) {
        assert.deepEqual([status, fields.get('etag'), fields.get('x-film')], [304, etag, 'yes']);
      }
      assert.equal((await accountOf(server)).asked, asked + 1);
      // With a query it may be another, and it is another beneath a slash.
      assert.notEqual((await get('/a.film/small?x')).text, first.text);
      assert.notEqual((await get('/a.film/small/')).text, first.text);
      assert.equal((await get('/a.film/small')).text, first.text);
    });

    test('by the general path it has the same head', async () => {
      const quick = await get('/a.film/small');
      const general = await get('/a.film/small', 'Connection: close', 'X: 1', 'Range: bytes=0-4,8-9');
      assert.equal(general.fields.get('etag'), quick.fields.get('etag'));
      assert.equal(general.fields.get('x-film'), 'yes');
      const whole = await get('/a.film/small', 'Range: x', 'Range: y');
      assert.deepEqual([...whole.fields.keys()], [...quick.fields.keys()]);
      assert.equal(whole.text, quick.text);
    });

    /** What a path is answered with, and whether the handler was asked for it. */
    async function asked(path: string): Promise<[string, boolean]> {
      const before = (await accountOf(server)).asked;
      const { text } = await get(path);
      return [text, (await accountOf(server)).asked - before === 2];
    }

    test('ends when its file, a member elsewhere, or anything beside it changes', async () => {
      await get('/a.film/small');
      assert.deepEqual(await asked('/a.film/small'), ['small, of 3500 bytes', false]);
      site.write('a.film', patterned(1234));
      assert.deepEqual(await asked('/a.film/small'), ['small, of 1234 bytes', true]);
      assert.deepEqual(await asked('/a.film/small'), ['small, of 1234 bytes', false]);
      renameSync(site.at('a.film'), site.at('b.film'));
      assert.equal((await get('/a.film/small')).status, 404);
      renameSync(site.at('b.film'), site.at('a.film'));
      assert.deepEqual(await asked('/a.film/small'), ['small, of 1234 bytes', true]);
      writeFileSync(site.at('a.en.vtt'), 'WEBVTT');
      assert.deepEqual(await asked('/a.film/small'), ['small, of 1234 bytes', true]);
      const [before] = await asked('/a.film/group');
      assert.deepEqual(await asked('/a.film/group'), [before, false]);
      site.write('other/second.film', 'another');
      // Not looked at in the tick of its change: it would be another once more at the next look.
      await new Promise((resolve) => setTimeout(resolve, 100));
      const [changed, again] = await asked('/a.film/group');
      assert.ok(changed !== before && again);
      // A change beside the member has it looked at, and no more.
      site.write('other/third.film', 'third');
      assert.deepEqual(await asked('/a.film/group'), [changed, false]);
      rmSync(site.at('other/second.film'));
      assert.equal((await get('/a.film/group')).status, 404);
      assert.match((await get('/a.film/backwards')).text, /^from 1000\n/);
    });

    test('a folder in the place of its file, and a link to a file', async () => {
      site.write('c.film', 'one');
      await get('/c.film/small');
      rmSync(site.at('c.film'));
      mkdirSync(site.at('c.film'));
      writeFileSync(site.at('c.film/small'), 'of a folder');
      assert.equal((await get('/c.film/small')).text, 'of a folder');
      symlinkSync('a.film', site.at('link.film'));
      // Nobody tells of changes over links: it is asked each time.
      const [text] = await asked('/a.film/small');
      for (let time = 0; time < 3; time++) assert.deepEqual(await asked('/link.film/small'), [text, true]);
    });
  },
  false,
);

forEachEngine(
  'what waits',
  (engine) => {
    const site = new TestSite({ 'a.film': film, 'small.txt': 'small' });
    let server: Server;
    before(async () => {
      server = await startServer({ root: site.root, engine, grace: '2s' }, 1, entry);
    });
    after(async () => {
      await server.close(0);
      site.remove();
    });
    const request = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: test\r\n\r\n`;

    test('goes on when it can, in order, with the film as it is then', async () => {
      const client = await RawClient.open(server.address);
      client.send(request('/a.film/when-there') + request('/small.txt'));
      assert.equal((await ask(server.address, 'GET /small.txt')).text, 'small');
      const other = patterned(777);
      site.write('a.film.new', other);
      renameSync(site.at('a.film.new'), site.at('a.film'));
      site.write('there.txt', 'now');
      assert.ok((await client.response()).body.equals(other));
      assert.equal((await client.response()).text, 'small');
      client.destroy();
      rmSync(site.at('there.txt'));
    });

    test('is refused when its film is gone by then', async () => {
      site.write('b.film', 'soon gone');
      const client = await RawClient.open(server.address);
      client.send(request('/b.film/when-there'));
      await ask(server.address, 'GET /small.txt');
      rmSync(site.at('b.film'));
      assert.equal((await client.response()).status, 404);
      client.destroy();
    });

    test('ends with its client, and harms nobody', async () => {
      const failures = server.metrics[0]!.get('failures');
      const clients = await Promise.all(Array.from({ length: 20 }, () => RawClient.open(server.address)));
      for (const [index, client] of clients.entries()) {
        client.send(request('/a.film/when-there'));
        if (index % 2 === 0) client.socket.resetAndDestroy();
        else client.socket.end();
      }
      const staying = await RawClient.open(server.address);
      staying.send(request('/a.film/when-there'));
      await new Promise((resolve) => setTimeout(resolve, 400));
      site.write('there.txt', 'now');
      assert.equal((await staying.response()).status, 200);
      // Who ended only its sending direction may still read.
      assert.equal((await clients[1]!.response()).status, 200);
      for (const client of [...clients, staying]) client.destroy();
      await until('every connection is gone', () => server.metrics[0]!.get('connectionsOpen') === 0);
      assert.equal(server.metrics[0]!.get('failures'), failures);
      assert.equal((await accountOf(server)).lent, 0);
      rmSync(site.at('there.txt'));
    });

    test('is ended when the server ends', async () => {
      const own = await startServer({ root: site.root, engine }, 1, entry);
      const client = await RawClient.open(own.address);
      client.send(request('/a.film/when-there'));
      await ask(own.address, 'GET /small.txt');
      await own.close(100);
      assert.equal((await client.rest()).length, 0);
    });
  },
  false,
);

forEachEngine(
  'accounts of generated answers',
  (engine) => {
    test('the access log and the metrics say what they say of files', async () => {
      const site = new TestSite({ 'a.film': film });
      const logFile = `${site.root}-${engine}.log`;
      const server = await startServer({ root: site.root, engine, log: 'json', logFile }, 1, entry);
      const written = openSync(logFile, 'r');
      rmSync(logFile);
      await ask(server.address, `GET ${list}`);
      await ask(server.address, `GET ${list}`, ['Range: bytes=0-9']);
      await ask(server.address, `HEAD ${list}`);
      await ask(server.address, 'GET /a.film/gone');
      const lines = (): string[] => readFileSync(`/proc/self/fd/${written}`, 'utf8').split('\n').slice(0, -1);
      await until('four lines', () => lines().length >= 4);
      const said = lines().map((line) => JSON.parse(line) as Record<string, unknown>);
      assert.deepEqual(
        said.map(({ target, status, bodyBytes, way }) => [target, status, bodyBytes, way]),
        [
          [list, 200, backwards.length, 'gather'],
          [list, 206, 10, 'inline'],
          [list, 200, 0, 'none'],
          ['/a.film/gone', 410, 46, 'inline'],
        ],
      );
      const [metrics] = server.metrics;
      assert.deepEqual([metrics!.get('requests', 2), metrics!.get('requests', 4)], [3, 1]);
      assert.equal(metrics!.get('wayBytes', 3), backwards.length);
      await server.close(0);
      closeSync(written);
      site.remove();
    });
  },
  false,
);
