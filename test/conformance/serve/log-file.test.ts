// The access log in a file: who may read it, what is appended and never overwritten, and the signals of those who rotate
// logs: lines go on into a new file, none is lost, and the server stays.

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { after, describe, test } from 'node:test';
import { until } from '../../support/until.js';
import { ask } from './client.js';
import { runServer, startServer, TestSite } from './servers.js';

describe('the access log in a file', { skip: process.platform === 'linux' ? false : 'needs Linux' }, () => {
  const site = new TestSite({ 'a.txt': 'hello' });
  after(() => site.remove());
  const linesOf = (path: string): string[] => readFileSync(path, 'utf8').split('\n').slice(0, -1);

  for (const signal of ['SIGUSR1', 'SIGHUP'] as const) {
    test(`${signal}: what was renamed is left, and a new file begun`, async () => {
      const path = site.at(`${signal}.log`);
      writeFileSync(path, 'what was there\n');
      // In a session of its own it has no terminal, wherever the tests run.
      const server = await runServer([site.root, '--workers', '2', '--log-file', path], { detached: true });
      for (let count = 0; count < 20; count++) await ask(server, `GET /a.txt?first=${count}`);
      await until('20 lines', () => linesOf(path).length === 21);
      renameSync(path, `${path}.1`);
      server.child.kill(signal);
      await until('the new file', () => existsSync(path));
      for (let count = 0; count < 20; count++) await ask(server, `GET /a.txt?second=${count}`);
      server.child.kill('SIGTERM');
      assert.equal(await server.ended, 0);
      assert.equal(server.output().stderr, '');
      assert.equal(linesOf(`${path}.1`).length, 21);
      assert.equal(linesOf(`${path}.1`)[0], 'what was there');
      assert.equal(linesOf(path).filter((line) => line.includes('GET /a.txt?second=')).length, 20);
      assert.equal(statSync(path).mode & 0o777, 0o640 & ~process.umask());
    });
  }

  test('a file that cannot be opened again: said, and the old one is written on', async () => {
    const path = site.at('gone.log');
    const server = await runServer([site.root, '--workers', '1', '--log-file', path, '--log', 'json']);
    renameSync(path, `${path}.1`);
    mkdirSync(path);
    server.child.kill('SIGUSR1');
    await until('it is said', () => server.output().stderr !== '');
    assert.match(
      server.output().stderr,
      /^clearway serve: the log file .*gone\.log cannot be opened \(EISDIR\): .*\n$/,
    );
    await ask(server, 'GET /a.txt');
    server.child.kill('SIGTERM');
    assert.equal(await server.ended, 0);
    assert.equal((JSON.parse(linesOf(`${path}.1`)[0]!) as { target: string }).target, '/a.txt');
  });

  test('a file that cannot be opened is a sentence with what to do', async () => {
    const refused = startServer({ root: site.root, logFile: site.at('no/such/directory/access.log') });
    await assert.rejects(refused, /^Error: the log file .* cannot be opened \(ENOENT\): make its directory first$/);
  });
});
