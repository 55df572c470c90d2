// The command's first worker, which is the main thread: it is replaced by a thread when it dies, and who reads what the command says
// cannot hold it up. Not here: deaths of threads (workers.whole.test.ts, worker-deaths.whole.test.ts).

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, renameSync } from 'node:fs';
import { get } from 'node:http';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { fullPipe } from '../../support/full-pipe.js';
import { until } from '../../support/until.js';
import { ask } from './client.js';
import { forEachEngine, ownProcess, program, runServer, TestSite } from './servers.js';

/** How many threads a process has. */
function threadsOf(pid: number): number {
  return readdirSync(`/proc/${pid}/task`).length;
}

/** What a file is answered with over a Unix socket; undefined while nobody listens there. */
function askSocket(socketPath: string, path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    get({ socketPath, path, agent: false }, async (response) => {
      let text = '';
      for await (const part of response.setEncoding('latin1')) text += part;
      resolve(text);
    }).on('error', () => resolve(undefined));
  });
}

forEachEngine('the main thread as a worker', (engine) => {
  const site = new TestSite({ 'a.txt': 'hello', 'logs/log': '' });
  after(() => site.remove());
  const options = [site.root, '--workers', '1', '--engine', engine];

  test('dies, and a thread takes its place', { skip: ownProcess, timeout: 240_000 }, async () => {
    const spoiler = fileURLToPath(new URL('../../support/spoil-engines.js', import.meta.url));
    const args = ['--import', spoiler, program];
    const server = await runServer(options, {}, { command: process.execPath, args });
    const threads = threadsOf(server.child.pid!);
    assert.equal((await ask(server, 'GET /a.txt')).text, 'hello');
    server.child.stdin!.write('.');
    await until('the word of its death', () => server.output().stderr.includes('a new one takes its place'));
    assert.match(server.output().stderr, /^clearway serve: worker 0 died: .*(io_uring_enter|epoll_wait)/m);
    assert.equal((await ask(server, 'GET /a.txt')).text, 'hello');
    assert.ok(threadsOf(server.child.pid!) > threads);
    server.child.kill('SIGTERM');
    assert.equal(await server.ended, 0);
  });

  test('answers though nobody reads what it has to say', { skip: ownProcess, timeout: 240_000 }, async () => {
    const pipe = fullPipe(site.at(`pipe-${engine}`));
    const log = site.at(`logs-${engine}`);
    execFileSync('mkdir', [log]);
    const server = await runServer([...options, '--log-file', `${log}/log`], { stdio: ['ignore', 'pipe', pipe.fd] });
    assert.equal((await ask(server, 'GET /a.txt')).text, 'hello');
    // That the log cannot be opened again is a warning.
    renameSync(log, `${log}-away`);
    server.child.kill('SIGUSR1');
    for (let round = 0; round < 20; round++) assert.equal((await ask(server, 'GET /a.txt')).text, 'hello');
    server.child.kill('SIGTERM');
    assert.equal(await server.ended, 0);
    pipe.close();
  });

  for (const isRead of [false, true]) {
    const end = isRead ? 'that is said when somebody reads' : 'and ends';
    test(`serves though nobody takes its ready line, ${end}`, { skip: ownProcess, timeout: 240_000 }, async () => {
      const pipe = fullPipe(site.at(`ready-${engine}-${isRead}`));
      const socket = site.at(`socket-${engine}-${isRead}`);
      const words = [program, 'serve', ...options, '--socket', socket];
      const child = spawn(process.execPath, words, { stdio: ['ignore', pipe.fd, pipe.fd] });
      const ended = once(child, 'exit');
      try {
        await until('an answer', async () => (await askSocket(socket, '/a.txt')) === 'hello');
        let said = '';
        const hasBeenSaid = (): boolean => {
          said += pipe.read();
          return /^clearway serves/m.test(said);
        };
        if (isRead) await until('the ready line', hasBeenSaid);
        assert.equal(await askSocket(socket, '/a.txt'), 'hello');
        child.kill('SIGTERM');
        assert.deepEqual(await ended, [0, null]);
      } finally {
        child.kill('SIGKILL');
        pipe.close();
      }
    });
  }
});
