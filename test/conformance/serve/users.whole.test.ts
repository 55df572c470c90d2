// The same server as an ordinary user, and under a seccomp filter that refuses io_uring: it serves, on the engine that it may
// have, and says why it does not where it cannot.

import assert from 'node:assert/strict';
import { chmodSync, readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { refusing, refusingImpossible, uringCalls } from '../../support/refuse.js';
import { ask, parseHead, RawClient } from './client.js';
import { engineRefused, engines, patterned, program, runServer, TestSite } from './servers.js';

const size = 2_000_000;
const content = patterned(size);
const nobody = 65_534;
const isRoot = process.getuid?.() === 0;

/** What every server must do, wherever it runs. */
async function serves(server: { host: string; port: number }): Promise<void> {
  assert.equal((await ask(server, 'GET /a.txt')).text, 'hello');
  assert.ok((await ask(server, 'GET /large.bin')).body.equals(content));
  assert.equal((await ask(server, 'GET /missing')).status, 404);
  const client = await RawClient.open(server);
  client.send('GET /large.bin HTTP/1.1\r\nHost: test\r\nRange: bytes=1-\r\n\r\n'.repeat(3));
  for (let index = 0; index < 3; index++) assert.equal((await client.response()).body.length, size - 1);
  client.send('GET /large.bin HTTP/1.1\r\nHost: test\r\n\r\n');
  parseHead(await client.head());
  client.destroy();
  assert.equal((await ask(server, 'GET /a.txt')).text, 'hello');
}

const site = new TestSite({ 'a.txt': 'hello', 'large.bin': content, 'secret.txt': 'secret', 'closed/a.txt': 'secret' });
before(() => {
  chmodSync(site.root, 0o755);
  for (const path of ['a.txt', 'large.bin']) chmodSync(site.at(path), 0o644);
});
after(() => {
  chmodSync(site.at('closed'), 0o755);
  site.remove();
});

describe('as an ordinary user', () => {
  const user = isRoot ? { uid: nobody, gid: nobody } : {};
  for (const engine of engines) {
    test(`serves, and what may not be read is 403, ${engine}`, { skip: engineRefused(engine) }, async (context) => {
      chmodSync(site.at('secret.txt'), 0o000);
      chmodSync(site.at('closed'), 0o000);
      const server = await runServer([site.root, '--engine', engine, '--workers', '1'], user).catch(
        (error: Error) => error,
      );
      if (server instanceof Error) {
        // The checkout may lie where an ordinary user cannot read it; that says nothing about the server.
        assert.match(server.message, /EACCES|permission denied|Cannot find module/i);
        context.skip(`an ordinary user cannot run it here: ${server.message.split('\n')[0]}`);
        return;
      }
      await serves(server);
      assert.equal((await ask(server, 'GET /secret.txt')).status, 403);
      assert.equal((await ask(server, 'GET /closed/a.txt')).status, 403);
      assert.equal((await ask(server, 'HEAD /secret.txt')).status, 403);
      chmodSync(site.at('secret.txt'), 0o644);
      assert.equal((await ask(server, 'GET /secret.txt')).text, 'secret');
      server.child.kill('SIGTERM');
      assert.equal(await server.ended, 0);
      assert.equal(server.output().stderr, '');
    });
  }

  test('a root that may not be read is one sentence and 2, as a wrong option', {
    skip: !isRoot && 'needs root to become another user',
  }, async () => {
    const other = new TestSite({ 'a.txt': 'a' });
    chmodSync(other.root, 0o700);
    const failed = await runServer([other.root], user).then(
      () => assert.fail('it serves what it may not read'),
      (error: Error) => error,
    );
    assert.match(failed.message, /ended with 2: clearway serve: .*\(EACCES\): check the permissions/);
    assert.equal(failed.message.trimEnd().split('\n').length, 1);
    other.remove();
  });

  test('a port below 1024 is one sentence and 1', {
    skip: !isRoot && 'needs root to become another user',
  }, async () => {
    if (Number(readFileSync('/proc/sys/net/ipv4/ip_unprivileged_port_start', 'utf8')) <= 80) return;
    const failed = await runServer([site.root, '--port', '80'], user).then(
      () => assert.fail('it listens where it may not'),
      (error: Error) => error,
    );
    assert.match(failed.message, /ended with 1: clearway serve: .*CAP_NET_BIND_SERVICE/);
  });
});

describe('where io_uring is refused', { skip: refusingImpossible(), concurrency: 2 }, () => {
  for (const errno of ['EPERM', 'ENOSYS'] as const) {
    test(`auto takes epoll and serves (${errno})`, async () => {
      const server = await runServer(
        [site.root, '--workers', '2'],
        {},
        refusing(uringCalls, process.execPath, [program], errno),
      );
      assert.match(server.ready, /\(epoll, 2 workers\)/);
      await serves(server);
      server.child.kill('SIGTERM');
      assert.equal(await server.ended, 0);
      assert.equal(server.output().stderr, '');
    });
  }

  test('an io_uring that was asked for is one sentence with the fix, and 1', async () => {
    const failed = await runServer(
      [site.root, '--engine', 'uring', '--workers', '2'],
      {},
      refusing(uringCalls, process.execPath, [program]),
    ).then(
      () => assert.fail('it serves with what is refused'),
      (error: Error) => error,
    );
    assert.match(failed.message, /ended with 1: clearway serve: io_uring_setup: .*\(EPERM\).*use the epoll engine/);
    assert.equal(failed.message.trimEnd().split('\n').length, 1);
  });

  test('where cachestat is refused it does without', async () => {
    const without = await runServer(
      [site.root, '--workers', '1'],
      {},
      refusing(['cachestat'], process.execPath, [program], 'ENOSYS'),
    );
    await serves(without);
    without.child.kill('SIGTERM');
    assert.equal(await without.ended, 0);
  });
});
