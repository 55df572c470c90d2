// Documents with includes that are not in memory: they are fetched without holding the loop up, then composed as ever.

import assert from 'node:assert/strict';
import { closeSync, fsyncSync, openSync, statfsSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { dropCached } from '../../../src/kernel/file.js';
import { until } from '../../support/until.js';
import { ask, RawClient } from './client.js';
import { forEachEngine, startServer, TestSite } from './servers.js';

const tmpfs = 0x01021994;
const filler = 'static text\n'.repeat(50_000);

forEachEngine('cold documents', (engine) => {
  const files = {
    'page.shtml':
      `${filler}<!--# include virtual="/part.shtml?a=1" --><!--# include virtual="/value.txt" set="v" -->` +
      `[<!--# echo var="v" -->][<!--# echo var="http_x_name" -->][<!--# echo var="arg_q" -->]${filler}`,
    'part.shtml': `(${filler}<!--# echo var="arg_a" -->)`,
    'value.txt': 'a value',
    'a.txt': 'hello',
  };
  const expected = `${filler}(${filler}1)[a value][kept &amp; told][yes]${filler}`;

  function dropAll(site: TestSite): void {
    for (const path of Object.keys(files)) {
      const fd = openSync(site.at(path), 'r');
      fsyncSync(fd);
      dropCached(fd);
      closeSync(fd);
    }
  }

  test('arrive whole and in order, with what the request said, and are counted as cold', async () => {
    const site = new TestSite(files);
    const server = await startServer({ root: site.root, engine });
    const cold = (): number => server.metrics[0]!.get('coldFetches');
    dropAll(site);
    const client = await RawClient.open(server.address);
    const fields = 'Host: test\r\nX-Name:  kept & told \r\n';
    client.send(
      `GET /page.shtml?q=yes HTTP/1.1\r\n${fields}\r\nHEAD /page.shtml?q=yes HTTP/1.1\r\n${fields}\r\n` +
        'GET /a.txt HTTP/1.1\r\nHost: test\r\n\r\n',
    );
    const page = await client.response({ timeoutMs: 20_000 });
    assert.equal(page.status, 200);
    assert.equal(page.text, expected);
    assert.equal((await client.response({ head: true })).fields.get('content-length'), String(expected.length));
    assert.equal((await client.response()).text, 'hello');
    client.destroy();
    if (statfsSync(site.root).type !== tmpfs) {
      await until('the cold reads', () => cold() >= 1);
    }
    await server.close(0);
    site.remove();
  });

  test('whose client leaves, or whose file changes meanwhile, harm nobody', async () => {
    const site = new TestSite(files);
    const server = await startServer({ root: site.root, engine });
    for (let round = 0; round < 10; round++) {
      const stamp = `round ${round}`;
      writeFileSync(site.at('page.shtml'), stamp + files['page.shtml']);
      dropAll(site);
      const leaving = await RawClient.open(server.address);
      leaving.send('GET /page.shtml HTTP/1.1\r\nHost: test\r\n\r\n');
      const client = await RawClient.open(server.address);
      client.send('GET /page.shtml?q=yes HTTP/1.1\r\nHost: test\r\nX-Name: kept & told\r\n\r\n');
      leaving.destroy();
      assert.equal((await client.response({ timeoutMs: 20_000 })).text, stamp + expected);
      assert.equal((await ask(server.address, 'GET /a.txt')).text, 'hello');
      client.destroy();
    }
    await until('every connection is gone', () => server.metrics[0]!.get('connectionsOpen') === 0);
    assert.equal(server.metrics[0]!.get('failures'), 0);
    await server.close(0);
    site.remove();
  });
});
