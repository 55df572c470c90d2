// Low limits of the host at the start: it serves within them, or ends with status 1 after one sentence that says what is needed.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { after, describe, test } from 'node:test';
import { refusing, refusingImpossible } from '../../support/refuse.js';
import { untilSaid } from '../../support/until.js';
import { ask } from './client.js';
import { program, runServer, TestSite } from './servers.js';

const site = new TestSite({ 'a.txt': 'small' });
after(() => site.remove());

const skip = spawnSync('prlimit', ['--version']).status === 0 ? false : 'needs prlimit (util-linux)';

/** What became of a server under limits: it was ready (and was ended), or its status and what it said. */
function start(
  command: string,
  args: readonly string[],
  more: readonly string[],
): Promise<'ready' | [number | null, string]> {
  const child = spawn(command, [...args, process.execPath, program, 'serve', site.root, '--port', '0', ...more]);
  let said = '';
  let ready = false;
  child.stdout.on('data', () => {
    ready = true;
    child.kill('SIGTERM');
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status) => resolve(ready ? 'ready' : [status, said]));
  });
}

describe('low limits', { skip }, () => {
  for (const [openFiles, workers] of [
    [30, 1],
    [40, 1],
    [40, 8],
    [64, 1],
    [100, 8],
  ] as const) {
    test(`${openFiles} open files, ${workers} workers`, async () => {
      const outcome = await start('prlimit', [`--nofile=${openFiles}`], ['--workers', String(workers)]);
      if (outcome === 'ready') return;
      const [status, said] = outcome;
      assert.equal(status, 1);
      assert.match(
        said,
        new RegExp(
          `^(clearway serve: at most .*\\n)?clearway serve: the limit on open files( \\(${openFiles}\\))? is too low: .*\\n$`,
        ),
      );
    });
  }

  test('address space for fewer workers than were asked for', async () => {
    const outcome = await start('prlimit', ['--as=3000000000'], ['--workers', '8']);
    assert.notEqual(outcome, 'ready');
    const [status, said] = outcome as [number, string];
    assert.equal(status, 1);
    assert.match(
      said,
      /^clearway serve: the limit on address space leaves \d+ MiB, and 8 workers take 6400 MiB; .*\n$/,
    );
  });

  test('no locked memory', async () => {
    assert.equal(await start('prlimit', ['--memlock=0'], ['--workers', '1']), 'ready');
  });

  test('no inotify: served, changes seen, and said', { skip: refusingImpossible() }, async () => {
    const line = refusing(['inotify_init1'], process.execPath, [program]);
    const server = await runServer([site.root, '--workers', '1'], {}, line);
    try {
      assert.equal((await ask(server, 'GET /a.txt')).text, 'small');
      site.write('a.txt', 'other');
      assert.equal((await ask(server, 'GET /a.txt')).text, 'other');
      await untilSaid(() => server.output().stderr, /^clearway serve: inotify gives EPERM: .*\n$/m);
    } finally {
      server.child.kill('SIGTERM');
      assert.equal(await server.ended, 0);
    }
  });
});
