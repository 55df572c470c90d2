// Files that change while they are served: what shrinks ends its connection and nothing else ever lands in its body, what
// is replaced is served whole from the old inode and then from the new one, at once.

import assert from 'node:assert/strict';
import { linkSync, mkdirSync, renameSync, rmSync, symlinkSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import type { Server } from '../../../src/serve/server.js';
import { until } from '../../support/until.js';
import { ask, parseHead, RawClient } from './client.js';
import { forEachEngine, patterned, startServer, TestSite } from './servers.js';

const mebibyte = 1024 * 1024;
const large = patterned(16 * mebibyte);
const shrunk = 2 * mebibyte;
const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: test\r\n\r\n`;

forEachEngine('files that change', (engine) => {
  const site = new TestSite();
  let server: Server;
  before(async () => {
    server = await startServer({ root: site.root, engine });
  });
  after(async () => {
    await server.close(0);
    site.remove();
  });

  const replace = (path: string, content: string | Uint8Array): void => {
    writeFileSync(site.at(`.${path}.new`), content);
    renameSync(site.at(`.${path}.new`), site.at(path));
  };

  /** Asks for a large file and stops reading after its head; what was asked for behind it waits. */
  const stall = async (path: string, behind = ''): Promise<RawClient> => {
    const client = await RawClient.open(server.address);
    client.send(get(path) + behind);
    const { status, fields } = parseHead(await client.head());
    assert.equal(status, 200);
    assert.equal(fields.get('content-length'), String(large.length));
    client.socket.pause();
    return client;
  };

  for (const [name, behind] of [
    ['alone', ''],
    ['with requests behind it', get('/small.txt') + get('/missing') + get('/small.txt')],
  ] as const) {
    test(`a file that shrinks while it is sent, ${name}: the connection ends at once, in the middle of the body`, async () => {
      site.write('small.txt', 'a second response');
      const path = `shrinks-${behind.length}.bin`;
      site.write(path, large);
      const client = await stall(`/${path}`, behind);
      truncateSync(site.at(path), shrunk);
      client.socket.resume();
      const body = await client.rest();
      assert.ok(body.length < large.length);
      const whole = Math.min(body.length, shrunk);
      assert.ok(body.subarray(0, whole).equals(large.subarray(0, whole)));
      assert.equal(body.indexOf('HTTP/1.1'), -1);
      assert.equal(body.indexOf('a second response'), -1);
      const counts = server.metrics[0]!;
      await until('the truncation to be counted', () => counts.get('truncated') > 0);
      const next = await ask(server.address, `HEAD /${path}`);
      assert.equal(next.fields.get('content-length'), String(shrunk));
    });
  }

  test('a file emptied, and one shrunk between the parts of a multipart body', async () => {
    site.write('emptied.bin', large);
    const client = await stall('/emptied.bin', get('/missing'));
    writeFileSync(site.at('emptied.bin'), '');
    client.socket.resume();
    assert.equal((await client.rest()).indexOf('HTTP/1.1'), -1);
    site.write('parts.bin', large);
    const parts = await RawClient.open(server.address);
    parts.send(
      `GET /parts.bin HTTP/1.1\r\nHost: test\r\nRange: bytes=0-13999999,15000000-15000009\r\n\r\n${get('/missing')}`,
    );
    const { fields } = parseHead(await parts.head());
    parts.socket.pause();
    truncateSync(site.at('parts.bin'), 14_000_000);
    parts.socket.resume();
    const body = await parts.rest();
    assert.ok(body.length < Number(fields.get('content-length')));
    assert.equal(body.indexOf('HTTP/1.1'), -1);
  });

  test('a file that grows while it is sent: as many bytes as were promised, then the next response', async () => {
    site.write('grows.bin', large);
    const client = await stall('/grows.bin', get('/grows.bin'));
    writeFileSync(site.at('grows.bin'), 'more', { flag: 'a' });
    client.socket.resume();
    assert.ok((await client.bytes(large.length)).equals(large));
    const next = await client.response();
    assert.equal(next.body.length, large.length + 4);
    assert.equal(next.body.toString('latin1', large.length), 'more');
    client.destroy();
  });

  test('a file changed in place has another entity tag and its new bytes, at once', async () => {
    const client = await RawClient.open(server.address);
    for (const size of [100, 200_000]) {
      let before = '';
      for (let round = 0; round < 20; round++) {
        const content = String.fromCharCode(97 + round).repeat(size);
        site.write(`inplace-${size}`, content);
        client.send(get(`/inplace-${size}`));
        const response = await client.response();
        assert.equal(response.text, content);
        assert.notEqual(response.fields.get('etag'), before);
        before = response.fields.get('etag')!;
      }
    }
    client.destroy();
  });

  test('a file replaced while it is sent is served whole, the next request gets the new one', async () => {
    site.write('replaced.bin', large);
    const client = await stall('/replaced.bin', get('/replaced.bin'));
    replace('replaced.bin', 'new');
    assert.equal((await ask(server.address, 'GET /replaced.bin')).text, 'new');
    client.socket.resume();
    assert.ok((await client.bytes(large.length)).equals(large));
    assert.equal((await client.response()).text, 'new');
    client.destroy();
  });

  test('a small file replaced is new in the next request, on connections old and new, time after time', async () => {
    site.write('hot.txt', 'first');
    const clients = await Promise.all(Array.from({ length: 4 }, () => RawClient.open(server.address)));
    for (const client of clients) {
      client.send(get('/hot.txt'));
      assert.equal((await client.response()).text, 'first');
    }
    for (let round = 0; round < 200; round++) {
      const content = `round ${round}${'!'.repeat(round % 50)}`;
      replace('hot.txt', content);
      const client = clients[round % clients.length]!;
      client.send(get('/hot.txt').repeat(2));
      assert.equal((await client.response()).text, content);
      assert.equal((await client.response()).text, content);
    }
    for (const client of clients) client.destroy();
  });

  test('while one process replaces a file, every response is one version, whole, and none is older than the last', async () => {
    const versions = { small: 300, large: 300_000 };
    for (const [name, size] of Object.entries(versions)) {
      const content = (version: number): string =>
        `${String(version).padStart(9, '0')}\n`.repeat(size / 10 + (version % 7));
      replace(name, content(0));
      let newest = 0;
      let done = false;
      const readers = Array.from({ length: 3 }, async () => {
        const client = await RawClient.open(server.address);
        while (!done) {
          const least = newest;
          client.send(get(`/${name}`));
          const { text } = await client.response();
          const version = Number(text.slice(0, 9));
          assert.ok(text === content(version), `a mixture: ${text.length} bytes of version ${version}`);
          assert.ok(version >= least, `version ${version} after ${least}`);
        }
        client.destroy();
      });
      for (let version = 1; version <= 100; version++) {
        replace(name, content(version));
        newest = version;
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
      done = true;
      await Promise.all(readers);
    }
  });

  test('while a file is rewritten in place, the framing of the responses holds', async () => {
    site.write('rewritten', 'x');
    let done = false;
    const readers = Array.from({ length: 3 }, async () => {
      let whole = 0;
      while (!done || whole === 0) {
        const client = await RawClient.open(server.address);
        client.send(get('/rewritten') + get('/rewritten') + get('/missing'));
        try {
          for (let index = 0; index < 2; index++) assert.match((await client.response()).text, /^x*$/);
          assert.equal((await client.response()).status, 404);
          whole++;
        } catch (error) {
          // A file that shrank ends its connection; anything else is wrong.
          assert.match((error as Error).message, /^ended/);
        }
        client.destroy();
      }
    });
    for (let round = 0; round < 150; round++) {
      site.write('rewritten', 'x'.repeat((round * 7919) % 200_000));
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    done = true;
    await Promise.all(readers);
  });

  test('a file deleted while it is sent is served whole, then it is not there', async () => {
    site.write('deleted.bin', large);
    site.write('deleted.txt', 'small');
    assert.equal((await ask(server.address, 'GET /deleted.txt')).text, 'small');
    const client = await stall('/deleted.bin', get('/deleted.bin'));
    rmSync(site.at('deleted.bin'));
    rmSync(site.at('deleted.txt'));
    assert.equal((await ask(server.address, 'GET /deleted.txt')).status, 404);
    client.socket.resume();
    assert.ok((await client.bytes(large.length)).equals(large));
    assert.equal((await client.response()).status, 404);
    client.destroy();
  });

  test('a file that comes is there at once, also as an index before another', async () => {
    const client = await RawClient.open(server.address);
    for (let round = 0; round < 20; round++) {
      client.send(get('/comes.txt'));
      assert.equal((await client.response()).status, 404);
      site.write('comes.txt', 'here');
      client.send(get('/comes.txt'));
      assert.equal((await client.response()).text, 'here');
      rmSync(site.at('comes.txt'));
    }
    client.destroy();
  });

  test('a folder renamed, replaced, turned into a file and back', async () => {
    const client = await RawClient.open(server.address);
    const status = async (path: string): Promise<number> => {
      client.send(get(path));
      return (await client.response()).status;
    };
    const text = async (path: string): Promise<string> => {
      client.send(get(path));
      return (await client.response()).text;
    };
    for (let round = 0; round < 10; round++) {
      site.write('tree/deep/a.txt', `a ${round}`);
      assert.equal(await text('/tree/deep/a.txt'), `a ${round}`);
      renameSync(site.at('tree'), site.at('moved'));
      assert.equal(await status('/tree/deep/a.txt'), 404);
      assert.equal(await text('/moved/deep/a.txt'), `a ${round}`);
      writeFileSync(site.at('moved/deep/b'), 'b');
      renameSync(site.at('moved/deep/b'), site.at('moved/deep/a.txt'));
      assert.equal(await text('/moved/deep/a.txt'), 'b');
      rmSync(site.at('moved'), { recursive: true });
      assert.equal(await status('/moved/deep/a.txt'), 404);
      site.write('moved', 'a file');
      assert.equal(await text('/moved'), 'a file');
      rmSync(site.at('moved'));
      mkdirSync(site.at('moved'));
      assert.equal(await status('/moved'), 301);
      rmSync(site.at('moved'), { recursive: true });
    }
    client.destroy();
  });

  test('permissions and times that change are seen', async () => {
    site.write('touched.txt', 'same');
    const etag = (await ask(server.address, 'GET /touched.txt')).fields.get('etag');
    utimesSync(site.at('touched.txt'), 1000, 1000);
    const { fields } = await ask(server.address, 'GET /touched.txt');
    assert.equal(fields.get('etag'), etag, 'the same bytes are the same version');
    assert.equal(fields.get('last-modified'), 'Thu, 01 Jan 1970 00:16:40 GMT');
  });

  test('a change through a name outside the root is seen, if not at once', async () => {
    const other = new TestSite({ 'same.txt': 'before' });
    linkSync(other.at('same.txt'), site.at('hardlink.txt'));
    assert.equal((await ask(server.address, 'GET /hardlink.txt')).text, 'before');
    other.write('same.txt', 'after, longer');
    await until('the change', async () => (await ask(server.address, 'GET /hardlink.txt')).text === 'after, longer');
    other.remove();
  });

  test('an index, and a link to a file, replaced', async () => {
    site.write('site/index.html', 'one');
    symlinkSync('site/index.html', site.at('link.html'));
    const client = await RawClient.open(server.address);
    for (let round = 0; round < 30; round++) {
      writeFileSync(site.at('site/next'), `index ${round}`);
      renameSync(site.at('site/next'), site.at('site/index.html'));
      client.send(get('/site/') + get('/link.html'));
      assert.equal((await client.response()).text, `index ${round}`);
      assert.equal((await client.response()).text, `index ${round}`);
    }
    client.destroy();
  });
});

forEachEngine('a root that changes', (engine) => {
  test('a link that is led elsewhere, a folder that is built anew; what is under way ends whole', async () => {
    const site = new TestSite({ '1/a.txt': 'one', '1/large.bin': large, '2/a.txt': 'two, longer' });
    symlinkSync('1', site.at('current'));
    const server = await startServer({ root: site.at('current'), engine });
    const client = await RawClient.open(server.address);
    client.send(get('/large.bin') + get('/a.txt'));
    parseHead(await client.head());
    client.socket.pause();
    const seen = (text: string): Promise<void> =>
      until(text, async () => (await ask(server.address, 'GET /a.txt')).text === text);
    await seen('one');
    symlinkSync('2', site.at('next'));
    renameSync(site.at('next'), site.at('current'));
    await seen('two, longer');
    client.socket.resume();
    assert.ok((await client.bytes(large.length)).equals(large));
    assert.equal((await client.response()).text, 'two, longer');
    // Gone for a while: what was open is served on, and is empty; then there is another one.
    rmSync(site.at('2'), { recursive: true });
    assert.equal((await ask(server.address, 'GET /a.txt')).status, 404);
    await new Promise((resolve) => setTimeout(resolve, 600));
    site.write('2/a.txt', 'three');
    await seen('three');
    // The new one is watched as the old one was.
    site.write('2/a.txt', 'four');
    assert.equal((await ask(server.address, 'GET /a.txt')).text, 'four');
    client.destroy();
    await server.close(0);
    site.remove();
  });
});
