// A worker that dies is replaced and said, its connections end, the others go on. It dies
// as it would in earnest: its engine's descriptor is taken from under it, and the next turn fails.

import assert from 'node:assert/strict';
import { closeSync, openSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { after, test } from 'node:test';
import { engineDescriptor, spoil } from '../../support/engine-descriptors.js';
import { until } from '../../support/until.js';
import { ask, RawClient } from './client.js';
import { forEachEngine, startServer, TestSite } from './servers.js';

/** What a descriptor of this process leads to; undefined when it is closed. */
function leadsTo(fd: number): string | undefined {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return undefined;
  }
}

forEachEngine(
  'a worker that dies',
  (engine) => {
    const site = new TestSite({ 'a.txt': 'hello' });
    after(() => site.remove());

    test('is replaced and said; its connections end, new ones are served', async () => {
      const server = await startServer({ root: site.root, engine });
      const warnings: string[] = [];
      server.removeAllListeners('warning').on('warning', (message) => warnings.push(message));
      const openAtFirst = readdirSync('/proc/self/fd').length;
      for (let death = 1; death <= 3; death++) {
        const client = await RawClient.open(server.address);
        await client.stays('/a.txt');
        spoil(await engineDescriptor());
        await client.rest();
        assert.ok(client.ended);
        client.destroy();
        await until('the warning', () => warnings.length === death);
        assert.match(
          warnings[death - 1]!,
          /^worker 0 died: .*(io_uring_enter|epoll_wait).*; a new one takes its place$/,
        );
        assert.equal((await ask(server.address, 'GET /a.txt')).text, 'hello');
      }
      await until('the descriptors of the dead', () => readdirSync('/proc/self/fd').length <= openAtFirst + 2);
      await server.close(0);
    });

    test('while the server closes does not keep it from closing', async () => {
      for (const wait of ['for the end of the connection', 'for the warning'] as const) {
        const server = await startServer({ root: site.root, engine });
        const warned = new Promise((resolve) => {
          server.removeAllListeners('warning').once('warning', resolve);
        });
        const client = await RawClient.open(server.address);
        await client.stays('/a.txt');
        spoil(await engineDescriptor());
        await client.rest();
        // With the warning, its place is being taken by another that has not yet said that it is ready.
        if (wait === 'for the warning') await warned;
        const started = Date.now();
        await server.close(60_000);
        assert.ok(Date.now() - started < 50_000);
        client.destroy();
      }
    });
  },
  false,
);

forEachEngine(
  'a worker that ends',
  (engine) => {
    test('closes each of its descriptors once, however often it is told', async () => {
      const site = new TestSite({ 'a.txt': 'hello' });
      const path = site.at('a.txt');
      for (let round = 0; round < 5; round++) {
        const server = await startServer({ root: site.root, engine, workers: 2 });
        for (let index = 0; index < 8; index++) await ask(server.address, 'GET /a.txt');
        const closed = [server.close(10_000), server.close()];
        // Whatever a worker closes twice is one of these by the second time: they take the lowest numbers there are.
        const files: number[] = [];
        for (const end = Date.now() + 60; Date.now() < end && files.length < 5000; ) files.push(openSync(path, 'r'));
        await Promise.all(closed);
        for (const fd of files) {
          assert.equal(leadsTo(fd), path, `descriptor ${fd} was closed by somebody else`);
          closeSync(fd);
        }
      }
      site.remove();
    });

    test('leaves none of its memory mapped', async () => {
      const site = new TestSite({ 'a.txt': 'hello' });
      /** Answers by a list of pieces, for which there is memory of its own, and the bytes that are mapped to be written afterwards. */
      const round = async (): Promise<number> => {
        const server = await startServer({ root: site.root, engine });
        assert.equal((await ask(server.address, 'GET /a.txt', ['Range: bytes=0-1,3-4'])).status, 206);
        await server.close(0);
        let bytes = 0;
        for (const [, from, to] of readFileSync('/proc/self/maps', 'latin1').matchAll(/^(\w+)-(\w+) rw/gm))
          bytes += Number.parseInt(to!, 16) - Number.parseInt(from!, 16);
        return bytes;
      };
      const grown = -(await round());
      let last = 0;
      for (let index = 0; index < 3; index++) last = await round();
      // 3 MB of each thread's are the FFI library's, and V8 comes and goes; the messages alone would be 8 MB each.
      assert.ok(grown + last < 20e6, `${(grown + last) / 1e6} MB`);
      site.remove();
    });
  },
  false,
);
