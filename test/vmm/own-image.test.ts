// Images whose module our own compiler made: they boot, answer, end and trap as the others do, they are smaller, and the same bytes come of the same module.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { RawClient } from '../support/kv-process.js';
import { program } from '../support/program.js';
import { guestsRefused } from './support.js';

const tool = (await import(pathToFileURL('tools/build-image.mjs').href)) as {
  buildImage(name: string, into: string, compiler: string): Promise<void>;
};

describe('images by our own compiler', {
  skip: guestsRefused(),
  timeout: 120_000,
}, () => {
  const folder = mkdtempSync(join(tmpdir(), 'clearway-test-'));
  after(() => rmSync(folder, { recursive: true }));
  const made = async (name: string, file = name): Promise<string> => {
    await tool.buildImage(name, join(folder, file), 'own');
    return join(folder, file);
  };
  const start = (...args: readonly string[]) => {
    const child = spawn(process.execPath, [program, 'vm', ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        said += text;
      });
    return { child, said: (): string => said };
  };

  test('a guest ends with its status, and a trap is said', async () => {
    const probe = await made('probe');
    assert.ok(readFileSync(probe).equals(readFileSync(await made('probe', 'again'))));
    for (const [deed, status, words] of [
      [1, 7, /ready/],
      [3, 126, /page fault at .*writing.*outside of linear memory/],
      [5, 126, /stopped by the program itself: a failed check/],
      [6, 126, /page fault at/],
    ] as const) {
      const { child, said } = start(probe, '--memory', '16', '--port', '0', '--', `do=${deed}`);
      const [code] = (await once(child, 'close')) as [number];
      assert.equal(code, status, `${deed}: ${said()}`);
      assert.match(said(), words);
    }
  });

  test('the store answers, and is within 256 KiB', async () => {
    const kv = await made('kv');
    assert.ok(readFileSync(kv).length <= 256 * 1024);
    const { child, said } = start(kv, '--memory', '64', '--port', '0', '--guest-port', '6379', '--', 'maxmemory=16M');
    while (!/127\.0\.0\.1:\d+/.test(said()) || !/ready/.test(said())) {
      assert.equal(child.exitCode, null, said());
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const client = new RawClient(Number(/127\.0\.0\.1:(\d+)/.exec(said())![1]));
    assert.equal(
      await client.ask(
        'SET a 1\r\nINCR a\r\nZADD z 1.5 m\r\nZINCRBY z 0.25 m\r\n',
        '+OK\r\n:2\r\n:1\r\n$4\r\n1.75\r\n',
      ),
      '+OK\r\n:2\r\n:1\r\n$4\r\n1.75\r\n',
    );
    client.socket.destroy();
    child.kill('SIGTERM');
    await once(child, 'close');
  });
});
