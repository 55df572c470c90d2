// Readers of the access log that misbehave: one that goes away, one that stalls. Requests are served all the same, what is
// lost is said or counted, and a signal ends the server as ever.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { closeSync, openSync, readSync } from 'node:fs';
import { after, describe, test } from 'node:test';
import { ask } from './client.js';
import { program, runServer, TestSite, until } from './servers.js';

describe('the reader of the access log', () => {
  const site = new TestSite({ 'a.txt': 'hello' });
  after(() => site.remove());

  test('one that goes away does not take the server with it', async () => {
    const server = await runServer([site.root, '--workers', '1', '--log', 'combined']);
    server.child.stdout!.destroy();
    for (let count = 0; count < 5; count++) {
      assert.equal((await ask(server, 'GET /a.txt')).text, 'hello');
      await new Promise((resolve) => setTimeout(resolve, 120));
    }
    await until('the loss is said', () => server.output().stderr !== '');
    assert.match(server.output().stderr, /^clearway serve: the access log cannot be written \(EPIPE\): .*\n$/);
    server.child.kill('SIGTERM');
    assert.equal(await server.ended, 0);
  });

  test('one that stalls keeps neither requests nor the end from their way', async () => {
    const pipe = site.at('pipe');
    execFileSync('mkfifo', [pipe]);
    const reader = openSync(pipe, 'r+');
    const args = [program, 'serve', site.root, '--port', '0', '--workers', '1', '--log', 'json'];
    const child = spawn(process.execPath, args, { stdio: ['ignore', reader, 'inherit'] });
    try {
      const ended = new Promise((resolve) => child.on('exit', (status, signal) => resolve(signal ?? status)));
      const line = Buffer.alloc(4096);
      let said = '';
      await until('it is ready', async () => {
        // Nothing else writes into the pipe before: the read ends as soon as the line is there.
        said = line.toString('latin1', 0, readSync(reader, line, 0, line.length, null));
        return said.includes('\n');
      });
      const address = { host: '127.0.0.1', port: Number(/:(\d+) \(/.exec(said)![1]) };
      // Far more than a pipe holds.
      const fields = [`User-Agent: ${'a'.repeat(400)}`];
      for (let count = 0; count < 400; count++) {
        assert.equal((await ask(address, 'GET /a.txt', fields)).status, 200);
      }
      await new Promise((resolve) => setTimeout(resolve, 300));
      assert.equal((await ask(address, 'GET /a.txt')).text, 'hello');
      child.kill('SIGTERM');
      assert.equal(await ended, 0);
    } finally {
      child.kill('SIGKILL');
      closeSync(reader);
    }
  });
});
