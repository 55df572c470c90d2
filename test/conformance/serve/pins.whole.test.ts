// Files that are pinned in memory: what is sent from there is the file, whole and in ranges, by both engines; a film that is replaced, cut
// or deleted while it is sent goes on as it was; memory is bounded, locked, freed when nobody sends from it any more; and nothing of it
// has to be fetched while it is sent.

import assert from 'node:assert/strict';
import {
  closeSync,
  openSync,
  readFileSync,
  renameSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { test } from 'node:test';
import { pageBytes } from '../../../src/kernel/memory.js';
import type { ServeOptions } from '../../../src/serve/options.js';
import type { Server } from '../../../src/serve/server.js';
import { becomesCold } from '../../support/page-cache.js';
import { until } from '../../support/until.js';
import { ask, RawClient } from './client.js';
import { type EngineName, forEachEngine, patterned, startServer, TestSite } from './servers.js';

const film = patterned(5_000_000);
const other = patterned(4_000_000).reverse();

/** Files that were written a while ago: what has just been written to is not pinned yet. */
function settle(site: TestSite, ...paths: readonly string[]): void {
  const then = Date.now() / 1000 - 60;
  for (const path of paths) utimesSync(site.at(path), then, then);
}

function sumOf(server: Server, name: 'modeBytes' | 'coldFetches', index = 0): number {
  return server.metrics.reduce((sum, each) => sum + each.get(name, index), 0);
}

/** A server, and what it says of pinned files and of trouble. */
class PinnedServer {
  readonly warnings: string[] = [];
  /** Files that were pinned, and bytes, as it said last. */
  pinned: readonly [files: number, bytes: number] | undefined;
  /** How often it said so. */
  changes = 0;
  readonly server: Server;

  private constructor(server: Server) {
    this.server = server;
    server.on('pinned', (files, bytes) => {
      this.pinned = [files, bytes];
      this.changes++;
    });
    server.on('warning', (message) => this.warnings.push(message));
  }

  static async start(site: TestSite, engine: EngineName, options: ServeOptions = {}): Promise<PinnedServer> {
    const server = await startServer({ root: site.root, engine, pin: '/films/*', inlineLimit: 4096, ...options });
    return new PinnedServer(server);
  }

  async until(files: number): Promise<void> {
    await until(`${files} pinned files`, () => this.pinned?.[0] === files);
  }
}

/** Kilobytes of this process that are locked. */
function lockedKilobytes(): number {
  return Number(/^VmLck:\s+(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))![1]);
}

/** Major faults of this process and its threads. */
function majorFaults(): number {
  const stat = readFileSync('/proc/self/stat', 'latin1');
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[9]);
}

forEachEngine(
  'pinned files',
  (engine) => {
    test('are sent whole, in ranges and to HEAD as any file, from locked memory, with nothing to fetch', async () => {
      const site = new TestSite({ 'films/a.bin': film, 'films/deep/b.bin': other, 'c.bin': other });
      settle(site, 'films/a.bin', 'films/deep/b.bin');
      const pinned = await PinnedServer.start(site, engine);
      const { server } = pinned;
      await pinned.until(2);
      const bytes = [film, other].reduce((sum, { length }) => sum + Math.ceil(length / pageBytes()) * pageBytes(), 0);
      assert.equal(pinned.pinned![1], bytes);
      assert.ok(lockedKilobytes() * 1024 >= bytes, `${lockedKilobytes()} KiB are locked`);
      const fd = openSync(site.at('films/a.bin'), 'r');
      // What others have the kernel reclaim of this process is fetched again, in one round or another; of a file that has to be fetched in each.
      let [round, faults] = [0, -1];
      for (; round < 3 || (faults !== majorFaults() && round < 10); round++) {
        becomesCold(fd, film.length);
        faults = majorFaults();
        const whole = await ask(server.address, 'GET /films/a.bin');
        assert.equal(whole.body.compare(film), 0);
        const part = await ask(server.address, 'GET /films/a.bin', ['Range: bytes=1000-4000000']);
        assert.equal(part.status, 206);
        assert.equal(part.body.compare(film, 1000, 4_000_001), 0);
        const several = await ask(server.address, 'GET /films/deep/b.bin', ['Range: bytes=0-99999,200000-3000000']);
        assert.ok(several.body.includes(other.subarray(200_000, 3_000_001)));
      }
      closeSync(fd);
      assert.ok(round < 10, 'pages that had to be fetched');
      assert.equal((await ask(server.address, 'HEAD /films/a.bin')).fields.get('content-length'), String(film.length));
      assert.equal((await ask(server.address, 'GET /c.bin')).body.compare(other), 0);
      assert.equal(sumOf(server, 'coldFetches'), 0);
      // Counts are told at the next tick.
      const used = engine === 'uring' ? 3 : 2;
      await until('bytes of pinned files are counted', () => sumOf(server, 'modeBytes', used) > 0);
      if (engine === 'epoll') assert.equal(sumOf(server, 'modeBytes', 3), 0, 'epoll has no such call');
      const before = lockedKilobytes();
      await server.close(0);
      assert.ok(lockedKilobytes() <= before - Math.floor(bytes / 1024), 'memory is given back at the end');
      site.remove();
    });

    test('a film that is replaced, cut or deleted while it is sent goes on as it was, and the next one is the new one', async () => {
      const changes: Readonly<Record<string, (site: TestSite) => Buffer | Uint8Array | undefined>> = {
        replaced: (site) => {
          writeFileSync(site.at('new'), other);
          renameSync(site.at('new'), site.at('films/a.bin'));
          return other;
        },
        cut: (site) => {
          truncateSync(site.at('films/a.bin'), 1_000_000);
          return film.subarray(0, 1_000_000);
        },
        overwritten: (site) => {
          writeFileSync(site.at('films/a.bin'), other);
          return other;
        },
        deleted: (site) => {
          unlinkSync(site.at('films/a.bin'));
          return undefined;
        },
      };
      const check = async ([name, change]: readonly [string, (typeof changes)[string]]): Promise<void> => {
        const site = new TestSite({ 'films/a.bin': film });
        settle(site, 'films/a.bin');
        const pinned = await PinnedServer.start(site, engine);
        const { server } = pinned;
        await pinned.until(1);
        const client = await RawClient.open(server.address);
        client.socket.pause();
        client.send('GET /films/a.bin HTTP/1.1\r\nHost: test\r\n\r\n');
        await until(
          'a first part is on its way',
          () => sumOf(server, 'modeBytes', 2) + sumOf(server, 'modeBytes', 3) > 0,
        );
        const { changes } = pinned;
        const next = change(site);
        // Let go of, though it is still being sent.
        await until(`${name}: unpinned`, () => pinned.changes > changes);
        client.socket.resume();
        const response = await client.response();
        assert.equal(response.body.compare(film), 0, `${name}: the film as it was`);
        client.destroy();
        const after = await ask(server.address, 'GET /films/a.bin');
        if (next === undefined) assert.equal(after.status, 404);
        else assert.equal(after.body.compare(next), 0, name);
        await server.close(0);
        site.remove();
      };
      await Promise.all(Object.entries(changes).map(check));
    });

    test('a version that has settled is pinned in the place of the one before', async () => {
      const site = new TestSite({ 'films/a.bin': film });
      settle(site, 'films/a.bin');
      const pinned = await PinnedServer.start(site, engine);
      await pinned.until(1);
      writeFileSync(site.at('new'), other);
      settle(site, 'new');
      renameSync(site.at('new'), site.at('films/a.bin'));
      const bytes = Math.ceil(other.length / pageBytes()) * pageBytes();
      await until('the new version is pinned', () => pinned.pinned?.[1] === bytes);
      assert.equal((await ask(pinned.server.address, 'GET /films/a.bin')).body.compare(other), 0);
      await pinned.server.close(0);
      site.remove();
    });

    test('what does not fit is said once, and served all the same', async () => {
      const site = new TestSite({ 'films/a.bin': film, 'films/b.bin': other });
      settle(site, 'films/a.bin', 'films/b.bin');
      const pinned = await PinnedServer.start(site, engine, { pinMemory: '6M' });
      await pinned.until(1);
      await until('a warning', () => pinned.warnings.length > 0);
      assert.match(
        pinned.warnings.join(),
        /\/films\/b\.bin is not pinned: it takes 3\.8 MiB, and 1\.2 MiB of --pin-memory 6\.0 MiB are left/,
      );
      assert.equal((await ask(pinned.server.address, 'GET /films/b.bin')).body.compare(other), 0);
      await pinned.server.close(0);
      site.remove();
    });
  },
  false,
);
