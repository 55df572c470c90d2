// Few descriptors: as many clients are answered as there is room for, the rest is refused or waits, and when they have gone everything is as
// before. Not here: limits that are too low to start (low-limits.whole.test.ts).

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { until } from '../../support/until.js';
import { ask, RawClient, type Response } from './client.js';
import { forEachEngine, ownProcess, program, runServer, type ServerProcess, TestSite } from './servers.js';

const names = Array.from({ length: 100 }, (_, index) => `f${index}.txt`);
const site = new TestSite(Object.fromEntries(names.map((name) => [name, `content of ${name}`])));
after(() => site.remove());
for (const name of names.slice(0, 10)) site.write(`${name}.gz`, 'x');
site.write('large.bin', Buffer.alloc(3_000_000, 7));

const skip = ownProcess || (spawnSync('prlimit', ['--version']).status === 0 ? false : 'needs prlimit (util-linux)');

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: test\r\n\r\n`;
const openIn = ({ child }: ServerProcess): number => readdirSync(`/proc/${child.pid}/fd`).length;

function startWith(openFiles: number, args: readonly string[]): Promise<ServerProcess> {
  const command = { command: 'prlimit', args: [`--nofile=${openFiles}:${openFiles}`, process.execPath, program] };
  return runServer([site.root, ...args], {}, command);
}

/** Leaves it no descriptor: what is open stays so. */
function leaveNone(server: ServerProcess): void {
  const open = new Set(readdirSync(`/proc/${server.child.pid}/fd`).map(Number));
  let lowest = 0;
  while (open.has(lowest)) lowest++;
  limit(server, lowest);
}

function limit(server: ServerProcess, openFiles: number): void {
  const { status } = spawnSync('prlimit', [`--pid=${server.child.pid}`, `--nofile=${openFiles}:`]);
  assert.equal(status, 0);
}

/** One request on a new connection: its answer, or undefined where it was refused in any way. */
async function tryToAsk(server: ServerProcess, path: string): Promise<Response | undefined> {
  try {
    return await ask(server, `GET ${path}`);
  } catch {
    return undefined;
  }
}

async function end(server: ServerProcess): Promise<void> {
  server.child.kill('SIGTERM');
  assert.equal(await server.ended, 0);
}

forEachEngine('few descriptors', (engine) => {
  for (const [openFiles, workers] of [
    [70, 1],
    [200, 3],
  ] as const) {
    test(`${openFiles} open files, ${workers} workers, 200 clients`, { skip }, async () => {
      const server = await startWith(openFiles, ['--engine', engine, '--workers', String(workers)]);
      const before = openIn(server);
      const clients: RawClient[] = [];
      // Each asks for another file: that needs a descriptor, too.
      const come = async (index: number): Promise<number | undefined> => {
        try {
          const client = await RawClient.open(server);
          clients.push(client);
          return (await client.send(get(`/${names[index % names.length]}`)).response()).status;
        } catch {
          return undefined;
        }
      };
      for (let index = 0; index < 15; index++) assert.equal(await come(index), 200, `client ${index}, and all stay`);
      const others = await Promise.all(Array.from({ length: 185 }, (_, index) => come(index)));
      assert.ok(others.every((status) => status === 200 || status === 503 || status === undefined));
      // Who was served, and says nothing more, gives its place to others in a second or two.
      await until('a newcomer gets its file', async () => (await tryToAsk(server, '/f99.txt'))?.status === 200);
      for (const client of clients) client.destroy();
      await until('everybody is answered', async () => {
        const all = await Promise.all(names.slice(0, 10).map((name) => tryToAsk(server, `/${name}`)));
        return all.every((each) => each?.status === 200);
      });
      assert.doesNotMatch(server.output().stderr, /EMFILE/, 'files had descriptors');
      await until('what was opened is closed', () => openIn(server) <= before + workers * 8);
      await end(server);
    });
  }

  test('none is left: files are refused for now, connections wait, nothing is believed missing', { skip }, async () => {
    const server = await startWith(1024, ['--engine', engine, '--workers', '1', '--listing']);
    const client = await RawClient.open(server);
    // It is accepted, and no file was looked at.
    assert.equal((await client.send('BREW / HTTP/1.1\r\nHost: test\r\n\r\n').response()).status, 405);
    leaveNone(server);
    for (const path of ['/f50.txt', '/nothing.txt', '/', '/f5.txt']) {
      const answer = await client.send(get(path)).response();
      assert.equal(answer.status, 503, path);
      assert.equal(answer.fields.get('retry-after'), '1');
    }
    // It waits in the kernel, until the one that is there was idle for a second, or there are descriptors.
    const waiting = await RawClient.open(server);
    waiting.send(get('/f50.txt'));
    await new Promise((resolve) => setTimeout(resolve, 600));
    limit(server, 1024);
    assert.ok([200, 503].includes((await waiting.response()).status));
    client.destroy();
    waiting.destroy();
    assert.equal((await ask(server, 'GET /f50.txt')).text, 'content of f50.txt');
    assert.equal((await ask(server, 'GET /nothing.txt')).status, 404);
    assert.equal((await ask(server, 'GET /f5.txt', ['Accept-Encoding: gzip'])).fields.get('content-encoding'), 'gzip');
    assert.match((await ask(server, 'GET /')).text, /f99\.txt/);
    await end(server);
  });

  test('files that are kept open give way to one that is asked for', { skip }, async () => {
    const server = await startWith(1024, ['--engine', engine, '--workers', '1']);
    const client = await RawClient.open(server);
    for (const name of names.slice(0, 50)) assert.equal((await client.send(get(`/${name}`)).response()).status, 200);
    leaveNone(server);
    for (const name of names.slice(50)) {
      assert.equal((await client.send(get(`/${name}`)).response()).text, `content of ${name}`);
    }
    assert.equal((await client.send(get('/large.bin')).response()).body.length, 3_000_000);
    client.destroy();
    await end(server);
  });

  test('the root is led elsewhere while no descriptor is left: followed when there is one, and changes are seen again', {
    skip,
  }, async () => {
    for (const release of ['one', 'two']) {
      mkdirSync(site.at(`releases/${release}`), { recursive: true });
      writeFileSync(site.at(`releases/${release}/a.txt`), release);
    }
    const link = site.at(`current-${engine}`);
    const lead = (release: string): void => {
      symlinkSync(site.at(`releases/${release}`), `${link}.new`);
      renameSync(`${link}.new`, link);
    };
    lead('one');
    const command = { command: process.execPath, args: [program] };
    const server = await runServer([link, '--engine', engine, '--workers', '1'], {}, command);
    const client = await RawClient.open(server);
    const read = async (): Promise<string> => (await client.send(get('/a.txt')).response()).text;
    assert.equal(await read(), 'one');
    leaveNone(server);
    lead('two');
    await new Promise((resolve) => setTimeout(resolve, 600));
    assert.equal(await read(), 'one');
    limit(server, 1024);
    await until('the other release', async () => (await read()) === 'two');
    for (let round = 0; round < 20; round++) {
      writeFileSync(site.at('releases/two/a.txt'), `round ${round}`);
      assert.equal(await read(), `round ${round}`);
      writeFileSync(site.at('releases/two/a.txt'), 'two');
    }
    client.destroy();
    await end(server);
  });
});
