// A tree that changes at random while it is asked for on kept connections: an answer is what was there at some time between
// the request and the answer, whole, and never older than the last change that was done before the request. Seeded; the seed
// is said when it fails.

import assert from 'node:assert/strict';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { test } from 'node:test';
import { isLong } from '../../support/long.js';
import { RawClient } from './client.js';
import { forEachEngine, startServer, TestSite } from './servers.js';

const seed = Number(process.env['CLEARWAY_SEED'] ?? 251_129);
/** How many requests are made; `npm run test:long` makes more. Bounded by time as well. */
const requestsWanted = isLong ? 20_000 : 1500;
const timeLimitMs = 120_000;
const names = ['a', 'b', 'c', 'd'];
const paths = [
  ...names.map((name) => `${name}.txt`),
  ...names.flatMap((folder) => [...names.map((name) => `${folder}/${name}.txt`), `${folder}/index.html`]),
  ...names.flatMap((folder) =>
    ['a', 'b'].flatMap((inner) => [`${folder}/${inner}/a.txt`, `${folder}/${inner}/index.html`]),
  ),
];

/** Numbers from 0 up to `below` (mulberry32). */
function random(from: number): (below: number) => number {
  let state = from;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let word = Math.imul(state ^ (state >>> 15), 1 | state);
    word = (word + Math.imul(word ^ (word >>> 7), 61 | word)) ^ word;
    return ((word ^ (word >>> 14)) >>> 0) % below;
  };
}

/** One change of the tree; false when there was nothing to change so. */
function change(site: TestSite, pick: (below: number) => number, version: number): boolean {
  const path = paths[pick(paths.length)]!;
  const folder = (): string => (pick(3) === 0 ? `${names[pick(4)]}/${names[pick(2)]}` : names[pick(4)]!);
  // Contents of one size as well: then only their times tell them apart.
  const content = `${version};`.padEnd([10, 10, 300, 40_000, 0][pick(5)]!, '.');
  try {
    switch (pick(10)) {
      case 0:
      case 1:
      case 2:
        mkdirSync(dirname(site.at(path)), { recursive: true });
        writeFileSync(site.at(path), content);
        return true;
      case 3:
        writeFileSync(site.at('.next'), content);
        if (pick(2) === 0) utimesSync(site.at('.next'), 1, 1);
        renameSync(site.at('.next'), site.at(path));
        return true;
      case 4:
        rmSync(site.at(path));
        return true;
      case 5:
        renameSync(site.at(folder()), site.at(folder()));
        return true;
      case 6:
        rmSync(site.at(folder()), { recursive: true });
        return true;
      case 7:
        symlinkSync(names[pick(4)]!, site.at(names[pick(4)]!));
        return true;
      case 8:
        symlinkSync(`${names[pick(4)]}.txt`, site.at(path));
        return true;
      default:
        chmodSync(site.at(path), [0o600, 0o644][pick(2)]!);
        return true;
    }
  } catch {
    return false;
  }
}

/** What a path is answered with now: a body, or undefined for 404. As the kernel reads it, links within the tree only. */
function truth(site: TestSite, path: string): string | undefined {
  try {
    return readFileSync(site.at(path), 'utf8');
  } catch {
    return undefined;
  }
}

/** What there is on the way to a path. */
function describePath(site: TestSite, path: string): string {
  return path
    .split('/')
    .map((_, index, parts) => parts.slice(0, index + 1).join('/'))
    .map((part) => {
      try {
        const status = lstatSync(site.at(part));
        if (status.isSymbolicLink()) return `${part} -> ${readlinkSync(site.at(part))}`;
        return `${part}: ${status.isDirectory() ? 'a folder' : `${status.size} bytes`}`;
      } catch (error) {
        return `${part}: ${(error as NodeJS.ErrnoException).code}`;
      }
    })
    .join(', ');
}

forEachEngine(
  'a tree that changes at random',
  (engine) => {
    test('every answer is what was there, and none is older than the last change', async (context) => {
      const site = new TestSite();
      const server = await startServer({ root: site.root, engine });
      const pick = random(seed);
      const clients = await Promise.all(Array.from({ length: 4 }, () => RawClient.open(server.address)));
      const ends = Date.now() + timeLimitMs;
      let [asked, changes, found] = [0, 0, 0];
      try {
        for (let version = 0; asked < requestsWanted && Date.now() < ends; version++) {
          const recent: string[] = [];
          for (let count = pick(4); count > 0; count--)
            if (change(site, pick, version * 4 + count)) recent.push(`${version}`);
          changes += recent.length;
          // Several at once: on all connections, some of them pipelined. Nothing changes until all are answered.
          const wanted = clients.flatMap((client) =>
            Array.from({ length: 1 + pick(3) }, () => ({ client, path: paths[pick(paths.length)]!, kind: pick(6) })),
          );
          for (const each of wanted) {
            const target =
              each.path.endsWith('/index.html') && each.kind < 3 ? each.path.slice(0, -'index.html'.length) : each.path;
            const field =
              each.kind === 4 ? 'Range: bytes=0-4\r\n' : each.kind === 5 ? 'Accept: */*\r\nAccept: */*\r\n' : '';
            each.client.send(`GET /${target} HTTP/1.1\r\nHost: x\r\n${field}\r\n`);
          }
          for (const { client, path, kind } of wanted) {
            const response = await client.response();
            const body = truth(site, path);
            const expected = body === undefined || response.status !== 206 ? body : body.slice(0, 5);
            if (expected === undefined ? response.status !== 404 : response.text !== expected) {
              const what = `seed ${seed}, version ${version}, kind ${kind}: ${describePath(site, path)}`;
              assert.fail(
                `${what}; ${response.status} ${response.text.slice(0, 20)}, and not ${expected?.slice(0, 20)}`,
              );
            }
            asked++;
            if (expected !== undefined) found++;
          }
        }
      } finally {
        for (const client of clients) client.destroy();
        await server.close(0);
        site.remove();
      }
      context.diagnostic(`${asked} requests, ${found} found a file, ${changes} changes`);
      assert.ok(found > 200 && changes > 50);
    });
  },
  false,
);
