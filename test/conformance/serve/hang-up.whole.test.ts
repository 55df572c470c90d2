// SIGHUP and its kin: what was ignored when the command was started stays ignored, by whichever way it was started; what is not
// ignored ends it with a status that tells a terminal that went from an end that was asked for.

import assert from 'node:assert/strict';
import { chmodSync, symlinkSync } from 'node:fs';
import { after, describe, test } from 'node:test';
import { ask } from './client.js';
import { program, runServer, type ServerProcess, TestSite } from './servers.js';

/** How long a signal has to end a server that should live. */
const patienceMs = 300;

// What this test was started with says nothing of the servers that it starts.
const { _: _own, ...env } = process.env;

describe('signals that were ignored at the start', { concurrency: 2 }, () => {
  const site = new TestSite({ 'a.txt': 'hello' });
  // As npm installs it: a link to the file, which can be run.
  chmodSync(program, 0o755);
  symlinkSync(program, site.at('clearway'));
  after(() => site.remove());
  const byShell = (script: string): Promise<ServerProcess> =>
    runServer([site.root, '--workers', '1'], { env }, { command: 'sh', args: ['-c', script, site.at('clearway')] });

  const lives = async (running: ServerProcess, signal: NodeJS.Signals): Promise<void> => {
    running.child.kill(signal);
    await new Promise((resolve) => setTimeout(resolve, patienceMs));
    assert.equal((await ask(running, 'GET /a.txt')).text, 'hello', `it lives after ${signal}`);
  };
  const endsBy = async (running: ServerProcess, signal: NodeJS.Signals, status: number): Promise<void> => {
    running.child.kill(signal);
    assert.equal(await running.ended, status, signal);
    assert.equal(running.output().stderr, '');
  };

  test('nohup: SIGHUP is nothing, SIGTERM ends it with 0', async () => {
    const running = await byShell('exec nohup "$0" "$@"');
    await lives(running, 'SIGHUP');
    await lives(running, 'SIGHUP');
    running.child.kill('SIGTERM');
    assert.equal(await running.ended, 0);
  });

  for (const [signal, other, status] of [
    ['SIGHUP', 'SIGINT', 0],
    ['SIGINT', 'SIGHUP', 129],
    ['SIGTERM', 'SIGINT', 0],
    ['SIGQUIT', 'SIGTERM', 0],
  ] as const) {
    test(`${signal} ignored: it is nothing, ${other} ends it with ${status}`, async () => {
      const running = await byShell(`trap '' ${signal.slice(3)}; exec "$0" "$@"`);
      await lives(running, signal);
      await endsBy(running, other, status);
    });
  }

  for (const [name, script, extra] of [
    ['a script after trap', `trap '' HUP; "$0" "$@"; exit $?`, {}],
    ['nohup as the shell notes it', 'exec "$0" "$@"', { _: '/usr/bin/nohup' }],
    ['what nohup puts in the place of stdin', 'exec "$0" "$@" 0>/dev/null', {}],
  ] as const) {
    test(`node without the shell in front: ${name}`, async () => {
      const command = { command: 'sh', args: ['-c', script, process.execPath, program] };
      const running = await runServer(
        [site.root, '--workers', '1'],
        { env: { ...env, ...extra }, detached: true },
        command,
      );
      const group = (signal: NodeJS.Signals) => process.kill(-running.child.pid!, signal);
      group('SIGHUP');
      await new Promise((resolve) => setTimeout(resolve, patienceMs));
      assert.equal((await ask(running, 'GET /a.txt')).text, 'hello');
      group('SIGTERM');
      await running.ended;
    });
  }

  test('not ignored: SIGHUP ends it with 129, which is a failure to systemd; SIGINT and SIGTERM with 0', async () => {
    for (const [signal, status] of [
      ['SIGHUP', 129],
      ['SIGINT', 0],
      ['SIGTERM', 0],
    ] as const) {
      await endsBy(await byShell('exec "$0" "$@"'), signal, status);
      await endsBy(await runServer([site.root, '--workers', '1'], { env }), signal, status);
    }
  });
});
