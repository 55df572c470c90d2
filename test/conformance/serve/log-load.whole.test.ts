// The access log at full load: as many lines as requests, each whole and there once, in a file, a pipe and a socket, by one
// worker and by two, in both formats. Not here: readers that stall (log-readers.whole.test.ts).

import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { setNonBlocking } from '../../../src/kernel/socket.js';
import { unixStreamPair } from '../../../src/kernel/socket-pair.js';
import { forEachEngine, startServer, TestSite } from './servers.js';
import { flood } from './traffic.js';

const clients = 8;
const requestsEach = 2500;
const requests = clients * requestsEach;
const padding = 'p'.repeat(300);

type Kind = 'file' | 'pipe' | 'socket';

/** Something to log to and a program that reads it into a file: the descriptor, and what was read when nobody writes any more. */
function destination(site: TestSite, kind: Kind): { readonly fd: number; text(): Promise<string> } {
  const path = site.at(`${kind}.log`);
  if (kind === 'file') {
    const fd = openSync(path, 'a');
    return {
      fd,
      async text() {
        closeSync(fd);
        return readFileSync(path, 'utf8');
      },
    };
  }
  const file = openSync(path, 'w');
  let fd: number;
  let reader: ChildProcess;
  if (kind === 'pipe') {
    const pipe = site.at('pipe');
    execFileSync('mkfifo', [pipe]);
    // Open for both, so that neither end waits for the other; the reader must not hold an end to write to.
    const both = openSync(pipe, 'r+');
    const from = openSync(pipe, 'r');
    fd = openSync(pipe, 'w');
    closeSync(both);
    reader = spawn('cat', { stdio: [from, file, 'inherit'] });
    closeSync(from);
  } else {
    const [to, from] = unixStreamPair();
    setNonBlocking(from, false);
    fd = to;
    reader = spawn('cat', { stdio: [from, file, 'inherit'] });
    closeSync(from);
  }
  closeSync(file);
  const ended = new Promise((resolve) => reader.once('exit', resolve));
  after(() => reader.kill('SIGKILL'));
  return {
    fd,
    async text() {
      closeSync(fd);
      await ended;
      return readFileSync(path, 'utf8');
    },
  };
}

const userAgentOf = {
  combined: (line: string) =>
    /^127\.0\.0\.1 - - \[[^\]]+\] "GET \/a\.txt HTTP\/1\.1" 200 5 "-" "([^"]*)"$/.exec(line)?.[1],
  json: (line: string) => (JSON.parse(line) as { userAgent: string }).userAgent,
} as const;

forEachEngine(
  'the access log at full load',
  (engine) => {
    const cases: ReadonlyArray<readonly [Kind, keyof typeof userAgentOf, number]> = [
      ['file', 'combined', 1],
      ['file', 'json', 2],
      ['pipe', 'json', 1],
      ['pipe', 'combined', 2],
      ['socket', 'combined', 1],
      ['socket', 'json', 2],
    ];
    for (const [kind, log, workers] of cases) {
      // The engine matters for what it tells of a pipe or a socket that was full.
      if (engine === 'epoll' && workers === 1) continue;
      test(`${kind}, ${log}, ${workers} worker${workers === 1 ? '' : 's'}`, { timeout: 240_000 }, async () => {
        const site = new TestSite({ 'a.txt': 'hello' });
        const to = destination(site, kind);
        const server = await startServer({ root: site.root, engine, log, workers }, to.fd);
        await Promise.all(
          Array.from({ length: clients }, (_, client) =>
            flood(server.address, '/a.txt', requestsEach, (number) => `${client * requestsEach + number} ${padding}`),
          ),
        );
        await server.close();
        const lost = server.metrics.reduce((sum, each) => sum + each.get('logDropped'), 0);
        assert.equal(lost, 0, 'no record is lost');
        const lines = (await to.text()).split('\n');
        assert.equal(lines.pop(), '');
        assert.equal(lines.length, requests + clients);
        const seen = new Uint8Array(requests);
        for (const line of lines) {
          const userAgent = userAgentOf[log](line);
          if (userAgent === 'probe') continue;
          const match = /^(\d+) p{300}$/.exec(userAgent ?? '');
          assert.ok(match !== null, `not a whole line: ${line}`);
          seen[Number(match[1])]! += 1;
        }
        assert.ok(
          seen.every((times) => times === 1),
          'each request once',
        );
        site.remove();
      });
    }
  },
  false,
);
