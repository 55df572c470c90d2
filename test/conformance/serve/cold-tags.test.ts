// A small file that is not in memory has the entity tag of its content from its first answer on, whatever is asked: one version, one tag.

import assert from 'node:assert/strict';
import { closeSync, fsyncSync, openSync } from 'node:fs';
import { test } from 'node:test';
import { formatTag, tagOfContent, words } from '../../../src/serve/identity.js';
import { becomesCold } from '../../support/page-cache.js';
import { ask, RawClient } from './client.js';
import { forEachEngine, patterned, startServer, TestSite } from './servers.js';

const content = patterned(9000);
const coded = patterned(700);

function tagOf(bytes: Buffer, coding = 0): string {
  tagOfContent(bytes, 0, bytes.length, coding);
  return formatTag(words.high, words.low);
}

/** Later than any file here is written, however long that takes. */
const later = new Date(Date.now() + 3_600_000).toUTCString();

/** What may be asked of a file first. */
const firsts: ReadonlyArray<readonly [status: number, method: string, ...fields: string[]]> = [
  [200, 'GET'],
  [200, 'HEAD'],
  [200, 'GET', 'Connection: close'],
  [200, 'GET', 'If-None-Match: "0"'],
  [200, 'GET', 'If-None-Match: "0", "1"'],
  [304, 'GET', `If-Modified-Since: ${later}`],
  [304, 'GET', `If-None-Match: ${tagOf(content)}`],
  [304, 'GET', `If-None-Match: "0", ${tagOf(content)}`],
  [206, 'GET', 'Range: bytes=1-2'],
  [206, 'GET', 'Range: bytes=1-2, 5-9'],
  [206, 'GET', 'Range: bytes=1-2', `If-Range: ${tagOf(content)}`],
  [200, 'GET', 'Range: bytes=1-2', 'If-Range: "0"'],
  [416, 'GET', 'Range: bytes=90000-'],
  [412, 'GET', 'If-Match: "0"'],
  [200, 'GET', `If-Match: ${tagOf(content)}`],
];

function makeCold(site: TestSite, path: string, bytes: number): boolean {
  const fd = openSync(site.at(path), 'r');
  fsyncSync(fd);
  const isCold = becomesCold(fd, bytes);
  closeSync(fd);
  return isCold;
}

forEachEngine('a small file that is not in memory', (engine) => {
  test('has one tag, whatever is asked first', async (context) => {
    const site = new TestSite();
    const server = await startServer({ root: site.root, engine });
    let cold = 0;
    for (const [index, [status, method, ...fields]] of firsts.entries()) {
      const path = `${index}.bin`;
      site.write(path, content);
      if (makeCold(site, path, content.length)) cold++;
      const what = `${method} ${fields.join(', ')}`;
      const first = await ask(server.address, `${method} /${path}`, fields);
      assert.equal(first.status, status, what);
      assert.equal(first.fields.get('etag'), tagOf(content), what);
      if (status === 200 && method === 'GET') assert.equal(first.body.compare(content), 0, what);
      const second = await ask(server.address, `GET /${path}`);
      assert.equal(second.fields.get('etag'), tagOf(content), `after ${what}`);
      assert.equal(second.body.compare(content), 0);
    }
    context.diagnostic(`${cold} of ${firsts.length} files were cold`);
    assert.equal(server.metrics[0]!.get('failures'), 0);
    await server.close(0);
    site.remove();
  });

  test('has one tag in its codings as well', async () => {
    const site = new TestSite({ 'a.js': content, 'a.js.br': coded, 'b.js.br': coded });
    const server = await startServer({ root: site.root, engine });
    for (const path of ['a.js', 'b.js']) {
      for (const name of [path, `${path}.br`])
        if (name !== 'b.js') makeCold(site, name, name.endsWith('.br') ? coded.length : content.length);
      for (let round = 0; round < 2; round++) {
        const { fields, body } = await ask(server.address, `GET /${path}`, ['Accept-Encoding: br']);
        assert.equal(fields.get('content-encoding'), 'br', path);
        assert.equal(fields.get('etag'), tagOf(coded, 1), path);
        assert.equal(body.compare(coded), 0);
      }
    }
    assert.equal((await ask(server.address, 'GET /a.js')).fields.get('etag'), tagOf(content));
    await server.close(0);
    site.remove();
  });

  test('has that of each version, and whose client leaves harms nobody', async () => {
    const site = new TestSite({ 'a.txt': 'hello' });
    const server = await startServer({ root: site.root, engine });
    for (let round = 0; round < 8; round++) {
      const text = `round ${round}`.padEnd(5000, '.');
      site.write('b.txt', text);
      makeCold(site, 'b.txt', text.length);
      const leaving = await RawClient.open(server.address);
      leaving.send('GET /b.txt HTTP/1.1\r\nHost: test\r\n\r\n');
      leaving.destroy();
      const answers = await Promise.all(
        Array.from({ length: 4 }, () => ask(server.address, 'GET /b.txt', ['If-None-Match: "0", "1"'])),
      );
      for (const answer of answers) {
        assert.equal(answer.text, text);
        assert.equal(answer.fields.get('etag'), tagOf(Buffer.from(text)));
      }
      assert.equal((await ask(server.address, 'GET /a.txt')).text, 'hello');
    }
    assert.equal(server.metrics[0]!.get('failures'), 0);
    await server.close(0);
    site.remove();
  });
});
