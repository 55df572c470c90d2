// Hosts that refuse system calls which newer kernels have: openat2, statx, prlimit64, by ENOSYS as an old kernel does or by EPERM
// as a filter does. Files are served all the same, nothing leads out of the root, and the start says what is missing.

import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync } from 'node:fs';
import { after, describe, test } from 'node:test';
import type { SyscallName } from '../../../src/kernel/numbers.js';
import { type RefusalErrno, refusing, refusingImpossible, uringCalls } from '../../support/refuse.js';
import { ask } from './client.js';
import { engines, patterned, program, runServer, type ServerProcess, TestSite } from './servers.js';

const site = new TestSite({
  'root/a.txt': 'inside',
  'root/deep/er/b.txt': 'deeper',
  'root/deep/index.html': 'index',
  'secret.txt': 'secret',
});
const at = (name: string): string => site.at(`root/${name}`);
mkdirSync(at('real'));
site.write('root/real/c.txt', 'real');
symlinkSync('a.txt', at('in.txt'));
symlinkSync('real', at('folder'));
symlinkSync('../real/../a.txt', at('deep/up.txt'));
symlinkSync(at('a.txt'), at('absolute.txt'));
symlinkSync('../secret.txt', at('out.txt'));
symlinkSync(site.at('secret.txt'), at('absolute-out.txt'));
symlinkSync('..', at('up'));
symlinkSync('loop', at('loop'));
after(() => site.remove());

const expected: Readonly<Record<string, readonly [status: number, text?: string]>> = {
  '/a.txt': [200, 'inside'],
  '/deep/er/b.txt': [200, 'deeper'],
  '/deep/': [200, 'index'],
  '/deep': [301],
  '/in.txt': [200, 'inside'],
  '/folder/c.txt': [200, 'real'],
  '/deep/up.txt': [200, 'inside'],
  '/absolute.txt': [200, 'inside'],
  '/missing': [404],
  '/a.txt/b': [404],
  '/out.txt': [404],
  '/absolute-out.txt': [404],
  '/up/secret.txt': [404],
  '/loop': [404],
  '/..%2fsecret.txt': [404],
  '/%2e%2e/secret.txt': [404],
  '/folder/../../secret.txt': [404],
  '/deep/er/': [200],
};

async function holds(server: ServerProcess): Promise<void> {
  for (const [path, [status, text]] of Object.entries(expected)) {
    const answer = await ask(server, `GET ${path}`);
    assert.equal(answer.status, status, path);
    if (text !== undefined) assert.equal(answer.text, text, path);
    assert.ok(!answer.text.includes('secret'), path);
  }
  site.write('root/a.txt', 'changed');
  assert.equal((await ask(server, 'GET /a.txt')).text, 'changed', 'a change is seen at once');
  site.write('root/a.txt', 'inside');
}

const large = patterned(1_000_000);

describe('a host that refuses to splice', { skip: refusingImpossible() }, () => {
  for (const errno of ['ENOSYS', 'EPERM'] as const satisfies RefusalErrno[]) {
    for (const engine of engines) {
      test(`sendfile and splice by ${errno}, ${engine}`, async () => {
        site.write('root/large.bin', large);
        const calls = [...(engine === 'epoll' ? uringCalls : []), 'sendfile', 'splice', 'preadv2'] as const;
        const server = await runServer([at('.')], {}, refusing(calls, process.execPath, [program], errno));
        try {
          assert.ok((await ask(server, 'GET /large.bin')).body.equals(large));
          const part = await ask(server, 'GET /large.bin', ['Range: bytes=1000-900000']);
          assert.ok(part.body.equals(large.subarray(1000, 900_001)));
          const parts = await ask(server, 'GET /large.bin', ['Range: bytes=0-99999,500000-']);
          assert.deepEqual([parts.status, parts.body.includes(large.subarray(500_000))], [206, true]);
          assert.equal((await ask(server, 'GET /a.txt')).text, 'inside');
        } finally {
          server.child.kill('SIGTERM');
          assert.equal(await server.ended, 0);
        }
      });
    }
  }
});

describe('a host that refuses', { skip: refusingImpossible() }, () => {
  for (const errno of ['ENOSYS', 'EPERM'] as const satisfies RefusalErrno[]) {
    for (const calls of [['openat2'], ['openat2', 'statx', 'prlimit64']] as const satisfies SyscallName[][]) {
      for (const engine of engines) {
        test(`${calls.join(', ')} by ${errno}, ${engine}`, async () => {
          const all = engine === 'epoll' ? [...calls, ...uringCalls] : calls;
          const line = refusing(all, process.execPath, [program], errno);
          const args = [at('.'), '--workers', '1', '--listing', '--metrics', '127.0.0.1:0'];
          const server = await runServer(args, {}, line);
          try {
            await holds(server);
            const { stderr } = server.output();
            assert.match(stderr, new RegExp(`^clearway serve: openat2 is refused here \\(${errno}\\): .*$`, 'm'));
            assert.equal(/statx is refused here/.test(stderr), calls.length > 1);
            const [, metrics] = /metrics are at\n(http:\S+)/.exec(server.ready) ?? [];
            assert.match(await (await fetch(metrics!)).text(), /^clearway_opens_info\{by="walk"\} 1$/m);
          } finally {
            server.child.kill('SIGTERM');
            assert.equal(await server.ended, 0);
          }
        });
      }
    }
  }
});
