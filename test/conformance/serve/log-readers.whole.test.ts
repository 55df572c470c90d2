// Readers of the access log that misbehave: one that goes away, one that stalls. Requests are served all the same, what is
// lost is said or counted, and a signal ends the server as ever.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { closeSync, constants, openSync, readFileSync, readSync } from 'node:fs';
import { after, describe, test } from 'node:test';
import { until } from '../../support/until.js';
import { ask } from './client.js';
import { program, runServer, TestSite } from './servers.js';
import { flood } from './traffic.js';

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

  test('one that stalls costs bounded memory and records that are counted, and gets lines again when it reads', {
    timeout: 240_000,
  }, async () => {
    const pipe = site.at('pipe');
    execFileSync('mkfifo', [pipe]);
    const reader = openSync(pipe, constants.O_RDWR | constants.O_NONBLOCK);
    // The server's own: what it writes with must not be told to wait by what is set here.
    const writer = openSync(pipe, 'w');
    const metrics = '127.0.0.1:0';
    const args = [program, 'serve', site.root, '--port', '0', '--workers', '1', '--log', 'json', '--metrics', metrics];
    const child = spawn(process.execPath, args, { stdio: ['ignore', writer, 'pipe'] });
    closeSync(writer);
    let stderr = '';
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    try {
      const ended = new Promise((resolve) => child.on('close', (status, signal) => resolve(signal ?? status)));
      const chunk = Buffer.alloc(64 * 1024);
      let text = '';
      const read = (): boolean => {
        const before = text.length;
        try {
          for (;;) text += chunk.toString('latin1', 0, readSync(reader, chunk, 0, chunk.length, null));
        } catch (error) {
          assert.equal((error as NodeJS.ErrnoException).code, 'EAGAIN');
        }
        return text.length > before;
      };
      await until('it is ready', () => read() && text.includes('/metrics\n'));
      const address = { host: '127.0.0.1', port: Number(/:(\d+)\n/.exec(text)![1]) };
      text = '';
      const residentKiB = (): number =>
        Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))![1]);
      const requests = 12_000;
      await flood(address, '/a.txt', 2000, () => 'w'.repeat(50));
      const before = residentKiB();
      // Two floods of more than the log keeps: the second takes no memory.
      await flood(address, '/a.txt', requests, () => 'a'.repeat(1000));
      await until('the loss is said', () => stderr.includes('\n'));
      assert.match(stderr, /^clearway serve: the access log loses records: [^\n]*\n$/);
      const stuck = residentKiB();
      await flood(address, '/a.txt', requests, () => 'b'.repeat(1000));
      assert.ok(stuck - before < 64 * 1024, `${stuck - before} KiB more when the log was full`);
      assert.ok(residentKiB() - stuck < 16 * 1024, `${residentKiB() - stuck} KiB more afterwards`);
      await until('it is written again', () => {
        read();
        return stderr.split('\n').length > 2;
      });
      const said = /^clearway serve: the access log is written again: (\d+) records were lost in [\d.]+ s$/m.exec(
        stderr,
      );
      assert.ok(said !== null, stderr);
      read();
      const lines = text.split('\n').slice(0, -1).length;
      assert.equal(lines + Number(said[1]), 2000 + 2 * requests + 3, 'written or counted');
      assert.equal((await ask(address, 'GET /a.txt')).text, 'hello');
      text = '';
      await until('a line again', () => read());
      assert.equal((JSON.parse(text) as { target: string }).target, '/a.txt');
      // Stuck again: nothing of it keeps the server from its end.
      await flood(address, '/a.txt', 2000, () => 'c'.repeat(500));
      child.kill('SIGTERM');
      assert.equal(await ended, 0);
      assert.match(stderr, /the access log ends: \d+ records were lost, which nothing took\n$/);
    } finally {
      child.kill('SIGKILL');
      closeSync(reader);
    }
  });
});
